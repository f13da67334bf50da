//! What hosts of a computer say to each other, besides what is about pages.

use borsh::{BorshDeserialize, BorshSerialize};
use ironloom_blob::BlobId;
use ironloom_core::Instant;

use crate::GuestAddress;
use crate::board::Ending;
use crate::cluster::HostId;
use crate::cluster::harts::HartMessage;
use crate::cluster::members::MemberMessage;
use crate::coherence;
use crate::memory::Act;

/// What one host says to another.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub(super) enum HostMessage {
    /// About a page.
    Page(coherence::Message),
    /// About harts and devices, and to them, from a host that is so far: who hears of a hart that has come there, or of a
    /// letter, must not take the host for further than it is.
    Harts(State, HartMessage<Parcel>),
    /// How far the sender is.
    State(State),
    /// About who has a part in the computer.
    Member(MemberMessage),
    /// What is your part of a snapshot called?
    AskPart {
        /// Which.
        snapshot: u64,
    },
    /// My part of a snapshot is stored, or why not.
    Part {
        /// Which.
        snapshot: u64,
        /// What it is called.
        stored: Result<BlobId, String>,
    },
}

/// How far a host is.
#[derive(Debug, Clone, PartialEq, Eq, Default, BorshSerialize, BorshDeserialize)]
pub(super) struct State {
    /// It does nothing before that unless it is asked to.
    pub(super) reached: Instant,
    /// How often it has said something else of that than before.
    pub(super) number: u64,
    /// The numbers of what it heard from others last: that it goes on rests on those.
    pub(super) heard: Vec<(HostId, u64)>,
    /// The harts that firmware has started there, a bit each.
    pub(super) started: u64,
    /// How many pages more it can take.
    pub(super) room: u64,
    /// How many harts can run there at a time.
    pub(super) cores: u16,
    /// How many want to.
    pub(super) load: u16,
    /// How the computer ended, if it did.
    pub(super) ended: Option<Ending>,
}

/// A letter to a hart, or to the devices.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub(super) struct Parcel {
    /// When it was written, by the writer's time.
    pub(super) at: Instant,
    pub(super) text: Text,
}

impl Parcel {
    /// Whether the hart that it is for may run because of it, while who wrote it goes on.
    pub(super) const fn wakes(&self) -> bool {
        matches!(self.text, Text::Lines(_) | Text::Raise(_) | Text::Start { .. })
    }
}

/// What a letter says.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub(super) enum Text {
    /// The lines of interrupts are these now.
    Lines(u64),
    /// These interrupts are pending.
    Raise(u64),
    /// Forget translations, and say so.
    Fence(Option<(u64, u64)>, Ticket),
    /// Look at instructions anew, and say so.
    FenceInstructions(Ticket),
    /// Begin.
    Start {
        /// Where.
        pc: u64,
        /// What is found in `a1`.
        argument: u64,
    },
    /// A device is to do something for a hart.
    Errand(Errand, Ticket),
    /// What was asked for is done.
    Done(u64, Option<u64>),
    /// Whoever holds a page is to do something with it for a hart.
    Operate {
        /// What.
        operation: Operation,
        /// Whether the home of the page has sent it on, so that nobody else does.
        sent_on: bool,
        /// Who waits.
        ticket: Ticket,
    },
}

/// By which a host knows what one of its harts waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub(in crate::computer) struct Ticket {
    /// To whom the answer goes: the [desk](super::letters) of the host where the hart waits.
    pub(super) desk: u8,
    /// Which of the host's questions this is.
    pub(super) number: u64,
}

/// What a device is to do for a hart on another host.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub(in crate::computer) enum Errand {
    /// Read a register.
    Read {
        /// Where.
        address: u64,
        /// How many bytes.
        width: u8,
    },
    /// Write a register.
    Write {
        /// Where.
        address: u64,
        /// How many bytes.
        width: u8,
        /// What.
        value: u64,
    },
    /// Write to the debug console.
    Say(Vec<u8>),
}

/// What a hart wants done with a word of memory that another host holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub(in crate::computer) struct Operation {
    /// Where.
    pub(in crate::computer) address: u64,
    /// How many bytes.
    pub(in crate::computer) width: u8,
    /// What.
    pub(in crate::computer) act: Act,
}

impl Operation {
    pub(super) const fn address(&self) -> GuestAddress {
        GuestAddress::new(self.address)
    }

    /// Whether a hart would want it: of an aligned word, so that it lies in one page.
    pub(super) const fn is_sound(&self) -> bool {
        let width_is_sound = match self.act {
            Act::Load | Act::Store(_) => matches!(self.width, 1 | 2 | 4 | 8),
            Act::Change(..) => matches!(self.width, 4 | 8),
        };
        width_is_sound && self.address.is_multiple_of(self.width as u64)
    }
}
