//! What a machine does by itself when it is switched on.

use ironloom_core::MachineId;

use crate::machine::{Invoked, Machine, Streams};
use crate::os::{Caller, Credentials, Environment, Pid, parse_command};

use super::{MachineError, MachineState, Machines};

/// What is started at boot, a program with its arguments in each line.
const BOOTSTRAP: &[u8] = b"/etc/bootstrap";
/// What could not be started.
const LOG: &[u8] = b"/var/log/boot";
/// How much is read of what is to be started.
const BOOTSTRAP_BYTES_MAX: u64 = 64 << 10;

impl Machines {
    /// Switches a machine on: it starts what `/etc/bootstrap` says, as root.
    ///
    /// # Errors
    ///
    /// If there is no such machine, or it runs already.
    pub fn boot(&mut self, id: MachineId) -> Result<(), MachineError> {
        let state = self.state(id)?;
        if matches!(state, MachineState::Booting | MachineState::Running | MachineState::Suspended) {
            return Err(MachineError::State {
                machine: id,
                state,
                wanted: "stop it before it is booted again",
            });
        }
        self.set_state(id, MachineState::Booting)?;
        self.visit(id, start_all)?;
        self.set_state(id, MachineState::Running)
    }
}

fn start_all(machine: &mut Machine) {
    machine.table.booted = machine.now;
    let root = Credentials::root();
    let system = Caller::system(&root, machine.now);
    let bootstrap = machine.files.read_all(&system, BOOTSTRAP, BOOTSTRAP_BYTES_MAX).unwrap_or_default();
    let mut log = Vec::new();
    for line in bootstrap.split(|byte| *byte == b'\n').map(<[u8]>::trim_ascii) {
        if line.is_empty() || line.starts_with(b"#") {
            continue;
        }
        if let Err(errno) = start(machine, line) {
            log.extend_from_slice(line);
            log.extend_from_slice(format!(": {errno}\n").as_bytes());
        }
    }
    if !log.is_empty() {
        // Without a place for it there is nobody to tell.
        let _ = machine.files.append(&Caller::system(&root, machine.now), LOG, &log);
    }
}

fn start(machine: &mut Machine, line: &[u8]) -> Result<Pid, crate::Errno> {
    let mut words = parse_command(line).into_iter();
    let program = words.next().unwrap_or_default();
    let path = if program.contains(&b'/') { program } else { [b"/bin/", &program[..]].concat() };
    let mut environment = Environment::default();
    environment.set(b"PATH", b"/bin:/usr/bin")?;
    environment.set(b"HOME", b"/root")?;
    let invoked = Invoked {
        path,
        arguments: words.map(Into::into).collect(),
        environment: Some(environment),
        streams: Streams::Null,
        ..Invoked::default()
    };
    machine.start(Pid::INIT, invoked)
}
