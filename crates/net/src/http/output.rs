//! [`Output`]: bytes that wait to be sent.

use std::collections::VecDeque;

use bytes::{Buf as _, Bytes};

use crate::Payload;

/// Up to how many bytes a piece is copied: less than sharing it would cost on its way.
const COPIED_BYTES_MAX: usize = 512;

/// How many bytes there is room for when the first head is written.
const FIRST_BYTES: usize = 256;

/// How many bytes of room a connection keeps that has nothing to send.
const KEPT_BYTES_MAX: usize = 4 << 10;

/// Bytes that wait to be sent: heads and small bodies in one piece, large bodies shared.
#[derive(Debug, Default)]
pub(super) struct Output {
    ready: VecDeque<Bytes>,
    ready_bytes: usize,
    tail: Vec<u8>,
}

impl Output {
    /// Where to write what follows.
    #[inline]
    pub(super) fn tail(&mut self) -> &mut Vec<u8> {
        if self.tail.capacity() == 0 {
            self.tail.reserve(FIRST_BYTES);
        }
        &mut self.tail
    }

    #[inline]
    pub(super) fn put(&mut self, payload: &Payload) {
        for piece in payload.pieces() {
            if piece.len() <= COPIED_BYTES_MAX {
                self.tail().extend_from_slice(piece);
            } else {
                self.seal();
                self.ready_bytes += piece.len();
                self.ready.push_back(piece.clone());
            }
        }
    }

    #[inline]
    pub(super) fn len(&self) -> usize {
        self.ready_bytes + self.tail.len()
    }

    /// All that waits.
    pub(super) fn pending(&mut self) -> Payload {
        self.seal();
        self.ready.iter().cloned().collect()
    }

    /// The first bytes that wait, in one piece; none if none do.
    #[inline]
    pub(super) fn front(&self) -> &[u8] {
        self.ready.front().map_or(&self.tail, |piece| piece)
    }

    /// Forgets the first bytes of [`pending`](Self::pending): they were sent.
    ///
    /// # Panics
    ///
    /// If there are not so many.
    #[inline]
    pub(super) fn sent(&mut self, bytes: usize) {
        if self.ready.is_empty() && bytes == self.tail.len() {
            return self.reuse_tail();
        }
        assert!(bytes <= self.len(), "{bytes} bytes sent of {}", self.len());
        if bytes > self.ready_bytes {
            self.seal();
        }
        self.ready_bytes -= bytes;
        let mut left = bytes;
        while let Some(first) = self.ready.front_mut() {
            if left < first.len() {
                first.advance(left);
                return;
            }
            left -= first.len();
            self.ready.pop_front();
        }
    }

    /// Keeps the memory of what was sent for the next head, unless a burst needed much of it.
    fn reuse_tail(&mut self) {
        self.tail.clear();
        if self.tail.capacity() > KEPT_BYTES_MAX {
            self.tail = Vec::new();
        }
    }

    fn seal(&mut self) {
        if !self.tail.is_empty() {
            self.ready_bytes += self.tail.len();
            self.ready.push_back(Bytes::from(std::mem::take(&mut self.tail)));
        }
    }
}
