//! Whatever a guest writes to registers and into rings, the board goes on.

#![no_main]

use ironloom_core::Instant;
use ironloom_hyper::board::{Attachment, Board, BoardConfig, Input, MemoryDisk, layout};
use ironloom_hyper::{GuestAddress, Memory, MemoryConfig};
use ironloom_net::Mac;
use ironloom_net::frame::{Body, Frame};
use libfuzzer_sys::fuzz_target;

const MEMORY_BYTES: u64 = 1 << 20;

/// What a driver writes so that its device is ready, with rings at the beginning of memory.
const READY: [(u64, u32); 14] = [
    (0x70, 3),
    (0x24, 1),
    (0x20, 1),
    (0x24, 0),
    (0x20, 1 << 28 | 1 << 29),
    (0x70, 0xB),
    (0x38, 16),
    (0x80, layout::MEMORY as u32),
    (0x90, layout::MEMORY as u32 + 0x400),
    (0xA0, layout::MEMORY as u32 + 0x800),
    (0x44, 1),
    (0x30, 1),
    (0x44, 0),
    (0x70, 0xF),
];

fuzz_target!(|bytes: &[u8]| {
    let memory = Memory::new(MemoryConfig::new(GuestAddress::new(layout::MEMORY), MEMORY_BYTES)).unwrap();
    let mut board = Board::new(BoardConfig::new(MEMORY_BYTES)).unwrap();
    let device = Box::new(MemoryDisk::new(vec![0; 64 << 10]));
    board.attach(Attachment::Disk { device, serial: String::new() }).unwrap();
    let card = board.attach(Attachment::Net { mac: Mac::local(1), mtu: 1_500 }).unwrap();
    let console = board.attach(Attachment::Console).unwrap();
    board.attach(Attachment::Entropy).unwrap();
    let balloon = board.attach(Attachment::Balloon).unwrap();
    let register = |slot: u64, at: u64| GuestAddress::new(layout::VIRTIO + slot * layout::VIRTIO_BYTES + at);
    for slot in 0..5 {
        for (at, value) in READY {
            let _ = board.write(Instant::ZERO, &memory, register(slot, at), 4, value.into());
        }
    }
    for deed in bytes.as_chunks::<8>().0 {
        let [kind, slot, a, b, c, d, e, f] = *deed;
        let (slot, place) = (u64::from(slot % 6), u64::from(u16::from_le_bytes([a, b])));
        let value = u32::from_le_bytes([c, d, e, f]);
        match kind % 6 {
            0 => drop(board.write(Instant::ZERO, &memory, register(slot, place % 0x120), 4, value.into())),
            1 => drop(board.write(Instant::ZERO, &memory, register(slot, 0x50), 4, u64::from(a % 3))),
            2 => drop(memory.store(GuestAddress::new(layout::MEMORY + place % 0xC00 / 4 * 4), value)),
            3 => drop(memory.store(
                GuestAddress::new(layout::MEMORY + place % 0xC00 / 8 * 8),
                layout::MEMORY + u64::from(value % 0x4000),
            )),
            4 => {
                let body = Body::Other { ethertype: 1, bytes: vec![0; usize::from(a)].into() };
                let frame = Frame { source: Mac::local(1), target: Mac::local(2), body };
                board.handle(Instant::ZERO, &memory, Input::Frame(card, &frame));
                board.handle(Instant::ZERO, &memory, Input::Console(console, &deed[2..]));
                board.handle(Instant::ZERO, &memory, Input::Balloon(balloon, u64::from(value)));
            }
            _ => {
                board.advance(Instant::ZERO, &memory);
                while board.poll().is_some() {}
            }
        }
    }
    board.fork().unwrap().advance(Instant::ZERO, &memory);
});
