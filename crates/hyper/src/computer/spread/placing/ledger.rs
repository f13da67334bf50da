//! [`Ledger`]: what this host remembers for its placement policy, of pages and of harts.

use ironloom_core::{Duration, Instant};

use super::STAY;
use crate::PageNumber;
use crate::cluster::HostId;
use crate::cluster::harts::{HARTS_MAX, HartId};
use crate::cluster::placement::{Costs, GROUP_PAGES, HartView, Past};
use crate::coherence::Content;

/// Of how many groups of pages it is remembered who supplied one last; of two that have one place, the later stays.
const SUPPLIERS: usize = 4_096;
/// A hart that has been seen running always.
const BUSY: u32 = 256;

/// Who supplied pages, how long harts waited, and who wants to run.
#[derive(Debug, Default)]
pub(super) struct Ledger {
    suppliers: Vec<Option<(u64, Supplier)>>,
    harts: Vec<Record>,
    /// Harts that have come and of which the policy was not told.
    arrived: Vec<(HartId, Past)>,
    pub(super) costs: Costs,
}

/// Who supplied a page of a group last.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Supplier {
    host: HostId,
    /// How many bytes came.
    pub(super) bytes: u32,
    /// Whether it was zero, and most likely nobody's until then.
    fresh: bool,
    /// How many pages of the group were supplied.
    grants: u32,
}

/// A page that came from another host.
#[derive(Debug, Clone, Copy)]
pub(in crate::computer::spread) struct Supply {
    page: PageNumber,
    host: HostId,
    bytes: u32,
    fresh: bool,
}

impl Supply {
    pub(super) fn new(page: PageNumber, host: HostId, content: &Content) -> Self {
        Self { page, host, bytes: content.carried() as u32, fresh: *content == Content::Zeroes }
    }
}

impl Supplier {
    pub(super) const fn host(self) -> HostId {
        self.host
    }

    /// Who has the group's pages; `None` if they are most likely nobody's.
    pub(super) fn holder(self) -> Option<HostId> {
        (!self.fresh).then_some(self.host)
    }
}

/// What is remembered of a hart.
#[derive(Debug, Clone, Copy, Default)]
struct Record {
    since: Instant,
    /// From when on it may go elsewhere.
    stays_until: Instant,
    /// How many pages it had written lately when it last had to wait for one.
    pages: u32,
    stall: Duration,
    /// How often it was seen running lately, up to [`BUSY`].
    busy: u32,
}

impl Ledger {
    pub(super) fn new(now: Instant) -> Self {
        let record = Record { since: now, ..Record::default() };
        Self {
            suppliers: vec![None; SUPPLIERS],
            harts: vec![record; HARTS_MAX],
            arrived: Vec::new(),
            costs: Costs::default(),
        }
    }

    /// What is known of a hart that lives here.
    pub(super) fn view(&self, hart: HartId) -> Option<HartView> {
        let record = self.harts.get(hart.index())?;
        let Record { since, pages, stall, busy, .. } = *record;
        Some(HartView { hart, since, pages, stall, busy: busy >= BUSY / 2 })
    }

    /// A hart waits for a page, and has written so many pages lately; how many of that group have come so far.
    pub(super) fn begin_fault(&mut self, hart: HartId, page: PageNumber, written: u32) -> u32 {
        if let Some(record) = self.harts.get_mut(hart.index()) {
            record.pages = written;
        }
        self.supplier(page).map_or(0, |supplier| supplier.grants)
    }

    /// A hart has waited so long for a page, since so many of that group had come. If none has come since then from another
    /// host, that says nothing of them.
    pub(super) fn note_stall(&mut self, hart: HartId, page: PageNumber, grants: u32, took: Duration) {
        let Some(supplier) = self.supplier(page).filter(|supplier| supplier.grants != grants) else { return };
        self.costs.observe(supplier.bytes, took);
        let Some(record) = self.harts.get_mut(hart.index()) else { return };
        let (old, new) = (record.stall.as_nanos(), took.as_nanos());
        record.stall = if old == 0 { took } else { Duration::from_nanos(old - old / 8 + new / 8) };
    }

    /// A page came from another host.
    pub(super) fn note(&mut self, Supply { page, host, bytes, fresh }: Supply) {
        let grants = self.supplier(page).map_or(0, |supplier| supplier.grants).wrapping_add(1);
        let (group, place) = place(page);
        if let Some(place) = self.suppliers.get_mut(place) {
            *place = Some((group, Supplier { host, bytes, fresh, grants }));
        }
    }

    /// Who supplied a page of that group last.
    pub(super) fn supplier(&self, page: PageNumber) -> Option<Supplier> {
        let (group, place) = place(page);
        let (known, supplier) = (*self.suppliers.get(place)?)?;
        (known == group).then_some(supplier)
    }

    /// Whether a hart may go elsewhere now. If so it is taken to try that, and stays for a while if it cannot.
    pub(super) fn may_go(&mut self, now: Instant, hart: HartId) -> bool {
        let Some(record) = self.harts.get_mut(hart.index()).filter(|record| now >= record.stays_until) else {
            return false;
        };
        record.stays_until = now.saturating_add(STAY);
        true
    }

    /// A hart has come.
    pub(super) fn arrives(&mut self, now: Instant, hart: HartId, past: Past) {
        if let Some(record) = self.harts.get_mut(hart.index()) {
            *record = Record { since: now, stays_until: now.saturating_add(STAY), ..Record::default() };
            self.arrived.retain(|(known, _)| *known != hart);
            self.arrived.push((hart, past));
        }
    }

    /// The harts that have come and of which the policy was not told.
    pub(super) fn take_arrived(&mut self) -> Vec<(HartId, Past)> {
        std::mem::take(&mut self.arrived)
    }

    /// These harts run, a bit each; how many do on average of late.
    pub(super) fn sample(&mut self, running: u64) -> u32 {
        for (number, record) in self.harts.iter_mut().enumerate() {
            let now = if running >> number & 1 == 1 { BUSY / 8 } else { 0 };
            record.busy = record.busy - record.busy.div_ceil(8) + now;
        }
        (self.harts.iter().map(|record| record.busy).sum::<u32>() + BUSY / 2) / BUSY
    }
}

/// A page's group, and its place among suppliers.
const fn place(page: PageNumber) -> (u64, usize) {
    let group = page.get() / GROUP_PAGES;
    (group, group as usize % SUPPLIERS)
}

#[cfg(test)]
mod tests;
