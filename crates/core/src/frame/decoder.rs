//! [`Decoder`]: frames out of a stream that arrives in pieces of any size.

use super::header::{self, Header};
use super::{Frame, FrameError};

/// What a decoder keeps for the next cut frame. More is given back, or one long frame would stay for the life of the
/// stream.
const KEPT_BYTES_MAX: usize = 16 * 1_024;

/// Finds the frames in a stream of bytes that arrives in pieces.
///
/// A frame that lies whole in a piece is returned from there without a copy. Only a frame that is cut by the end
/// of a piece is kept, and the memory for it grows with what has arrived, never with what was promised.
#[derive(Debug)]
pub struct Decoder {
    body_bytes_max: usize,
    /// The beginning of a frame whose end has not arrived, or one that was returned last.
    pub(super) partial: Vec<u8>,
    /// Whether `partial` was returned and is to be forgotten.
    returned: bool,
    /// What broke the stream. There is no way to find the next frame after that.
    broken: Option<FrameError>,
}

impl Decoder {
    /// A decoder for frames with bodies of at most `body_bytes_max`.
    #[must_use]
    pub const fn new(body_bytes_max: usize) -> Self {
        Self { body_bytes_max, partial: Vec::new(), returned: false, broken: None }
    }

    /// Takes bytes off the front of `input` until a frame is whole; `None` once all of `input` is taken.
    ///
    /// Call it with every piece until it returns `None`.
    ///
    /// # Errors
    ///
    /// If the stream is no stream of frames, or a damaged one. It stays broken: every further call says the same.
    pub fn next<'a, 'input: 'a>(
        &'a mut self,
        input: &mut &'input [u8],
    ) -> Result<Option<Frame<'a>>, FrameError> {
        if let Some(broken) = &self.broken {
            return Err(broken.clone());
        }
        if self.returned {
            self.partial.clear();
            self.partial.shrink_to(KEPT_BYTES_MAX);
            self.returned = false;
        }
        let (body_bytes_max, broken) = (self.body_bytes_max, &mut self.broken);
        let frame = if self.partial.is_empty() {
            next_whole(&mut self.partial, input, body_bytes_max)
        } else {
            next_cut(&mut self.partial, &mut self.returned, input, body_bytes_max)
        };
        frame.inspect_err(|error| *broken = Some(error.clone()))
    }

    /// How many bytes of a frame have arrived whose end has not.
    ///
    /// A stream that ends while this is not zero was cut short.
    #[must_use]
    pub fn pending_bytes(&self) -> usize {
        if self.returned { 0 } else { self.partial.len() }
    }
}

/// The frame at the front of `input`, or the beginning of one moved into `partial`.
fn next_whole<'input>(
    partial: &mut Vec<u8>,
    input: &mut &'input [u8],
    body_bytes_max: usize,
) -> Result<Option<Frame<'input>>, FrameError> {
    if let Some((frame, rest)) = Frame::split(input, body_bytes_max)? {
        *input = rest;
        return Ok(Some(frame));
    }
    partial.extend_from_slice(input);
    *input = &[];
    Ok(None)
}

/// The frame that begins in `partial` and goes on in `input`.
fn next_cut<'a>(
    partial: &'a mut Vec<u8>,
    returned: &mut bool,
    input: &mut &[u8],
    body_bytes_max: usize,
) -> Result<Option<Frame<'a>>, FrameError> {
    fill(partial, input, header::BYTES);
    let Some((header, _)) = Header::split(partial, body_bytes_max)? else {
        return Ok(None);
    };
    if !fill(partial, input, header::BYTES + header.length) {
        return Ok(None);
    }
    *returned = true;
    header.frame(&partial[header::BYTES..]).map(Some)
}

/// Moves bytes from `input` until `partial` has `length`; whether it has.
fn fill(partial: &mut Vec<u8>, input: &mut &[u8], length: usize) -> bool {
    let missing = length.saturating_sub(partial.len());
    let (taken, rest) = input.split_at(missing.min(input.len()));
    partial.extend_from_slice(taken);
    *input = rest;
    partial.len() >= length
}
