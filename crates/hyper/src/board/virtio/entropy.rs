//! [`Entropy`]: chance for the guest, from the seed of its machine.

use ironloom_core::Rng;
use vm_memory::GuestMemory;

use super::ring::{Chain, Ring};
use super::{Broken, Left, Turn};

/// The most bytes of chance that one request gets.
const REQUEST_BYTES_MAX: usize = 4_096;

/// A device that gives chance.
#[derive(Debug, Clone)]
pub(in crate::board) struct Entropy {
    pub(in crate::board) rng: Rng,
}

impl Entropy {
    pub(in crate::board) fn new(rng: Rng) -> Self {
        Self { rng }
    }

    pub(super) fn serve<M: GuestMemory>(
        &mut self,
        ring: &mut Ring,
        memory: &M,
        turn: &mut Turn,
    ) -> Result<Left, Broken> {
        let mut chain = Chain::default();
        let mut chance = [0; REQUEST_BYTES_MAX];
        while !turn.is_over() {
            if !ring.take(memory, &mut chain)? {
                return Ok(Left::Idle);
            }
            let mut span = chain.writable();
            span.truncate(REQUEST_BYTES_MAX as u64);
            let given = span.len() as usize;
            self.rng.fill(&mut chance[..given]);
            span.write(memory, &chance[..given])?;
            ring.push(memory, &chain, given as u64)?;
            turn.spend(given as u64);
        }
        Ok(Left::Work)
    }
}
