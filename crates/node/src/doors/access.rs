//! [`AccessLog`]: who is told of those who come.

use std::collections::VecDeque;
use std::fmt;
use std::fmt::Write as _;
use std::net::SocketAddr;

use ironloom_core::{Duration, Instant};
use ironloom_net::http::Status;
use parking_lot::Mutex;

use super::Turned;

/// Somebody came; what became of that.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub enum Access<'a> {
    /// It was turned away.
    Refused {
        /// At which door.
        door: &'a str,
        /// When, by the kernel's clock.
        at: Instant,
        /// Why.
        why: Turned,
    },
    /// A request was answered.
    Request {
        /// At which door.
        door: &'a str,
        /// When, by the kernel's clock.
        at: Instant,
        /// Who asked, unless by a Unix socket.
        peer: Option<SocketAddr>,
        /// The method, or nothing if the request was not understood.
        method: &'a str,
        /// What was asked for, as it was written.
        target: &'a str,
        /// What was answered.
        status: Status,
        /// How many bytes the body has, if it was there as a whole.
        bytes: Option<u64>,
        /// How long it took until there was an answer.
        took: Duration,
    },
    /// A connection that was led on is over.
    Connection {
        /// At which door.
        door: &'a str,
        /// When it came, by the kernel's clock.
        at: Instant,
        /// Who came, unless by a Unix socket.
        peer: Option<SocketAddr>,
        /// What came in, if that was counted.
        bytes_in: Option<u64>,
        /// What went out, if that was counted.
        bytes_out: Option<u64>,
        /// How long it lasted.
        took: Duration,
        /// Why it was broken off, if it was.
        error: Option<&'a str>,
    },
}

/// Who is told of those who come. It is called where they are served, and must not wait.
pub trait AccessLog: Send + Sync {
    /// Takes notice.
    fn note(&self, access: &Access<'_>);
}

impl<F: Fn(&Access<'_>) + Send + Sync> AccessLog for F {
    fn note(&self, access: &Access<'_>) {
        self(access);
    }
}

/// Remembers the last so many as lines.
///
/// ```
/// use std::sync::Arc;
/// use ironloom_node::doors::Recent;
/// use ironloom_node::http::Config;
///
/// let recent = Arc::new(Recent::new(1_000));
/// let config = Config { log: Some(recent.clone()), ..Config::default() };
/// assert!(recent.lines().is_empty());
/// ```
#[derive(Debug)]
pub struct Recent {
    lines_max: usize,
    lines: Mutex<VecDeque<String>>,
}

impl Recent {
    /// How long a line may be: what a stranger asked for can be as long as a head.
    const LINE_BYTES_MAX: usize = 512;

    /// Remembers so many.
    #[must_use]
    pub fn new(lines_max: usize) -> Self {
        Self { lines_max, lines: Mutex::default() }
    }

    /// The lines, oldest first.
    #[must_use]
    pub fn lines(&self) -> Vec<String> {
        self.lines.lock().iter().cloned().collect()
    }
}

impl AccessLog for Recent {
    fn note(&self, access: &Access<'_>) {
        if self.lines_max == 0 {
            return;
        }
        let mut lines = self.lines.lock();
        // The memory of the oldest line serves the newest.
        let oldest = if lines.len() >= self.lines_max { lines.pop_front() } else { None };
        let mut line = oldest.unwrap_or_default();
        line.clear();
        write!(line, "{access}").expect("a string takes what is written");
        let end = line.floor_char_boundary(Self::LINE_BYTES_MAX);
        line.truncate(end);
        lines.push_back(line);
    }
}

impl fmt::Display for Access<'_> {
    /// Writes a line. What strangers chose is escaped, so that it stays one.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refused { door, at, why } => write!(f, "{at} {door} refused: {why}"),
            Self::Request { door, at, peer, method, target, status, bytes, took } => {
                write!(f, "{at} {door} {} ", Shown(*peer))?;
                write!(f, "\"{} {}\" {} ", method.escape_debug(), target.escape_debug(), status.code())?;
                write!(f, "{} {took}", Counted(*bytes))
            }
            Self::Connection { door, at, peer, bytes_in, bytes_out, took, error } => {
                let [came, went] = [bytes_in, bytes_out].map(|bytes| Counted(*bytes));
                write!(f, "{at} {door} {} in {came} out {went} {took}", Shown(*peer))?;
                error.map_or(Ok(()), |error| write!(f, " broken off: {error}"))
            }
        }
    }
}

/// A peer, as it is written.
struct Shown(Option<SocketAddr>);

impl fmt::Display for Shown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some(peer) => peer.fmt(f),
            None => f.write_str("unix"),
        }
    }
}

/// A number of bytes, as it is written.
struct Counted(Option<u64>);

impl fmt::Display for Counted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some(bytes) => bytes.fmt(f),
            None => f.write_str("-"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ask(log: &Recent, target: &str) {
        log.note(&Access::Request {
            door: "web",
            at: Instant::ZERO,
            peer: Some(([192, 0, 2, 1], 7).into()),
            method: "GET",
            target,
            status: Status::OK,
            bytes: Some(3),
            took: Duration::from_millis(2),
        });
    }

    #[test]
    fn the_last_lines_are_remembered() {
        let log = Recent::new(2);
        for target in ["/a", "/b\n\"x\"", "/c"] {
            ask(&log, target);
        }
        let lines = log.lines();
        assert_eq!(lines.len(), 2);
        assert!(lines[0].contains("web 192.0.2.1:7 \"GET /b\\n\\\"x\\\"\" 200 3 "), "{lines:?}");
        assert!(lines[1].contains("\"GET /c\""), "{lines:?}");
    }

    #[test]
    fn a_line_has_an_end() {
        let log = Recent::new(1);
        ask(&log, &"ü".repeat(5_000));
        assert!(log.lines()[0].len() <= Recent::LINE_BYTES_MAX);
    }
}
