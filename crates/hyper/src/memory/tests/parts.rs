//! Parts of a memory that hosts store by themselves are one image when they are merged.

use std::sync::Arc;

use ironloom_blob::{BlobId, BlobStore, MemoryStore};

use super::*;
use crate::coherence::{Content, Held, Tell};
use crate::memory::merge;

/// As many as four regions have.
const PAGES_OF_IT: u64 = 2_048;

/// Gives nothing.
#[derive(Debug)]
struct Nobody;

impl Pager for Nobody {
    fn make_room(&self, page: PageNumber) -> Result<(), MemoryError> {
        Err(MemoryError::Lost { page })
    }

    fn bring(&self, page: PageNumber, _: Access) -> Result<(), MemoryError> {
        Err(MemoryError::Lost { page })
    }
}

fn restored(store: &Arc<dyn BlobStore>, image: BlobId) -> Memory {
    let config = MemoryConfig::new(GuestAddress::new(BASE), PAGES_OF_IT * PAGE_BYTES);
    Memory::restore(store.clone(), image, config).unwrap()
}

fn store() -> Arc<dyn BlobStore> {
    Arc::new(MemoryStore::new())
}

/// Lets a memory hold only these pages.
fn hold(memory: &Memory, is_held: impl Fn(u64) -> bool) {
    memory.spread(Arc::new(Nobody)).unwrap();
    memory.leave(|page| is_held(page.get() - BASE / PAGE_BYTES));
}

/// A memory with some pages in each region, as on every host before they join.
fn filled() -> Memory {
    let memory = memory(PAGES_OF_IT);
    for number in (0..PAGES_OF_IT).step_by(7) {
        memory.store(at(number, 0), number + 1).unwrap();
    }
    memory
}

#[test]
fn parts_make_the_image_of_the_whole() {
    let store = store();
    let whole = filled().snapshot(&store).unwrap();
    let parts: Vec<_> = (0..3)
        .map(|host| {
            let memory = filled();
            hold(&memory, |number| number % 3 == host);
            let part = memory.part();
            for number in (0..PAGES_OF_IT).filter(|number| number % 3 == host) {
                memory.store(at(number, 0), 99u64).unwrap(); // which is later
            }
            part.store(&store).unwrap()
        })
        .collect();
    assert_eq!(merge(&*store, &parts).unwrap(), whole);
}

#[test]
fn what_several_hosts_read_is_in_the_image_once() {
    let store = store();
    let whole = filled().snapshot(&store).unwrap();
    let parts = [0, 1].map(|host| {
        let memory = filled();
        hold(&memory, |number| number % 2 == host || number % 5 == 0);
        memory.part().store(&store).unwrap()
    });
    assert_eq!(merge(&*store, &parts).unwrap(), whole);
}

#[test]
fn parts_of_a_restored_memory_keep_what_was_stored() {
    let store = store();
    let image = filled().snapshot(&store).unwrap();
    let parts = [0, 1].map(|host| {
        let memory = restored(&store, image);
        hold(&memory, |number| (number / 700) % 2 == host);
        if host == 0 {
            memory.bring_in(page(7), Access::Write).unwrap();
            memory.store(at(7, 0), 7_000u64).unwrap();
        }
        memory.part().store(&store).unwrap()
    });
    let expected = filled();
    expected.store(at(7, 0), 7_000u64).unwrap();
    assert_eq!(merge(&*store, &parts).unwrap(), expected.digest().unwrap());
}

#[test]
fn parts_of_different_moments_are_refused() {
    let store = store();
    let parts = [1u64, 2].map(|value| {
        let memory = memory(PAGES_OF_IT);
        memory.store(at(0, 0), value).unwrap();
        memory.part().store(&store).unwrap()
    });
    assert!(matches!(merge(&*store, &parts), Err(MemoryError::Corrupt { .. })));
}

/// A page that came from another host was taken for the one in the store, because nobody had read there yet.
#[test]
fn what_arrives_is_newer_than_what_is_stored() {
    let store = store();
    let image = filled().snapshot(&store).unwrap();
    let owner = restored(&store, image);
    let asker = restored(&store, image);
    hold(&owner, |_| true);
    hold(&asker, |_| false);
    for number in [0, 1] {
        owner.bring_in(page(number), Access::Write).unwrap();
        owner.store(at(number, 64), 5u64).unwrap();
        let _ = owner.withdraw(page(number), Held::Nothing);
        let told = owner.tell(page(number), Some(Tell::Whole)).unwrap();
        asker.arrive(page(number), Held::Write, &told.content.unwrap()).unwrap();
        assert_eq!(asker.load::<u64>(at(number, 64)).unwrap(), 5);
    }
    let _ = owner.withdraw(page(7), Held::Nothing);
    asker.arrive(page(7), Held::Write, &Content::Zeroes).unwrap();
    assert_eq!(asker.load::<u64>(at(7, 0)).unwrap(), 0);
}
