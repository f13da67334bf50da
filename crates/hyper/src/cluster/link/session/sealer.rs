//! [`Sealer`]: makes frames of payloads.

use std::fmt;

use super::packing::pack;
use super::{FRAME_BYTES_MAX, HEADER_BYTES, KEY_BYTES, LENGTH_BYTES, PACKED, tag};
use crate::cluster::link::LinkError;

/// Makes frames of payloads: the half of a session that speaks.
pub struct Sealer {
    key: [u8; KEY_BYTES],
    /// How many frames it has made.
    sequence: u64,
    pub(super) frame_bytes_max: usize,
    /// Where payloads are compressed, if they are where that makes them shorter.
    pub(super) packs: Option<Vec<u8>>,
}

impl Sealer {
    pub(super) const fn new(key: [u8; KEY_BYTES]) -> Self {
        Self { key, sequence: 0, frame_bytes_max: FRAME_BYTES_MAX, packs: None }
    }

    /// Appends a frame with one payload.
    ///
    /// # Errors
    ///
    /// If the payload does not fit into a frame. Nothing is appended then, and the session is as it was.
    pub fn seal(&mut self, payload: &[u8], out: &mut Vec<u8>) -> Result<(), LinkError> {
        let mut batch = self.begin(out);
        batch.push(payload)?;
        batch.finish();
        Ok(())
    }

    /// Whether each of these payloads fits into a frame.
    ///
    /// # Errors
    ///
    /// If one does not.
    pub fn fits(&self, payloads: &[&[u8]]) -> Result<(), LinkError> {
        payloads.iter().try_for_each(|payload| self.check(LENGTH_BYTES + payload.len()))
    }

    fn check(&self, body_bytes: usize) -> Result<(), LinkError> {
        let limit = self.frame_bytes_max.min((PACKED - 1) as usize);
        if body_bytes > limit {
            return Err(LinkError::Oversize { bytes: body_bytes as u64, limit: limit as u64 });
        }
        Ok(())
    }

    /// Begins a frame that carries several payloads, which share one tag.
    pub fn begin<'a>(&'a mut self, out: &'a mut Vec<u8>) -> Batch<'a> {
        let start = out.len();
        out.extend_from_slice(&[0; HEADER_BYTES]);
        Batch { sealer: self, out, start, is_finished: false }
    }
}

impl fmt::Debug for Sealer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sealer").field("sequence", &self.sequence).finish_non_exhaustive()
    }
}

/// A frame that is being made. Unless it is finished, nothing is appended.
#[derive(Debug)]
pub struct Batch<'a> {
    sealer: &'a mut Sealer,
    out: &'a mut Vec<u8>,
    /// Where the frame begins.
    start: usize,
    is_finished: bool,
}

impl Batch<'_> {
    fn body_bytes(&self) -> usize {
        self.out.len() - self.start - HEADER_BYTES
    }

    /// Adds a payload.
    ///
    /// # Errors
    ///
    /// If it does not fit into the frame any more, which is as it was then.
    pub fn push(&mut self, payload: &[u8]) -> Result<(), LinkError> {
        self.sealer.check(self.body_bytes() + LENGTH_BYTES + payload.len())?;
        self.out.extend_from_slice(&(payload.len() as u32).to_le_bytes());
        self.out.extend_from_slice(payload);
        Ok(())
    }

    /// Seals the frame; one without payloads is not made at all.
    pub fn finish(mut self) {
        if self.body_bytes() == 0 {
            return;
        }
        let sealer = &mut *self.sealer;
        let room = sealer.packs.as_mut();
        let is_packed = room.is_some_and(|room| pack(self.out, self.start + HEADER_BYTES, room));
        let length = self.body_bytes() as u32 | if is_packed { PACKED } else { 0 };
        let frame = &mut self.out[self.start..];
        frame[..4].copy_from_slice(&length.to_le_bytes());
        frame[4..HEADER_BYTES].copy_from_slice(&self.sealer.sequence.to_le_bytes());
        let tag = tag(&self.sealer.key, frame);
        self.out.extend_from_slice(&tag);
        self.sealer.sequence += 1;
        self.is_finished = true;
    }
}

impl Drop for Batch<'_> {
    fn drop(&mut self) {
        if !self.is_finished {
            self.out.truncate(self.start);
        }
    }
}
