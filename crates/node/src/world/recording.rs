//! How a world has what comes from outside written down, if anybody wants that.

use ironloom_core::{Duration, Instant};

use super::core::Core;
use super::{Event, Shortage};
use crate::replay::Entry;

/// How long something may wait until it is on its way to the disk, in a node.
const WRITE_WITHIN: Duration = Duration::from_secs(1);

impl Core {
    /// Has something written down before it happens.
    pub(crate) fn write_down(&self, entry: impl FnOnce() -> Entry) {
        if let Some(recorder) = &self.recorder {
            recorder.lock().write(&entry());
        }
    }

    /// Somebody wants a window, and there is one or not. If there is none, what has happened is looked at.
    pub(super) fn write_step(&self, is_there: bool) {
        let Some(recorder) = &self.recorder else { return };
        let mut recorder = recorder.lock();
        if is_there {
            recorder.step();
        } else if !recorder.is_settled {
            recorder.write(&Entry::Settle);
        }
    }

    /// Sends what was gathered on its way to the disk, if that is enough.
    pub(super) fn seal_if_full(&mut self) {
        if self.recorder.as_ref().is_some_and(|recorder| recorder.lock().is_full()) {
            self.seal();
        }
    }

    /// Sends on its way to the disk what was gathered for long enough; when it is time again, if anything was since.
    pub(crate) fn tend_recorder(&mut self, now: Instant) -> Option<Duration> {
        let since = self.recorder.as_ref()?.lock().gathered_since(now)?;
        let waited = now.saturating_since(since);
        if waited < WRITE_WITHIN {
            return Some(WRITE_WITHIN.saturating_sub(waited));
        }
        self.seal();
        None
    }

    /// Returns when all that came so far is written down for good.
    pub(crate) fn flush_recorder(&mut self) {
        if let Some(recorder) = &self.recorder {
            recorder.lock().flush();
        }
        self.tell_of_recorder();
    }

    fn seal(&mut self) {
        let (at, digest) = (self.machines.now(), self.digest());
        if let Some(recorder) = &self.recorder {
            recorder.lock().seal(at, digest);
        }
        self.tell_of_recorder();
    }

    fn tell_of_recorder(&mut self) {
        let failure = self.recorder.as_ref().and_then(|recorder| recorder.lock().take_failure());
        if let Some(reason) = failure {
            tracing::error!(reason, "the run is written down no further");
            let at = self.machines.now();
            self.tell(&Event::Resource { at, shortage: Shortage::Log { reason } });
        }
    }
}
