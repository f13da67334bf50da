//! [`Table`]: all processes by id.
//!
//! Ids are given out in blocks, so neighbours lie together: a shard's map leads to a short run of slots, and a process is
//! entered and removed without moving any other.

use std::sync::Arc;

use ironloom_core::Map;

use crate::{ProcessId, lock::Lock, process::AnyProcess};

/// How many processes lie in one run of slots.
pub(crate) const BLOCK: u64 = 64;
const SHARDS: usize = 64;

/// The processes that exist.
pub(crate) struct Table {
    shards: Box<[Lock<Shard>]>,
}

/// Runs of slots by the number of their block.
type Shard = Map<u64, Slots>;

#[derive(Default)]
struct Slots {
    /// Where the run begins within its block: a block of which only one id is used costs one slot.
    first: u64,
    processes: Vec<Option<Arc<dyn AnyProcess>>>,
    live: u32,
}

impl Table {
    pub(crate) fn new() -> Self {
        Self { shards: (0..SHARDS).map(|_| Lock::new(Map::default())).collect() }
    }

    fn shard(&self, block: u64) -> &Lock<Shard> {
        &self.shards[block as usize % SHARDS]
    }

    pub(crate) fn insert(&self, process: Arc<dyn AnyProcess>) {
        let number = process.header().id.number();
        let (block, offset) = (number / BLOCK, number % BLOCK);
        let mut shard = self.shard(block).lock();
        let slots = shard.entry(block).or_default();
        if slots.processes.is_empty() {
            slots.first = offset;
        } else if offset < slots.first {
            let missing = (slots.first - offset) as usize;
            slots.processes.splice(0..0, std::iter::repeat_with(|| None).take(missing));
            slots.first = offset;
        }
        let index = (offset - slots.first) as usize;
        if slots.processes.len() <= index {
            slots.processes.resize_with(index + 1, || None);
        }
        assert!(slots.processes[index].is_none(), "an id is given once");
        slots.processes[index] = Some(process);
        slots.live += 1;
    }

    pub(crate) fn remove(&self, id: ProcessId) -> Option<Arc<dyn AnyProcess>> {
        let (block, offset) = (id.number() / BLOCK, id.number() % BLOCK);
        let mut shard = self.shard(block).lock();
        let slots = shard.get_mut(&block)?;
        let process = slots.processes.get_mut(offset.checked_sub(slots.first)? as usize)?.take()?;
        slots.live -= 1;
        if slots.live == 0 {
            shard.remove(&block);
        }
        Some(process)
    }

    pub(crate) fn find(&self, id: ProcessId) -> Option<Arc<dyn AnyProcess>> {
        let (block, offset) = (id.number() / BLOCK, id.number() % BLOCK);
        let shard = self.shard(block).lock();
        let slots = shard.get(&block)?;
        slots.processes.get(offset.checked_sub(slots.first)? as usize)?.clone()
    }

    /// All processes, by id. Those that come or go meanwhile may be among them or not.
    pub(crate) fn all(&self) -> Vec<Arc<dyn AnyProcess>> {
        let mut all = Vec::new();
        for shard in &self.shards {
            all.extend(shard.lock().values().flat_map(|slots| slots.processes.iter().flatten().cloned()));
        }
        all.sort_unstable_by_key(|process| process.header().id);
        all
    }
}
