//! [`Console`]: a console with one port.

use std::collections::VecDeque;

use borsh::{BorshDeserialize, BorshSerialize};
use vm_memory::GuestMemory;

use super::ring::{Chain, Ring};
use super::{Broken, Left, Turn};

/// The ring of what comes in.
pub(in crate::board) const INPUT: usize = 0;
/// The ring of what goes out.
pub(in crate::board) const OUTPUT: usize = 1;

/// How many bytes are copied at once.
const COPY_BYTES: usize = 4_096;

/// A console.
#[derive(Debug, Clone, BorshSerialize, BorshDeserialize)]
pub(in crate::board) struct Console {
    input: VecDeque<u8>,
    output: Vec<u8>,
    input_bytes_max: u32,
    output_bytes_max: u32,
    /// Whether the guest has to wait until somebody takes what it wrote.
    is_full: bool,
}

impl Console {
    pub(in crate::board) fn new(input_bytes_max: u32, output_bytes_max: u32) -> Self {
        Self { input: VecDeque::new(), output: Vec::new(), input_bytes_max, output_bytes_max, is_full: false }
    }

    /// Keeps to these limits, whatever it said itself; what is over them is lost.
    pub(in crate::board) fn limit(&mut self, input_bytes_max: u32, output_bytes_max: u32) {
        self.input.truncate(input_bytes_max as usize);
        // A guest may have written one request more than there was room for.
        self.output.truncate(output_bytes_max as usize * 2);
        (self.input_bytes_max, self.output_bytes_max) = (input_bytes_max, output_bytes_max);
    }

    pub(super) fn reset(&mut self) {
        self.input.clear();
        self.is_full = false;
    }

    /// How many bytes may be given to [`receive`](Self::receive).
    pub(in crate::board) fn room(&self) -> usize {
        (self.input_bytes_max as usize).saturating_sub(self.input.len())
    }

    /// Takes bytes for the guest; how many, the rest does not fit.
    pub(in crate::board) fn receive(&mut self, bytes: &[u8]) -> usize {
        let taken = bytes.len().min(self.room());
        self.input.extend(&bytes[..taken]);
        taken
    }

    /// Hands over what the guest wrote, and whether it waits to write more.
    pub(in crate::board) fn take_output(&mut self) -> Option<(Vec<u8>, bool)> {
        if self.output.is_empty() {
            return None;
        }
        Some((std::mem::take(&mut self.output), std::mem::take(&mut self.is_full)))
    }

    pub(super) fn serve<M: GuestMemory>(
        &mut self,
        ring: &mut Ring,
        which: usize,
        memory: &M,
        turn: &mut Turn,
    ) -> Result<Left, Broken> {
        let mut chain = Chain::default();
        while !turn.is_over() {
            if which == INPUT && self.input.is_empty() {
                return Ok(Left::Idle);
            }
            if which == OUTPUT && self.output.len() >= self.output_bytes_max as usize {
                self.is_full = true;
                return Ok(Left::Idle);
            }
            if !ring.take(memory, &mut chain)? {
                return Ok(Left::Idle);
            }
            let (moved, written) = if which == INPUT {
                let written = self.fill(memory, &chain)?;
                (written, written)
            } else {
                (self.take(memory, &chain)?, 0)
            };
            ring.push(memory, &chain, written)?;
            turn.spend(moved);
        }
        Ok(Left::Work)
    }

    /// Writes what came in to a request.
    fn fill<M: GuestMemory>(&mut self, memory: &M, chain: &Chain) -> Result<u64, Broken> {
        let mut span = chain.writable();
        let given = usize::try_from(span.len()).unwrap_or(usize::MAX).min(self.input.len());
        let (first, second) = self.input.as_slices();
        let in_first = given.min(first.len());
        span.write(memory, &first[..in_first])?;
        span.write(memory, &second[..given - in_first])?;
        self.input.drain(..given);
        Ok(given as u64)
    }

    /// Reads what goes out from a request; what is more than may wait at all is cut off.
    fn take<M: GuestMemory>(&mut self, memory: &M, chain: &Chain) -> Result<u64, Broken> {
        let mut span = chain.readable();
        span.truncate(self.output_bytes_max.into());
        let taken = span.len();
        let mut copy = [0; COPY_BYTES];
        while span.len() != 0 {
            let part = &mut copy[..(span.len() as usize).min(COPY_BYTES)];
            span.read(memory, part)?;
            self.output.extend_from_slice(part);
        }
        Ok(taken)
    }
}
