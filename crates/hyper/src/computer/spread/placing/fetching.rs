//! [`Fetching`]: a hart's wait for a page, or for setting out to where the page is.

use std::sync::atomic::Ordering;

use ironloom_core::Instant;

use super::ledger::Supplier;
use crate::cluster::harts::HartId;
use crate::cluster::placement::{self, Decision, Fault};
use crate::cluster::{HostId, HostSet};
use crate::coherence::{Held, Want};
use crate::computer::spread::Host;
use crate::memory::Access;
use crate::{PAGE_BYTES, PageNumber};

/// A hart waits for a page, or until it sets out to where the page is.
pub(in crate::computer) struct Fetching<'a> {
    host: &'a Host,
    hart: usize,
    page: PageNumber,
    access: Access,
    /// Since when, and how many pages of that group had come by then, if there is a policy.
    since: Option<(Instant, u32)>,
}

impl Fetching<'_> {
    /// Whether the page is here. It is asked for, unless the hart is about to leave.
    pub(in crate::computer) fn is_over(&self) -> bool {
        !self.host.is_setting_out(self.hart) && self.host.want(self.page, self.access)
    }

    /// Waits a moment for the page, if it was asked for; whether it has come.
    pub(in crate::computer) fn is_soon_over(&self) -> bool {
        !self.host.is_setting_out(self.hart) && self.host.linger(self.page, self.access)
    }

    /// Notes how long it took.
    pub(in crate::computer) fn end(self) {
        let Some((since, grants)) = self.since else { return };
        if let Some(hart) = HartId::new(self.hart as u8)
            && self.host.is_held(self.page, self.access)
        {
            let took = self.host.clock.now().saturating_since(since);
            self.host.placing.ledger.lock().note_stall(hart, self.page, grants, took);
        }
    }
}

impl Host {
    /// A hart needs a page that is not here: asks the policy, if there is one, what is to be done. `written` is how many
    /// pages it has written lately.
    pub(in crate::computer) fn fetch(
        &self,
        hart: usize,
        page: PageNumber,
        access: Access,
        written: impl FnOnce() -> u32,
    ) -> Fetching<'_> {
        let mut fetching = Fetching { host: self, hart, page, access, since: None };
        if self.is_placing()
            && let Some(id) = HartId::new(hart as u8)
        {
            let now = self.clock.now();
            let grants = self.placing.ledger.lock().begin_fault(id, page, written());
            fetching.since = Some((now, grants));
            if let Some(fault) = self.fault(id, page, access)
                && self.obey(now, &fault) == Decision::MovePage
            {
                fetching.access = Access::Write;
            }
        }
        fetching
    }

    fn is_setting_out(&self, hart: usize) -> bool {
        self.placing.setting_out.load(Ordering::SeqCst) >> hart & 1 == 1
    }

    /// Asks what is to be done about a fault, and begins it; what is done.
    fn obey(&self, now: Instant, fault: &Fault) -> Decision {
        let counts = &self.placing.counts;
        counts.faults.add(1);
        let decision = self.ask_policy(now, |policy, view| policy.decide(now, fault, view));
        let fetch = match fault.access {
            placement::Access::Read => Decision::CopyPage,
            placement::Access::Write => Decision::MovePage,
        };
        match decision.unwrap_or(fetch) {
            Decision::MoveHart(to) => {
                // Noted before it begins, for it may fail at once.
                self.placing.setting_out.fetch_or(1 << fault.hart.index(), Ordering::SeqCst);
                if self.send_hart(now, fault.hart, to) {
                    counts.harts.add(1);
                    return Decision::MoveHart(to);
                }
                self.has_set_out(fault.hart);
                fetch
            }
            Decision::MovePage => {
                counts.moves.add(1);
                Decision::MovePage
            }
            Decision::CopyPage => {
                counts.copies.add(1);
                fetch
            }
        }
    }

    /// A fault as far as it is known here who would send the page; `None` if nobody has it, as far as is known, or if it is
    /// here and is only being given away.
    fn fault(&self, hart: HartId, page: PageNumber, access: Access) -> Option<Fault> {
        let writes = access == Access::Write;
        let (home, holders, held, returns) = {
            let (desk, page) = (self.desk.lock(), self.page(page));
            let coherence = &desk.coherence;
            (coherence.home(page), coherence.holders(page), coherence.held(page), coherence.is_kept(page))
        };
        if held.allows(if writes { Want::Write } else { Want::Read }) {
            return None;
        }
        let last = self.placing.ledger.lock().supplier(page);
        let (holder, copies) = self.supposed(home, holders, last)?;
        let bytes = match (held, last) {
            (Held::Nothing, Some(last)) if returns => last.bytes,
            (Held::Nothing, _) => PAGE_BYTES as u32,
            (Held::Read | Held::Write, _) => 0,
        };
        let access = if writes { placement::Access::Write } else { placement::Access::Read };
        Some(Fault { hart, page, access, holder, copies, returns, bytes })
    }

    /// Who would send a page, and who has it, by what its home says, if that is here, and by who sent one of its group last.
    fn supposed(
        &self,
        home: HostId,
        holders: Option<HostSet>,
        last: Option<Supplier>,
    ) -> Option<(HostId, HostSet)> {
        let here = self.share.here;
        if let Some(copies) = holders.map(|holders| holders.without(here)) {
            let last = last.map(Supplier::host).filter(|last| copies.contains(*last));
            return Some((last.or(copies.first())?, copies));
        }
        let last = last.filter(|last| self.hosts().contains(last.host()));
        let holder = last.map_or(Some(home), Supplier::holder)?;
        Some((holder, HostSet::EMPTY.with(holder)))
    }
}
