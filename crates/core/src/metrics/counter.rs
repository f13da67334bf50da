//! [`Counter`]: how often something happened.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crossbeam_utils::CachePadded;
use parking_lot::Mutex;

/// A cell that one writer owns, on a cache line of its own.
type Cell = Arc<CachePadded<AtomicU64>>;

/// A number that only grows. Clones count together.
///
/// ```
/// use ironloom_core::metrics::Counter;
///
/// let requests = Counter::new();
/// let mut mine = requests.local(); // for a hot loop
/// mine.add(2);
/// requests.add(1); // from anywhere
/// assert_eq!(requests.value(), 3);
/// ```
#[derive(Clone, Default)]
pub struct Counter {
    total: Arc<Total>,
}

#[derive(Default)]
struct Total {
    /// What was counted through the counter itself, and by locals that are gone and were folded in.
    shared: CachePadded<AtomicU64>,
    /// The cells of the locals that exist, and of some that are gone.
    locals: Mutex<Vec<Cell>>,
}

impl Total {
    /// Adds what locals counted that are gone, and forgets them.
    fn fold(&self, locals: &mut Vec<Cell>) {
        locals.retain_mut(|cell| {
            let Some(cell) = Arc::get_mut(cell) else { return true };
            self.shared.fetch_add(*cell.get_mut(), Ordering::Relaxed);
            false
        });
    }
}

impl Counter {
    /// A counter at zero that no registry knows.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Counts `amount`, from any thread.
    #[inline]
    pub fn add(&self, amount: u64) {
        self.total.shared.fetch_add(amount, Ordering::Relaxed);
    }

    /// A face of this counter for one writer, several times faster.
    #[must_use]
    pub fn local(&self) -> LocalCounter {
        let cell = Cell::default();
        let mut locals = self.total.locals.lock();
        if locals.len() == locals.capacity() {
            self.total.fold(&mut locals); // before it grows, so that there are never many more than exist
        }
        locals.push(cell.clone());
        LocalCounter { cell }
    }

    /// How much was counted, by everybody.
    #[must_use]
    pub fn value(&self) -> u64 {
        let mut locals = self.total.locals.lock();
        self.total.fold(&mut locals);
        let counted = locals.iter().map(|cell| cell.load(Ordering::Relaxed));
        counted.fold(self.total.shared.load(Ordering::Relaxed), u64::wrapping_add)
    }
}

impl fmt::Debug for Counter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Counter({})", self.value())
    }
}

/// A face of a [`Counter`] that belongs to one writer.
///
/// What it counted stays in the counter when it is dropped.
pub struct LocalCounter {
    cell: Cell,
}

impl LocalCounter {
    /// Counts `amount`.
    #[inline]
    pub fn add(&mut self, amount: u64) {
        // Nobody else writes the cell, so nothing can come between the load and the store.
        let counted = self.cell.load(Ordering::Relaxed);
        self.cell.store(counted.wrapping_add(amount), Ordering::Relaxed);
    }
}

impl fmt::Debug for LocalCounter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "LocalCounter({})", self.cell.load(Ordering::Relaxed))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_lost_between_faces_and_threads() {
        let counter = Counter::new();
        std::thread::scope(|scope| {
            for _ in 0..3 {
                scope.spawn(|| {
                    let mut local = counter.local();
                    for _ in 0..1_000 {
                        local.add(1);
                        counter.add(2);
                    }
                });
            }
            let seen: Vec<u64> = (0..100).map(|_| counter.value()).collect();
            assert!(seen.is_sorted());
        });
        assert_eq!(counter.value(), 9_000);
        assert!(counter.total.locals.lock().is_empty());
    }

    /// Locals that come and go are forgotten, and dropping many is no more work than dropping one.
    #[test]
    fn locals_do_not_pile_up() {
        let counter = Counter::new();
        (0..10_000).for_each(|_| counter.local().add(1));
        assert!(counter.total.locals.lock().len() < 100);
        let mut many: Vec<LocalCounter> = (0..100_000).map(|_| counter.local()).collect();
        many.iter_mut().for_each(|local| local.add(1));
        drop(many);
        assert_eq!(counter.value(), 110_000);
    }
}
