//! A hart as bytes and back.

use std::sync::Arc;

use super::{Traveller, TravellerError};
use crate::cluster::placement::Past;
use crate::computer::HartStatus;
use crate::hart::{Exit, Hart, HartConfig};
use crate::{GuestAddress, Memory, MemoryConfig};

/// A hart that has loaded one of two numbers and would add the other.
fn hart() -> (Hart, Arc<Memory>) {
    let start = GuestAddress::new(0x8000_0000);
    let memory = Arc::new(Memory::new(MemoryConfig::new(start, 1 << 20)).expect("a mebibyte is there"));
    // li a0, 42; addi a0, a0, 42; wfi
    for (place, word) in [0x02a0_0513_u32, 0x02a5_0513, 0x1050_0073].into_iter().enumerate() {
        let address = start.checked_add(place as u64 * 4).expect("it is near");
        memory.store(address, word).expect("there is memory");
    }
    let mut hart = Hart::new(HartConfig::new(0), memory.clone()).expect("there is room for a reader");
    hart.set_pc(start.get());
    (hart, memory)
}

fn traveller(hart: &Hart) -> Traveller {
    let past = Past { faults: 7, regrets: 1 };
    Traveller { status: HartStatus::Running, state: hart.state(), past }
}

#[test]
fn a_hart_goes_on_where_it_stopped() {
    let (mut hart, memory) = hart();
    assert_eq!(hart.run(1), Exit::Budget);
    let bytes = traveller(&hart).to_bytes();
    assert!(bytes.len() < 2_048, "{} bytes", bytes.len());
    let read = Traveller::from_bytes(&bytes).expect("it was written");
    assert_eq!(read, traveller(&hart));
    let mut other = Hart::new(HartConfig::new(0), memory).expect("there is room for a reader");
    other.set_state(&read.state);
    assert_eq!(other.run(10), Exit::Wait);
    assert_eq!(other.register(10), 84);
}

#[test]
fn bytes_that_are_damaged_are_no_hart() {
    let (hart, _) = hart();
    let bytes = traveller(&hart).to_bytes();
    for place in 0..bytes.len() {
        let mut damaged = bytes.clone();
        damaged[place] ^= 1 << (place % 8);
        assert!(Traveller::from_bytes(&damaged).is_err(), "byte {place}");
        assert!(Traveller::from_bytes(&bytes[..place]).is_err(), "{place} bytes");
    }
    let longer = [&bytes[..], &[0]].concat();
    assert_eq!(Traveller::from_bytes(&longer), Err(TravellerError::Length { bytes: longer.len() }));
}
