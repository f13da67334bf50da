//! [`Directory`]: the entries of the pages that have their home here, and what is under way with them.

use std::collections::{BTreeMap, VecDeque};

use super::entry::{Entry, Standing};
use super::plan::{Request, Seen};
use super::sparse::Sparse;
use super::{Page, Version};
use crate::cluster::HostId;

#[derive(Debug, Clone, Hash)]
pub(super) struct Directory {
    pub(super) entries: Sparse<Entry>,
    busy: BTreeMap<Page, Busy>,
    /// How many requests of each host wait.
    waiting: BTreeMap<HostId, u32>,
    /// Whether visitors' habits are looked at.
    migratory: bool,
}

/// The one transaction of a page.
#[derive(Debug, Clone, Hash)]
pub(super) struct Busy {
    /// Whom it is for.
    pub(super) to: HostId,
    pub(super) aim: Aim,
    /// What the entry will be.
    pub(super) after: Entry,
    waiting: VecDeque<Asking>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Aim {
    /// That it has the page. It will confirm.
    Grant,
    /// That it has the page, which this host grants it, and then nothing more is to come.
    Supply,
    /// That it has it no longer. It will acknowledge.
    Drop,
}

/// A request, whose it is, and which version is kept there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Asking {
    pub(super) host: HostId,
    pub(super) request: Request,
    pub(super) has: Option<Version>,
}

impl Directory {
    pub(super) fn new(pages: u32, grain: u32, migratory: bool) -> Self {
        Self {
            entries: Sparse::new(pages, grain),
            busy: BTreeMap::new(),
            waiting: BTreeMap::new(),
            migratory,
        }
    }

    /// How a page stands, seen by a host.
    pub(super) fn seen(&self, page: Page, asker: HostId) -> Seen {
        if self.busy.contains_key(&page) {
            return Seen::Busy;
        }
        let entry = self.entries.get(page);
        let (holds, alone) = (entry.holders().contains(asker), entry.holders().len() == 1);
        match (entry.standing, holds, alone) {
            (Standing::Dormant, ..) => Seen::Dormant,
            (Standing::Lost, ..) => Seen::Lost,
            (Standing::Owned, true, _) => Seen::OwnedByAsker,
            (Standing::Owned, false, _) if self.migratory && entry.is_migratory() => Seen::OwnedMigratory,
            (Standing::Owned, false, _) => Seen::OwnedByOther,
            (Standing::Shared, true, true) => Seen::SharedByAsker,
            (Standing::Shared, true, false) => Seen::SharedWithAsker,
            (Standing::Shared, false, _) => Seen::SharedByOthers,
        }
    }

    pub(super) fn begin(&mut self, page: Page, to: HostId, aim: Aim, after: Entry) {
        let before = self.busy.insert(page, Busy { to, aim, after, waiting: VecDeque::new() });
        assert!(before.is_none(), "{page} has one transaction at a time");
    }

    pub(super) fn under_way(&self, page: Page) -> Option<&Busy> {
        self.busy.get(&page)
    }

    pub(super) fn is_idle(&self) -> bool {
        self.busy.is_empty()
    }

    /// Lets a request wait until the page's transaction has ended; `false` if its host lets too many wait.
    pub(super) fn wait(&mut self, page: Page, asking: Asking, waiting_max: u32) -> bool {
        let waiting = self.waiting.entry(asking.host).or_default();
        let busy = self.busy.get_mut(&page).expect("who waits, waits for a transaction");
        let again = busy
            .waiting
            .iter()
            .any(|other| other.host == asking.host && same_kind(other.request, asking.request));
        if *waiting >= waiting_max || again {
            return false;
        }
        *waiting += 1;
        busy.waiting.push_back(asking);
        true
    }

    /// Ends the transaction of a page; returns it, and who waited.
    pub(super) fn end(&mut self, page: Page) -> Option<(Busy, VecDeque<Asking>)> {
        let mut busy = self.busy.remove(&page)?;
        let waiting = std::mem::take(&mut busy.waiting);
        Some((busy, waiting))
    }

    /// The next of those who wait.
    pub(super) fn next(&mut self, waiting: &mut VecDeque<Asking>) -> Option<Asking> {
        let asking = waiting.pop_front()?;
        let count = self.waiting.get_mut(&asking.host).expect("it was counted");
        *count -= 1;
        if *count == 0 {
            self.waiting.remove(&asking.host);
        }
        Some(asking)
    }

    /// Who still waits, now waits for the transaction that has begun; `false` if none has.
    pub(super) fn wait_on(&mut self, page: Page, waiting: &mut VecDeque<Asking>) -> bool {
        let Some(busy) = self.busy.get_mut(&page) else { return false };
        busy.waiting.append(waiting);
        true
    }

    /// Forgets all that is under way.
    pub(super) fn abort(&mut self) {
        self.busy.clear();
        self.waiting.clear();
    }
}

/// Whether a host that has one of these under way would not send the other.
const fn same_kind(one: Request, other: Request) -> bool {
    matches!(one, Request::Give) == matches!(other, Request::Give)
}
