//! [`Console`]: what people type to programs, and what they see of them.
//!
//! ```text
//!  viewers ── input ──► line discipline ──► pieces ──► read
//!     ▲                        │ echo
//!     └── take_output ◄── kept output ◄──── write
//! ```
//!
//! All output is kept once, in a bounded buffer; a viewer is a position in it. Who is slow loses the oldest output and
//! is told how much that was, and who comes later sees what is kept. One viewer may *hold* the console: programs then
//! wait for it instead.
//!
//! It knows no processes: signals for the foreground group are what [`Happened`] says.

mod columns;
mod config;
mod discipline;
#[cfg(test)]
mod tests;
mod typed;
mod viewers;

use typed::Typed;
use viewers::Viewers;

pub use config::{Config, Mode, Size};
pub use viewers::{Begin, Seen, ViewerId};

use super::{Errno, Ready, Signal, SignalSet, Tail};

/// How much of what is written is made ready to be shown at a time.
const PIECE_BYTES: usize = 4096;

/// A terminal of a machine, without a screen.
///
/// # Examples
///
/// ```
/// use ironloom_vm::os::console::{Begin, Config, Console};
/// use ironloom_vm::os::{Errno, Signal};
///
/// let mut console = Console::new(Config::default());
/// let viewer = console.attach(Begin::Now)?;
/// let happened = console.input(b"lz\x7fs\r");
/// assert!(happened.ready.is_readable());
/// assert_eq!(console.read(100)?.0, b"ls\n");
/// console.write(b"bin\n")?;
/// assert_eq!(console.take_output(viewer, 100).unwrap().0.bytes, b"lz\x08 \x08s\r\nbin\r\n");
/// assert!(console.input(b"\x03").signals.contains(Signal::Interrupt));
/// # Ok::<(), Errno>(())
/// ```
#[derive(Debug)]
pub struct Console {
    config: Config,
    mode: Mode,
    size: Size,
    /// The process group that is typed to.
    foreground: Option<u32>,
    is_hung_up: bool,
    /// Without anything typed there is no allocation.
    typed: Option<Box<Typed>>,
    output: Tail,
    viewers: Viewers,
}

/// What input led to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[must_use = "the foreground is told the signals"]
pub struct Happened {
    /// For the group in the foreground.
    pub signals: SignalSet,
    /// What became possible.
    pub ready: Ready,
    /// How many bytes there was no room for.
    pub dropped: usize,
}

impl Console {
    /// One that nobody looks at, in line mode.
    #[must_use]
    pub fn new(config: Config) -> Self {
        Self {
            config,
            mode: Mode::default(),
            size: Size::default(),
            foreground: None,
            is_hung_up: false,
            typed: None,
            output: Tail::default(),
            viewers: Viewers::default(),
        }
    }

    /// How it treats what is typed and written.
    #[must_use]
    pub const fn mode(&self) -> Mode {
        self.mode
    }

    /// Changes how it treats what is typed and written. What was typed before stays to be read.
    pub fn set_mode(&mut self, mode: Mode) -> Ready {
        let was_raw = std::mem::replace(&mut self.mode, mode).raw;
        let Some(typed) = &mut self.typed else { return Ready::NONE };
        match (was_raw, mode.raw) {
            (false, true) => typed.become_raw(),
            (true, false) => typed.become_lines(),
            _ => return Ready::NONE,
        }
        self.ready()
    }

    /// How much it shows.
    #[must_use]
    pub const fn size(&self) -> Size {
        self.size
    }

    /// Changes how much it shows; the foreground is told if that is new.
    pub fn resize(&mut self, size: Size) -> Happened {
        let is_new = std::mem::replace(&mut self.size, size) != size;
        let signals = if is_new { SignalSet::of(Signal::WindowChange) } else { SignalSet::EMPTY };
        Happened { signals, ..Happened::default() }
    }

    /// The process group that is typed to.
    #[must_use]
    pub const fn foreground(&self) -> Option<u32> {
        self.foreground
    }

    /// Says which process group is typed to.
    pub const fn set_foreground(&mut self, group: Option<u32>) {
        self.foreground = group;
    }

    /// Whether a process group may read; who may not is sent [`Signal::TerminalInput`].
    #[must_use]
    pub fn is_foreground(&self, group: u32) -> bool {
        self.foreground.is_none_or(|foreground| foreground == group)
    }

    /// What would not have to wait now.
    pub fn ready(&self) -> Ready {
        let mut ready = Ready::NONE;
        let raw = self.mode.raw;
        if self.is_hung_up || self.typed.as_ref().is_some_and(|typed| typed.is_readable(raw)) {
            ready |= Ready::READABLE;
        }
        if self.room() != Some(0) {
            ready |= Ready::WRITABLE;
        }
        ready
    }

    /// Takes what was typed.
    pub fn input(&mut self, bytes: &[u8]) -> Happened {
        if self.is_hung_up {
            return Happened { dropped: bytes.len(), ..Happened::default() };
        }
        let happened = if self.mode.raw { self.type_raw(bytes) } else { self.type_line(bytes) };
        self.tidy();
        happened
    }

    /// How many bytes may be typed before there is no room.
    #[must_use]
    pub fn input_room(&self) -> usize {
        let held = self.typed.as_ref().map_or(0, |typed| typed.held());
        (self.config.input_bytes_max as usize).saturating_sub(held)
    }

    /// What was typed: in line mode a line, or a part of it as long as `max`; in raw mode what there is. No bytes mean
    /// the end of input. What is then said to be writable is the input.
    ///
    /// # Errors
    ///
    /// [`Errno::Again`] if there is nothing yet.
    pub fn read(&mut self, max: usize) -> Result<(Vec<u8>, Ready), Errno> {
        if self.is_hung_up || max == 0 {
            return Ok((Vec::new(), Ready::NONE));
        }
        let raw = self.mode.raw;
        let typed = self.typed.as_mut().filter(|typed| typed.is_readable(raw)).ok_or(Errno::Again)?;
        let bytes = if raw { typed.take_raw(max) } else { typed.take_piece(max).unwrap_or_default() };
        self.tidy();
        Ok((bytes, Ready::WRITABLE))
    }

    /// A line with its end. It is less than that, for the caller to put together, if somebody typed Ctrl-D in the middle
    /// of it, or there is no room for the rest of it.
    ///
    /// # Errors
    ///
    /// [`Errno::Again`] if no line was typed yet.
    pub fn read_line(&mut self, max: usize) -> Result<(Vec<u8>, Ready), Errno> {
        let is_full = self.input_room() == 0;
        match &self.typed {
            Some(typed) if self.mode.raw && !self.is_hung_up => match typed.raw_line() {
                None if !is_full => Err(Errno::Again),
                line => self.read(line.map_or(max, |line| line.min(max))),
            },
            _ => self.read(max),
        }
    }

    /// Shows bytes, and says how many there was room for: all, unless somebody holds it.
    ///
    /// # Errors
    ///
    /// [`Errno::Again`] if whoever holds it has not seen enough yet, [`Errno::Io`] if it is gone.
    pub fn write(&mut self, bytes: &[u8]) -> Result<(usize, Ready), Errno> {
        if self.is_hung_up {
            return Err(Errno::Io);
        }
        let written = bytes.len().min(self.room().unwrap_or(usize::MAX));
        if written == 0 && !bytes.is_empty() {
            return Err(Errno::Again);
        }
        self.show(&bytes[..written]);
        let is_seen = written > 0 && self.viewers.len() > 0;
        Ok((written, if is_seen { Ready::READABLE } else { Ready::NONE }))
    }

    /// Lets somebody look at it.
    ///
    /// # Errors
    ///
    /// [`Errno::Busy`] if too many do.
    pub fn attach(&mut self, begin: Begin) -> Result<ViewerId, Errno> {
        let position = match begin {
            Begin::Kept => self.output.begin(),
            Begin::Now => self.output.end(),
        };
        self.viewers.attach(position, self.config.viewers_max)
    }

    /// From now on programs wait until this viewer has seen what they write.
    ///
    /// Only the echo of what is typed does not wait.
    ///
    /// # Errors
    ///
    /// [`Errno::Busy`] if they wait for somebody else, [`Errno::Invalid`] if nobody has this id.
    pub fn hold(&mut self, viewer: ViewerId) -> Result<(), Errno> {
        self.viewers.hold(viewer)
    }

    /// Somebody does not look any more.
    pub fn detach(&mut self, viewer: ViewerId) -> Ready {
        if self.viewers.detach(viewer) { Ready::WRITABLE } else { Ready::NONE }
    }

    /// How many look at it.
    #[must_use]
    pub fn viewers(&self) -> usize {
        self.viewers.len()
    }

    /// Whether there is something that a viewer has not seen.
    #[must_use]
    pub fn has_output(&self, viewer: ViewerId) -> bool {
        self.viewers.is_behind(viewer, &self.output)
    }

    /// What a viewer has not seen yet, at most `max` bytes; `None` if nobody has this id.
    pub fn take_output(&mut self, viewer: ViewerId, max: usize) -> Option<(Seen, Ready)> {
        let (seen, is_waited_for) = self.viewers.take(viewer, &self.output, max)?;
        Some((seen, if is_waited_for { Ready::WRITABLE } else { Ready::NONE }))
    }

    /// What is kept of the output, as text with plain ends of lines.
    #[must_use]
    pub fn scrollback(&self) -> String {
        self.output.text().replace("\r\n", "\n")
    }

    /// It is gone: reading ends, writing fails, and the foreground is told.
    pub fn hang_up(&mut self) -> Happened {
        if std::mem::replace(&mut self.is_hung_up, true) {
            return Happened::default();
        }
        self.typed = None;
        let signals = [Signal::Hangup, Signal::Continue].into_iter().collect();
        Happened { signals, ready: Ready::READABLE | Ready::WRITABLE, dropped: 0 }
    }

    /// Whether it is gone.
    #[must_use]
    pub const fn is_hung_up(&self) -> bool {
        self.is_hung_up
    }

    fn type_raw(&mut self, bytes: &[u8]) -> Happened {
        let max = self.config.input_bytes_max as usize;
        let taken = self.typed.get_or_insert_default().push_raw(bytes, max);
        let ready = if taken > 0 { Ready::READABLE } else { Ready::NONE };
        if self.mode.echo {
            self.show(&bytes[..taken]);
        }
        Happened { ready, dropped: bytes.len() - taken, ..Happened::default() }
    }

    /// How much more may be written before who holds it must see some; `None` if nobody does.
    fn room(&self) -> Option<usize> {
        self.viewers.room(&self.output, self.config.output_bytes_max as usize / 2)
    }

    /// Keeps bytes to be seen. In line mode an end of a line goes back to the first column.
    fn show(&mut self, bytes: &[u8]) {
        let max = self.config.output_bytes_max as usize;
        if self.mode.raw {
            return self.output.push(bytes, max);
        }
        let mut shown = Vec::new();
        for piece in bytes.chunks(PIECE_BYTES) {
            shown.clear();
            for line in piece.split_inclusive(|byte| *byte == b'\n') {
                let text = line.strip_suffix(b"\n").unwrap_or(line);
                shown.extend_from_slice(text);
                if text.len() < line.len() {
                    shown.extend_from_slice(b"\r\n");
                }
            }
            self.output.push(&shown, max);
        }
    }

    /// Gives memory back when nothing is typed.
    fn tidy(&mut self) {
        self.typed = self.typed.take().filter(|typed| !typed.is_empty());
    }
}
