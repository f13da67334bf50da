//! [`Server`]: the server's side of a connection of HTTP.

use bytes::Bytes;

use crate::Payload;

use super::body::{Body, Part};
use super::gather::Gather;
use super::input::Input;
use super::queue::Queue;
use super::write::{self, Writer, Writing};
use super::{Config, Date, FeedError, Fields, Method, Refusal, Request, Status, Version, WriteError, head};

/// What a client wants.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ServerEvent {
    /// A request begins.
    Request(Request),
    /// The next bytes of its body.
    Body(Bytes),
    /// The request is there as a whole; with chunks, fields can follow the body.
    End(Fields),
    /// What came is not understood, and nothing more is read. An answer that says so is written in its turn, instead
    /// of the answer to the request that was being read.
    Refused(Refusal),
}

/// The server's side of a connection of HTTP.
///
/// Requests are answered in the order in which they came; whoever uses it may answer each at once, or later. After the
/// last answer ([`is_over`](Self::is_over)) finish the connection, and read on until the client finishes too.
///
/// ```
/// use ironloom_net::http::{Config, Server, ServerEvent, Status};
///
/// let mut server = Server::new(Config::default());
/// server.feed(&b"GET /here HTTP/1.1\r\nhost: example\r\n\r\n".to_vec().into()).unwrap();
/// while let Some(event) = server.poll() {
///     if let ServerEvent::Request(request) = event {
///         assert_eq!(request.path(), "/here");
///         server.respond(Status::OK, &[], &b"found".to_vec().into()).unwrap();
///     }
/// }
/// let sent = server.output();
/// assert_eq!(sent.to_bytes(), "HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nfound");
/// server.sent(sent.len());
/// ```
#[derive(Debug)]
pub struct Server {
    config: Config,
    date: Option<Date>,
    input: Input,
    gather: Gather,
    reading: Reading,
    /// Whether the client sends nothing more.
    is_finished: bool,
    /// Whether a request was read, after which versions must be told.
    is_used: bool,
    /// Whether the next answer is the last.
    is_last: bool,
    waiting: Queue<Exchange>,
    writer: Writer,
}

/// What is read next.
#[derive(Debug)]
enum Reading {
    Head,
    Body(Body),
    /// The end of a request without a body is told next.
    End,
    Nothing,
}

/// A request that waits for its answer.
#[derive(Debug, Clone, Copy)]
struct Exchange {
    version: Version,
    is_head: bool,
    keeps_alive: bool,
    /// Whether the client waits with the body until it is told to proceed.
    expects_continue: bool,
    refusal: Option<Refusal>,
}

impl Server {
    /// A connection of which nothing was read.
    #[must_use]
    pub fn new(config: Config) -> Self {
        Self {
            config,
            date: None,
            input: Input::default(),
            gather: Gather::default(),
            reading: Reading::Head,
            is_finished: false,
            is_used: false,
            is_last: false,
            waiting: Queue::new(),
            writer: Writer::default(),
        }
    }

    /// The time that answers tell from now on; at first they tell none.
    pub const fn set_date(&mut self, date: Option<Date>) {
        self.date = date;
    }

    /// Whether [`feed`](Self::feed) takes more: what was fed before is read.
    #[must_use]
    pub fn wants_input(&self) -> bool {
        self.input.is_empty() && !self.is_finished && !matches!(self.reading, Reading::Nothing)
    }

    /// Takes what arrived. What comes after the last request is forgotten.
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

    /// As [`feed`](Self::feed), for bytes that are in one piece and that nobody else has: they need not be shared then.
    ///
    /// # Errors
    ///
    /// If what was fed before is not read yet.
    pub fn feed_bytes(&mut self, bytes: Bytes) -> Result<(), FeedError> {
        if matches!(self.reading, Reading::Nothing) || self.is_finished {
            return Ok(());
        }
        if !self.input.is_empty() {
            return Err(FeedError);
        }
        self.input.push_bytes(bytes);
        Ok(())
    }

    /// Takes notice that the client sends nothing more. What it asked is still answered.
    pub const fn finish_input(&mut self) {
        self.is_finished = true;
    }

    /// What is understood next; `None` if more has to arrive, to be answered or to be sent first.
    #[inline]
    pub fn poll(&mut self) -> Option<ServerEvent> {
        match self.read() {
            Ok(event) => event,
            Err(refusal) => Some(self.refuse(refusal)),
        }
    }

    /// Answers the oldest request with a body that is there as a whole.
    ///
    /// # Errors
    ///
    /// If there is no request, the status is not that of a last response, it has no body and one is given, or a field
    /// cannot be written.
    pub fn respond(
        &mut self,
        status: Status,
        fields: &[(&str, &str)],
        body: &Payload,
    ) -> Result<(), WriteError> {
        if !status.allows_body() && !body.is_empty() {
            return Err(WriteError::BodyNotAllowed { code: status.code() });
        }
        self.begin(status, fields, Some(body.len() as u64))?;
        self.write_whole(body);
        Ok(())
    }

    /// Begins to answer the oldest request with a body of a length that may be known or not.
    /// [`body`](Self::body) writes it, [`finish`](Self::finish) ends it.
    ///
    /// # Errors
    ///
    /// If there is no request, an answer is not finished, the status is not that of a last response, or a field cannot
    /// be written.
    pub fn begin(
        &mut self,
        status: Status,
        fields: &[(&str, &str)],
        length: Option<u64>,
    ) -> Result<(), WriteError> {
        if self.writer.writing.is_some() {
            return Err(WriteError::Unfinished);
        }
        if self.waiting.is_empty() {
            return Err(WriteError::NothingToAnswer);
        }
        if status.is_interim() {
            return Err(WriteError::Interim { code: status.code() });
        }
        write::check(fields)?;
        self.write_head(status, fields, length);
        Ok(())
    }

    /// Writes the next bytes of an answer.
    ///
    /// # Errors
    ///
    /// If no answer has begun, or there are more than were announced.
    pub fn body(&mut self, part: &Payload) -> Result<(), WriteError> {
        self.writer.body(part)
    }

    /// Ends an answer. The fields follow the body if it has chunks: if its length was not told, and the client knows
    /// HTTP/1.1.
    ///
    /// # Errors
    ///
    /// If no answer has begun, there are fewer bytes than were announced, or a field cannot be written.
    pub fn finish(&mut self, trailer: &[(&str, &str)]) -> Result<(), WriteError> {
        self.writer.finish(trailer)?;
        self.complete();
        Ok(())
    }

    /// Tells the client of the oldest request to send the body, if it waits for that.
    ///
    /// # Errors
    ///
    /// If there is no such request, or its answer has begun.
    pub fn proceed(&mut self) -> Result<(), WriteError> {
        if self.writer.writing.is_some() {
            return Err(WriteError::Unfinished);
        }
        let oldest = self.waiting.front_mut().ok_or(WriteError::NothingToAnswer)?;
        if std::mem::take(&mut oldest.expects_continue) {
            self.writer.output.tail().extend_from_slice(b"HTTP/1.1 100 Continue\r\n\r\n");
        }
        Ok(())
    }

    /// Makes the next answer that begins the last.
    pub const fn close(&mut self) {
        self.is_last = true;
    }

    /// What is to be sent.
    pub fn output(&mut self) -> Payload {
        self.writer.output.pending()
    }

    /// The first of what is to be sent, for whoever has the bytes taken from where they are; empty if there is nothing.
    ///
    /// ```
    /// use ironloom_net::http::{Config, Server, Status};
    ///
    /// let mut server = Server::new(Config::default());
    /// server.feed(&b"GET / HTTP/1.1\r\nhost: example\r\n\r\n".to_vec().into()).unwrap();
    /// while server.poll().is_some() {}
    /// server.respond(Status::NO_CONTENT, &[], &b"".to_vec().into()).unwrap();
    /// assert_eq!(server.output_front(), b"HTTP/1.1 204 No Content\r\n\r\n");
    /// server.sent(server.output_front().len());
    /// assert!(server.output_front().is_empty());
    /// ```
    #[must_use]
    pub fn output_front(&self) -> &[u8] {
        self.writer.output.front()
    }

    /// How many bytes are to be sent.
    #[must_use]
    pub fn output_bytes(&self) -> usize {
        self.writer.output.len()
    }

    /// Takes notice that so many bytes of what is to be sent were.
    ///
    /// # Panics
    ///
    /// If there were not so many.
    #[inline]
    pub fn sent(&mut self, bytes: usize) {
        self.writer.output.sent(bytes);
    }

    /// Whether a request has begun to arrive and is not there as a whole.
    #[must_use]
    pub fn is_within_request(&self) -> bool {
        matches!(self.reading, Reading::Body(_)) || !self.gather.is_idle()
    }

    /// Gives up the request that is being read, or the next one, because it takes too long: it is refused, and nothing
    /// more is read.
    pub fn expire(&mut self) {
        if !matches!(self.reading, Reading::Nothing) {
            self.refuse(Refusal::Late);
        }
    }

    /// How many requests wait for their answers.
    #[must_use]
    pub fn unanswered(&self) -> usize {
        self.waiting.len()
    }

    /// Whether everything was answered and sent that will ever be.
    #[must_use]
    pub fn is_over(&self) -> bool {
        matches!(self.reading, Reading::Nothing) && self.waiting.is_empty() && self.output_bytes() == 0
    }

    #[inline]
    fn read(&mut self) -> Result<Option<ServerEvent>, Refusal> {
        match &mut self.reading {
            Reading::Head => self.read_head(),
            Reading::Body(body) => match body.next(&mut self.input, &mut self.gather, &self.config)? {
                Some(Part::Bytes(bytes)) => {
                    // Whoever sends its body does not wait.
                    if let Some(youngest) = self.waiting.back_mut() {
                        youngest.expects_continue = false;
                    }
                    Ok(Some(ServerEvent::Body(bytes)))
                }
                Some(Part::End(fields)) => Ok(Some(self.end(fields))),
                None if self.is_finished => Err(Refusal::Unfinished),
                None => Ok(None),
            },
            Reading::End => Ok(Some(self.end(Fields::default()))),
            Reading::Nothing => {
                self.input.clear();
                Ok(None)
            }
        }
    }

    #[inline]
    fn read_head(&mut self) -> Result<Option<ServerEvent>, Refusal> {
        if self.waiting.len() >= self.config.pipelined_requests_max
            || self.output_bytes() > self.config.output_bytes_max
        {
            return Ok(None);
        }
        if self.input.is_empty() && !self.is_finished {
            return Ok(None);
        }
        let (config, limit) = (&self.config, self.config.head_bytes_max);
        let may_be_0_9 = config.version_0_9 && !self.is_used;
        let mut request = Request::unread();
        let mut attempt = |bytes: &[u8]| head::request(bytes, config, may_be_0_9, &mut request);
        let too_long = Refusal::HeadTooLong { limit };
        let Some(bytes) = self.gather.next(&mut self.input, limit, too_long, &mut attempt)? else {
            return if !self.is_finished {
                Ok(None)
            } else if self.gather.is_idle() {
                self.reading = Reading::Nothing;
                Ok(None)
            } else {
                Err(self.gather.finish(attempt))
            };
        };
        request.fields.bytes = bytes;
        let body = Body::new(request.extent, config)?;
        self.is_used = true;
        self.waiting.push_back(Exchange {
            version: request.version,
            is_head: request.method == Method::Head,
            keeps_alive: request.keeps_alive,
            expects_continue: request.expects_continue && request.has_body(),
            refusal: None,
        });
        self.reading = body.map_or(Reading::End, Reading::Body);
        Ok(Some(ServerEvent::Request(request)))
    }

    /// The request that was read is there as a whole.
    fn end(&mut self, fields: Fields) -> ServerEvent {
        // If nobody waits, it was answered before it was there as a whole.
        let keeps_alive = self.waiting.back().is_none_or(|youngest| youngest.keeps_alive);
        self.reading = if keeps_alive { Reading::Head } else { Reading::Nothing };
        ServerEvent::End(fields)
    }

    /// Reads nothing more, and answers with that what was being read.
    fn refuse(&mut self, refusal: Refusal) -> ServerEvent {
        let was_in_body = matches!(self.reading, Reading::Body(_));
        self.stop_reading();
        if !was_in_body {
            self.waiting.push_back(Exchange { refusal: Some(refusal), ..Exchange::UNKNOWN });
        } else if let Some(youngest) = self.waiting.back_mut() {
            // Nothing was read behind a body, so if somebody waits, the youngest is the one whose body this was.
            youngest.keeps_alive = false;
            youngest.refusal = Some(refusal);
        }
        self.settle();
        ServerEvent::Refused(refusal)
    }

    fn stop_reading(&mut self) {
        self.reading = Reading::Nothing;
        self.input.clear();
        self.gather = Gather::default();
    }

    /// Writes the answers to what was refused whose turn it is.
    fn settle(&mut self) {
        while self.writer.writing.is_none() {
            let Some(Exchange { refusal: Some(refusal), .. }) = self.waiting.front().copied() else {
                return;
            };
            let text = Payload::from(format!("{refusal}\n").into_bytes());
            self.write_head(refusal.status(), &[("content-type", "text/plain")], Some(text.len() as u64));
            self.write_whole(&text);
        }
    }

    fn write_whole(&mut self, body: &Payload) {
        if self.writer.writing != Some(Writing::Hidden) {
            self.writer.output.put(body);
        }
        self.complete();
    }

    /// The answer to the oldest request is written.
    fn complete(&mut self) {
        self.writer.writing = None;
        let answered = self.waiting.pop_front().expect("an answer began only if a request waited");
        if !answered.keeps_alive {
            self.stop_reading();
            self.waiting.clear();
        } else if self.waiting.front().is_some_and(|next| next.refusal.is_some()) {
            self.settle();
        }
    }

    /// Writes the head of the answer to the oldest request.
    fn write_head(&mut self, status: Status, fields: &[(&str, &str)], length: Option<u64>) {
        let exchange = self.waiting.front_mut().expect("a request waits");
        let is_hidden = exchange.is_head || !status.allows_body();
        let is_chunked = length.is_none() && exchange.version == Version::Http11;
        let ends_by_closing = length.is_none() && !is_chunked && !is_hidden;
        // A client that waits with its body may send it or not: what follows could not be told from it.
        exchange.keeps_alive &= !self.is_last && !exchange.expects_continue && !ends_by_closing;
        self.writer.writing = Some(match length {
            _ if is_hidden => Writing::Hidden,
            _ if exchange.version == Version::Http09 => Writing::UntilEnd,
            Some(length) => Writing::Sized(length),
            None if is_chunked => Writing::Chunked,
            None => Writing::UntilEnd,
        });
        if exchange.version == Version::Http09 {
            return;
        }
        let tail = self.writer.output.tail();
        status_line(tail, status);
        write::fields(tail, fields);
        if let Some(date) = &self.date {
            tail.extend_from_slice(b"date: ");
            tail.extend_from_slice(date.bytes());
            tail.extend_from_slice(b"\r\n");
        }
        match length {
            _ if !status.allows_body() => (),
            Some(length) => write::length(tail, length),
            None if is_chunked => tail.extend_from_slice(b"transfer-encoding: chunked\r\n"),
            None => (),
        }
        match (exchange.keeps_alive, exchange.version) {
            (false, _) => tail.extend_from_slice(b"connection: close\r\n"),
            (true, Version::Http10) => tail.extend_from_slice(b"connection: keep-alive\r\n"),
            (true, _) => (),
        }
        tail.extend_from_slice(b"\r\n");
    }
}

impl Exchange {
    /// What could not be read.
    const UNKNOWN: Self = Self {
        version: Version::Http11,
        is_head: false,
        keeps_alive: false,
        expects_continue: false,
        refusal: None,
    };
}

#[inline]
fn status_line(tail: &mut Vec<u8>, status: Status) {
    if status == Status::OK {
        return tail.extend_from_slice(b"HTTP/1.1 200 OK\r\n");
    }
    tail.extend_from_slice(b"HTTP/1.1 ");
    write::decimal(tail, u64::from(status.code()));
    tail.push(b' ');
    tail.extend_from_slice(status.reason().as_bytes());
    tail.extend_from_slice(b"\r\n");
}
