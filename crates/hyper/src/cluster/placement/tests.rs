//! Policies alone, and against each other.

mod units;
mod workload;

use std::fmt::Write as _;

use ironloom_core::{Duration, Rng};

use super::{Access, AlwaysMove, CostModel, Fixed, JumpAfter};
use workload::{Outcome, Workload, run};

use Access::{Read, Write};

/// Where the pages of harts begin, far apart.
const OWN: u64 = 1 << 20;

fn either(rng: &mut Rng, writes: u64, of: u64) -> Access {
    if rng.chance(writes, of) { Write } else { Read }
}

/// A page of a hart's own.
fn own(hart: u8, pages: u64, rng: &mut Rng) -> (u64, Access) {
    (OWN * (u64::from(hart) + 1) + rng.below(pages), either(rng, 1, 3))
}

/// The pages of harts lie where the harts begin, two at each of two hosts; the others at the first.
fn beside(page: u64) -> u8 {
    ((page / OWN).saturating_sub(1) / 2).min(1) as u8
}

const PAIRS: &[u8] = &[0, 0, 1, 1];

const WORKLOADS: &[Workload] = &[
    Workload {
        name: "private data",
        hosts: 2,
        cores: 4,
        homes: PAIRS,
        first: beside,
        next: |hart, _, rng| own(hart, 256, rng),
    },
    Workload {
        name: "private data, scattered",
        hosts: 2,
        cores: 4,
        homes: PAIRS,
        first: |page| (page / 64 % 2) as u8,
        next: |hart, _, rng| own(hart, 256, rng),
    },
    Workload {
        name: "shared, read only",
        hosts: 2,
        cores: 2,
        homes: PAIRS,
        first: beside,
        next: |hart, _, rng| match rng.below(2) {
            0 => (rng.below(1_024), Read),
            _ => own(hart, 64, rng),
        },
    },
    Workload {
        name: "producer and consumer",
        hosts: 2,
        cores: 4,
        homes: &[0, 1],
        first: |page| if page < OWN { 0 } else { (page / OWN - 1) as u8 },
        next: |hart, step, rng| match step % 8 {
            0 => (step / 64 % 16, if hart == 0 { Write } else { Read }),
            _ => own(hart, 16, rng),
        },
    },
    Workload {
        name: "migratory lock, room",
        hosts: 2,
        cores: 4,
        homes: PAIRS,
        first: beside,
        next: |hart, step, rng| match step % 32 {
            0 => (0, Read),
            1..4 => (0, Write),
            _ => own(hart, 64, rng),
        },
    },
    Workload {
        name: "migratory lock, no room",
        hosts: 2,
        cores: 2,
        homes: PAIRS,
        first: beside,
        next: |hart, step, rng| match step % 32 {
            0 => (0, Read),
            1..4 => (0, Write),
            _ => own(hart, 64, rng),
        },
    },
    Workload {
        name: "false sharing",
        hosts: 2,
        cores: 4,
        homes: &[0, 1],
        first: |page| if page < OWN { 0 } else { (page / OWN - 1) as u8 },
        next: |hart, step, rng| if step % 4 == 0 { (0, Write) } else { own(hart, 32, rng) },
    },
    Workload {
        name: "sequential scan",
        hosts: 2,
        cores: 4,
        homes: PAIRS,
        first: |page| if page < OWN { 0 } else { 1 },
        next: |hart, step, rng| match step % 4 {
            0 => own(hart, 8, rng),
            _ => (OWN * (u64::from(hart) + 1) + 100 + step / 8, Read),
        },
    },
    Workload {
        name: "unbalanced load",
        hosts: 2,
        cores: 4,
        homes: &[0, 0, 0, 0, 0, 0, 0, 0],
        first: |_| 0,
        next: |hart, _, rng| own(hart, 64, rng),
    },
    Workload {
        name: "three that share, apart",
        hosts: 3,
        cores: 3,
        homes: &[0, 1, 2],
        first: |page| if page < OWN { 0 } else { (page / OWN - 1) as u8 },
        next: |hart, step, rng| if step % 16 < 2 { (rng.below(4), Write) } else { own(hart, 64, rng) },
    },
    Workload {
        name: "large private, little shared",
        hosts: 2,
        cores: 4,
        homes: PAIRS,
        first: beside,
        next: |hart, step, rng| if step % 2_000 == 0 { (0, Write) } else { own(hart, 2_048, rng) },
    },
    Workload {
        name: "phases",
        hosts: 2,
        cores: 4,
        homes: &[0, 1],
        first: |page| if page < OWN { 0 } else { (page / OWN - 1) as u8 },
        next: |hart, step, rng| match (step / 12_500 % 2, step % 8) {
            (1, 0) => (rng.below(4), Write),
            _ => own(hart, 64, rng),
        },
    },
];

fn outcomes(workload: &Workload) -> [Outcome; 4] {
    [
        run(workload, || Fixed),
        run(workload, || AlwaysMove),
        run(workload, || JumpAfter::new(16)),
        run(workload, CostModel::default),
    ]
}

/// The cost model is never much worse than the best of the simple policies, which is another one each time.
#[test]
fn costs_of_policies() {
    let mut sums = [0; 4];
    let mut table = String::from("| workload | fixed | always | jump | cost model | faults, moves |\n");
    let mut worst = 0.0f64;
    for workload in WORKLOADS {
        let outcomes = outcomes(workload);
        let millis = outcomes.map(|outcome| outcome.time.as_millis());
        sums.iter_mut().zip(millis).for_each(|(sum, millis)| *sum += millis);
        let best = outcomes[..3].iter().map(|outcome| outcome.time).min().unwrap_or(Duration::ZERO);
        let ratio = outcomes[3].time.as_secs_f64() / best.as_secs_f64();
        worst = worst.max(ratio);
        let counts = outcomes.map(|outcome| (outcome.faults, outcome.moves));
        let _ = writeln!(table, "| {} | {millis:?} | {ratio:.3} | {counts:?} |", workload.name);
    }
    assert!(worst <= 1.1, "{table}");
    assert!(sums[..3].iter().all(|sum| sums[3] < *sum), "{table}");
}
