//! [`Arena`]: many things of a kind in one allocation, named by small numbers.

/// Things in places that are used again.
#[derive(Debug)]
pub(super) struct Arena<T> {
    places: Vec<T>,
    free: Vec<u32>,
}

impl<T> Default for Arena<T> {
    fn default() -> Self {
        Self { places: Vec::new(), free: Vec::new() }
    }
}

impl<T> Arena<T> {
    /// What was in the place that is used next, if it was in use before.
    pub(super) fn vacated(&self) -> Option<&T> {
        self.free.last().map(|place| self.get(*place))
    }

    /// Puts a thing into a place.
    pub(super) fn insert(&mut self, thing: T) -> u32 {
        if let Some(place) = self.free.pop() {
            self.places[place as usize] = thing;
            return place;
        }
        self.places.push(thing);
        u32::try_from(self.places.len() - 1).expect("memory ends before the numbers do")
    }

    /// Gives a place back. What is there stays until the place is used again.
    pub(super) fn remove(&mut self, place: u32) {
        self.free.push(place);
    }

    pub(super) fn get(&self, place: u32) -> &T {
        &self.places[place as usize]
    }

    pub(super) fn get_mut(&mut self, place: u32) -> &mut T {
        &mut self.places[place as usize]
    }

    /// All places that were ever in use, with what is or was there.
    pub(super) fn iter_mut(&mut self) -> impl Iterator<Item = (u32, &mut T)> {
        (0_u32..).zip(&mut self.places)
    }

    /// How many places are in use.
    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.places.len() - self.free.len()
    }
}
