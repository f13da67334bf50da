//! [`Counters`]: what a stack did not deliver or not send, and why.

/// Why a stack dropped something.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum DropReason {
    /// It arrived at a card that the machine does not have.
    NoCard,
    /// The frame was for another card.
    OtherCard,
    /// The packet was for another machine, and this one does not forward.
    OtherMachine,
    /// The packet came from an address that cannot be a sender there.
    Martian,
    /// The frame was damaged.
    Broken,
    /// The frame said something that is not spoken here.
    UnknownProtocol,
    /// Fragments of a packet did not come together.
    Fragment,
    /// Nobody listens on the port.
    NoSocket,
    /// The segment belongs to no connection.
    NoConnection,
    /// Too many connections are half open.
    HalfOpen,
    /// Too many connections wait to be accepted.
    Backlog,
    /// The queue of the socket is full.
    QueueFull,
    /// The machine keeps as many bytes as it may.
    Memory,
    /// The machine has as many sockets as it may have.
    Sockets,
    /// An ICMP error was about nothing that this machine sent lately.
    StrayError,
    /// An answer was not sent, because so many were in the last second.
    RateLimit,
    /// No route leads to the target.
    NoRoute,
    /// The card has no address to send from.
    NoAddress,
    /// Too many packets wait for a neighbour to answer.
    NeighbourQueue,
    /// Nobody answered for the address of the next hop.
    NoNeighbour,
    /// Too many packets are on their way from the machine to itself.
    Loopback,
    /// An ended connection was forgotten early, to make room.
    TimeWait,
}

impl DropReason {
    /// All reasons.
    pub const ALL: [Self; 22] = [
        Self::NoCard,
        Self::OtherCard,
        Self::OtherMachine,
        Self::Martian,
        Self::Broken,
        Self::UnknownProtocol,
        Self::Fragment,
        Self::NoSocket,
        Self::NoConnection,
        Self::HalfOpen,
        Self::Backlog,
        Self::QueueFull,
        Self::Memory,
        Self::Sockets,
        Self::StrayError,
        Self::RateLimit,
        Self::NoRoute,
        Self::NoAddress,
        Self::NeighbourQueue,
        Self::NoNeighbour,
        Self::Loopback,
        Self::TimeWait,
    ];
}

/// How often a stack dropped something, by reason. Nothing is allocated until the first time.
#[derive(Debug, Clone, Default)]
pub struct Counters(Option<Box<[u64; DropReason::ALL.len()]>>);

impl Counters {
    /// How often it happened for this reason.
    #[must_use]
    pub fn dropped(&self, reason: DropReason) -> u64 {
        self.0.as_ref().map_or(0, |counts| counts[reason as usize])
    }

    /// How often it happened, by reason; only reasons that occurred.
    pub fn iter(&self) -> impl Iterator<Item = (DropReason, u64)> {
        DropReason::ALL
            .into_iter()
            .map(|reason| (reason, self.dropped(reason)))
            .filter(|(_, count)| *count > 0)
    }

    /// Counts one.
    #[inline]
    pub(super) fn count(&mut self, reason: DropReason) {
        self.add(reason, 1);
    }

    #[cold]
    pub(super) fn add(&mut self, reason: DropReason, count: u64) {
        self.0.get_or_insert_default()[reason as usize] += count;
    }
}

#[cfg(test)]
mod tests {
    use super::{Counters, DropReason};

    #[test]
    fn every_reason_has_its_own_count() {
        let mut counters = Counters::default();
        for (index, reason) in DropReason::ALL.into_iter().enumerate() {
            assert_eq!(reason as usize, index);
            counters.add(reason, index as u64);
        }
        assert!(counters.iter().all(|(reason, count)| count == reason as u64));
        assert_eq!(counters.iter().count(), DropReason::ALL.len() - 1);
    }
}
