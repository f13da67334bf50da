//! [`Payload`]: bytes that are shared, in one piece or several.

use std::sync::Arc;

use bytes::{Buf as _, Bytes};

/// Bytes that travel without being copied: none, one shared slice, or several.
#[derive(Debug, Clone, Default)]
pub struct Payload(Pieces);

#[derive(Debug, Clone, Default)]
enum Pieces {
    #[default]
    None,
    One(Bytes),
    /// At least two pieces, none of them empty, and the sum of their lengths.
    Many(Arc<[Bytes]>, usize),
}

impl Payload {
    /// No bytes.
    pub const EMPTY: Self = Self(Pieces::None);

    /// How many bytes there are.
    #[must_use]
    pub fn len(&self) -> usize {
        match &self.0 {
            Pieces::None => 0,
            Pieces::One(bytes) => bytes.len(),
            Pieces::Many(_, len) => *len,
        }
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        matches!(self.0, Pieces::None)
    }

    /// The pieces, in order; none of them is empty.
    #[must_use]
    pub fn pieces(&self) -> &[Bytes] {
        match &self.0 {
            Pieces::None => &[],
            Pieces::One(bytes) => std::slice::from_ref(bytes),
            Pieces::Many(pieces, _) => pieces,
        }
    }

    /// Hands over the pieces, in order.
    #[inline]
    pub(crate) fn into_each(self, mut take: impl FnMut(Bytes)) {
        match self.0 {
            Pieces::None => {}
            Pieces::One(bytes) => take(bytes),
            Pieces::Many(pieces, _) => pieces.iter().cloned().for_each(take),
        }
    }

    /// A part of it, shared.
    ///
    /// # Panics
    ///
    /// If the range is not within the payload.
    #[must_use]
    pub fn slice(&self, from: usize, to: usize) -> Self {
        assert!(from <= to && to <= self.len(), "{from}..{to} is not within {} bytes", self.len());
        match &self.0 {
            Pieces::None => Self::EMPTY,
            Pieces::One(bytes) => Self::from(bytes.slice(from..to)),
            Pieces::Many(pieces, _) => {
                let mut begin = 0;
                let within = pieces.iter().filter_map(|piece| {
                    let (first, last) = (from.max(begin), to.min(begin + piece.len()));
                    let part = (first < last).then(|| piece.slice(first - begin..last - begin));
                    begin += piece.len();
                    part
                });
                within.collect()
            }
        }
    }

    /// All of it in one piece; copies only if there are several.
    #[must_use]
    pub fn to_bytes(&self) -> Bytes {
        match &self.0 {
            Pieces::None => Bytes::new(),
            Pieces::One(bytes) => bytes.clone(),
            Pieces::Many(pieces, len) => {
                let mut whole = Vec::with_capacity(*len);
                pieces.iter().for_each(|piece| whole.extend_from_slice(piece));
                Bytes::from(whole)
            }
        }
    }

    /// Copies as much as fits to the front of `target`; how many bytes that were.
    pub fn copy_to(&self, target: &mut [u8]) -> usize {
        let mut copied = 0;
        for piece in self.pieces() {
            let part = piece.len().min(target.len() - copied);
            piece.slice(..part).copy_to_slice(&mut target[copied..copied + part]);
            copied += part;
        }
        copied
    }
}

impl From<Bytes> for Payload {
    fn from(bytes: Bytes) -> Self {
        Self(if bytes.is_empty() { Pieces::None } else { Pieces::One(bytes) })
    }
}

impl From<Vec<u8>> for Payload {
    fn from(bytes: Vec<u8>) -> Self {
        Bytes::from(bytes).into()
    }
}

impl FromIterator<Bytes> for Payload {
    fn from_iter<I: IntoIterator<Item = Bytes>>(pieces: I) -> Self {
        let mut pieces = pieces.into_iter().filter(|piece| !piece.is_empty());
        let (first, second) = (pieces.next(), pieces.next());
        match (first, second) {
            (None, _) => Self::EMPTY,
            (Some(first), None) => Self(Pieces::One(first)),
            (Some(first), Some(second)) => {
                let all: Arc<[Bytes]> = [first, second].into_iter().chain(pieces).collect();
                let len = all.iter().map(Bytes::len).sum();
                Self(Pieces::Many(all, len))
            }
        }
    }
}

/// Payloads are equal if their bytes are, however they are cut.
impl PartialEq for Payload {
    fn eq(&self, other: &Self) -> bool {
        let bytes = |payload: &Self| payload.pieces().to_vec().into_iter().flatten();
        self.len() == other.len() && bytes(self).eq(bytes(other))
    }
}

impl Eq for Payload {}
