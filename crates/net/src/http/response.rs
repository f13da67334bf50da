//! [`Response`]: the head of a response, as a client reads it.

use std::fmt;

use super::framing::Extent;
use super::{Fields, Status, Version};

/// The head of a response: what became of a request.
#[derive(Clone, PartialEq, Eq)]
pub struct Response {
    pub(super) fields: Fields,
    pub(super) status: Status,
    pub(super) version: Version,
    pub(super) extent: Extent,
    pub(super) keeps_alive: bool,
}

impl Response {
    /// What a head is before it is read.
    pub(super) fn unread() -> Self {
        Self {
            fields: Fields::default(),
            status: Status::OK,
            version: Version::Http11,
            extent: Extent::None,
            keeps_alive: false,
        }
    }

    /// What became of the request.
    #[must_use]
    pub const fn status(&self) -> Status {
        self.status
    }

    /// Its version.
    #[must_use]
    pub const fn version(&self) -> Version {
        self.version
    }

    /// Its fields.
    #[must_use]
    pub const fn fields(&self) -> &Fields {
        &self.fields
    }

    /// How long the body is, if that was said.
    #[must_use]
    pub const fn body_bytes(&self) -> Option<u64> {
        match self.extent {
            Extent::None => Some(0),
            Extent::Known(length) => Some(length),
            Extent::Chunked | Extent::UntilEnd => None,
        }
    }

    /// Whether another request may be sent on the connection.
    #[must_use]
    pub fn keeps_alive(&self) -> bool {
        self.keeps_alive && self.extent != Extent::UntilEnd
    }
}

impl fmt::Debug for Response {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut debug = f.debug_struct("Response");
        debug.field("status", &self.status).field("version", &self.version);
        debug.field("fields", &self.fields).finish_non_exhaustive()
    }
}
