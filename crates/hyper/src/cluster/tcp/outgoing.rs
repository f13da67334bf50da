//! [`Outgoing`]: what is on its way to a host: sealed, written as far as the socket takes it, and the rest of it.

use std::io::Write as _;
use std::mem;
use std::net::{Shutdown, TcpStream};

use parking_lot::{Condvar, Mutex};

use super::socket::write_at_once;
use crate::cluster::link::{LinkError, Sealer};

/// How much room a buffer keeps when what was in it has been sent.
const KEPT_BYTES: usize = 256 << 10;

/// The way to a host.
#[derive(Debug)]
pub(super) struct Outgoing {
    stream: TcpStream,
    backlog_bytes_max: usize,
    line: Mutex<Line>,
    /// Tells the thread that writes what waits that something does, or that nothing will any more.
    waiting: Condvar,
}

#[derive(Debug)]
struct Line {
    sealer: Sealer,
    /// Where frames are made.
    frames: Vec<u8>,
    /// What the socket has not taken.
    backlog: Vec<u8>,
    /// How many bytes the thread that writes is writing.
    writing: usize,
    /// Whether the thread that writes has its turn: then nobody else writes, or frames would be mixed.
    is_blocked: bool,
    ended: Option<LinkError>,
}

impl Outgoing {
    pub(super) fn new(stream: TcpStream, sealer: Sealer, backlog_bytes_max: usize) -> Self {
        let (frames, backlog) = (Vec::new(), Vec::new());
        let line = Line { sealer, frames, backlog, writing: 0, is_blocked: false, ended: None };
        Self { stream, backlog_bytes_max, line: Mutex::new(line), waiting: Condvar::new() }
    }

    /// Sends messages, in as few frames as they fit into; how many bytes that makes.
    ///
    /// If one does not fit into a frame, none is sent.
    pub(super) fn send(&self, payloads: &[&[u8]]) -> Result<usize, LinkError> {
        let mut line = self.line.lock();
        if let Some(error) = line.ended {
            return Err(error);
        }
        let mut frames = mem::take(&mut line.frames);
        frames.clear();
        let sent = seal(&mut line.sealer, payloads, &mut frames).and_then(|()| self.push(&mut line, &frames));
        let bytes = frames.len();
        frames.shrink_to(KEPT_BYTES);
        line.frames = frames;
        sent.map(|()| bytes)
    }

    /// Writes what the socket takes and leaves the rest to the thread that writes.
    fn push(&self, line: &mut Line, frames: &[u8]) -> Result<(), LinkError> {
        let written = if line.is_blocked { Ok(0) } else { write_at_once(&self.stream, frames) };
        let rest = match written {
            Ok(written) => &frames[written..],
            Err(error) => return Err(self.end_with(line, LinkError::Network(error.kind()))),
        };
        if rest.is_empty() {
            return Ok(());
        }
        if line.backlog.len() + line.writing + rest.len() > self.backlog_bytes_max {
            let limit = self.backlog_bytes_max as u64;
            return Err(self.end_with(line, LinkError::Backlog { limit }));
        }
        line.backlog.extend_from_slice(rest);
        if !mem::replace(&mut line.is_blocked, true) {
            self.waiting.notify_one();
        }
        Ok(())
    }

    /// Writes what waits, until the link ends: what the second thread of a link does.
    pub(super) fn write_backlog(&self) {
        let mut bytes = Vec::new();
        let mut line = self.line.lock();
        loop {
            line.writing = 0;
            line.is_blocked = !line.backlog.is_empty();
            if line.ended.is_some() {
                return;
            }
            if !line.is_blocked {
                self.waiting.wait(&mut line);
                continue;
            }
            bytes.clear();
            bytes.shrink_to(KEPT_BYTES);
            mem::swap(&mut bytes, &mut line.backlog);
            line.writing = bytes.len();
            drop(line);
            let written = (&self.stream).write_all(&bytes);
            line = self.line.lock();
            if let Err(error) = written {
                self.end_with(&mut line, LinkError::Network(error.kind()));
            }
        }
    }

    /// Ends the link for this reason, unless it has ended for another before; which one it is.
    pub(super) fn end(&self, error: LinkError) -> LinkError {
        self.end_with(&mut self.line.lock(), error)
    }

    fn end_with(&self, line: &mut Line, error: LinkError) -> LinkError {
        if line.ended.is_none() {
            line.ended = Some(error);
            line.backlog = Vec::new();
            self.waiting.notify_one();
            // It fails if the other side was faster.
            let _ = self.stream.shutdown(Shutdown::Both);
        }
        *line.ended.get_or_insert(error)
    }

    pub(super) fn has_ended(&self) -> bool {
        self.line.lock().ended.is_some()
    }

    /// How many bytes wait.
    pub(super) fn backlog_bytes(&self) -> usize {
        let line = self.line.lock();
        line.backlog.len() + line.writing
    }

    pub(super) const fn stream(&self) -> &TcpStream {
        &self.stream
    }
}

/// Seals messages in as few frames as they fit into.
fn seal(sealer: &mut Sealer, payloads: &[&[u8]], out: &mut Vec<u8>) -> Result<(), LinkError> {
    sealer.fits(payloads)?;
    let mut payloads = payloads.iter().peekable();
    while payloads.peek().is_some() {
        let mut batch = sealer.begin(out);
        while payloads.peek().is_some_and(|payload| batch.push(payload).is_ok()) {
            payloads.next();
        }
        batch.finish();
    }
    Ok(())
}
