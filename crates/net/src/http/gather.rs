//! [`Gather`]: puts a head together that arrives in pieces.
//!
//! A head that arrives whole is a slice of its piece. Otherwise its pieces are copied together up to the first empty
//! line, and it is tried to read them: every time as long as they are few, later only after the first line, at an empty
//! line, or when they have doubled, so that a head that comes byte by byte costs no more than a few times its length.

use bytes::Bytes;

use super::Refusal;
use super::input::Input;

/// Up to how many bytes a head is tried with every piece.
const EAGER_BYTES: usize = 512;

/// Puts a head together.
#[derive(Debug, Default)]
pub(super) struct Gather {
    bytes: Vec<u8>,
    /// How many bytes of CR LF CR LF the gathered bytes end in.
    matched: u8,
    has_line: bool,
    tried: usize,
}

/// What became of an attempt to read a head: how long it is; `None` if there is more to come.
pub(super) type Attempt = Result<Option<usize>, Refusal>;

impl Gather {
    /// Takes the next head off the input, if it is there as a whole.
    #[inline]
    pub(super) fn next(
        &mut self,
        input: &mut Input,
        limit: u16,
        too_long: Refusal,
        mut attempt: impl FnMut(&[u8]) -> Attempt,
    ) -> Result<Option<Bytes>, Refusal> {
        if !self.bytes.is_empty() {
            return self.gather(input, limit, too_long, attempt);
        }
        if input.is_empty() {
            return Ok(None);
        }
        let front = input.front();
        let within = &front[..front.len().min(usize::from(limit))];
        match attempt(within)? {
            Some(len) => Ok(Some(input.take(len))),
            None if within.len() == usize::from(limit) => Err(too_long),
            None => {
                let len = within.len();
                self.tried = len;
                self.append(input, len);
                self.gather(input, limit, too_long, attempt)
            }
        }
    }

    pub(super) const fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    /// Whether the other side may finish here: nothing has begun.
    pub(super) fn is_idle(&self) -> bool {
        self.bytes.iter().all(|byte| matches!(byte, b'\r' | b'\n'))
    }

    /// What is wrong with what was gathered, after the other side has finished.
    pub(super) fn finish(&self, attempt: impl FnOnce(&[u8]) -> Attempt) -> Refusal {
        attempt(&self.bytes).err().unwrap_or(Refusal::Unfinished)
    }

    #[cold]
    fn gather(
        &mut self,
        input: &mut Input,
        limit: u16,
        too_long: Refusal,
        mut attempt: impl FnMut(&[u8]) -> Attempt,
    ) -> Result<Option<Bytes>, Refusal> {
        while !input.is_empty() {
            let room = usize::from(limit) - self.bytes.len();
            let ended = self.append(input, room);
            let len = self.bytes.len();
            let is_full = len == usize::from(limit);
            if !(ended || is_full || len <= EAGER_BYTES || len >= 2 * self.tried) {
                continue;
            }
            self.tried = len;
            if let Some(used) = attempt(&self.bytes)? {
                let mut bytes = Bytes::from(std::mem::take(&mut self.bytes));
                *self = Self::default();
                input.put_back(bytes.split_off(used));
                return Ok(Some(bytes));
            }
            if is_full {
                return Err(too_long);
            }
        }
        Ok(None)
    }

    /// Takes over the front of the first piece, up to where it is time to try; whether that was found.
    fn append(&mut self, input: &mut Input, room: usize) -> bool {
        let front = input.front();
        let within = &front[..front.len().min(room)];
        let end = within.iter().position(|byte| {
            let (matched, ends) = follow(self.matched, *byte);
            self.matched = matched;
            let is_first_line = *byte == b'\n' && !self.has_line;
            self.has_line |= is_first_line;
            ends || is_first_line
        });
        let len = end.map_or(within.len(), |last| last + 1);
        self.bytes.extend_from_slice(&within[..len]);
        input.skip(len);
        end.is_some()
    }
}

/// How many bytes of CR LF CR LF are matched after another one, and whether it is time to try: at an empty line, or at
/// a line feed that stands alone.
const fn follow(matched: u8, byte: u8) -> (u8, bool) {
    match (matched, byte) {
        (1, b'\n') => (2, false),
        (2, b'\r') => (3, false),
        (_, b'\r') => (1, false),
        (_, b'\n') => (0, true),
        _ => (0, false),
    }
}
