//! [`Message`]: what hosts say to each other about pages.

use std::io;
use std::sync::Arc;

use borsh::{BorshDeserialize, BorshSerialize};

use super::config::AHEAD_MAX;
use super::{Content, Held, Page, Version, Want};
use crate::cluster::{Epoch, HostId};

/// The most pages that one report tells of.
pub(super) const REPORT_MAX: usize = 512;

/// One message of the protocol.
///
/// It is cheap to clone. Its encoding is that of its fields; one that came from outside is checked when it is decoded,
/// so that what it carries can be applied.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Message {
    /// The membership in which it was sent.
    pub(super) epoch: Epoch,
    /// Its place among all that its sender says to its receiver in this epoch, from 1; 0 if it has none.
    pub(super) sequence: u64,
    /// Up to where its sender has everything that its receiver says.
    pub(super) heard: u64,
    pub(super) body: Arc<Body>,
}

/// What a message says.
#[derive(Debug, Clone, PartialEq, Eq, Hash, BorshSerialize, BorshDeserialize)]
pub(super) enum Body {
    /// Only up to where its sender has heard.
    Heard,
    /// To the home: a hart wants a page, of which this version is kept.
    Want { page: Page, want: Want, has: Option<Version> },
    /// To the home: these are wanted before a hart waits for them.
    WantAhead { want: Want, pages: Vec<(Page, Option<Version>)> },
    /// To the home: memory is short here.
    Give { page: Page },
    /// From the home, which leaves: want this page.
    Take { page: Page },
    /// From the home to who has the page: grant it to another host, which waits for so many acknowledgements.
    Forward { page: Page, to: HostId, held: Held, has: Option<Version>, acknowledgements: u8 },
    /// From the home to who reads the page: stop, and tell another host.
    Invalidate { page: Page, to: HostId },
    /// To who wanted the page: it is yours once so many hosts acknowledged.
    Grant { page: Page, held: Held, version: Version, acknowledgements: u8, changed: bool, content: Content },
    /// To who waits for it: the sender no longer reads the page.
    Acknowledge { page: Page },
    /// To the home: the page is here, in this version; who had it before has changed it or not.
    Confirm { page: Page, version: Version, changed: bool },
    /// From the home: nobody has the page any more.
    Lost { page: Page },
    /// To a new home: these pages are held here.
    Report { pages: Vec<(Page, Held, Version)> },
    /// The sender has reported everything.
    Settled,
}

impl Message {
    /// The page that it is about, if it is about one.
    #[must_use]
    pub fn page(&self) -> Option<Page> {
        self.body.page()
    }

    /// The membership in which it was sent.
    #[must_use]
    pub const fn epoch(&self) -> Epoch {
        self.epoch
    }

    /// The page that it grants, and what it says of its bytes, if it grants one.
    pub(crate) fn grant(&self) -> Option<(Page, &Content)> {
        match &*self.body {
            Body::Grant { page, content, .. } => Some((*page, content)),
            _ => None,
        }
    }

    /// How many bytes of pages it carries.
    #[must_use]
    pub fn carried(&self) -> usize {
        match &*self.body {
            Body::Grant { content, .. } => content.carried(),
            _ => 0,
        }
    }
}

impl Body {
    /// The page that it is about, if it is about one.
    pub(super) const fn page(&self) -> Option<Page> {
        match self {
            Self::Want { page, .. }
            | Self::Give { page }
            | Self::Take { page }
            | Self::Forward { page, .. }
            | Self::Invalidate { page, .. }
            | Self::Grant { page, .. }
            | Self::Acknowledge { page }
            | Self::Confirm { page, .. }
            | Self::Lost { page } => Some(*page),
            Self::Heard | Self::WantAhead { .. } | Self::Report { .. } | Self::Settled => None,
        }
    }

    /// Whether it keeps what its type does not say.
    fn is_sound(&self) -> bool {
        match self {
            Self::WantAhead { pages, .. } => !pages.is_empty() && pages.len() <= AHEAD_MAX,
            Self::Report { pages } => {
                pages.len() <= REPORT_MAX && pages.iter().all(|(_, held, _)| *held != Held::Nothing)
            }
            Self::Forward { held, .. } => *held != Held::Nothing,
            Self::Grant { held, content, .. } => {
                *held != Held::Nothing
                    && match content {
                        Content::Lines(lines) => lines.is_sound(),
                        _ => true,
                    }
            }
            _ => true,
        }
    }
}

impl BorshSerialize for Message {
    fn serialize<W: io::Write>(&self, writer: &mut W) -> io::Result<()> {
        (self.epoch, self.sequence, self.heard).serialize(writer)?;
        self.body.serialize(writer)
    }
}

impl BorshDeserialize for Message {
    fn deserialize_reader<R: io::Read>(reader: &mut R) -> io::Result<Self> {
        let (epoch, sequence, heard) = BorshDeserialize::deserialize_reader(reader)?;
        let body = Body::deserialize_reader(reader)?;
        if body.is_sound() && matches!(body, Body::Heard) == (sequence == 0) {
            return Ok(Self { epoch, sequence, heard, body: Arc::new(body) });
        }
        Err(io::Error::new(io::ErrorKind::InvalidData, "a message that contradicts itself"))
    }
}
