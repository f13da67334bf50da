//! Changing files.

use ironloom_blob::tree::MediaType;
use ironloom_core::Instant;

use crate::Errno;
use crate::api::options;
use crate::luau::{Call, Kind, Stop};
use crate::machine::Machine;
use crate::os::{Caller, Files};

use super::{LOOKUP_SAFEPOINTS, ask};

/// Has the files do something for the process that runs: `true` if it is done.
fn change(
    call: &mut Call<'_>,
    machine: &mut Machine,
    deed: impl FnOnce(&mut Files, &Caller<'_>) -> Result<(), Errno>,
) -> Result<u32, Stop> {
    call.spend(LOOKUP_SAFEPOINTS);
    ask(machine, deed)?;
    Ok(call.give(true))
}

pub(super) fn write(call: &mut Call<'_>, machine: &mut Machine) -> Result<u32, Stop> {
    let (path, bytes) = (call.bytes(1)?, call.bytes(2)?);
    let media_type = call.optional(3, Call::text)?;
    let media_type: Option<MediaType> =
        media_type.map(|text| text.parse()).transpose().map_err(|_| Errno::Invalid)?;
    change(call, machine, |files, caller| files.write_all(caller, path, bytes, media_type))
}

pub(super) fn append(call: &mut Call<'_>, machine: &mut Machine) -> Result<u32, Stop> {
    let (path, bytes) = (call.bytes(1)?, call.bytes(2)?);
    change(call, machine, |files, caller| files.append(caller, path, bytes))
}

/// Permission bits: a number, or octal digits as a text.
fn mode(call: &Call<'_>, place: u32) -> Result<u16, Stop> {
    let mode = match call.kind(place) {
        Kind::String => i64::from_str_radix(&call.text(place)?, 8).ok(),
        _ => Some(call.integer(place)?),
    };
    mode.and_then(|mode| u16::try_from(mode).ok()).ok_or_else(|| Errno::Invalid.into())
}

pub(super) fn mkdir(call: &mut Call<'_>, machine: &mut Machine) -> Result<u32, Stop> {
    let path = call.bytes(1)?;
    let has_parents = options::flag(call, 2, c"parents");
    let place = call.field(2, c"mode");
    let mode = call.optional(place, mode)?.unwrap_or(0o777);
    call.forget_above(place - 1);
    change(call, machine, |files, caller| match has_parents {
        true => files.mkdir_all(caller, path, mode),
        false => files.mkdir(caller, path, mode),
    })
}

pub(super) fn unlink(call: &mut Call<'_>, machine: &mut Machine) -> Result<u32, Stop> {
    let path = call.bytes(1)?;
    change(call, machine, |files, caller| files.unlink(caller, path))
}

pub(super) fn rmdir(call: &mut Call<'_>, machine: &mut Machine) -> Result<u32, Stop> {
    let path = call.bytes(1)?;
    change(call, machine, |files, caller| files.rmdir(caller, path))
}

pub(super) fn rename(call: &mut Call<'_>, machine: &mut Machine) -> Result<u32, Stop> {
    let (source, target) = (call.bytes(1)?, call.bytes(2)?);
    change(call, machine, |files, caller| files.rename(caller, source, target))
}

pub(super) fn link(call: &mut Call<'_>, machine: &mut Machine) -> Result<u32, Stop> {
    let (source, target) = (call.bytes(1)?, call.bytes(2)?);
    change(call, machine, |files, caller| files.link(caller, source, target))
}

pub(super) fn symlink(call: &mut Call<'_>, machine: &mut Machine) -> Result<u32, Stop> {
    let (target, path) = (call.bytes(1)?, call.bytes(2)?);
    change(call, machine, |files, caller| files.symlink(caller, target, path))
}

pub(super) fn chmod(call: &mut Call<'_>, machine: &mut Machine) -> Result<u32, Stop> {
    let (path, mode) = (call.bytes(1)?, mode(call, 2)?);
    change(call, machine, |files, caller| files.chmod(caller, path, mode))
}

/// The number of a user or group, if one is said. The last number there is means nobody.
fn owner(call: &Call<'_>, place: u32) -> Result<Option<u32>, Stop> {
    let Some(number) = call.optional(place, Call::integer)? else { return Ok(None) };
    let number = u32::try_from(number).ok().filter(|number| *number != u32::MAX);
    number.map(Some).ok_or_else(|| Errno::Invalid.into())
}

pub(super) fn chown(call: &mut Call<'_>, machine: &mut Machine) -> Result<u32, Stop> {
    let (path, uid, gid) = (call.bytes(1)?, owner(call, 2)?, owner(call, 3)?);
    change(call, machine, |files, caller| files.chown(caller, path, uid, gid))
}

pub(super) fn touch(call: &mut Call<'_>, machine: &mut Machine) -> Result<u32, Stop> {
    let path = call.bytes(1)?;
    let modified = call.optional(2, options::seconds)?;
    let modified = modified.map(|since| Instant::ZERO.saturating_add(since));
    change(call, machine, |files, caller| files.touch(caller, path, modified))
}

pub(super) fn truncate(call: &mut Call<'_>, machine: &mut Machine) -> Result<u32, Stop> {
    let (path, length) = (call.bytes(1)?, call.integer(2)?);
    let length = u64::try_from(length).map_err(|_| Errno::Invalid)?;
    change(call, machine, |files, caller| files.truncate(caller, path, length))
}
