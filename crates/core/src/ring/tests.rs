//! Every ring against a `VecDeque` that is told where to stop.

use std::collections::VecDeque;

use proptest::prelude::*;

use super::{Ring, SharedRing, pair};

#[derive(Debug, Clone)]
enum Step {
    Push(u8),
    Evict(u8),
    Pop,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step =
        prop_oneof![any::<u8>().prop_map(Step::Push), any::<u8>().prop_map(Step::Evict), Just(Step::Pop)];
    prop::collection::vec(step, 0..200)
}

/// A queue as anyone would write it, with its limit.
struct Model {
    items: VecDeque<u8>,
    items_max: usize,
}

impl Model {
    fn new(items_max: usize) -> Self {
        Self { items: VecDeque::new(), items_max }
    }

    fn push(&mut self, item: u8) -> Option<u8> {
        if self.items.len() == self.items_max {
            return Some(item);
        }
        self.items.push_back(item);
        None
    }

    fn push_evicting(&mut self, item: u8) -> Option<u8> {
        let oldest = if self.items.len() == self.items_max { self.items.pop_front() } else { None };
        self.items.push_back(item);
        oldest
    }
}

/// A full queue gives the item back, and says how many it may hold.
fn refused(result: Result<(), super::Full<u8>>, items_max: usize) -> Option<u8> {
    let full = result.err()?;
    assert_eq!(full.items_max, items_max);
    Some(full.item)
}

proptest! {
    #[test]
    fn the_owned_ring_is_a_bounded_queue(items_max in 1..9usize, steps in steps()) {
        let (mut ring, mut model) = (Ring::new(items_max), Model::new(items_max));
        for step in steps {
            match step {
                Step::Push(item) => prop_assert_eq!(refused(ring.push(item), items_max), model.push(item)),
                Step::Evict(item) => prop_assert_eq!(ring.push_evicting(item), model.push_evicting(item)),
                Step::Pop => prop_assert_eq!(ring.pop(), model.items.pop_front()),
            }
            prop_assert!(ring.iter().eq(&model.items));
            prop_assert_eq!(ring.front(), model.items.front());
            prop_assert_eq!(ring.is_full(), model.items.len() == items_max);
            prop_assert_eq!((ring.len(), ring.is_empty()), (model.items.len(), model.items.is_empty()));
        }
    }

    #[test]
    fn the_shared_ring_is_a_bounded_queue(items_max in 1..9usize, steps in steps()) {
        let (ring, mut model) = (SharedRing::new(items_max), Model::new(items_max));
        for step in steps {
            match step {
                Step::Push(item) => prop_assert_eq!(refused(ring.push(item), items_max), model.push(item)),
                Step::Evict(item) => prop_assert_eq!(ring.push_evicting(item), model.push_evicting(item)),
                Step::Pop => prop_assert_eq!(ring.pop(), model.items.pop_front()),
            }
            prop_assert_eq!((ring.len(), ring.is_empty()), (model.items.len(), model.items.is_empty()));
        }
    }

    #[test]
    fn the_pair_is_a_bounded_queue(items_max in 1..9usize, steps in steps()) {
        let ((mut producer, mut consumer), mut model) = (pair(items_max), Model::new(items_max));
        for step in steps {
            match step {
                Step::Push(item) | Step::Evict(item) => {
                    prop_assert_eq!(refused(producer.push(item), items_max), model.push(item));
                }
                Step::Pop => prop_assert_eq!(consumer.pop(), model.items.pop_front()),
            }
        }
    }
}

#[test]
fn many_threads_lose_and_repeat_nothing() {
    const PRODUCERS: u32 = 3;
    const EACH: u32 = 2_000;
    let ring = SharedRing::new(16);
    let received = std::thread::scope(|scope| {
        for producer in 0..PRODUCERS {
            let ring = &ring;
            scope.spawn(move || {
                for number in 0..EACH {
                    while ring.push((producer, number)).is_err() {
                        std::thread::yield_now();
                    }
                }
            });
        }
        let mut received = Vec::new();
        while received.len() < (PRODUCERS * EACH) as usize {
            match ring.pop() {
                Some(item) => received.push(item),
                None => std::thread::yield_now(),
            }
        }
        received
    });
    for producer in 0..PRODUCERS {
        let sent = received.iter().filter(|(from, _)| *from == producer).map(|(_, number)| *number);
        assert!(sent.eq(0..EACH), "what one producer sends arrives once and in order");
    }
}
