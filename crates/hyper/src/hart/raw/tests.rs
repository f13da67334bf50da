//! The parts that Miri looks at.

use super::*;
use crate::hart::jumps::Jumps;
use crate::memory::{Access, Memory, MemoryConfig};
use crate::{GuestAddress, PageNumber};

const NO_LINK: Link = Link { target: None, count: 0, bytes: 0 };

fn stop(_: &mut Core, _: Cursor) -> Leave {
    Leave::Next
}

/// A block of so many operations, with their numbers as immediates.
fn block(operations: u8) -> Block {
    let op = |number: u8| Op { run: stop, imm: i32::from(number), rd: 0, rs1: 0, rs2: 0, at: number };
    let mut slots = vec![Slot::link(Link { count: operations.into(), ..NO_LINK })];
    slots.extend((0..operations).map(|number| Slot::op(op(number))));
    slots.extend([Slot::link(NO_LINK); 2]);
    replace_handler(&mut slots, 0, stop);
    Block::new(slots)
}

#[test]
fn cursors_lead_through_a_block_and_to_others() {
    let (one, two) = (block(3), block(1));
    let first = one.first();
    let mut at = first;
    for number in 0..3 {
        assert_eq!(at.op().imm, number);
        assert_eq!(at.since(first), number as u32);
        if number < 2 {
            at = at.next();
        }
    }
    assert_eq!(first.header().count, 3);
    assert_eq!(at.link(1).target, None);
    at.set_link(1, Link { target: Some(two.first()), count: 1, bytes: 1 });
    let found = at.link(1).target.unwrap();
    assert_eq!(found.op().imm, 0);
    assert_eq!(found.header().count, 1);
    let mut jumps = Box::new(Jumps::new());
    jumps.insert(0x1000, 7, first, 3);
    assert_eq!(jumps.find(0x1000, 7), Some((first, 3)));
    assert_eq!(jumps.find(0x1000, 8), None);
    assert_eq!(one.len(), 6);
}

#[test]
fn a_tlb_finds_what_is_aligned_in_its_context_until_it_is_forgotten() {
    let memory = Memory::new(MemoryConfig::new(GuestAddress::new(0), 1 << 16)).unwrap();
    let host = memory.grant(PageNumber::new(3), Access::Write).unwrap().host;
    let (mut tlb, address, context) = (Box::new(Tlb::new()), 0x7_f000_u64, 5 << CONTEXT_SHIFT);
    assert_eq!(tlb.load::<u64>(address, context), None);
    tlb.insert(address, context, host);
    assert!(tlb.store::<u64>(address + 8, context, 0x1122_3344_5566_7788));
    assert_eq!(tlb.load::<u64>(address + 8, context), Some(0x1122_3344_5566_7788));
    assert_eq!(tlb.load::<u16>(address + 10, context), Some(0x5566));
    assert_eq!(tlb.load::<u32>(address + 10, context), None, "not aligned");
    assert_eq!(tlb.load::<u64>(address + 8, context + (1 << CONTEXT_SHIFT)), None, "another context");
    assert_eq!(tlb.load::<u64>(address + 0x1008, context), None, "another page");
    assert_eq!(halfword(host, 8), 0x7788);
    let place = tlb.place::<u32>(address + 8, context).unwrap();
    place.shared_u32().fetch_add(1, Ordering::SeqCst);
    assert_eq!(place.load::<u32>(), 0x5566_7789);
    tlb.forget(address + 0x123);
    assert_eq!(tlb.load::<u8>(address, context), None);
    tlb.insert(address, context, host);
    tlb.forget_host(host);
    assert_eq!(tlb.load::<u8>(address, context), None);
}
