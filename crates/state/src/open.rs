//! Opening: from what a store holds, whatever happened to it, to a state that goes on.

use std::collections::BTreeMap;
use std::ops::{Bound, ControlFlow};
use std::sync::Arc;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, AtomicU64};

use ironloom_core::EventCount;
use parking_lot::Mutex;

use crate::chain::{Orphans, View};
use crate::config::Roots;
use crate::executor::Executor;
use crate::export::unfinished_import;
use crate::front::Front;
use crate::keeper::{Keeper, RESERVED_IDS};
use crate::layout::{self, ROOTS, SPACES, TREE, Tip};
use crate::processor::Processor;
use crate::prune::Sweep;
use crate::roots::Follower;
use crate::shared::Shared;
use crate::snapshot::Pins;
use crate::tree::{BRANCHES, Branch, Limits, Planter};
use crate::{BatchId, Config, OpenError, ResourceId, Store, StoreError, WriteBatch};

/// What parents and children the orphans in the store have.
type Orphaned = BTreeMap<(BatchId, BatchId), [u8; 32]>;

/// Makes everything that a state consists of but its threads.
pub(crate) fn open<R: Processor>(
    store: Arc<dyn Store>,
    processor: R,
    config: Config,
) -> Result<Arc<Shared<R>>, OpenError> {
    config.validate()?;
    store.declare(&SPACES)?;
    if let Some(export) = unfinished_import(&*store)? {
        return Err(OpenError::UnfinishedImport { export });
    }
    let mut tip = match Tip::load(&*store)? {
        Some(tip) => tip,
        None => first_tip(&*store)?,
    };
    check_tip(&*store, &tip)?;
    let orphaned = orphaned(&*store, &tip)?;
    let mut front = Front::new(&tip, orphaned);
    tip.reserved = BatchId::new(tip.reserved.number().saturating_add(RESERVED_IDS));
    front.reserved = tip.reserved;
    let roots = follower(&*store, &mut tip, &config)?;
    write_tip(&*store, &tip)?;
    Ok(Arc::new(Shared {
        processor,
        settled: Mutex::new(tip.view()),
        pins: Arc::new(Mutex::new(Pins::new(tip.floor))),
        prune_wanted: AtomicU64::new(tip.floor.number()),
        tidy_asked: AtomicU64::new(u64::from(tip.floor > BatchId::GENESIS)),
        tidy_done: AtomicU64::new(0),
        synced_tip: AtomicU64::new(tip.tip.number()),
        keeper: Mutex::new(Keeper { tip, sweep: Sweep::default() }),
        front: Mutex::new(front),
        executor: Executor::new(),
        roots,
        commit_due: AtomicBool::new(false),
        committed: AtomicU64::new(0),
        sync_wanted: AtomicU64::new(0),
        synced: AtomicU64::new(0),
        sync_role: Mutex::new(()),
        work: EventCount::new(),
        sync_work: EventCount::new(),
        sync_done: EventCount::new(),
        room: EventCount::new(),
        tidied: EventCount::new(),
        failure: OnceLock::new(),
        searching: AtomicBool::new(false),
        stopping: AtomicBool::new(false),
        config,
        store,
    }))
}

/// Where a state begins, in a store in which none was.
fn first_tip(store: &dyn Store) -> Result<Tip, StoreError> {
    if !layout::is_empty(store)? {
        return Err(StoreError::damaged(
            layout::TIP,
            "there is no tip, but something that one was written with",
        ));
    }
    Ok(Tip {
        format: Tip::FORMAT,
        tip: BatchId::GENESIS,
        reserved: BatchId::new(1),
        floor: BatchId::GENESIS,
        swept: BatchId::GENESIS,
        tree: Some(BatchId::GENESIS),
        orphans: Orphans::default(),
    })
}

fn check_tip(store: &dyn Store, tip: &Tip) -> Result<(), StoreError> {
    if tip.tip != BatchId::GENESIS && layout::header(store, tip.tip)?.is_none() {
        return Err(StoreError::damaged(
            layout::BATCHES,
            format!("{}, which is the tip, is missing", tip.tip),
        ));
    }
    Ok(())
}

fn write_tip(store: &dyn Store, tip: &Tip) -> Result<(), StoreError> {
    let mut writes = WriteBatch::new();
    tip.put(&mut writes);
    store.commit(&writes)?;
    // No id may be given away that a power failure would give away again.
    store.sync()
}

/// Looks through the batches that were rolled back, of which any may return.
fn orphaned(store: &dyn Store, tip: &Tip) -> Result<Orphaned, StoreError> {
    let mut orphaned = BTreeMap::new();
    for (first, last) in tip.orphans.ranges() {
        layout::batches_between(store, first, last, |id, header| {
            orphaned.insert((header.parent, id), header.content);
            ControlFlow::Continue(())
        })?;
    }
    Ok(orphaned)
}

/// Makes the follower of the root, with what it has yet to do.
fn follower(store: &dyn Store, tip: &mut Tip, config: &Config) -> Result<Option<Follower>, StoreError> {
    if config.roots == Roots::Off {
        tip.tree = None;
        return Ok(None);
    }
    let limits = Limits { cached_bytes_max: config.tree_cache_bytes_max as usize / BRANCHES };
    let Some(base) = tip.tree else {
        return Ok(Some(grown(store, tip, config, limits)?));
    };
    let follower = Follower::new(branches(store, limits)?, base);
    // First back to where the tree was complete, if it was rolled back from further, then forward batch by batch.
    let mut touched = Vec::new();
    if let Some(after) = base.next() {
        layout::batches_between(store, after, BatchId::new(u64::MAX), |id, _| {
            touched.push(id);
            ControlFlow::Continue(())
        })?;
    }
    let orphans: Arc<Orphans> = tip.orphans.clone().into();
    let view = |tip: BatchId| View { tip, orphans: Arc::clone(&orphans) };
    let counted: Vec<BatchId> = touched.iter().copied().filter(|id| !orphans.contains(*id)).collect();
    if !touched.is_empty() {
        let start = newest_that_counts(base, &orphans);
        // Its root is not known if it was made while none were kept.
        let is_batch = layout::header(store, start)?.is_some();
        follower.push_redo(touched, view(start), is_batch.then_some(start));
    }
    for id in counted {
        follower.push_redo(vec![id], view(id), Some(id));
    }
    Ok(Some(follower))
}

/// The newest batch up to `most` that is no orphan.
fn newest_that_counts(most: BatchId, orphans: &Orphans) -> BatchId {
    orphans
        .ranges()
        .find(|(first, last)| *first <= most && most <= *last)
        .map_or(most, |(first, _)| BatchId::new(first.number() - 1))
}

/// Grows a tree over a state that had none.
fn grown(store: &dyn Store, tip: &mut Tip, config: &Config, limits: Limits) -> Result<Follower, StoreError> {
    layout::clear(store, TREE)?; // what nobody kept up to date, or a crash left half grown
    let mut planter = Planter::new(config.tree_cache_bytes_max);
    visit(store, &tip.view(), |resource, value| planter.add(store, resource, value))?;
    let root = planter.finish(store)?;
    tip.tree = Some(tip.tip);
    let mut writes = WriteBatch::new();
    if tip.tip != BatchId::GENESIS {
        writes.put(ROOTS, &layout::batch_key(tip.tip), root.as_bytes());
    }
    tip.put(&mut writes);
    store.commit(&writes)?;
    Ok(Follower::new(branches(store, limits)?, tip.tip))
}

/// The branches of the tree, as they are in the store.
fn branches(store: &dyn Store, limits: Limits) -> Result<[Branch; BRANCHES], StoreError> {
    let opened: Result<Vec<Branch>, _> =
        (0..BRANCHES).map(|index| Branch::open(index, store, limits)).collect();
    Ok(opened?.try_into().expect("there are as many as were opened"))
}

/// Visits all resources that exist in a view.
fn visit(
    store: &dyn Store,
    view: &View,
    mut each: impl FnMut(&ResourceId, &[u8]) -> Result<(), StoreError>,
) -> Result<(), StoreError> {
    let mut last = None;
    let mut outcome = Ok(());
    store.scan(layout::ROWS, (Bound::Unbounded, Bound::Unbounded), &mut |key, bytes| {
        outcome = layout::row_of(key).and_then(|(id, version)| {
            if last == Some(id) || !view.shows(version) {
                return Ok(());
            }
            last = Some(id);
            layout::row_value(bytes)?.map_or(Ok(()), |value| each(&id, value))
        });
        if outcome.is_ok() { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
    })?;
    outcome
}
