//! [`Mailbox`]: the messages that a process was sent and has not received.
//!
//! A plain value, under its process's lock. Most processes have at most one message at a time and nobody who waits for
//! room, so the first message lies in the mailbox itself and everything else is allocated when it is first needed.

#[cfg(test)]
mod tests;

use std::{collections::VecDeque, mem, task::Waker};

use crate::current::Act;

/// Messages in the order in which they are to be received; see the module.
pub(crate) struct Mailbox<M> {
    /// The oldest message. While it is empty, so is `rest`.
    first: Option<M>,
    #[expect(
        clippy::box_collection,
        reason = "most mailboxes never need it, and a pointer is a quarter of its size"
    )]
    rest: Option<Box<VecDeque<M>>>,
    receiver: Receiver,
    /// Virtual time: how many messages there were at the end of the last window.
    frozen: u32,
    /// Virtual time: whether the end of this window already knows that it has to look here.
    touched: bool,
    rare: Option<Box<Rare<M>>>,
}

/// Who waits for a message.
pub(crate) enum Receiver {
    Nobody,
    /// The process's main thread, which needs no waker.
    Main,
    #[expect(clippy::box_collection, reason = "this is rare, and a pointer is a third of its size")]
    Others(Box<Vec<Waker>>),
}

/// What only some mailboxes need.
struct Rare<M> {
    /// Who waits for room, in order of arrival.
    senders: VecDeque<(Ticket, Waker)>,
    tickets: u64,
    /// How many messages were taken out since somebody first passed some over.
    taken: u64,
    /// How many messages somebody looks at without the lock.
    lent: usize,
    /// What was sent in this window, in no order.
    pending: Vec<(Act, M)>,
}

impl<M> Rare<M> {
    const fn new() -> Self {
        Self { senders: VecDeque::new(), tickets: 0, taken: 0, lent: 0, pending: Vec::new() }
    }
}

/// How far somebody has looked who waits for a certain message.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Seen {
    messages: usize,
    /// [`Rare::taken`] when they looked.
    taken: u64,
}

/// The place of somebody who waits for room.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Ticket {
    /// When they came: the window in virtual time.
    window: u64,
    act: Act,
    /// The order of arrival in real time.
    number: u64,
}

impl<M> Mailbox<M> {
    pub(crate) const fn new() -> Self {
        Self { first: None, rest: None, receiver: Receiver::Nobody, frozen: 0, touched: false, rare: None }
    }

    pub(crate) fn len(&self) -> usize {
        let here = usize::from(self.first.is_some()) + self.rest.as_ref().map_or(0, |rest| rest.len());
        here + self.rare.as_ref().map_or(0, |rare| rare.lent)
    }

    /// What the messages take beyond the mailbox itself, without what they point to.
    pub(crate) fn heap_bytes(&self) -> usize {
        self.rest.as_ref().map_or(0, |rest| rest.capacity() * size_of::<M>())
            + self.rare.as_ref().map_or(0, |rare| rare.pending.capacity() * size_of::<(Act, M)>())
    }

    /// Whether the next message takes more memory.
    #[inline]
    pub(crate) fn grows(&self) -> bool {
        self.first.is_some() && self.rest.as_ref().is_some_and(|rest| rest.len() == rest.capacity())
    }

    /// The host has sent something between two windows.
    #[inline]
    pub(crate) fn refreeze(&mut self) {
        self.frozen = self.frozen.wrapping_add(1);
    }

    #[inline]
    pub(crate) fn push(&mut self, message: M) {
        if self.first.is_none() {
            self.first = Some(message);
        } else {
            self.rest.get_or_insert_default().push_back(message);
        }
    }

    #[inline]
    pub(crate) fn pop(&mut self) -> Option<M> {
        if let Some(rare) = &mut self.rare {
            rare.taken += 1;
        }
        let next = self.rest.as_mut().and_then(|rest| rest.pop_front());
        mem::replace(&mut self.first, next)
    }

    /// Takes the first message that is wanted, of those that `seen` has not passed over, and leaves the others in order.
    pub(crate) fn pop_where(&mut self, seen: &mut Seen, mut wanted: impl FnMut(&M) -> bool) -> Option<M> {
        let taken = self.rare.as_ref().map_or(0, |rare| rare.taken);
        // Whoever took something out meanwhile moved the others to the front: look at all of them again.
        let first = if seen.taken == taken { seen.messages } else { 0 };
        if first == 0 && self.first.as_ref().is_some_and(&mut wanted) {
            return self.pop();
        }
        let from = first.saturating_sub(1);
        let found =
            self.rest.as_ref().and_then(|rest| (from..rest.len()).find(|index| wanted(&rest[*index])));
        if let Some(index) = found {
            self.rare().taken += 1;
            return self.rest.as_mut()?.remove(index);
        }
        *seen = Seen { messages: self.len(), taken: self.rare().taken };
        None
    }

    /// Takes the messages out to be looked at without the lock; meanwhile they count as if they were here.
    pub(crate) fn lend(&mut self) -> Self {
        let lent = Self {
            first: self.first.take(),
            rest: self.rest.take(),
            rare: Some(Box::new(Rare { taken: self.rare().taken, ..Rare::new() })),
            ..Self::new()
        };
        self.rare().lent = lent.len();
        lent
    }

    /// Puts back what was lent and not taken, before what came meanwhile.
    pub(crate) fn put_back(&mut self, mut lent: Self) {
        let taken = lent.rare().taken;
        let rare = self.rare();
        (rare.lent, rare.taken) = (0, rare.taken.max(taken));
        let newer =
            mem::take(&mut self.first).into_iter().chain(self.rest.take().into_iter().flat_map(|rest| *rest));
        newer.for_each(|message| lent.push(message));
        (self.first, self.rest) = (lent.first.take(), lent.rest.take());
    }

    /// Lets go of the memory that a flood left behind.
    pub(crate) fn shrink(&mut self) {
        if self.rest.as_ref().is_some_and(|rest| rest.is_empty() && rest.capacity() > 64) {
            self.rest = None;
        }
    }

    pub(crate) fn receiver(&mut self) -> &mut Receiver {
        &mut self.receiver
    }

    fn rare(&mut self) -> &mut Rare<M> {
        self.rare.get_or_insert_with(|| Box::new(Rare::new()))
    }

    /// Whether anybody waits for room.
    #[inline]
    pub(crate) fn has_senders(&self) -> bool {
        self.rare.as_ref().is_some_and(|rare| !rare.senders.is_empty())
    }

    /// Somebody waits for room; with a `ticket` from before they keep their place. If they had left another waker there,
    /// it is in `waker` afterwards, to be dropped when the lock is released.
    pub(crate) fn enqueue_sender(
        &mut self,
        ticket: Option<Ticket>,
        window: u64,
        act: Act,
        waker: &mut Waker,
    ) -> Ticket {
        let rare = self.rare();
        let ticket = ticket.unwrap_or_else(|| {
            rare.tickets += 1;
            Ticket { window, act, number: rare.tickets }
        });
        match rare.senders.binary_search_by_key(&ticket, |(ticket, _)| *ticket) {
            Ok(index) => mem::swap(&mut rare.senders[index].1, waker),
            Err(index) => {
                let mine = mem::replace(waker, Waker::noop().clone());
                rare.senders.insert(index, (ticket, mine));
            }
        }
        ticket
    }

    /// Somebody no longer waits: their waker, if they were still in the queue.
    pub(crate) fn dequeue_sender(&mut self, ticket: Ticket) -> Option<Waker> {
        let senders = &mut self.rare.as_mut()?.senders;
        let index = senders.binary_search_by_key(&ticket, |(ticket, _)| *ticket).ok()?;
        senders.remove(index).map(|(_, waker)| waker)
    }

    /// The one who has waited longest for room.
    pub(crate) fn next_sender(&mut self) -> Option<Waker> {
        self.rare.as_mut()?.senders.pop_front().map(|(_, waker)| waker)
    }

    /// How many messages there were when the window began.
    pub(crate) fn frozen(&self) -> usize {
        self.frozen as usize
    }

    /// Keeps a message for the end of the window; whether the end has still to be told of this mailbox.
    pub(crate) fn defer(&mut self, act: Act, message: M) -> bool {
        self.rare().pending.push((act, message));
        !mem::replace(&mut self.touched, true)
    }

    /// The receiver has made room; whether the end of the window has still to be told.
    pub(crate) fn touch(&mut self) -> bool {
        (self.frozen > 0 || self.has_senders()) && !mem::replace(&mut self.touched, true)
    }

    /// The window is over: what was sent arrives in order. Returns how much it was.
    pub(crate) fn commit(&mut self) -> usize {
        self.touched = false;
        let mut arrived = 0;
        if let Some(rare) = &mut self.rare {
            let mut pending = mem::take(&mut rare.pending);
            pending.sort_unstable_by_key(|(act, _)| *act);
            arrived = pending.len();
            pending.into_iter().for_each(|(_, message)| self.push(message));
        }
        self.frozen = u32::try_from(self.len()).unwrap_or(u32::MAX);
        arrived
    }

    /// Takes everything out: the messages, and those who wait for something that will not happen.
    pub(crate) fn close(&mut self) -> (Vec<M>, Vec<Waker>) {
        let mut messages: Vec<M> = mem::take(&mut self.first).into_iter().collect();
        messages.extend(self.rest.take().into_iter().flat_map(|rest| *rest));
        let mut wakers = Vec::new();
        if let Some(rare) = self.rare.take() {
            messages.extend(rare.pending.into_iter().map(|(_, message)| message));
            wakers.extend(rare.senders.into_iter().map(|(_, waker)| waker));
        }
        if let Receiver::Others(others) = mem::replace(&mut self.receiver, Receiver::Nobody) {
            wakers.extend(*others);
        }
        (messages, wakers)
    }
}
