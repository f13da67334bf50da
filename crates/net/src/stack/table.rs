//! [`Table`]: the sockets of a stack, found by their ends or by their number, and when they want to be woken.
//!
//! A socket is a slot of a vector: its key, who owns it, and a box with what its kind needs. With a few sockets a
//! packet finds its own by looking at the keys one after the other; with more of them through an index of hashes, so that ten
//! thousand cost what one does. A slot is used again under another generation, so the name of a closed socket stays
//! nobody's.
//!
//! Deadlines are kept in one heap with lazy deletion. A slot is *armed* for at most one instant; a deadline that moves
//! away leaves the heap alone and is looked at again when the old one comes. So a connection whose timer is set with
//! every segment costs the heap nothing.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::hash::BuildHasher as _;

use ironloom_core::{HashState, Instant};

use crate::SocketId;
use crate::raw::prefetch;

use super::index::Index;
use super::key::Key;
use super::kinds::Socket;

/// Up to so many sockets looking at all is faster than hashing.
const SEARCHED_MAX: usize = 8;

/// A deadline that never comes.
const NEVER: Instant = Instant::MAX;

/// A socket, or a place for one.
#[derive(Debug)]
pub(super) struct Slot {
    pub(super) key: Key,
    /// For when the heap holds it.
    armed: Instant,
    /// Which process it belongs to.
    pub(super) owner: u64,
    pub(super) socket: Socket,
    generation: u32,
    /// How many bytes it was charged with.
    charged: u32,
}

/// The sockets of a stack.
#[derive(Debug)]
pub(super) struct Table {
    slots: Vec<Slot>,
    index: Option<Box<Index>>,
    hasher: HashState,
    heap: BinaryHeap<Reverse<(Instant, u32, u32)>>,
    /// The first of the free slots, each of which names the next; past the end if there is none.
    free: u32,
    live: u32,
    /// How many bytes all sockets keep.
    charged: usize,
}

impl Table {
    /// An empty table, whose hashes differ with every seed.
    pub(super) fn new(hash_seed: u64) -> Self {
        let (heap, hasher) = (BinaryHeap::new(), HashState::seeded(hash_seed));
        Self { slots: Vec::new(), index: None, hasher, heap, free: u32::MAX, live: 0, charged: 0 }
    }

    pub(super) fn live(&self) -> u32 {
        self.live
    }

    pub(super) fn charged(&self) -> usize {
        self.charged
    }

    /// The socket with exactly these ends.
    #[inline]
    pub(super) fn find(&self, key: &Key) -> Option<u32> {
        match &self.index {
            None => self.slots.iter().position(|slot| slot.key == *key).map(|index| index as u32),
            Some(index) => {
                index.find(self.hasher.hash_one(key), |place| self.slots[place as usize].key == *key)
            }
        }
    }

    /// Has fetched where the keys are, and the deadlines.
    #[inline]
    pub(super) fn fetch(&self) {
        match &self.index {
            None => self.slots.iter().take(4).for_each(prefetch),
            Some(index) => prefetch(&**index),
        }
        if let Some(first) = self.heap.peek() {
            prefetch(first);
        }
    }

    /// Has a socket fetched.
    #[inline]
    pub(super) fn fetch_socket(&self, key: &Key) {
        if let Some(place) = self.find(key) {
            match &self.slots[place as usize].socket {
                Socket::Stream(stream) => prefetch(&**stream),
                Socket::HalfOpen(half_open) => prefetch(&**half_open),
                _ => {}
            }
        }
    }

    /// Adds a socket whose key is not there yet.
    pub(super) fn insert(&mut self, key: Key, owner: u64, socket: Socket) -> u32 {
        let slot = Slot { key, armed: NEVER, owner, socket, generation: 0, charged: 0 };
        let index = self.place(slot);
        self.live += 1;
        if let Some(by_key) = &mut self.index {
            by_key.insert(self.hasher.hash_one(key), index);
        } else if self.slots.len() > SEARCHED_MAX {
            let mut by_key = Box::new(Index::new());
            for (place, slot) in self.slots.iter().enumerate().filter(|(_, slot)| !slot.socket.is_free()) {
                by_key.insert(self.hasher.hash_one(slot.key), place as u32);
            }
            self.index = Some(by_key);
        }
        index
    }

    fn place(&mut self, mut slot: Slot) -> u32 {
        let index = self.free;
        if let Some(place) = self.slots.get_mut(index as usize) {
            let Socket::Free(next) = place.socket else { unreachable!("the free list names free slots") };
            self.free = next;
            slot.generation = place.generation;
            *place = slot;
            return index;
        }
        if self.slots.is_empty() {
            self.slots.reserve_exact(1);
        }
        self.slots.push(slot);
        (self.slots.len() - 1) as u32
    }

    /// Takes a socket out. Its name is not used again.
    pub(super) fn remove(&mut self, index: u32) -> Socket {
        self.charge(index, 0);
        let slot = &mut self.slots[index as usize];
        if let Some(by_key) = &mut self.index {
            by_key.remove(self.hasher.hash_one(slot.key), index);
        }
        slot.key = Key::NONE;
        slot.armed = NEVER;
        slot.generation = slot.generation.wrapping_add(1);
        let removed = std::mem::replace(&mut slot.socket, Socket::Free(self.free));
        self.free = index;
        self.live -= 1;
        self.prune();
        removed
    }

    /// Gives a socket other ends, which nobody has.
    pub(super) fn rename(&mut self, index: u32, key: Key) {
        let slot = &mut self.slots[index as usize];
        if let Some(by_key) = &mut self.index {
            by_key.remove(self.hasher.hash_one(slot.key), index);
            by_key.insert(self.hasher.hash_one(key), index);
        }
        slot.key = key;
    }

    #[inline]
    pub(super) fn slot(&self, index: u32) -> &Slot {
        &self.slots[index as usize]
    }

    #[inline]
    pub(super) fn slot_mut(&mut self, index: u32) -> &mut Slot {
        &mut self.slots[index as usize]
    }

    /// The name of a socket.
    #[inline]
    pub(super) fn id(&self, index: u32) -> SocketId {
        SocketId { index, generation: self.slots[index as usize].generation }
    }

    /// The place of a socket, if its name is still its own.
    #[inline]
    pub(super) fn index_of(&self, id: SocketId) -> Option<u32> {
        let slot = self.slots.get(id.index as usize)?;
        (slot.generation == id.generation && !slot.socket.is_free()).then_some(id.index)
    }

    /// All sockets, in the order of their places.
    pub(super) fn iter(&self) -> impl Iterator<Item = (u32, &Slot)> {
        let all = self.slots.iter().enumerate().map(|(index, slot)| (index as u32, slot));
        all.filter(|(_, slot)| !slot.socket.is_free())
    }

    /// Notes how many bytes a socket keeps now.
    #[inline]
    pub(super) fn charge(&mut self, index: u32, bytes: usize) {
        let slot = &mut self.slots[index as usize];
        let bytes = u32::try_from(bytes).unwrap_or(u32::MAX);
        self.charged = self.charged - slot.charged as usize + bytes as usize;
        slot.charged = bytes;
    }

    /// Sees to it that a socket is woken at its deadline, or before.
    #[inline]
    pub(super) fn arm(&mut self, index: u32, deadline: Option<Instant>) {
        let slot = &mut self.slots[index as usize];
        if let Some(deadline) = deadline
            && deadline < slot.armed
        {
            slot.armed = deadline;
            let entry = Reverse((deadline, index, slot.generation));
            if self.heap.len() > 64 + 4 * self.live as usize {
                self.sweep();
            } else {
                self.heap.push(entry);
            }
        }
    }

    /// Leaves a socket alone from now on.
    pub(super) fn disarm(&mut self, index: u32) {
        self.slots[index as usize].armed = NEVER;
        self.prune();
    }

    /// Puts what is armed into the heap, and nothing else.
    fn sweep(&mut self) {
        let slots = self.slots.iter().enumerate().filter(|(_, slot)| slot.armed < NEVER);
        self.heap = slots.map(|(index, slot)| Reverse((slot.armed, index as u32, slot.generation))).collect();
    }

    /// The next socket that wanted to be woken by now. It is not armed any more.
    pub(super) fn pop_due(&mut self, now: Instant) -> Option<u32> {
        while let Some(&Reverse((at, index, generation))) = self.heap.peek() {
            if at > now {
                break;
            }
            self.heap.pop();
            let slot = &mut self.slots[index as usize];
            if slot.generation == generation && slot.armed == at {
                slot.armed = NEVER;
                return Some(index);
            }
        }
        self.prune();
        None
    }

    /// When a socket next wants to be woken.
    #[inline]
    pub(super) fn next_event(&self) -> Option<Instant> {
        self.heap.peek().map(|Reverse((at, ..))| *at)
    }

    /// Takes from the top of the heap what nobody waits for.
    fn prune(&mut self) {
        while let Some(&Reverse((at, index, generation))) = self.heap.peek() {
            let slot = &self.slots[index as usize];
            if slot.generation == generation && slot.armed == at {
                return;
            }
            self.heap.pop();
        }
    }
}
