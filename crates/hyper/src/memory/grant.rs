//! [`Grant`]: what a reader may do with a page.

use thiserror::Error;

use super::{HostPage, Revision};
use crate::PageNumber;

/// What is to be done with a page.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Access {
    /// Read it.
    Read,
    /// Write to it, or read it.
    Write,
    /// Read instructions from it, and keep what they were decoded to for as long as its version stays.
    Fetch,
}

/// A page as it may be used until the reader's next [`Memory::catch_up`](super::Memory::catch_up).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Grant {
    /// Where it is.
    pub host: HostPage,
    /// Whether it may be written there.
    pub writable: bool,
    /// The version of its instructions: what was decoded from another version is stale.
    pub version: u32,
    /// What was revoked to grant this.
    ///
    /// Others may have older pointers until this revision is settled. Whoever writes waits for that, lest another hart
    /// sees a later write of his before this one; whoever decodes waits, lest another hart writes meanwhile without the version changing.
    pub revoked: Option<Revision>,
}

/// Why a page was not granted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum Denied {
    /// It is not in memory; perhaps a device is there.
    #[error("{page} is outside of memory")]
    Outside {
        /// The page.
        page: PageNumber,
    },
    /// Its content is elsewhere: [`Memory::bring_in`](super::Memory::bring_in) gets it.
    #[error("{page} is not here yet: bring it in")]
    Absent {
        /// The page.
        page: PageNumber,
    },
    /// The write needs a frame, and there are as many as there may be.
    #[error("{page} needs a frame, and {frames_max} are in use, which is the limit")]
    Full {
        /// The page.
        page: PageNumber,
        /// How many frames there may be.
        frames_max: u64,
    },
}
