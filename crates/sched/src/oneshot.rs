//! [`Oneshot`]: one value that somebody waits for.

use std::{
    mem,
    sync::Arc,
    task::{Context, Poll, Waker},
};

use crate::{
    current,
    effect::{Commit, Effect},
    engine::Home,
    exit::{bury, wake},
    inspect::Wait,
    lock::Lock,
};

/// A value that is given once, or never: replies, exits of monitored processes, results of threads.
pub(crate) struct Oneshot<T> {
    state: Lock<State<T>>,
}

enum State<T> {
    Empty(Option<Waker>),
    /// Given in this window, to be seen from the next.
    Deferred(Option<T>, Option<Waker>),
    /// Given, or `None` if nobody will.
    Given(Option<T>),
    Taken,
}

impl<T: Send + 'static> Oneshot<T> {
    pub(crate) fn new() -> Arc<Self> {
        Arc::new(Self { state: Lock::new(State::Empty(None)) })
    }

    /// Gives the value, or says that there will be none. What was said first counts.
    pub(crate) fn give(&self, value: Option<T>) {
        let mut state = self.state.lock();
        if let State::Empty(waker) = &mut *state {
            let waker = waker.take();
            *state = State::Given(value);
            drop(state);
            wake(waker);
        } else {
            drop(state); // before the value, whose drop may do anything
        }
    }

    /// Gives the value as an act of the process that runs: in virtual time it is seen after the window.
    pub(crate) fn give_from(self: &Arc<Self>, home: &Home, value: Option<T>) {
        let Some(windows) = home.engine.windows() else { return self.give(value) };
        let Some(act) = current::act(home.address()) else { return self.give(value) };
        let mut state = self.state.lock();
        if let State::Empty(waker) = &mut *state {
            *state = State::Deferred(value, waker.take());
            drop(state);
            windows.defer(act, Effect::Commit(Arc::clone(self) as Arc<dyn Commit>));
        } else {
            drop(state);
        }
    }

    /// The value, or `None` if there will be none.
    pub(crate) fn poll(&self, context: &Context<'_>, wait: Wait) -> Poll<Option<T>> {
        let polled = self.look(context.waker(), wait, &mut None);
        if let Some(polled) = polled {
            return polled;
        }
        // Somebody else's waker may do anything when it is cloned, so that is not done under the lock.
        let mut waker = Some(context.waker().clone());
        self.look(context.waker(), wait, &mut waker).unwrap_or(Poll::Pending)
    }

    /// The value; or leaves `mine` to be woken, and puts the one from before in its place. `None` if `mine` is needed.
    fn look(&self, of: &Waker, wait: Wait, mine: &mut Option<Waker>) -> Option<Poll<Option<T>>> {
        let mut state = self.state.lock();
        Some(match &mut *state {
            State::Empty(waker) | State::Deferred(_, waker) => {
                current::waits(wait);
                if !waker.as_ref().is_some_and(|waker| waker.will_wake(of)) {
                    mine.as_ref()?;
                    mem::swap(waker, mine);
                }
                Poll::Pending
            }
            State::Given(_) => match mem::replace(&mut *state, State::Taken) {
                State::Given(value) => Poll::Ready(value),
                _ => unreachable!("it was given a moment ago, under the same lock"),
            },
            State::Taken => Poll::Ready(None),
        })
    }
}

impl<T: Send + 'static> Commit for Oneshot<T> {
    fn commit(self: Arc<Self>) {
        let mut state = self.state.lock();
        if let State::Deferred(value, waker) = &mut *state {
            let waker = waker.take();
            *state = State::Given(value.take());
            drop(state);
            wake(waker);
        } else {
            drop(state);
        }
        // If nobody waits any more, the value is dropped here, outside of every process.
        if let Some(cell) = Arc::into_inner(self) {
            bury(cell);
        }
    }
}
