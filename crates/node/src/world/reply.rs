//! [`Reply`]: what comes of an order, as soon as it is known.

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use parking_lot::{Condvar, Mutex};

use super::{OrderError, Outcome};

/// What comes of an order, as soon as it is known: [waited for](Self::wait) by a thread, or awaited by a task.
///
/// An order is carried out whether or not anybody waits. In a [`World`](crate::World) it is known at once.
#[must_use = "it says whether the order was carried out"]
pub struct Reply<T> {
    slot: Arc<Slot>,
    read: fn(Outcome) -> T,
}

/// Whoever carries out an order answers here.
pub(crate) struct Answer(Arc<Slot>);

#[derive(Default)]
struct Slot {
    state: Mutex<State>,
    given: Condvar,
}

#[derive(Default)]
struct State {
    result: Option<Result<Outcome, OrderError>>,
    /// Whether there was a result; it may have been taken.
    is_given: bool,
    waker: Option<Waker>,
}

/// An order's two ends.
pub(crate) fn pair() -> (Answer, Reply<Outcome>) {
    let slot = Arc::<Slot>::default();
    (Answer(Arc::clone(&slot)), Reply { slot, read: |outcome| outcome })
}

impl Answer {
    pub(crate) fn give(self, result: Result<Outcome, OrderError>) {
        self.0.give(result);
    }
}

impl Drop for Answer {
    /// Whoever drops it has stopped.
    fn drop(&mut self) {
        self.0.give(Err(OrderError::Stopped));
    }
}

impl Slot {
    fn give(&self, result: Result<Outcome, OrderError>) {
        let mut state = self.state.lock();
        if state.is_given {
            return;
        }
        (state.result, state.is_given) = (Some(result), true);
        let waker = state.waker.take();
        drop(state);
        self.given.notify_all();
        waker.into_iter().for_each(Waker::wake);
    }
}

impl<T> Reply<T> {
    /// Whether it is known.
    #[must_use]
    pub fn is_ready(&self) -> bool {
        self.slot.state.lock().is_given
    }

    /// Blocks the thread until it is known.
    ///
    /// # Errors
    ///
    /// If the order was not carried out.
    pub fn wait(self) -> Result<T, OrderError> {
        let mut state = self.slot.state.lock();
        loop {
            if let Some(result) = state.result.take() {
                return result.map(self.read);
            }
            self.slot.given.wait(&mut state);
        }
    }
}

impl Reply<Outcome> {
    /// The same, of a kind of outcome.
    pub(crate) fn reading<T>(self, read: fn(Outcome) -> T) -> Reply<T> {
        Reply { slot: self.slot, read }
    }
}

impl<T> Future for Reply<T> {
    type Output = Result<T, OrderError>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let mut state = self.slot.state.lock();
        match state.result.take() {
            Some(result) => Poll::Ready(result.map(self.read)),
            None => {
                state.waker = Some(context.waker().clone());
                Poll::Pending
            }
        }
    }
}

impl<T> fmt::Debug for Reply<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reply").field("is_ready", &self.is_ready()).finish_non_exhaustive()
    }
}

impl fmt::Debug for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Answer")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::pin::pin;

    #[test]
    fn a_reply_is_awaited_or_waited_for() {
        let (answer, reply) = pair();
        let mut reply = pin!(reply);
        let mut context = Context::from_waker(Waker::noop());
        assert!(reply.as_mut().poll(&mut context).is_pending());
        answer.give(Ok(Outcome::Typed(3)));
        assert_eq!(reply.poll(&mut context), Poll::Ready(Ok(Outcome::Typed(3))));

        let (answer, reply) = pair();
        let waiting = std::thread::scope(|scope| {
            let waiting = scope.spawn(|| reply.wait());
            drop(answer);
            waiting.join()
        });
        assert_eq!(waiting.unwrap(), Err(OrderError::Stopped), "whoever had it is gone");
    }
}
