//! [`Hand`]: runs transactions, whosever thread that is.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::flight::Ready;
use crate::processor::{Context, Held, Processor};
use crate::receipt::{Failure, Stub};
use crate::shared::Shared;
use crate::{Access, StoreError};

/// What a thread needs to run transactions, kept between them.
pub(crate) struct Hand<P> {
    /// What this thread runs next, from the end.
    ready: Vec<Ready<P>>,
    held: Vec<Held>,
}

impl<P> Hand<P> {
    pub(crate) const fn new() -> Self {
        Self { ready: Vec::new(), held: Vec::new() }
    }

    /// Runs some transactions and what becomes ready by them, at most `most`; whether there was one.
    pub(crate) fn run<R: Processor<Payload = P>>(&mut self, shared: &Shared<R>, most: usize) -> bool {
        if self.ready.is_empty() {
            shared.executor.take(most, &mut self.ready);
            if shared.executor.has_work() {
                shared.wake(); // who leaves some calls another
            }
        }
        let mut has_run = false;
        for _ in 0..most {
            let Some((flight, transaction)) = self.ready.pop() else {
                break;
            };
            has_run = true;
            if flight.is_cancelled() {
                continue;
            }
            if let Err(error) = self.execute(shared, &(flight, transaction)) {
                self.ready.clear();
                shared.fail(&error);
                break;
            }
            if shared.executor.share_excess(&mut self.ready) {
                shared.wake();
            }
        }
        has_run
    }

    /// Gives back what was taken and not run.
    pub(crate) fn give_back<R: Processor<Payload = P>>(&mut self, shared: &Shared<R>) {
        shared.push_ready(std::mem::take(&mut self.ready));
    }

    fn execute<R: Processor<Payload = P>>(
        &mut self,
        shared: &Shared<R>,
        (flight, transaction): &Ready<P>,
    ) -> Result<(), StoreError> {
        let transaction = *transaction;
        self.held.clear();
        for index in 0..flight.access_count(transaction) {
            let value = flight.value(transaction, index, &*shared.store, &mut self.ready)?;
            self.held.push(Held { value, written: false });
        }
        let declared = |index: usize| -> Access { flight.access(transaction, index) };
        let budget = flight.budget(transaction);
        let mut context = Context::new(&declared, &mut self.held, budget, &shared.config);
        let payload = flight.payload(transaction);
        let execution = AssertUnwindSafe(|| shared.processor.execute(&mut context, payload));
        let returned = catch_unwind(execution).unwrap_or_else(|panic| Err(panicked(panic)));
        let (outcome, spent, events) = context.conclude(returned);
        let is_applied = outcome.is_ok();
        flight.note(transaction, Stub::new(outcome, spent, events));
        for (index, held) in self.held.drain(..).enumerate() {
            let written = (is_applied && held.written).then_some(held.value);
            flight.release(transaction, index, written, &mut self.ready);
        }
        if flight.conclude() {
            shared.seal(flight);
        }
        Ok(())
    }
}

/// The failure that stands for a panic. What it carries may panic itself when it is dropped.
fn panicked(panic: Box<dyn Any + Send>) -> Failure {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    let message = text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("without a message");
    let failure = Failure::Panicked { message: message.to_owned() };
    let dropped = catch_unwind(AssertUnwindSafe(|| drop(panic)));
    drop(dropped.map_err(std::mem::ManuallyDrop::new));
    failure
}
