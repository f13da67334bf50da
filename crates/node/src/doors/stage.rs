//! [`Stage`]: how far a listener is from its end, and [`Draining`]: who waits for that.

use std::sync::Arc;

use ironloom_core::{Instant, Latch};
use ironloom_sched::Drained;
use parking_lot::Mutex;

use super::ListenError;

/// How far a listener is from its end: what whoever carries its connections is told, and what it tells.
#[derive(Debug, Default)]
pub(super) struct Stage {
    state: Mutex<State>,
    over: Latch,
}

#[derive(Debug, Default)]
struct State {
    /// Until when what is open may end by itself, once nobody may come any more.
    drains_until: Option<Instant>,
    /// Whether whoever carries has not looked since that was said.
    is_new: bool,
    /// When whoever carries is to be woken.
    alarm: Option<Instant>,
    drained: Option<Drained>,
}

impl Stage {
    /// Lets nobody in any more, and ends what is left at a time; before, if that was said before.
    pub(super) fn drain(&self, until: Instant) {
        let mut state = self.state.lock();
        state.drains_until = Some(state.drains_until.map_or(until, |said| said.min(until)));
        state.is_new = true;
    }

    pub(super) fn drains_until(&self) -> Option<Instant> {
        self.state.lock().drains_until
    }

    /// Whoever carries has looked, and is to be woken then.
    pub(super) fn set_alarm(&self, alarm: Option<Instant>) {
        let mut state = self.state.lock();
        (state.alarm, state.is_new) = (alarm, false);
    }

    pub(super) fn alarm(&self) -> Option<Instant> {
        self.state.lock().alarm
    }

    /// Whether whoever carries is to look.
    pub(super) fn is_due(&self, now: Instant) -> bool {
        let state = self.state.lock();
        state.is_new || state.alarm.is_some_and(|at| at <= now)
    }

    /// Says how it will have ended. Only the first word counts.
    pub(super) fn decide(&self, drained: Drained) {
        self.state.lock().drained.get_or_insert(drained);
    }

    /// It is over. Only the first word about how counts.
    pub(super) fn finish(&self, drained: Drained) {
        self.decide(drained);
        self.over.open();
    }

    pub(super) fn is_over(&self) -> bool {
        self.over.is_open()
    }

    fn drained(&self) -> Drained {
        self.state.lock().drained.expect("it was said before the latch was opened")
    }
}

/// A listener that comes to its end: [waited for](Self::wait) by a thread, or [awaited](Self::finished) by a task. It comes
/// to its end whether or not anybody waits.
#[derive(Debug)]
pub struct Draining(pub(super) Result<Arc<Stage>, ListenError>);

impl Draining {
    /// Blocks the thread until nothing is left; how many connections ended by themselves, and how many had to be ended.
    ///
    /// # Errors
    ///
    /// If there is no such listener.
    pub fn wait(self) -> Result<Drained, ListenError> {
        let stage = self.0?;
        stage.over.wait();
        Ok(stage.drained())
    }

    /// Waits until nothing is left.
    ///
    /// # Errors
    ///
    /// If there is no such listener.
    pub async fn finished(self) -> Result<Drained, ListenError> {
        let stage = self.0?;
        stage.over.opened().await;
        Ok(stage.drained())
    }
}
