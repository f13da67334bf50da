//! What may take long: lists, searches, copies and removals, done in parts.

mod search;

use ironloom_blob::tree::Name;

use crate::Errno;
use crate::api::options;
use crate::luau::{Call, Stop};
use crate::machine::{Listing, Machine, Operation, Part, caller_of};
use crate::os::{Accounts, CopyOptions, FileKind, Listed, Progress};

use super::look::{STAT_FIELDS, set_stat};
use super::{LOOKUP_SAFEPOINTS, ask};

pub(super) use search::{search_files, search_files_content};

/// How many steps a part has, about one for each entry.
const STEPS: usize = 128;

/// How many operations a machine keeps between two parts.
const OPERATIONS_MAX: usize = 32;

/// What a part costs, in safepoints.
const PART_SAFEPOINTS: u64 = STEPS as u64 * LOOKUP_SAFEPOINTS;

/// How many paths a pattern stands for at most.
const GLOBBED_MAX: usize = 1 << 20;

/// What came of an operation.
enum Outcome {
    /// The table of results, which was given last.
    Table,
    /// It is done, or something went wrong on the way.
    Done(Result<(), Errno>),
}

/// Does a part of what `begin` has begun, or was going to.
fn go(
    call: &mut Call<'_>,
    machine: &mut Machine,
    begin: impl FnOnce(&mut Call<'_>, &mut Machine) -> Result<Part, Stop>,
) -> Result<Result<(), Errno>, Stop> {
    machine.begin_wait(call, None)?;
    if !call.is_again() || machine.task_mut().operation.is_none() {
        machine.forget_operation();
        let part = begin(call, machine)?;
        call.forget_above(call.arguments());
        let operation = Operation { part: Some(part), table: None, count: 0 };
        machine.task_mut().operation = Some(Box::new(operation));
    }
    // It stays with the task while results are given, which may raise.
    let operation = machine.task_mut().operation.as_mut().expect("it is there, or was just put there");
    let (mut part, kept) = (operation.part.take().ok_or(Errno::Io)?, operation.table);
    let mut count = operation.count;
    match kept {
        Some(table) => call.give_kept(table),
        None => call.give_table(0, 0),
    };
    let advanced = advance(call, machine, &mut part, &mut count);
    match advanced.inspect_err(|_| machine.forget_operation())? {
        Progress::Done(outcome) => {
            machine.forget_operation();
            call.spend(LOOKUP_SAFEPOINTS);
            Ok(match outcome {
                Outcome::Table => Ok(()),
                Outcome::Done(done) => done,
            })
        }
        Progress::More => {
            if kept.is_none() && machine.operations() > OPERATIONS_MAX {
                machine.forget_operation();
                return Err(Errno::Again.into());
            }
            let table = call.top();
            let table = kept.or_else(|| (count > 0).then(|| call.keep(table)));
            let operation = Operation { part: Some(part), table, count };
            machine.task_mut().operation = Some(Box::new(operation));
            call.spend(PART_SAFEPOINTS);
            machine.give_way(call)
        }
    }
}

/// Does a number of steps, and puts what was found into the table that was given last.
fn advance(
    call: &mut Call<'_>,
    machine: &mut Machine,
    part: &mut Part,
    count: &mut u32,
) -> Result<Progress<Outcome>, Errno> {
    let accounts = matches!(part, Part::List(_)).then(|| machine.accounts());
    let caller = caller_of(&machine.table, machine.current.pid);
    let files = &mut machine.files;
    let paths = match part {
        Part::List(listing) => {
            let page =
                files.list(&caller, &listing.path, listing.after.as_ref().map(Name::as_bytes), STEPS)?;
            let accounts = accounts.as_deref().expect("they were asked for");
            let progress = list(call, accounts, listing, &page, count);
            if matches!(progress, Progress::More) && !listing.is_real {
                // From here on it is this directory, whatever the path leads to later.
                (listing.path, listing.is_real) = (files.real_path(&caller, &listing.path)?, true);
            }
            return Ok(progress);
        }
        Part::Removal(removal) => return Ok(done(removal.go(files, &caller, STEPS))),
        Part::Copy(copy) => return Ok(done(copy.go(files, &caller, STEPS))),
        Part::Grep(grep) => {
            let mut found = Vec::new();
            let progress = grep.go(files, &caller, STEPS, &mut found)?;
            search::give_lines(call, &found, count);
            return Ok(given(progress));
        }
        Part::Find(find) => {
            let mut found = Vec::new();
            let progress = find.go(files, &caller, STEPS, &mut found)?;
            (found, progress)
        }
        Part::Glob(globbing) => match globbing.go(files, &caller, STEPS)? {
            Progress::Done(found) => (found, Progress::Done(())),
            Progress::More => (globbing.take_found(), Progress::More),
        },
    };
    for path in paths.0 {
        *count += 1;
        call.push(*count, &path);
    }
    Ok(given(paths.1))
}

fn given(progress: Progress<()>) -> Progress<Outcome> {
    match progress {
        Progress::More => Progress::More,
        Progress::Done(()) => Progress::Done(Outcome::Table),
    }
}

fn done(progress: Progress<Result<(), Errno>>) -> Progress<Outcome> {
    match progress {
        Progress::More => Progress::More,
        Progress::Done(done) => Progress::Done(Outcome::Done(done)),
    }
}

/// Lists a page of a directory: what is no directory the first time, and the directories the second time.
fn list(
    call: &mut Call<'_>,
    accounts: &Accounts,
    listing: &mut Listing,
    page: &[Listed],
    count: &mut u32,
) -> Progress<Outcome> {
    let is_last = page.len() < STEPS;
    let is_all = is_last && listing.after.is_none();
    let passes: &[bool] = match (is_all, listing.wants_directories) {
        (true, false) => &[false, true],
        (_, false) => &[false],
        (_, true) => &[true],
    };
    for wants_directories in passes {
        let is_wanted = |entry: &&Listed| (entry.stat.kind == FileKind::Directory) == *wants_directories;
        for entry in page.iter().filter(is_wanted) {
            *count += 1;
            call.give_table(0, STAT_FIELDS + 1);
            call.set(c"name", entry.name.as_bytes());
            set_stat(call, accounts, &entry.stat, entry.target.as_ref());
            call.push_given(*count);
        }
    }
    if is_all || (is_last && listing.wants_directories) {
        return Progress::Done(Outcome::Table);
    }
    listing.after = page.last().filter(|_| !is_last).map(|entry| entry.name.clone());
    listing.wants_directories |= is_last;
    Progress::More
}

/// An array, which is empty if there is nothing to be listed; then follows why.
fn give_list(call: &mut Call<'_>, done: Result<Result<(), Errno>, Stop>) -> Result<u32, Stop> {
    match done {
        Ok(_) => Ok(1),
        Err(Stop::Fail(errno)) => {
            call.give_table(0, 0);
            Ok(1 + call.give((errno.text(), errno.name())))
        }
        Err(stop) => Err(stop),
    }
}

pub(super) fn ls(call: &mut Call<'_>, machine: &mut Machine) -> Result<u32, Stop> {
    let done = go(call, machine, |call, _| {
        let path = call.optional(1, Call::bytes)?.unwrap_or(b".").to_vec();
        Ok(Part::List(Listing { path, is_real: false, after: None, wants_directories: false }))
    });
    give_list(call, done)
}

/// Whether something was removed.
pub(super) fn rm(call: &mut Call<'_>, machine: &mut Machine) -> Result<u32, Stop> {
    let done = go(call, machine, |call, machine| {
        let path = call.bytes(1)?;
        Ok(Part::Removal(ask(machine, |files, caller| files.remove_all(caller, path))?))
    });
    match done {
        Ok(removed) => {
            removed?;
            Ok(call.give(true))
        }
        Err(Stop::Fail(Errno::NotFound)) => Ok(call.give(false)),
        Err(stop) => Err(stop),
    }
}

pub(super) fn copy(call: &mut Call<'_>, machine: &mut Machine) -> Result<u32, Stop> {
    let copied = go(call, machine, |call, machine| {
        let (source, target) = (call.bytes(1)?, call.bytes(2)?);
        let options = CopyOptions {
            is_recursive: options::flag(call, 3, c"recursive"),
            preserves: options::flag(call, 3, c"preserve"),
        };
        Ok(Part::Copy(ask(machine, |files, caller| files.copy(caller, source, target, options))?))
    })?;
    copied?;
    Ok(call.give(true))
}

pub(super) fn glob(call: &mut Call<'_>, machine: &mut Machine) -> Result<u32, Stop> {
    let done = go(call, machine, |call, machine| {
        let pattern = call.bytes(1)?;
        call.spend(LOOKUP_SAFEPOINTS + pattern.len() as u64);
        Ok(Part::Glob(machine.files.glob(pattern, GLOBBED_MAX)?))
    })?;
    done?;
    Ok(1)
}
