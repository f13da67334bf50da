//! [`Exit`]: why a hart came back, and [`Trap`]: what it does by itself.

use crate::memory::{Access, Revision};
use crate::{GuestAddress, PageNumber};

/// Why a hart stopped running.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Exit {
    /// It ran as many instructions as it was allowed.
    Budget,
    /// It said that it only waits for another hart (`pause`); what is left of its budget is better spent there.
    Yield,
    /// It waits for an interrupt, and none is pending that it would take notice of.
    Wait,
    /// Memory that it needs is not here. After [`Memory::bring_in`](crate::Memory::bring_in) it goes on where it was.
    Page {
        /// Which page.
        page: PageNumber,
        /// What for.
        access: Access,
    },
    /// Memory that it needs cannot be had: as many frames are in use as there may be. With more room it goes on where it was.
    Full {
        /// Which page needs one.
        page: PageNumber,
        /// How many frames there may be.
        frames_max: u64,
    },
    /// What it does next must wait until all harts know what was revoked:
    /// [`Memory::is_settled`](crate::Memory::is_settled). Only harts that run freely say so.
    Settle(Revision),
    /// It reads from a device. [`Hart::complete`](super::Hart::complete) gives it what it reads.
    Read {
        /// Where.
        address: GuestAddress,
        /// How many bytes.
        width: u8,
    },
    /// It writes to a device. [`Hart::complete`](super::Hart::complete) lets it go on.
    Write {
        /// Where.
        address: GuestAddress,
        /// How many bytes.
        width: u8,
        /// What.
        value: u64,
    },
    /// It calls the firmware that the host plays: see [`crate::sbi`].
    Call,
    /// It came to a breakpoint of the harness, and has not run what is there.
    Breakpoint,
    /// Somebody rang its [`Doorbell`](super::Doorbell).
    Bell,
}

/// Why a hart goes to its trap handler.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Trap {
    /// Which exception.
    pub cause: Exception,
    /// What goes into `xtval`.
    pub value: u64,
}

impl Trap {
    pub(crate) const fn new(cause: Exception, value: u64) -> Self {
        Self { cause, value }
    }
}

/// The exceptions of the privileged architecture, by their numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Exception {
    /// A jump to where no instruction can be.
    FetchMisaligned = 0,
    /// No instruction can be fetched there.
    FetchAccess = 1,
    /// No such instruction, or not allowed here.
    IllegalInstruction = 2,
    /// `ebreak`.
    Breakpoint = 3,
    /// A load-reserved that is not aligned.
    LoadMisaligned = 4,
    /// Nothing can be loaded there.
    LoadAccess = 5,
    /// A store-conditional or an atomic that is not aligned.
    StoreMisaligned = 6,
    /// Nothing can be stored there.
    StoreAccess = 7,
    /// `ecall` in user mode.
    UserCall = 8,
    /// `ecall` in supervisor mode.
    SupervisorCall = 9,
    /// `ecall` in machine mode.
    MachineCall = 11,
    /// No translation for a fetch.
    FetchPage = 12,
    /// No translation for a load.
    LoadPage = 13,
    /// No translation for a store.
    StorePage = 15,
}

/// Why a chain of operations stopped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stop {
    /// The hart goes to its trap handler.
    Trap(Trap),
    /// The owner of the hart has to do something; the operation is tried again or completed.
    Exit(Exit),
}

/// Why a page cannot be used now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// It is not memory; perhaps a device is there.
    Outside,
    /// The owner of the hart has to do something first.
    Exit(Exit),
}

impl Refusal {
    /// What is to be done if only memory will do.
    pub(crate) const fn or_trap(self, trap: Trap) -> Stop {
        match self {
            Self::Outside => Stop::Trap(trap),
            Self::Exit(exit) => Stop::Exit(exit),
        }
    }

    /// What is to be done if a device will do as well.
    pub(crate) const fn or_device(self, access: Exit) -> Stop {
        match self {
            Self::Outside => Stop::Exit(access),
            Self::Exit(exit) => Stop::Exit(exit),
        }
    }
}

impl From<Trap> for Stop {
    fn from(trap: Trap) -> Self {
        Self::Trap(trap)
    }
}
