//! [`Output`] and its answers: what the protocol wants of who drives it.

use super::{Content, Held, Message, Page};
use crate::cluster::HostId;

/// What must happen next.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Output {
    /// This message is to be sent.
    Send {
        /// To whom.
        to: HostId,
        /// What.
        message: Message,
    },
    /// The page may be used from now on, as `held` says. Its bytes as installed are the new *base*.
    Install {
        /// Which page.
        page: Page,
        /// How it may be used.
        held: Held,
        /// Its bytes, relative to those that are kept here.
        content: Content,
    },
    /// Harts here must lose access until only `keep` is left; then [`released`](super::Coherence::released) is called.
    ///
    /// The bytes stay as they are then, and if they are told they become the base.
    Release {
        /// Which page.
        page: Page,
        /// What harts may do afterwards.
        keep: Held,
        /// Whether the answer must carry the page, and how.
        tell: Option<Tell>,
    },
    /// The bytes kept of a page that is not held are of no use any more.
    Forget {
        /// Which page.
        page: Page,
    },
    /// A page that is wanted here cannot be had.
    Lost {
        /// Which page.
        page: Page,
        /// Why.
        reason: LostReason,
    },
}

/// How a page is to be told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Tell {
    /// So that it can be applied to anything: [`Content::of`].
    Whole,
    /// Relative to its base: [`Content::since`].
    Since,
}

/// The answer to [`Output::Release`].
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Released {
    /// The page, if it was to be told.
    pub content: Option<Content>,
    /// Whether its bytes differ from the base.
    pub changed: bool,
}

/// Why a page cannot be had.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum LostReason {
    /// The only host that had it is gone, and did not give it back.
    HolderGone,
}

/// Why a message was refused. Nothing came of it, but that it was counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, thiserror::Error)]
#[non_exhaustive]
pub enum Refused {
    /// Its sender is not a host of this machine.
    #[error("{0} is not among the hosts")]
    Stranger(HostId),
    /// It is of a membership that has ended.
    #[error("it is of an epoch that has ended")]
    OldEpoch,
    /// It is of a membership that has not begun here, and too many such wait already.
    #[error("it is of an epoch that has not begun, and too many such messages wait")]
    TooEarly,
    /// It came before: harmless, for networks repeat messages, and so do hosts that were not heard.
    #[error("it came before")]
    Repeated,
    /// Its number, or what it acknowledges, cannot be.
    #[error("its number cannot be")]
    Impossible,
    /// There is no such page.
    #[error("there is no {0}")]
    NoSuchPage(Page),
    /// Its sender has too many requests under way.
    #[error("its sender has too many requests under way")]
    TooMany,
    /// Nobody who keeps to the protocol would say it now.
    #[error("it does not follow from what was said before")]
    OutOfState,
}
