//! [`Bytes`]: a string of bytes that is kept in place if it is short.

use std::sync::Arc;

/// Up to `N` bytes in place, more on the heap and shared by all clones.
#[derive(Clone)]
pub(super) enum Bytes<const N: usize> {
    InPlace { length: u8, bytes: [u8; N] },
    Shared(Arc<[u8]>),
}

const _: () = assert!(size_of::<Bytes<46>>() == 48 && size_of::<Bytes<22>>() == 24);

impl<const N: usize> Bytes<N> {
    pub(super) fn new(source: &[u8]) -> Self {
        const { assert!(N <= u8::MAX as usize) };
        if source.len() > N {
            return Self::Shared(source.into());
        }
        let mut bytes = [0; N];
        bytes[..source.len()].copy_from_slice(source);
        Self::InPlace { length: source.len() as u8, bytes }
    }

    pub(super) fn as_slice(&self) -> &[u8] {
        match self {
            Self::InPlace { length, bytes } => &bytes[..usize::from(*length)],
            Self::Shared(bytes) => bytes,
        }
    }
}
