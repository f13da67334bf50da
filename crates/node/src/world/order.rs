//! [`Order`]: what a world is asked to do, and [`Outcome`]: what came of it.

use ironloom_blob::BlobId;
use ironloom_core::borsh::{BorshDeserialize, BorshSerialize};
use ironloom_core::{Duration, MachineId};
use ironloom_net::topology::{PlanTable, RuleTable, Share, Span};
use ironloom_state::BatchId;
use ironloom_vm::os::console::{Seen, Size};
use ironloom_vm::{Command, Finished};
use thiserror::Error;

use crate::{ComputerTable, FileTable, MachineTable};

/// What a world is asked to do, as a value that can be kept and sent.
///
/// Orders are carried out between windows, in the order in which they were given. [`Datacenter`](crate::Datacenter) has a
/// method for each.
#[derive(Debug, Clone, BorshSerialize, BorshDeserialize)]
#[borsh(crate = "ironloom_core::borsh")]
#[non_exhaustive]
pub enum Order {
    /// A machine is made, and switched on unless it is to be off. There is one, whatever `count` says.
    Create {
        /// What it is to be called.
        machine: String,
        /// What it is to be like.
        table: Box<MachineTable>,
    },
    /// A machine is switched on.
    Start {
        /// Which machine.
        machine: String,
    },
    /// A machine is shut down.
    Stop {
        /// Which machine.
        machine: String,
    },
    /// A machine stands still.
    Suspend {
        /// Which machine.
        machine: String,
    },
    /// A machine that stood still goes on.
    Resume {
        /// Which machine.
        machine: String,
    },
    /// A machine vanishes, with all that is on it.
    Destroy {
        /// Which machine.
        machine: String,
    },
    /// Another machine begins as one is, at the same switch, with an address of its own.
    Fork {
        /// Which machine.
        machine: String,
        /// What the other is to be called.
        name: String,
    },
    /// What of a machine outlives it is stored.
    Snapshot {
        /// Which machine.
        machine: String,
    },
    /// A machine is as it was.
    RollBack {
        /// Which machine.
        machine: String,
        /// When.
        snapshot: BlobId,
    },
    /// A machine runs a command to its end.
    Exec {
        /// Which machine.
        machine: String,
        /// What it runs.
        command: Command,
        /// For how much virtual time. Then it is killed.
        limit: Duration,
    },
    /// A machine runs a command on a console of its own.
    OpenConsole {
        /// Which machine.
        machine: String,
        /// How large the console is.
        size: Size,
        /// What runs on it.
        command: Command,
    },
    /// Something is typed.
    Type {
        /// At which console.
        console: u64,
        /// What.
        bytes: Vec<u8>,
    },
    /// What was written on a console since this was asked last.
    See {
        /// On which console.
        console: u64,
        /// How much of it at most.
        bytes_max: u32,
    },
    /// A console has another size.
    Resize {
        /// Which console.
        console: u64,
        /// How large it is.
        size: Size,
    },
    /// Somebody hangs up.
    CloseConsole {
        /// Which console.
        console: u64,
    },
    /// A file is put on a machine.
    WriteFile {
        /// Which machine.
        machine: String,
        /// Where.
        path: String,
        /// The file.
        file: FileTable,
    },
    /// A file of a machine is read.
    ReadFile {
        /// Which machine.
        machine: String,
        /// Which file.
        path: String,
    },
    /// A link is like this from now on.
    ChangeLink {
        /// Which link.
        link: LinkName,
        /// What it is like.
        plan: Box<PlanTable>,
    },
    /// A router has one rule more, behind those that it has.
    AddRule {
        /// Which router.
        router: String,
        /// The rule.
        rule: Box<RuleTable>,
    },
    /// Something breaks, or is mended.
    Inject {
        /// What.
        fault: Fault,
    },
    /// What changed since the last commit is kept for good.
    Commit,
    /// A computer is made, and switched on unless it is to be off.
    CreateComputer {
        /// What it is to be called.
        computer: String,
        /// What it is to be like.
        table: Box<ComputerTable>,
    },
}

impl Order {
    /// The machine that it is about, if it is about one.
    #[must_use]
    pub fn machine(&self) -> Option<&str> {
        match self {
            Self::Create { machine, .. }
            | Self::Start { machine }
            | Self::Stop { machine }
            | Self::Suspend { machine }
            | Self::Resume { machine }
            | Self::Destroy { machine }
            | Self::Fork { machine, .. }
            | Self::Snapshot { machine }
            | Self::RollBack { machine, .. }
            | Self::Exec { machine, .. }
            | Self::OpenConsole { machine, .. }
            | Self::WriteFile { machine, .. }
            | Self::ReadFile { machine, .. }
            | Self::Inject { fault: Fault::Kill(machine) } => Some(machine),
            _ => None,
        }
    }
}

/// A link, by what it joins.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, BorshSerialize, BorshDeserialize)]
#[borsh(crate = "ironloom_core::borsh")]
pub enum LinkName {
    /// That of a machine.
    Of(String),
    /// That between two which are not machines. What comes first is where it is drawn from: `down` leads to the other.
    Between(String, String),
}

impl From<&str> for LinkName {
    fn from(machine: &str) -> Self {
        Self::Of(machine.to_owned())
    }
}

impl From<[&str; 2]> for LinkName {
    fn from([first, second]: [&str; 2]) -> Self {
        Self::Between(first.to_owned(), second.to_owned())
    }
}

/// Something that breaks, or is mended.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
#[borsh(crate = "ironloom_core::borsh")]
#[non_exhaustive]
pub enum Fault {
    /// Nothing gets onto a link any more.
    Cut(LinkName),
    /// A link that was cut carries again.
    Mend(LinkName),
    /// A link loses so many packets, each way.
    Loss(LinkName, Share),
    /// A link takes so long, each way.
    Delay(LinkName, Span),
    /// A machine goes down at once, as if its power failed. It can be started again.
    Kill(String),
}

impl Fault {
    /// Nothing gets onto a link any more.
    pub fn cut(link: impl Into<LinkName>) -> Self {
        Self::Cut(link.into())
    }

    /// A link that was cut carries again.
    pub fn mend(link: impl Into<LinkName>) -> Self {
        Self::Mend(link.into())
    }

    /// A link loses so many of a million packets, each way.
    pub fn loss(link: impl Into<LinkName>, ppm: u32) -> Self {
        Self::Loss(link.into(), Share(ppm))
    }

    /// A link takes so long, each way.
    pub fn delay(link: impl Into<LinkName>, latency: Duration) -> Self {
        Self::Delay(link.into(), Span(latency))
    }

    /// A machine goes down at once.
    pub fn kill(machine: impl Into<String>) -> Self {
        Self::Kill(machine.into())
    }
}

/// What came of an order.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
#[borsh(crate = "ironloom_core::borsh")]
#[non_exhaustive]
pub enum Outcome {
    /// It was done.
    Done,
    /// There is a machine now.
    Machine(MachineId),
    /// There is a snapshot now.
    Snapshot(BlobId),
    /// A command has ended.
    Finished(Finished),
    /// There is a console now.
    Console(u64),
    /// There was room for so many bytes.
    Typed(u64),
    /// This was written, if anything was.
    Seen(Option<Seen>),
    /// This is in the file.
    Content(Vec<u8>),
    /// There is a commit now.
    Committed(BatchId),
}

/// Why an order was not carried out.
#[derive(Debug, Clone, PartialEq, Eq, Error, BorshSerialize, BorshDeserialize)]
#[borsh(crate = "ironloom_core::borsh")]
#[non_exhaustive]
pub enum OrderError {
    /// There is nothing of that name.
    #[error("there is no {what} named `{name}`")]
    Unknown {
        /// What it was to name.
        what: String,
        /// The name.
        name: String,
    },
    /// Another machine has the name.
    #[error("there is a machine named `{name}` already")]
    NameTaken {
        /// The name.
        name: String,
    },
    /// Whoever was to do it said no.
    #[error("{reason}")]
    Refused {
        /// What it said.
        reason: String,
    },
    /// A command did not end in time, and was killed.
    #[error("`{machine}` did not end the command within {limit}, and it was killed")]
    TimedOut {
        /// Which machine.
        machine: String,
        /// How much virtual time it had.
        limit: Duration,
        /// What it wrote to its standard output by then.
        output: Vec<u8>,
        /// What it wrote to its standard error by then.
        errors: Vec<u8>,
    },
    /// The machine vanished before its command had ended.
    #[error("`{machine}` was destroyed before the command had ended")]
    Gone {
        /// Which machine.
        machine: String,
    },
    /// More orders wait than may.
    #[error("{orders_max} orders wait already: wait for some of them, or raise orders_max")]
    Busy {
        /// How many may wait.
        orders_max: usize,
    },
    /// Whoever was to carry it out has stopped.
    #[error("the node has stopped")]
    Stopped,
    /// It is about commands or files, of which a computer has those of its own system.
    #[error(
        "`{computer}` is a computer with a system of its own: open its console without a command, and type there"
    )]
    HasConsole {
        /// Which computer.
        computer: String,
    },
}

impl OrderError {
    pub(crate) fn unknown(what: &str, name: &str) -> Self {
        Self::Unknown { what: what.to_owned(), name: name.to_owned() }
    }

    #[expect(clippy::needless_pass_by_value, reason = "it is what `map_err` is given")]
    pub(crate) fn refused(reason: impl ToString) -> Self {
        Self::Refused { reason: reason.to_string() }
    }
}
