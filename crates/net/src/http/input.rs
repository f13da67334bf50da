//! [`Input`]: what arrived and was not yet read.

use std::collections::VecDeque;

use bytes::{Buf as _, Bytes};

use crate::Payload;

/// What arrived and was not yet read, in the pieces in which it came.
#[derive(Debug, Default)]
pub(super) struct Input {
    current: Bytes,
    later: VecDeque<Bytes>,
}

impl Input {
    pub(super) fn push(&mut self, payload: &Payload) {
        for piece in payload.pieces() {
            self.push_bytes(piece.clone());
        }
    }

    #[inline]
    pub(super) fn push_bytes(&mut self, piece: Bytes) {
        if self.current.is_empty() {
            self.current = piece;
        } else {
            self.later.push_back(piece);
        }
    }

    /// Puts back what was taken from the front.
    pub(super) fn put_back(&mut self, piece: Bytes) {
        if !piece.is_empty() {
            let second = std::mem::replace(&mut self.current, piece);
            if !second.is_empty() {
                self.later.push_front(second);
            }
        }
    }

    /// The rest of the first piece; empty if there is none.
    #[inline]
    pub(super) fn front(&self) -> &[u8] {
        &self.current
    }

    #[inline]
    pub(super) fn is_empty(&self) -> bool {
        self.current.is_empty()
    }

    /// Takes the front of the first piece.
    #[inline]
    pub(super) fn take(&mut self, len: usize) -> Bytes {
        let taken = self.current.split_to(len);
        self.renew();
        taken
    }

    /// Leaves out the front of the first piece.
    #[inline]
    pub(super) fn skip(&mut self, len: usize) {
        self.current.advance(len);
        self.renew();
    }

    pub(super) fn clear(&mut self) {
        *self = Self::default();
    }

    #[inline]
    fn renew(&mut self) {
        if self.current.is_empty() {
            self.current = self.later.pop_front().unwrap_or_default();
        }
    }
}
