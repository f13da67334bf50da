//! Devices do what drivers ask for, whatever drivers do.

use ironloom_core::Instant;
use virtio_bindings::virtio_mmio as register;

use super::driver::{Driver, HEAP, Part};
use crate::board::{Attachment, Input, MemoryDisk, Output};

mod balloon;
mod block;
mod hostile;
mod net;
mod snapshot;

const EVENT_IDX: u64 = 1 << 29;
const INDIRECT: u64 = 1 << 28;

fn disk(bytes: usize) -> Attachment {
    let bytes = (0..bytes).map(|at| (at / 512) as u8).collect();
    Attachment::Disk { device: Box::new(MemoryDisk::new(bytes)), serial: "loom".into() }
}

#[test]
fn chance_is_given_and_differs() {
    for features in [0, EVENT_IDX, EVENT_IDX | INDIRECT] {
        let mut driver = Driver::new(Attachment::Entropy, features, 1);
        let (written, first) = driver.request(&[Part::Write(64)], features & INDIRECT != 0);
        let (_, second) = driver.request(&[Part::Write(64)], false);
        assert_eq!(written, 64);
        assert_ne!(first, second);
        let (written, _) = driver.request(&[Part::Write(5_000), Part::Write(5_000)], false);
        assert_eq!(written, 4_096);
    }
}

#[test]
fn a_console_carries_bytes_both_ways() {
    let mut driver = Driver::new(Attachment::Console, EVENT_IDX, 2);
    driver.submit(1, &[Part::Read(b"hello, "), Part::Read(b"world")], false);
    driver.notify(1);
    assert_eq!(driver.outputs(), [Output::Console(driver.slot, b"hello, world".to_vec())]);
    let slot = driver.slot;
    let input = Input::Console(slot, b"0123456789");
    assert_eq!(driver.board.handle(Instant::ZERO, &driver.memory, input), 10);
    assert_eq!(driver.complete(0), None);
    driver.submit(0, &[Part::Write(4)], false);
    driver.submit(0, &[Part::Write(16)], false);
    driver.notify(0);
    let (_, written, bytes) = driver.complete(0).unwrap();
    assert_eq!((written, &bytes[..]), (4, &b"0123"[..]));
    let (_, written, bytes) = driver.complete(0).unwrap();
    assert_eq!((written, &bytes[..6]), (6, &b"456789"[..]));
}

#[test]
fn a_guest_that_writes_more_than_anybody_takes_waits() {
    let mut driver = Driver::new(Attachment::Console, EVENT_IDX, 2);
    let line = vec![b'x'; 1 << 19];
    for _ in 0..4 {
        driver.submit(1, &[Part::Read(&line)], false);
    }
    driver.notify(1);
    let mut taken = Vec::new();
    assert_eq!(driver.board.next_event(), None, "it waits for somebody to take what it wrote");
    loop {
        for output in driver.outputs() {
            let Output::Console(_, bytes) = output else { panic!("nothing else speaks") };
            taken.push(bytes.len());
        }
        if driver.board.next_event().is_none() {
            break;
        }
        driver.board.advance(Instant::ZERO, &driver.memory);
    }
    assert_eq!(taken, [1 << 20, 1 << 20]);
}

#[test]
fn interrupts_come_when_they_are_wanted() {
    let mut driver = Driver::new(Attachment::Entropy, 0, 1);
    driver.request(&[Part::Write(8)], false);
    assert_eq!(driver.acknowledge(), 1);
    driver.put(Driver::ring(0) + 0x2000, &1u16.to_le_bytes());
    driver.request(&[Part::Write(8)], false);
    assert_eq!(driver.acknowledge(), 0);

    let mut driver = Driver::new(Attachment::Entropy, EVENT_IDX, 1);
    driver.request(&[Part::Write(8)], false);
    assert_eq!(driver.acknowledge(), 1);
    // The driver wants to hear of the fourth request.
    driver.put(Driver::ring(0) + 0x2000 + 4 + 512, &3u16.to_le_bytes());
    for wanted in [0, 0, 1] {
        driver.submit(0, &[Part::Write(8)], false);
        assert!(driver.is_listening(0));
        driver.notify(0);
        assert_eq!(driver.acknowledge(), wanted);
    }
}

#[test]
fn a_turn_ends_and_the_rest_is_done_later() {
    let mut driver = Driver::new(disk(1 << 20), EVENT_IDX | INDIRECT, 1);
    let header = [0u8; 16];
    for _ in 0..200 {
        driver.submit(0, &[Part::Read(&header), Part::Write(64 << 10), Part::Write(1)], true);
    }
    driver.notify(0);
    let mut done = 0;
    let mut turns = 1;
    loop {
        while driver.complete(0).is_some() {
            done += 1;
        }
        if driver.board.next_event().is_none() {
            break;
        }
        driver.board.advance(Instant::ZERO, &driver.memory);
        turns += 1;
    }
    assert_eq!((done, turns), (200, 2), "200 requests of 64 KiB are 12.5 MiB, and a turn moves 8");
}

#[test]
fn features_must_be_agreed_on_before_a_driver_is_ready() {
    let mut driver = Driver::new(Attachment::Entropy, 0, 1);
    driver.set(register::VIRTIO_MMIO_STATUS, 0);
    driver.set(register::VIRTIO_MMIO_STATUS, 3);
    driver.set(register::VIRTIO_MMIO_DRIVER_FEATURES_SEL, 0);
    driver.set(register::VIRTIO_MMIO_DRIVER_FEATURES, 1);
    driver.set(register::VIRTIO_MMIO_STATUS, 0xB);
    assert_eq!(driver.get(register::VIRTIO_MMIO_STATUS), 3, "a feature that is not offered");
    driver.set(register::VIRTIO_MMIO_STATUS, 7);
    assert_eq!(driver.get(register::VIRTIO_MMIO_STATUS), 0x43, "a driver that is ready too early");
    driver.start(EVENT_IDX, 1, 16);
    assert_eq!(driver.request(&[Part::Write(8)], false).0, 8);
    assert!(driver.features & INDIRECT == 0 && HEAP != 0);
}
