//! A driver of virtio devices, for tests: it does by loads and stores what the drivers of kernels do.

use std::collections::BTreeMap;

use ironloom_core::Instant;
use virtio_bindings::virtio_mmio as register;
use vm_memory::Bytes as _;

use crate::board::{Attachment, Board, BoardConfig, Output, Slot, layout};
use crate::{GuestAddress, Memory, MemoryConfig};

/// The memory of the guest.
pub(super) const MEMORY_BYTES: u64 = 16 << 20;
/// Where rings are: 64 KiB for each.
const RINGS: u64 = layout::MEMORY;
/// Where the driver puts the bytes of requests.
pub(super) const HEAP: u64 = layout::MEMORY + (1 << 20);

const NEXT: u16 = 1;
const WRITE: u16 = 2;
const INDIRECT: u16 = 4;

/// A part of a request: bytes that the device reads, or room that it writes.
#[derive(Debug, Clone)]
pub(super) enum Part<'a> {
    Read(&'a [u8]),
    Write(u32),
}

/// A driver, with the board and the memory that it uses.
pub(super) struct Driver {
    pub(super) board: Board,
    pub(super) memory: Memory,
    pub(super) slot: Slot,
    pub(super) features: u64,
    rings: Vec<DriverRing>,
    heap: u64,
}

/// A ring as its driver sees it.
#[derive(Default)]
struct DriverRing {
    size: u16,
    free: Vec<u16>,
    available: u16,
    used: u16,
    /// The requests that are under way.
    requests: BTreeMap<u16, Request>,
}

/// The descriptors of a request, and where the device writes.
type Request = (Vec<u16>, Vec<(u64, u32)>);

pub(super) fn memory() -> Memory {
    Memory::new(MemoryConfig::new(GuestAddress::new(layout::MEMORY), MEMORY_BYTES)).unwrap()
}

impl Driver {
    /// A board with one device, whose driver is ready and uses what of `features` the device offers.
    pub(super) fn new(attachment: Attachment, features: u64, rings: usize) -> Self {
        let mut board = Board::new(BoardConfig::new(MEMORY_BYTES)).unwrap();
        let slot = board.attach(attachment).unwrap();
        let mut driver = Self { board, memory: memory(), slot, features: 0, rings: Vec::new(), heap: HEAP };
        driver.start(features, rings, 256);
        driver
    }

    /// Resets the device and sets it up anew.
    pub(super) fn start(&mut self, features: u64, rings: usize, size: u16) {
        self.set(register::VIRTIO_MMIO_STATUS, 0);
        assert_eq!(self.get(register::VIRTIO_MMIO_MAGIC_VALUE), 0x7472_6976);
        assert_eq!(self.get(register::VIRTIO_MMIO_VERSION), 2);
        self.set(register::VIRTIO_MMIO_STATUS, 1);
        self.set(register::VIRTIO_MMIO_STATUS, 3);
        self.features = 0;
        for half in [1u32, 0] {
            self.set(register::VIRTIO_MMIO_DEVICE_FEATURES_SEL, half);
            let offered = u64::from(self.get(register::VIRTIO_MMIO_DEVICE_FEATURES)) << (32 * half);
            self.features |= offered & (features | 1 << 32);
            self.set(register::VIRTIO_MMIO_DRIVER_FEATURES_SEL, half);
            self.set(register::VIRTIO_MMIO_DRIVER_FEATURES, (self.features >> (32 * half)) as u32);
        }
        self.set(register::VIRTIO_MMIO_STATUS, 0xB);
        assert_eq!(self.get(register::VIRTIO_MMIO_STATUS), 0xB);
        self.rings.clear();
        for ring in 0..rings {
            self.set_up(ring, size);
        }
        self.set(register::VIRTIO_MMIO_STATUS, 0xF);
        assert_eq!(self.get(register::VIRTIO_MMIO_STATUS), 0xF);
    }

    fn set_up(&mut self, ring: usize, size: u16) {
        let first = Self::ring(ring);
        self.memory.write_slice(&[0; 0x8000], vm_memory::GuestAddress(first)).unwrap();
        self.set(register::VIRTIO_MMIO_QUEUE_SEL, ring as u32);
        assert_eq!(self.get(register::VIRTIO_MMIO_QUEUE_READY), 0);
        assert!(self.get(register::VIRTIO_MMIO_QUEUE_NUM_MAX) >= u32::from(size));
        self.set(register::VIRTIO_MMIO_QUEUE_NUM, size.into());
        self.set(register::VIRTIO_MMIO_QUEUE_DESC_LOW, first as u32);
        self.set(register::VIRTIO_MMIO_QUEUE_AVAIL_LOW, (first + 0x2000) as u32);
        self.set(register::VIRTIO_MMIO_QUEUE_USED_LOW, (first + 0x4000) as u32);
        self.set(register::VIRTIO_MMIO_QUEUE_READY, 1);
        assert_eq!(self.get(register::VIRTIO_MMIO_QUEUE_READY), 1);
        self.rings.push(DriverRing { size, free: (0..size).rev().collect(), ..DriverRing::default() });
    }

    /// Where a ring is.
    pub(super) const fn ring(ring: usize) -> u64 {
        RINGS + ring as u64 * 0x1_0000
    }

    fn place(&self, register: u32) -> GuestAddress {
        let first = layout::VIRTIO + layout::VIRTIO_BYTES * u64::from(self.slot.number());
        GuestAddress::new(first + u64::from(register))
    }

    pub(super) fn get(&mut self, register: u32) -> u32 {
        let place = self.place(register);
        self.board.read(Instant::ZERO, place, 4).unwrap() as u32
    }

    pub(super) fn set(&mut self, register: u32, value: u32) {
        let place = self.place(register);
        self.board.write(Instant::ZERO, &self.memory, place, 4, value.into()).unwrap();
    }

    /// A place for so many bytes, which is used again after a megabyte or more.
    pub(super) fn allocate(&mut self, bytes: u64) -> u64 {
        if self.heap + bytes > layout::MEMORY + MEMORY_BYTES {
            self.heap = HEAP;
        }
        let place = self.heap;
        self.heap += bytes.next_multiple_of(16);
        place
    }

    pub(super) fn put(&self, place: u64, bytes: &[u8]) {
        self.memory.write_slice(bytes, vm_memory::GuestAddress(place)).unwrap();
    }

    pub(super) fn bytes(&self, place: u64, bytes: u64) -> Vec<u8> {
        let mut read = vec![0; bytes as usize];
        self.memory.read_slice(&mut read, vm_memory::GuestAddress(place)).unwrap();
        read
    }

    /// Writes a descriptor of a table.
    pub(super) fn describe(&self, table: u64, at: u16, place: u64, bytes: u32, flags: u16, next: u16) {
        let first = table + u64::from(at) * 16;
        self.put(first, &place.to_le_bytes());
        self.put(first + 8, &bytes.to_le_bytes());
        self.put(first + 12, &flags.to_le_bytes());
        self.put(first + 14, &next.to_le_bytes());
    }

    /// Puts a request into a ring, without telling the device; its number.
    pub(super) fn submit(&mut self, ring: usize, parts: &[Part<'_>], indirect: bool) -> u16 {
        let mut pieces = Vec::new();
        for part in parts {
            let (bytes, flag) = match part {
                Part::Read(bytes) => (bytes.len() as u32, 0),
                Part::Write(bytes) => (*bytes, WRITE),
            };
            let place = self.allocate(bytes.into());
            if let Part::Read(bytes) = part {
                self.put(place, bytes);
            }
            pieces.push((place, bytes, flag));
        }
        let table = Self::ring(ring);
        let needed = if indirect { 1 } else { pieces.len() };
        let descriptors: Vec<u16> = (0..needed).map(|_| self.rings[ring].free.pop().unwrap()).collect();
        let head = descriptors[0];
        let last = pieces.len() - 1;
        if indirect {
            let list = self.allocate(pieces.len() as u64 * 16);
            for (at, (place, bytes, flag)) in pieces.iter().enumerate() {
                let next = if at == last { 0 } else { NEXT };
                self.describe(list, at as u16, *place, *bytes, flag | next, at as u16 + 1);
            }
            self.describe(table, head, list, pieces.len() as u32 * 16, INDIRECT, 0);
        } else {
            for (at, (place, bytes, flag)) in pieces.iter().enumerate() {
                let (next, follower) = if at == last { (0, 0) } else { (NEXT, descriptors[at + 1]) };
                self.describe(table, descriptors[at], *place, *bytes, flag | next, follower);
            }
        }
        let written = pieces.iter().filter(|(_, _, flag)| *flag == WRITE);
        let written = written.map(|(place, bytes, _)| (*place, *bytes)).collect();
        self.rings[ring].requests.insert(head, (descriptors, written));
        self.offer(ring, head);
        head
    }

    /// Puts the number of a request into a ring.
    pub(super) fn offer(&mut self, ring: usize, head: u16) {
        let first = Self::ring(ring) + 0x2000;
        let state = &mut self.rings[ring];
        let at = first + 4 + 2 * u64::from(state.available % state.size);
        state.available = state.available.wrapping_add(1);
        let available = state.available;
        self.put(at, &head.to_le_bytes());
        self.put(first + 2, &available.to_le_bytes());
    }

    /// Tells the device that there is something in a ring.
    pub(super) fn notify(&mut self, ring: usize) {
        self.set(register::VIRTIO_MMIO_QUEUE_NOTIFY, ring as u32);
    }

    /// Whether the device would have to be told of what was put into a ring last.
    pub(super) fn is_listening(&self, ring: usize) -> bool {
        let state = &self.rings[ring];
        let event = self.bytes(Self::ring(ring) + 0x4000 + 4 + 8 * u64::from(state.size), 2);
        state.available.wrapping_sub(1) == u16::from_le_bytes([event[0], event[1]])
    }

    /// The next request that the device gave back: its number, how much was written, and what.
    pub(super) fn complete(&mut self, ring: usize) -> Option<(u16, u32, Vec<u8>)> {
        let first = Self::ring(ring) + 0x4000;
        let index = self.bytes(first + 2, 2);
        let state = &mut self.rings[ring];
        if u16::from_le_bytes([index[0], index[1]]) == state.used {
            return None;
        }
        let at = first + 4 + 8 * u64::from(state.used % state.size);
        state.used = state.used.wrapping_add(1);
        let (used, size) = (state.used, state.size);
        let entry = self.bytes(at, 8);
        let head = u32::from_le_bytes(entry[..4].try_into().unwrap()) as u16;
        let written = u32::from_le_bytes(entry[4..].try_into().unwrap());
        let (descriptors, places) = self.rings[ring].requests.remove(&head).expect("it is under way");
        self.rings[ring].free.extend(descriptors);
        // The next interrupt is wanted for the next request.
        self.put(Self::ring(ring) + 0x2000 + 4 + 2 * u64::from(size), &used.to_le_bytes());
        let bytes: Vec<u8> =
            places.into_iter().flat_map(|(place, bytes)| self.bytes(place, bytes.into())).collect();
        Some((head, written, bytes))
    }

    /// Does one request: what the device wrote.
    pub(super) fn request(&mut self, parts: &[Part<'_>], indirect: bool) -> (u32, Vec<u8>) {
        let head = self.submit(0, parts, indirect);
        self.notify(0);
        let (completed, written, bytes) = self.complete(0).expect("it is done at once");
        assert_eq!(completed, head);
        (written, bytes)
    }

    /// Whether the device interrupts; it does not afterwards.
    pub(super) fn acknowledge(&mut self) -> u32 {
        let status = self.get(register::VIRTIO_MMIO_INTERRUPT_STATUS);
        self.set(register::VIRTIO_MMIO_INTERRUPT_ACK, status);
        status
    }

    pub(super) fn outputs(&mut self) -> Vec<Output> {
        std::iter::from_fn(|| self.board.poll()).collect()
    }
}
