//! [`Typed`]: what was typed and not read yet, and the line that is being edited.

use std::collections::VecDeque;

use super::columns::columns;

/// How much room a line needs beside its characters: its end, and that it is a piece.
const RESERVED_BYTES: usize = 2;

/// What was typed and not read yet.
#[derive(Debug, Default)]
pub(super) struct Typed {
    /// What can be read.
    bytes: VecDeque<u8>,
    /// In line mode, how long the pieces of `bytes` are that are read one by one; an empty one is an end of input.
    pieces: VecDeque<u32>,
    /// What is being edited.
    line: Vec<u8>,
    /// The next byte is taken as it is.
    pub(super) is_literal: bool,
}

impl Typed {
    /// How much it holds; an end of input counts as well.
    pub(super) fn held(&self) -> usize {
        self.bytes.len() + self.pieces.len() + self.line.len()
    }

    /// How many bytes were typed and not read.
    #[cfg(test)]
    pub(super) fn typed_bytes(&self) -> usize {
        self.bytes.len() + self.line.len()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.held() == 0 && !self.is_literal
    }

    /// Whether there is something to read.
    pub(super) fn is_readable(&self, is_raw: bool) -> bool {
        if is_raw { !self.bytes.is_empty() } else { !self.pieces.is_empty() }
    }

    /// Takes bytes as they are, and says how many there was room for.
    pub(super) fn push_raw(&mut self, bytes: &[u8], max: usize) -> usize {
        let count = bytes.len().min(max.saturating_sub(self.held()));
        self.bytes.extend(&bytes[..count]);
        count
    }

    /// Adds a byte to the line, if there is room.
    pub(super) fn push(&mut self, byte: u8, max: usize) -> bool {
        let has_room = self.held() + RESERVED_BYTES < max;
        if has_room {
            self.line.push(byte);
        }
        has_room
    }

    /// Ends the line, with or without an end of a line, if there is room.
    pub(super) fn finish(&mut self, end: &[u8], max: usize) -> bool {
        if self.held() + end.len() >= max {
            return false;
        }
        self.pieces.push_back((self.line.len() + end.len()) as u32);
        self.bytes.extend(self.line.drain(..).chain(end.iter().copied()));
        self.line = Vec::new();
        true
    }

    /// Takes the last character of the line away, and says how many columns it has.
    pub(super) fn erase(&mut self) -> Option<usize> {
        let is_inside = |byte: &u8| byte & 0xc0 == 0x80;
        let inside = self.line.iter().rev().take(3).take_while(|byte| is_inside(byte)).count();
        let begin = self.line.len().checked_sub(inside + 1).unwrap_or(self.line.len().checked_sub(1)?);
        let erased = columns(&self.line[begin..]);
        self.line.truncate(begin);
        Some(erased)
    }

    /// Takes the line away, and says how many columns it has.
    pub(super) fn erase_line(&mut self) -> usize {
        std::iter::from_fn(|| self.erase()).sum()
    }

    /// Takes the last word of the line away with the blanks behind it, and says how many columns that was.
    pub(super) fn erase_word(&mut self) -> usize {
        let mut erased = 0;
        for is_blank in [true, false] {
            while self.line.last().is_some_and(|byte| byte.is_ascii_whitespace() == is_blank) {
                erased += self.erase().unwrap_or(0);
            }
        }
        erased
    }

    /// The first piece, or as much of it as `max`.
    pub(super) fn take_piece(&mut self, max: usize) -> Option<Vec<u8>> {
        let piece = self.pieces.front_mut()?;
        let count = max.min(*piece as usize);
        *piece -= count as u32;
        if *piece == 0 {
            self.pieces.pop_front();
        }
        Some(self.bytes.drain(..count).collect())
    }

    /// What there is, at most `max` bytes.
    pub(super) fn take_raw(&mut self, max: usize) -> Vec<u8> {
        let count = max.min(self.bytes.len());
        self.bytes.drain(..count).collect()
    }

    /// How long the first line is that was typed as it is.
    pub(super) fn raw_line(&self) -> Option<usize> {
        self.bytes.iter().position(|byte| *byte == b'\n').map(|at| at + 1)
    }

    /// Goes over to raw mode: what is being edited can be read, and ends of input are none any more.
    pub(super) fn become_raw(&mut self) {
        self.pieces = VecDeque::new();
        self.is_literal = false;
        self.bytes.extend(std::mem::take(&mut self.line));
    }

    /// Goes over to line mode: what was typed can be read line by line, the last one without its end.
    pub(super) fn become_lines(&mut self) {
        let mut length = 0;
        for byte in &self.bytes {
            length += 1;
            if *byte == b'\n' {
                self.pieces.push_back(std::mem::take(&mut length));
            }
        }
        if length > 0 {
            self.pieces.push_back(length);
        }
    }
}
