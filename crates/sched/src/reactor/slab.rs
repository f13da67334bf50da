//! [`Slab`]: from the token of an event to the readiness that it concerns.

use std::sync::Arc;

use mio::Token;

use super::error::RegisterError;
use super::readiness::Readiness;

/// A token is an index in its lower half and a generation in its upper.
const HALF: u32 = usize::BITS / 2;
const INDEX: usize = usize::MAX >> HALF;

/// Who is registered, up to a limit.
///
/// A place is used again under a new generation, so an event that was already fetched when its socket was dropped
/// concerns nobody, not the socket that has the place now.
#[derive(Debug)]
pub(super) struct Slab {
    places: Vec<Place>,
    free: Vec<usize>,
    max: usize,
}

#[derive(Debug)]
struct Place {
    generation: usize,
    readiness: Option<Arc<Readiness>>,
}

impl Slab {
    /// The most places that a slab can have; the last index is never used, so that no token has all bits set.
    pub(super) const PLACES_MAX: usize = INDEX;

    pub(super) fn new(max: usize) -> Self {
        assert!(max <= Self::PLACES_MAX);
        Self { places: Vec::new(), free: Vec::new(), max }
    }

    /// How many are registered.
    pub(super) fn len(&self) -> usize {
        self.places.len() - self.free.len()
    }

    pub(super) fn insert(&mut self, readiness: Arc<Readiness>) -> Result<Token, RegisterError> {
        let index = match self.free.pop() {
            Some(index) => index,
            None if self.places.len() == self.max => {
                return Err(RegisterError::Full { sources_max: self.max });
            }
            None => {
                self.places.push(Place { generation: 0, readiness: None });
                self.places.len() - 1
            }
        };
        let place = &mut self.places[index];
        place.readiness = Some(readiness);
        Ok(Token(place.generation << HALF | index))
    }

    /// Empties a place; what was there is for the caller to drop, because it holds wakers.
    pub(super) fn remove(&mut self, token: Token) -> Option<Arc<Readiness>> {
        let (index, generation) = (token.0 & INDEX, token.0 >> HALF);
        let place = self.places.get_mut(index).filter(|place| place.generation == generation)?;
        let readiness = place.readiness.take()?;
        place.generation = (generation + 1) & INDEX;
        self.free.push(index);
        Some(readiness)
    }

    /// Whom an event with this token concerns, if they are still there.
    pub(super) fn find(&self, token: Token) -> Option<&Arc<Readiness>> {
        let place = self.places.get(token.0 & INDEX)?;
        place.readiness.as_ref().filter(|_| place.generation == token.0 >> HALF)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_used_again_under_another_token() {
        let mut slab = Slab::new(2);
        let readiness = Arc::new(Readiness::new());
        let first = slab.insert(readiness.clone()).unwrap();
        let second = slab.insert(readiness.clone()).unwrap();
        assert!(matches!(slab.insert(readiness.clone()), Err(RegisterError::Full { sources_max: 2 })));
        assert!(slab.remove(first).is_some());
        assert!(slab.remove(first).is_none());
        let third = slab.insert(readiness).unwrap();
        assert_ne!(first, third);
        assert!(slab.find(first).is_none() && slab.find(second).is_some() && slab.find(third).is_some());
        assert!(slab.remove(first).is_none(), "a stale token removes nobody");
        assert_eq!(slab.len(), 2);
    }

    #[test]
    fn a_token_of_nobody_finds_nobody() {
        let slab = Slab::new(2);
        assert!(slab.find(Token(0)).is_none() && slab.find(Token(usize::MAX)).is_none());
    }

    #[test]
    fn generations_begin_again_after_the_last() {
        let mut slab = Slab::new(1);
        let readiness = Arc::new(Readiness::new());
        let first = slab.insert(readiness.clone()).unwrap();
        slab.remove(first);
        slab.places[0].generation = INDEX;
        let last = slab.insert(readiness.clone()).unwrap();
        assert_ne!(last.0, usize::MAX);
        assert!(slab.remove(last).is_some());
        assert_eq!(slab.insert(readiness).unwrap(), first);
    }
}
