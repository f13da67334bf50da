//! [`Queue`]: flows in the order in which they have to make room.

use crate::router::Address;

use super::flow::{Flow, Marks};

/// What stands for no flow.
pub(super) const NOBODY: u32 = u32::MAX;

/// Flows linked to one another, the one that was used least lately first.
#[derive(Debug, Clone)]
pub(super) struct Queue {
    first: u32,
    last: u32,
    /// What marks its flows.
    mark: Marks,
}

impl Queue {
    pub(super) fn new(mark: Marks) -> Self {
        Self { first: NOBODY, last: NOBODY, mark }
    }

    pub(super) fn first(&self) -> Option<u32> {
        (self.first != NOBODY).then_some(self.first)
    }

    pub(super) fn push<A: Address>(&mut self, flows: &mut [Flow<A>], index: u32) {
        let flow = &mut flows[index as usize];
        flow.marks.insert(self.mark);
        (flow.previous, flow.next) = (self.last, NOBODY);
        match self.last {
            NOBODY => self.first = index,
            last => flows[last as usize].next = index,
        }
        self.last = index;
    }

    /// Takes a flow out, if it is in this queue.
    pub(super) fn remove<A: Address>(&mut self, flows: &mut [Flow<A>], index: u32) {
        let flow = &mut flows[index as usize];
        if !flow.marks.contains(self.mark) {
            return;
        }
        flow.marks.remove(self.mark);
        let (previous, next) = (flow.previous, flow.next);
        match previous {
            NOBODY => self.first = next,
            previous => flows[previous as usize].next = next,
        }
        match next {
            NOBODY => self.last = previous,
            next => flows[next as usize].previous = previous,
        }
    }

    /// Moves a flow of this queue to its end.
    pub(super) fn touch<A: Address>(&mut self, flows: &mut [Flow<A>], index: u32) {
        if self.last != index {
            self.remove(flows, index);
            self.push(flows, index);
        }
    }
}
