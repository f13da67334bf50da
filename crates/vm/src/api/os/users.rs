//! Users, and becoming one.

use std::sync::Arc;

use crate::Errno;
use crate::luau::{Call, Stop};
use crate::machine::{Machine, caller_of};
use crate::os::{PasswordConfig, resolve};

/// What a check of a password costs at least, in safepoints: a quarter of what a core does in a window. Who guesses gets
/// no further, and pays for what it costs the host.
const PASSWORD_SAFEPOINTS: u64 = 50_000;

/// What it costs to go over a kibibyte of memory for a check, in safepoints.
const KIB_SAFEPOINTS: u64 = PASSWORD_SAFEPOINTS / 64;

/// What it costs to look at the files of users, in safepoints.
const ACCOUNTS_SAFEPOINTS: u64 = 64;

/// The name of the effective user.
pub(super) fn whoami(call: &mut Call<'_>, machine: &mut Machine) -> Result<u32, Stop> {
    let uid = machine.process().who.uid;
    call.spend(ACCOUNTS_SAFEPOINTS);
    Ok(call.give(&machine.user_name(uid)))
}

/// The home of the effective user; `/` for whom nobody knows.
pub(super) fn get_home(call: &mut Call<'_>, machine: &mut Machine) -> Result<u32, Stop> {
    let uid = machine.process().who.uid;
    call.spend(ACCOUNTS_SAFEPOINTS);
    let accounts = machine.accounts();
    Ok(call.give(accounts.user_of(uid).map_or(&b"/"[..], |user| &user.home)))
}

pub(super) fn users(call: &mut Call<'_>, machine: &mut Machine) -> Result<u32, Stop> {
    let accounts = machine.accounts();
    call.spend(ACCOUNTS_SAFEPOINTS + 8 * accounts.users().len() as u64);
    call.give_table(accounts.users().len() as u32, 0);
    for (number, user) in (1..).zip(accounts.users()) {
        call.give_table(0, 6);
        call.set(c"username", &user.name);
        call.set(c"uid", user.uid);
        call.set(c"gid", user.gid);
        call.set(c"home", &user.home);
        call.set(c"shell", &user.shell);
        call.set(c"is_root", user.uid == 0);
        call.push_given(number);
    }
    Ok(1)
}

/// Whether this is the password of a user.
fn verify(call: &mut Call<'_>, machine: &mut Machine, name: &[u8], password: &[u8]) -> bool {
    let config = PasswordConfig::default();
    let cost = machine.users.cost(&machine.files, name, &config);
    call.spend(PASSWORD_SAFEPOINTS.max(cost.saturating_mul(KIB_SAFEPOINTS)));
    machine.users.verify(&machine.files, name, password, &config)
}

pub(super) fn login(call: &mut Call<'_>, machine: &mut Machine) -> Result<u32, Stop> {
    let (name, password) = (call.bytes(1)?, call.bytes(2)?);
    let is_right = verify(call, machine, name, password);
    Ok(call.give(is_right))
}

/// Becomes another user for good, with the password; who was started by root without.
///
/// A program that runs as its owner is not root's because its owner is root.
pub(super) fn su(call: &mut Call<'_>, machine: &mut Machine) -> Result<u32, Stop> {
    let name = call.bytes(1)?;
    let password = call.optional(2, Call::bytes)?.unwrap_or_default();
    if machine.process().who.real_uid != 0 && !verify(call, machine, name, password) {
        return Ok(call.give(false));
    }
    match machine.users.credentials(&machine.files, name) {
        Ok(who) => {
            machine.process_mut().who = who;
            Ok(call.give(true))
        }
        Err(Errno::NotFound) => Ok(call.give(false)),
        Err(errno) => Err(errno.into()),
    }
}

pub(super) fn passwd(call: &mut Call<'_>, machine: &mut Machine) -> Result<u32, Stop> {
    let (name, password) = (call.bytes(1)?, call.bytes(2)?);
    call.spend(PASSWORD_SAFEPOINTS);
    let config = PasswordConfig::default();
    let caller = caller_of(&machine.table, machine.current.pid);
    machine.users.set_password(&mut machine.files, &caller, name, password, &config, &mut machine.rng)?;
    Ok(call.give(true))
}

/// A path as a text: nothing is looked up.
pub(super) fn path_resolve(call: &mut Call<'_>, machine: &mut Machine) -> Result<u32, Stop> {
    let (base, path) = (call.bytes(1)?, call.bytes(2)?);
    let cwd = Arc::clone(&machine.process().cwd);
    let base = resolve(&cwd, base);
    Ok(call.give(&resolve(&base, path)))
}
