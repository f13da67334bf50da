//! Sv39 against a walk written down from the manual, over tables of random entries.

use proptest::prelude::*;

use ironloom_hyper::GuestAddress;
use ironloom_hyper::isa::{Assembler, csr, registers::*};

use crate::machine::{BASE, DATA, End, Idioms, MEMORY_BYTES, Machine, S, U};

const PAGE: u64 = 4096;
const TABLES: u64 = 6;
/// Tables are the first pages of the data; after them pages to be mapped.
const PAGES: u64 = DATA + TABLES * PAGE;

/// What is done with an address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum How {
    Load,
    Store,
    Fetch,
}

#[derive(Debug, Clone)]
struct Case {
    /// Entries of the tables, by table and by the index, of which few are in use.
    entries: Vec<[u64; 4]>,
    address: u64,
    how: How,
    mode: u64,
    sum: bool,
    mxr: bool,
    updates: bool,
}

/// The four indices that entries are at.
const INDICES: [u64; 4] = [0, 1, 2, 511];

fn entry() -> impl Strategy<Value = u64> {
    let table = (0..TABLES).prop_map(|table| (DATA / PAGE + table) << 10 | 1);
    let leaf = (0..40_u64, 0..256_u64, 0..8_u8).prop_map(|(page, bits, kind)| {
        let number = match kind {
            0 => BASE / PAGE,              // a gigapage or a megapage can begin here
            1 => PAGES / PAGE / 512 * 512, // a megapage can
            2 => 0x10 + page,              // no memory
            _ => PAGES / PAGE + page,
        };
        number << 10 | bits | 1
    });
    let reserved =
        (0..256_u64, 54..64_u32).prop_map(|(bits, above)| (PAGES / PAGE) << 10 | bits | 1 << above);
    prop_oneof![5 => table, 8 => leaf, 1 => reserved, 1 => Just(0)]
}

fn case() -> impl Strategy<Value = Case> {
    let index = || prop::sample::select(INDICES.to_vec());
    let address =
        (index(), index(), index(), 0..512_u64, 0..16_u8).prop_map(|(two, one, zero, dword, twist)| {
            let address = two << 30 | one << 21 | zero << 12 | (dword * 8);
            let extended = ((address << 25) as i64 >> 25) as u64;
            if twist == 0 { extended ^ 1 << 45 } else { extended }
        });
    let how = prop::sample::select(vec![How::Load, How::Store, How::Fetch]);
    let entries = prop::collection::vec(prop::array::uniform4(entry()), TABLES as usize);
    (entries, address, how, prop::sample::select(vec![U, S]), any::<[bool; 3]>()).prop_map(
        |(entries, address, how, mode, [sum, mxr, updates])| Case {
            entries,
            address,
            how,
            mode,
            sum,
            mxr,
            updates,
        },
    )
}

/// What comes of an access: the physical address, or the cause of the trap.
struct Walk {
    result: Result<u64, u64>,
    /// An entry that is changed, and to what.
    mark: Option<(u64, u64)>,
}

fn walk(case: &Case, read: impl Fn(u64) -> u64) -> Walk {
    let (page_fault, access_fault) = match case.how {
        How::Load => (13, 5),
        How::Store => (15, 7),
        How::Fetch => (12, 1),
    };
    let fault = |cause| Walk { result: Err(cause), mark: None };
    let is_memory = |address: u64| (BASE..BASE + MEMORY_BYTES).contains(&address);
    if ((case.address << 25) as i64 >> 25) as u64 != case.address {
        return fault(page_fault);
    }
    let mut table = DATA;
    for level in [2, 1, 0] {
        let at = table + (case.address >> (12 + level * 9) & 511) * 8;
        if !is_memory(at) {
            return fault(access_fault);
        }
        let entry = read(at);
        let [v, r, w, x, u, _, a, d] = [0, 1, 2, 3, 4, 5, 6, 7].map(|bit| entry >> bit & 1 == 1);
        if !v || w && !r || entry >> 54 != 0 {
            return fault(page_fault);
        }
        let base = ((entry >> 10) & ((1 << 44) - 1)) * PAGE;
        if !r && !x {
            if a || d || u {
                return fault(page_fault);
            }
            table = base;
            continue;
        }
        let bytes = PAGE << (9 * level);
        let may = match case.how {
            How::Load => r || x && case.mxr,
            How::Store => w,
            How::Fetch => x,
        };
        let owns = if case.mode == U { u } else { !u || case.sum && case.how != How::Fetch };
        if !base.is_multiple_of(bytes) || !may || !owns {
            return fault(page_fault);
        }
        let marked = entry | 1 << 6 | if case.how == How::Store { 1 << 7 } else { 0 };
        if marked != entry && !case.updates {
            return fault(page_fault);
        }
        let mark = (marked != entry).then_some((at, marked));
        let physical = base + case.address % bytes;
        let result = if is_memory(physical) { Ok(physical) } else { Err(access_fault) };
        return Walk { result, mark };
    }
    fault(page_fault)
}

/// Tries an address in machine mode as if in a lower one, or jumps to it in that mode.
fn program(case: &Case, program: &mut Assembler) {
    program.set(csr::SATP, (8 << 60) | (DATA / PAGE));
    program.set(csr::MENVCFG, if case.updates { 1 << 61 } else { 0 });
    let status = u64::from(case.sum) << 18 | u64::from(case.mxr) << 19 | case.mode << 11;
    program.li(A2, 3 << 11).csrc(csr::MSTATUS, A2).li(A2, status).csrs(csr::MSTATUS, A2);
    program.li(A1, case.address).li(A0, 0x1111).li(A2, 1 << 17);
    match case.how {
        How::Fetch => program.csrw(csr::MEPC, A1).mret(),
        How::Load => program.csrs(csr::MSTATUS, A2).ld(A0, 0, A1).csrc(csr::MSTATUS, A2),
        How::Store => program.csrs(csr::MSTATUS, A2).sd(A0, 0, A1).csrc(csr::MSTATUS, A2),
    };
}

/// A number for every double word of memory that tells where it is, and that is an `ecall` if it is run.
const fn filling(address: u64) -> u64 {
    address << 32 | 0x73
}

fn check(case: &Case) -> Result<(), TestCaseError> {
    let mut machine = Machine::new(|assembler| {
        program(case, assembler);
        Vec::new()
    });
    let pages = (PAGES..PAGES + 48 * PAGE).step_by(8).flat_map(|address| filling(address).to_le_bytes());
    machine.memory.write_bytes(GuestAddress::new(PAGES), &pages.collect::<Vec<_>>()).unwrap();
    for (entries, table) in case.entries.iter().zip(0..) {
        for (entry, index) in entries.iter().zip(INDICES) {
            machine.memory.store(GuestAddress::new(DATA + table * PAGE + index * 8), *entry).unwrap();
        }
    }
    let walk = walk(case, |at| machine.load(at));
    let is_filled = |address: &u64| (PAGES..PAGES + 48 * PAGE).contains(address);
    let marked = walk.mark.filter(|_| walk.result.is_ok());
    if let Ok(physical) = walk.result
        && (!is_filled(&physical) || case.how == How::Store && marked.is_some_and(|(at, _)| at == physical))
    {
        return Ok(()); // the program itself, or a table: what comes of it cannot be told
    }
    machine.go();
    match (walk.result, case.how, machine.end()) {
        (Ok(physical), How::Load, End::Done) => prop_assert_eq!(machine.hart.register(10), filling(physical)),
        (Ok(physical), How::Store, End::Done) => prop_assert_eq!(machine.load(physical), 0x1111),
        (Ok(_), How::Fetch, End::Trap { cause, pc, .. }) => {
            prop_assert_eq!((cause, pc), (8 + case.mode, case.address));
        }
        (Err(expected), _, End::Trap { cause, value, .. }) => {
            prop_assert_eq!((cause, value), (expected, case.address));
        }
        (expected, _, end) => prop_assert!(false, "{:?} expected, {:?}", expected, end),
    }
    if let Some((at, entry)) = marked {
        prop_assert_eq!(machine.load(at), entry);
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(600))]

    #[test]
    fn addresses_are_translated_as_the_manual_says(case in case()) {
        check(&case)?;
    }
}

/// A new table is seen after `sfence.vma`, of everything or of an address, and after `satp` was written with a new space.
#[test]
fn fences_make_new_entries_seen() {
    for fence in 0..3 {
        let leaf = |page: u64| (PAGES / PAGE + page) << 10 | 0xc7;
        let mut machine = Machine::new(|program| {
            program.set(csr::SATP, 8 << 60 | 1 << 44 | (DATA / PAGE));
            program
                .li(A2, 3 << 11)
                .csrc(csr::MSTATUS, A2)
                .li(A2, 1 << 17 | S << 11)
                .li(A1, 0x1000)
                .li(A4, leaf(1));
            program.li(A5, DATA + 2 * PAGE + 8).csrs(csr::MSTATUS, A2).ld(A0, 0, A1);
            program.li(A2, 1 << 17).csrc(csr::MSTATUS, A2).sd(A4, 0, A5);
            match fence {
                0 => program.sfence_vma(ZERO, ZERO),
                1 => program.sfence_vma(A1, ZERO),
                _ => program.set(csr::SATP, 8 << 60 | 2 << 44 | (DATA / PAGE)),
            };
            program.csrs(csr::MSTATUS, A2).ld(A3, 0, A1).csrc(csr::MSTATUS, A2);
            Vec::new()
        });
        let entries =
            [(0, (DATA / PAGE + 1) << 10 | 1), (PAGE, (DATA / PAGE + 2) << 10 | 1), (2 * PAGE + 8, leaf(0))];
        for (offset, entry) in entries {
            machine.memory.store(GuestAddress::new(DATA + offset), entry).unwrap();
        }
        for page in 0..2 {
            machine.memory.store(GuestAddress::new(PAGES + page * PAGE), 100 + page).unwrap();
        }
        machine.go();
        assert_eq!(
            [10, 13].map(|number| machine.hart.register(number)),
            [100, 101],
            "{:?} {fence}",
            machine.end()
        );
    }
}
