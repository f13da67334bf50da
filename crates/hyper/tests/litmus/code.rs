//! Instructions and translations that one hart changes, and others use after the firmware told them.

use ironloom_hyper::isa::{Assembler, Register, csr, registers::*};
use ironloom_hyper::{Computer, GuestAddress};

use crate::rig::{DATA, Part, Ran, Stage, call, repeat, run, run_after};

const FENCE: u64 = 0x5246_4e43;
const INTERRUPT: u64 = 0x0073_5049;

/// Where the changed function is, which version was announced, and what harts counted.
const FUNCTION: u64 = DATA;
const VERSION: u64 = DATA + 0x1000;
const STALE: u64 = DATA + 0x2000;
const SEEN: u64 = DATA + 0x3000;
/// Of each hart, the last version that it saw, a line each.
const ACKNOWLEDGED: u64 = DATA + 0x4000;
/// Tables, and the pages that they lead to.
const ROOT: u64 = DATA + 0x10_000;
const MIDDLE: u64 = DATA + 0x11_000;
const LEAVES: u64 = DATA + 0x12_000;
const PAGES: u64 = DATA + 0x20_000;
/// Where the page is that changes.
const PLACE: u64 = 4 << 30;

/// Reads versions until the last one was announced, and counts when what `observe` leaves in `a0` is older, and how
/// often it changed.
fn watch(text: &mut Assembler, last: u64, observe: impl FnOnce(&mut Assembler)) {
    let (again, fresh, same) = (text.label(), text.label(), text.label());
    text.li(S2, VERSION).li(S3, last).li(S4, 0).li(S5, 0).li(S6, 0);
    text.li(S8, ACKNOWLEDGED).slli(T0, A0, 6).add(S8, S8, T0);
    text.bind(again).ld(S7, 0, S2).fence(2, 2);
    observe(text);
    text.sd(S7, 0, S8).bgeu(A0, S7, fresh).addi(S4, S4, 1).bind(fresh);
    text.beq(A0, S6, same).mv(S6, A0).addi(S5, S5, 1).bind(same).bne(S7, S3, again);
    text.li(T0, STALE).amoadd_d(ZERO, S4, T0).li(T0, SEEN).amoadd_d(ZERO, S5, T0);
}

/// Announces the version in `s7`, and waits until the first of the others has seen it.
fn announce(text: &mut Assembler) {
    let (wait, seen) = (text.label(), text.label());
    text.li(T0, VERSION).sd(S7, 0, T0).li(T0, ACKNOWLEDGED + 64);
    text.bind(wait).ld(T1, 0, T0).bgeu(T1, S7, seen).pause().j(wait).bind(seen);
}

fn check(what: &str, computer: &Ran, readers: u64, last: u64) {
    let (stale, seen) = (computer.dword(STALE), computer.dword(SEEN));
    println!("{what}: {readers} harts saw {seen} changes of {last}");
    assert_eq!(stale, 0, "{what}: what was replaced was seen after the fence");
    assert!(seen >= last + readers - 1, "{what}: one hart saw every version, and the others the last");
}

fn fence_all(text: &mut Assembler, function: u64, start: u64, size: u64) {
    text.li(A0, 0).li(A1, u64::MAX).li(A2, start).li(A3, size);
    call(text, FENCE, function);
}

/// Instructions that were replaced do not run after the fence.
pub(crate) fn instructions(stage: Stage, readers: usize, last: u64) {
    // li a0, number; ret
    let code = |number: u64| (number as u32) << 20 | 0x513;
    let writer = |text: &mut Assembler| {
        text.li(S2, FUNCTION).li(S5, 1 << 20).li(S6, code(0).into()).li(S7, 0);
        repeat(text, S4, last, |text| {
            text.add(S6, S6, S5).addi(S7, S7, 1).sw(S6, 0, S2).fence(1, 1);
            fence_all(text, 0, 0, 0);
            announce(text);
        });
    };
    let reader = |text: &mut Assembler| {
        watch(text, last, |text| {
            text.li(T0, FUNCTION).jalr(RA, 0, T0);
        });
    };
    let mut parts: Vec<Part<'_>> = vec![&writer];
    parts.resize(readers + 1, &reader);
    let computer = run_after(stage, &parts, |computer| {
        computer.memory().store(GuestAddress::new(FUNCTION), code(0)).unwrap();
        computer.memory().store(GuestAddress::new(FUNCTION + 4), 0x8067_u32).unwrap();
    });
    check("replaced instructions", &computer, readers as u64, last);
}

const LEAF: u64 = 0xcf; // valid, readable, writable, executable, accessed, dirty
const BRANCH: u64 = 1;

fn entry(at: u64, flags: u64) -> u64 {
    at >> 12 << 10 | flags
}

/// Everything at its own address, and a page more.
fn map(computer: &Computer) {
    let put = |at: u64, value: u64| computer.memory().store(GuestAddress::new(at), value).unwrap();
    put(ROOT + 2 * 8, entry(2 << 30, LEAF));
    put(ROOT + (PLACE >> 30) * 8, entry(MIDDLE, BRANCH));
    put(MIDDLE, entry(LEAVES, BRANCH));
    put(LEAVES, entry(PAGES, LEAF));
}

fn translate(text: &mut Assembler, scratch: Register) {
    text.li(scratch, 8 << 60 | ROOT >> 12).csrw(csr::SATP, scratch).sfence_vma(ZERO, ZERO);
}

/// Maps one page after another; says so after a fence of all others, or of that address only.
fn remap(text: &mut Assembler, last: u64, code: bool) {
    translate(text, T0);
    text.li(S2, LEAVES).li(S5, PAGES).li(S7, 0);
    repeat(text, S4, last / 2, |text| {
        for (start, size) in [(PLACE, 4_096), (0, 0)] {
            // The next of four pages: first its content, then the way to it.
            text.addi(S7, S7, 1).andi(T0, S7, 3).slli(T0, T0, 12).add(T0, T0, S5);
            if code {
                text.slli(T1, S7, 20).li(T2, 0x513).or(T1, T1, T2).sw(T1, 0, T0).li(T2, 0x8067).sw(T2, 4, T0);
            } else {
                text.sd(S7, 0, T0);
            }
            text.fence(3, 3).srli(T0, T0, 2).ori(T0, T0, LEAF as i32).sd(T0, 0, S2).fence(3, 3);
            if code {
                fence_all(text, 0, 0, 0);
            }
            fence_all(text, 1, start, size);
            announce(text);
        }
    });
}

/// A page that was unmapped is not read after the fence.
pub(crate) fn translations(stage: Stage, readers: usize, last: u64) {
    let writer = |text: &mut Assembler| remap(text, last, false);
    let reader = |text: &mut Assembler| {
        translate(text, T0);
        watch(text, last, |text| {
            text.li(T0, PLACE).ld(A0, 0, T0);
        });
    };
    let mut parts: Vec<Part<'_>> = vec![&writer];
    parts.resize(readers + 1, &reader);
    check(
        "replaced translations of data",
        &run_after(stage, &parts, |computer| map(computer)),
        readers as u64,
        last,
    );
}

/// A page that was unmapped is not run after the fence.
pub(crate) fn translated_instructions(stage: Stage, last: u64) {
    let writer = |text: &mut Assembler| remap(text, last, true);
    let reader = |text: &mut Assembler| {
        translate(text, T0);
        watch(text, last, |text| {
            text.li(T0, PLACE).jalr(RA, 0, T0);
        });
    };
    let computer = run_after(stage, &[&writer, &reader, &reader], |computer| {
        map(computer);
        computer.memory().store(GuestAddress::new(PAGES), 0x513_u32).unwrap();
        computer.memory().store(GuestAddress::new(PAGES + 4), 0x8067_u32).unwrap();
    });
    check("replaced translations of code", &computer, 2, last);
}

/// All harts ask all others at once: nobody waits for ever.
pub(crate) fn fences(stage: Stage, harts: usize, each: u64) {
    let part = |text: &mut Assembler| {
        repeat(text, S4, each, |text| {
            fence_all(text, 0, 0, 0);
            fence_all(text, 1, 0, 0);
            fence_all(text, 2, PLACE, 4_096);
            text.li(A0, 0).li(A1, u64::MAX);
            call(text, INTERRUPT, 0);
            text.csrrci(ZERO, csr::SIP, 2);
            // Writing a page that somebody else may run or read makes them catch up, too.
            text.li(T0, PAGES).slli(T1, S4, 12).add(T0, T0, T1).ld(T1, 0, T0).sd(S4, 0, T0);
        });
    };
    let parts: Vec<Part<'_>> = vec![&part; harts];
    run(stage, &parts);
}

#[test]
fn instructions_that_were_replaced_do_not_run_after_the_fence() {
    [1, 3].iter().for_each(|readers| instructions(Stage::Together, *readers, 200));
}

#[test]
fn a_page_that_was_unmapped_is_not_read_after_the_fence() {
    [1, 3].iter().for_each(|readers| translations(Stage::Together, *readers, 200));
}

#[test]
fn a_page_that_was_unmapped_is_not_run_after_the_fence() {
    translated_instructions(Stage::Together, 200);
}

#[test]
fn harts_that_fence_each_other_all_come_through() {
    [2, 4].iter().for_each(|harts| fences(Stage::Together, *harts, 150));
}
