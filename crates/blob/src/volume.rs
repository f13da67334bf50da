//! [`Volume`]: a virtual disk whose snapshots are blobs.
//!
//! A volume is cut into *extents*, and each that is not all zeroes is a blob. A tree of [linked](crate::link) blobs
//! leads from the number of an extent to its name, and the name of the root is a *snapshot*: the whole disk in 32
//! bytes. The tree is canonical — no empty nodes, no zeroes at the end of extents, a height that follows from the size
//! — so two volumes with extents of one length have the same snapshot exactly if they have the same size and contents,
//! whatever was done to them.
//!
//! What was written since the last snapshot waits in memory: *dirty* extents, and the nodes on the way to them. Nodes
//! are shared between forks and copied when one of them writes, so a fork costs a few hundred bytes.
//!
//! **Threads.** Every method takes `&self`, and every call is atomic: it happens between two others, however many
//! extents it touches. Those that write take turns, and keep their turn while they wait for the store. Those that read
//! wait for nobody's store: under the lock they copy what is in memory and note the names of the rest, and what a
//! name stands for cannot change.
//!
//! **Collection.** The tree links to everything it needs, so whoever pins a snapshot keeps the disk. What is written
//! out but not pinned yet is the delicate part, and the rules are these:
//!
//! - Nothing is put into the store but in the course of a snapshot, bottom up and in one go. Dirty extents stay in
//!   memory until the root is stored, and pinned if the volume has a pin. If anything fails before, the volume is as
//!   it was, and the next attempt puts everything again.
//! - A volume with a pin ([`Volume::pin`], [`Volume::open_pinned`]) moves it with each snapshot, after a sync, and only
//!   such a volume writes out by itself when too much is dirty. So all that it stands on is pinned at any time.
//! - A volume without one stands on what it was opened from, or on its last snapshot. Its owner pins that for as long
//!   as the volume is used; the same holds for a fork, which stands on what its origin stood on. It never writes out by
//!   itself: a write that would exceed the limit is refused with [`VolumeError::DirtyFull`].
//! - Between the first put of a snapshot and the moving of a pin the store protects: a collection spares what was put
//!   since the one before it began.

mod cache;
mod checkpoint;
mod codec;
mod config;
mod error;
mod extent;
mod geometry;
mod loader;
mod node;
mod proof;
mod read;
mod state;
mod transfer;
mod write;

use std::sync::Arc;

use parking_lot::{Mutex, RwLock};

use crate::{BlobId, BlobStore, PinName};

use checkpoint::Turn;
use geometry::{Geometry, SIZE_MAX};
use loader::Loader;
use state::State;

pub use config::Config;
pub use error::VolumeError;

/// A virtual disk of up to 2⁶³ bytes, of which only what is not zero takes room.
///
/// ```
/// use std::sync::Arc;
/// use ironloom_blob::{MemoryStore, Volume, volume::Config};
///
/// let disk = Volume::create(Arc::new(MemoryStore::new()), 1 << 40, Config::default())?;
/// disk.write_at(123_456_789, b"hello")?;
/// let snapshot = disk.snapshot()?;
///
/// let fork = disk.fork();
/// fork.write_at(123_456_789, b"HELLO")?;
/// let mut found = [0; 5];
/// disk.read_at(123_456_789, &mut found)?;
/// assert_eq!(&found, b"hello");
///
/// fork.write_at(123_456_789, b"hello")?;
/// assert_eq!(fork.snapshot()?, snapshot);
/// # Ok::<(), ironloom_blob::VolumeError>(())
/// ```
#[derive(Debug)]
pub struct Volume {
    config: Config,
    loader: Loader,
    state: RwLock<State>,
    /// Held by whoever writes, from the first look at the state to the last change, so that nothing changes meanwhile.
    turn: Mutex<Turn>,
}

impl Volume {
    /// A volume of so many zeroes. Nothing is stored yet.
    ///
    /// # Errors
    ///
    /// If it would be too large, or the config asks for extents that cannot be.
    pub fn create(store: Arc<dyn BlobStore>, size: u64, config: Config) -> Result<Self, VolumeError> {
        check_size(size)?;
        let geometry = Geometry::of(config.extent_bytes)?;
        let loader = Loader::new(store, geometry, config.cache_bytes_max);
        Ok(Self::assemble(config, loader, State::new(geometry, size)))
    }

    /// The volume as a snapshot names it. Only its root is read now.
    ///
    /// The caller keeps the snapshot pinned for as long as the volume stands on it.
    ///
    /// # Errors
    ///
    /// If the snapshot is absent, corrupt or no snapshot of a volume, or the store fails.
    pub fn open(store: Arc<dyn BlobStore>, snapshot: BlobId, config: Config) -> Result<Self, VolumeError> {
        let root = loader::load_root(&*store, snapshot)?;
        let loader = Loader::new(store, root.geometry, config.cache_bytes_max);
        let state = State {
            root: Arc::new(root.node),
            clean: Some(snapshot),
            ..State::new(root.geometry, root.size)
        };
        Ok(Self::assemble(config, loader, state))
    }

    /// The volume to which a pin points. From now on the pin moves with each of its snapshots.
    ///
    /// A pin belongs to one volume at a time: of two that move it, the second is told [`PinError::Moved`].
    ///
    /// [`PinError::Moved`]: crate::PinError::Moved
    ///
    /// # Errors
    ///
    /// If there is no such pin, and as in [`open`](Self::open).
    pub fn open_pinned(
        store: Arc<dyn BlobStore>,
        name: &PinName,
        config: Config,
    ) -> Result<Self, VolumeError> {
        let snapshot = store.pin(name)?.ok_or_else(|| VolumeError::NotPinned { name: name.clone() })?;
        let volume = Self::open(store, snapshot, config)?;
        volume.turn.lock().hold(name, snapshot);
        Ok(volume)
    }

    fn assemble(config: Config, loader: Loader, state: State) -> Self {
        Self { config, loader, state: RwLock::new(state), turn: Mutex::new(Turn::default()) }
    }

    /// Another volume that is the same now and goes its own way from here. It takes the same time whatever the size.
    ///
    /// The fork has no pin: see the [module](crate::volume) for what keeps it alive.
    #[must_use]
    pub fn fork(&self) -> Self {
        let state = self.state.read().clone();
        Self::assemble(self.config.clone(), self.loader.clone(), state)
    }

    /// How many bytes it has.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.state.read().size
    }

    /// How many bytes its extents have.
    #[must_use]
    pub fn extent_bytes(&self) -> u64 {
        self.state.read().geometry.extent_bytes()
    }

    /// How much memory is taken by what was written since the last snapshot, the nodes of the tree included.
    #[must_use]
    pub fn dirty_bytes(&self) -> u64 {
        self.state.read().dirty_bytes
    }
}

/// Whether a volume may have so many bytes.
fn check_size(size: u64) -> Result<(), VolumeError> {
    if size > SIZE_MAX {
        return Err(VolumeError::TooLarge { size });
    }
    Ok(())
}

#[cfg(test)]
mod tests;
