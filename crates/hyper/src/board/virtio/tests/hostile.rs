//! Drivers that break the rules break their own device, and nothing else.

use ironloom_net::Mac;
use ironloom_net::frame::{Body, Frame};
use proptest::prelude::*;

use super::*;
use crate::board::{Board, BoardConfig, layout};

const NEXT: u16 = 1;
const WRITE: u16 = 2;
const TABLE: u16 = 4;
const BROKEN: u32 = 0x4F;

/// What a device says after a request that is written by hand, and that begins at descriptor 0.
fn status_after(write: impl FnOnce(&Driver, u64)) -> u32 {
    let mut driver = Driver::new(disk(4_096), INDIRECT, 1);
    write(&driver, Driver::ring(0));
    driver.offer(0, 0);
    driver.notify(0);
    let status = driver.get(register::VIRTIO_MMIO_STATUS);
    assert_eq!(driver.acknowledge() & 2 != 0, status == BROKEN, "a driver is told");
    driver.start(0, 1, 16);
    let parts = [Part::Read(&[0; 16][..]), Part::Write(512), Part::Write(1)];
    assert_eq!(driver.request(&parts, false).1[512], 0, "it works after a reset");
    status
}

#[test]
fn chains_must_end() {
    let status = status_after(|driver, ring| {
        driver.describe(ring, 0, HEAP, 16, NEXT, 1);
        driver.describe(ring, 1, HEAP, 16, NEXT, 0);
    });
    assert_eq!(status, BROKEN);
    let status = status_after(|driver, ring| driver.describe(ring, 0, HEAP, 16, NEXT, 9_999));
    assert_eq!(status, BROKEN);
}

#[test]
fn memory_must_be_there() {
    for place in [0, layout::UART, layout::MEMORY + (1 << 40), u64::MAX - 3] {
        let status = status_after(|driver, ring| {
            driver.describe(ring, 0, HEAP, 16, NEXT, 1);
            driver.describe(ring, 1, place, 513, WRITE, 0);
        });
        assert_eq!(status, BROKEN, "{place:#x}");
    }
}

#[test]
fn what_is_read_comes_before_what_is_written() {
    let status = status_after(|driver, ring| {
        driver.describe(ring, 0, HEAP, 16, NEXT | WRITE, 1);
        driver.describe(ring, 1, HEAP, 513, 0, 0);
    });
    assert_eq!(status, BROKEN);
}

#[test]
fn requests_have_a_header_and_a_status() {
    let status = status_after(|driver, ring| driver.describe(ring, 0, HEAP, 16, 0, 0));
    assert_eq!(status, BROKEN);
    let status = status_after(|driver, ring| {
        driver.describe(ring, 0, HEAP, 15, NEXT, 1);
        driver.describe(ring, 1, HEAP, 513, WRITE, 0);
    });
    assert_eq!(status, BROKEN);
}

#[test]
fn tables_must_not_lead_to_tables() {
    let status = status_after(|driver, ring| {
        driver.describe(ring, 0, HEAP, 16, TABLE, 0);
        driver.describe(HEAP, 0, HEAP, 16, TABLE, 0);
    });
    assert_eq!(status, BROKEN);
    let status = status_after(|driver, ring| driver.describe(ring, 0, HEAP, 17, TABLE, 0));
    assert_eq!(status, BROKEN);
}

#[test]
fn giants_are_refused() {
    let status = status_after(|driver, ring| {
        driver.describe(ring, 0, HEAP, 16, NEXT, 1);
        driver.describe(ring, 1, HEAP, u32::MAX - 100, NEXT | WRITE, 2);
        driver.describe(ring, 2, HEAP + 64, 1, WRITE, 0);
    });
    assert_eq!(status, 0xF, "the request fails, and the device goes on");
    let status = status_after(|driver, ring| {
        driver.describe(ring, 0, HEAP, 16, NEXT, 1);
        driver.describe(ring, 1, HEAP, u32::MAX - 100, NEXT | WRITE, 2);
        driver.describe(ring, 2, HEAP + 64, u32::MAX, WRITE, 0);
    });
    assert_eq!(status, BROKEN);
}

#[test]
fn a_ring_cannot_hold_more_than_it_can() {
    let mut driver = Driver::new(disk(4_096), 0, 1);
    driver.put(Driver::ring(0) + 0x2002, &1_000u16.to_le_bytes());
    driver.notify(0);
    assert_eq!(driver.get(register::VIRTIO_MMIO_STATUS), BROKEN);
}

#[test]
fn a_ring_must_be_in_memory() {
    let mut driver = Driver::new(disk(4_096), 0, 1);
    for (register, value) in [(register::VIRTIO_MMIO_QUEUE_NUM, 3), (register::VIRTIO_MMIO_QUEUE_READY, 1)] {
        driver.set(register::VIRTIO_MMIO_STATUS, 0);
        driver.set(register::VIRTIO_MMIO_DRIVER_FEATURES_SEL, 1);
        driver.set(register::VIRTIO_MMIO_DRIVER_FEATURES, 1);
        driver.set(register::VIRTIO_MMIO_STATUS, 0xB);
        driver.set(register, value);
        assert_eq!(driver.get(register::VIRTIO_MMIO_STATUS), 0x4B);
    }
}

/// One thing that a hostile driver does.
#[derive(Debug, Clone)]
enum Deed {
    Register(u16, u32),
    Memory(u16, Vec<u8>),
    Descriptor(u8, u64, u32, u16, u16),
    Offer(u8, u8),
    Notify(u8),
    Frame(u16),
    Time,
}

fn deeds() -> impl Strategy<Value = Vec<Deed>> {
    let place = prop_oneof![HEAP..HEAP + 4_096, Just(layout::MEMORY), any::<u64>()];
    let length = prop_oneof![0..2_048u32, any::<u32>()];
    let deed = prop_oneof![
        1 => (0..0x120u16, any::<u32>()).prop_map(|(register, value)| Deed::Register(register & !3, value)),
        1 => (0..0x6000u16, proptest::collection::vec(any::<u8>(), 1..16)).prop_map(|(at, bytes)| Deed::Memory(at, bytes)),
        4 => (0..16u8, place, length, 0..8u16, 0..18u16)
            .prop_map(|(at, place, bytes, flags, next)| Deed::Descriptor(at, place, bytes, flags, next)),
        4 => (0..2u8, 0..16u8).prop_map(|(ring, head)| Deed::Offer(ring, head)),
        4 => (0..3u8).prop_map(Deed::Notify),
        2 => (0..4_000u16).prop_map(Deed::Frame),
        1 => Just(Deed::Time),
    ];
    proptest::collection::vec(deed, 1..60)
}

fn perpetrate(driver: &mut Driver, rings: usize, deed: Deed) {
    match deed {
        Deed::Register(register, value) => driver.set(register.into(), value),
        Deed::Memory(at, bytes) => driver.put(Driver::ring(0) + u64::from(at), &bytes),
        Deed::Descriptor(at, place, bytes, flags, next) => {
            for ring in 0..rings {
                driver.describe(Driver::ring(ring), at.into(), place, bytes, flags, next);
            }
        }
        Deed::Offer(ring, head) => driver.offer(usize::from(ring) % rings, head.into()),
        Deed::Notify(ring) => driver.notify(ring.into()),
        Deed::Frame(bytes) => {
            let body = Body::Other { ethertype: 1, bytes: vec![0; bytes.into()].into() };
            let frame = Frame { source: Mac::local(1), target: Mac::local(2), body };
            driver.board.handle(Instant::ZERO, &driver.memory, Input::Frame(driver.slot, &frame));
            driver.board.handle(Instant::ZERO, &driver.memory, Input::Console(driver.slot, b"hello"));
            let wanted = Input::Balloon(driver.slot, u64::from(bytes) << 12);
            driver.board.handle(Instant::ZERO, &driver.memory, wanted);
        }
        Deed::Time => {
            driver.outputs();
            driver.board.advance(Instant::ZERO, &driver.memory);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn whatever_a_driver_does_a_reset_helps(kind in 0..5u8, features in any::<u64>(), deeds in deeds()) {
        let (attachment, rings) = match kind {
            0 => (disk(64 << 10), 1),
            1 => (Attachment::Net { mac: Mac::local(1), mtu: 1_500 }, 2),
            2 => (Attachment::Console, 2),
            3 => (Attachment::Balloon, 2),
            _ => (Attachment::Entropy, 1),
        };
        let mut driver = Driver::new(attachment, features, rings);
        for deed in deeds {
            perpetrate(&mut driver, rings, deed);
        }
        driver.board.snapshot().unwrap();
        driver.start(features, rings, 16);
    }
}

#[test]
fn slots_have_a_limit() {
    let mut board = Board::new(BoardConfig::new(1 << 20)).unwrap();
    for _ in 0..layout::SLOTS {
        board.attach(Attachment::Entropy).unwrap();
    }
    assert!(board.attach(Attachment::Entropy).is_err());
}
