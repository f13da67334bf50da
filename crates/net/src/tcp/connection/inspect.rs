//! What tests look at.

use super::{Connection, Marks, Mode, State};
use ironloom_core::Instant;

impl Connection {
    /// The oldest number that is not acknowledged, and one past the newest that was sent.
    pub(crate) fn outstanding(&self) -> (u32, u32) {
        (self.oldest.number(), self.next.number())
    }

    /// What is expected next, and one past the last that is taken.
    pub(crate) fn awaited(&self) -> (u32, u32) {
        (self.expected.number(), self.edge.number())
    }

    /// Whether nothing is known to be missing.
    pub(crate) fn is_undisturbed(&self) -> bool {
        self.mode == Mode::Open && self.board.is_none()
    }

    /// How large the congestion window is, and how much is on its way.
    pub(crate) fn load(&self) -> (u32, u32) {
        (self.congestion.bytes(), self.flight())
    }

    /// What is always true after everything was polled.
    pub(crate) fn check(&self) {
        assert!(!self.next.is_before(self.oldest), "{self:#?}");
        if self.state == State::Closed {
            return;
        }
        let is_opening = matches!(self.state, State::SynSent | State::SynReceived);
        let extra = u32::from(is_opening || self.marks.has(Marks::FINISH_SENT));
        let outstanding = self.next.since(self.oldest);
        assert!(outstanding <= self.outgoing.len() + extra, "{self:#?}");
        assert!(!self.edge.is_before(self.expected), "{self:#?}");
        if let Some(board) = &self.board {
            board.check(self.oldest, self.next);
        }
        let is_waiting = self.state == State::TimeWait || outstanding > 0;
        let is_stuck = is_waiting && self.deadline().is_none();
        assert!(!is_stuck, "nothing will ever happen: {self:#?}");
        let may_send = matches!(
            self.state,
            State::Established | State::CloseWait | State::FinWait1 | State::Closing | State::LastAck
        );
        let has_more = self.unsent() > 0 || self.is_finish_due();
        assert!(!(may_send && has_more) || self.deadline().is_some(), "it is not sent: {self:#?}");
        assert!(self.deadline().is_none_or(|deadline| deadline > Instant::ZERO));
    }
}
