//! [`Rope`]: bytes of a stream that wait, in the pieces in which they came.
//!
//! Large pieces are shared and small ones are copied together: a slice of a few bytes would keep alive the whole buffer
//! that it is a part of. The oldest piece is in the rope itself; the rest is in a box that exists while there is a
//! second piece and is gone when the rope is empty. So an idle rope owns no memory, and a message that is taken before
//! the next one comes needs no queue.

use std::collections::VecDeque;

use bytes::{Buf as _, Bytes};

use crate::Payload;

/// Pieces below this are copied.
const SHARED_BYTES_MIN: usize = 512;
/// What is copied is copied into chunks of at most this size.
const CHUNK_BYTES_MAX: usize = 64 << 10;

#[derive(Debug, Default)]
pub(super) struct Rope {
    /// The oldest piece; it is empty only if the rope is.
    first: Bytes,
    more: Option<Box<More>>,
    len: u32,
}

/// What follows the first piece.
#[derive(Debug, Default)]
struct More {
    pieces: VecDeque<Bytes>,
    /// What follows the pieces, and is still being added to.
    tail: Vec<u8>,
    /// Where a piece begins that was looked up last: what is sent next is mostly there.
    cursor: Cursor,
}

#[derive(Debug, Default, Clone, Copy)]
struct Cursor {
    piece: usize,
    /// Counted from the front of the rope.
    begin: usize,
}

impl Rope {
    pub(super) const fn len(&self) -> u32 {
        self.len
    }

    pub(super) const fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// How much memory is held, near enough.
    pub(super) fn held_bytes(&self) -> usize {
        let more = self.more.as_ref().map_or(0, |more| {
            size_of::<More>() + more.pieces.len() * size_of::<Bytes>() + more.tail.capacity()
                - more.tail.len()
        });
        self.len as usize + more
    }

    /// Adds a piece: shared if it is large, copied if it is small.
    #[inline]
    pub(super) fn push(&mut self, piece: Bytes) {
        if piece.len() < SHARED_BYTES_MIN {
            return self.append(&piece);
        }
        if self.len == 0 {
            self.len = piece.len() as u32;
            self.first = piece;
        } else {
            self.push_more(piece);
        }
    }

    fn push_more(&mut self, piece: Bytes) {
        self.len += piece.len() as u32;
        let more = self.more.get_or_insert_default();
        more.freeze();
        more.pieces.push_back(piece);
    }

    /// Adds bytes that are copied.
    pub(super) fn append(&mut self, mut bytes: &[u8]) {
        if self.len == 0 && !bytes.is_empty() {
            let (chunk, rest) = bytes.split_at(bytes.len().min(CHUNK_BYTES_MAX));
            self.first = Bytes::copy_from_slice(chunk);
            self.len = chunk.len() as u32;
            bytes = rest;
        }
        if bytes.is_empty() {
            return;
        }
        self.len += bytes.len() as u32;
        let len = self.len as usize;
        self.more.get_or_insert_default().append(bytes, len);
    }

    /// A part of it, shared. `from` and `to` are counted from the front, and within.
    pub(super) fn slice(&mut self, from: usize, to: usize) -> Payload {
        debug_assert!(from <= to && to <= self.len as usize, "{from}..{to} of {}", self.len);
        if to <= self.first.len() {
            return self.first.slice(from..to).into();
        }
        let first_len = self.first.len();
        let Some(more) = self.more.as_deref_mut() else { return Payload::EMPTY };
        more.freeze();
        let head = (from < first_len).then(|| self.first.slice(from..));
        let rest = from.max(first_len);
        let mut cursor = more.cursor;
        if cursor.begin > rest || cursor.begin < first_len {
            cursor = Cursor { piece: 0, begin: first_len };
        }
        while more.pieces.get(cursor.piece).is_some_and(|piece| cursor.begin + piece.len() <= rest) {
            cursor.begin += more.pieces[cursor.piece].len();
            cursor.piece += 1;
        }
        let payload = match (head, more.pieces.get(cursor.piece)) {
            (None, Some(piece)) if to <= cursor.begin + piece.len() => {
                piece.slice(rest - cursor.begin..to - cursor.begin).into()
            }
            (head, _) => head.into_iter().chain(more.slices(&mut cursor, rest, to)).collect(),
        };
        more.cursor = cursor;
        payload
    }

    /// Drops bytes from the front.
    #[inline]
    pub(super) fn advance(&mut self, bytes: u32) {
        debug_assert!(bytes <= self.len);
        self.len -= bytes;
        if self.len == 0 {
            self.first = Bytes::new();
            self.more = None;
            return;
        }
        let mut rest = bytes as usize;
        if let Some(more) = &mut self.more {
            // One that was passed is found again from the front.
            more.cursor.begin = more.cursor.begin.saturating_sub(rest);
        }
        while rest >= self.first.len() {
            rest -= self.first.len();
            self.next_piece();
        }
        self.first.advance(rest);
    }

    /// The oldest piece, or its first `max` bytes.
    pub(super) fn pop(&mut self, max: usize) -> Option<Bytes> {
        if self.len == 0 || max == 0 {
            return None;
        }
        let part = max.min(self.first.len());
        if let Some(more) = &mut self.more {
            more.cursor = Cursor::default();
        }
        self.len -= part as u32;
        if part < self.first.len() {
            return Some(self.first.split_to(part));
        }
        let piece = std::mem::take(&mut self.first);
        if self.len == 0 {
            self.more = None;
        } else {
            self.next_piece();
        }
        Some(piece)
    }

    /// Copies as much as fits from the front, and drops it.
    pub(super) fn read(&mut self, target: &mut [u8]) -> usize {
        let mut filled = 0;
        while filled < target.len() && self.len > 0 {
            let part = self.first.len().min(target.len() - filled);
            target[filled..filled + part].copy_from_slice(&self.first[..part]);
            filled += part;
            self.advance(part as u32);
        }
        filled
    }

    /// Adds all that another one holds.
    pub(super) fn join(&mut self, mut other: Self) {
        if self.len == 0 {
            *self = other;
        } else if other.more.is_some() && self.len as usize == self.first.len() {
            // What comes in the reverse order is many of these: the many pieces stay where they are.
            other.prepend(std::mem::take(&mut self.first));
            *self = other;
        } else {
            while let Some(piece) = other.pop(usize::MAX) {
                self.push(piece);
            }
        }
    }

    /// Adds a piece at the front, together with what is there if both are small.
    fn prepend(&mut self, piece: Bytes) {
        let Some(more) = &mut self.more else { return };
        more.cursor = Cursor::default();
        self.len += piece.len() as u32;
        if piece.len() + self.first.len() <= 2 * SHARED_BYTES_MIN {
            self.first = [piece, std::mem::take(&mut self.first)].concat().into();
        } else {
            more.pieces.push_front(std::mem::replace(&mut self.first, piece));
        }
    }

    /// The first piece is gone, but others are there: the next one takes its place.
    fn next_piece(&mut self) {
        let Some(more) = &mut self.more else { return };
        more.freeze_if_last();
        self.first = more.pieces.pop_front().unwrap_or_default();
        // A cursor at the piece that is now the first begins at 0, and is not used.
        more.cursor.piece = more.cursor.piece.saturating_sub(1);
    }
}

impl More {
    /// Makes a piece of what was being added to.
    fn freeze(&mut self) {
        if !self.tail.is_empty() {
            self.pieces.push_back(Bytes::from(std::mem::take(&mut self.tail)));
        }
    }

    fn freeze_if_last(&mut self) {
        if self.pieces.is_empty() {
            self.freeze();
        }
    }

    fn append(&mut self, bytes: &[u8], len: usize) {
        let room = self.tail.capacity() - self.tail.len();
        let (fitting, mut rest) = bytes.split_at(bytes.len().min(room));
        self.tail.extend_from_slice(fitting);
        while !rest.is_empty() {
            self.freeze();
            let chunk = rest.len().max(len / 4).clamp(SHARED_BYTES_MIN, CHUNK_BYTES_MAX);
            self.tail = Vec::with_capacity(chunk);
            let (fitting, beyond) = rest.split_at(rest.len().min(chunk));
            self.tail.extend_from_slice(fitting);
            rest = beyond;
        }
    }

    /// The parts of pieces between two places, of which the first is in the piece under the cursor. The cursor moves to
    /// the piece in which they end.
    fn slices(&self, cursor: &mut Cursor, mut at: usize, to: usize) -> impl Iterator<Item = Bytes> {
        std::iter::from_fn(move || {
            let piece = self.pieces.get(cursor.piece).filter(|_| at < to)?;
            let (begin, end) = (cursor.begin, cursor.begin + piece.len());
            let part = piece.slice(at - begin..to.min(end) - begin);
            at = to.min(end);
            if end <= to {
                *cursor = Cursor { piece: cursor.piece + 1, begin: end };
            }
            Some(part)
        })
    }
}
