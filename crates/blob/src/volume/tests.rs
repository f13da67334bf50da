//! Volumes against a vector of bytes, over stores that fail and snapshots that lie.

mod collected;
mod faulty;
mod hostile;
mod model;

use std::io::Cursor;
use std::sync::Arc;

use super::{Config, Volume, VolumeError};
use crate::link::Linked;
use crate::{BlobError, BlobId, BlobStore, MemoryStore, PinError, PinName};

/// The least extents and little memory, so that little data goes a long way.
const SMALL: Config = Config { extent_bytes: 4_096, dirty_bytes_max: 1 << 20, cache_bytes_max: 1 << 16 };

fn memory() -> Arc<dyn BlobStore> {
    Arc::new(MemoryStore::new())
}

fn volume(store: &Arc<dyn BlobStore>, size: u64) -> Volume {
    Volume::create(Arc::clone(store), size, SMALL).unwrap()
}

fn open(store: &Arc<dyn BlobStore>, snapshot: BlobId) -> Volume {
    Volume::open(Arc::clone(store), snapshot, SMALL).unwrap()
}

fn read(volume: &Volume, offset: u64, length: usize) -> Vec<u8> {
    let mut buffer = vec![0xaa; length];
    volume.read_at(offset, &mut buffer).unwrap();
    buffer
}

fn name(text: &str) -> PinName {
    text.parse().unwrap()
}

/// How many blobs a snapshot keeps alive, itself included.
fn reached(store: &Arc<dyn BlobStore>, id: BlobId) -> usize {
    let content = store.get(id).unwrap();
    let Ok(linked) = Linked::parse(&content) else { return 1 };
    1 + linked.leaves().len() + linked.links().map(|link| reached(store, link)).sum::<usize>()
}

#[test]
fn a_volume_of_the_greatest_size_can_be_used_to_its_last_byte() {
    let store = memory();
    let volume = volume(&store, 1 << 63);
    volume.write_at((1 << 63) - 5, b"hello").unwrap();
    assert_eq!(read(&open(&store, volume.snapshot().unwrap()), (1 << 63) - 6, 6), b"\0hello");
    volume.write_zeroes(1, (1 << 63) - 1).unwrap();
    volume.resize(10).unwrap();
    assert_eq!(read(&volume, 0, 10), [0; 10]);
    assert_eq!(volume.snapshot().unwrap(), self::volume(&store, 10).snapshot().unwrap());
}

#[test]
fn what_is_out_of_range_is_refused() {
    let volume = volume(&memory(), 10_000);
    for (offset, length) in [(9_999, 2), (10_001, 0), (u64::MAX, 2)] {
        let expected = |result: Result<(), VolumeError>| {
            assert!(
                matches!(result, Err(VolumeError::OutOfRange { size: 10_000, .. })),
                "{offset} {length}: {result:?}"
            );
        };
        expected(volume.read_at(offset, &mut vec![0; length as usize]));
        expected(volume.write_at(offset, &vec![0; length as usize]));
        expected(volume.discard(offset, length));
    }
    volume.write_at(10_000, &[]).unwrap();
    let error = volume.resize((1 << 63) + 1).unwrap_err();
    assert!(matches!(error, VolumeError::TooLarge { .. }));
    let config = Config { extent_bytes: 5_000, ..SMALL };
    let error = Volume::create(memory(), 1, config).unwrap_err();
    assert_eq!(error.to_string(), "extents cannot have 5000 bytes: use a power of two from 4096 to 16777216");
}

#[test]
fn zeroes_are_not_stored() {
    let store = memory();
    let volume = volume(&store, 1 << 30);
    volume.write_at(4_096 * 300, &[0; 4_096 * 3]).unwrap();
    assert_eq!(reached(&store, volume.snapshot().unwrap()), 1);
    volume.write_at(4_096 * 300, &[1]).unwrap();
    let snapshot = volume.snapshot().unwrap();
    assert_eq!(reached(&store, snapshot), 4, "a root, two nodes and one byte");
    assert!(store.has(BlobId::of(&[1])).unwrap(), "zeroes at the end are not stored");
}

#[test]
fn a_volume_without_a_pin_refuses_to_forget() {
    let store = memory();
    let volume = volume(&store, 1 << 30);
    let mut written = 0;
    let error = loop {
        match volume.write_at(written * 4_096, &[7; 4_096]) {
            Ok(()) => written += 1,
            Err(error) => break error,
        }
    };
    assert!(matches!(error, VolumeError::DirtyFull { dirty_bytes_max: 1_048_576, .. }), "{error}");
    assert!(volume.dirty_bytes() <= 1 << 20);
    assert!(written > 200);
    volume.snapshot().unwrap();
    assert_eq!(volume.dirty_bytes(), 0);
    volume.write_at(written * 4_096, &[7; 4_096]).unwrap();
}

#[test]
fn a_volume_with_a_pin_writes_out_by_itself() {
    let store = memory();
    let volume = volume(&store, 1 << 30);
    let first = volume.pin(&name("disk")).unwrap();
    for extent in 0..1_000u64 {
        volume.write_at(extent * 4_096, &extent.to_le_bytes()).unwrap();
        assert!(volume.dirty_bytes() <= 1 << 20);
    }
    assert_ne!(store.pin(&name("disk")).unwrap(), Some(first));
    let flushed = volume.flush().unwrap();
    assert_eq!(store.pin(&name("disk")).unwrap(), Some(flushed));
    drop(volume);

    let volume = Volume::open_pinned(Arc::clone(&store), &name("disk"), SMALL).unwrap();
    for extent in 0..1_000u64 {
        assert_eq!(read(&volume, extent * 4_096, 8), extent.to_le_bytes());
    }
    volume.write_at(0, b"more").unwrap();
    assert_eq!(Some(volume.snapshot().unwrap()), store.pin(&name("disk")).unwrap());
}

#[test]
fn a_pin_belongs_to_one_volume() {
    let store = memory();
    let volume = volume(&store, 1 << 20);
    volume.pin(&name("disk")).unwrap();
    let error = volume.pin(&name("other")).unwrap_err();
    assert!(matches!(error, VolumeError::Pinned { .. }));
    let error = volume.fork().pin(&name("disk")).unwrap_err();
    assert!(matches!(error, VolumeError::Pin(PinError::Moved { .. })));
    let error = Volume::open_pinned(Arc::clone(&store), &name("none"), SMALL).unwrap_err();
    assert!(matches!(error, VolumeError::NotPinned { .. }));

    let second = Volume::open_pinned(Arc::clone(&store), &name("disk"), SMALL).unwrap();
    volume.write_at(0, b"mine").unwrap();
    second.write_at(0, b"yours").unwrap();
    let mine = volume.flush().unwrap();
    let error = second.flush().unwrap_err();
    assert!(matches!(error, VolumeError::Pin(PinError::Moved { .. })));
    assert_eq!(store.pin(&name("disk")).unwrap(), Some(mine));
}

#[test]
fn a_thousand_forks_share_everything_until_they_write() {
    let store = memory();
    let image = volume(&store, 1 << 30);
    image.pin(&name("image")).unwrap();
    for extent in 0..200u64 {
        image.write_at(extent * 4_096 * 50, &extent.to_le_bytes()).unwrap();
    }
    let snapshot = image.snapshot().unwrap();
    let forks: Vec<Volume> = (0..1_000).map(|_| image.fork()).collect();
    assert!(forks.iter().all(|fork| fork.snapshot().unwrap() == snapshot));
    for (number, fork) in forks.iter().enumerate() {
        fork.write_at(8, &number.to_le_bytes()).unwrap();
    }
    for (number, fork) in forks.iter().enumerate() {
        assert_eq!(read(fork, 8, 8), number.to_le_bytes());
        assert!(fork.dirty_bytes() < 100_000, "{}", fork.dirty_bytes());
    }
    assert_eq!(read(&image, 8, 8), [0; 8]);
}

#[test]
fn forks_of_a_dirty_volume_share_what_is_dirty() {
    let store = memory();
    let volume = volume(&store, 1 << 20);
    volume.write_at(0, b"origin").unwrap();
    let fork = volume.fork();
    volume.write_at(0, b"VOLUME").unwrap();
    fork.write_at(4_096, b"fork").unwrap();
    assert_eq!(read(&fork, 0, 6), b"origin");
    assert_eq!(read(&volume, 4_096, 4), [0; 4]);
    assert_ne!(fork.snapshot().unwrap(), volume.snapshot().unwrap());
}

#[test]
fn an_image_goes_in_and_out() {
    let store = memory();
    let mut image = vec![0; 3 << 20];
    image[5_000] = 5;
    image[2_002_900..2_003_000].fill(7);
    image.truncate((3 << 20) - 100);
    let volume = volume(&store, 0);
    assert_eq!(volume.import(&mut &image[..]).unwrap(), image.len() as u64);
    assert_eq!(volume.size(), image.len() as u64);
    assert_eq!(reached(&store, volume.snapshot().unwrap()), 1 + 2 + 3);

    let mut found = Vec::new();
    assert_eq!(volume.export(&mut found).unwrap(), image.len() as u64);
    assert!(found == image);
    let mut found = Cursor::new(Vec::new());
    assert_eq!(volume.export_sparse(&mut found).unwrap(), 3 * 4_096);
    assert!(found.into_inner() == image);

    assert_eq!(volume.import(&mut &b"appended"[..]).unwrap(), 8);
    assert_eq!(read(&volume, image.len() as u64 - 1, 9), b"\0appended");
}

#[test]
fn readers_see_whole_writes() {
    const LENGTH: usize = 4_096 * 3;
    let store = memory();
    let volume = volume(&store, 1 << 20);
    volume.pin(&name("disk")).unwrap();
    std::thread::scope(|scope| {
        scope.spawn(|| {
            for value in 1..=200u8 {
                volume.write_at(1_000, &[value; LENGTH]).unwrap();
                if value % 20 == 0 {
                    volume.snapshot().unwrap();
                }
            }
        });
        for _ in 0..2 {
            scope.spawn(|| {
                let mut last = 0;
                while last < 200 {
                    let found = read(&volume, 1_000, LENGTH);
                    assert!(found.iter().all(|byte| *byte == found[0]), "a write is seen in part");
                    assert!(found[0] >= last, "a write is seen and then not");
                    last = found[0];
                }
            });
        }
    });
}

#[test]
fn a_snapshot_that_is_gone_is_an_error() {
    let id = BlobId::of(b"nothing");
    let error = Volume::open(memory(), id, SMALL).unwrap_err();
    assert!(matches!(error, VolumeError::Blob(BlobError::NotFound { .. })));
}

/// A volume that could take no more refused even to be told that nothing of it is needed.
#[test]
fn a_full_volume_can_be_discarded() {
    let store = memory();
    let volume = volume(&store, 1 << 30);
    let written = (0u64..).take_while(|extent| volume.write_at(extent * 4_096, &[7; 4_096]).is_ok()).count();
    let full = volume.dirty_bytes();
    let error = volume.discard(4_096 - 10, 20).and_then(|()| volume.write_at(1 << 29, &[7])).unwrap_err();
    assert!(matches!(error, VolumeError::DirtyFull { .. }), "{error}");
    volume.discard(1 << 20, 1 << 29).unwrap();
    assert_eq!(volume.dirty_bytes(), full, "there was nothing");
    volume.discard(4_096 * 100 + 5, (1 << 30) - 4_096 * 100 - 5).unwrap();
    assert!(volume.dirty_bytes() < full / 2, "{written} extents were written, 101 are left");
    volume.discard(0, 1 << 30).unwrap();
    assert_eq!(volume.dirty_bytes(), 0);
    volume.write_at(0, &[7; 4_096]).unwrap();
}
