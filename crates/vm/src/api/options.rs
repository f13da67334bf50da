//! What many functions take in a table of options.

use std::ffi::CStr;

use ironloom_core::Duration;

use crate::luau::{Call, Kind, Stop};

/// Seconds as a script says them. What is too long to happen is the longest time there is.
pub(super) fn seconds(call: &Call<'_>, place: u32) -> Result<Duration, Stop> {
    let seconds = call.number(place)?;
    if seconds.is_nan() {
        return Err(Stop::raise("a time is a number"));
    }
    let nanoseconds = (seconds.max(0.0) * 1e9).min(i64::MAX as f64);
    Ok(Duration::from_nanos(nanoseconds as u64))
}

/// The field `timeout` of a table of options, if there is one.
pub(super) fn timeout(call: &mut Call<'_>, options: u32) -> Result<Option<Duration>, Stop> {
    if call.kind(options) != Kind::Table {
        return Ok(None);
    }
    let place = call.field(options, c"timeout");
    let found = call.optional(place, seconds)?;
    call.forget_above(place - 1);
    Ok(found)
}

/// Whether a field of a table of options is set.
pub(super) fn flag(call: &mut Call<'_>, options: u32, name: &CStr) -> bool {
    if call.kind(options) != Kind::Table {
        return false;
    }
    let place = call.field(options, name);
    let is_set = call.truth(place);
    call.forget_above(place - 1);
    is_set
}

/// A number in a field of a table of options, if there is one.
pub(super) fn number(call: &mut Call<'_>, options: u32, name: &CStr) -> Result<Option<f64>, Stop> {
    if call.kind(options) != Kind::Table {
        return Ok(None);
    }
    let place = call.field(options, name);
    let number = call.optional(place, Call::number)?;
    call.forget_above(place - 1);
    Ok(number)
}

/// Bytes in a field of a table of options, if there are any.
pub(super) fn bytes(call: &mut Call<'_>, options: u32, name: &CStr) -> Result<Option<Vec<u8>>, Stop> {
    if call.kind(options) != Kind::Table {
        return Ok(None);
    }
    let place = call.field(options, name);
    let bytes = call.optional(place, |call, place| Ok(call.bytes(place)?.to_vec()))?;
    call.forget_above(place - 1);
    Ok(bytes)
}
