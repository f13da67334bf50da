//! [`Arena`]: where the values of timers are, found by index and told apart by generation.

/// A timer that was set. It stays valid, and stops meaning anything once the timer has expired or was cancelled.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct TimerId {
    index: u32,
    generation: u32,
}

/// The values of all timers that are set.
///
/// Generations lie apart from the cells: whoever only asks whether a timer lives touches four bytes, of which a
/// million fit into a cache that cannot hold a million cells.
#[derive(Clone)]
pub(super) struct Arena<T> {
    /// Counts the timers that lived in each cell, so that an entry or id of an earlier one is recognised.
    generations: Vec<u32>,
    cells: Vec<Cell<T>>,
    /// The vacant cell that was used last, the first of a chain.
    vacant: Option<u32>,
    len: usize,
}

#[derive(Clone)]
enum Cell<T> {
    Timer { deadline: u64, value: T },
    Vacant { next: Option<u32> },
}

impl<T> Default for Arena<T> {
    fn default() -> Self {
        Self { generations: Vec::new(), cells: Vec::new(), vacant: None, len: 0 }
    }
}

impl<T> Arena<T> {
    pub(super) fn len(&self) -> usize {
        self.len
    }

    #[inline]
    pub(super) fn insert(&mut self, deadline: u64, value: T) -> TimerId {
        self.len += 1;
        let timer = Cell::Timer { deadline, value };
        let Some(index) = self.vacant else {
            let index = u32::try_from(self.cells.len()).expect("the wheel limits its timers to 2^32");
            self.generations.push(0);
            self.cells.push(timer);
            return TimerId { index, generation: 0 };
        };
        let cell = std::mem::replace(&mut self.cells[index as usize], timer);
        let Cell::Vacant { next } = cell else { unreachable!("the chain of vacant cells leads to a timer") };
        self.vacant = next;
        TimerId { index, generation: self.generations[index as usize] }
    }

    /// Takes the timer out, with its deadline, if it still lives.
    #[inline]
    pub(super) fn remove(&mut self, id: TimerId) -> Option<(u64, T)> {
        if !self.is_live(id) {
            return None;
        }
        let index = id.index as usize;
        let cell = std::mem::replace(&mut self.cells[index], Cell::Vacant { next: self.vacant });
        let Cell::Timer { deadline, value } = cell else { unreachable!("a generation ends with its timer") };
        self.generations[index] = id.generation.wrapping_add(1);
        self.vacant = Some(id.index);
        self.len -= 1;
        Some((deadline, value))
    }

    /// When the timer is due and what it carries, if it still lives.
    #[inline]
    pub(super) fn timer(&self, id: TimerId) -> Option<(u64, &T)> {
        match self.cells.get(id.index as usize)? {
            Cell::Timer { deadline, value } if self.is_live(id) => Some((*deadline, value)),
            _ => None,
        }
    }

    /// Whether the timer has neither expired nor been cancelled.
    ///
    /// A generation ends with its timer, and ids are made only of generations that begin.
    #[inline]
    pub(super) fn is_live(&self, id: TimerId) -> bool {
        self.generations.get(id.index as usize).is_some_and(|generation| *generation == id.generation)
    }
}
