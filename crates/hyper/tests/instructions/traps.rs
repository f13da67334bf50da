//! Traps: their causes, what they tell, where they go and what they leave as it was.

use ironloom_hyper::isa::{Assembler, Instruction, Opcode, csr, registers::*};

use crate::machine::{End, FLOATS, Idioms, Machine, S, U};

/// Runs what prepares and then one instruction, in a mode, and says how the instruction trapped.
fn trap(
    mode: Option<u64>,
    prepare: impl Fn(&mut Assembler),
    instruction: impl Fn(&mut Assembler),
) -> (u64, u64) {
    let machine = Machine::run_with(|program| {
        prepare(program);
        if let Some(mode) = mode {
            program.enter(mode);
        }
        let at = program.here();
        instruction(program);
        vec![at]
    });
    let End::Trap { cause, value, pc } = machine.end() else {
        panic!("it does not trap: {:?}", machine.end())
    };
    assert_eq!(pc, machine.label(0), "the trap is precise");
    (cause, value)
}

#[test]
fn calls_tell_their_mode() {
    let call = |program: &mut Assembler| _ = program.ecall();
    assert_eq!(trap(None, |_| {}, call), (11, 0));
    assert_eq!(trap(Some(S), |_| {}, call), (9, 0));
    assert_eq!(trap(Some(U), |_| {}, call), (8, 0));
}

#[test]
fn breakpoints_tell_where_or_nothing() {
    for length in [2, 4] {
        let (cause, value) = trap(
            None,
            |_| {},
            |program| _ = if length == 4 { program.ebreak() } else { program.half(0x9002).half(1) },
        );
        assert!(cause == 3 && (value == 0 || value > 0x8000_0000), "{cause} {value:#x}");
    }
}

#[test]
fn illegal_instructions_tell_their_bits() {
    let check = |bits: u32| {
        let expected = if bits & 3 == 3 { bits } else { bits & 0xffff };
        assert_eq!(trap(None, |_| {}, |program| _ = program.word(bits)), (2, expected.into()), "{bits:#x}");
    };
    // None of these is an instruction of this hart: zeros, ones, vectors, a reserved shift, half words, `c.addi16sp 0`.
    for bits in
        [0, u32::MAX, 0x0000_0057, 0x8000_1013 | 1 << 30, 0x1234_0000, 0x1234_6101, 0x1234_8002, 0x0000_9c41]
    {
        check(bits);
    }
}

#[test]
fn instructions_of_other_modes_are_illegal() {
    type Write = fn(&mut Assembler);
    const TVM: u64 = 1 << 20;
    const TW: u64 = 1 << 21;
    const TSR: u64 = 1 << 22;
    let cases: &[(&str, Write, u64, u64, bool)] = &[
        ("mret", |program| _ = program.mret(), S, 0, false),
        ("mret", |program| _ = program.mret(), U, 0, false),
        ("sret", |program| _ = program.sret(), U, 0, false),
        ("sret", |program| _ = program.sret(), S, TSR, false),
        ("wfi", |program| _ = program.wfi(), U, 0, false),
        ("wfi", |program| _ = program.wfi(), S, TW, false),
        ("sfence.vma", |program| _ = program.sfence_vma(ZERO, ZERO), U, 0, false),
        ("sfence.vma", |program| _ = program.sfence_vma(ZERO, ZERO), S, TVM, false),
        ("sfence.vma", |program| _ = program.sfence_vma(ZERO, ZERO), S, 0, true),
        ("sinval.vma", |program| _ = program.sinval_vma(ZERO, ZERO), S, TVM, false),
        ("sinval.vma", |program| _ = program.sinval_vma(ZERO, ZERO), S, 0, true),
        ("sfence.w.inval", |program| _ = program.sfence_w_inval(), U, 0, false),
        ("sfence.inval.ir", |program| _ = program.sfence_inval_ir(), U, 0, false),
        ("sfence.w.inval", |program| _ = program.sfence_w_inval(), S, TVM, true),
        ("satp", |program| _ = program.csrr(A0, csr::SATP), S, TVM, false),
        ("satp", |program| _ = program.csrr(A0, csr::SATP), S, 0, true),
    ];
    for (name, write, mode, status, is_allowed) in cases {
        let machine = Machine::run(|program| {
            program.li(A0, *status).csrs(csr::MSTATUS, A0).enter(*mode);
            write(program);
            program.ecall();
        });
        let expected = if *is_allowed { 8 + mode } else { 2 };
        let End::Trap { cause, .. } = machine.end() else { panic!("{:?}", machine.end()) };
        assert_eq!(cause, expected, "{name} in mode {mode} with {status:#x}");
    }
}

#[test]
fn floating_instructions_need_their_registers_on() {
    let off = |program: &mut Assembler| _ = program.li(A0, FLOATS).csrc(csr::MSTATUS, A0);
    let cases: [fn(&mut Assembler); 8] = [
        |program| _ = program.fadd_d(FA0, FA0, FA0),
        |program| _ = program.fmv_x_w(A0, FA0),
        |program| _ = program.flw(FA0, 0, SP),
        |program| _ = program.fsd(FA0, 0, SP),
        |program| _ = program.csrr(A0, csr::FCSR),
        |program| _ = program.csrr(A0, csr::FRM),
        |program| _ = program.fcvt_d_l(FA0, A0),
        |program| _ = program.half(0x2000).half(1), // c.fld
    ];
    for write in cases {
        assert_eq!(trap(None, off, write).0, 2);
    }
}

#[test]
fn reserved_rounding_modes_are_illegal() {
    for opcode in
        [Opcode::FaddS, Opcode::FdivD, Opcode::FmaddD, Opcode::FcvtWS, Opcode::FsqrtS, Opcode::FcvtSD]
    {
        for mode in [5, 6] {
            let instruction = Instruction { mode, ..Instruction::new(opcode) };
            assert_eq!(trap(None, |_| {}, |program| _ = program.emit(instruction)).0, 2, "{instruction}");
        }
        for dynamic in [5, 6, 7] {
            let instruction = Instruction { mode: 7, ..Instruction::new(opcode) };
            let prepare = |program: &mut Assembler| _ = program.csrrwi(ZERO, csr::FRM, dynamic);
            assert_eq!(
                trap(None, prepare, |program| _ = program.emit(instruction)).0,
                2,
                "{instruction} {dynamic}"
            );
        }
    }
}

#[test]
fn writing_floating_registers_makes_them_dirty() {
    let cases: [(fn(&mut Assembler), bool); 5] = [
        (|program| _ = program.fmv_d_x(FA0, ZERO), true),
        (|program| _ = program.fadd_d(FA0, FA1, FA1), true),
        (|program| _ = program.csrw(csr::FFLAGS, ZERO), true),
        (|program| _ = program.csrr(A0, csr::FCSR), false),
        (|program| _ = program.nop(), false),
    ];
    for (write, is_dirty) in cases {
        let machine = Machine::run(|program| {
            program.li(A0, FLOATS).csrc(csr::MSTATUS, A0).li(A0, 1 << 13).csrs(csr::MSTATUS, A0);
            write(program);
        });
        let status = machine.hart.csr(csr::MSTATUS).unwrap();
        let expected = if is_dirty { (3, 1) } else { (1, 0) };
        assert_eq!((status >> 13 & 3, status >> 63), expected);
    }
}

#[test]
fn jumps_out_of_memory_trap_at_their_target() {
    for target in [0x10, 0x7fff_fffe, 0x9000_0000_u64] {
        let machine = Machine::run(|program| _ = program.li(A0, target).jalr(A1, 0, A0));
        assert_eq!(machine.end(), End::Trap { cause: 1, value: target, pc: target });
        assert_ne!(machine.hart.register(11), 0, "the link is written");
    }
}

/// A trap from a lower mode goes to the supervisor if it is delegated; one from machine mode never does.
#[test]
fn exceptions_are_delegated() {
    for mode in [U, S] {
        let machine = Machine::run_with(|program| {
            program.set(csr::MEDELEG, 1 << 3).li(A0, 2).csrs(csr::SSTATUS, A0).enter(mode);
            let at = program.here();
            program.ebreak();
            vec![at]
        });
        let End::Delegated { cause: 3, pc, .. } = machine.end() else { panic!("{:?}", machine.end()) };
        assert_eq!(pc, machine.label(0));
        let status = machine.hart.csr(csr::SSTATUS).unwrap();
        assert_eq!((status >> 8 & 1, status >> 5 & 1, status >> 1 & 1), (mode, 1, 0), "SPP, SPIE, SIE");
        assert_eq!(machine.hart.csr(csr::MCAUSE), Some(0));
    }
    let machine = Machine::run(|program| _ = program.set(csr::MEDELEG, 1 << 3).ebreak());
    assert!(matches!(machine.end(), End::Trap { cause: 3, .. }));
}

#[test]
fn returns_restore_what_traps_saved() {
    // From machine mode to user mode: interrupts as before, the previous mode the lowest, MPRV gone.
    const MPRV: u64 = 1 << 17;
    let machine = Machine::run(|program| {
        program.li(A0, MPRV | 1 << 7).csrs(csr::MSTATUS, A0).enter(U).ecall();
    });
    let status = machine.hart.csr(csr::MSTATUS).unwrap();
    assert_eq!((status >> 7 & 1, status >> 3 & 1, status >> 11 & 3, status & MPRV), (1, 0, 0, 0));
    // From supervisor to user mode and to itself.
    for previous in [U, S] {
        let machine = Machine::run(|program| {
            let next = program.label();
            program.enter(S).li(A0, 1 << 8 | 1 << 5).csrc(csr::SSTATUS, A0);
            program.li(A0, previous << 8 | 1 << 5).csrs(csr::SSTATUS, A0);
            program.la(A0, next).csrw(csr::SEPC, A0).sret().bind(next).ecall();
        });
        let End::Trap { cause, .. } = machine.end() else { panic!("{:?}", machine.end()) };
        let status = machine.hart.csr(csr::SSTATUS).unwrap();
        assert_eq!((cause, status >> 8 & 1, status >> 5 & 1, status >> 1 & 1), (8 + previous, 0, 1, 1));
    }
}
