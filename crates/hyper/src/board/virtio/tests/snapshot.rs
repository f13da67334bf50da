//! Boards are stored, restored and forked in the middle of what they do.

use ironloom_net::Mac;
use ironloom_net::frame::{Body, Frame};

use super::*;
use crate::board::{Board, BoardState};

fn round_trip(driver: &mut Driver) {
    let state = driver.board.snapshot().unwrap();
    let bytes = borsh::to_vec(&state).unwrap();
    let state: BoardState = borsh::from_slice(&bytes).unwrap();
    let board =
        Board::restore(state, &mut |disk| Ok(Box::new(MemoryDisk::new(vec![0x77; disk.size as usize]))));
    driver.board = board.unwrap();
    assert_eq!(borsh::to_vec(&driver.board.snapshot().unwrap()).unwrap(), bytes);
}

#[test]
fn a_disk_goes_on_where_it_was() {
    let mut driver = Driver::new(disk(8_192), EVENT_IDX | INDIRECT, 1);
    let header = [0; 16];
    driver.submit(0, &[Part::Read(&header), Part::Write(512), Part::Write(1)], true);
    driver.notify(0);
    assert_eq!(driver.complete(0).unwrap().2[511], 0);
    driver.submit(0, &[Part::Read(&header), Part::Write(512), Part::Write(1)], true);
    round_trip(&mut driver);
    driver.notify(0);
    assert_eq!(driver.complete(0).unwrap().2[511], 0x77);
    assert_eq!(driver.acknowledge(), 1);
}

#[test]
fn frames_that_wait_are_stored() {
    let mut driver = Driver::new(Attachment::Net { mac: Mac::local(1), mtu: 1_500 }, EVENT_IDX, 2);
    let frame = Frame {
        source: Mac::local(2),
        target: Mac::local(1),
        body: Body::Other { ethertype: 0x1234, bytes: vec![1; 50].into() },
    };
    driver.board.handle(Instant::ZERO, &driver.memory, Input::Frame(driver.slot, &frame));
    driver.submit(1, &[Part::Read(&[0; 12]), Part::Read(&frame.to_bytes())], false);
    driver.notify(1);
    round_trip(&mut driver);
    assert_eq!(driver.outputs(), [Output::Frame(driver.slot, frame)]);
    driver.submit(0, &[Part::Write(100)], false);
    driver.notify(0);
    assert_eq!(driver.complete(0).unwrap().1, 76);
}

#[test]
fn chance_goes_on_and_forks_draw_the_same() {
    let mut driver = Driver::new(Attachment::Entropy, 0, 1);
    driver.request(&[Part::Write(8)], false);
    round_trip(&mut driver);
    let mut fork = Driver::new(Attachment::Entropy, 0, 1);
    fork.request(&[Part::Write(8)], false);
    let (_, drawn) = driver.request(&[Part::Write(8)], false);
    assert_eq!(fork.request(&[Part::Write(8)], false).1, drawn);
}

#[test]
fn a_fork_writes_to_its_own_disk() {
    let mut driver = Driver::new(disk(4_096), 0, 1);
    let fork = driver.board.fork().unwrap();
    let mut header = [0; 16];
    header[0] = 1;
    driver.request(&[Part::Read(&header), Part::Read(&[0xEE; 512]), Part::Write(1)], false);
    driver.board = fork;
    driver.start(0, 1, 256);
    let (_, bytes) = driver.request(&[Part::Read(&[0; 16]), Part::Write(512), Part::Write(1)], false);
    assert_eq!(bytes[0], 0);
}

#[test]
fn a_state_that_cannot_be_is_refused() {
    let mut driver = Driver::new(Attachment::Entropy, 0, 1);
    let state = driver.board.snapshot().unwrap();
    let bytes = borsh::to_vec(&state).unwrap();
    let mut refused = 0;
    for at in 0..bytes.len() {
        let mut damaged = bytes.clone();
        damaged[at] ^= 0xFF;
        let Ok(state) = borsh::from_slice::<BoardState>(&damaged) else {
            refused += 1;
            continue;
        };
        match Board::restore(state, &mut |_| unreachable!("there is no disk")) {
            Ok(mut board) => board.advance(Instant::ZERO, &driver.memory),
            Err(_) => refused += 1,
        }
    }
    assert!(refused > 10, "only {refused} of {} were refused", bytes.len());
}
