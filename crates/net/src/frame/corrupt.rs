//! What a bad wire does to a frame.

use ironloom_core::Rng;

use super::parse::addresses;
use super::{Body, Frame};
use crate::Mac;

impl Frame {
    /// The frame with one of its bits turned over.
    ///
    /// Nearly always a checksum finds it: then the result is [`Body::Broken`]. Ethernet addresses and what is carried
    /// without being understood have none here, so that such a frame arrives as another. A segment that is still to be
    /// cut is broken as a whole: cut it before.
    #[must_use]
    pub fn corrupt(&self, rng: &mut Rng) -> Self {
        let mut bytes = Vec::new();
        self.emit(&mut bytes);
        if bytes.is_empty() {
            return self.clone();
        }
        let bit = rng.below(8 * bytes.len() as u64) as usize;
        bytes[bit / 8] ^= 1 << (bit % 8);
        let bytes = bytes::Bytes::from(bytes);
        Self::parse(bytes.clone()).unwrap_or_else(|_| {
            let (target, source) =
                if bytes.len() < 12 { (Mac::UNSPECIFIED, Mac::UNSPECIFIED) } else { addresses(&bytes) };
            Self { source, target, body: Body::Broken(bytes) }
        })
    }
}
