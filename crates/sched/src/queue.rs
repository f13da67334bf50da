//! [`RunQueue`]: whose turn it is on one worker.
//!
//! Each class has two lanes: *woken* for those that were waiting, *spent* for those whose budget ended. A process that
//! waits a lot answers somebody; one that spends its budget computes. The woken go first, but not for ever: a lane that
//! was passed over [`PATIENCE`] times in a row is next. So a message is answered within a few slices however many
//! processes compute, and whoever computes gets a share of the time that does not depend on luck.
//!
//! Often there is only one item. It lies in the queue itself, in the line of memory that the lock is in, so that another
//! core that puts it there or takes it has one line to fetch.

use std::collections::VecDeque;

use crate::Class;

/// How often each lane is passed over before it has a turn, from the most urgent to the least.
const PATIENCE: [u8; LANES] = [0, 4, 8, 16, 32, 64];
const LANES: usize = 2 * Class::COUNT;
/// How many items of a lane that must stay are passed over to find some that may leave: the lock is held meanwhile.
const LOOK_MAX: usize = 1_024;

/// Why something is put on the queue, which says how soon it runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Why {
    /// What it waited for happened, or it is new.
    Woken,
    /// It could go on, but it is somebody else's turn.
    Spent,
}

/// Items by urgency, first in, first out within a lane.
#[derive(Debug)]
#[repr(C)]
pub(crate) struct RunQueue<T> {
    /// What was put on the empty queue, and its lane.
    only: Option<(u8, T)>,
    len: usize,
    /// One bit for each lane that holds something.
    filled: u8,
    /// How often each lane was passed over since it last had a turn.
    passed: [u8; LANES],
    lanes: [VecDeque<T>; LANES],
}

impl<T> RunQueue<T> {
    pub(crate) fn new() -> Self {
        Self {
            only: None,
            len: 0,
            filled: 0,
            passed: [0; LANES],
            lanes: std::array::from_fn(|_| VecDeque::new()),
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.len
    }

    #[inline]
    pub(crate) fn push(&mut self, class: Class, why: Why, item: T) {
        let lane = class as usize * 2 + usize::from(why == Why::Spent);
        self.len += 1;
        if self.len == 1 {
            self.only = Some((lane as u8, item));
        } else {
            self.lanes[lane].push_back(item);
            self.filled |= 1 << lane;
        }
    }

    /// Takes whoever is next.
    #[inline]
    pub(crate) fn pop(&mut self) -> Option<T> {
        if self.filled == 0 {
            let (_, only) = self.only.take()?;
            self.len = 0;
            return Some(only);
        }
        self.queue_up();
        let first = self.filled.trailing_zeros() as usize;
        // Usually only one lane holds anything.
        let lane = if self.filled == 1 << first { first } else { self.choose(first) };
        let item = self.lanes[lane].pop_front();
        debug_assert!(item.is_some(), "a lane marked as filled is empty");
        if self.lanes[lane].is_empty() {
            self.empty(lane);
        }
        self.len -= 1;
        item
    }

    /// The item that is taken after so many others, unless something more urgent comes: a guess, which costs little. It does
    /// not know of who is alone.
    #[inline]
    pub(crate) fn ahead(&self, others: usize) -> Option<&T> {
        self.lanes.get(self.filled.trailing_zeros() as usize)?.get(others)
    }

    /// Puts the item that came first into its lane, now that there are others.
    #[inline]
    fn queue_up(&mut self) {
        if let Some((lane, item)) = self.only.take() {
            self.lanes[usize::from(lane)].push_front(item);
            self.filled |= 1 << lane;
        }
    }

    /// The most urgent lane, unless one that waits behind it has lost its patience.
    fn choose(&mut self, first: usize) -> usize {
        let mut chosen = first;
        for (lane, patience) in PATIENCE.into_iter().enumerate().skip(first + 1) {
            if self.filled & (1 << lane) != 0 {
                self.passed[lane] += 1;
                if self.passed[lane] > patience && chosen == first {
                    chosen = lane;
                }
            }
        }
        self.passed[chosen] = 0;
        chosen
    }

    /// Gives away about half of each lane, those that waited longest first, at most `max` in all.
    ///
    /// What `keep` holds to stays, in its order, and is passed over; but nobody looks further than [`LOOK_MAX`].
    pub(crate) fn give(&mut self, max: usize, keep: impl Fn(&T) -> bool, mut taken: impl FnMut(usize, T)) {
        self.queue_up();
        let mut given = 0;
        for lane in 0..LANES {
            let mut left = self.lanes[lane].len().div_ceil(2).min(max - given);
            let mut kept = VecDeque::new();
            while left > 0
                && kept.len() < LOOK_MAX
                && let Some(item) = self.lanes[lane].pop_front()
            {
                if keep(&item) {
                    kept.push_back(item);
                } else {
                    taken(lane, item);
                    given += 1;
                    left -= 1;
                }
            }
            while let Some(item) = kept.pop_back() {
                self.lanes[lane].push_front(item);
            }
            if self.lanes[lane].is_empty() {
                self.empty(lane);
            }
        }
        self.len -= given;
    }

    /// Takes in what another queue gave from this lane.
    pub(crate) fn take_in(&mut self, lane: usize, item: T) {
        self.lanes[lane].push_back(item);
        self.filled |= 1 << lane;
        self.len += 1;
    }

    fn empty(&mut self, lane: usize) {
        self.filled &= !(1 << lane);
        self.passed[lane] = 0;
        // A storm leaves a long lane behind; nobody needs it once it is over.
        if self.lanes[lane].capacity() > 4_096 {
            self.lanes[lane] = VecDeque::new();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lane_is_in_order() {
        let mut queue = RunQueue::new();
        (0..5).for_each(|item| queue.push(Class::Normal, Why::Woken, item));
        assert_eq!(std::iter::from_fn(|| queue.pop()).collect::<Vec<_>>(), [0, 1, 2, 3, 4]);
        assert_eq!(queue.len(), 0);
    }

    #[test]
    fn who_comes_next_is_known() {
        let mut queue = RunQueue::new();
        assert_eq!(queue.ahead(0), None);
        (0..5).for_each(|item| queue.push(Class::Low, Why::Woken, item));
        queue.push(Class::Normal, Why::Woken, 7);
        assert_eq!(
            (queue.pop(), queue.ahead(0), queue.ahead(1), queue.ahead(4)),
            (Some(7), Some(&0), Some(&1), Some(&4))
        );
        assert_eq!(queue.ahead(5), None);
    }

    #[test]
    fn urgent_first_and_nobody_starves() {
        let mut queue = RunQueue::new();
        for _ in 0..20_000 {
            for class in [Class::High, Class::Normal, Class::Low] {
                queue.push(class, Why::Woken, (class, Why::Woken));
                queue.push(class, Why::Spent, (class, Why::Spent));
            }
        }
        let turns: Vec<_> = (0..10_000).filter_map(|_| queue.pop()).collect();
        assert_eq!(turns[0], (Class::High, Why::Woken));
        let share = |wanted| turns.iter().filter(|turn| **turn == wanted).count();
        let shares: Vec<usize> = [Class::High, Class::Normal, Class::Low]
            .into_iter()
            .flat_map(|class| [share((class, Why::Woken)), share((class, Why::Spent))])
            .collect();
        assert!(shares.is_sorted_by(|more, less| more > less), "{shares:?}");
        assert!(shares[5] > 100, "{shares:?}");
    }

    #[test]
    fn giving_halves_what_may_leave() {
        let mut queue = RunQueue::new();
        (0..10).for_each(|item| queue.push(Class::Normal, Why::Spent, item));
        let mut taken = Vec::new();
        queue.give(100, |item| *item == 1, |_, item| taken.push(item));
        assert_eq!(taken, [0, 2, 3, 4, 5]);
        assert_eq!(std::iter::from_fn(|| queue.pop()).collect::<Vec<_>>(), [1, 6, 7, 8, 9]);
    }

    /// If those that waited longest had to stay, nothing was given away, and the other workers were idle beside it.
    #[test]
    fn who_must_stay_does_not_keep_the_others() {
        let mut queue = RunQueue::new();
        (0..10).for_each(|item| queue.push(Class::Normal, Why::Woken, item));
        let mut taken = Vec::new();
        queue.give(2, |item| *item < 6, |_, item| taken.push(item));
        assert_eq!(taken, [6, 7]);
        assert_eq!(queue.len(), 8);
        assert_eq!(std::iter::from_fn(|| queue.pop()).collect::<Vec<_>>(), [0, 1, 2, 3, 4, 5, 8, 9]);
    }
}
