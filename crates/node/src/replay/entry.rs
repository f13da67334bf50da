//! [`Entry`]: something that came to a world from outside, and [`Basis`]: what the world was before.

use ironloom_core::borsh::{BorshDeserialize, BorshSerialize};
use ironloom_core::trace::Digest;
use ironloom_core::{Instant, MachineId};
use ironloom_net::door::Crossing;
use ironloom_state::BatchId;
use ironloom_vm::Command;
use ironloom_vm::os::Pid;

use crate::{Description, Order};

/// What a world was when its log begins.
#[derive(Debug, Clone, BorshSerialize, BorshDeserialize)]
#[borsh(crate = "ironloom_core::borsh")]
pub(crate) enum Basis {
    /// It was just made from this.
    Described(Box<Description>),
    /// It was just opened, as a commit has it.
    Kept(BatchId),
}

/// Something that came to a world from outside.
#[derive(Debug, Clone, BorshSerialize, BorshDeserialize)]
#[borsh(crate = "ironloom_core::borsh")]
pub(crate) enum Entry {
    /// So many windows ran, or times of commands were over, each as soon as it was due.
    Steps(u32),
    /// Time went by until then without anything that was due.
    Idle(Instant),
    /// Somebody looked at what had happened.
    Settle,
    /// What was on its way to machines and computers was given to them before the next window.
    Deliver,
    Order(Box<Order>),
    /// A door let something into the network.
    Crossing(Box<Crossing>),
    /// A door asked for the way to a port of a machine.
    Route {
        machine: String,
        port: u16,
    },
    /// A door started a command on a machine.
    Open(MachineId, Box<Command>),
    /// A door did something to a command that it has in its hands.
    Piped(MachineId, Pid, PipedEntry),
    /// Nobody was outside any more.
    Abandon,
    /// Somebody visited it. What was done then is not written down.
    Visit,
    /// All that had happened by then, in one number.
    Mark(Instant, Digest),
}

/// What a door does to a command that it has in its hands.
#[derive(Debug, Clone, BorshSerialize, BorshDeserialize)]
#[borsh(crate = "ironloom_core::borsh")]
pub(crate) enum PipedEntry {
    Feed(Vec<u8>),
    Finish,
    Hear(u32),
    Close,
    HangUp,
}
