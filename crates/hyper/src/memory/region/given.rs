//! Pages that the guest gives up: they become as they were before anything was put there.

use super::super::Revision;
use super::super::revocation::{Replaced, Revocation};
use super::{Context, Origin, Refusal, Region, own};
use crate::coherence::Held;

impl Region {
    /// Makes a page zeroes that take no room, which it has to be held here for as if it were written; what has to be
    /// settled until nobody sees what it was. One that a device uses stays as it is.
    pub(in crate::memory) fn give_up(
        &mut self,
        page: usize,
        ctx: Context<'_>,
    ) -> Result<Option<Revision>, Refusal> {
        // What is only absent need not be read for that, but it must be known that it is there.
        if matches!(self.origin, Origin::Unread(_)) || self.held(page) != Held::Write {
            return Err(Refusal::Absent);
        }
        if self.is_pinned(page) || self.frame(page).is_none() && !self.absent.has(page) {
            return Ok(None);
        }
        self.absent.remove(page);
        self.written.insert(page);
        self.owned.remove(page);
        self.lose_base(page);
        if self.frame(page).is_none() {
            return Ok(None);
        }
        let table = own(&mut self.table);
        let Some(frame) = table.frames[page].take() else { return Ok(None) };
        if self.code.has(page) {
            self.code.remove(page);
            table.versions[page] = ctx.pool.next_version();
        }
        if !self.lent.has(page) {
            return Ok(None);
        }
        self.lent.remove(page);
        self.writable.remove(page);
        Ok(Some(ctx.revocations.push(Revocation::Gone(frame.host()), Some(Replaced::Frame(frame)))))
    }
}
