//! [`SharedRing`]: a bounded queue for any number of producers and consumers.

use crossbeam_queue::ArrayQueue;

use super::Full;

/// A bounded lock-free queue for any number of producers and consumers. All memory is allocated at the start.
///
/// ```
/// use ironloom_core::ring::SharedRing;
///
/// let ready = SharedRing::new(8);
/// std::thread::scope(|scope| {
///     for worker in 0..4 {
///         let ready = &ready;
///         scope.spawn(move || ready.push(worker).unwrap());
///     }
/// });
/// assert_eq!(ready.len(), 4);
/// ```
#[derive(Debug)]
pub struct SharedRing<T> {
    items: ArrayQueue<T>,
}

impl<T> SharedRing<T> {
    /// A ring for at most `items_max` items.
    ///
    /// # Panics
    ///
    /// If `items_max` is zero.
    #[must_use]
    pub fn new(items_max: usize) -> Self {
        assert!(items_max > 0, "a ring holds at least one item");
        Self { items: ArrayQueue::new(items_max) }
    }

    /// Appends an item.
    ///
    /// # Errors
    ///
    /// If the ring is full; the item comes back.
    #[inline]
    pub fn push(&self, item: T) -> Result<(), Full<T>> {
        self.items.push(item).map_err(|item| Full { item, items_max: self.items.capacity() })
    }

    /// Appends an item; if the ring is full, the oldest makes room and is returned.
    pub fn push_evicting(&self, item: T) -> Option<T> {
        self.items.force_push(item)
    }

    /// Takes the oldest item.
    #[inline]
    pub fn pop(&self) -> Option<T> {
        self.items.pop()
    }

    /// How many items it held a moment ago.
    #[must_use]
    pub fn len(&self) -> usize {
        self.items.len()
    }

    /// Whether it held none a moment ago.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.items.is_empty()
    }

    /// Whether it was full a moment ago.
    #[must_use]
    pub fn is_full(&self) -> bool {
        self.items.is_full()
    }

    /// How many items it may hold.
    #[must_use]
    pub fn items_max(&self) -> usize {
        self.items.capacity()
    }
}
