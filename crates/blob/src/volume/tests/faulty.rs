//! Volumes over a store that fails: errors are typed, and no write is lost.

use std::io::Read;
use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;
use ironloom_core::{Rng, Seed};
use parking_lot::Mutex;
use proptest::prelude::*;

use super::super::{Config, Volume, VolumeError};
use super::model::{Step, apply, steps};
use super::{SMALL, name, read};
use crate::{BlobError, BlobId, BlobStore, Durability, MemoryStore, PinError, PinName};

/// A store in memory of which every operation may fail: before it does anything, or, in the case of a pin, after.
#[derive(Debug)]
struct Faulty {
    store: MemoryStore,
    chance: Mutex<Option<Rng>>,
    /// How many pins to come are moved and then said to have failed.
    doubtful: Mutex<usize>,
    /// How many pins were moved without a failure.
    moved: Mutex<usize>,
}

impl Faulty {
    fn new() -> Self {
        Self {
            store: MemoryStore::new(),
            chance: Mutex::new(None),
            doubtful: Mutex::new(0),
            moved: Mutex::new(0),
        }
    }

    /// From now on one operation in four fails, or none.
    fn set_chance(&self, chance: Option<Rng>) {
        *self.chance.lock() = chance;
    }

    fn fail(&self) -> Result<(), BlobError> {
        let fails = self.chance.lock().as_mut().is_some_and(|rng| rng.chance(1, 4));
        if fails { Err(BlobError::Full) } else { Ok(()) }
    }
}

impl BlobStore for Faulty {
    fn put(&self, content: &[u8], durability: Durability) -> Result<BlobId, BlobError> {
        self.fail()?;
        self.store.put(content, durability)
    }

    fn put_stream(&self, content: &mut dyn Read, durability: Durability) -> Result<(BlobId, u64), BlobError> {
        self.fail()?;
        self.store.put_stream(content, durability)
    }

    fn get(&self, id: BlobId) -> Result<Bytes, BlobError> {
        self.fail()?;
        self.store.get(id)
    }

    fn get_range(&self, id: BlobId, range: Range<u64>) -> Result<Bytes, BlobError> {
        self.fail()?;
        self.store.get_range(id, range)
    }

    fn len(&self, id: BlobId) -> Result<Option<u64>, BlobError> {
        self.fail()?;
        self.store.len(id)
    }

    fn sync(&self) -> Result<(), BlobError> {
        self.fail()?;
        self.store.sync()
    }

    fn pin(&self, name: &PinName) -> Result<Option<BlobId>, BlobError> {
        self.fail()?;
        self.store.pin(name)
    }

    fn set_pin(
        &self,
        name: &PinName,
        expected: Option<BlobId>,
        target: Option<BlobId>,
    ) -> Result<(), PinError> {
        self.fail()?;
        self.store.set_pin(name, expected, target)?;
        let mut doubtful = self.doubtful.lock();
        if *doubtful > 0 {
            *doubtful -= 1;
            return Err(BlobError::Full.into());
        }
        self.fail()?;
        *self.moved.lock() += 1;
        Ok(())
    }

    fn pins(&self) -> Result<Vec<(PinName, BlobId)>, BlobError> {
        self.fail()?;
        self.store.pins()
    }
}

fn perform(volume: &Volume, step: &Step) -> Result<(), VolumeError> {
    match *step {
        Step::Write(offset, length, value) => volume.write_at(offset, &vec![value; length]),
        Step::Zero(offset, length) => volume.write_zeroes(offset, length),
        Step::Resize(size) => volume.resize(size),
        Step::Read(offset, length) => volume.read_at(offset, &mut vec![0; length]),
        Step::Snapshot | Step::Fork => volume.snapshot().map(drop),
        Step::Reopen => volume.flush().map(drop),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_000))]

    #[test]
    fn a_failing_store_loses_nothing_once_it_works_again(steps in steps(), seed: u64) {
        let store = Arc::new(Faulty::new());
        let config = Config {
            dirty_bytes_max: 50_000,
            ..SMALL
        };
        let volume = Volume::create(Arc::<Faulty>::clone(&store), 100_000, config).unwrap();
        volume.pin(&name("disk")).unwrap();
        let mut model = vec![0; 100_000];
        store.set_chance(Some(Rng::new(Seed::new(seed))));
        for step in &steps {
            match perform(&volume, step) {
                Ok(()) => apply(step, &mut model),
                Err(
                    VolumeError::OutOfRange { .. }
                    | VolumeError::Blob(BlobError::Full)
                    | VolumeError::Pin(PinError::Blob(BlobError::Full)),
                ) => {}
                Err(error) => prop_assert!(false, "{error:?} is not what the store said"),
            }
            prop_assert_eq!(volume.size(), model.len() as u64);
        }
        store.set_chance(None);
        prop_assert!(read(&volume, 0, model.len()) == model);
        volume.flush().unwrap();
        let again = Volume::open_pinned(store, &name("disk"), SMALL).unwrap();
        prop_assert!(read(&again, 0, model.len()) == model);
    }
}

/// A pin that was moved in memory and not on the disk looks as if it was moved. A flush that believed it would promise
/// what a power failure takes back.
#[test]
fn a_pin_in_doubt_is_moved_again() {
    let store = Arc::new(Faulty::new());
    let volume = Volume::create(Arc::<Faulty>::clone(&store), 1 << 20, SMALL).unwrap();
    volume.pin(&name("disk")).unwrap();
    volume.write_at(0, b"x").unwrap();
    *store.doubtful.lock() = 1;
    volume.flush().unwrap_err();
    let moved = *store.moved.lock();
    let id = volume.flush().unwrap();
    assert_eq!(*store.moved.lock(), moved + 1);
    assert_eq!(volume.flush().unwrap(), id);
    assert_eq!(*store.moved.lock(), moved + 1, "there is no doubt any more");
    volume.write_at(0, b"y").unwrap();
    volume.flush().unwrap();
}

/// A first pin that was made although the store said that it failed was taken for somebody else's, for ever.
#[test]
fn a_first_pin_in_doubt_is_taken() {
    let store = Arc::new(Faulty::new());
    let volume = Volume::create(Arc::<Faulty>::clone(&store), 1 << 20, SMALL).unwrap();
    *store.doubtful.lock() = 2;
    volume.pin(&name("disk")).unwrap_err();
    volume.write_at(0, b"x").unwrap();
    volume.pin(&name("disk")).unwrap_err();
    volume.write_at(0, b"y").unwrap();
    let id = volume.pin(&name("disk")).unwrap();
    assert_eq!(store.pin(&name("disk")).unwrap(), Some(id));
    let other = Volume::create(Arc::<Faulty>::clone(&store), 1 << 20, SMALL).unwrap();
    for _ in 0..2 {
        let error = other.pin(&name("disk")).unwrap_err();
        assert!(matches!(error, VolumeError::Pin(PinError::Moved { .. })), "{error}");
    }
}
