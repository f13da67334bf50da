//! Maps whose hashing is the same in every run.

use std::hash::BuildHasher;

use foldhash::fast::{FixedState, FoldHasher};

/// A hash map that iterates in the same order whenever the same things were done to it by the same build.
///
/// That makes a run repeatable; it is not an order to show anyone. Where the order matters, use a `BTreeMap`.
///
/// ```
/// use ironloom_core::Map;
///
/// let mut ports: Map<u16, &str> = Map::default();
/// ports.insert(80, "httpd");
/// ```
#[expect(clippy::disallowed_types, reason = "this is the map that the others are to use")]
pub type Map<K, V> = std::collections::HashMap<K, V, HashState>;

/// A hash set with the properties of [`Map`].
#[expect(clippy::disallowed_types, reason = "this is the set that the others are to use")]
pub type Set<K> = std::collections::HashSet<K, HashState>;

/// How the workspace hashes: fast, and the same in every run.
///
/// The default state is public knowledge. [`HashState::seeded`] keeps anybody from preparing keys that all fall together;
/// who sees the order of a map may still learn enough to make some. Where an adversary chooses the keys and watches,
/// use a `BTreeMap`.
///
/// ```
/// use ironloom_core::{HashState, Map, Rng, Seed};
///
/// let secret = Rng::new(Seed::new(1)).split("names", 0).next_u64();
/// let mut names: Map<String, u32> = Map::with_hasher(HashState::seeded(secret));
/// names.insert("db.lan".into(), 1);
/// ```
#[derive(Debug, Clone, Default)]
pub struct HashState(FixedState);

impl HashState {
    /// A state that differs with every seed.
    #[must_use]
    pub const fn seeded(seed: u64) -> Self {
        Self(FixedState::with_seed(seed))
    }
}

impl BuildHasher for HashState {
    type Hasher = FoldHasher<'static>;

    #[inline]
    fn build_hasher(&self) -> Self::Hasher {
        self.0.build_hasher()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn maps_with_the_same_history_iterate_alike() {
        let build = || (0..1_000u64).map(|key| (key * 7_919 % 1_009, key)).collect::<Map<_, _>>();
        assert!(build().iter().eq(build().iter()));
    }

    #[test]
    fn seeds_change_the_hash() {
        assert_eq!(HashState::seeded(1).hash_one("key"), HashState::seeded(1).hash_one("key"));
        assert_ne!(HashState::seeded(1).hash_one("key"), HashState::seeded(2).hash_one("key"));
    }
}
