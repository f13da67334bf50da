//! [`Seat`]: a hart's place in its computer.

use ironloom_core::Instant;

use crate::cluster::Traveller;
use crate::cluster::placement::Past;
use crate::hart::Hart;

/// What a hart is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, borsh::BorshSerialize, borsh::BorshDeserialize)]
pub enum HartStatus {
    /// It was not started, or has stopped.
    Stopped,
    /// It runs.
    Running,
    /// It waits for an interrupt.
    Waiting,
    /// It waits for an interrupt, and then begins anew.
    Suspended {
        /// Where.
        pc: u64,
        /// What it finds in `a1`.
        argument: u64,
    },
}

/// A hart's place in its computer.
#[derive(Debug)]
pub(super) struct Seat {
    pub(super) hart: Hart,
    pub(super) status: HartStatus,
}

impl Seat {
    pub(super) const fn new(hart: Hart) -> Self {
        Self { hart, status: HartStatus::Stopped }
    }

    pub(super) fn is_runnable(&self) -> bool {
        match self.status {
            HartStatus::Stopped => false,
            HartStatus::Running => true,
            HartStatus::Waiting | HartStatus::Suspended { .. } => self.hart.is_awake(),
        }
    }

    pub(super) const fn is_started(&self) -> bool {
        !matches!(self.status, HartStatus::Stopped)
    }

    /// Says what time it is. A hart that runs and is behind by less than an instruction keeps its own, so that it does not
    /// matter where its turns are cut.
    pub(super) fn tell_time(&mut self, now: Instant) {
        let behind = now.saturating_since(self.hart.now()).as_nanos();
        if self.status != HartStatus::Running || behind > self.hart.nanoseconds_per_instruction() {
            self.hart.set_time(now);
        }
    }

    /// When its own timer wakes it, if it waits.
    pub(super) fn alarm(&self) -> Option<Instant> {
        match self.status {
            HartStatus::Stopped => None,
            _ => self.hart.alarm(),
        }
    }

    /// Waits for an interrupt: if its own timer rings before the round is over, it goes on then.
    pub(super) fn wait(&mut self, end: Instant) {
        self.status = HartStatus::Waiting;
        if let Some(alarm) = self.hart.alarm()
            && alarm < end
            && alarm > self.hart.now()
            && !self.hart.is_awake()
        {
            self.hart.set_time(alarm);
        }
        self.wake();
    }

    /// Stops, and becomes what another host can run.
    pub(super) fn depart(&mut self) -> Traveller {
        self.hart.answer_bell();
        let status = std::mem::replace(&mut self.status, HartStatus::Stopped);
        Traveller { status, state: self.hart.state(), past: Past::default() }
    }

    /// Becomes what a hart was on another host.
    pub(super) fn arrive(&mut self, traveller: &Traveller) {
        self.hart.set_state(&traveller.state);
        self.status = traveller.status;
    }

    /// Wakes if there is something to wake for.
    pub(super) fn wake(&mut self) {
        if !self.is_runnable() {
            return;
        }
        if let HartStatus::Suspended { pc, argument } = self.status {
            let id = self.hart.id();
            self.hart.hand_over(pc, id, argument);
        }
        self.status = HartStatus::Running;
    }
}
