//! [`Dispositions`]: what a process does with each signal.

use super::{Action, Signal, SignalSet};
use crate::os::Errno;

/// What a process does with a signal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Hash)]
pub enum Disposition {
    /// What the signal does by itself.
    #[default]
    Default,
    /// Nothing.
    Ignore,
    /// It calls a function of its own.
    Handle,
}

/// What a process does with each signal, in eight bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Dispositions {
    ignored: SignalSet,
    handled: SignalSet,
}

impl Dispositions {
    /// What it does with a signal.
    #[must_use]
    pub const fn of(self, signal: Signal) -> Disposition {
        if self.handled.contains(signal) {
            Disposition::Handle
        } else if self.ignored.contains(signal) {
            Disposition::Ignore
        } else {
            Disposition::Default
        }
    }

    /// Changes what it does with a signal.
    ///
    /// # Errors
    ///
    /// [`Errno::Invalid`] for those that nobody can refuse.
    pub fn set(&mut self, signal: Signal, disposition: Disposition) -> Result<(), Errno> {
        if !signal.is_catchable() {
            return Err(Errno::Invalid);
        }
        self.ignored.remove(signal);
        self.handled.remove(signal);
        match disposition {
            Disposition::Default => {}
            Disposition::Ignore => self.ignored.insert(signal),
            Disposition::Handle => self.handled.insert(signal),
        }
        Ok(())
    }

    /// What a signal does to the process; `None` means that it calls its function.
    #[must_use]
    pub const fn action(self, signal: Signal) -> Option<Action> {
        match self.of(signal) {
            Disposition::Default => Some(signal.default_action()),
            Disposition::Ignore => Some(Action::Ignore),
            Disposition::Handle => None,
        }
    }

    /// What another program in its place begins with: functions are gone, what is ignored stays so.
    #[must_use]
    pub const fn for_another_program(self) -> Self {
        Self { ignored: self.ignored, handled: SignalSet::EMPTY }
    }
}
