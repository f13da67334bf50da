//! The wires between devices and harts.

use ironloom_core::Instant;

use super::*;
use crate::{Memory, MemoryConfig};

fn memory() -> Memory {
    Memory::new(MemoryConfig::new(GuestAddress::new(layout::MEMORY), 1 << 20)).unwrap()
}

fn board(harts: u16) -> Board {
    Board::new(BoardConfig { harts, ..BoardConfig::new(1 << 20) }).unwrap()
}

fn write(board: &mut Board, address: u64, width: u8, value: u64) {
    board.write(Instant::ZERO, &memory(), GuestAddress::new(address), width, value).unwrap();
}

#[test]
fn a_byte_on_the_line_interrupts_the_supervisor_of_the_hart_that_asked() {
    let mut board = board(2);
    write(&mut board, layout::PLIC + 10 * 4, 4, 1);
    write(&mut board, layout::PLIC + 0x2000 + 3 * 0x80, 4, 1 << 10);
    write(&mut board, layout::UART + 1, 1, 1);
    assert_eq!(board.take_changed(), 0);
    assert_eq!(board.handle(Instant::ZERO, &memory(), Input::Serial(b"x")), 1);
    assert_eq!((board.take_changed(), board.pending(0), board.pending(1)), (0b10, 0, SEIP));
    let claim = GuestAddress::new(layout::PLIC + 0x20_3004);
    assert_eq!(board.read(Instant::ZERO, claim, 4), Ok(10));
    assert_eq!((board.take_changed(), board.pending(1)), (0b10, 0));
    assert_eq!(board.read(Instant::ZERO, GuestAddress::new(layout::UART), 1), Ok(u64::from(b'x')));
}

#[test]
fn timers_and_software_interrupts_reach_their_harts() {
    let mut board = board(64);
    write(&mut board, layout::ACLINT + 63 * 4, 4, 1);
    assert_eq!((board.pending(63), board.take_changed()), (MSIP, 1 << 63));
    write(&mut board, layout::ACLINT + 0x4000 + 8, 8, 20);
    assert_eq!(board.next_event(), Some(Instant::from_nanos(2_000)));
    board.advance(Instant::from_nanos(1_999), &memory());
    assert_eq!(board.take_changed(), 0);
    board.advance(Instant::from_nanos(2_000), &memory());
    assert_eq!((board.pending(1), board.take_changed()), (MTIP, 0b10));
}

#[test]
fn a_machine_ends_after_what_it_said_last() {
    let mut board = board(1);
    write(&mut board, layout::UART, 1, u64::from(b'!'));
    write(&mut board, layout::SYSCON, 4, 0x2_3333);
    assert_eq!(board.poll(), Some(Output::Serial(b"!".to_vec())));
    assert_eq!(board.poll(), Some(Output::Ending(Ending::PowerOff { code: 2 })));
    assert_eq!(board.poll(), None);
}

#[test]
fn accesses_to_nothing_are_faults() {
    let mut board = board(1);
    let address = GuestAddress::new(0x1234);
    assert_eq!(board.read(Instant::ZERO, address, 4), Err(BusFault::Unmapped { address: 0x1234 }));
    let plic = GuestAddress::new(layout::PLIC);
    assert_eq!(
        board.write(Instant::ZERO, &memory(), plic, 8, 0),
        Err(BusFault::Refused { address: layout::PLIC, width: 8 })
    );
}
