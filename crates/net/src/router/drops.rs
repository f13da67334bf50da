//! [`Reason`]: why packets go no further, and [`Drops`]: how many did not.

/// Why a packet goes no further.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
#[repr(u8)]
pub enum Reason {
    /// The port has no interface, or that is down.
    NoInterface,
    /// The frame is for another card.
    OtherCard,
    /// A fault broke the frame.
    Broken,
    /// It is of no protocol that is routed.
    NotUnderstood,
    /// It comes from an address that nobody can have, or goes to one.
    Martian,
    /// It comes from an address that cannot be on that side, or from one of the router's own.
    Spoofed,
    /// Its fragments did not make a packet.
    Fragments,
    /// It belongs to no conversation, though it claims to.
    Invalid,
    /// No route leads to its target.
    NoRoute,
    /// It passed too many routers.
    HopsExceeded,
    /// It is too large for the next link and must not be cut.
    TooBig,
    /// The firewall dropped it.
    Filtered,
    /// The firewall refused it, and its sender was told so.
    Rejected,
    /// There are too many conversations.
    FlowsFull,
    /// Its source has begun too many conversations.
    SourceFull,
    /// No port is left behind which its source could be hidden.
    PortsExhausted,
    /// The router has no address behind which its source could be hidden.
    NoAddress,
    /// Another conversation has the same ends.
    Clash,
    /// Nobody answers for the next address.
    NoNeighbour,
    /// Too many packets wait to know the next card.
    NeighboursFull,
    /// It is for the router itself, which has no use for it.
    NotWanted,
}

impl Reason {
    /// All reasons.
    pub const ALL: [Self; 21] = [
        Self::NoInterface,
        Self::OtherCard,
        Self::Broken,
        Self::NotUnderstood,
        Self::Martian,
        Self::Spoofed,
        Self::Fragments,
        Self::Invalid,
        Self::NoRoute,
        Self::HopsExceeded,
        Self::TooBig,
        Self::Filtered,
        Self::Rejected,
        Self::FlowsFull,
        Self::SourceFull,
        Self::PortsExhausted,
        Self::NoAddress,
        Self::Clash,
        Self::NoNeighbour,
        Self::NeighboursFull,
        Self::NotWanted,
    ];
}

/// How many frames were dropped, by reason.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Drops([u64; Reason::ALL.len()]);

impl Drops {
    /// How many were dropped for a reason.
    #[must_use]
    pub const fn of(&self, reason: Reason) -> u64 {
        self.0[reason as usize]
    }

    /// How many were dropped for any reason.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.0.iter().sum()
    }

    /// The reasons for which anything was dropped, and how many each.
    pub fn iter(&self) -> impl Iterator<Item = (Reason, u64)> {
        Reason::ALL.into_iter().zip(self.0).filter(|(_, frames)| *frames > 0)
    }

    pub(super) fn count(&mut self, reason: Reason) {
        self.0[reason as usize] += 1;
    }
}

impl std::ops::AddAssign for Drops {
    fn add_assign(&mut self, other: Self) {
        self.0.iter_mut().zip(other.0).for_each(|(sum, more)| *sum += more);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_reason_has_its_place() {
        assert!(Reason::ALL.iter().enumerate().all(|(at, reason)| *reason as usize == at));
        let mut drops = Drops::default();
        drops.count(Reason::NotWanted);
        assert_eq!(drops.iter().collect::<Vec<_>>(), [(Reason::NotWanted, 1)]);
    }
}
