//! [`Command`]: what the host has a machine do.

use std::fmt;

use ironloom_core::borsh::{BorshDeserialize, BorshSerialize};
use ironloom_core::{Duration, MachineId};

use crate::Errno;
use crate::machine::{Invoked, Machine, Object, Streams};
use crate::os::{Environment, Exit, Pid, Signal, Tail};

use super::{MachineError, Machines};

/// Something that the host has a machine do, as root unless it says another user.
#[derive(Debug, Clone, Default, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
#[borsh(crate = "ironloom_core::borsh")]
pub struct Command {
    program: Vec<u8>,
    arguments: Vec<Box<[u8]>>,
    input: Vec<u8>,
    user: Option<(u32, u32)>,
    cwd: Option<Vec<u8>>,
    environment: Vec<(Vec<u8>, Vec<u8>)>,
}

/// What a command came to.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
#[borsh(crate = "ironloom_core::borsh")]
pub struct Finished {
    /// How it ended.
    pub exit: Exit,
    /// What it wrote to its standard output, the [last](crate::Limits::command_output_bytes_max) of it.
    pub output: Vec<u8>,
    /// What it wrote to its standard error, the [last](crate::Limits::command_output_bytes_max) of it.
    pub errors: Vec<u8>,
}

impl Finished {
    /// What it wrote to its standard output, as text.
    #[must_use]
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.output).into_owned()
    }
}

impl Command {
    /// A program by its path.
    pub fn new(program: impl Into<Vec<u8>>) -> Self {
        Self { program: program.into(), ..Self::default() }
    }

    /// A line for the shell.
    pub fn shell(line: impl Into<Vec<u8>>) -> Self {
        Self::new("/bin/sh").argument("-c").argument(line)
    }

    /// The same with one argument more.
    #[must_use]
    pub fn argument(mut self, argument: impl Into<Vec<u8>>) -> Self {
        self.arguments.push(argument.into().into());
        self
    }

    /// The same with something to read.
    #[must_use]
    pub fn input(mut self, input: impl Into<Vec<u8>>) -> Self {
        self.input = input.into();
        self
    }

    /// The same as another user.
    #[must_use]
    pub const fn user(mut self, uid: u32, gid: u32) -> Self {
        self.user = Some((uid, gid));
        self
    }

    /// The same in another directory.
    #[must_use]
    pub fn directory(mut self, path: impl Into<Vec<u8>>) -> Self {
        self.cwd = Some(path.into());
        self
    }

    /// The same with a variable of the environment.
    #[must_use]
    pub fn variable(mut self, name: impl Into<Vec<u8>>, value: impl Into<Vec<u8>>) -> Self {
        self.environment.push((name.into(), value.into()));
        self
    }

    pub(super) fn shown(&self) -> String {
        self.to_string()
    }

    /// What it is given to read, before anything else.
    pub(super) fn given_input(&self) -> &[u8] {
        &self.input
    }

    pub(super) fn invoked(&self) -> Result<Invoked, Errno> {
        let mut environment = Environment::default();
        environment.set(b"PATH", b"/bin:/usr/bin")?;
        environment.set(b"HOME", b"/root")?;
        for (name, value) in &self.environment {
            environment.set(name, value)?;
        }
        Ok(Invoked {
            path: self.program.clone(),
            arguments: self.arguments.clone(),
            environment: Some(environment),
            cwd: self.cwd.clone(),
            who: self.user.map(|(uid, gid)| crate::Credentials::of(uid, gid, [].into())),
            ..Invoked::default()
        })
    }
}

/// The program and its arguments, as somebody would say them.
impl fmt::Display for Command {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&String::from_utf8_lossy(&self.program))?;
        self.arguments.iter().try_for_each(|word| write!(f, " {}", String::from_utf8_lossy(word)))
    }
}

/// A line for the shell.
impl From<&str> for Command {
    fn from(line: &str) -> Self {
        Self::shell(line)
    }
}

impl From<String> for Command {
    /// A line for the shell.
    fn from(line: String) -> Self {
        Self::shell(line)
    }
}

/// A command under way, with what it writes.
#[derive(Debug)]
pub struct Job {
    machine: MachineId,
    pid: Pid,
    output: u32,
    errors: u32,
}

impl Job {
    /// The number of its process.
    #[must_use]
    pub const fn pid(&self) -> Pid {
        self.pid
    }
}

/// What a command has written.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Written {
    /// To its standard output, the [last](crate::Limits::command_output_bytes_max) of it.
    pub output: Vec<u8>,
    /// To its standard error, the [last](crate::Limits::command_output_bytes_max) of it.
    pub errors: Vec<u8>,
}

impl Machines {
    /// Has a machine run a command to its end, and lets virtual time go by until then.
    ///
    /// Whoever reads [events](Self::poll) finds its end there as well.
    ///
    /// # Errors
    ///
    /// If the machine is not there or does not start it, or it takes longer than `limit`, after which it is killed.
    pub fn run(
        &mut self,
        id: MachineId,
        command: &Command,
        limit: Duration,
    ) -> Result<Finished, MachineError> {
        let running = self.start(id, command)?;
        let until = self.now.saturating_add(limit);
        let mut exit = None;
        let mut seen = self.events.len();
        let is_over = self.run_while(until, |machines| {
            for event in machines.events.range(seen..) {
                if let super::Event::Ended { machine, pid, exit: how, .. } = event
                    && (*machine, *pid) == (id, running.pid)
                {
                    exit = Some(*how);
                }
            }
            seen = machines.events.len();
            exit.is_none()
        });
        if !is_over {
            self.visit(id, |machine| machine.end(running.pid, Exit::Signal(Signal::Kill)))?;
        }
        let Written { output, errors } = self.collect(running)?;
        match exit {
            Some(exit) if is_over => Ok(Finished { exit, output, errors }),
            _ => Err(MachineError::TimedOut { machine: id, what: command.shown() }),
        }
    }

    /// Has a machine start a command, and returns at once. What it writes is kept until it is [collected](Self::collect);
    /// that it has ended is found among the [events](Self::poll).
    ///
    /// # Errors
    ///
    /// If the machine is not there, or does not start it.
    pub fn start(&mut self, id: MachineId, command: &Command) -> Result<Job, MachineError> {
        let started = self.visit(id, |machine| begin(machine, command))?;
        started.map_err(|errno| MachineError::System { machine: id, what: command.shown(), errno })
    }

    /// What a command has written by now. If it has not ended, what it writes from now on is lost.
    ///
    /// # Errors
    ///
    /// If its machine is not there any more.
    #[expect(clippy::needless_pass_by_value, reason = "what is collected is gone")]
    pub fn collect(&mut self, job: Job) -> Result<Written, MachineError> {
        self.visit(job.machine, |machine| Written {
            output: collect(machine, job.output),
            errors: collect(machine, job.errors),
        })
    }

    /// Has a machine start a command, and returns at once with its number. What it writes is lost.
    ///
    /// # Errors
    ///
    /// If the machine is not there, or does not start it.
    pub fn spawn(&mut self, id: MachineId, command: &Command) -> Result<Pid, MachineError> {
        let started = self.visit(id, |machine| machine.start(Pid::INIT, command.invoked()?))?;
        started.map_err(|errno| MachineError::System { machine: id, what: command.shown(), errno })
    }

    /// Sends a signal to a process, as root does.
    ///
    /// # Errors
    ///
    /// If the machine or the process is not there.
    pub fn signal(&mut self, id: MachineId, pid: Pid, signal: Signal) -> Result<(), MachineError> {
        let root = crate::Credentials::root();
        let place = self.place(id)?;
        let sent = self.visit(id, |machine| machine.kill(&root, pid, Some(signal)))?;
        self.woken.insert(place);
        sent.map_err(|errno| MachineError::System { machine: id, what: format!("signal {pid}"), errno })
    }
}

fn begin(machine: &mut Machine, command: &Command) -> Result<Job, Errno> {
    let mut invoked = command.invoked()?;
    let [reader, writer, output, errors] = open_streams(machine)?;
    for kept in [output, errors, writer] {
        machine.refer(kept);
    }
    invoked.streams = Streams::Given([Some(reader), Some(output), Some(errors)]);
    let started = machine.start(Pid::INIT, invoked);
    // What does not fit into a pipe is not input but a file.
    let fits = machine.write(writer, &command.input).map(|written| written == command.input.len());
    machine.release(writer);
    let is_whole = command.input.is_empty() || fits == Ok(true);
    match started {
        Ok(pid) if is_whole => Ok(Job { machine: machine.id(), pid, output, errors }),
        other => {
            if let Ok(pid) = other {
                machine.end(pid, Exit::Signal(Signal::Kill));
            } else {
                machine.release_unused(reader);
            }
            machine.release(output);
            machine.release(errors);
            Err(other.err().unwrap_or(Errno::TooBig))
        }
    }
}

/// The two ends of a pipe for the input, and what keeps the output and the errors.
fn open_streams(machine: &mut Machine) -> Result<[u32; 4], Errno> {
    let (reader, writer) = machine.describe_pipe()?;
    let bytes_max = machine.limits().command_output_bytes_max;
    let mut streams = [reader, writer, 0, 0];
    for place in 2..4 {
        let tail = Object::Tail { tail: Tail::default(), forward: None, bytes_max, parent: Pid::INIT };
        match machine.describe(tail) {
            Ok(description) => streams[place] = description,
            Err(errno) => {
                streams[..place].iter().for_each(|opened| machine.release_unused(*opened));
                return Err(errno);
            }
        }
    }
    Ok(streams)
}

/// What was kept of an output, which is closed.
pub(super) fn collect(machine: &mut Machine, description: u32) -> Vec<u8> {
    let bytes = match machine.open.get(description).map(|open| &open.object) {
        Some(Object::Tail { tail, .. }) => tail.bytes_from(tail.begin(), usize::MAX),
        _ => Vec::new(),
    };
    machine.release(description);
    bytes
}
