//! [`Model`]: everything that was ever accepted, and what of it may be found after a crash.

use std::collections::{BTreeMap, BTreeSet};

use ironloom_state::{BatchId, Change, Receipt, Root};

use crate::interpreter::{Contents, execute};
use crate::naive_root::naive_root;
use crate::program::Plan;

/// What every batch did that ever got an id, and where the state stands.
#[derive(Debug, Default)]
pub(crate) struct Model {
    /// What an id means, for ever.
    pub(crate) records: BTreeMap<BatchId, Record>,
    pub(crate) tip: Option<BatchId>,
    /// Where the tip went since the state was opened, in order of the commits. The first is where it was then.
    pub(crate) log: Vec<Entry>,
    /// Up to which entry it was said to be committed, and to be durable.
    pub(crate) committed: usize,
    pub(crate) durable: usize,
    /// Which batches are in the store, whether or not they count.
    pub(crate) stored: BTreeMap<BatchId, Presence>,
    /// The batches that must have a root while roots are kept.
    pub(crate) rooted: BTreeSet<BatchId>,
    /// The oldest batch that was kept when somebody last looked.
    pub(crate) floor: Option<BatchId>,
    /// The most that was asked to be pruned since the state was opened.
    pub(crate) prune_wanted: Option<BatchId>,
}

/// What a batch is and does.
#[derive(Debug)]
pub(crate) struct Record {
    pub(crate) parent: BatchId,
    pub(crate) plan: Plan,
    pub(crate) receipts: Vec<Receipt>,
    pub(crate) changes: Vec<Change>,
    pub(crate) after: Contents,
    pub(crate) root: Root,
}

#[derive(Debug, Clone, Copy)]
pub(crate) struct Entry {
    pub(crate) tip: BatchId,
    /// Whether it brought a batch that was not in the store before.
    pub(crate) is_new: bool,
    /// Whether it was taken out of flight before it was committed.
    pub(crate) is_cancelled: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Presence {
    Certain,
    Possible,
}

impl Model {
    pub(crate) fn new() -> Self {
        let start = Entry { tip: BatchId::GENESIS, is_new: false, is_cancelled: false };
        Self { log: vec![start], ..Self::default() }
    }

    pub(crate) fn tip(&self) -> BatchId {
        self.tip.unwrap_or(BatchId::GENESIS)
    }

    pub(crate) fn floor(&self) -> BatchId {
        self.floor.unwrap_or(BatchId::GENESIS)
    }

    pub(crate) fn last_id(&self) -> BatchId {
        self.records.last_key_value().map_or(BatchId::GENESIS, |(id, _)| *id)
    }

    /// The batches up to one that count if that is the tip, ascending, with genesis.
    pub(crate) fn chain(&self, tip: BatchId) -> Vec<BatchId> {
        let parent = |id: &BatchId| self.records.get(id).map(|record| record.parent);
        let mut chain: Vec<BatchId> = std::iter::successors(Some(tip), parent).collect();
        chain.reverse();
        chain
    }

    pub(crate) fn counts(&self, id: BatchId) -> bool {
        self.chain(self.tip()).contains(&id)
    }

    pub(crate) fn contents(&self, id: BatchId) -> Contents {
        self.records.get(&id).map_or_else(Contents::new, |record| record.after.clone())
    }

    /// The batches that `plan` could be, returning: those that followed the tip and do not count.
    pub(crate) fn returning(&self, plan: &Plan) -> BTreeMap<BatchId, Presence> {
        let is_it = |id: &BatchId| self.records[id].parent == self.tip() && self.records[id].plan == *plan;
        self.stored.iter().filter(|(id, _)| is_it(id)).map(|(id, presence)| (*id, *presence)).collect()
    }

    /// A batch was accepted; returns its place in the log.
    pub(crate) fn accept(&mut self, id: BatchId, plan: &Plan, has_root: bool) -> usize {
        let parent = self.tip();
        assert!(id > self.last_id(), "{id} was given away before, up to {}", self.last_id());
        let executed = execute(&self.contents(parent), plan, id);
        let root = naive_root(&executed.after);
        let plan = plan.clone();
        let (receipts, changes, after) = (executed.receipts, executed.changes, executed.after);
        self.records.insert(id, Record { parent, plan, receipts, changes, after, root });
        self.stored.insert(id, Presence::Certain);
        if has_root {
            self.rooted.insert(id);
        }
        self.go(id, true)
    }

    /// The tip goes elsewhere; returns the place of that in the log.
    pub(crate) fn go(&mut self, tip: BatchId, is_new: bool) -> usize {
        self.tip = Some(tip);
        self.log.push(Entry { tip, is_new, is_cancelled: false });
        self.log.len() - 1
    }

    /// A batch was taken out of flight.
    pub(crate) fn cancel(&mut self, entry: usize) {
        self.log[entry].is_cancelled = true;
        self.stored.remove(&self.log[entry].tip);
    }

    /// The state was opened and stands at `tip`, of all that happened at least up to the entry `least`.
    pub(crate) fn found(&mut self, tip: BatchId, least: usize) {
        let possible: Vec<usize> = (least..self.log.len())
            .filter(|at| !self.log[*at].is_cancelled && self.log[*at].tip == tip)
            .collect();
        let [first, .., last] = [&possible[..1.min(possible.len())], &possible[..]].concat()[..] else {
            panic!("found {tip}, expected one of {:?}", &self.log[least..]);
        };
        for (at, entry) in
            self.log.iter().enumerate().filter(|(_, entry)| entry.is_new && !entry.is_cancelled)
        {
            if at > last {
                self.stored.remove(&entry.tip);
            } else if at > first {
                self.stored.insert(entry.tip, Presence::Possible);
            }
        }
        self.tip = Some(tip);
        // A batch that counts is there.
        for id in self.chain(tip) {
            self.stored.entry(id).and_modify(|presence| *presence = Presence::Certain);
        }
        self.log = vec![Entry { tip, is_new: false, is_cancelled: false }];
        (self.committed, self.durable) = (0, 0);
        self.prune_wanted = None;
    }
}
