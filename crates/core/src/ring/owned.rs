//! [`Ring`]: a bounded queue with one owner.

use std::collections::VecDeque;

use super::Full;

/// A bounded queue with one owner. Memory grows with what it holds, up to the limit.
///
/// ```
/// use ironloom_core::ring::Ring;
///
/// let mut recent = Ring::new(2);
/// recent.push("boot").unwrap();
/// recent.push("login").unwrap();
/// assert_eq!(recent.push("logout").unwrap_err().item, "logout");
/// assert_eq!(recent.push_evicting("logout"), Some("boot"));
/// assert!(recent.iter().eq(&["login", "logout"]));
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ring<T> {
    items: VecDeque<T>,
    items_max: usize,
}

impl<T> Ring<T> {
    /// A ring for at most `items_max` items. It allocates nothing yet.
    ///
    /// # Panics
    ///
    /// If `items_max` is zero.
    #[must_use]
    pub const fn new(items_max: usize) -> Self {
        assert!(items_max > 0, "a ring holds at least one item");
        Self { items: VecDeque::new(), items_max }
    }

    /// Appends an item.
    ///
    /// # Errors
    ///
    /// If the ring is full; the item comes back.
    pub fn push(&mut self, item: T) -> Result<(), Full<T>> {
        if self.is_full() {
            return Err(Full { item, items_max: self.items_max });
        }
        self.items.push_back(item);
        Ok(())
    }

    /// Appends an item; if the ring is full, the oldest makes room and is returned.
    pub fn push_evicting(&mut self, item: T) -> Option<T> {
        let evicted = if self.is_full() { self.items.pop_front() } else { None };
        self.items.push_back(item);
        evicted
    }

    /// Drops all items.
    pub fn clear(&mut self) {
        self.items.clear();
    }

    /// Takes the oldest item.
    pub fn pop(&mut self) -> Option<T> {
        self.items.pop_front()
    }

    /// The oldest item.
    #[must_use]
    pub fn front(&self) -> Option<&T> {
        self.items.front()
    }

    /// The items from the oldest to the newest.
    #[must_use]
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = &T> + ExactSizeIterator {
        self.items.iter()
    }

    /// How many items it holds.
    #[must_use]
    pub fn len(&self) -> usize {
        self.items.len()
    }

    /// Whether it holds none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.items.is_empty()
    }

    /// Whether the next [`push`](Ring::push) would be refused.
    #[must_use]
    pub fn is_full(&self) -> bool {
        self.items.len() >= self.items_max
    }

    /// How many items it may hold.
    #[must_use]
    pub const fn items_max(&self) -> usize {
        self.items_max
    }
}
