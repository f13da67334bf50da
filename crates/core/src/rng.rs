//! [`Rng`]: chance that repeats, split into a stream of its own for every entity.
//!
//! The generator is xoshiro256++ (Blackman and Vigna), the derivation of streams is BLAKE3.
//! Both are frozen: `tests/golden/rng.txt` holds what they must give for ever, and `docs/core.md` how it is made.

mod zipf;

use std::ops::Range;

use borsh::{BorshDeserialize, BorshSerialize, io};

use crate::Seed;

pub use zipf::Zipf;

/// Sets this use of BLAKE3 apart from every other.
const DOMAIN: &[u8; 16] = b"ironloom rng v1\0";

/// A stream of random numbers: small, fast, and the same for the same seed on every platform.
///
/// A stream has a *key*, which never changes, and a *position*, which every draw moves.
/// [`split`](Rng::split) derives a new stream from the key alone, so neither the draws made before it
/// nor the order in which entities are created can change what an entity draws.
///
/// Its borsh encoding holds its place, so that a world that is saved draws on where it stopped. It is not for secrets.
///
/// ```
/// use ironloom_core::{Rng, Seed};
///
/// let world = Rng::new(Seed::new(7));
/// let mut early = world.split("link", 12);
/// let mut other = world.split("link", 13);
/// other.next_u64(); // somebody else draws
/// let mut late = world.split("link", 12);
/// assert_eq!(early.next_u64(), late.next_u64());
/// ```
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize)]
pub struct Rng {
    /// What the streams split from this one are derived from.
    key: [u8; 16],
    /// Where this stream stands: the state of xoshiro256++.
    state: [u64; 4],
}

impl Rng {
    /// The root stream of a run.
    #[must_use]
    pub fn new(seed: Seed) -> Self {
        Self::derive(&[0; 16], "seed", seed.number())
    }

    /// The stream of one entity: `label` names its kind or purpose, `id` tells it from its siblings.
    ///
    /// # Panics
    ///
    /// If `label` is longer than 255 bytes.
    #[must_use]
    pub fn split(&self, label: &str, id: u64) -> Self {
        Self::derive(&self.key, label, id)
    }

    fn derive(key: &[u8; 16], label: &str, id: u64) -> Self {
        let length = u8::try_from(label.len()).expect("a label is a word or two");
        let mut hasher = blake3::Hasher::new();
        hasher
            .update(DOMAIN)
            .update(key)
            .update(&id.to_le_bytes())
            .update(&[length])
            .update(label.as_bytes());
        let mut derived = [0; 48];
        hasher.finalize_xof().fill(&mut derived);

        let (key, words) = derived.split_at(16);
        let word =
            |index: usize| u64::from_le_bytes(words[index * 8..][..8].try_into().expect("eight bytes"));
        // The one state that xoshiro cannot leave is all zero: a chance of one in 2^256.
        Self { key: key.try_into().expect("sixteen bytes"), state: [word(0), word(1), word(2), word(3)] }
    }

    /// The next 64 bits.
    #[inline]
    pub fn next_u64(&mut self) -> u64 {
        let [a, b, c, d] = &mut self.state;
        let drawn = a.wrapping_add(*d).rotate_left(23).wrapping_add(*a);
        let shifted = *b << 17;
        *c ^= *a;
        *d ^= *b;
        *b ^= *c;
        *a ^= *d;
        *c ^= shifted;
        *d = d.rotate_left(45);
        drawn
    }

    /// A number below `bound`, every one equally likely.
    ///
    /// # Panics
    ///
    /// If `bound` is zero: there is no such number.
    #[inline]
    pub fn below(&mut self, bound: u64) -> u64 {
        assert!(bound > 0, "no number is below zero");
        // Lemire's method: the high half of the product is the result; the few low halves that would make some
        // results likelier than others are drawn again.
        let mut product = u128::from(self.next_u64()) * u128::from(bound);
        if (product as u64) < bound {
            let biased = bound.wrapping_neg() % bound;
            while (product as u64) < biased {
                product = u128::from(self.next_u64()) * u128::from(bound);
            }
        }
        (product >> 64) as u64
    }

    /// A number in `range`, every one equally likely.
    ///
    /// # Panics
    ///
    /// If `range` is empty.
    #[inline]
    pub fn range(&mut self, range: Range<u64>) -> u64 {
        assert!(range.start < range.end, "the range {range:?} is empty");
        range.start + self.below(range.end - range.start)
    }

    /// Whether something happens that happens `times` out of `of`.
    ///
    /// # Panics
    ///
    /// If `of` is zero.
    #[inline]
    pub fn chance(&mut self, times: u64, of: u64) -> bool {
        self.below(of) < times
    }

    /// A fraction in `0.0..1.0`, in steps of 2⁻⁵³.
    #[inline]
    pub fn fraction(&mut self) -> f64 {
        const STEP: f64 = 1.0 / (1u64 << 53) as f64;
        (self.next_u64() >> 11) as f64 * STEP
    }

    /// A waiting time in a stream of independent events that are `mean` apart on average.
    ///
    /// The same bits on every platform: the logarithm is computed in software.
    pub fn exponential(&mut self, mean: f64) -> f64 {
        -mean * libm::log(1.0 - self.fraction())
    }

    /// Fills `bytes` with random ones.
    pub fn fill(&mut self, bytes: &mut [u8]) {
        let mut words = bytes.chunks_exact_mut(8);
        for word in &mut words {
            word.copy_from_slice(&self.next_u64().to_le_bytes());
        }
        let rest = words.into_remainder();
        if !rest.is_empty() {
            let last = self.next_u64().to_le_bytes();
            rest.copy_from_slice(&last[..rest.len()]);
        }
    }

    /// `N` random bytes.
    #[must_use]
    pub fn bytes<const N: usize>(&mut self) -> [u8; N] {
        let mut bytes = [0; N];
        self.fill(&mut bytes);
        bytes
    }

    /// Puts `items` in an order of which every one is equally likely.
    pub fn shuffle<T>(&mut self, items: &mut [T]) {
        for last in (1..items.len()).rev() {
            let chosen = self.below(last as u64 + 1) as usize;
            items.swap(chosen, last);
        }
    }

    /// One of `items`, or `None` if there are none.
    pub fn choose<'a, T>(&mut self, items: &'a [T]) -> Option<&'a T> {
        if items.is_empty() {
            return None;
        }
        let index = self.below(items.len() as u64) as usize;
        Some(&items[index])
    }
}

impl BorshDeserialize for Rng {
    /// Reads a stream back. A state of zeroes is no state of a stream: it would give zeroes for ever.
    fn deserialize_reader<R: io::Read>(reader: &mut R) -> io::Result<Self> {
        let (key, state) = BorshDeserialize::deserialize_reader(reader)?;
        if state == [0; 4] {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "a random stream with a state of zeroes"));
        }
        Ok(Self { key, state })
    }
}

#[cfg(test)]
mod tests {
    use super::Rng;
    use crate::Seed;
    use proptest::prelude::{prop_assert, prop_assert_eq, prop_assert_ne, proptest};

    /// xoshiro256++ from the state {1, 2, 3, 4}, as its authors' reference code gives it.
    #[test]
    fn is_xoshiro256_plus_plus() {
        let mut rng = Rng { key: [0; 16], state: [1, 2, 3, 4] };
        let reference: [u64; 6] = [
            41_943_041,
            58_720_359,
            3_588_806_011_781_223,
            3_591_011_842_654_386,
            9_228_616_714_210_784_205,
            9_973_669_472_204_895_162,
        ];
        assert_eq!(reference, std::array::from_fn(|_| rng.next_u64()));
    }

    #[test]
    fn draws_below_a_bound_evenly() {
        let mut rng = Rng::new(Seed::new(1));
        let mut seen = [0u32; 6];
        for _ in 0..60_000 {
            seen[rng.below(6) as usize] += 1;
        }
        // Six standard deviations around the mean of 10,000.
        assert!(seen.iter().all(|count| (9_450..10_550).contains(count)), "{seen:?}");
    }

    /// With a bound of three quarters of 2^64 a plain multiplication would draw every third number twice as often.
    #[test]
    fn draws_below_a_huge_bound_evenly() {
        let mut rng = Rng::new(Seed::new(2));
        let bound = 3 << 62;
        let low = (0..30_000).filter(|_| rng.below(bound) < bound / 3).count();
        assert!((9_500..10_500).contains(&low), "{low}");
    }

    #[test]
    fn exponential_times_have_their_mean() {
        let mut rng = Rng::new(Seed::new(3));
        let sum: f64 = (0..100_000).map(|_| rng.exponential(5.0)).sum();
        assert!((4.9..5.1).contains(&(sum / 100_000.0)), "{sum}");
    }

    #[test]
    fn shuffles_reach_every_order() {
        let mut rng = Rng::new(Seed::new(4));
        let mut orders = std::collections::BTreeSet::new();
        for _ in 0..1_000 {
            let mut items = [0, 1, 2, 3];
            rng.shuffle(&mut items);
            orders.insert(items);
        }
        assert_eq!(orders.len(), 24);
    }

    /// Bits of neighbouring streams agree as often as bits of unrelated ones.
    #[test]
    fn neighbouring_streams_are_unrelated() {
        let world = Rng::new(Seed::new(5));
        for id in 0..64 {
            let (mut left, mut right) = (world.split("entity", id), world.split("entity", id + 1));
            let equal: u32 = (0..256).map(|_| (!(left.next_u64() ^ right.next_u64())).count_ones()).sum();
            // 16,384 coin tosses: six standard deviations are 384.
            assert!((7_808..8_576).contains(&equal), "streams {id} and {}: {equal}", id + 1);
        }
    }

    proptest! {
        #[test]
        fn a_split_depends_on_key_label_and_id_only(seed: u64, id: u64, drawn in 0..50usize, label in "[a-z.]{0,24}") {
            let mut parent = Rng::new(Seed::new(seed));
            let before = parent.split(&label, id);
            for _ in 0..drawn {
                parent.next_u64();
                drop(parent.split("sibling", id));
            }
            prop_assert_eq!(&before, &parent.split(&label, id));
            prop_assert_ne!(&before, &parent.split(&label, id.wrapping_add(1)));
            prop_assert_ne!(&before, &parent.split(&format!("{label}x"), id));
            prop_assert_ne!(&before, &Rng::new(Seed::new(seed.wrapping_add(1))).split(&label, id));
        }

        #[test]
        fn a_stream_goes_on_where_it_was_saved(seed: u64, drawn in 0..20usize) {
            let mut rng = Rng::new(Seed::new(seed));
            rng.fill(&mut vec![0; 8 * drawn]);
            let saved = borsh::to_vec(&rng).unwrap();
            prop_assert_eq!(saved.len(), 48);
            let mut restored: Rng = borsh::from_slice(&saved).unwrap();
            prop_assert_eq!(restored.next_u64(), rng.next_u64());
            prop_assert_eq!(restored.split("child", 1), rng.split("child", 1));
            prop_assert!(borsh::from_slice::<Rng>(&[0; 48]).is_err());
        }

        #[test]
        fn filling_is_drawing_words(seed: u64, length in 0..100usize) {
            let mut filled = vec![0; length];
            Rng::new(Seed::new(seed)).fill(&mut filled);
            let mut rng = Rng::new(Seed::new(seed));
            let words: Vec<u8> = (0..length.div_ceil(8)).flat_map(|_| rng.next_u64().to_le_bytes()).collect();
            prop_assert_eq!(&filled[..], &words[..length]);
        }

        #[test]
        fn ranges_hold(seed: u64, start in 0..u64::MAX, length in 1..u64::MAX) {
            let end = start.saturating_add(length);
            let drawn = Rng::new(Seed::new(seed)).range(start..end);
            prop_assert!((start..end).contains(&drawn));
        }
    }
}
