//! Harts on the [`Floor`] that use pages where they are.

use std::cell::Cell;

use super::floor::Floor;
use crate::PageNumber;
use crate::computer::Pause;
use crate::computer::seat::Seat;
use crate::computer::spread::{Host, Operation};
use crate::memory::Access;

impl Floor<'_> {
    /// Has what a hart wants of a page done by the host that holds it, if the page is one of those that are used so; whether
    /// it was done, so that the hart goes on behind it. Else the page is to be fetched.
    pub(super) fn use_there(&self, number: usize, seat: &mut Seat, page: PageNumber, access: Access) -> bool {
        let Some(host) = self.host else { return false };
        let at = seat.hart.now();
        if access == Access::Fetch || !host.is_used_there(page, at) || host.is_held(page, access) {
            return false;
        }
        let Some((address, width, act)) = seat.hart.access_to(page) else { return false };
        let ticket = host.operate(at, Operation { address: address.get(), width, act });
        let done = ticket.and_then(|ticket| self.wait_for_operation(number, seat, host, ticket));
        host.note_operation(page, done.is_some());
        match done {
            Some(value) => seat.hart.complete(Some(value)),
            None => seat.hart.relent(),
        }
        done.is_some()
    }

    /// Waits for an operation, which nobody who does it waits for anybody to do.
    ///
    /// The hart does nothing that others want of it meanwhile: where its access goes was decided already, so a fence that
    /// it answered now would come before an access that it should be behind.
    fn wait_for_operation(&self, number: usize, seat: &mut Seat, host: &Host, ticket: u64) -> Option<u64> {
        self.park(seat);
        let answer = Cell::new(None);
        self.yard.news.wait_until(|| {
            answer.set(answer.get().or_else(|| host.answer(ticket)));
            answer.get().is_some() || self.is_beyond_help()
        });
        self.take_mail(number, seat);
        answer.get().flatten()
    }

    /// Whether there is nothing to wait for: the computer does not go on from here. After a breakpoint it does, and an
    /// operation that was done must not be done again.
    fn is_beyond_help(&self) -> bool {
        self.is_over() && !matches!(*self.result.lock(), Some(Ok(Pause::Breakpoint { .. })))
    }
}
