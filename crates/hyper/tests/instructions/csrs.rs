//! What can be read and written of the control and status registers, and from where.

use ironloom_hyper::isa::{Assembler, Instruction, Opcode, csr, registers::*};

use crate::machine::{End, Idioms, Machine, S, U};

/// The registers that machine mode finds.
fn exists(number: u16) -> bool {
    matches!(number,
        0x001..=0x003
        | 0x100 | 0x104..=0x106 | 0x10a | 0x140..=0x144 | 0x14d | 0x180
        | 0x300..=0x306 | 0x30a | 0x320 | 0x323..=0x33f | 0x340..=0x344
        | 0x3a0 | 0x3a2 | 0x3a4 | 0x3a6 | 0x3a8 | 0x3aa | 0x3ac | 0x3ae | 0x3b0..=0x3ef
        | 0x7a0..=0x7a3
        | 0xb00 | 0xb02..=0xb1f | 0xc00..=0xc1f | 0xf11..=0xf15)
}

#[test]
fn registers_exist_or_are_illegal_instructions() {
    for number in 0..0x1000 {
        let machine = Machine::run(|program| _ = program.csrr(A0, number));
        let is_there = machine.end() == End::Done;
        assert_eq!(is_there, exists(number), "{}", csr::Name(number));
        if !is_there {
            let word = Instruction { rd: 10, immediate: number.into(), ..Instruction::new(Opcode::Csrrs) };
            let End::Trap { cause, value, .. } = machine.end() else { panic!("{:?}", machine.end()) };
            assert_eq!((cause, value), (2, word.encode().unwrap().into()));
        }
    }
}

#[test]
fn lower_modes_reach_only_their_own() {
    for number in (0..0x1000).filter(|number| exists(*number)) {
        for (mode, of) in [(U, 0), (S, 1)] {
            let machine = Machine::run(|program| {
                // Counters open to all, and the timer.
                program.set(csr::MCOUNTEREN, 0xffff_ffff).set(csr::SCOUNTEREN, 0xffff_ffff);
                program.set(csr::MENVCFG, 1 << 63).enter(mode).csrr(A0, number).ecall();
            });
            let End::Trap { cause, .. } = machine.end() else { panic!("{:?}", machine.end()) };
            let expected = if number >> 8 & 3 <= of { 8 + mode } else { 2 };
            assert_eq!(cause, expected, "{} from mode {mode}", csr::Name(number));
        }
    }
}

#[test]
fn what_is_read_only_cannot_be_written() {
    for number in (0xc00..0x1000).filter(|number| exists(*number)) {
        let write = Machine::run(|program| _ = program.csrrs(ZERO, number, A0));
        assert!(matches!(write.end(), End::Trap { cause: 2, .. }), "{}", csr::Name(number));
        let look = Machine::run(|program| _ = program.csrrc(A1, number, ZERO).csrrsi(A1, number, 0));
        assert_eq!(look.end(), End::Done, "{}", csr::Name(number));
    }
}

/// What is written, and what is read back.
#[test]
fn registers_hold_what_is_legal() {
    const FIXED: u64 = 2 << 32 | 2 << 34;
    const WRITABLE: u64 = 0x007e_79aa;
    let cases: &[(u16, u64, u64)] = &[
        (csr::MSTATUS, 0, FIXED),
        (csr::MSTATUS, u64::MAX, FIXED | WRITABLE | 1 << 63),
        (csr::MSTATUS, 1 << 13, FIXED | 1 << 13),
        (csr::MSTATUS, 2 << 11, FIXED),
        (csr::SSTATUS, u64::MAX, 2 << 32 | 0x000c_6122 | 1 << 63),
        (csr::MISA, 0, 1 << 63 | 0x0014_112f),
        (csr::MEDELEG, u64::MAX, 0xb3ff),
        (csr::MIDELEG, u64::MAX, 0x222),
        (csr::MIE, u64::MAX, 0xaaa),
        (csr::MIP, u64::MAX, 0x222),
        (csr::MTVEC, 0x8000_0001, 0x8000_0001),
        (csr::MTVEC, 0x8000_0004, 0x8000_0004),
        (csr::STVEC, 0xffff_ffff_8000_0001, 0xffff_ffff_8000_0001),
        (csr::MEPC, 0x8000_0003, 0x8000_0002),
        (csr::SEPC, 0x8000_0003, 0x8000_0002),
        (csr::MSCRATCH, u64::MAX, u64::MAX),
        (csr::SSCRATCH, 0x1234_5678_9abc_def0, 0x1234_5678_9abc_def0),
        (csr::MCAUSE, 1 << 63 | 5, 1 << 63 | 5),
        (csr::SCAUSE, 15, 15),
        (csr::MTVAL, u64::MAX, u64::MAX),
        (csr::STVAL, 0x4000, 0x4000),
        (csr::MCOUNTEREN, 7, 7),
        (csr::SCOUNTEREN, 7, 7),
        (csr::MENVCFG, u64::MAX, 1 << 63 | 1 << 61 | 1),
        (csr::SENVCFG, u64::MAX, 1),
        (csr::STIMECMP, u64::MAX, u64::MAX),
        (csr::SATP, 8 << 60 | 0x12_3456, 8 << 60 | 0x12_3456),
        (csr::SATP, 9 << 60 | 0x12_3456, 0),
        (csr::FFLAGS, u64::MAX, 31),
        (csr::FRM, u64::MAX, 7),
        (csr::FCSR, u64::MAX, 0xff),
        (csr::MHPMCOUNTER3, u64::MAX, 0),
    ];
    for (number, value, expected) in cases {
        let machine = Machine::run(|program| _ = program.set(*number, *value).csrr(A0, *number));
        assert_eq!(
            (machine.end(), machine.hart.register(10)),
            (End::Done, *expected),
            "{}",
            csr::Name(*number)
        );
    }
}

#[test]
fn each_way_to_exchange() {
    let start = 0b1100;
    let cases: [(&dyn Fn(&mut Assembler), u64); 6] = [
        (&|program| _ = program.csrrw(A0, csr::MSCRATCH, A1), 0b1010),
        (&|program| _ = program.csrrs(A0, csr::MSCRATCH, A1), 0b1110),
        (&|program| _ = program.csrrc(A0, csr::MSCRATCH, A1), 0b0100),
        (&|program| _ = program.csrrwi(A0, csr::MSCRATCH, 0b1010), 0b1010),
        (&|program| _ = program.csrrsi(A0, csr::MSCRATCH, 0b1010), 0b1110),
        (&|program| _ = program.csrrci(A0, csr::MSCRATCH, 0b1010), 0b0100),
    ];
    for (exchange, expected) in cases {
        let machine = Machine::run(|program| {
            program.set(csr::MSCRATCH, start).li(A1, 0b1010);
            exchange(program);
            program.csrr(A2, csr::MSCRATCH);
        });
        assert_eq!([10, 12].map(|number| machine.hart.register(number)), [start, expected]);
    }
    // The same register for both.
    let machine =
        Machine::run(|program| _ = program.set(csr::MSCRATCH, 3).li(A0, 9).csrrw(A0, csr::MSCRATCH, A0));
    assert_eq!((machine.hart.register(10), machine.hart.csr(csr::MSCRATCH)), (3, Some(9)));
}

#[test]
fn counters_count_instructions() {
    let machine = Machine::run(|program| {
        program.csrr(A0, csr::MINSTRET).nop().nop().csrr(A1, csr::MINSTRET).csrr(A2, csr::INSTRET);
        program.li(A3, 100).csrw(csr::MINSTRET, A3).csrr(A3, csr::MINSTRET);
        program.csrr(A4, csr::MCYCLE).nop().csrr(A5, csr::MCYCLE);
    });
    let [one, two, three, written, before, after] =
        [10, 11, 12, 13, 14, 15].map(|number| machine.hart.register(number));
    assert_eq!((two - one, three - two, written), (3, 1, 100));
    assert!(after > before);
}

#[test]
fn counters_that_are_inhibited_stand_still() {
    let machine = Machine::run(|program| {
        program.csrrwi(ZERO, csr::MCOUNTINHIBIT, 5).csrr(A2, csr::MCOUNTINHIBIT);
        program.csrr(A0, csr::MINSTRET).nop().nop().csrr(A1, csr::MINSTRET);
    });
    let [one, two, inhibited] = [10, 11, 12].map(|number| machine.hart.register(number));
    // A hart need not be able to inhibit them, but then must say so.
    assert!(inhibited & 4 == 0 || one == two, "{one} {two}");
}

#[test]
fn counters_are_seen_as_far_as_they_are_opened() {
    for (counter, bit) in [(csr::CYCLE, 0), (csr::TIME, 1), (csr::INSTRET, 2)] {
        for (machine_opens, supervisor_opens) in [(false, false), (false, true), (true, false), (true, true)]
        {
            for mode in [U, S] {
                let machine = Machine::run(|program| {
                    program.set(csr::MCOUNTEREN, u64::from(machine_opens) << bit);
                    program.set(csr::SCOUNTEREN, u64::from(supervisor_opens) << bit);
                    program.enter(mode).csrr(A0, counter).ecall();
                });
                let is_seen = machine_opens && (supervisor_opens || mode == S);
                let End::Trap { cause, .. } = machine.end() else { panic!("{:?}", machine.end()) };
                assert_eq!(cause, if is_seen { 8 + mode } else { 2 }, "{} from {mode}", csr::Name(counter));
            }
        }
    }
}
