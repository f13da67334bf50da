//! Consoles, as the host sees them.

use ironloom_core::MachineId;

use crate::machine::{ConsoleEntry, Object, Streams};
use crate::os::console::{Begin, Config, Seen, Size, ViewerId};
use crate::os::waiters::Waiters;
use crate::os::{Console, Errno, Pid, Signal};

use super::{Command, MachineError, Machines};

/// A console of a machine, and the host as one who looks at it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct ConsoleId {
    machine: MachineId,
    number: u32,
    viewer: ViewerId,
}

impl ConsoleId {
    /// The machine whose it is.
    #[must_use]
    pub const fn machine(self) -> MachineId {
        self.machine
    }
}

impl Machines {
    /// Starts a command on a console of its own.
    ///
    /// # Errors
    ///
    /// If the machine is not there, or does not start it.
    pub fn open_console(
        &mut self,
        id: MachineId,
        size: Size,
        command: &Command,
    ) -> Result<ConsoleId, MachineError> {
        let opened = self.visit(id, |machine| -> Result<ConsoleId, Errno> {
            let output_bytes_max = machine.limits().console_output_bytes_max;
            let mut console = Console::new(Config { output_bytes_max, ..Config::default() });
            let _ = console.resize(size); // Nobody is there yet who could be told.
            let viewer = console.attach(Begin::Now)?;
            let entry = ConsoleEntry {
                console,
                readers: Waiters::default(),
                writers: Waiters::default(),
                references: 2,
            };
            let number = machine.consoles.insert(entry);
            let description = machine.describe(Object::Console(number))?;
            let mut invoked = command.invoked()?;
            invoked.streams = Streams::Given([Some(description); 3]);
            invoked.group = Some(None);
            let pid = machine.start(Pid::INIT, invoked)?;
            machine.control(pid, number);
            Ok(ConsoleId { machine: id, number, viewer })
        })?;
        opened.map_err(|errno| MachineError::System { machine: id, what: "a console".into(), errno })
    }

    /// Types something; how many bytes there was room for.
    ///
    /// # Errors
    ///
    /// If the machine or the console is not there.
    pub fn type_in(&mut self, console: ConsoleId, bytes: &[u8]) -> Result<usize, MachineError> {
        self.with_console(console, "typing", |machine, number| {
            let entry = machine.consoles.get_mut(number).ok_or(Errno::BadHandle)?;
            let happened = entry.console.input(bytes);
            let foreground = entry.console.foreground();
            machine.console_ready(number, happened.ready);
            for signal in Signal::ALL.iter().filter(|signal| happened.signals.contains(**signal)) {
                if let Some(group) = foreground {
                    machine.signal_group(Pid(group), *signal);
                }
            }
            Ok(bytes.len() - happened.dropped)
        })
    }

    /// What was written since this was asked last, if anything was.
    ///
    /// # Errors
    ///
    /// If the machine is not there. A console that is gone has nothing more to show.
    pub fn see(&mut self, console: ConsoleId, bytes_max: usize) -> Result<Option<Seen>, MachineError> {
        self.with_console(console, "looking", |machine, number| {
            let Some(entry) = machine.consoles.get_mut(number) else { return Ok(None) };
            let Some((seen, ready)) = entry.console.take_output(console.viewer, bytes_max) else {
                return Ok(None);
            };
            machine.console_ready(number, ready);
            Ok((!seen.bytes.is_empty() || seen.lost > 0).then_some(seen))
        })
    }

    /// Tells the programs on a console that it has another size.
    ///
    /// # Errors
    ///
    /// If the machine or the console is not there.
    pub fn resize(&mut self, console: ConsoleId, size: Size) -> Result<(), MachineError> {
        self.with_console(console, "resizing", |machine, number| {
            let entry = machine.consoles.get_mut(number).ok_or(Errno::BadHandle)?;
            let happened = entry.console.resize(size);
            if let Some(group) = entry.console.foreground()
                && happened.signals.contains(Signal::WindowChange)
            {
                machine.signal_group(Pid(group), Signal::WindowChange);
            }
            Ok(())
        })
    }

    /// Whether programs still have the console.
    ///
    /// # Errors
    ///
    /// If the machine is not there.
    pub fn is_console_open(&mut self, console: ConsoleId) -> Result<bool, MachineError> {
        self.with_console(console, "looking", |machine, number| {
            Ok(machine.consoles.get(number).is_some_and(|entry| entry.references > 1))
        })
    }

    /// Hangs up: programs find the end of their input, and are told.
    ///
    /// # Errors
    ///
    /// If the machine is not there.
    pub fn close_console(&mut self, console: ConsoleId) -> Result<(), MachineError> {
        self.with_console(console, "closing", |machine, number| {
            let Some(entry) = machine.consoles.get_mut(number) else { return Ok(()) };
            let happened = entry.console.hang_up();
            let foreground = entry.console.foreground();
            machine.console_ready(number, happened.ready);
            if let Some(group) = foreground {
                machine.signal_group(Pid(group), Signal::Hangup);
            }
            machine.leave_console(number);
            Ok(())
        })
    }

    fn with_console<R>(
        &mut self,
        console: ConsoleId,
        what: &str,
        act: impl FnOnce(&mut crate::Machine, u32) -> Result<R, Errno>,
    ) -> Result<R, MachineError> {
        let id = console.machine;
        let done = self.visit(id, |machine| act(machine, console.number))?;
        done.map_err(|errno| MachineError::System { machine: id, what: what.into(), errno })
    }
}
