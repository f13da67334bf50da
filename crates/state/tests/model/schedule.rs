//! [`Schedule`]: what happens to a world, drawn from a seed.
//!
//! Steps say *which* by a number that is resolved when they are taken, modulo what there is then. So a schedule stays one
//! when steps are taken out of it, which is how a failing one is made small.

use ironloom_core::{Rng, Seed};
use ironloom_state::{Config, Roots};

use crate::program::{
    BUDGET, EVENT_BYTES_MAX, EVENTS_MAX, Op, Plan, RESOURCES, Transaction, VALUE_BYTES_MAX,
};

#[derive(Debug, Clone)]
pub(crate) struct Schedule {
    pub(crate) seed: Seed,
    pub(crate) config: Config,
    pub(crate) steps: Vec<Step>,
}

/// One thing that happens.
#[derive(Debug, Clone)]
pub(crate) enum Step {
    Submit {
        plan: Plan,
        synced: bool,
    },
    /// Submits again what was submitted before, if possible what was rolled back from here.
    Return {
        pick: u64,
    },
    Wait {
        pick: u64,
        stage: Stage,
    },
    Rollback {
        pick: u64,
        waits: bool,
    },
    RollbackRefused {
        pick: u64,
    },
    Prune {
        pick: u64,
        is_full: bool,
    },
    OpenSnapshot {
        pick: u64,
    },
    DropSnapshot {
        pick: u64,
    },
    Drive,
    Check,
    Fault(Fault),
    End {
        how: End,
        roots: Roots,
        fault_at_open: Option<Fault>,
    },
}

#[derive(Debug, Clone, Copy)]
pub(crate) enum Stage {
    Executed,
    Committed,
    Durable,
}

/// What goes wrong, after so many operations or reads.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Fault {
    PowerOff(u64),
    Fail(u64),
    FailRead(u64),
}

/// How a state ends.
#[derive(Debug, Clone, Copy)]
pub(crate) enum End {
    Close,
    Drop,
    /// The process is killed.
    Kill,
    Crash,
    CrashKeeping(usize),
}

/// Which kinds of steps there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kinds {
    All,
    /// Nothing whose result depends on time.
    Timeless,
}

/// The limits of a world, with everything small that can be.
pub(crate) fn config(workers: usize) -> Config {
    Config {
        workers,
        transaction_budget: BUDGET,
        value_bytes_max: VALUE_BYTES_MAX,
        events_max: EVENTS_MAX,
        event_bytes_max: EVENT_BYTES_MAX,
        ..Config::default()
    }
}

impl Schedule {
    pub(crate) fn draw(number: u64, workers: usize, kinds: Kinds) -> Self {
        let seed = Seed::new(number);
        let mut rng = Rng::new(seed).split("schedule", 0);
        let large = config(workers);
        let one_of = |rng: &mut Rng, sizes: &[u64]| *rng.choose(sizes).unwrap();
        let config = Config {
            roots: if rng.chance(7, 8) { Roots::On } else { Roots::Off },
            resident_resources_max: one_of(&mut rng, &[0, 3, large.resident_resources_max]),
            prune_step_rows_max: one_of(&mut rng, &[1, 2, large.prune_step_rows_max]),
            tree_changes_max: one_of(&mut rng, &[1, 5, large.tree_changes_max, large.tree_changes_max]),
            tree_cache_bytes_max: one_of(&mut rng, &[0, large.tree_cache_bytes_max]),
            batches_in_flight_max: one_of(&mut rng, &[1, 3, large.batches_in_flight_max]),
            transactions_in_flight_max: one_of(&mut rng, &[2, large.transactions_in_flight_max]),
            ..large
        };
        let mut roots = config.roots;
        let count = rng.range(8..22);
        let mut steps = Vec::new();
        for _ in 0..count {
            steps.push(match kinds {
                Kinds::All => step(&mut rng, &mut roots),
                Kinds::Timeless => timeless_step(&mut rng),
            });
        }
        Self { seed, config, steps }
    }
}

fn timeless_step(rng: &mut Rng) -> Step {
    let pick = rng.next_u64();
    match rng.below(10) {
        0 => Step::Rollback { pick, waits: rng.chance(1, 2) },
        1 | 2 => Step::Return { pick },
        3 => Step::Wait { pick, stage: stage(rng) },
        _ => Step::Submit { plan: plan(rng), synced: rng.chance(1, 4) },
    }
}

fn step(rng: &mut Rng, roots: &mut Roots) -> Step {
    let pick = rng.next_u64();
    match rng.below(48) {
        0..=17 => Step::Submit { plan: plan(rng), synced: rng.chance(1, 4) },
        18..=21 => Step::Return { pick },
        22..=25 => Step::Wait { pick, stage: stage(rng) },
        26..=30 => Step::Rollback { pick, waits: rng.chance(1, 2) },
        31 => Step::RollbackRefused { pick },
        32..=34 => Step::Prune { pick, is_full: rng.chance(1, 2) },
        35 | 36 => Step::OpenSnapshot { pick },
        37 => Step::DropSnapshot { pick },
        38 => Step::Drive,
        39 | 40 => Step::Check,
        41 | 42 => Step::Fault(fault(rng)),
        _ => {
            if rng.chance(1, 6) {
                *roots = if *roots == Roots::On { Roots::Off } else { Roots::On };
            }
            let fault_at_open = rng.chance(1, 8).then(|| fault(rng));
            Step::End { how: end(rng), roots: *roots, fault_at_open }
        }
    }
}

fn stage(rng: &mut Rng) -> Stage {
    *rng.choose(&[Stage::Executed, Stage::Committed, Stage::Durable]).unwrap()
}

fn fault(rng: &mut Rng) -> Fault {
    let after = rng.below(8);
    match rng.below(4) {
        0 | 1 => Fault::PowerOff(after),
        2 => Fault::Fail(after),
        _ => Fault::FailRead(after),
    }
}

fn end(rng: &mut Rng) -> End {
    match rng.below(8) {
        0 => End::Close,
        1 => End::Drop,
        2 => End::Kill,
        3 | 4 => End::CrashKeeping(rng.below(5) as usize),
        _ => End::Crash,
    }
}

pub(crate) fn plan(rng: &mut Rng) -> Plan {
    let count = rng.below(5);
    let transactions = (0..count).map(|_| transaction(rng)).collect();
    Plan { metadata: rng.below(2) as u8, transactions }
}

fn transaction(rng: &mut Rng) -> Transaction {
    let mut accesses = Vec::new();
    let density = rng.range(0..4);
    for number in 0..RESOURCES {
        if rng.chance(density, 5) {
            accesses.push((number, rng.chance(2, 3)));
        }
    }
    let count = rng.below(6);
    let ops = (0..count).map(|_| op(rng, &accesses)).collect();
    Transaction { accesses, budget: rng.chance(1, 8).then(|| rng.below(12)), ops }
}

/// A step that mostly touches what may be touched.
fn op(rng: &mut Rng, accesses: &[(u8, bool)]) -> Op {
    let writable: Vec<u8> =
        accesses.iter().filter(|(_, writes)| *writes).map(|(number, _)| *number).collect();
    let declared: Vec<u8> = accesses.iter().map(|(number, _)| *number).collect();
    let any = |rng: &mut Rng, of: &[u8]| {
        let stray = rng.below(u64::from(RESOURCES)) as u8;
        if rng.chance(1, 60) { Some(stray) } else { rng.choose(of).copied() }
    };
    let (Some(to), Some(from)) = (any(rng, &writable), any(rng, &declared)) else {
        return if rng.chance(1, 2) { Op::Spend(rng.below(8)) } else { Op::SpendQuietly(rng.below(8)) };
    };
    match rng.below(40) {
        0..=9 => Op::Put(to, vec![b'a' + rng.below(3) as u8; rng.below(3) as usize]),
        10 => Op::Put(to, vec![b'x'; rng.range(20..42) as usize]),
        11..=19 => Op::Append(to, b'0' + rng.below(10) as u8),
        20..=25 => Op::Remove(to),
        26..=29 => Op::Copy(from, to),
        30..=34 => Op::Tell(from),
        35 => Op::Spend(rng.below(60)),
        36 => Op::SpendQuietly(rng.below(120)),
        37 => Op::Refuse,
        38 => Op::Panic,
        _ => Op::Spend(1),
    }
}
