//! Interrupts: which is taken first, by whom, and when none is.

use ironloom_hyper::hart::Exit;
use ironloom_hyper::isa::{Assembler, csr, registers::*};

use crate::machine::{End, Idioms, Machine, S, U};

const MIE: u64 = 1 << 3;
const SIE: u64 = 1 << 1;
const ALL: u64 = 0xaaa;
/// From the first to the last: machine external, software, timer, supervisor external, software, timer.
const ORDER: [u64; 6] = [11, 3, 7, 9, 1, 5];

/// Runs with these lines high; the program spins once it is prepared.
fn run(lines: u64, prepare: impl FnOnce(&mut Assembler)) -> Option<End> {
    let mut machine = Machine::new(|program| {
        prepare(program);
        let here = program.here();
        program.j(here);
        Vec::new()
    });
    machine.hart.set_lines(lines);
    match machine.hart.run(10_000) {
        Exit::Wait => Some(machine.end()),
        Exit::Budget => None,
        other => panic!("{other:?}"),
    }
}

fn cause(end: Option<End>) -> Option<(u64, bool)> {
    match end? {
        End::Trap { cause, value: 0, .. } => Some((cause ^ 1 << 63, false)),
        End::Delegated { cause, value: 0, .. } => Some((cause ^ 1 << 63, true)),
        other => panic!("{other:?}"),
    }
}

#[test]
fn the_most_urgent_comes_first() {
    for start in 0..ORDER.len() {
        let lines = ORDER[start..].iter().map(|number| 1 << number).sum();
        let end = run(lines, |program| _ = program.set(csr::MIE, ALL).li(A0, MIE).csrs(csr::MSTATUS, A0));
        assert_eq!(cause(end), Some((ORDER[start], false)));
    }
}

#[test]
fn those_of_the_supervisor_are_ordered_alike() {
    for start in 3..ORDER.len() {
        let lines = ORDER[start..].iter().map(|number| 1 << number).sum();
        let end = run(lines, |program| _ = program.set(csr::MIE, ALL).set(csr::MIDELEG, 0x222).enter(U));
        assert_eq!(cause(end), Some((ORDER[start], true)));
    }
}

/// Whether an interrupt is taken: by its delegation, the mode, and what is enabled in it.
#[test]
fn interrupts_are_taken_where_they_may_be() {
    for (number, delegated) in [(7, false), (5, false), (5, true)] {
        for mode in [U, S, 3] {
            for enabled in [0, SIE, MIE, SIE | MIE] {
                let end = run(1 << number, |program| {
                    program.set(csr::MIE, ALL).set(csr::MIDELEG, if delegated { 0x222 } else { 0 });
                    // To be enabled after the return.
                    program.li(A0, enabled << 4 & 0x80 | enabled & SIE).csrs(csr::MSTATUS, A0).enter(mode);
                });
                let expected = match (delegated, mode) {
                    (true, 3) => None,
                    (true, S) => (enabled & SIE != 0).then_some((number, true)),
                    (true, _) => Some((number, true)),
                    (false, 3) => (enabled & MIE != 0).then_some((number, false)),
                    (false, _) => Some((number, false)),
                };
                assert_eq!(
                    cause(end),
                    expected,
                    "{number} delegated {delegated} mode {mode} enabled {enabled:#x}"
                );
            }
        }
    }
}

#[test]
fn what_is_not_enabled_waits() {
    for number in ORDER {
        let end = run(1 << number, |program| {
            program.set(csr::MIE, ALL & !(1 << number)).li(A0, MIE).csrs(csr::MSTATUS, A0);
        });
        assert_eq!(end, None);
    }
}

#[test]
fn vectors_are_for_interrupts() {
    use crate::machine::HANDLER;
    let mut machine = Machine::new(|program| {
        program
            .set(csr::MTVEC, (HANDLER - 28 + 0x100) | 1)
            .set(csr::MIE, ALL)
            .li(A0, MIE)
            .csrs(csr::MSTATUS, A0);
        let here = program.here();
        program.j(here);
        Vec::new()
    });
    // 28 bytes after the vector is the handler of the supervisor, which machine mode runs as well.
    machine.hart.set_lines(1 << 7);
    assert_eq!(machine.hart.run(10_000), Exit::Wait);
    assert_eq!(machine.hart.pc(), HANDLER + 0x108);
    assert_eq!(machine.hart.csr(csr::MCAUSE), Some(1 << 63 | 7));
}

#[test]
fn software_raises_and_takes_back_its_own() {
    let end = run(0, |program| {
        program.set(csr::MIDELEG, 0x222).set(csr::MIE, ALL).enter(S).csrrwi(A0, csr::SIP, 2).csrrsi(
            A0,
            csr::SSTATUS,
            2,
        );
    });
    assert_eq!(cause(end), Some((1, true)));
    // A line that is high is not made a bit of software's by setting another.
    let mut machine = Machine::new(|program| {
        program.li(A0, 2).csrs(csr::MIP, A0).wfi().csrr(A1, csr::MIP);
        Vec::new()
    });
    machine.hart.set_lines(1 << 9);
    assert_eq!(machine.hart.run(10_000), Exit::Wait);
    machine.hart.set_lines(0);
    assert_eq!(machine.hart.run(10_000), Exit::Wait);
    assert_eq!(machine.hart.register(11), 2);
}

#[test]
fn the_timer_of_the_supervisor_rings() {
    let end = run(0, |program| {
        program
            .set(csr::MENVCFG, 1 << 63)
            .set(csr::MCOUNTEREN, 2)
            .set(csr::MIDELEG, 0x222)
            .set(csr::MIE, ALL);
        program.enter(S).csrr(A0, csr::TIME).addi(A0, A0, 5).csrw(csr::STIMECMP, A0).csrrsi(
            A0,
            csr::SSTATUS,
            2,
        );
    });
    assert_eq!(cause(end), Some((5, true)));
}
