//! [`pair`]: a bounded queue between one producer and one consumer, without locks or waiting.

use super::Full;

/// Makes a ring for at most `items_max` items and gives its two ends.
///
/// Each end is wait-free and may live on a thread of its own. All memory is allocated here.
///
/// ```
/// use ironloom_core::ring::pair;
///
/// let (mut producer, mut consumer) = pair(64);
/// std::thread::scope(|scope| {
///     scope.spawn(move || (0..64).for_each(|number| producer.push(number).unwrap()));
/// });
/// assert_eq!(consumer.pop(), Some(0));
/// assert!(consumer.is_abandoned());
/// ```
///
/// # Panics
///
/// If `items_max` is zero.
#[must_use]
pub fn pair<T>(items_max: usize) -> (Producer<T>, Consumer<T>) {
    assert!(items_max > 0, "a ring holds at least one item");
    let (producer, consumer) = rtrb::RingBuffer::new(items_max);
    (Producer { end: producer, items_max }, Consumer { end: consumer })
}

/// The end of a [`pair`] that items enter.
#[derive(Debug)]
pub struct Producer<T> {
    end: rtrb::Producer<T>,
    items_max: usize,
}

impl<T> Producer<T> {
    /// Appends an item.
    ///
    /// # Errors
    ///
    /// If the ring is full; the item comes back.
    #[inline]
    pub fn push(&mut self, item: T) -> Result<(), Full<T>> {
        self.end.push(item).map_err(|rtrb::PushError::Full(item)| Full { item, items_max: self.items_max })
    }

    /// How many items the ring may hold.
    #[must_use]
    pub const fn items_max(&self) -> usize {
        self.items_max
    }

    /// Whether the next [`push`](Producer::push) would be refused, unless the consumer is quicker.
    #[must_use]
    pub fn is_full(&self) -> bool {
        self.end.is_full()
    }

    /// Whether the consumer is gone, so that nobody will ever take what is pushed.
    #[must_use]
    pub fn is_abandoned(&self) -> bool {
        self.end.is_abandoned()
    }
}

/// The end of a [`pair`] that items leave.
#[derive(Debug)]
pub struct Consumer<T> {
    end: rtrb::Consumer<T>,
}

impl<T> Consumer<T> {
    /// Takes the oldest item.
    #[inline]
    pub fn pop(&mut self) -> Option<T> {
        self.end.pop().ok()
    }

    /// How many items are there; more may come at any time.
    #[must_use]
    pub fn len(&self) -> usize {
        self.end.slots()
    }

    /// Whether there are none at the moment.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.end.is_empty()
    }

    /// Whether the producer is gone, so that nothing more will come than what is there.
    #[must_use]
    pub fn is_abandoned(&self) -> bool {
        self.end.is_abandoned()
    }
}
