//! [`Arena`]: where the values of timers are, found by index and told apart by generation.

/// A timer that was set. It stays valid, and stops meaning anything once the timer has expired or was cancelled.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct TimerId {
    index: u32,
    generation: u32,
}

/// The values of all timers that are set.
#[derive(Debug)]
pub(super) struct Arena<T> {
    cells: Vec<Cell<T>>,
    /// The vacant cell that was used last, the first of a chain.
    vacant: Option<u32>,
    len: usize,
}

#[derive(Debug)]
struct Cell<T> {
    /// Counts the timers that lived here, so that an entry or id of an earlier one is recognised.
    generation: u32,
    content: Content<T>,
}

#[derive(Debug)]
enum Content<T> {
    Timer { deadline: u64, value: T },
    Vacant { next: Option<u32> },
}

impl<T> Default for Arena<T> {
    fn default() -> Self {
        Self { cells: Vec::new(), vacant: None, len: 0 }
    }
}

impl<T> Arena<T> {
    pub(super) fn len(&self) -> usize {
        self.len
    }

    #[inline]
    pub(super) fn insert(&mut self, deadline: u64, value: T) -> TimerId {
        self.len += 1;
        let content = Content::Timer { deadline, value };
        let Some(index) = self.vacant else {
            let index = u32::try_from(self.cells.len()).expect("the wheel limits its timers to 2^32");
            self.cells.push(Cell { generation: 0, content });
            return TimerId { index, generation: 0 };
        };
        let cell = &mut self.cells[index as usize];
        let Content::Vacant { next } = std::mem::replace(&mut cell.content, content) else {
            unreachable!("the chain of vacant cells leads to a timer");
        };
        self.vacant = next;
        TimerId { index, generation: cell.generation }
    }

    /// Takes the timer out, with its deadline, if it is still there.
    #[inline]
    pub(super) fn remove(&mut self, id: TimerId) -> Option<(u64, T)> {
        let cell = self.cells.get_mut(id.index as usize)?;
        if cell.generation != id.generation || matches!(cell.content, Content::Vacant { .. }) {
            return None;
        }
        let content = std::mem::replace(&mut cell.content, Content::Vacant { next: self.vacant });
        cell.generation = cell.generation.wrapping_add(1);
        self.vacant = Some(id.index);
        self.len -= 1;
        match content {
            Content::Timer { deadline, value } => Some((deadline, value)),
            Content::Vacant { .. } => unreachable!("it was looked at above"),
        }
    }

    #[inline]
    pub(super) fn is_live(&self, id: TimerId) -> bool {
        let cell = &self.cells[id.index as usize];
        cell.generation == id.generation && matches!(cell.content, Content::Timer { .. })
    }
}
