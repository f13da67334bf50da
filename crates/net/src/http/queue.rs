//! [`Queue`]: a queue that is nearly always empty or of one.

use std::collections::VecDeque;

/// A queue whose first item lies in the queue itself: few clients ask a second thing before the first is answered, and
/// memory elsewhere would be in no cache when a request comes.
#[derive(Debug)]
pub(super) struct Queue<T> {
    first: Option<T>,
    /// Empty unless there is a first.
    others: VecDeque<T>,
}

impl<T> Queue<T> {
    pub(super) const fn new() -> Self {
        Self { first: None, others: VecDeque::new() }
    }

    pub(super) fn len(&self) -> usize {
        usize::from(self.first.is_some()) + self.others.len()
    }

    pub(super) const fn is_empty(&self) -> bool {
        self.first.is_none()
    }

    pub(super) fn push_back(&mut self, item: T) {
        if self.first.is_none() {
            self.first = Some(item);
        } else {
            self.others.push_back(item);
        }
    }

    pub(super) fn pop_front(&mut self) -> Option<T> {
        std::mem::replace(&mut self.first, self.others.pop_front())
    }

    pub(super) const fn front(&self) -> Option<&T> {
        self.first.as_ref()
    }

    pub(super) const fn front_mut(&mut self) -> Option<&mut T> {
        self.first.as_mut()
    }

    pub(super) fn back(&self) -> Option<&T> {
        self.others.back().or(self.first.as_ref())
    }

    pub(super) fn back_mut(&mut self) -> Option<&mut T> {
        self.others.back_mut().or(self.first.as_mut())
    }

    pub(super) fn clear(&mut self) {
        *self = Self::new();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn it_is_a_queue(steps in prop::collection::vec(prop::option::weighted(0.6, any::<u8>()), 0..40)) {
            let (mut queue, mut expected) = (Queue::new(), VecDeque::new());
            for step in steps {
                match step {
                    Some(item) => {
                        queue.push_back(item);
                        expected.push_back(item);
                    }
                    None => prop_assert_eq!(queue.pop_front(), expected.pop_front()),
                }
                prop_assert_eq!((queue.len(), queue.is_empty()), (expected.len(), expected.is_empty()));
                prop_assert_eq!((queue.front(), queue.back()), (expected.front(), expected.back()));
                prop_assert_eq!(queue.front_mut(), expected.front_mut());
                prop_assert_eq!(queue.back_mut(), expected.back_mut());
            }
            queue.clear();
            prop_assert!(queue.is_empty());
        }
    }
}
