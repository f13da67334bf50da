//! The guest in our machine.

use ironloom_benches::now;
use ironloom_core::Duration;
use ironloom_hyper::board::Output;
use ironloom_hyper::computer::Pause;
use ironloom_hyper::{Computer, ComputerConfig};

use crate::MEMORY_BYTES;
use crate::guest::Guest;
use crate::watch::{Next, Report, Watch};

/// How much of the machine's time goes by between looks at its console.
const STEP: Duration = Duration::from_millis(2);

/// How the harts take turns.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Mode {
    /// By slices, on one thread.
    Lockstep,
    /// Beside each other.
    Free,
}

/// A machine with the kernel in its memory.
fn loaded(guest: &Guest, harts: u16) -> Computer {
    let mut computer =
        Computer::new(ComputerConfig::new(MEMORY_BYTES).harts(harts)).expect("the machine is made");
    guest.boot(&mut computer);
    computer
}

/// A machine whose shell waits for somebody to type.
pub(crate) fn booted(guest: &Guest, harts: u16) -> Computer {
    let mut computer = loaded(guest, harts);
    let mut watch = Watch::default();
    loop {
        let pause = computer.run_for(STEP).expect("the machine runs");
        while let Some(output) = computer.poll() {
            let Output::Serial(bytes) = output else { continue };
            if let Next::Type(_) = watch.saw(&bytes, Default::default(), 0) {
                return computer;
            }
        }
        assert!(matches!(pause, Pause::Deadline), "the machine stopped: {pause:?}");
    }
}

/// Boots the guest, runs the mix, and tells the times.
pub(crate) fn run(guest: &Guest, harts: u16, mode: Mode) -> Report {
    let start = now();
    let mut computer = loaded(guest, harts);
    let mut watch = Watch::default();
    loop {
        let pause = match mode {
            Mode::Lockstep => computer.run_for(STEP),
            Mode::Free => computer.run_freely_until(computer.now().saturating_add(STEP)),
        };
        let pause = pause.expect("the machine runs");
        while let Some(output) = computer.poll() {
            let Output::Serial(bytes) = output else { continue };
            match watch.saw(&bytes, now() - start, computer.retired()) {
                Next::Wait => {}
                Next::Type(bytes) => assert_eq!(computer.type_in(bytes), bytes.len(), "all is typed at once"),
                Next::Done => return watch.into_report(),
            }
        }
        assert!(matches!(pause, Pause::Deadline), "the machine stopped: {pause:?}");
    }
}
