//! [`ComputerCapture`]: a computer as it was at a moment, taken out quickly and stored by whoever has time.

use std::sync::Arc;

use ironloom_blob::{BlobId, BlobStore, Volume};

use super::keep::{Kept, Rest, get_linked, put};
use super::{Computer, ComputerConfig, ComputerError};
use crate::board::{BlockError, Board, BoardError};
use crate::memory::{Memory, MemoryPoint, StoredPoint};

/// A computer as it was at a moment, to be stored while it goes on.
///
/// Taking it costs what a [fork](Computer::fork) costs. Storing it costs what a [snapshot](Computer::snapshot) costs, on
/// any thread; then [`Computer::settle`] tells the computer what need not be stored again.
///
/// ```
/// use std::sync::Arc;
/// use ironloom_blob::{BlobStore, MemoryStore};
/// use ironloom_core::Duration;
/// use ironloom_hyper::{Computer, ComputerConfig};
///
/// let store: Arc<dyn BlobStore> = Arc::new(MemoryStore::new());
/// let mut computer = Computer::new(ComputerConfig::new(16 << 20))?;
/// computer.boot(&[0x6f, 0, 0, 0])?; // A jump to itself.
///
/// let capture = computer.capture()?;
/// let storing = std::thread::spawn({ let store = store.clone(); move || capture.store(&store) });
/// computer.run_for(Duration::from_millis(1))?;
/// let stored = storing.join().unwrap()?;
/// assert!(computer.settle(&stored));
///
/// let mut then = Computer::restore(store, stored.snapshot(), &mut |_| panic!("it has no disk"))?;
/// then.run_for(Duration::from_millis(1))?;
/// assert_eq!(then.retired(), computer.retired());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct ComputerCapture {
    config: ComputerConfig,
    memory: MemoryPoint,
    board: Board,
    rest: Rest,
}

/// A [`ComputerCapture`] that is in a store now.
#[derive(Debug)]
pub struct StoredComputer {
    memory: StoredPoint,
    snapshot: BlobId,
}

impl StoredComputer {
    /// The name of the snapshot.
    #[must_use]
    pub const fn snapshot(&self) -> BlobId {
        self.snapshot
    }
}

impl ComputerCapture {
    /// Stores it. It is not durable before the store is synced, and not pinned.
    ///
    /// # Errors
    ///
    /// If the store fails, or a disk cannot be stored.
    pub fn store(mut self, store: &Arc<dyn BlobStore>) -> Result<StoredComputer, ComputerError> {
        let board = self.board.snapshot()?;
        let memory = self.memory.store(store)?;
        let snapshot = put(&**store, &self.config, memory.image(), board, self.rest)?;
        Ok(StoredComputer { memory, snapshot })
    }
}

impl Computer {
    /// Takes out what a snapshot of it would hold.
    ///
    /// # Errors
    ///
    /// If a disk cannot be copied, or other hosts have parts of the computer.
    pub fn capture(&self) -> Result<ComputerCapture, ComputerError> {
        self.check_whole()?;
        let board = self.board.capture()?;
        Ok(ComputerCapture {
            config: self.config.clone(),
            memory: self.memory.point(),
            board,
            rest: self.rest(),
        })
    }

    /// Takes notice that it is stored as it was captured: what it has not written since need not be stored again. Whether
    /// that helps: not if it was rolled back or stored otherwise meanwhile.
    ///
    /// From now on its memory stands on that snapshot, which its owner keeps for as long.
    pub fn settle(&self, stored: &StoredComputer) -> bool {
        self.memory.settle(&stored.memory)
    }

    /// Reads all that a snapshot has and `before` has not, to see whether it is there and whole.
    ///
    /// # Errors
    ///
    /// If a part of it is absent or not sound, or the store fails. What is wrong with `before` does not matter.
    pub fn prove(
        store: &dyn BlobStore,
        snapshot: BlobId,
        before: Option<BlobId>,
    ) -> Result<(), ComputerError> {
        let (image, kept) = get_linked::<Kept>(store, snapshot)?;
        let before = before.and_then(|before| get_linked::<Kept>(store, before).ok());
        Memory::prove(store, image, before.as_ref().map(|(image, _)| *image))?;
        let mut disks = before.iter().flat_map(|(_, kept)| kept.board.disks());
        for disk in kept.board.disks() {
            let before = disks.next().and_then(|disk| disk.snapshot);
            let Some(snapshot) = disk.snapshot.filter(|snapshot| before != Some(*snapshot)) else { continue };
            Volume::prove(store, snapshot, before)
                .map_err(|error| BoardError::from(BlockError::from(error)))?;
        }
        Ok(())
    }
}
