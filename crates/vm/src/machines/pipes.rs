//! Commands whose standard input and output the host has in its hands.
//!
//! Between the host and the command are two pipes of the machine's, so either side waits for the other: no more than what
//! fits into a pipe is ever under way. Whoever of the host found nothing, or no room, is told when that changes.

use ironloom_core::MachineId;

use crate::machine::{HostEnd, Machine, Object, Streams};
use crate::os::{Errno, Exit, Pid, Ready, Signal, Tail};

use super::{Command, MachineError, Machines};

/// A command under way, and the ends of its pipes that the host has.
#[derive(Debug)]
pub struct Piped {
    machine: MachineId,
    pid: Pid,
    /// Nothing once the host has finished.
    input: Option<u32>,
    output: u32,
    errors: u32,
}

impl Piped {
    /// The machine on which it runs.
    #[must_use]
    pub const fn machine(&self) -> MachineId {
        self.machine
    }

    /// The number of its process, and of the group that its children are in.
    #[must_use]
    pub const fn pid(&self) -> Pid {
        self.pid
    }
}

/// What became of bytes that were given to a command.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fed {
    /// There was room for so many; if not for all, it is [told](Machines::poll_pipes) when there is more.
    Taken(usize),
    /// Nobody will ever read them.
    NobodyReads,
}

/// What a command had to say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Heard {
    /// This.
    Bytes(Vec<u8>),
    /// Nothing yet; it is [told](Machines::poll_pipes) when there is something.
    Nothing,
    /// Nothing more, ever: nobody is left who could write.
    End,
}

impl Machines {
    /// Has a machine start a command, and returns at once. The host gives it what it reads and takes what it writes; of what
    /// it writes to its standard error the end is kept. That it has ended is found among the [events](Self::poll).
    ///
    /// ```
    /// use ironloom_core::Duration;
    /// use ironloom_vm::{Command, Fed, Heard, Image, MachineSpec, Machines};
    ///
    /// let mut machines = Machines::new(<_>::default(), ironloom_core::Seed::new(1));
    /// let loom = machines.create(&MachineSpec::new("loom", &Image::base()))?;
    /// let mut piped = machines.open_pipes(loom, &Command::new("/bin/cat"))?;
    /// assert_eq!(machines.feed(&piped, b"thread")?, Fed::Taken(6));
    /// assert_eq!(machines.hear(&piped, 100)?, Heard::Nothing);
    ///
    /// machines.run_for(Duration::from_millis(1));
    /// assert_eq!(machines.poll_pipes(), Some((loom, piped.pid())));
    /// assert_eq!(machines.hear(&piped, 100)?, Heard::Bytes(b"thread".into()));
    ///
    /// machines.finish_feeding(&mut piped)?;
    /// machines.run_for(Duration::from_millis(1));
    /// assert_eq!(machines.hear(&piped, 100)?, Heard::End);
    /// assert_eq!(machines.close_pipes(piped)?, b"", "it wrote no errors");
    /// # Ok::<(), ironloom_vm::MachineError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// If the machine is not there, or does not start it.
    pub fn open_pipes(&mut self, id: MachineId, command: &Command) -> Result<Piped, MachineError> {
        let opened = self.visit(id, |machine| open(machine, command))?;
        opened.map_err(|errno| MachineError::System { machine: id, what: command.shown(), errno })
    }

    /// Gives a command something to read.
    ///
    /// # Errors
    ///
    /// If its machine is not there any more.
    pub fn feed(&mut self, piped: &Piped, bytes: &[u8]) -> Result<Fed, MachineError> {
        let Some(input) = piped.input else { return Ok(Fed::NobodyReads) };
        self.visit(piped.machine, |machine| {
            let fed = match machine.write_part(input, bytes) {
                Ok(written) => Fed::Taken(written),
                Err(Errno::Again) => Fed::Taken(0),
                Err(_) => Fed::NobodyReads,
            };
            if matches!(fed, Fed::Taken(written) if written < bytes.len()) {
                machine.tell_host(input, HostEnd { pid: piped.pid, wanted: Ready::WRITABLE });
            }
            fed
        })
    }

    /// Tells a command that there is nothing more to read.
    ///
    /// # Errors
    ///
    /// If its machine is not there any more.
    pub fn finish_feeding(&mut self, piped: &mut Piped) -> Result<(), MachineError> {
        let Some(input) = piped.input.take() else { return Ok(()) };
        self.visit(piped.machine, |machine| machine.release(input))
    }

    /// Takes what a command has written, at most so much.
    ///
    /// # Errors
    ///
    /// If its machine is not there any more.
    pub fn hear(&mut self, piped: &Piped, bytes_max: usize) -> Result<Heard, MachineError> {
        self.visit(piped.machine, |machine| match machine.fetch(piped.output, bytes_max.max(1)) {
            Ok(bytes) if !bytes.is_empty() => Heard::Bytes(bytes),
            Err(Errno::Again) => {
                machine.tell_host(piped.output, HostEnd { pid: piped.pid, wanted: Ready::READABLE });
                Heard::Nothing
            }
            _ => Heard::End,
        })
    }

    /// Whose pipes have something new since this was asked last: there is something to hear, or room for more.
    pub fn poll_pipes(&mut self) -> Option<(MachineId, Pid)> {
        self.piped.pop_front()
    }

    /// Closes both pipes; what the command has written to its standard error. If it has not ended it finds the end of its
    /// input, and nobody who reads what it writes.
    ///
    /// # Errors
    ///
    /// If its machine is not there any more.
    #[expect(clippy::needless_pass_by_value, reason = "what is closed is gone")]
    pub fn close_pipes(&mut self, piped: Piped) -> Result<Vec<u8>, MachineError> {
        self.visit(piped.machine, |machine| close(machine, &piped))
    }

    /// Closes both pipes and tells the command, and those that it started, that whoever it talked to is gone.
    ///
    /// # Errors
    ///
    /// If its machine is not there any more.
    pub fn hang_up(&mut self, piped: Piped) -> Result<Vec<u8>, MachineError> {
        let (id, pid) = (piped.machine, piped.pid);
        let errors = self.close_pipes(piped)?;
        self.signal_group(id, pid, Signal::Hangup)?;
        Ok(errors)
    }

    /// Sends a signal to all processes of a group, as the system does.
    ///
    /// # Errors
    ///
    /// If the machine is not there.
    pub fn signal_group(&mut self, id: MachineId, group: Pid, signal: Signal) -> Result<(), MachineError> {
        let place = self.place(id)?;
        self.visit(id, |machine| machine.signal_group(group, signal))?;
        self.woken.insert(place);
        Ok(())
    }
}

fn open(machine: &mut Machine, command: &Command) -> Result<Piped, Errno> {
    let mut invoked = command.invoked()?;
    let [reader, input, output, writer, errors] = open_streams(machine)?;
    [input, output, errors].into_iter().for_each(|kept| machine.refer(kept));
    invoked.streams = Streams::Given([Some(reader), Some(writer), Some(errors)]);
    invoked.group = Some(None);
    let started = machine.start(Pid::INIT, invoked);
    // What does not fit into a pipe is not input but a file.
    let given = command.given_input();
    let fits = machine.write(input, given) == Ok(given.len());
    match started {
        Ok(pid) if fits => Ok(Piped { machine: machine.id(), pid, input: Some(input), output, errors }),
        other => {
            if let Ok(pid) = other {
                machine.end(pid, Exit::Signal(Signal::Kill));
            } else {
                machine.release_unused(reader);
                machine.release_unused(writer);
            }
            [input, output, errors].into_iter().for_each(|kept| machine.release(kept));
            Err(other.err().unwrap_or(Errno::TooBig))
        }
    }
}

/// The two ends of a pipe for the input, those of one for the output, and what keeps the errors.
fn open_streams(machine: &mut Machine) -> Result<[u32; 5], Errno> {
    let (reader, input) = machine.describe_pipe()?;
    let release = |machine: &mut Machine, opened: &[u32]| {
        opened.iter().for_each(|description| machine.release_unused(*description));
    };
    let (output, writer) = machine.describe_pipe().inspect_err(|_| release(machine, &[reader, input]))?;
    let bytes_max = machine.limits().child_output_bytes_max;
    let tail = Object::Tail { tail: Tail::default(), forward: None, bytes_max, parent: Pid::INIT };
    let opened = [reader, input, output, writer];
    let errors = machine.describe(tail).inspect_err(|_| release(machine, &opened))?;
    Ok([reader, input, output, writer, errors])
}

fn close(machine: &mut Machine, piped: &Piped) -> Vec<u8> {
    if let Some(input) = piped.input {
        machine.release(input);
    }
    machine.release(piped.output);
    super::command::collect(machine, piped.errors)
}
