//! Atomic operations as locks, and reservations under contention.

use ironloom_hyper::isa::{Assembler, registers::*};

use crate::rig::{DATA, Part, Ran, Stage, repeat, run};

/// A word that harts contend for; the others in its line, and lines elsewhere.
const WORD: u64 = DATA;
const FAR: u64 = DATA + 0x1000;
const ASK: u64 = DATA + 0x2000;
const ANSWER: u64 = DATA + 0x3000;
const WRONG: u64 = DATA + 0x4000;
const NODES: u64 = DATA + 0x10_000;

/// The same part for so many harts.
fn run_all(stage: Stage, harts: usize, part: Part<'_>) -> Ran {
    run(stage, &vec![part; harts])
}

/// A lock of atomics lets in one at a time.
pub(crate) fn lock(stage: Stage, harts: usize, each: u64) {
    for release_by_store in [false, true] {
        let computer = run_all(stage, harts, &|text| {
            text.li(S2, WORD).li(S3, FAR);
            repeat(text, S4, each, |text| {
                let (take, taken) = (text.label(), text.label());
                text.bind(take).li(T0, 1).amoswap_w(T1, T0, S2).beqz(T1, taken).pause().j(take);
                text.bind(taken).fence(3, 3);
                // Two counters in different lines, by plain loads and stores.
                for place in [8, 128] {
                    text.ld(T2, place, S3).addi(T2, T2, 1).sd(T2, place, S3);
                }
                text.fence(3, 3);
                if release_by_store {
                    text.sw(ZERO, 0, S2);
                } else {
                    text.amoswap_w(ZERO, ZERO, S2);
                }
            });
        });
        let found = [8, 128].map(|place| computer.dword(FAR + place));
        assert_eq!(found, [each * harts as u64; 2], "{harts} harts, {stage}, store: {release_by_store}");
    }
}

/// Reservations lose nothing beside stores to the same line.
pub(crate) fn reservations(stage: Stage, harts: usize, each: u64) {
    let computer = run_all(stage, harts, &|text| {
        text.li(S2, WORD).slli(S3, A0, 3).li(T0, WORD + 0x10).add(S3, S3, T0);
        repeat(text, S4, each, |text| {
            let retry = text.label();
            // A word of its own in the line, what all count by reserving, and what all count by an operation.
            text.sd(S4, 0, S3);
            text.bind(retry).lr_d(T0, S2).addi(T0, T0, 1).sc_d(T1, T0, S2).bnez(T1, retry);
            text.li(T2, 1).addi(T3, S2, 8).amoadd_d(ZERO, T2, T3);
        });
    });
    let expected = each * harts as u64;
    let found = [computer.dword(WORD), computer.dword(WORD + 8)];
    assert_eq!(found, [expected; 2], "{harts} harts, {stage}");
}

/// While one hart holds a reservation, another stores; how often the store-conditional succeeded all the same.
fn conditional_after(stage: Stage, rounds: u64, store: Part<'_>) -> u64 {
    let reserves = |text: &mut Assembler| {
        text.li(S2, WORD).li(S3, ASK).li(S5, ANSWER).li(S6, 0);
        repeat(text, S4, rounds, |text| {
            let (wait, failed) = (text.label(), text.label());
            text.addi(S4, S4, 1).lr_d(T0, S2).sd(S4, 0, S3);
            text.bind(wait).ld(T1, 0, S5).bne(T1, S4, wait);
            text.sc_d(T2, T0, S2).bnez(T2, failed).addi(S6, S6, 1).bind(failed).addi(S4, S4, -1);
        });
        text.li(T0, FAR).sd(S6, 0, T0);
    };
    let stores = |text: &mut Assembler| {
        text.li(S2, WORD).li(S3, ASK).li(S5, ANSWER);
        repeat(text, S4, rounds, |text| {
            let (wait, asked) = (text.label(), text.label());
            text.addi(S4, S4, 1).bind(wait).ld(T1, 0, S3).beq(T1, S4, asked).pause().j(wait).bind(asked);
            text.fence(3, 3);
            store(text);
            text.fence(3, 3).sd(S4, 0, S5).addi(S4, S4, -1);
        });
    };
    run(stage, &[&reserves, &stores]).dword(FAR)
}

/// A reservation is lost when somebody stores what was there; how often it was kept when somebody stored elsewhere.
pub(crate) fn lost_reservations(stage: Stage, rounds: u64) -> u64 {
    let stores: [(&str, Part<'_>); 6] = [
        ("sd", &|text| _ = text.ld(T0, 0, S2).sd(T0, 0, S2)),
        ("sw", &|text| _ = text.lw(T0, 4, S2).sw(T0, 4, S2)),
        ("sb", &|text| _ = text.lb(T0, 7, S2).sb(T0, 7, S2)),
        ("fsd", &|text| {
            text.li(T0, 3 << 13).csrs(0x100, T0).fld(FT0, 0, S2).fsd(FT0, 0, S2);
        }),
        ("amoor.d", &|text| _ = text.amoor_d(ZERO, ZERO, S2)),
        ("sc.d", &|text| {
            let retry = text.here();
            text.lr_d(T0, S2).sc_d(T2, T0, S2).bnez(T2, retry);
        }),
    ];
    for (name, store) in stores {
        assert_eq!(conditional_after(stage, rounds, store), 0, "after {name}, {stage}");
    }
    let kept = conditional_after(stage, rounds, &|text| {
        text.li(T0, FAR + 0x100).sd(S4, 0, T0);
    });
    println!("reservations kept beside stores elsewhere: {kept} of {rounds} ({stage})");
    kept
}

/// A stack of nodes that harts take and put back: if a reservation outlived that the same node came back, nodes are
/// lost, or two harts have the same.
pub(crate) fn stack(stage: Stage, harts: usize, each: u64, node_bytes: u64) {
    const COUNT: u64 = 6;
    let node = |number: u64| NODES + number * node_bytes;
    let computer = run_all(stage, harts, &|text| {
        text.li(S2, WORD).li(S3, WRONG).li(S6, 1);
        fill(text, COUNT, harts, &node);
        repeat(text, S4, each, |text| {
            let (pop, alone, push, empty) = (text.label(), text.label(), text.label(), text.label());
            text.bind(pop).lr_d(T0, S2).beqz(T0, empty).ld(T1, 0, T0).sc_d(T2, T1, S2).bnez(T2, pop);
            text.addi(T3, T0, 8).amoswap_d(T4, S6, T3).beqz(T4, alone).amoadd_d(ZERO, S6, S3).bind(alone);
            text.amoswap_d(ZERO, ZERO, T3).fence(3, 3);
            text.bind(push).lr_d(T1, S2).sd(T1, 0, T0).sc_d(T2, T0, S2).bnez(T2, push);
            let next = text.label();
            text.j(next).bind(empty).pause().bind(next);
        });
    });
    assert_eq!(computer.dword(WRONG), 0, "{harts} harts, {stage}: a node had two owners");
    let mut nodes = Vec::new();
    let mut at = computer.dword(WORD);
    while at != 0 && nodes.len() as u64 <= COUNT {
        nodes.push(at);
        at = computer.dword(at);
    }
    nodes.sort_unstable();
    assert_eq!(nodes, (0..COUNT).map(node).collect::<Vec<_>>(), "{harts} harts, {stage}");
}

/// The first hart makes the stack before all begin.
fn fill(text: &mut Assembler, count: u64, harts: usize, node: &dyn Fn(u64) -> u64) {
    let made = text.label();
    text.bnez(A0, made);
    for number in 0..count {
        let next = if number + 1 < count { node(number + 1) } else { 0 };
        text.li(T0, node(number)).li(T1, next).sd(T1, 0, T0);
    }
    text.li(T0, node(0)).sd(T0, 0, S2).bind(made);
    crate::rig::meet(text, harts);
}

#[test]
fn a_lock_of_atomics_lets_in_one_at_a_time() {
    [2, 4].iter().for_each(|harts| lock(Stage::Together, *harts, 2_000));
}

#[test]
fn reservations_lose_nothing_beside_stores_to_the_same_line() {
    (2..=4).for_each(|harts| reservations(Stage::Together, harts, 3_000));
}

#[test]
fn a_reservation_is_lost_when_somebody_stores_what_was_there() {
    const ROUNDS: u64 = 40;
    let kept = lost_reservations(Stage::Together, ROUNDS);
    assert!(kept > ROUNDS / 4, "a reservation stays when nobody stores there: {kept} of {ROUNDS}");
}

#[test]
fn a_stack_of_reservations_keeps_its_nodes() {
    [2, 4].iter().for_each(|harts| stack(Stage::Together, *harts, 2_000, 64));
}
