//! [`Request`]: the head of a request.

use std::fmt;

use super::Fields;
use super::framing::Extent;

/// What is to be done with a target.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Method {
    /// Show it.
    Get,
    /// Show it without its body.
    Head,
    /// Let it process what the request carries.
    Post,
    /// Replace it.
    Put,
    /// Remove it.
    Delete,
    /// Change a part of it.
    Patch,
    /// Tell what can be done with it.
    Options,
    /// Something else: see [`Request::method_name`].
    Other,
}

impl Method {
    pub(super) fn of(name: &str) -> Self {
        match name {
            "GET" => Self::Get,
            "HEAD" => Self::Head,
            "POST" => Self::Post,
            "PUT" => Self::Put,
            "DELETE" => Self::Delete,
            "PATCH" => Self::Patch,
            "OPTIONS" => Self::Options,
            _ => Self::Other,
        }
    }
}

/// A version of HTTP.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Version {
    /// A line is the request, and what comes until the end is the response.
    Http09,
    /// One request a connection, unless both sides say otherwise.
    Http10,
    /// Many requests a connection, unless a side says otherwise.
    Http11,
}

/// The head of a request: what is to be done with what.
#[derive(Clone, PartialEq, Eq)]
pub struct Request {
    pub(super) fields: Fields,
    pub(super) method: Method,
    pub(super) method_at: u16,
    pub(super) method_len: u16,
    pub(super) target_len: u16,
    pub(super) version: Version,
    pub(super) extent: Extent,
    pub(super) keeps_alive: bool,
    pub(super) expects_continue: bool,
}

impl Request {
    /// What a head is before it is read.
    #[inline]
    pub(super) fn unread() -> Self {
        Self {
            fields: Fields::default(),
            method: Method::Other,
            method_at: 0,
            method_len: 0,
            target_len: 0,
            version: Version::Http11,
            extent: Extent::None,
            keeps_alive: false,
            expects_continue: false,
        }
    }

    /// What is to be done.
    #[must_use]
    pub const fn method(&self) -> Method {
        self.method
    }

    /// What is to be done, as it was written.
    #[must_use]
    pub fn method_name(&self) -> &str {
        self.fields.text(self.method_at, self.method_len)
    }

    /// With what it is to be done, as it was written.
    #[must_use]
    pub fn target(&self) -> &str {
        self.fields.text(self.method_at + self.method_len + 1, self.target_len)
    }

    /// The target's path: without the host that may stand before it, and without the query behind it.
    #[must_use]
    pub fn path(&self) -> &str {
        let (_, rest) = self.split_target();
        rest.split_once(['?', '#']).map_or(rest, |(path, _)| path)
    }

    /// What follows the first `?` of the target.
    #[must_use]
    pub fn query(&self) -> Option<&str> {
        let (rest, _) = self.target().split_once('#').unwrap_or((self.target(), ""));
        rest.split_once('?').map(|(_, query)| query)
    }

    /// The host, and maybe its port, that is asked; a host in the target goes before the field.
    #[must_use]
    pub fn host(&self) -> Option<&str> {
        let (host, _) = self.split_target();
        host.or_else(|| self.fields.first("host").and_then(|host| str::from_utf8(host).ok()))
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

    /// Whether a body follows.
    #[must_use]
    pub fn has_body(&self) -> bool {
        self.extent != Extent::None
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

    /// Whether whoever sent it waits with the body until it is told to [proceed](super::Server::proceed).
    #[must_use]
    pub const fn expects_continue(&self) -> bool {
        self.expects_continue
    }

    /// The host before the path, if there is one, and the rest of the target.
    fn split_target(&self) -> (Option<&str>, &str) {
        let target = self.target();
        if target.starts_with('/') {
            return (None, target);
        }
        let Some((_, after)) = target.split_once("://") else {
            return (None, target);
        };
        match after.find(['/', '?', '#']) {
            Some(at) if after.as_bytes()[at] == b'/' => (Some(&after[..at]), &after[at..]),
            Some(at) => (Some(&after[..at]), "/"),
            None => (Some(after), "/"),
        }
    }
}

impl fmt::Debug for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut debug = f.debug_struct("Request");
        debug.field("method", &self.method_name()).field("target", &self.target());
        debug.field("version", &self.version).field("fields", &self.fields).finish_non_exhaustive()
    }
}
