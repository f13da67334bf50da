//! A machine of harts and pages in which time is counted, and what programs do in it.

use ironloom_core::{Duration, Instant, Map, Rng, Seed};

use super::super::{Access, Costs, Decision, Fault, HartView, HostView, Placement, View};
use crate::cluster::harts::HartId;
use crate::cluster::{HostId, HostSet};
use crate::{PAGE_BYTES, PageNumber};

/// What some harts do.
pub(super) struct Workload {
    pub(super) name: &'static str,
    pub(super) hosts: u8,
    pub(super) cores: u16,
    /// Where each hart begins.
    pub(super) homes: &'static [u8],
    /// Where each page is at first.
    pub(super) first: fn(u64) -> u8,
    /// The page that a hart wants next, and what for.
    pub(super) next: fn(u8, u64, &mut Rng) -> (u64, Access),
}

/// How many steps each hart makes, and how long one takes if nothing is in its way.
const STEPS: u64 = 50_000;
const STEP: Duration = Duration::from_micros(4);

/// How long a page stays where it came to.
const HOLD: Duration = Duration::from_micros(50);

/// How far back a hart is taken to use a page.
const RECENT: Duration = Duration::from_millis(20);

struct Page {
    owner: HostId,
    copies: HostSet,
    had: HostSet,
    held_until: Instant,
}

struct Running {
    host: HostId,
    now: Instant,
    since: Instant,
    step: u64,
    /// What it wants and waits for.
    wanted: Option<(u64, Access)>,
    /// Since when.
    asked: Instant,
    /// How long faults took lately.
    stall: Duration,
    recent: Map<u64, Instant>,
    pages: u32,
    counted: Instant,
    rng: Rng,
}

struct Machine<'a, P> {
    workload: &'a Workload,
    policies: Vec<P>,
    pages: Map<u64, Page>,
    harts: Vec<Running>,
    costs: Costs,
    moves: u64,
    faults: u64,
}

/// What came of it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Outcome {
    /// How long the harts took, summed over them.
    pub(super) time: Duration,
    pub(super) faults: u64,
    pub(super) moves: u64,
}

fn host(number: u8) -> HostId {
    HostId::new(number).expect("below 64")
}

/// Does it all under a policy.
pub(super) fn run<P: Placement>(workload: &Workload, policy: impl Fn() -> P) -> Outcome {
    let seed = Rng::new(Seed::new(9));
    let running = |(number, home): (usize, &u8)| Running {
        host: host(*home),
        now: Instant::ZERO,
        since: Instant::ZERO,
        step: 0,
        wanted: None,
        asked: Instant::ZERO,
        stall: Duration::ZERO,
        recent: Map::default(),
        pages: 0,
        counted: Instant::ZERO,
        rng: seed.split("hart", number as u64),
    };
    let mut machine = Machine {
        workload,
        policies: (0..workload.hosts).map(|_| policy()).collect(),
        pages: Map::default(),
        harts: workload.homes.iter().enumerate().map(running).collect(),
        costs: Costs::default(),
        moves: 0,
        faults: 0,
    };
    let mut balanced = Instant::ZERO;
    while let Some(number) = machine.next() {
        let now = machine.harts[number].now;
        if now.saturating_since(balanced) >= Duration::from_millis(5) {
            balanced = now;
            machine.balance(now);
        }
        machine.step(number);
    }
    let time = machine.harts.iter().fold(0, |sum, hart| sum + hart.now.as_nanos());
    Outcome { time: Duration::from_nanos(time), faults: machine.faults, moves: machine.moves }
}

impl<P: Placement> Machine<'_, P> {
    /// The hart that is the furthest behind.
    fn next(&self) -> Option<usize> {
        let running = self.harts.iter().enumerate().filter(|(_, hart)| hart.step < STEPS);
        running.min_by_key(|(_, hart)| hart.now).map(|(number, _)| number)
    }

    fn load(&self, host: HostId) -> u16 {
        self.harts.iter().filter(|hart| hart.host == host && hart.step < STEPS).count() as u16
    }

    fn step(&mut self, number: usize) {
        let hart = &mut self.harts[number];
        let (next, step) = (self.workload.next, hart.step);
        if hart.wanted.is_none() {
            hart.asked = hart.now;
        }
        let (page, access) = *hart.wanted.get_or_insert_with(|| next(number as u8, step, &mut hart.rng));
        let now = hart.now;
        let held_until = self.page(page).held_until;
        if now < held_until && !self.is_hit(number, page, access) {
            self.harts[number].now = held_until;
            return;
        }
        // Who goes in circles is stopped after a while.
        for attempt in 0..5 {
            if self.is_hit(number, page, access) || self.fault(number, page, access, attempt == 4) {
                break;
            }
        }
        let slow = u64::from(self.load(self.harts[number].host).max(self.workload.cores));
        let hart = &mut self.harts[number];
        (hart.wanted, hart.step) = (None, hart.step + 1);
        hart.now = hart
            .now
            .saturating_add(Duration::from_nanos(STEP.as_nanos() * slow / u64::from(self.workload.cores)));
        hart.recent.insert(page, hart.now);
    }

    fn page(&mut self, number: u64) -> &mut Page {
        let owner = host((self.workload.first)(number));
        let copies = HostSet::EMPTY.with(owner);
        let fresh = || Page { owner, copies, had: copies, held_until: Instant::ZERO };
        self.pages.entry(number).or_insert_with(fresh)
    }

    fn is_hit(&mut self, number: usize, page: u64, access: Access) -> bool {
        let here = self.harts[number].host;
        let page = self.page(page);
        match access {
            Access::Read => page.copies.contains(here),
            Access::Write => page.copies == HostSet::EMPTY.with(here),
        }
    }

    /// Asks the policy, and does what it says; whether the page is there then.
    fn fault(&mut self, number: usize, page: u64, access: Access, must: bool) -> bool {
        let (here, now) = (self.harts[number].host, self.harts[number].now);
        let view = self.view(here, Some(number));
        let known = self.page(page);
        let others = known.copies.without(here);
        let holder =
            if known.owner == here { others.first().expect("a fault has a reason") } else { known.owner };
        let bytes = match (known.copies.contains(here), known.had.contains(here)) {
            (true, _) => 0,
            (_, true) => 400,
            _ => PAGE_BYTES as u32,
        };
        let fault = Fault {
            hart: HartId::new(number as u8).expect("below 64"),
            page: PageNumber::new(page),
            access,
            holder,
            copies: known.copies,
            returns: known.had.contains(here),
            bytes,
        };
        self.faults += 1;
        let decision = self.policies[usize::from(here.number())].decide(now, &fault, &view);
        match decision {
            Decision::MoveHart(to) if !must => {
                self.move_hart(number, to);
                return false;
            }
            Decision::CopyPage if access == Access::Read => self.fetch(number, page, bytes, false),
            _ => self.fetch(number, page, bytes, access == Access::Write || decision == Decision::MovePage),
        }
        true
    }

    fn fetch(&mut self, number: usize, page: u64, bytes: u32, alone: bool) {
        let (here, now, took) = (self.harts[number].host, self.harts[number].now, self.costs.fetch(bytes));
        let page = self.page(page);
        let done = now.saturating_add(took);
        if alone {
            page.owner = here;
            page.copies = HostSet::EMPTY;
            page.held_until = done.saturating_add(HOLD);
        } else {
            page.held_until = done;
        }
        page.copies = page.copies.with(here);
        page.had = page.had.with(here);
        let hart = &mut self.harts[number];
        hart.now = done;
        let stall = done.saturating_since(hart.asked).as_nanos();
        hart.stall = Duration::from_nanos(hart.stall.as_nanos() / 8 * 7 + stall / 8);
    }

    fn move_hart(&mut self, number: usize, to: HostId) {
        let id = HartId::new(number as u8).expect("below 64");
        let hart = &mut self.harts[number];
        let past = self.policies[usize::from(hart.host.number())].departs(hart.now, id);
        hart.now = hart.now.saturating_add(self.costs.hart());
        hart.host = to;
        hart.since = hart.now;
        self.policies[usize::from(to.number())].arrives(hart.now, id, past);
        self.moves += 1;
    }

    /// Counts from time to time how many pages a hart would leave behind.
    fn count(&mut self, number: usize) {
        let Running { host, now, counted, .. } = self.harts[number];
        if now.saturating_since(counted) < Duration::from_millis(2) && counted > Instant::ZERO {
            return;
        }
        let hart = &mut self.harts[number];
        hart.recent.retain(|_, used| now.saturating_since(*used) < RECENT);
        let alone = HostSet::EMPTY.with(host);
        let pages =
            hart.recent.keys().filter(|page| self.pages.get(page).is_some_and(|page| page.copies == alone));
        (hart.pages, hart.counted) = (pages.count() as u32, now);
    }

    /// What a host knows; of its harts one, or all.
    fn view(&mut self, here: HostId, only: Option<usize>) -> View {
        let numbers: Vec<usize> = match only {
            Some(number) => vec![number],
            None => (0..self.harts.len()).filter(|number| self.harts[*number].host == here).collect(),
        };
        numbers.iter().for_each(|number| self.count(*number));
        let harts = numbers.iter().map(|number| HartView {
            hart: HartId::new(*number as u8).expect("below 64"),
            since: self.harts[*number].since,
            pages: self.harts[*number].pages,
            stall: self.harts[*number].stall,
            busy: self.harts[*number].step < STEPS,
        });
        let hosts = (0..self.workload.hosts).map(host).map(|host| HostView {
            host,
            cores: self.workload.cores,
            load: self.load(host),
            open: true,
        });
        View { here, hosts: hosts.collect(), harts: harts.collect(), costs: self.costs }
    }

    fn balance(&mut self, now: Instant) {
        for number in 0..self.workload.hosts {
            let view = self.view(host(number), None);
            for (hart, to) in self.policies[usize::from(number)].balance(now, &view) {
                self.move_hart(hart.index(), to);
            }
        }
    }
}
