//! Any sequence of operations, against a vector of bytes; and one content has one name.

use std::sync::Arc;

use proptest::prelude::*;

use super::super::{Config, Volume};
use super::{SMALL, memory, name, read};

/// Sizes around the places where the tree grows: 256 extents of 4 KiB are 1 MiB.
const SIZE_MAX: u64 = (1 << 20) + 20_000;

#[derive(Debug, Clone)]
pub(super) enum Step {
    Write(u64, usize, u8),
    Zero(u64, u64),
    Resize(u64),
    Read(u64, usize),
    Snapshot,
    Reopen,
    Fork,
}

pub(super) fn steps() -> impl Strategy<Value = Vec<Step>> {
    let offset = || prop_oneof![0..20_000u64, 0..SIZE_MAX, (0..256u64).prop_map(|extent| extent * 4_096)];
    let length = || prop_oneof![0..100usize, 0..20_000usize, Just(4_096), Just(8_192)];
    let step = prop_oneof![
        5 => (offset(), length(), 0..4u8).prop_map(|(offset, length, value)| Step::Write(offset, length, value)),
        2 => (offset(), prop_oneof![0..10_000u64, 0..SIZE_MAX]).prop_map(|(offset, length)| Step::Zero(offset, length)),
        2 => prop_oneof![offset(), Just(SIZE_MAX)].prop_map(Step::Resize),
        3 => (offset(), length()).prop_map(|(offset, length)| Step::Read(offset, length)),
        1 => Just(Step::Snapshot),
        1 => Just(Step::Reopen),
        1 => Just(Step::Fork),
    ];
    prop::collection::vec(step, 1..40)
}

/// What a step does to the bytes of a disk; `None` if it does not change them.
pub(super) fn apply(step: &Step, disk: &mut Vec<u8>) {
    let size = disk.len();
    match *step {
        Step::Write(offset, length, value) => {
            if let Some(part) = disk.get_mut(offset as usize..offset as usize + length) {
                part.fill(value);
            }
        }
        Step::Zero(offset, length) => {
            if let Some(part) = disk.get_mut(offset as usize..(offset + length) as usize) {
                part.fill(0);
            }
        }
        Step::Resize(to) => disk.resize(to as usize, 0),
        Step::Read(..) | Step::Snapshot | Step::Reopen | Step::Fork => assert_eq!(disk.len(), size),
    }
}

/// A disk with this content that was never anything else.
fn written_at_once(content: &[u8]) -> Volume {
    let config = Config { dirty_bytes_max: 0, cache_bytes_max: 0, ..SMALL };
    let volume = Volume::create(memory(), content.len() as u64, config).unwrap();
    volume.write_at(0, content).unwrap();
    volume
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_000))]

    #[test]
    fn a_volume_is_a_vector_of_bytes(steps in steps(), pinned: bool) {
        let store = memory();
        // With a pin it writes out by itself, and does so often; without one it has to hold everything.
        let config = Config {
            dirty_bytes_max: if pinned { 50_000 } else { u64::MAX },
            ..SMALL
        };
        let mut disk = Volume::create(Arc::clone(&store), 100_000, config.clone()).unwrap();
        let mut model = vec![0; 100_000];
        if pinned {
            disk.pin(&name("disk")).unwrap();
        }
        let mut forks = Vec::new();
        for step in &steps {
            let size = model.len() as u64;
            match *step {
                Step::Write(offset, length, value) => {
                    let result = disk.write_at(offset, &vec![value; length]);
                    prop_assert_eq!(result.is_ok(), offset + length as u64 <= size);
                }
                Step::Zero(offset, length) => {
                    prop_assert_eq!(disk.discard(offset, length).is_ok(), offset + length <= size);
                }
                Step::Resize(size) => disk.resize(size).unwrap(),
                Step::Read(offset, length) if offset + length as u64 <= size => {
                    prop_assert_eq!(&read(&disk, offset, length)[..], &model[offset as usize..][..length]);
                }
                Step::Read(offset, length) => {
                    prop_assert!(disk.read_at(offset, &mut vec![0; length]).is_err());
                }
                Step::Snapshot => {
                    disk.snapshot().unwrap();
                    prop_assert_eq!(disk.dirty_bytes(), 0);
                }
                Step::Reopen => {
                    let snapshot = disk.flush().unwrap();
                    disk = if pinned {
                        Volume::open_pinned(Arc::clone(&store), &name("disk"), config.clone()).unwrap()
                    } else {
                        Volume::open(Arc::clone(&store), snapshot, config.clone()).unwrap()
                    };
                }
                Step::Fork => forks.push((disk.fork(), model.clone())),
            }
            apply(step, &mut model);
            prop_assert_eq!(disk.size(), model.len() as u64);
            let root = Arc::clone(&disk.state.read().root);
            let weight: u64 = root.children().map(|(_, child)| child.weight(4_096)).sum();
            prop_assert_eq!(disk.dirty_bytes(), weight, "after {:?}", step);
        }
        forks.push((disk, model));
        for (disk, model) in forks {
            prop_assert!(read(&disk, 0, model.len()) == model);
            prop_assert_eq!(disk.snapshot().unwrap(), written_at_once(&model).snapshot().unwrap());
            prop_assert!(read(&disk, 0, model.len()) == model);
        }
    }
}
