//! Physical memory protection against its rules written down once more.

use proptest::prelude::*;

use ironloom_hyper::isa::{csr, registers::*};

use crate::machine::{BASE, End, Idioms, Machine, U};

const PAGE: u64 = 4096;
/// The page whose bytes are tried, and those around it that regions begin and end at.
const WINDOW: u64 = BASE + 0x20_0000;

/// One region: its configuration, and its range in pages of the window.
#[derive(Debug, Clone)]
struct Region {
    config: u8,
    start: u64,
    power: u32,
}

impl Region {
    /// What its address register holds.
    fn address(&self) -> u64 {
        let start = WINDOW + self.start * PAGE;
        match self.config >> 3 & 3 {
            3 => {
                let bytes = PAGE << self.power;
                (start & !(bytes - 1)) >> 2 | (bytes / 8 - 1)
            }
            _ => start >> 2,
        }
    }

    /// The bytes that it covers; a range from the top begins where the region before it has its address.
    fn range(&self, before: u64) -> std::ops::Range<u64> {
        match self.config >> 3 & 3 {
            0 => 0..0,
            1 => before << 2..self.address() << 2,
            _ => {
                let bytes = PAGE << self.power;
                let start = (WINDOW + self.start * PAGE) / bytes * bytes;
                start..start + bytes
            }
        }
    }
}

fn region() -> impl Strategy<Value = Region> {
    (0..8_u8, prop::sample::select(vec![0_u8, 1, 3]), any::<bool>(), 0..8_u64, 0..4_u32)
        .prop_filter("writing without reading is reserved", |(access, ..)| access & 3 != 2)
        .prop_map(|(access, mode, locked, start, power)| Region {
            config: access | mode << 3 | u8::from(locked) << 7,
            start,
            power,
        })
}

/// Whether the rules allow an access: bit 0 of `needed` to read, bit 1 to write.
fn allows(regions: &[Region], address: u64, needed: u8, is_machine: bool) -> bool {
    let mut before = 0;
    for region in regions {
        let range = region.range(before);
        before = region.address() >> 10 << 10;
        if range.contains(&address) {
            return is_machine && region.config & 0x80 == 0 || region.config & needed == needed;
        }
    }
    is_machine
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn regions_are_matched_in_order(
        regions in prop::collection::vec(region(), 1..6), page in 0..10_u64, is_store in any::<bool>(), is_machine in any::<bool>(),
    ) {
        let address = WINDOW + page * PAGE + 8;
        let machine = Machine::run(|program| {
            // Open at the end of the list, so that the program itself may run; nothing of it is in the window.
            program.set(csr::PMPCFG0, 0);
            for (region, index) in regions.iter().zip(0..) {
                program.set(csr::pmpaddr(index), region.address());
            }
            let config = regions.iter().rev().fold(0_u64, |all, region| all << 8 | u64::from(region.config));
            program.set(csr::PMPCFG0, config).li(A1, address).li(A0, 7);
            if !is_machine {
                // Loads and stores as in user mode, by MPRV.
                program.li(A2, 3 << 11).csrc(csr::MSTATUS, A2).li(A2, 1 << 17 | U << 11).csrs(csr::MSTATUS, A2);
            }
            let _ = if is_store { program.sd(A0, 0, A1) } else { program.ld(A0, 0, A1) };
            program.li(A2, 1 << 17).csrc(csr::MSTATUS, A2);
        });
        let expected = allows(&regions, address, if is_store { 2 } else { 1 }, is_machine);
        match machine.end() {
            End::Done => prop_assert!(expected, "{address:#x}"),
            End::Trap { cause, value, .. } => {
                prop_assert!(!expected, "{address:#x} {cause}");
                prop_assert_eq!((cause, value), (if is_store { 7 } else { 5 }, address));
            }
            other => prop_assert!(false, "{:?}", other),
        }
    }
}

#[test]
fn what_is_locked_stays() {
    let machine = Machine::run(|program| {
        program.set(csr::pmpaddr(1), WINDOW >> 2).set(csr::pmpaddr(2), (WINDOW + PAGE) >> 2);
        // The second is locked, and a range from the top: so is the address below it.
        program.set(csr::PMPCFG0, 0x1f | 0x89 << 16);
        program.set(csr::PMPCFG0, 0).set(csr::pmpaddr(1), 0).set(csr::pmpaddr(2), 0);
        program.csrr(A0, csr::PMPCFG0).csrr(A1, csr::pmpaddr(1)).csrr(A2, csr::pmpaddr(2));
    });
    let expected = [0x89 << 16, WINDOW >> 2, (WINDOW + PAGE) >> 2];
    assert_eq!([10, 11, 12].map(|number| machine.hart.register(number)), expected);
}

#[test]
fn fetches_need_permission_to_execute() {
    for config in [0x18, 0x19, 0x1b, 0x1c, 0x1d, 0x1f] {
        let machine = Machine::run(|program| _ = program.open(config).enter(U).ecall());
        let End::Trap { cause, .. } = machine.end() else { panic!("{:?}", machine.end()) };
        assert_eq!(cause, if config & 4 == 0 { 1 } else { 8 }, "{config:#x}");
    }
}
