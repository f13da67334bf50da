//! [`Response`]: what a handler answers.

use std::borrow::Cow;
use std::fmt;

use bytes::Bytes;
use ironloom_net::Payload;
use ironloom_net::http::Status;
use ironloom_sched::Reader;

use super::body::Body;

/// What a text is, if nothing else is said.
const TEXT: &str = "text/plain; charset=utf-8";
/// What bytes are, if nothing else is said.
const BYTES: &str = "application/octet-stream";

/// What a handler answers. Text, bytes and a [`Status`] become one by themselves, and so does a `Result` of two.
///
/// ```
/// use ironloom_node::http::{Response, Status};
///
/// let page = Response::of("text/html", "<p>hello").with("cache-control", "max-age=60");
/// assert_eq!(page.status(), Status::OK);
/// let missing = Response::from("no such order\n").status_of(Status::NOT_FOUND);
/// assert_eq!(missing.status().code(), 404);
/// ```
pub struct Response {
    pub(super) status: Status,
    pub(super) kind: Option<Cow<'static, str>>,
    pub(super) fields: Vec<(Cow<'static, str>, Cow<'static, str>)>,
    pub(super) body: Body,
}

impl Response {
    /// A status and nothing else.
    #[must_use]
    pub const fn empty(status: Status) -> Self {
        Self { status, kind: None, fields: Vec::new(), body: Body::Whole(Payload::EMPTY) }
    }

    /// Bytes, and what they are.
    #[must_use]
    pub fn of(kind: impl Into<Cow<'static, str>>, body: impl Into<Bytes>) -> Self {
        let body = Body::Whole(body.into().into());
        Self { kind: Some(kind.into()), body, ..Self::empty(Status::OK) }
    }

    /// What comes out of a pipe, and what that is; sent in chunks as it comes.
    #[must_use]
    pub fn stream(kind: impl Into<Cow<'static, str>>, body: Reader) -> Self {
        Self { kind: Some(kind.into()), body: Body::Stream(body), ..Self::empty(Status::OK) }
    }

    /// The same with another status.
    #[must_use]
    pub fn status_of(mut self, status: Status) -> Self {
        self.status = status;
        self
    }

    /// The same with a field more. Those that say where a message ends are written by the server.
    #[must_use]
    pub fn with(mut self, name: impl Into<Cow<'static, str>>, value: impl Into<Cow<'static, str>>) -> Self {
        self.fields.push((name.into(), value.into()));
        self
    }

    /// Its status.
    #[must_use]
    pub const fn status(&self) -> Status {
        self.status
    }
}

impl fmt::Debug for Response {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Response")
            .field("status", &self.status)
            .field("kind", &self.kind)
            .field("fields", &self.fields)
            .finish_non_exhaustive()
    }
}

impl From<Status> for Response {
    fn from(status: Status) -> Self {
        Self::empty(status)
    }
}

impl From<()> for Response {
    fn from((): ()) -> Self {
        Self::empty(Status::NO_CONTENT)
    }
}

impl From<&'static str> for Response {
    fn from(text: &'static str) -> Self {
        Self::of(TEXT, text)
    }
}

impl From<String> for Response {
    fn from(text: String) -> Self {
        Self::of(TEXT, text)
    }
}

impl From<Bytes> for Response {
    fn from(bytes: Bytes) -> Self {
        Self::of(BYTES, bytes)
    }
}

impl From<Vec<u8>> for Response {
    fn from(bytes: Vec<u8>) -> Self {
        Self::of(BYTES, bytes)
    }
}

impl<R: Into<Self>, E: Into<Self>> From<Result<R, E>> for Response {
    fn from(result: Result<R, E>) -> Self {
        result.map_or_else(Into::into, Into::into)
    }
}
