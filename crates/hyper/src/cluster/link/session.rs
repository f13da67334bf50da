//! [`Session`]: seals what one host says to another, and opens what it hears.

mod opener;
mod packing;
mod sealer;

use super::identity::Incarnation;
use crate::cluster::HostId;

pub use opener::{Opener, Payloads};
pub use sealer::{Batch, Sealer};

/// How many bytes the payloads of a frame have at most, with the lengths before them, if nothing else is said.
pub const FRAME_BYTES_MAX: usize = 1 << 20;

const KEY_BYTES: usize = 32;
const HEADER_BYTES: usize = 12;
const LENGTH_BYTES: usize = 4;
const TAG_BYTES: usize = 16;

/// The bit of a frame's length that says that its payloads are compressed.
const PACKED: u32 = 1 << 31;

/// Both directions of a link between two hosts.
#[derive(Debug)]
pub struct Session {
    /// The host at the other end.
    pub peer: HostId,
    /// Which run of it.
    pub run: Incarnation,
    /// Whether this side dialled.
    pub is_dialled: bool,
    /// Seals what is sent.
    pub sealer: Sealer,
    /// Opens what is received.
    pub opener: Opener,
}

impl Session {
    pub(super) fn new(key: &[u8; KEY_BYTES], peer: HostId, run: Incarnation, is_dialled: bool) -> Self {
        let dialled = *blake3::keyed_hash(key, b"from who dialled").as_bytes();
        let accepted = *blake3::keyed_hash(key, b"from who accepted").as_bytes();
        let (ours, theirs) = if is_dialled { (dialled, accepted) } else { (accepted, dialled) };
        Self { peer, run, is_dialled, sealer: Sealer::new(ours), opener: Opener::new(theirs) }
    }

    /// The same with another limit for the payloads of a frame, in both directions.
    #[must_use]
    pub fn frame_bytes_max(mut self, bytes: usize) -> Self {
        self.sealer.frame_bytes_max = bytes;
        self.opener.frame_bytes_max = bytes;
        self
    }

    /// The same with frames compressed where that makes them shorter, or not. What is received may be either.
    #[must_use]
    pub fn packs(mut self, packs: bool) -> Self {
        self.sealer.packs = packs.then(Vec::new);
        self
    }

    /// Appends a frame with one payload: see [`Sealer::seal`].
    ///
    /// # Errors
    ///
    /// If the payload does not fit into a frame.
    pub fn seal(&mut self, payload: &[u8], out: &mut Vec<u8>) -> Result<(), super::LinkError> {
        self.sealer.seal(payload, out)
    }

    /// Takes bytes that were received, as many as there is room for: see [`Opener::feed`].
    pub fn feed(&mut self, bytes: &mut &[u8]) {
        self.opener.feed(bytes);
    }

    /// The payloads of the next frame, if it is there: see [`Opener::open`].
    ///
    /// # Errors
    ///
    /// If what was received is not what the other side has said.
    pub fn open(&mut self) -> Result<Option<Payloads<'_>>, super::LinkError> {
        self.opener.open()
    }
}

/// The tag of a frame: what is before it, seen with the key of its direction.
fn tag(key: &[u8; KEY_BYTES], frame: &[u8]) -> [u8; TAG_BYTES] {
    *blake3::keyed_hash(key, frame).as_bytes().first_chunk().expect("a hash is longer than a tag")
}
