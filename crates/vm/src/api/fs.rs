//! `fs`: files.
//!
//! What a script may see and change is judged by [`Files`](crate::os::Files); here are only its questions and answers.

mod change;
mod look;
mod open;
mod parts;
mod read;
mod watch;

use crate::Errno;
use crate::luau::Function;
use crate::machine::{Machine, caller_of};
use crate::os::{Caller, Files};

pub(super) use look::stat_handle;
pub(super) use open::open;
pub(super) use watch::METHODS as WATCHER_METHODS;

pub(super) const FUNCTIONS: &[Function<Machine>] = &[
    Function::new(c"stat", look::stat),
    Function::new(c"lstat", look::lstat),
    Function::new(c"exists", look::exists),
    Function::new(c"access", look::access),
    Function::new(c"readlink", look::readlink),
    Function::new(c"realpath", look::realpath),
    Function::new(c"usage", look::usage),
    Function::new(c"read", read::read),
    Function::new(c"read_bytes", read::read),
    Function::new(c"read_lines", read::read_lines),
    Function::new(c"parse_key_value_line", read::parse_key_value_line),
    Function::new(c"write", change::write),
    Function::new(c"append", change::append),
    Function::new(c"mkdir", change::mkdir),
    Function::new(c"unlink", change::unlink),
    Function::new(c"rmdir", change::rmdir),
    Function::new(c"rename", change::rename),
    Function::new(c"link", change::link),
    Function::new(c"symlink", change::symlink),
    Function::new(c"chmod", change::chmod),
    Function::new(c"chown", change::chown),
    Function::new(c"touch", change::touch),
    Function::new(c"truncate", change::truncate),
    Function::new(c"open", open),
    Function::new(c"ls", parts::ls),
    Function::new(c"rm", parts::rm),
    Function::new(c"copy", parts::copy),
    Function::new(c"glob", parts::glob),
    Function::new(c"search_files", parts::search_files),
    Function::new(c"search_files_content", parts::search_files_content),
    Function::new(c"watch", watch::watch),
];

/// What the process that runs asks of the files.
fn ask<T>(
    machine: &mut Machine,
    question: impl FnOnce(&mut Files, &Caller<'_>) -> Result<T, Errno>,
) -> Result<T, Errno> {
    let caller = caller_of(&machine.table, machine.current.pid);
    question(&mut machine.files, &caller)
}

/// What it costs to go to a file, in safepoints. Bytes that are read and written are counted by the calls themselves.
const LOOKUP_SAFEPOINTS: u64 = 32;
