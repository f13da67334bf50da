//! [`Reservations`]: what load-reserved promised, where harts run freely beside each other.
//!
//! A table of hashed slots, each with a bit for every hart that holds a reservation there and a lock.
//! A store looks at the slot of its place; only if somebody else holds a reservation there does it take the slot's lock,
//! and takes the reservations away. A store-conditional takes the lock, looks whether its own reservation is still there,
//! stores, and takes those of others away. So a store-conditional succeeds only if nobody stored since, even if the value
//! is the same again.
//!
//! A store that looked at its slot just before the reservation was made may land after it.
//! Then the value differs from what was loaded, which a store-conditional checks as well.

use std::sync::atomic::{AtomicU64, Ordering};

use super::raw::Place;

const SLOTS: usize = 4_096;

/// The bit of a slot that is its lock; the others are harts.
const LOCK: u64 = 1 << 63;

/// The most harts that can run freely beside each other.
pub(crate) const HARTS_MAX: usize = 63;

/// What a load-reserved remembers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Reservation {
    /// Where it loaded.
    pub(crate) place: Place,
    /// What it loaded.
    pub(crate) value: u64,
    /// How many bytes.
    pub(crate) bytes: u64,
}

/// The reservations of all harts of a computer.
#[derive(Debug)]
pub(crate) struct Reservations {
    slots: Box<[AtomicU64]>,
}

impl Reservations {
    pub(crate) fn new() -> Self {
        Self { slots: (0..SLOTS).map(|_| AtomicU64::new(0)).collect() }
    }

    #[inline(always)]
    fn slot(&self, place: Place) -> &AtomicU64 {
        self.slot_of(place.number())
    }

    #[inline(always)]
    fn slot_of(&self, number: u64) -> &AtomicU64 {
        let hash = (number >> 6).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 52;
        &self.slots[hash as usize % SLOTS]
    }

    /// Whether a store has to go through [`Self::store`].
    #[inline(always)]
    pub(crate) fn is_held(&self, place: Place) -> bool {
        self.slot(place).load(Ordering::Relaxed) != 0
    }

    /// Makes a reservation, and only then loads.
    pub(crate) fn reserve<R>(&self, hart: u64, place: Place, load: impl FnOnce() -> R) -> R {
        let slot = self.slot(place);
        let harts = lock(slot);
        let value = load();
        slot.store(harts | 1 << hart, Ordering::SeqCst);
        value
    }

    /// Stores, and takes the reservations of everybody else away.
    pub(crate) fn store<R>(&self, hart: u64, place: Place, store: impl FnOnce() -> R) -> R {
        let slot = self.slot(place);
        let harts = lock(slot);
        let result = store();
        slot.store(harts & 1 << hart, Ordering::SeqCst);
        result
    }

    /// Stores for somebody who is none of the harts, at the host's address `number`, and takes all reservations away.
    pub(crate) fn store_from_outside<R>(&self, number: u64, store: impl FnOnce() -> R) -> R {
        let slot = self.slot_of(number);
        lock(slot);
        let result = store();
        slot.store(0, Ordering::SeqCst);
        result
    }

    /// Tries a store if the hart still has its reservation, and takes everybody's away if it was done.
    pub(crate) fn store_conditional(&self, hart: u64, place: Place, store: impl FnOnce() -> bool) -> bool {
        let slot = self.slot(place);
        let harts = lock(slot);
        let stored = harts & 1 << hart != 0 && store();
        slot.store(if stored { 0 } else { harts & !(1 << hart) }, Ordering::SeqCst);
        stored
    }

    /// Gives a reservation back.
    pub(crate) fn release(&self, hart: u64, place: Place) {
        self.slot(place).fetch_and(!(1 << hart), Ordering::SeqCst);
    }
}

/// Takes a slot's lock and says which harts have a reservation there.
fn lock(slot: &AtomicU64) -> u64 {
    loop {
        let harts = slot.load(Ordering::Relaxed) & !LOCK;
        if slot.compare_exchange_weak(harts, harts | LOCK, Ordering::SeqCst, Ordering::Relaxed).is_ok() {
            return harts;
        }
        std::hint::spin_loop();
    }
}
