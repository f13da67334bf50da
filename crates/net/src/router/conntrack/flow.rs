//! [`Flow`]: what is known of one conversation.

use ironloom_core::{Instant, TimerId};

use crate::router::tuple::{Ends, Kind, Tuple};
use crate::router::{Address, Traffic};
use crate::{Mac, Port};

use super::tcp::Side;

/// Which way a packet of a flow goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Direction {
    /// As the packet that began it.
    Original = 0,
    /// As its answer.
    Reply = 1,
}

impl Direction {
    pub(in crate::router) fn reversed(self) -> Self {
        match self {
            Self::Original => Self::Reply,
            Self::Reply => Self::Original,
        }
    }
}

/// How far a flow has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Stage {
    /// Not TCP: nobody has answered.
    Unreplied,
    /// Not TCP: both sides have spoken.
    Replied,
    /// A SYN was seen.
    SynSent,
    /// Both sides sent a SYN, and neither has acknowledged the other's.
    SynCrossed,
    /// The SYN was acknowledged.
    SynReceived,
    /// The handshake is done.
    Established,
    /// One side has finished.
    FinWait,
    /// One side has finished, and the other has heard.
    CloseWait,
    /// Both sides have finished.
    LastAck,
    /// Both sides have finished, and both have heard.
    TimeWait,
    /// One side has reset it.
    Closed,
}

/// How packets of one direction travel on: valid for one generation of the router.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::router) struct Way {
    /// Of which generation it is; 0 is never the router's.
    pub(in crate::router) generation: u32,
    /// The port to leave through.
    pub(in crate::router) port: Port,
    /// The next card.
    pub(in crate::router) mac: Mac,
}

impl Way {
    pub(in crate::router) const NONE: Self =
        Self { generation: 0, port: Port::new(0), mac: Mac::UNSPECIFIED };
}

/// What is known of one conversation: what every packet needs in the first cache line, the books in the second.
///
/// A packet of one direction arrives with that direction's ends, and leaves with the other direction's ends reversed:
/// if the two are each other's reverse, nothing is translated.
#[derive(Debug, Clone)]
#[repr(C, align(64))]
pub(in crate::router) struct Flow<A> {
    /// The ends with which packets of each direction arrive.
    pub(in crate::router) ends: [Ends<A>; 2],
    /// The kind of the packets of the original direction.
    pub(in crate::router) kind: Kind,
    pub(in crate::router) stage: Stage,
    pub(in crate::router) marks: Marks,
    /// By how much each side's windows are shifted, four bits each.
    pub(super) shifts: u8,
    pub(in crate::router) ways: [Way; 2],
    /// Where in the firewall the packets of each direction are counted.
    pub(in crate::router) slots: [u16; 2],
    /// When it is over, unless another packet comes.
    pub(in crate::router) deadline: Instant,

    /// Its timer, which may be due before the deadline but never after it.
    pub(super) timer: TimerId,
    /// Its neighbours in the queue in which it is, or the next vacant one.
    pub(super) previous: u32,
    pub(super) next: u32,
    /// How many bytes went each way.
    pub(in crate::router) bytes: [u64; 2],
    /// How many packets went each way.
    pub(in crate::router) packets: [u32; 2],
    /// What each side of a TCP connection has sent and may send.
    pub(super) sides: [Side; 2],
}

const _: () = assert!(size_of::<Flow<std::net::Ipv4Addr>>() == 128);

/// Yes and no about a flow.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(in crate::router) struct Marks(pub(super) u8);

impl Marks {
    /// The other side has spoken.
    pub(in crate::router) const REPLIED: Self = Self(1);
    /// It is a conversation: it does not have to make room for others.
    pub(in crate::router) const ASSURED: Self = Self(2);
    /// It is among those that make room first.
    pub(super) const UNASSURED_QUEUE: Self = Self(4);
    /// It is among those that make room next, because it ends.
    pub(super) const CLOSING_QUEUE: Self = Self(8);
    /// Packets went by that were not looked at.
    pub(super) const BYPASSED: Self = Self(16);
    /// There is no flow here.
    pub(super) const VACANT: Self = Self(32);

    #[inline]
    pub(in crate::router) fn contains(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }

    #[inline]
    pub(super) fn insert(&mut self, other: Self) {
        self.0 |= other.0;
    }

    #[inline]
    pub(super) fn remove(&mut self, other: Self) {
        self.0 &= !other.0;
    }
}

impl<A: Address> Flow<A> {
    /// What packets of a direction have in common when they arrive.
    #[inline]
    pub(in crate::router) fn tuple(&self, direction: Direction) -> Tuple<A> {
        let kind = match direction {
            Direction::Original => self.kind,
            Direction::Reply => self.kind.reversed(),
        };
        Tuple { ends: self.ends[direction as usize], kind }
    }

    /// The ends with which packets of a direction leave.
    #[inline]
    pub(in crate::router) fn leaving(&self, direction: Direction) -> Ends<A> {
        self.ends[direction.reversed() as usize].reversed()
    }

    /// The ends of a direction as those have them who really talk: not those behind which they hide.
    #[inline]
    pub(in crate::router) fn real(&self, direction: Direction) -> Ends<A> {
        let (near, far) = (self.ends[direction as usize], self.ends[direction.reversed() as usize]);
        Ends {
            source: near.source,
            target: far.source,
            source_port: near.source_port,
            target_port: far.source_port,
        }
    }

    #[inline]
    pub(in crate::router) fn count(&mut self, direction: Direction, traffic: Traffic) {
        let at = direction as usize;
        self.bytes[at] += traffic.bytes;
        self.packets[at] = self.packets[at].saturating_add(traffic.packets as u32);
    }
}
