//! [`Secret`]: what others cannot guess.

use ironloom_core::{Instant, Rng};

use super::key::Key;

/// A key from which a stack derives what others must not guess: where sequence numbers begin, and which port is next.
///
/// The function is SipHash-1-3: made for short inputs and a secret key.
#[derive(Clone, Copy)]
pub(super) struct Secret([u64; 2]);

impl Secret {
    pub(super) fn new(rng: &mut Rng) -> Self {
        Self([rng.next_u64(), rng.next_u64()])
    }

    /// Where the sequence numbers of a connection begin: unlike any other connection's, and for the same ends later
    /// ones after earlier ones (RFC 6528).
    pub(super) fn initial(self, now: Instant, key: &Key) -> u32 {
        let ticks = now.as_nanos() / 4_000;
        (self.hash(1, key) as u32).wrapping_add(ticks as u32)
    }

    /// Where looking for a free port begins (RFC 6056, algorithm 3).
    pub(super) fn port_offset(self, key: &Key) -> u32 {
        self.hash(2, key) as u32
    }

    /// A number that depends on nothing but the secret and what it is for.
    pub(super) fn number(self, purpose: u64) -> u64 {
        self.sip([purpose].into_iter())
    }

    fn hash(self, purpose: u64, key: &Key) -> u64 {
        self.sip([purpose].into_iter().chain(key.words()))
    }

    fn sip(self, words: impl Iterator<Item = u64>) -> u64 {
        let [low, high] = self.0;
        let mut state = [
            low ^ 0x736f_6d65_7073_6575,
            high ^ 0x646f_7261_6e64_6f6d,
            low ^ 0x6c79_6765_6e65_7261,
            high ^ 0x7465_6462_7974_6573,
        ];
        for word in words {
            state[3] ^= word;
            round(&mut state);
            state[0] ^= word;
        }
        state[2] ^= 0xFF;
        (0..3).for_each(|_| round(&mut state));
        state[0] ^ state[1] ^ state[2] ^ state[3]
    }
}

#[inline]
fn round([a, b, c, d]: &mut [u64; 4]) {
    *a = a.wrapping_add(*b);
    *b = b.rotate_left(13) ^ *a;
    *a = a.rotate_left(32);
    *c = c.wrapping_add(*d);
    *d = d.rotate_left(16) ^ *c;
    *a = a.wrapping_add(*d);
    *d = d.rotate_left(21) ^ *a;
    *c = c.wrapping_add(*b);
    *b = b.rotate_left(17) ^ *c;
    *c = c.rotate_left(32);
}

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Secret(..)")
    }
}
