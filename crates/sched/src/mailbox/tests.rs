//! The mailbox against a plain queue, and its senders against a sorted list.

use std::{collections::VecDeque, sync::Arc, task::Wake};

use proptest::prelude::*;

use super::*;

/// What is done to a mailbox.
#[derive(Debug, Clone, Copy)]
enum Op {
    Push,
    Pop,
    /// Somebody who waits for a multiple of two, three or five looks for one.
    PopWhere(usize),
    /// A process sends something in this window.
    Defer(u32),
    Commit,
    /// The host sends something between two windows.
    HostPush,
    Touch,
    Shrink,
    /// A process begins to wait for room, or goes on.
    Enqueue(usize),
    /// A process no longer waits.
    Dequeue(usize),
    NextSender,
}

const DIVISORS: [u32; 3] = [2, 3, 5];
const SENDERS: usize = 6;

/// A waker that can be told from others.
struct Tag;

impl Wake for Tag {
    fn wake(self: Arc<Self>) {}
}

/// What should happen.
#[derive(Default)]
struct Model {
    messages: VecDeque<u32>,
    pending: Vec<(Act, u32)>,
    frozen: usize,
    touched: bool,
    /// Who waits: when they came, and who they are.
    waiting: Vec<((u64, u32, u64), usize)>,
    window: u64,
    arrivals: u64,
    next: u32,
    sequence: u32,
}

/// The mailbox, the model, and what both of them have told the world.
struct Check {
    mailbox: Mailbox<u32>,
    model: Model,
    seen: [Seen; 3],
    tickets: [Option<Ticket>; SENDERS],
    wakers: [Waker; SENDERS],
}

impl Check {
    fn new() -> Self {
        Self {
            mailbox: Mailbox::new(),
            model: Model::default(),
            seen: [Seen::default(); 3],
            tickets: [None; SENDERS],
            wakers: std::array::from_fn(|_| Waker::from(Arc::new(Tag))),
        }
    }

    fn message(&mut self) -> u32 {
        self.model.next += 1;
        self.model.next
    }

    fn apply(&mut self, op: Op) -> Result<(), TestCaseError> {
        match op {
            Op::Push | Op::HostPush => {
                let message = self.message();
                self.mailbox.push(message);
                self.model.messages.push_back(message);
                if matches!(op, Op::HostPush) {
                    self.mailbox.refreeze();
                    self.model.frozen += 1;
                }
            }
            Op::Pop => prop_assert_eq!(self.mailbox.pop(), self.model.messages.pop_front()),
            Op::PopWhere(who) => {
                let wanted = |message: &u32| message.is_multiple_of(DIVISORS[who]);
                let place = self.model.messages.iter().position(wanted);
                let expected = place.and_then(|place| self.model.messages.remove(place));
                prop_assert_eq!(self.mailbox.pop_where(&mut self.seen[who], wanted), expected);
                if expected.is_some() {
                    self.seen[who] = Seen::default(); // the next wait is a new one
                }
            }
            Op::Defer(ordinal) => {
                let message = self.message();
                self.model.sequence += 1;
                let act = Act { ordinal, sequence: self.model.sequence };
                self.model.pending.push((act, message));
                let first = !mem::replace(&mut self.model.touched, true);
                prop_assert_eq!(self.mailbox.defer(act, message), first);
            }
            Op::Commit => {
                let mut pending = mem::take(&mut self.model.pending);
                prop_assert_eq!(self.mailbox.commit(), pending.len());
                pending.sort_by_key(|(act, _)| *act);
                self.model.messages.extend(pending.into_iter().map(|(_, message)| message));
                (self.model.frozen, self.model.touched) = (self.model.messages.len(), false);
                self.model.window += 1;
            }
            Op::Touch => {
                let matters = self.model.frozen > 0 || !self.model.waiting.is_empty();
                let first = matters && !self.model.touched;
                self.model.touched |= matters;
                prop_assert_eq!(self.mailbox.touch(), first);
            }
            Op::Shrink => self.mailbox.shrink(),
            Op::Enqueue(who) => self.enqueue(who)?,
            Op::Dequeue(who) => self.dequeue(who)?,
            Op::NextSender => {
                self.model.waiting.sort_unstable();
                let expected = (!self.model.waiting.is_empty()).then(|| self.model.waiting.remove(0).1);
                let woken = self.mailbox.next_sender();
                let who = woken.map(|woken| self.wakers.iter().position(|waker| waker.will_wake(&woken)));
                prop_assert_eq!(who, expected.map(Some));
                if let Some(who) = expected {
                    self.tickets[who] = None; // whoever has to wait again is the last again
                }
            }
        }
        self.compare()
    }

    /// In a window the lower ordinals come first, whoever was faster; somebody who waits already keeps their place.
    fn enqueue(&mut self, who: usize) -> Result<(), TestCaseError> {
        let act = Act { ordinal: (who as u32 * 7) % 4, sequence: 0 };
        let waiting = self.tickets[who].is_some();
        let mut waker = self.wakers[who].clone();
        let ticket = self.mailbox.enqueue_sender(self.tickets[who], self.model.window, act, &mut waker);
        if !waiting {
            self.model.arrivals += 1;
            self.model.waiting.push(((self.model.window, act.ordinal, self.model.arrivals), who));
        }
        self.tickets[who] = Some(ticket);
        Ok(())
    }

    fn dequeue(&mut self, who: usize) -> Result<(), TestCaseError> {
        let Some(ticket) = self.tickets[who].take() else { return Ok(()) };
        let own = self.mailbox.dequeue_sender(ticket);
        prop_assert!(own.is_some_and(|own| own.will_wake(&self.wakers[who])));
        prop_assert!(self.mailbox.dequeue_sender(ticket).is_none(), "nobody leaves twice");
        self.model.waiting.retain(|(_, waiting)| *waiting != who);
        Ok(())
    }

    fn compare(&self) -> Result<(), TestCaseError> {
        prop_assert_eq!(self.mailbox.len(), self.model.messages.len());
        prop_assert_eq!(self.mailbox.frozen(), self.model.frozen);
        prop_assert_eq!(self.mailbox.has_senders(), !self.model.waiting.is_empty());
        Ok(())
    }

    fn close(mut self) -> Result<(), TestCaseError> {
        let (messages, wakers) = self.mailbox.close();
        let pending = self.model.pending.into_iter().map(|(_, message)| message);
        let expected: Vec<_> = self.model.messages.into_iter().chain(pending).collect();
        prop_assert_eq!(messages, expected);
        prop_assert_eq!(wakers.len(), self.model.waiting.len());
        prop_assert_eq!(self.mailbox.pop(), None);
        prop_assert_eq!(self.mailbox.heap_bytes(), 0);
        Ok(())
    }
}

fn op() -> impl Strategy<Value = Op> {
    prop_oneof![
        4 => Just(Op::Push),
        3 => Just(Op::Pop),
        4 => (0..DIVISORS.len()).prop_map(Op::PopWhere),
        4 => (0..4_u32).prop_map(Op::Defer),
        2 => Just(Op::Commit),
        1 => Just(Op::HostPush),
        1 => Just(Op::Touch),
        1 => Just(Op::Shrink),
        2 => (0..SENDERS).prop_map(Op::Enqueue),
        1 => (0..SENDERS).prop_map(Op::Dequeue),
        1 => Just(Op::NextSender),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_mailbox_is_a_queue(ops in prop::collection::vec(op(), 0..120)) {
        let mut check = Check::new();
        for op in ops {
            check.apply(op)?;
        }
        check.close()?;
    }
}

/// Whoever looked for a certain message once missed one after somebody else had taken another.
#[test]
fn a_message_is_not_passed_over_when_others_are_taken() {
    let mut mailbox = Mailbox::new();
    let mut seen = Seen::default();
    [1, 3].into_iter().for_each(|message| mailbox.push(message));
    let wanted = |message: &u32| message.is_multiple_of(2);
    assert_eq!(mailbox.pop_where(&mut seen, wanted), None);
    assert_eq!(mailbox.pop(), Some(1));
    mailbox.push(2);
    assert_eq!(mailbox.pop_where(&mut seen, wanted), Some(2));
}

#[test]
fn a_message_is_looked_at_once() {
    let mut mailbox = Mailbox::new();
    let (mut seen, mut looks) = (Seen::default(), 0);
    for message in 0..100 {
        mailbox.push(message);
        let none = mailbox.pop_where(&mut seen, |_| {
            looks += 1;
            false
        });
        assert_eq!(none, None);
    }
    assert_eq!(looks, 100);
}
