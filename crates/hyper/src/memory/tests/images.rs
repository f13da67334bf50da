//! Images: what is stored comes back, only what changed is stored, and names follow from content.

use std::sync::Arc;

use ironloom_blob::link::Linked;
use ironloom_blob::{BlobId, BlobStore, Durability, MemoryStore};

use super::*;

fn store() -> Arc<dyn BlobStore> {
    Arc::new(MemoryStore::new())
}

fn restore(store: &Arc<dyn BlobStore>, image: BlobId, pages: u64) -> Memory {
    let config = MemoryConfig::new(GuestAddress::new(BASE), pages * PAGE_BYTES);
    Memory::restore(Arc::clone(store), image, config).unwrap()
}

#[test]
fn what_is_stored_comes_back_when_it_is_touched() {
    let (memory, store) = (memory(1200), store());
    memory.store(at(0, 0), 1u64).unwrap();
    memory.store(at(600, 8), 2u64).unwrap();
    memory.store(at(1199, 4088), 3u64).unwrap();
    let image = memory.snapshot(&store).unwrap();
    let back = restore(&store, image, 1200);
    assert_eq!(back.frames_used(), 0);
    assert_eq!(back.grant(page(600), Access::Read), Err(Denied::Absent { page: page(600) }));
    back.bring_in(page(600), Access::Read).unwrap();
    assert_eq!(back.frames_used(), 1);
    assert!(back.grant(page(600), Access::Read).is_ok() && back.grant(page(601), Access::Write).is_ok());
    assert_eq!(back.load::<u64>(at(1199, 4088)).unwrap(), 3);
    assert_eq!(back.digest().unwrap(), image);
    assert_eq!(back.snapshot(&store).unwrap(), image);
}

#[test]
fn the_name_follows_from_the_content() {
    let (one, other) = (memory(1200), memory(1200));
    let stores = (store(), store());
    one.store(at(700, 0), 7u64).unwrap();
    one.store(at(3, 0), 9u64).unwrap();
    other.store(at(3, 0), 8u64).unwrap();
    other.store(at(4, 0), 8u64).unwrap();
    let different = other.snapshot(&stores.1).unwrap();
    assert_ne!(one.digest().unwrap(), different);
    other.store(at(3, 0), 9u64).unwrap();
    other.store(at(4, 0), 0u64).unwrap();
    other.store(at(700, 0), 7u64).unwrap();
    assert_eq!(one.snapshot(&stores.0).unwrap(), other.snapshot(&stores.1).unwrap());
    assert_eq!(other.frames_used(), 2, "the page that is zeroes again has no frame");
    assert_eq!(memory(0).digest().unwrap(), memory(0).snapshot(&stores.0).unwrap());
    assert_ne!(memory(1).digest().unwrap(), memory(2).digest().unwrap());
}

#[test]
fn writing_after_a_snapshot_needs_a_new_grant() {
    let (memory, store) = (memory(2), store());
    let reader = memory.register().unwrap();
    memory.grant(page(0), Access::Write).unwrap();
    let empty = memory.snapshot(&store).unwrap();
    assert_eq!(told(&memory, reader).last(), Some(&Revocation::Everything));
    assert!(!memory.grant(page(0), Access::Read).unwrap().writable);
    memory.store(at(0, 0), 1u8).unwrap();
    assert_ne!(memory.snapshot(&store).unwrap(), empty);
}

#[test]
fn an_image_moves_to_another_store() {
    let (memory, from, to) = (memory(1200), store(), store());
    for number in 0..1200 {
        memory.store(at(number, 0), number % 100).unwrap();
    }
    let image = memory.snapshot(&from).unwrap();
    let back = restore(&from, image, 1200);
    back.bring_in(page(5), Access::Read).unwrap();
    assert_eq!(back.snapshot(&to).unwrap(), image);
    drop(from);
    let again = restore(&to, image, 1200);
    assert!((0..1200).all(|number| again.load::<u64>(at(number, 0)).unwrap() == number % 100));
    assert!((0..1200).all(|number| back.load::<u64>(at(number, 0)).unwrap() == number % 100));
}

#[test]
fn a_large_memory_has_nodes_above_its_regions() {
    let pages = (512 + 3) * 512 + 5;
    let (memory, store) = (memory(pages), store());
    memory.store(at(pages - 1, 0), 1u64).unwrap();
    memory.store(at(0, 0), 2u64).unwrap();
    let first = memory.snapshot(&store).unwrap();
    memory.store(at(1, 0), 3u64).unwrap();
    let second = memory.snapshot(&store).unwrap();
    assert_ne!(first, second);
    let back = restore(&store, second, pages);
    assert_eq!(back.load::<u64>(at(pages - 1, 0)).unwrap(), 1);
    back.store(at(1, 0), 0u64).unwrap();
    assert_eq!(back.digest().unwrap(), first);
    assert_eq!(back.snapshot(&store).unwrap(), first);
}

#[test]
fn a_memory_returns_to_a_point_or_an_image() {
    let (memory, store) = (memory(600), store());
    memory.store(at(0, 0), 1u64).unwrap();
    let image = memory.snapshot(&store).unwrap();
    memory.store(at(599, 0), 2u64).unwrap();
    let point = memory.point();
    let then = memory.digest().unwrap();
    memory.store(at(0, 0), 3u64).unwrap();
    memory.store(at(1, 0), 4u64).unwrap();
    let code = memory.grant(page(0), Access::Fetch).unwrap();
    memory.roll_back(&point).unwrap();
    assert_eq!(memory.digest().unwrap(), then);
    assert_ne!(
        memory.grant(page(0), Access::Fetch).unwrap().version,
        code.version,
        "other bytes, other version"
    );
    memory.roll_back_to(Arc::clone(&store), image).unwrap();
    assert_eq!(memory.digest().unwrap(), image);
    assert_eq!(memory.load::<u64>(at(599, 0)).unwrap(), 0);
    assert_eq!(point.fork().digest().unwrap(), then);
}

#[test]
fn a_memory_does_not_become_another() {
    let (one, other, store) = (memory(2), memory(3), store());
    let image = other.snapshot(&store).unwrap();
    assert!(matches!(one.roll_back(&other.point()), Err(MemoryError::Shape { other_bytes: 12_288, .. })));
    assert!(matches!(one.roll_back(&memory(2).point()), Err(MemoryError::Foreign)));
    assert!(matches!(one.roll_back_to(store, image), Err(MemoryError::Shape { .. })));
}

#[test]
fn what_was_stored_of_a_point_is_not_stored_again() {
    let (memory, store) = (memory(1200), store());
    for number in 0..1200 {
        memory.store(at(number, 0), number + 1).unwrap();
    }
    memory.store(at(7, 0), 0u64).unwrap();
    let point = memory.point();
    // It goes on while the point is stored: one page is written again, one becomes zeroes, one is new.
    memory.store(at(3, 8), 1u64).unwrap();
    memory.store(at(4, 0), 0u64).unwrap();
    let stored = point.store(&store).unwrap();
    memory.store(at(7, 0), 5u64).unwrap();
    let then = restore(&store, stored.image(), 1200);
    assert_eq!(then.load::<u64>(at(3, 8)).unwrap(), 0);
    let digest = memory.digest().unwrap();
    assert!(memory.settle(&stored));
    assert_eq!(memory.digest().unwrap(), digest);
    let written: usize =
        memory.regions.iter().filter_map(|region| Some(region.lock().as_ref()?.written.len())).sum();
    assert_eq!(written, 3, "only what was written since is to be stored");
    drop(stored);
    assert_eq!(memory.snapshot(&store).unwrap(), digest);
    let back = restore(&store, digest, 1200);
    assert_eq!((back.load::<u64>(at(3, 8)).unwrap(), back.load::<u64>(at(4, 0)).unwrap()), (1, 0));
    // Who was rolled back meanwhile stands on something else.
    let point = memory.point();
    memory.store(at(0, 0), 9u64).unwrap();
    let stored = memory.point().store(&store).unwrap();
    memory.roll_back(&point).unwrap();
    memory.store(at(900, 0), 9u64).unwrap();
    memory.snapshot(&store).unwrap();
    assert!(!memory.settle(&stored));
}

#[test]
fn what_is_not_whole_is_found_if_it_is_new() {
    let (memory, store) = (memory(1200), MemoryStore::new());
    let whole: Arc<dyn BlobStore> = Arc::new(store);
    memory.store(at(3, 0), 7u64).unwrap();
    let first = memory.snapshot(&whole).unwrap();
    memory.store(at(900, 0), 8u64).unwrap();
    let second = memory.snapshot(&whole).unwrap();
    Memory::prove(&*whole, second, None).unwrap();
    // A store in which the nodes are, and of the pages only what one puts there.
    let gappy: Arc<dyn BlobStore> = Arc::new(MemoryStore::new());
    for image in [first, second] {
        let root = whole.get(image).unwrap();
        gappy.put(&root, Durability::Buffered).unwrap();
        for node in Linked::parse(&root).unwrap().links() {
            gappy.put(&whole.get(node).unwrap(), Durability::Buffered).unwrap();
        }
    }
    let mut page = [0; 4096];
    page[0] = 8;
    assert!(Memory::prove(&*gappy, second, Some(first)).is_err());
    gappy.put(&page, Durability::Buffered).unwrap();
    Memory::prove(&*gappy, second, Some(first)).unwrap();
    assert!(Memory::prove(&*gappy, second, None).is_err(), "the older page is not there");
    assert!(Memory::prove(&*gappy, BlobId::of(b"nothing"), None).is_err());
}
