//! [`Request`]: what a handler is asked.

use std::net::SocketAddr;
use std::ops;
use std::sync::Arc;

use bytes::Bytes;
use ironloom_net::http as codec;

use super::pattern::{Captured, Pattern};

/// What a handler is asked: the head, as [`net::http`](codec::Request) read it, and the body as a whole.
#[derive(Debug, Clone)]
pub struct Request {
    pub(super) head: codec::Request,
    pub(super) body: Bytes,
    pub(super) peer: Option<SocketAddr>,
    pub(super) captured: Option<(Arc<Pattern>, Captured)>,
}

impl Request {
    /// What it carries.
    #[must_use]
    pub const fn body(&self) -> &Bytes {
        &self.body
    }

    /// Where it comes from, unless that is a Unix socket.
    #[must_use]
    pub const fn peer(&self) -> Option<SocketAddr> {
        self.peer
    }

    /// The part of the path that stands where the route has a name in braces, as it was sent.
    ///
    /// `request["name"]` is the same for who knows that the route has the name.
    #[must_use]
    pub fn parameter(&self, name: &str) -> Option<&str> {
        let (pattern, captured) = self.captured.as_ref()?;
        captured.part(pattern.position(name)?, self.head.path())
    }

    /// A field as text, if it is there and is text.
    #[must_use]
    pub fn field(&self, name: &str) -> Option<&str> {
        self.head.fields().first(name).and_then(|value| str::from_utf8(value).ok())
    }
}

impl ops::Deref for Request {
    type Target = codec::Request;

    fn deref(&self) -> &codec::Request {
        &self.head
    }
}

impl ops::Index<&str> for Request {
    type Output = str;

    /// # Panics
    ///
    /// If the route has no such name.
    fn index(&self, name: &str) -> &str {
        match self.parameter(name) {
            Some(part) => part,
            None => panic!("the route of {} has no {{{name}}}", self.head.path()),
        }
    }
}
