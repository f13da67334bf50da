//! What is left of TCP connections that have ended, while late segments may come (TIME-WAIT).
//!
//! It takes the place of the connection in the same slot, a few dozen bytes instead of some hundred. All wait equally
//! long, so a queue of them is in order; when there are too many, the oldest are forgotten early.

use ironloom_core::Instant;

use crate::Outbox;
use crate::frame::Segment;
use crate::tcp::{Late, TimeWait};

use super::Stack;
use super::counters::DropReason;
use super::kinds::Socket;

/// What is left of a connection.
#[derive(Debug)]
pub(super) struct Ended {
    time_wait: TimeWait,
}

impl Stack {
    /// Keeps only what late segments need of a connection.
    pub(super) fn remember(&mut self, index: u32, time_wait: TimeWait) {
        let until = time_wait.deadline();
        self.sockets.charge(index, 0);
        self.sockets.disarm(index);
        self.sockets.slot_mut(index).socket = Socket::Ended(Box::new(Ended { time_wait }));
        let (socket, limit) = (self.sockets.id(index), self.egress.config.time_wait_max as usize);
        self.egress.rare().ended.push_back((until, socket));
        while self.egress.rare().ended.len() > limit {
            let (_, oldest) = self.egress.rare().ended.pop_front().expect("it is longer than its limit");
            if let Some(index) = self.sockets.index_of(oldest) {
                self.sockets.remove(index);
                self.egress.counters.count(DropReason::TimeWait);
            }
        }
    }

    /// Takes a segment between the ends of a connection that has ended.
    pub(super) fn take_late(&mut self, now: Instant, index: u32, segment: &Segment, out: &mut Outbox) {
        let slot = self.sockets.slot_mut(index);
        let key = slot.key;
        let Socket::Ended(ended) = &mut slot.socket else { return };
        match ended.time_wait.handle(now, &self.egress.config.tcp, segment) {
            Late::Answer(answer) => self.send_segment(now, &key, answer, out),
            Late::Ignore => {}
            Late::Over => {
                self.sockets.remove(index);
            }
            Late::Reopen(after) => {
                self.sockets.remove(index);
                self.take_first(now, key, segment, Some(after), out);
            }
        }
    }

    /// Forgets those of which nothing can come late any more.
    pub(super) fn expire_ended(&mut self, now: Instant) {
        while let Some(rare) = &mut self.egress.rare
            && let Some(&(until, socket)) = rare.ended.front()
            && until <= now
        {
            rare.ended.pop_front();
            let Some(index) = self.sockets.index_of(socket) else { continue };
            let Socket::Ended(ended) = &self.sockets.slot(index).socket else { continue };
            let until = ended.time_wait.deadline();
            if until > now {
                rare.ended.push_back((until, socket));
            } else {
                self.sockets.remove(index);
            }
        }
    }
}
