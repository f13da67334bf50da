//! Races: short programs that harts run at the same time, in many rounds, each on places of its own.

use std::collections::BTreeMap;
use std::fmt;

use ironloom_hyper::isa::{Assembler, registers::*};
use ironloom_hyper::{Computer, GuestAddress};

use crate::rig::{DATA, Part, Ran, Stage, meet, repeat, run_after, times};

/// Where the first round's places are, and where each hart writes what it found: two words a round.
const PLACES: u64 = DATA;
const FOUND: u64 = DATA + (4 << 20);
const FOUND_BYTES: u64 = 1 << 17;
/// How far the places of races are apart that are run beside each other: they share lines.
const BESIDE: u64 = 16;
/// The most different ends of a race that are printed one by one.
const ENDS_MAX: usize = 16;

/// What was seen in a round: what harts found in their two registers, and what was there in the end.
pub(crate) struct Seen {
    pub(crate) found: Vec<[u64; 2]>,
    pub(crate) x: u64,
    pub(crate) y: u64,
}

/// Where harts are and where places are that they race for.
#[derive(Clone, Copy)]
pub(crate) struct Ground {
    pub(crate) stage: Stage,
    /// How far the places of two rounds are apart.
    pub(crate) stride: u64,
    /// How far the two places of a round are apart.
    pub(crate) distance: u64,
    /// Whether pages are shared with a fork.
    pub(crate) forked: bool,
    /// Whether all harts have read the places of a round before.
    pub(crate) read_before: bool,
    /// How many such races are run at once beside each other.
    pub(crate) beside: u64,
    /// How often harts meet, and how many rounds they run between.
    pub(crate) meetings: u64,
    pub(crate) batch: u64,
    /// Harts wait before each round for a time by chance, of up to 2 to this power turns of a loop.
    pub(crate) skew: i32,
    /// The same between what a part does first and what it does then.
    pub(crate) gap: i32,
}

impl Ground {
    /// On one host, with each place in a line of its own.
    pub(crate) const LINES: Self = Self {
        stage: Stage::Together,
        stride: 64,
        distance: 2 << 20,
        forked: false,
        read_before: false,
        beside: 1,
        meetings: 60,
        batch: 50,
        skew: 0,
        gap: 0,
    };

    /// What belongs between the two things that a part does; it changes `t0`, `t1` and `s10`.
    pub(crate) fn between(&self, text: &mut Assembler, fence: Option<(u8, u8)>) {
        if let Some((before, after)) = fence {
            text.fence(before, after);
        }
        wait_by_chance(text, self.gap);
    }

    const fn rounds(&self) -> u64 {
        self.meetings * self.batch
    }
}

impl fmt::Display for Ground {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { stage, stride, distance, beside, .. } = self;
        write!(f, "{stage}, places {distance} apart, rounds {stride} apart")?;
        let marks =
            [(self.forked, ", forked"), (self.read_before, ", read before"), (*beside > 1, ", beside")];
        marks.iter().filter(|(is, _)| *is).try_for_each(|(_, mark)| f.write_str(mark))
    }
}

/// Runs the parts of all harts, with the round's places in `s2` and `s3`; what they find they leave in `a2` and `a3`.
///
/// In `s8` and `s9` they find a one and a two. `s4` to `s7`, `s10` and `s11` are not theirs.
pub(crate) fn race(ground: &Ground, parts: &[Part<'_>]) -> Vec<Seen> {
    (0..times()).flat_map(|time| race_once(ground, time, parts)).collect()
}

fn race_once(ground: &Ground, time: u64, parts: &[Part<'_>]) -> Vec<Seen> {
    let each = parts.len() as u64;
    let harts = each * ground.beside;
    let rounds: Vec<_> = (0..harts)
        .map(|hart| rounds(ground, time, [hart, each, harts], parts[(hart % each) as usize]))
        .collect();
    let rounds: Vec<Part<'_>> = rounds.iter().map(|round| round as Part<'_>).collect();
    let mut forks = Vec::new();
    let ran = run_after(ground.stage, &rounds, |computer| forks.extend(prepare(ground, computer)));
    drop(forks);
    let races = (0..ground.rounds()).flat_map(|round| (0..ground.beside).map(move |race| (round, race)));
    races.map(|(round, race)| seen(ground, &ran, each, round, race)).collect()
}

fn seen(ground: &Ground, ran: &Ran, each: u64, round: u64, race: u64) -> Seen {
    let place = PLACES + race * BESIDE + round * ground.stride;
    let found = |hart: u64| {
        let place = FOUND + hart * FOUND_BYTES + round * 16;
        [ran.dword(place), ran.dword(place + 8)]
    };
    Seen {
        found: (race * each..(race + 1) * each).map(found).collect(),
        x: ran.dword(place),
        y: ran.dword(place + ground.distance),
    }
}

fn prepare(ground: &Ground, computer: &mut Computer) -> Option<Computer> {
    ground.forked.then(|| {
        for round in 0..ground.rounds() {
            let place = GuestAddress::new(PLACES + round * ground.stride + 8);
            computer.memory().store(place, round).unwrap();
        }
        computer.fork().unwrap()
    })
}

fn rounds<'a>(
    ground: &'a Ground,
    time: u64,
    [hart, each, harts]: [u64; 3],
    part: Part<'a>,
) -> impl Fn(&mut Assembler) + 'a {
    let place = PLACES + hart / each * BESIDE;
    move |text| {
        text.li(S2, place).li(S3, place + ground.distance);
        text.li(S4, FOUND + hart * FOUND_BYTES).li(S5, ground.stride).li(S10, time * harts + hart);
        repeat(text, S6, ground.meetings, |text| {
            if ground.read_before {
                text.ld(T0, 0, S2).ld(T0, 0, S3);
            }
            meet(text, harts as usize);
            repeat(text, S7, ground.batch, |text| {
                wait_by_chance(text, ground.skew);
                text.li(A2, 0).li(A3, 0).li(S8, 1).li(S9, 2);
                part(text);
                text.sd(A2, 0, S4).sd(A3, 8, S4).addi(S4, S4, 16).add(S2, S2, S5).add(S3, S3, S5);
            });
        });
    }
}

/// Waits for up to 2 to the power of `skew` turns of a loop, short times as often as long ones.
///
/// The next chance is in `s10`; `t0` and `t1` are changed.
pub(crate) fn wait_by_chance(text: &mut Assembler, skew: i32) {
    if skew == 0 {
        return;
    }
    text.li(T0, 6_364_136_223_846_793_005)
        .mul(S10, S10, T0)
        .li(T0, 1_442_695_040_888_963_407)
        .add(S10, S10, T0);
    text.srli(T0, S10, 64 - skew).srli(T1, S10, 40).andi(T1, T1, 15).srl(T0, T0, T1);
    let (again, over) = (text.label(), text.label());
    text.bind(again).beqz(T0, over).addi(T0, T0, -1).j(again).bind(over);
}

/// Counts the rounds in which something was seen, and prints it with all that was seen.
pub(crate) fn count_of(what: &str, ground: &Ground, seen: &[Seen], is: impl Fn(&Seen) -> bool) -> usize {
    let times = seen.iter().filter(|round| is(round)).count();
    let mut ends = BTreeMap::new();
    for Seen { found, x, y } in seen {
        *ends.entry((found, x, y)).or_insert(0_u64) += 1;
    }
    println!("{what}: {times} of {} ({ground}), {} different ends", seen.len(), ends.len());
    if ends.len() <= ENDS_MAX {
        ends.iter().for_each(|((found, x, y), times)| println!("  {times:7} × {found:?}, {x} {y}"));
    }
    times
}

pub(crate) fn never(what: &str, ground: &Ground, seen: &[Seen], is: impl Fn(&Seen) -> bool) {
    assert_eq!(count_of(what, ground, seen, is), 0, "{what} is forbidden: {ground}");
}
