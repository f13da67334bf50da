//! [`LinkError`]: why there is no link, or no longer.

use ironloom_core::MachineId;
use thiserror::Error;

use super::Incarnation;
use crate::cluster::HostId;

/// Why there is no link between two hosts, or no longer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum LinkError {
    /// Whoever is there does not speak as hosts do.
    #[error("the other side does not speak as hosts do")]
    Foreign,
    /// It speaks another version.
    #[error("the other side speaks version {theirs}, this one {ours}")]
    Version {
        /// The version that it speaks.
        theirs: u16,
        /// The version spoken here.
        ours: u16,
    },
    /// It does not know the secret, or somebody changed what it said.
    #[error("the other side does not know the secret, or what it said was changed on the way")]
    Unproven,
    /// What was said here came back.
    #[error("what this host said came back to it")]
    Reflected,
    /// It is a host of another machine.
    #[error("the other side belongs to {theirs}")]
    Machine {
        /// The machine that it belongs to.
        theirs: MachineId,
    },
    /// Another host is there than the one that was called, or another was called than the one that is here.
    #[error("{called} was called, but {found} is there")]
    Misdirected {
        /// Who was called.
        called: HostId,
        /// Who answered.
        found: HostId,
    },
    /// A host with a number that none has, or that none here expects.
    #[error("host {number} is not expected")]
    UnknownHost {
        /// Its number.
        number: u8,
    },
    /// An earlier run of a host that has started again since, or another process that says it is that host.
    #[error("{host} is {run}, but {newest} was heard of")]
    Stale {
        /// The host.
        host: HostId,
        /// The run that called or answered.
        run: Incarnation,
        /// The last of its runs that was heard of.
        newest: Incarnation,
    },
    /// The other side does not want the link.
    #[error("the other side refused: {0}")]
    Refused(Refusal),
    /// A frame is longer than it may be.
    #[error("a frame of {bytes} bytes is longer than {limit} bytes")]
    Oversize {
        /// How long it is, or says it is.
        bytes: u64,
        /// How long it may be.
        limit: u64,
    },
    /// What the frame with this number says was changed.
    #[error("frame {sequence} was changed on the way")]
    Tampered {
        /// The number that was expected.
        sequence: u64,
    },
    /// A frame came again.
    #[error("frame {received} came again when {expected} was expected")]
    Replayed {
        /// The number that was expected.
        expected: u64,
        /// The number that came.
        received: u64,
    },
    /// Frames are missing.
    #[error("frame {received} came when {expected} was expected")]
    Skipped {
        /// The number that was expected.
        expected: u64,
        /// The number that came.
        received: u64,
    },
    /// A frame is authentic, but its payloads do not fill it.
    #[error("the payloads of frame {sequence} do not fill it")]
    Malformed {
        /// Which frame.
        sequence: u64,
    },
    /// The other side ended the stream within a frame or a handshake.
    #[error("the stream ended in the middle of something")]
    Truncated,
    /// The other side ended the stream.
    #[error("the other side closed the link")]
    Closed,
    /// This side ended it.
    #[error("the link was closed here")]
    ClosedHere,
    /// A newer link to the same host took its place.
    #[error("another link to the same host took its place")]
    Replaced,
    /// The other side reads slower than this one sends.
    #[error("more than {limit} bytes wait to be sent")]
    Backlog {
        /// How many may wait.
        limit: u64,
    },
    /// There is no link to this host.
    #[error("there is no link to {host}")]
    Unlinked {
        /// The host.
        host: HostId,
    },
    /// It took longer than it may.
    #[error("it took too long")]
    Late,
    /// The host's network said this.
    #[error("the network failed: {0}")]
    Network(std::io::ErrorKind),
}

/// Why a host refuses another that has proven who it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum Refusal {
    /// It belongs to another machine.
    #[error("wrong machine")]
    Machine,
    /// Somebody else is here.
    #[error("wrong host")]
    Misdirected,
    /// It is not one of those that are expected.
    #[error("unknown host")]
    UnknownHost,
    /// A later run of it was heard of.
    #[error("an earlier run")]
    Stale,
    /// The two have a link, or the other side is about to make one, and that one stays.
    #[error("another link to the same host stays")]
    Crossed,
    /// The earlier link to it has not ended yet.
    #[error("busy")]
    Busy,
}

impl Refusal {
    const ALL: [Self; 6] =
        [Self::Machine, Self::Misdirected, Self::UnknownHost, Self::Stale, Self::Crossed, Self::Busy];

    /// The byte that says it; zero says that nothing is refused.
    pub(super) fn code(self) -> u8 {
        self as u8 + 1
    }

    pub(super) fn of(code: u8) -> Option<Self> {
        Self::ALL.get(usize::from(code).checked_sub(1)?).copied()
    }
}

/// Which kind of error it is, without what is particular: what errors are counted by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
#[expect(missing_docs, reason = "each is named for the error that it is the kind of")]
pub enum LinkFault {
    Foreign,
    Version,
    Unproven,
    Reflected,
    Machine,
    Misdirected,
    UnknownHost,
    Stale,
    Refused,
    Oversize,
    Tampered,
    Replayed,
    Skipped,
    Malformed,
    Truncated,
    Closed,
    ClosedHere,
    Replaced,
    Backlog,
    Unlinked,
    Late,
    Network,
}

impl LinkFault {
    /// How many kinds there are.
    pub(in crate::cluster) const COUNT: usize = Self::Network as usize + 1;
}

impl LinkError {
    /// Which kind of error it is.
    #[must_use]
    pub const fn fault(self) -> LinkFault {
        match self {
            Self::Foreign => LinkFault::Foreign,
            Self::Version { .. } => LinkFault::Version,
            Self::Unproven => LinkFault::Unproven,
            Self::Reflected => LinkFault::Reflected,
            Self::Machine { .. } => LinkFault::Machine,
            Self::Misdirected { .. } => LinkFault::Misdirected,
            Self::UnknownHost { .. } => LinkFault::UnknownHost,
            Self::Stale { .. } => LinkFault::Stale,
            Self::Refused(_) => LinkFault::Refused,
            Self::Oversize { .. } => LinkFault::Oversize,
            Self::Tampered { .. } => LinkFault::Tampered,
            Self::Replayed { .. } => LinkFault::Replayed,
            Self::Skipped { .. } => LinkFault::Skipped,
            Self::Malformed { .. } => LinkFault::Malformed,
            Self::Truncated => LinkFault::Truncated,
            Self::Closed => LinkFault::Closed,
            Self::ClosedHere => LinkFault::ClosedHere,
            Self::Replaced => LinkFault::Replaced,
            Self::Backlog { .. } => LinkFault::Backlog,
            Self::Unlinked { .. } => LinkFault::Unlinked,
            Self::Late => LinkFault::Late,
            Self::Network(_) => LinkFault::Network,
        }
    }
}

impl From<std::io::Error> for LinkError {
    fn from(error: std::io::Error) -> Self {
        use std::io::ErrorKind;
        match error.kind() {
            ErrorKind::UnexpectedEof => Self::Truncated,
            ErrorKind::WouldBlock | ErrorKind::TimedOut => Self::Late,
            kind => Self::Network(kind),
        }
    }
}
