//! A queue of virtio in a memory whose pages lie anywhere.

use std::sync::Arc;

use ironloom_blob::{BlobStore, MemoryStore};
use virtio_queue::desc::{RawDescriptor, split::Descriptor};
use virtio_queue::{Queue, QueueT};
use vm_memory::{Bytes, GuestMemory, Permissions};

use super::*;

fn guest(page: u64, offset: u64) -> vm_memory::GuestAddress {
    vm_memory::GuestAddress(at(page, offset).get())
}

#[test]
fn slices_are_parts_of_pages() {
    let memory = memory(4);
    let lengths = |count, access| -> Vec<usize> {
        let slices = memory.get_slices(guest(0, 4000), count, access).unwrap();
        slices.map(|slice| slice.unwrap().len()).collect()
    };
    assert_eq!(lengths(5000, Permissions::Read), [96, 4096, 808]);
    assert_eq!(memory.frames_used(), 0, "reading takes no frames for longer than a slice exists");
    assert_eq!(lengths(96, Permissions::Write), [96]);
    assert_eq!(lengths(0, Permissions::Write), [0; 0]);
    assert_eq!(memory.frames_used(), 1);
    assert!(memory.get_slices(guest(3, 4000), 97, Permissions::Read).is_err());
    assert!(!memory.check_range(guest(3, 4000), 97, Permissions::Read));
    assert!(memory.check_range(guest(3, 4000), 96, Permissions::Write));
}

#[test]
fn a_slice_keeps_its_page() {
    let memory = memory(1);
    memory.store(at(0, 0), 5u64).unwrap();
    let fork = memory.fork();
    let mut slices = memory.get_slices(guest(0, 0), 8, Permissions::Read).unwrap();
    let slice = slices.next().unwrap().unwrap();
    memory.store(at(0, 0), 6u64).unwrap();
    fork.store(at(0, 0), 7u64).unwrap();
    drop(fork);
    memory.store(at(0, 0), 8u64).unwrap();
    let mut bytes = [0; 8];
    slice.copy_to(&mut bytes);
    assert_ne!(u64::from_le_bytes(bytes), 0, "the frame that is read was not given to anybody else");
    assert_eq!(memory.load::<u64>(at(0, 0)).unwrap(), 8);
}

#[test]
fn a_write_of_a_device_ends_code() {
    let memory = memory(1);
    let code = memory.grant(page(0), Access::Fetch).unwrap();
    memory.write_slice(b"changed", guest(0, 0)).unwrap();
    assert_ne!(memory.version(page(0)), code.version);
}

/// The driver's part: a chain of a buffer to read and one to write, each across a boundary of pages.
fn offer(memory: &Memory) {
    let descriptors =
        [Descriptor::new(at(10, 4090).get(), 12, 1, 1), Descriptor::new(at(12, 4000).get(), 200, 2, 0)];
    for (index, descriptor) in descriptors.into_iter().enumerate() {
        let address = guest(0, 16 * index as u64);
        memory.write_obj(RawDescriptor::from(descriptor), address).unwrap();
    }
    memory.write_bytes(at(10, 4090), b"hello, world").unwrap();
    memory.store(at(1, 4), 0u16).unwrap();
    memory.store(at(1, 2), 1u16).unwrap();
}

/// The device's part: returns what it read.
fn serve(memory: &Memory, queue: &mut Queue) -> Vec<u8> {
    let mut chain = queue.pop_descriptor_chain(memory).unwrap();
    let head = chain.head_index();
    let (source, target) = (chain.next().unwrap(), chain.next().unwrap());
    assert!(!source.is_write_only() && target.is_write_only() && chain.next().is_none());
    let mut bytes = vec![0; source.len() as usize];
    memory.read_slice(&mut bytes, source.addr()).unwrap();
    memory.write_slice(&vec![7; target.len() as usize], target.addr()).unwrap();
    queue.add_used(memory, head, target.len()).unwrap();
    bytes
}

fn queue() -> Queue {
    let mut queue = Queue::new(16).unwrap();
    queue.set_size(16);
    queue.try_set_desc_table_address(guest(0, 0)).unwrap();
    queue.try_set_avail_ring_address(guest(1, 0)).unwrap();
    queue.try_set_used_ring_address(guest(2, 0)).unwrap();
    queue.set_ready(true);
    queue
}

#[test]
fn a_queue_works_in_a_memory_and_in_its_image() {
    let memory = memory(600);
    offer(&memory);
    let store: Arc<dyn BlobStore> = Arc::new(MemoryStore::new());
    let image = memory.snapshot(&store).unwrap();
    let config = MemoryConfig::new(memory.base(), memory.bytes());
    let restored = Memory::restore(store, image, config).unwrap();
    for memory in [memory.fork(), restored, memory] {
        let mut queue = queue();
        assert!(queue.is_valid(&memory));
        assert_eq!(serve(&memory, &mut queue), b"hello, world");
        let mut found = [0; 202];
        memory.read_bytes(at(12, 3999), &mut found).unwrap();
        assert_eq!((found[0], found[1], found[200], found[201]), (0, 7, 7, 0));
        assert_eq!(memory.load::<u16>(at(2, 2)).unwrap(), 1);
    }
}
