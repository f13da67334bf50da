//! `require`: modules, which are files that return something.
//!
//! A module runs once for each process. Its function is called by the prelude, so that its body may wait; here its file is
//! found and compiled, and what it returned is kept.

use crate::Errno;
use crate::luau::{Bytecode, Call, Function, Stop, chunk_name};
use crate::machine::{MODULES_MAX, Machine, Module, caller_of};
use crate::os::{Program, resolve};

/// What `require` is made of.
pub(super) const FUNCTIONS: [Function<Machine>; 2] =
    [Function::new(c"module_begin", begin), Function::new(c"module_end", end)];

/// Where modules are that are called by a name.
const LIBRARY: &[u8] = b"/lib/luau";

const ENDING: &[u8] = b".luau";

/// What it costs to look for a module, in safepoints.
const SEARCH_SAFEPOINTS: u64 = 128;

/// What of a source costs a safepoint to compile, in bytes.
const SOURCE_BYTES_PER_SAFEPOINT: usize = 4;

/// For the name of a module, on behalf of whoever has called the caller: whether it is loaded, and then what it returned; otherwise
/// its path, and its function. Without that, what is wrong: the prelude says who is to blame.
fn begin(call: &mut Call<'_>, machine: &mut Machine) -> Result<u32, Stop> {
    match search(call, machine) {
        Err(Stop::Raise(text)) => Ok(call.give(((), &text))),
        searched => searched,
    }
}

fn search(call: &mut Call<'_>, machine: &mut Machine) -> Result<u32, Stop> {
    let name = call.bytes(1)?;
    let from = &call.chunk_of_caller(2);
    call.spend(SEARCH_SAFEPOINTS);
    let _ = machine.begin_wait(call, None); // A signal changes nothing about the module.
    let system = machine.programs.module(name);
    let file = match &system {
        Some(_) => Program { path: name.to_vec(), blob: None, length: 0, set_uid: None, set_gid: None },
        None => find(machine, name, from).map_err(|errno| failed(name, errno))?,
    };
    let task = machine.current.task;
    if let Some(modules) = &machine.process().modules {
        match modules.get(&file.path) {
            Some(Module::Loaded(kept)) => {
                let kept = *kept;
                return Ok(call.give(true) + call.give_kept(kept));
            }
            Some(Module::Loading { .. }) if modules.is_circle(&file.path, task) => {
                return Err(Stop::raise(format!("module '{}' requires itself", shown(name))));
            }
            Some(Module::Loading { .. }) => {
                return machine
                    .wait_for(|machine| machine.process_mut().modules.as_mut()?.waiters_of(&file.path));
            }
            None if modules.len() >= MODULES_MAX => return Err(Stop::raise("there are too many modules")),
            None => {}
        }
    }
    let bytecode = match system {
        Some(bytecode) => bytecode,
        None => compiled(call, machine, &file).map_err(|errno| failed(name, errno))?,
    };
    let given = call.give(false) + call.give(&file.path);
    match call.give_loaded(bytecode.as_bytes(), &chunk_name(&file.path)) {
        Ok(loaded) => {
            machine.module_begins(file.path);
            Ok(given + loaded)
        }
        Err(_) => {
            let place = call.top();
            Err(Stop::Raise(call.text(place)?.into_owned()))
        }
    }
}

/// Keeps what a module has returned; without a value it has failed.
fn end(call: &mut Call<'_>, machine: &mut Machine) -> Result<u32, Stop> {
    let path = call.bytes(1)?;
    let returned = call.truth(2).then(|| call.keep(3));
    machine.module_ends(path, returned);
    Ok(0)
}

fn shown(name: &[u8]) -> std::borrow::Cow<'_, str> {
    String::from_utf8_lossy(&name[..name.len().min(200)])
}

fn failed(name: &[u8], errno: Errno) -> Stop {
    Stop::raise(format!("module '{}': {errno}", shown(name)))
}

/// The file of a module, which the process may read.
fn find(machine: &Machine, name: &[u8], from: &[u8]) -> Result<Program, Errno> {
    if name.is_empty() {
        return Err(Errno::NotFound);
    }
    let is_beside = matches!(name.split(|byte| *byte == b'/').next(), Some(b"." | b".."));
    let base = if is_beside { directory_of(machine, from) } else { LIBRARY.to_vec() };
    let path = [&base[..], b"/", name].concat();
    let path = if name[0] == b'/' { name.to_vec() } else { path };
    let caller = caller_of(&machine.table, machine.current.pid);
    match machine.files.module(&caller, &path) {
        Err(Errno::NotFound | Errno::IsADirectory) if !path.ends_with(ENDING) => {
            machine.files.module(&caller, &[&path[..], ENDING].concat())
        }
        found => found,
    }
}

/// The directory of the module that requires another one, or of the program.
///
/// The name of a chunk is only believed if a module of the process has it: any script may call a chunk anything.
fn directory_of(machine: &Machine, from: &[u8]) -> Vec<u8> {
    let process = machine.process();
    let is_module = process.modules.as_ref().is_some_and(|modules| modules.contains(from));
    let file = if is_module { from } else { &process.invocation.path };
    let end = file.iter().rposition(|byte| *byte == b'/').unwrap_or(0);
    resolve(b"/", &file[..end])
}

fn compiled(call: &mut Call<'_>, machine: &Machine, file: &Program) -> Result<Bytecode, Errno> {
    if let Some(known) = file.blob.and_then(|blob| machine.programs.known(blob)) {
        return Ok(known);
    }
    let source_bytes_max = machine.limits.source_bytes_max;
    let source = machine.files.program_bytes(file, source_bytes_max as u64)?;
    call.spend((source.len() / SOURCE_BYTES_PER_SAFEPOINT) as u64);
    let compiled = machine.programs.compile(&source, source_bytes_max);
    Ok(compiled.map_err(|_| Errno::TooBig)?.1)
}
