//! `os`: processes, users, time.

mod checkpoint;
mod identity;
mod processes;
mod signals;
mod spawn;
mod terminal;
mod time;
mod tty;
mod users;

use crate::luau::{Call, Function, Stop};
use crate::machine::Machine;

use super::handle;

pub(super) use time::sleep;

pub(super) const FUNCTIONS: &[Function<Machine>] = &[
    Function::new(c"hostname", identity::hostname),
    Function::new(c"vm_id", identity::vm_id),
    Function::new(c"uname", identity::uname),
    Function::new(c"pid", identity::pid),
    Function::new(c"ppid", identity::ppid),
    Function::new(c"pgid", identity::pgid),
    Function::new(c"uid", identity::uid),
    Function::new(c"real_uid", identity::real_uid),
    Function::new(c"gid", identity::gid),
    Function::new(c"groups", identity::groups),
    Function::new(c"is_root", identity::is_root),
    Function::new(c"setuid", identity::setuid),
    Function::new(c"setgid", identity::setgid),
    Function::new(c"setgroups", identity::setgroups),
    Function::new(c"get_args", identity::get_args),
    Function::new(c"getenv", identity::getenv),
    Function::new(c"setenv", identity::setenv),
    Function::new(c"environ", identity::environ),
    Function::new(c"chdir", identity::chdir),
    Function::new(c"get_work_dir", identity::get_work_dir),
    Function::new(c"umask", identity::umask),
    Function::new(c"nice", identity::nice),
    Function::new(c"limits", identity::limits),
    Function::new(c"time", time::time),
    Function::new(c"clock", time::clock),
    Function::new(c"uptime", time::uptime),
    Function::new(c"date", time::date),
    Function::new(c"sleep", sleep),
    Function::new(c"spawn", spawn::spawn),
    Function::new(c"spawn_path", spawn::spawn_path),
    Function::new(c"exec", spawn::exec),
    Function::new(c"exit", processes::exit),
    Function::new(c"wait", processes::wait),
    Function::new(c"process_status", processes::process_status),
    Function::new(c"processes", processes::processes),
    Function::new(c"write_stdin", processes::write_stdin),
    Function::new(c"read_stdout", processes::read_stdout),
    Function::new(c"get_process_display_name", processes::display_name),
    Function::new(c"kill", signals::kill),
    Function::new(c"signal", signals::signal),
    Function::new(c"request_kill", signals::request_kill),
    Function::new(c"replace", spawn::replace),
    Function::new(c"whoami", users::whoami),
    Function::new(c"get_home", users::get_home),
    Function::new(c"users", users::users),
    Function::new(c"login", users::login),
    Function::new(c"su", users::su),
    Function::new(c"passwd", users::passwd),
    Function::new(c"path_resolve", users::path_resolve),
    Function::new(c"isatty", tty::isatty),
    Function::new(c"tty", tty::tty),
    Function::new(c"set_foreground_pid", tty::set_foreground_pid),
    Function::new(c"clear_foreground_pid", tty::set_foreground_pid),
    Function::new(c"prompt_ready", tty::prompt_ready),
    Function::new(c"handle_special_stdin", terminal::handle_special_stdin),
    Function::new(c"autocomplete", terminal::autocomplete),
    Function::new(c"server_log", terminal::server_log),
    Function::new(c"checkpoint", checkpoint::checkpoint),
    Function::new(c"restored", checkpoint::restored),
    Function::new(c"parse_cmd", parse_cmd),
    Function::new(c"pipe", pipe),
    Function::new(c"random", random),
];

/// A command line as its program and arguments.
fn parse_cmd(call: &mut Call<'_>, _: &mut Machine) -> Result<u32, Stop> {
    let words = crate::os::parse_command(call.bytes(1)?);
    let (program, arguments) =
        words.split_first().map_or((&[][..], &[][..]), |(first, rest)| (&first[..], rest));
    call.give_table(0, 2);
    call.set(c"program", program);
    call.give_table(arguments.len() as u32, 0);
    for (number, argument) in (1..).zip(arguments) {
        call.push(number, argument);
    }
    call.set_given(c"args");
    Ok(1)
}

/// A pipe: its end to read from, and its end to write to.
fn pipe(call: &mut Call<'_>, machine: &mut Machine) -> Result<u32, Stop> {
    let (reader, writer) = machine.describe_pipe()?;
    let given = handle::give(call, machine, reader);
    match given {
        Ok(_) => Ok(1 + handle::give(call, machine, writer)?),
        Err(stop) => {
            machine.release(writer);
            Err(stop)
        }
    }
}

/// The most random bytes that are given at once.
const RANDOM_BYTES_MAX: i64 = 1 << 20;

fn random(call: &mut Call<'_>, machine: &mut Machine) -> Result<u32, Stop> {
    let length = call.integer(1)?;
    if !(0..=RANDOM_BYTES_MAX).contains(&length) {
        return Err(Stop::raise("between 0 and 1048576 random bytes are given"));
    }
    let rng = &mut machine.rng;
    call.give_filled(length as usize, |room| {
        rng.fill(room);
        Ok(room.len())
    })
}
