//! [`Table`]: values by key, in two queues, each in the order in which its values were last touched.

use std::hash::Hash;

use ironloom_core::{HashState, Map};

/// No place.
const NOWHERE: u32 = u32::MAX;

/// Which queue a value stands in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Queue {
    /// What goes on.
    Active = 0,
    /// What is over, and only waits for what is late.
    Lingering = 1,
}

#[derive(Debug)]
struct Slot<K, V> {
    key: K,
    /// `None` if the slot is free.
    value: Option<V>,
    queue: Queue,
    before: u32,
    after: u32,
}

/// Values by key, each in one of two queues.
#[derive(Debug)]
pub(super) struct Table<K, V> {
    places: Map<K, u32>,
    slots: Vec<Slot<K, V>>,
    free: Vec<u32>,
    /// The first and the last of each queue.
    ends: [(u32, u32); 2],
}

impl<K: Copy + Eq + Hash, V> Table<K, V> {
    pub(super) fn new(seed: u64) -> Self {
        let places = Map::with_hasher(HashState::seeded(seed));
        Self { places, slots: Vec::new(), free: Vec::new(), ends: [(NOWHERE, NOWHERE); 2] }
    }

    pub(super) fn len(&self) -> usize {
        self.places.len()
    }

    pub(super) fn place(&self, key: &K) -> Option<u32> {
        self.places.get(key).copied()
    }

    /// The value at a place that is taken.
    pub(super) fn at(&mut self, place: u32) -> Option<&mut V> {
        self.slots.get_mut(place as usize)?.value.as_mut()
    }

    /// The first of a queue.
    pub(super) fn first(&self, queue: Queue) -> Option<(u32, &V)> {
        let (place, _) = self.ends[queue as usize];
        let slot = self.slots.get(place as usize)?;
        slot.value.as_ref().map(|value| (place, value))
    }

    /// Puts a value at the end of the active queue; there is none yet with its key.
    pub(super) fn insert(&mut self, key: K, value: V) {
        let slot = Slot { key, value: Some(value), queue: Queue::Active, before: NOWHERE, after: NOWHERE };
        let place = match self.free.pop() {
            Some(place) => {
                self.slots[place as usize] = slot;
                place
            }
            None => {
                self.slots.push(slot);
                (self.slots.len() - 1) as u32
            }
        };
        self.places.insert(key, place);
        self.link(place, Queue::Active);
    }

    /// Moves what stands at a place to the end of a queue.
    pub(super) fn touch(&mut self, place: u32, queue: Queue) {
        if self.slots[place as usize].queue == queue && self.ends[queue as usize].1 == place {
            return;
        }
        self.unlink(place);
        self.link(place, queue);
    }

    /// Takes out what stands at a place.
    pub(super) fn remove(&mut self, place: u32) -> Option<(K, V)> {
        let slot = self.slots.get_mut(place as usize)?;
        let (key, value) = (slot.key, slot.value.take()?);
        self.unlink(place);
        self.places.remove(&key);
        self.free.push(place);
        Some((key, value))
    }

    fn link(&mut self, place: u32, queue: Queue) {
        let (first, last) = self.ends[queue as usize];
        let slot = &mut self.slots[place as usize];
        (slot.queue, slot.before, slot.after) = (queue, last, NOWHERE);
        match self.slots.get_mut(last as usize) {
            Some(slot) => slot.after = place,
            None => debug_assert_eq!(last, NOWHERE),
        }
        self.ends[queue as usize] = (if first == NOWHERE { place } else { first }, place);
    }

    fn unlink(&mut self, place: u32) {
        let Slot { queue, before, after, .. } = self.slots[place as usize];
        let ends = &mut self.ends[queue as usize];
        match self.slots.get_mut(before as usize) {
            Some(slot) => slot.after = after,
            None => ends.0 = after,
        }
        match self.slots.get_mut(after as usize) {
            Some(slot) => slot.before = before,
            None => ends.1 = before,
        }
    }
}
