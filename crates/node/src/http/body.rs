//! [`Body`]: what follows the head of an answer.

use std::sync::Arc;

use bytes::Bytes;
use ironloom_blob::Tree;
use ironloom_net::Payload;
use ironloom_sched::Reader;

/// How many bytes of a file are read at once.
pub(super) const PIECE_BYTES: u64 = 64 << 10;

/// What follows the head of an answer.
pub(super) enum Body {
    /// It is there.
    Whole(Payload),
    /// It comes as long as there is something.
    Stream(Reader),
    /// It is read as it is sent.
    File(Reading),
}

/// A part of a file that is being read.
pub(super) struct Reading {
    pub(super) tree: Arc<Tree>,
    pub(super) path: Vec<u8>,
    pub(super) from: u64,
    pub(super) to: u64,
}

impl Body {
    /// How long it is, if that is known.
    pub(super) fn length(&self) -> Option<u64> {
        match self {
            Self::Whole(payload) => Some(payload.len() as u64),
            Self::Stream(_) => None,
            Self::File(reading) => Some(reading.to - reading.from),
        }
    }
}

impl Reading {
    /// The next piece; `None` if the store fails, or the file is shorter than it was.
    pub(super) fn next(&mut self) -> Option<Bytes> {
        let mut piece = vec![0; (self.to - self.from).min(PIECE_BYTES) as usize];
        let read = self.tree.read(&self.path[..], self.from, &mut piece).ok()?;
        self.from += read as u64;
        (read == piece.len()).then(|| piece.into())
    }
}
