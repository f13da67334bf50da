//! [`Channel`]: what is on its way between the two halves of a pipe in memory.
//!
//! Each half has one owner, so each side's acts have an order of their own. In virtual time the writer's wait in
//! [`State::sent`] for the end of the window, and the writer counts the room that there was when it began.

use std::{
    mem,
    sync::Arc,
    task::{Context, Poll, Waker},
};

use super::PipeError;
use crate::{
    ByteRing,
    context::Account,
    current,
    effect::{Commit, Effect},
    engine::Home,
    inspect::Wait,
    lock::Lock,
};

/// The shared part of a pipe in memory.
pub(super) struct Channel {
    home: Arc<Home>,
    state: Lock<State>,
}

struct State {
    /// What the reader may take.
    arrived: ByteRing,
    /// Virtual time: what was flushed in this window.
    sent: ByteRing,
    /// Virtual time: how much had arrived when this window began.
    frozen: usize,
    /// Virtual time: whether the end of this window already knows that it has to look here.
    touched: bool,
    reader: End,
    writer: End,
    /// Who waits for bytes, and who waits for room.
    reading: Option<Waker>,
    writing: Option<Waker>,
    account: Option<Account>,
}

/// One half.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    Open,
    /// It was dropped in this window.
    Leaving,
    Gone,
}

/// What remains to be done of an act once the lock is free.
#[derive(Default)]
struct Aftermath {
    /// Whether the other half has something to see.
    changed: bool,
    /// Who waits at the other half.
    wake: Option<Waker>,
    /// What must not be dropped under the lock; it is with this.
    _dropped: (Option<Waker>, Option<Account>),
}

impl Channel {
    pub(super) fn new(home: &Arc<Home>, capacity: usize, account: Option<Account>) -> Arc<Self> {
        let state = State {
            arrived: ByteRing::new(capacity),
            sent: ByteRing::new(capacity),
            frozen: 0,
            touched: false,
            reader: End::Open,
            writer: End::Open,
            reading: None,
            writing: None,
            account,
        };
        Arc::new(Self { home: Arc::clone(home), state: Lock::new(state) })
    }

    /// Puts as much on its way as there is room for; ready if that was anything.
    pub(super) fn poll_send(
        self: &Arc<Self>,
        context: &Context<'_>,
        ring: &mut ByteRing,
    ) -> Poll<Result<usize, PipeError>> {
        let waker = context.waker().clone(); // not under the lock: wakers are foreign code
        note(self.act(|state, deferred| {
            if state.reader == End::Gone {
                return (Poll::Ready(Err(PipeError::Broken)), Aftermath::of_waker(Some(waker)));
            }
            let sent = state.send(ring, deferred);
            if sent == 0 && !ring.is_empty() {
                return (Poll::Pending, Aftermath::of_waker(state.writing.replace(waker)));
            }
            let wake = if deferred || sent == 0 { None } else { state.reading.take() };
            (Poll::Ready(Ok(sent)), Aftermath { changed: sent > 0, wake, _dropped: (Some(waker), None) })
        }))
    }

    /// Takes what has arrived; ready if that was anything, and with nothing at the end of the stream.
    pub(super) fn poll_receive(
        self: &Arc<Self>,
        context: &Context<'_>,
        ring: &mut ByteRing,
    ) -> Poll<Result<usize, PipeError>> {
        let waker = context.waker().clone();
        note(self.act(|state, deferred| {
            let taken = state.arrived.move_to(ring, usize::MAX);
            if taken == 0 && state.writer != End::Gone {
                return (Poll::Pending, Aftermath::of_waker(state.reading.replace(waker)));
            }
            if !deferred {
                state.frozen = state.arrived.len();
            }
            let wake = if deferred || taken == 0 { None } else { state.writing.take() };
            (Poll::Ready(Ok(taken)), Aftermath { changed: taken > 0, wake, _dropped: (Some(waker), None) })
        }))
    }

    /// Ready when the reader has taken all that is on its way, or will not.
    pub(super) fn poll_taken(self: &Arc<Self>, context: &Context<'_>) -> Poll<Result<(), PipeError>> {
        let waker = context.waker().clone();
        let is_virtual = self.home.engine.windows().is_some();
        let mut state = self.state.lock();
        let left = if is_virtual { state.frozen + state.sent.len() } else { state.arrived.len() };
        let polled = match state.reader {
            _ if left == 0 => Poll::Ready(Ok(())),
            End::Gone => Poll::Ready(Err(PipeError::Broken)),
            End::Open | End::Leaving => Poll::Pending,
        };
        let old = if polled.is_pending() { state.writing.replace(waker) } else { Some(waker) };
        drop(state);
        drop(old);
        note(polled)
    }

    /// The writer is done: what is on its way is the last.
    pub(super) fn close_writer(self: &Arc<Self>) {
        self.act(|state, deferred| {
            let changed = state.writer == End::Open;
            if changed {
                state.writer = if deferred { End::Leaving } else { End::Gone };
            }
            let wake = if deferred { None } else { state.reading.take() };
            ((), Aftermath { changed, wake, _dropped: (None, state.final_account()) })
        });
    }

    /// The reader is done: what is written from now on goes nowhere.
    pub(super) fn close_reader(self: &Arc<Self>) {
        self.act(|state, deferred| {
            let changed = state.reader == End::Open;
            if changed {
                state.reader = if deferred { End::Leaving } else { End::Gone };
            }
            if !deferred {
                state.arrived.clear();
                state.frozen = 0;
            }
            let wake = if deferred { None } else { state.writing.take() };
            ((), Aftermath { changed, wake, _dropped: (state.reading.take(), state.final_account()) })
        });
    }

    /// Does something that the other half is to see: at once, or when the window is over.
    fn act<T>(self: &Arc<Self>, change: impl FnOnce(&mut State, bool) -> (T, Aftermath)) -> T {
        let windows = self.home.engine.windows();
        // Counted whether it is needed or not: who came first to the lock must not show in anybody's count.
        let deferral = windows.zip(windows.and_then(|_| current::act(self.home.address())));
        let mut state = self.state.lock();
        let (outcome, aftermath) = change(&mut state, deferral.is_some());
        let is_first = deferral.is_some() && aftermath.changed && !mem::replace(&mut state.touched, true);
        drop(state);
        if let Some((windows, act)) = deferral
            && is_first
        {
            windows.defer(act, Effect::Commit(Arc::clone(self) as Arc<dyn Commit>));
        }
        aftermath.wake.into_iter().for_each(Waker::wake);
        outcome
    }
}

impl Aftermath {
    fn of_waker(old: Option<Waker>) -> Self {
        Self { _dropped: (old, None), ..Self::default() }
    }
}

impl State {
    /// Moves bytes from the writer's ring; how many.
    fn send(&mut self, ring: &mut ByteRing, deferred: bool) -> usize {
        let capacity = self.arrived.capacity();
        if deferred || !self.sent.is_empty() {
            let room = capacity - self.frozen - self.sent.len();
            return ring.move_to(&mut self.sent, room);
        }
        let sent = ring.move_to(&mut self.arrived, usize::MAX);
        self.frozen = self.arrived.len();
        sent
    }

    /// The account, once both halves are gone.
    fn final_account(&mut self) -> Option<Account> {
        if self.reader == End::Gone && self.writer == End::Gone { self.account.take() } else { None }
    }
}

impl Commit for Channel {
    fn commit(self: Arc<Self>) {
        let mut guard = self.state.lock();
        let state = &mut *guard;
        state.touched = false;
        let room_was_made = state.arrived.len() < state.frozen;
        let has_arrived = !state.sent.is_empty();
        state.sent.move_to(&mut state.arrived, usize::MAX);
        let writer_left = state.writer.leave();
        let reader_left = state.reader.leave();
        if state.reader == End::Gone {
            state.arrived.clear();
        }
        state.frozen = state.arrived.len();
        let reading = if has_arrived || writer_left { state.reading.take() } else { None };
        let writing = if room_was_made || reader_left { state.writing.take() } else { None };
        let account = state.final_account();
        drop(guard);
        reading.into_iter().chain(writing).for_each(Waker::wake);
        drop(account);
    }
}

impl End {
    /// The window is over; whether this half went in it.
    fn leave(&mut self) -> bool {
        let left = *self == Self::Leaving;
        if left {
            *self = Self::Gone;
        }
        left
    }
}

fn note<T>(polled: Poll<T>) -> Poll<T> {
    if polled.is_pending() {
        current::waits(Wait::Pipe);
    }
    polled
}
