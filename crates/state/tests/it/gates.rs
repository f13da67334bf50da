//! Gates: how a test holds a transaction or a store where it is, and lets it go on.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use borsh::BorshSerialize;
use ironloom_core::Latch;
use ironloom_state::{KeyRange, MemoryStore, ReadStore, Space, Store, StoreError, Visit, WriteBatch};

/// Something that is held until the gate is opened.
#[derive(Debug, Default)]
pub(crate) struct Gate {
    /// Opens when somebody stands at the gate.
    pub(crate) reached: Latch,
    pub(crate) open: Latch,
}

impl Gate {
    fn pass(&self) {
        self.reached.open();
        self.open.wait();
    }
}

/// A gate as a part of a payload, of which it is no content.
#[derive(Debug, Clone, Default)]
pub(crate) struct Held(pub(crate) Arc<Gate>);

impl Held {
    pub(crate) fn pass(&self) {
        self.0.pass();
    }
}

impl BorshSerialize for Held {
    fn serialize<W: io::Write>(&self, _: &mut W) -> io::Result<()> {
        Ok(())
    }
}

/// One kind of operation of a [`GatedStore`].
#[derive(Debug, Default)]
pub(crate) struct Door {
    gate: parking_lot::Mutex<Option<Arc<Gate>>>,
    fails: AtomicBool,
}

impl Door {
    /// Holds the next operation.
    pub(crate) fn shut(&self) -> Arc<Gate> {
        let gate = Arc::new(Gate::default());
        *self.gate.lock() = Some(Arc::clone(&gate));
        gate
    }

    /// Fails every operation from now on.
    pub(crate) fn break_down(&self) {
        self.fails.store(true, Ordering::SeqCst);
    }

    fn pass(&self, action: &'static str) -> Result<(), StoreError> {
        let gate = self.gate.lock().take();
        if let Some(gate) = gate {
            gate.pass();
        }
        if self.fails.load(Ordering::SeqCst) {
            return Err(StoreError::engine(action, io::Error::other("it was to fail")));
        }
        Ok(())
    }
}

/// A store in memory whose operations can be held and failed, kind by kind. Clones are handles of the same store.
#[derive(Debug, Clone, Default)]
pub(crate) struct GatedStore {
    pub(crate) inner: MemoryStore,
    pub(crate) doors: Arc<Doors>,
}

#[derive(Debug, Default)]
pub(crate) struct Doors {
    pub(crate) scans: Door,
    pub(crate) reads: Door,
    pub(crate) commits: Door,
    pub(crate) syncs: Door,
}

impl ReadStore for GatedStore {
    fn get(&self, space: Space, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        self.doors.reads.pass("read")?;
        self.inner.get(space, key)
    }

    fn scan(&self, space: Space, range: KeyRange<'_>, visit: &mut Visit<'_>) -> Result<(), StoreError> {
        self.doors.scans.pass("scan")?;
        self.inner.scan(space, range, visit)
    }
}

impl Store for GatedStore {
    fn declare(&self, spaces: &[Space]) -> Result<(), StoreError> {
        self.inner.declare(spaces)
    }

    fn commit(&self, changes: &WriteBatch) -> Result<(), StoreError> {
        self.doors.commits.pass("commit")?;
        self.inner.commit(changes)
    }

    fn sync(&self) -> Result<(), StoreError> {
        self.doors.syncs.pass("sync")?;
        self.inner.sync()
    }
}
