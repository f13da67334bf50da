//! What scripts find: tables of functions between Luau and the operating system.
//!
//! Each function reads its arguments, asks the machine, and gives back what came of it. `docs/luau-api.md` lists them.

mod fs;
mod handle;
pub(crate) mod http_text;
mod httpd;
pub(crate) mod httpd_text;
mod io;
pub(crate) mod json;
mod load;
mod net;
mod numbers;
mod options;
mod os;
mod require;
pub(crate) mod str;
mod task;

#[cfg(test)]
mod check;

use std::ffi::CStr;

use crate::luau::{Bytecode, Function, Libraries, Written};
use crate::machine::Machine;

/// Handles: files, pipes, consoles, connections.
pub(crate) const HANDLE: u8 = 1;
/// Those who hear of changes of files.
pub(crate) const WATCHER: u8 = 5;
/// Tasks of a process.
pub(crate) const TASK: u8 = 6;

const TABLES: &[(&CStr, &[Function<Machine>])] = &[
    (c"os", os::FUNCTIONS),
    (c"io", io::FUNCTIONS),
    (c"fs", fs::FUNCTIONS),
    (c"task", task::FUNCTIONS),
    (c"math", numbers::FUNCTIONS),
    (c"json", &JSON),
    (c"str", &STR),
    (c"http", &HTTP),
    (c"httpd", httpd::FUNCTIONS),
    (c"net", net::FUNCTIONS),
];

const JSON: [Function<Machine>; 3] = json::functions();
const STR: [Function<Machine>; 7] = str::functions();
const HTTP: [Function<Machine>; 5] = http_text::functions();

const GLOBALS: &[Function<Machine>] = &[
    Function::new(c"load", load::load),
    Function::new(c"loadstring", load::load),
    Function::new(c"collectgarbage", load::collectgarbage),
];

const OBJECTS: &[(u8, &CStr, &[Function<Machine>])] = &[
    (HANDLE, c"handle", handle::METHODS),
    (net::LISTENER, c"listener", net::LISTENER_METHODS),
    (net::DATAGRAMS, c"socket", net::DATAGRAM_METHODS),
    (net::CONVERSATION, c"conversation", net::CONVERSATION_METHODS),
    (TASK, c"task", task::METHODS),
    (WATCHER, c"watcher", fs::WATCHER_METHODS),
];

/// Handles for the standard streams of whoever uses them.
const CONSTANTS: &[(&CStr, &CStr, u8, u64)] =
    &[(c"io", c"stdin", HANDLE, 0), (c"io", c"stdout", HANDLE, 1), (c"io", c"stderr", HANDLE, 2)];

const REMOVED: &[(&CStr, &CStr)] = &[
    // They would reach into the prelude's functions, which all processes share.
    (c"", c"getfenv"),
    (c"", c"setfenv"),
    (c"", c"collectgarbage"),
    (c"", c"gcinfo"),
    (c"", c"newproxy"),
    (c"", c"print"),
    (c"math", c"random"),
    (c"math", c"randomseed"),
];

/// Globals that are written in Luau, and the functions of the host that only they have.
fn written() -> Vec<Written<Machine>> {
    let print = Bytecode::of_system(include_bytes!("api/preludes/print.luau"));
    let require = Bytecode::of_system(include_bytes!("api/preludes/require.luau"));
    vec![(c"print", print, &[io::WRITE]), (c"require", require, &require::FUNCTIONS)]
}

/// What of the tables is written in Luau.
const PRELUDES: [(&CStr, &[u8]); 4] = [
    (c"io", include_bytes!("api/preludes/io.luau")),
    (c"fs", include_bytes!("api/preludes/fs.luau")),
    (c"http", include_bytes!("api/preludes/http.luau")),
    (c"net", include_bytes!("api/preludes/net.luau")),
];

/// What of the libraries a process loads when it first uses it: as a module, under this name.
pub(crate) const MODULES: [(&[u8], &[u8]); 2] = [
    (b"=http", include_bytes!("api/modules/http.luau")),
    (b"=names", include_bytes!("api/modules/names.luau")),
];

/// Everything that a heap of machines offers.
pub(crate) fn libraries() -> Libraries<Machine> {
    Libraries {
        tables: TABLES.to_vec(),
        globals: GLOBALS,
        objects: OBJECTS,
        constants: CONSTANTS,
        removed: REMOVED,
        preludes: PRELUDES.map(|(table, source)| (table, Bytecode::of_system(source))).into(),
        written: written(),
    }
}
