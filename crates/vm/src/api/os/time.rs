//! Time, which is virtual.

use crate::api::options;
use crate::luau::{Call, Stop};
use crate::machine::Machine;
use crate::os::{Date, format_date};

/// Seconds since 1970: the clock's zero is that of the machine's world.
fn seconds(machine: &Machine) -> f64 {
    machine.now.as_nanos() as f64 / 1e9
}

pub(super) fn time(call: &mut Call<'_>, machine: &mut Machine) -> Result<u32, Stop> {
    if call.kind(1) == crate::luau::Kind::Table {
        let mut part = |name, or: f64| -> Result<u8, Stop> {
            Ok(options::number(call, 1, name)?.unwrap_or(or).clamp(0.0, 255.0) as u8)
        };
        let (month, day) = (part(c"month", 1.0)?, part(c"day", 1.0)?);
        let (hour, minute, second) = (part(c"hour", 12.0)?, part(c"min", 0.0)?, part(c"sec", 0.0)?);
        let year = options::number(call, 1, c"year")?.unwrap_or(1970.0) as i64;
        let date = Date { year, month, day, hour, minute, second, weekday: 0, year_day: 1 };
        return Ok(call.give(date.seconds()));
    }
    Ok(call.give(seconds(machine)))
}

pub(super) fn clock(call: &mut Call<'_>, machine: &mut Machine) -> Result<u32, Stop> {
    let running = machine.now.saturating_since(machine.process().started);
    Ok(call.give(running.as_nanos() as f64 / 1e9))
}

pub(super) fn uptime(call: &mut Call<'_>, machine: &mut Machine) -> Result<u32, Stop> {
    let running = machine.now.saturating_since(machine.table.booted);
    Ok(call.give(running.as_nanos() as f64 / 1e9))
}

pub(super) fn date(call: &mut Call<'_>, machine: &mut Machine) -> Result<u32, Stop> {
    let format = call.optional(1, Call::bytes)?.unwrap_or(b"%c");
    let at = call.optional(2, Call::number)?.unwrap_or_else(|| seconds(machine));
    let at = at.floor() as i64;
    let format = format.strip_prefix(b"!").unwrap_or(format);
    if format != b"*t" {
        return Ok(call.give(&format_date(format, at)?));
    }
    let date = Date::from_seconds(at);
    call.give_table(0, 9);
    call.set(c"year", date.year);
    call.set(c"month", date.month);
    call.set(c"day", date.day);
    call.set(c"hour", date.hour);
    call.set(c"min", date.minute);
    call.set(c"sec", date.second);
    call.set(c"wday", date.weekday + 1);
    call.set(c"yday", date.year_day);
    call.set(c"isdst", false);
    Ok(1)
}

pub(in crate::api) fn sleep(call: &mut Call<'_>, machine: &mut Machine) -> Result<u32, Stop> {
    let duration = options::seconds(call, 1)?;
    match machine.begin_wait(call, Some(duration)) {
        Err(crate::Errno::TimedOut) => return Ok(call.give(true)),
        Err(errno) => return Err(errno.into()),
        Ok(()) if duration.is_zero() => return Ok(call.give(true)),
        Ok(()) => {}
    }
    machine.park();
    Err(Stop::Wait)
}
