//! Looking at files without reading them.

use crate::api::handle;
use crate::luau::{Call, Stop};
use crate::machine::Machine;
use crate::os::{Access, Accounts, FileKind, Stat};

use super::{LOOKUP_SAFEPOINTS, ask};

/// How many fields a table of [`set_stat`] has.
pub(super) const STAT_FIELDS: u32 = 10;

/// Sets what is known of an entry in the table that was given last.
pub(super) fn set_stat(call: &mut Call<'_>, accounts: &Accounts, stat: &Stat, target: Option<&Vec<u8>>) {
    call.set(c"type", stat.kind.name());
    call.set(c"size", stat.size);
    call.set(c"owner", &accounts.user_name(stat.uid));
    call.set(c"group", &accounts.group_name(stat.gid));
    call.set(c"uid", stat.uid);
    call.set(c"gid", stat.gid);
    call.set(c"mode", u32::from(stat.mode));
    call.set(c"permissions", &stat.permissions());
    call.set(c"mtime", stat.modified.as_nanos() as f64 / 1e9);
    if target.is_some() {
        call.set(c"target", target);
    }
}

fn give_stat(call: &mut Call<'_>, machine: &mut Machine, stat: &Stat, target: Option<&Vec<u8>>) -> u32 {
    let accounts = machine.accounts();
    call.spend(2 * LOOKUP_SAFEPOINTS);
    call.give_table(0, STAT_FIELDS);
    set_stat(call, &accounts, stat, target);
    1
}

pub(super) fn stat(call: &mut Call<'_>, machine: &mut Machine) -> Result<u32, Stop> {
    let path = call.bytes(1)?;
    let stat = ask(machine, |files, caller| files.stat(caller, path))?;
    Ok(give_stat(call, machine, &stat, None))
}

pub(super) fn lstat(call: &mut Call<'_>, machine: &mut Machine) -> Result<u32, Stop> {
    let path = call.bytes(1)?;
    let stat = ask(machine, |files, caller| files.lstat(caller, path))?;
    let target = match stat.kind {
        FileKind::Symlink => ask(machine, |files, caller| files.read_link(caller, path)).ok(),
        _ => None,
    };
    Ok(give_stat(call, machine, &stat, target.as_ref()))
}

/// `handle:stat()`.
pub(in crate::api) fn stat_handle(call: &mut Call<'_>, machine: &mut Machine) -> Result<u32, Stop> {
    let (description, _) = handle::description(call, machine, 1)?;
    let stat = machine.stat_open(description)?;
    Ok(give_stat(call, machine, &stat, None))
}

pub(super) fn exists(call: &mut Call<'_>, machine: &mut Machine) -> Result<u32, Stop> {
    let path = call.bytes(1)?;
    call.spend(LOOKUP_SAFEPOINTS);
    let exists = ask(machine, |files, caller| files.access(caller, path, Access::default())).is_ok();
    Ok(call.give(exists))
}

pub(super) fn access(call: &mut Call<'_>, machine: &mut Machine) -> Result<u32, Stop> {
    let path = call.bytes(1)?;
    let letters = call.optional(2, Call::text)?.unwrap_or_default();
    let access =
        Access::parse(&letters).ok_or_else(|| Stop::raise("access is made of the letters r, w and x"))?;
    call.spend(LOOKUP_SAFEPOINTS);
    let may = ask(machine, |files, caller| files.access(caller, path, access)).is_ok();
    Ok(call.give(may))
}

pub(super) fn readlink(call: &mut Call<'_>, machine: &mut Machine) -> Result<u32, Stop> {
    let path = call.bytes(1)?;
    call.spend(LOOKUP_SAFEPOINTS);
    let target = ask(machine, |files, caller| files.read_link(caller, path))?;
    Ok(call.give(&target))
}

pub(super) fn realpath(call: &mut Call<'_>, machine: &mut Machine) -> Result<u32, Stop> {
    let path = call.bytes(1)?;
    call.spend(LOOKUP_SAFEPOINTS);
    let real = ask(machine, |files, caller| files.real_path(caller, path))?;
    Ok(call.give(&real))
}

pub(super) fn usage(call: &mut Call<'_>, machine: &mut Machine) -> Result<u32, Stop> {
    let (usage, quota) = (machine.files.usage(), machine.files.quota());
    call.give_table(0, 4);
    call.set(c"bytes", usage.bytes.saturating_add(usage.orphan_bytes));
    call.set(c"bytes_max", quota.bytes_max);
    call.set(c"entries", usage.entries);
    call.set(c"entries_max", quota.entries_max);
    Ok(1)
}
