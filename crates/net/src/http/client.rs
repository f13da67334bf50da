//! [`Client`]: the client's side of a connection of HTTP.

use std::collections::VecDeque;

use bytes::Bytes;

use crate::Payload;

use super::body::{Body, Part};
use super::gather::Gather;
use super::input::Input;
use super::write::{self, Writer, Writing};
use super::{Config, FeedError, Fields, Refusal, Response, Status, WriteError, head};

/// What a server says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ClientEvent {
    /// A response comes later; the status says what the server wants until then, such as
    /// [`CONTINUE`](Status::CONTINUE).
    Interim(Response),
    /// The response to the oldest request begins.
    Response(Response),
    /// The next bytes of its body.
    Body(Bytes),
    /// The response is there as a whole; with chunks, fields can follow the body.
    End(Fields),
    /// What came is not understood, or ended too early: no response to what was asked will come.
    Refused(Refusal),
}

/// The client's side of a connection of HTTP.
///
/// Requests can be sent before the responses to others came; responses come in the order of the requests.
///
/// ```
/// use ironloom_net::http::{Client, ClientEvent, Config};
///
/// let mut client = Client::new("example", Config::default());
/// client.request("GET", "/here", &[], &Default::default()).unwrap();
/// let sent = client.output();
/// assert_eq!(sent.to_bytes(), "GET /here HTTP/1.1\r\nhost: example\r\n\r\n");
/// client.sent(sent.len());
///
/// client.feed(&b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nfound".to_vec().into()).unwrap();
/// let Some(ClientEvent::Response(response)) = client.poll() else { panic!("a response came") };
/// assert_eq!(response.status().code(), 200);
/// assert_eq!(client.poll(), Some(ClientEvent::Body("found".into())));
/// ```
#[derive(Debug)]
pub struct Client {
    config: Config,
    host: Box<str>,
    input: Input,
    gather: Gather,
    reading: Reading,
    /// Whether the server sends nothing more.
    is_finished: bool,
    /// Whether the response that is read is the last.
    is_last: bool,
    waiting: VecDeque<Waiting>,
    writer: Writer,
}

#[derive(Debug)]
enum Reading {
    Head,
    Body(Body),
    End,
    Nothing,
}

/// A request that waits for its response.
#[derive(Debug, Clone, Copy)]
struct Waiting {
    is_head: bool,
}

impl Client {
    /// A connection to a host, on which nothing was asked.
    ///
    /// # Panics
    ///
    /// If the host has bytes that no host has.
    #[must_use]
    pub fn new(host: &str, config: Config) -> Self {
        assert!(host.bytes().all(super::framing::is_host_byte), "`{host}` is not a host");
        Self {
            config,
            host: host.into(),
            input: Input::default(),
            gather: Gather::default(),
            reading: Reading::Head,
            is_finished: false,
            is_last: false,
            waiting: VecDeque::new(),
            writer: Writer::default(),
        }
    }

    /// Asks with a body that is there as a whole. Without a body, and with a method that needs none, no length is told.
    ///
    /// # Errors
    ///
    /// If too many requests wait, the connection ends, or something cannot be written.
    pub fn request(
        &mut self,
        method: &str,
        target: &str,
        fields: &[(&str, &str)],
        body: &Payload,
    ) -> Result<(), WriteError> {
        let has_length = !body.is_empty() || matches!(method, "POST" | "PUT" | "PATCH");
        self.write_head(method, target, fields, has_length.then_some(body.len() as u64), false)?;
        self.writer.output.put(body);
        self.writer.writing = None;
        Ok(())
    }

    /// Begins to ask with a body of a length that may be known or not. [`body`](Self::body) writes it,
    /// [`finish`](Self::finish) ends it. With the field `expect: 100-continue` the server says whether it wants it.
    ///
    /// # Errors
    ///
    /// If too many requests wait, the connection ends, or something cannot be written.
    pub fn begin(
        &mut self,
        method: &str,
        target: &str,
        fields: &[(&str, &str)],
        length: Option<u64>,
    ) -> Result<(), WriteError> {
        self.write_head(method, target, fields, length, length.is_none())
    }

    /// Writes the next bytes of a request.
    ///
    /// # Errors
    ///
    /// If no request has begun, or there are more than were announced.
    pub fn body(&mut self, part: &Payload) -> Result<(), WriteError> {
        self.writer.body(part)
    }

    /// Ends a request. The fields follow the body if its length was not told.
    ///
    /// # Errors
    ///
    /// If no request has begun, there are fewer bytes than were announced, or a field cannot be written.
    pub fn finish(&mut self, trailer: &[(&str, &str)]) -> Result<(), WriteError> {
        self.writer.finish(trailer)
    }

    /// Whether [`feed`](Self::feed) takes more: what was fed before is read.
    #[must_use]
    pub fn wants_input(&self) -> bool {
        self.input.is_empty() && !self.is_finished && !matches!(self.reading, Reading::Nothing)
    }

    /// Takes what arrived. What comes after the last response is forgotten.
    ///
    /// # Errors
    ///
    /// If what was fed before is not read yet.
    pub fn feed(&mut self, payload: &Payload) -> Result<(), FeedError> {
        if matches!(self.reading, Reading::Nothing) || self.is_finished {
            return Ok(());
        }
        if !self.input.is_empty() {
            return Err(FeedError);
        }
        self.input.push(payload);
        Ok(())
    }

    /// Takes notice that the server sends nothing more.
    pub const fn finish_input(&mut self) {
        self.is_finished = true;
    }

    /// What is understood next; `None` if more has to arrive first.
    pub fn poll(&mut self) -> Option<ClientEvent> {
        match self.read() {
            Ok(event) => event,
            Err(refusal) => {
                self.stop();
                Some(ClientEvent::Refused(refusal))
            }
        }
    }

    /// What is to be sent.
    pub fn output(&mut self) -> Payload {
        self.writer.output.pending()
    }

    /// How many bytes are to be sent.
    #[must_use]
    pub fn output_bytes(&self) -> usize {
        self.writer.output.len()
    }

    /// Takes notice that so many bytes of what [`output`](Self::output) gave were sent.
    ///
    /// # Panics
    ///
    /// If there were not so many.
    pub fn sent(&mut self, bytes: usize) {
        self.writer.output.sent(bytes);
    }

    /// How many requests wait for their responses.
    #[must_use]
    pub fn unanswered(&self) -> usize {
        self.waiting.len()
    }

    /// Whether nothing more will be read or asked on this connection.
    #[must_use]
    pub const fn is_over(&self) -> bool {
        matches!(self.reading, Reading::Nothing)
    }

    fn read(&mut self) -> Result<Option<ClientEvent>, Refusal> {
        match &mut self.reading {
            Reading::Head => self.read_head(),
            Reading::Body(body) => match body.next(&mut self.input, &mut self.gather, &self.config)? {
                Some(Part::Bytes(bytes)) => Ok(Some(ClientEvent::Body(bytes))),
                Some(Part::End(fields)) => Ok(Some(self.end(fields))),
                None if !self.is_finished => Ok(None),
                None if matches!(body, Body::UntilEnd(_)) => Ok(Some(self.end(Fields::default()))),
                None => Err(Refusal::Unfinished),
            },
            Reading::End => Ok(Some(self.end(Fields::default()))),
            Reading::Nothing => {
                self.input.clear();
                Ok(None)
            }
        }
    }

    fn read_head(&mut self) -> Result<Option<ClientEvent>, Refusal> {
        let Some(oldest) = self.waiting.front().copied() else {
            return match (self.input.is_empty(), self.is_finished) {
                (false, _) => Err(Refusal::Unasked),
                (true, false) => Ok(None),
                (true, true) => {
                    self.stop();
                    Ok(None)
                }
            };
        };
        let (config, limit) = (&self.config, self.config.head_bytes_max);
        let mut response = Response::unread();
        let mut attempt = |bytes: &[u8]| head::response(bytes, config, oldest.is_head, &mut response);
        let too_long = Refusal::HeadTooLong { limit };
        let Some(bytes) = self.gather.next(&mut self.input, limit, too_long, &mut attempt)? else {
            return match self.is_finished {
                false => Ok(None),
                true if self.gather.is_empty() => Err(Refusal::Unfinished),
                true => Err(self.gather.finish(attempt)),
            };
        };
        response.fields.bytes = bytes;
        if response.status == Status::SWITCHING_PROTOCOLS {
            return Err(Refusal::Switched);
        }
        if response.status.is_interim() {
            return Ok(Some(ClientEvent::Interim(response)));
        }
        self.is_last = !response.keeps_alive();
        self.reading = Body::new(response.extent, config)?.map_or(Reading::End, Reading::Body);
        Ok(Some(ClientEvent::Response(response)))
    }

    /// The response that was read is there as a whole.
    fn end(&mut self, fields: Fields) -> ClientEvent {
        self.waiting.pop_front();
        self.reading = Reading::Head;
        if self.is_last {
            self.stop();
        }
        ClientEvent::End(fields)
    }

    fn stop(&mut self) {
        self.reading = Reading::Nothing;
        self.input.clear();
        self.gather = Gather::default();
    }

    fn write_head(
        &mut self,
        method: &str,
        target: &str,
        fields: &[(&str, &str)],
        length: Option<u64>,
        is_chunked: bool,
    ) -> Result<(), WriteError> {
        let limit = self.config.pipelined_requests_max;
        if self.writer.writing.is_some() {
            return Err(WriteError::Unfinished);
        }
        if self.is_over() || self.is_last {
            return Err(WriteError::Over);
        }
        if self.waiting.len() >= limit {
            return Err(WriteError::TooManyRequests { limit });
        }
        check_line(method, target)?;
        write::check(fields)?;
        let tail = self.writer.output.tail();
        for part in [method, " ", target, " HTTP/1.1\r\nhost: ", &self.host, "\r\n"] {
            tail.extend_from_slice(part.as_bytes());
        }
        write::fields(tail, fields);
        match length {
            Some(length) => write::length(tail, length),
            None if is_chunked => tail.extend_from_slice(b"transfer-encoding: chunked\r\n"),
            None => (),
        }
        tail.extend_from_slice(b"\r\n");
        self.waiting.push_back(Waiting { is_head: method == "HEAD" });
        self.writer.writing =
            Some(if is_chunked { Writing::Chunked } else { Writing::Sized(length.unwrap_or(0)) });
        Ok(())
    }
}

/// Whether a method and a target can be written: they are one word each.
fn check_line(method: &str, target: &str) -> Result<(), WriteError> {
    let is_wrong = |text: &str| Err(WriteError::FirstLine { text: text.to_owned() });
    if method.is_empty() || !method.bytes().all(write::is_token_byte) || method == "CONNECT" {
        return is_wrong(method);
    }
    if target.is_empty() || !target.bytes().all(|byte| matches!(byte, b'!'..=b'~')) {
        return is_wrong(target);
    }
    Ok(())
}
