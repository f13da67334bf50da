//! [`Guest`]: somebody else's runtime as a process.

use std::{
    future::Future,
    pin::Pin,
    task::{Context as TaskContext, Poll},
};

use ironloom_core::Budget;

use crate::{Context, ExitReason, current};

/// A runtime that is run a slice at a time: an interpreter, an emulator, anything that can stop when its budget ends.
///
/// ```
/// use std::task::Poll;
///
/// use ironloom_core::Budget;
/// use ironloom_sched::{Config, Context, ExitReason, Guest, VirtualKernel};
///
/// /// Counts to a number, one unit of work each.
/// struct Counter(u64);
///
/// impl Guest<()> for Counter {
///     fn run(&mut self, budget: &mut Budget, _: &mut Context<()>) -> Poll<ExitReason> {
///         while self.0 > 0 {
///             self.0 -= 1;
///             if budget.spend(1).is_err() {
///                 return Poll::Pending; // somebody else's turn
///             }
///         }
///         Poll::Ready(ExitReason::Normal)
///     }
/// }
///
/// let kernel = VirtualKernel::new(Config::default());
/// let counter = kernel.spawn_guest(Counter(10_000))?;
/// kernel.run_until_idle();
/// assert!(!counter.process().is_alive());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub trait Guest<M>: Send + 'static {
    /// Runs until the budget ends, or until there is nothing to do, or to the end.
    ///
    /// `Pending` with an exhausted budget means: go on at the next turn. `Pending` with budget left means: wait. What is
    /// waited for must have been arranged: [`Context::try_receive`] that finds nothing has the next message wake the
    /// guest. For anything else the process may have a [thread](Context::thread) that waits for it and then sends it a
    /// message.
    fn run(&mut self, budget: &mut Budget, context: &mut Context<M>) -> Poll<ExitReason>;
}

/// A guest as a process's main thread.
pub(crate) struct GuestThread<M, G> {
    pub(crate) guest: G,
    pub(crate) context: Context<M>,
}

impl<M, G> Unpin for GuestThread<M, G> {}

impl<M: Send + 'static, G: Guest<M>> Future for GuestThread<M, G> {
    type Output = ExitReason;

    fn poll(self: Pin<&mut Self>, context: &mut TaskContext<'_>) -> Poll<ExitReason> {
        let this = self.get_mut();
        let mut budget = Budget::new(current::remaining().max(1));
        let polled = this.guest.run(&mut budget, &mut this.context);
        current::spend(budget.spent());
        if polled.is_pending() && budget.is_exhausted() {
            context.waker().wake_by_ref();
        }
        polled
    }
}
