//! [`Tail`]: the end of what was written, however much that was.

use std::collections::VecDeque;

#[cfg(test)]
mod tests;

/// The last bytes of a stream, up to a limit; the rest is counted and forgotten.
///
/// It is cut where a line begins, if one begins soon enough, and never inside a character of UTF-8.
///
/// # Examples
///
/// ```
/// use ironloom_vm::os::Tail;
///
/// let mut tail = Tail::default();
/// tail.push(b"first\nsecond\nthird\n", 15);
/// assert_eq!(tail.text(), "second\nthird\n");
/// assert_eq!((tail.begin(), tail.end()), (6, 19));
/// ```
#[derive(Debug, Default)]
pub struct Tail {
    kept: VecDeque<u8>,
    /// How many bytes were before those that are kept.
    begin: u64,
}

impl Tail {
    /// The position of the first byte that is kept.
    #[must_use]
    pub const fn begin(&self) -> u64 {
        self.begin
    }

    /// The position behind the last byte.
    #[must_use]
    pub fn end(&self) -> u64 {
        self.begin + self.kept.len() as u64
    }

    /// Adds bytes, and forgets the oldest if it would keep more than `bytes_max`.
    pub fn push(&mut self, bytes: &[u8], bytes_max: usize) {
        // Of what is long only the end stays, but what is before says where a line or a character begins.
        let needed = bytes.len().min(bytes_max.saturating_mul(2).max(16));
        let (skipped, bytes) = bytes.split_at(bytes.len() - needed);
        if !skipped.is_empty() {
            self.begin += (self.kept.len() + skipped.len()) as u64;
            self.kept.clear();
        }
        self.kept.extend(bytes);
        if self.kept.len() > bytes_max {
            let cut = self.place_to_cut(bytes_max);
            self.kept.drain(..cut);
            self.begin += cut as u64;
        }
        if self.kept.is_empty() {
            self.kept = VecDeque::new();
        }
    }

    /// At most `max` bytes from a position on, or from the first that is kept.
    #[must_use]
    pub fn bytes_from(&self, position: u64, max: usize) -> Vec<u8> {
        let skipped = position.saturating_sub(self.begin).min(self.kept.len() as u64) as usize;
        let count = max.min(self.kept.len() - skipped);
        self.kept.range(skipped..skipped + count).copied().collect()
    }

    /// Everything that is kept, as text: bytes that are none are replaced, and a character that is not complete yet is
    /// left out.
    #[must_use]
    pub fn text(&self) -> String {
        let bytes = self.bytes_from(0, usize::MAX);
        let mut text = String::with_capacity(bytes.len());
        let mut chunks = bytes.utf8_chunks().peekable();
        while let Some(chunk) = chunks.next() {
            text.push_str(chunk.valid());
            let is_unfinished = chunks.peek().is_none() && is_begin_of_character(chunk.invalid());
            if !chunk.invalid().is_empty() && !is_unfinished {
                text.push(char::REPLACEMENT_CHARACTER);
            }
        }
        text
    }

    /// Where to cut so that at most `bytes_max` stay.
    fn place_to_cut(&self, bytes_max: usize) -> usize {
        let least = self.kept.len() - bytes_max;
        let near = least - 1..(least + bytes_max / 4).min(self.kept.len());
        let line = self.kept.range(near).position(|byte| *byte == b'\n');
        // The last byte of a stream is a fine end of a line, but nothing would stay.
        if let Some(line) = line.filter(|line| least + line < self.kept.len()) {
            return least + line;
        }
        let inside = self.kept.range(least..).take(3).take_while(|byte| **byte & 0xc0 == 0x80).count();
        least + inside
    }
}

/// Whether these are the first bytes of a character that needs more.
fn is_begin_of_character(bytes: &[u8]) -> bool {
    let needed = match bytes.first() {
        Some(0xc2..=0xdf) => 2,
        Some(0xe0..=0xef) => 3,
        Some(0xf0..=0xf4) => 4,
        _ => return false,
    };
    bytes.len() < needed
}
