//! Policies that say where harts and pages go, on computers that two hosts share.

use std::sync::Arc;

use ironloom_core::{Clock as _, Duration, Instant, WallClock};
use ironloom_hyper::PAGE_BYTES;
use ironloom_hyper::board::Ending;
use ironloom_hyper::cluster::HostId;
use ironloom_hyper::cluster::harts::HartId;
use ironloom_hyper::cluster::placement::{
    AlwaysMove, CostModel, CostModelConfig, Decision, Fault, Fixed, Past, Placement, View,
};
use ironloom_hyper::computer::{Host, HostEvent, Pause};
use parking_lot::Mutex;

use crate::guest::Guest;
use crate::hosts::Hosts;
use crate::linux::{self, JOB, TIME_MAX, members};
use crate::programs::{DATA, DATA_PAGES, Program};

const WALK: Program = Program::Walk { rounds: 2 };

/// Runs a program on two hosts with a hart on each, and with a policy of each.
fn run(program: Program, policy: impl Fn(HostId) -> Box<dyn Placement + Send>) -> Hosts {
    let mut hosts = Hosts::join(vec![program.computer(), program.computer()], |share| share.cores = 4);
    for host in &hosts.hosts {
        host.place_by(policy(host.id()));
    }
    let pauses = hosts.run_until(Instant::ZERO.saturating_add(TIME_MAX));
    assert_eq!(pauses, [Pause::Ended(Ending::PowerOff { code: 0 }); 2], "{program:?} has its results");
    for host in &hosts.hosts {
        println!("{}: {:?}", host.id(), host.placements());
    }
    hosts
}

/// The harts that have moved away from a host.
fn moved(host: &Host) -> Vec<u8> {
    let hart = |event| if let HostEvent::Moved { hart, .. } = event { Some(hart) } else { None };
    std::iter::from_fn(|| host.poll()).filter_map(hart).collect()
}

fn is_data(fault: &Fault) -> bool {
    let address = fault.page.get() * PAGE_BYTES;
    (DATA..DATA + DATA_PAGES * PAGE_BYTES).contains(&address)
}

fn fetch(fault: &Fault) -> Decision {
    Fixed.decide(Instant::ZERO, fault, &view())
}

fn view() -> View {
    let here = HostId::new(0).unwrap();
    View { here, hosts: Vec::new(), harts: Vec::new(), costs: Default::default() }
}

/// Goes to data, and notes what comes with harts.
#[derive(Default)]
struct ToData {
    came: Arc<Mutex<Vec<(HartId, Past)>>>,
}

const PAST: Past = Past { faults: 42, regrets: 3 };

impl Placement for ToData {
    fn decide(&mut self, _: Instant, fault: &Fault, view: &View) -> Decision {
        assert_ne!(fault.holder, view.here, "what is here is no fault");
        assert!(fault.copies.contains(fault.holder));
        assert!(view.hart(fault.hart).is_some(), "it lives here");
        if is_data(fault) { Decision::MoveHart(fault.holder) } else { fetch(fault) }
    }

    fn departs(&mut self, _: Instant, _: HartId) -> Past {
        PAST
    }

    fn arrives(&mut self, _: Instant, hart: HartId, past: Past) {
        self.came.lock().push((hart, past));
    }
}

#[test]
fn a_hart_goes_to_its_data_if_the_policy_says_so() {
    let came = Arc::new(Mutex::new(Vec::new()));
    let hosts = run(WALK, |_| Box::new(ToData { came: came.clone() }));
    let [here, there] = [0, 1].map(|host| hosts.hosts[host].clone());
    assert_eq!(moved(&there), [1]);
    assert_eq!([&here, &there].map(|host| host.host_of(1)), [Some(here.id()); 2]);
    assert_eq!(there.placements().harts, 1);
    // The page that it went for never came to where it was.
    assert!(there.counters().read_misses < DATA_PAGES / 8, "{:?}", there.counters());
    // The policy is told when it is asked next, if ever it is.
    assert!(came.lock().iter().all(|arrival| *arrival == (HartId::new(1).unwrap(), PAST)));
}

/// Says what cannot be: of hosts that are not there, of its own, of harts that are elsewhere, or none.
struct Nonsense {
    here: HostId,
    turn: u8,
}

impl Placement for Nonsense {
    fn decide(&mut self, _: Instant, _: &Fault, _: &View) -> Decision {
        self.turn = (self.turn + 1) % 5;
        match self.turn {
            0 => Decision::MoveHart(self.here),
            1 => Decision::MoveHart(HostId::new(63).unwrap()),
            2 => Decision::MoveHart(HostId::new(2).unwrap()),
            3 => Decision::MovePage,
            _ => Decision::CopyPage,
        }
    }

    fn balance(&mut self, _: Instant, _: &View) -> Vec<(HartId, HostId)> {
        let other = HostId::new(1 - self.here.number()).unwrap();
        let elsewhere = other.number();
        // The devices and the desks are harts as letters see them, and have numbers from 2 on.
        let harts = (2..64).chain([elsewhere]).filter_map(HartId::new);
        harts.map(|hart| (hart, other)).cycle().take(10_000).collect()
    }
}

#[test]
fn what_a_policy_says_that_cannot_be_is_counted_and_nothing_else() {
    for program in [WALK, Program::Ball { turns: 500 }] {
        let hosts = run(program, |here| Box::new(Nonsense { here, turn: 0 }));
        for (number, host) in hosts.hosts.iter().enumerate() {
            assert_eq!(moved(host), []);
            assert_eq!(host.host_of(number as u8), Some(host.id()));
            assert_eq!((host.placements().harts, host.placements().balanced), (0, 0));
        }
        assert!(hosts.hosts[1].placements().refused > 0, "it was counted");
    }
}

/// Takes pages for itself that are only read.
struct Greedy;

impl Placement for Greedy {
    fn decide(&mut self, _: Instant, _: &Fault, _: &View) -> Decision {
        Decision::MovePage
    }
}

#[test]
fn a_page_that_is_read_comes_alone_if_the_policy_says_so() {
    let [copies, moves] = [false, true].map(|greedy| {
        let policy =
            || -> Box<dyn Placement + Send> { if greedy { Box::new(Greedy) } else { Box::new(Fixed) } };
        let hosts = run(WALK, |_| policy());
        hosts.hosts[1].held_pages()
    });
    assert!(copies.reading > DATA_PAGES as u32 / 2, "{copies:?}");
    assert!(moves.writing > DATA_PAGES as u32 && moves.reading < copies.reading / 2, "{moves:?}");
}

/// Sends harts to every page that is not here, and all harts away whenever it is asked to balance load.
struct Restless;

impl Placement for Restless {
    fn decide(&mut self, now: Instant, fault: &Fault, view: &View) -> Decision {
        AlwaysMove.decide(now, fault, view)
    }

    fn balance(&mut self, _: Instant, view: &View) -> Vec<(HartId, HostId)> {
        let other = view.hosts.iter().map(|known| known.host).find(|host| *host != view.here);
        view.harts.iter().filter_map(|known| Some((known.hart, other?))).collect()
    }
}

/// Harts that never find rest get on nevertheless, and lose nothing.
#[test]
fn harts_that_always_move_stay_for_a_while_in_between() {
    for program in [Program::Ball { turns: 500 }, Program::Crowd { rounds: 500_000 }] {
        let clock = WallClock::start();
        let hosts = run(program, |_| Box::new(Restless));
        let elapsed = clock.now().saturating_since(Instant::ZERO);
        let moves: usize = hosts.hosts.iter().map(|host| moved(host).len()).sum();
        let most = 2 * (elapsed.as_millis() / 2 + 1);
        println!("{moves} moves in {elapsed}");
        assert!(moves > 0 && moves as u64 <= most, "{moves} moves, and at most {most}");
    }
}

#[test]
fn the_cost_model_moves_who_walks_far_and_nobody_who_does_not() {
    // It remembers for long enough that a host that has no core for a while is no host that has no faults.
    let config = CostModelConfig { horizon: Duration::from_secs(1), ..CostModelConfig::default() };
    let hosts = run(Program::Walk { rounds: 4 }, |_| Box::new(CostModel::new(config)));
    assert_eq!(moved(&hosts.hosts[1]), [1], "the hart went to its data");
    assert_eq!(moved(&hosts.hosts[0]), []);
    let hosts = run(Program::Private { rounds: 20_000 }, |_| Box::new(CostModel::new(config)));
    assert_eq!(hosts.hosts.iter().flat_map(|host| moved(host)).count(), 0, "each has what it needs");
}

/// Both hosts decide for themselves. If harts change places because both go at once, which they do where hosts wait for
/// cores, the policy brings them together after that; so the programs take their time.
#[test]
fn the_cost_model_brings_harts_together_that_share() {
    for program in [Program::Ball { turns: 20_000 }, Program::Crowd { rounds: 5_000_000 }] {
        let hosts = run(program, |_| Box::new(CostModel::default()));
        let places = [0, 1].map(|hart| hosts.hosts[0].host_of(hart));
        assert_eq!(places[0], places[1], "{program:?}");
        let moves: usize = hosts.hosts.iter().map(|host| moved(host).len()).sum();
        assert!((1..=5).contains(&moves), "{program:?}: {moves} moves");
    }
}

/// Boots the guest on two hosts that all have such a policy; what each did.
fn linux(harts: u16, policy: impl Fn() -> Box<dyn Placement + Send>) -> Vec<u64> {
    let Some(guest) = Guest::get() else { return Vec::new() };
    let mut hosts = Hosts::join((0..2).map(|_| guest.computer(harts, JOB)).collect(), members);
    hosts.hosts.iter().for_each(|host| host.place_by(policy()));
    let clock = WallClock::start();
    let said = linux::run_on(&mut hosts, |_, _| {});
    linux::check(&said, harts);
    let elapsed = clock.now().saturating_since(Instant::ZERO);
    for host in &hosts.hosts {
        println!("{}, after {elapsed}: {:?}", host.id(), host.placements());
        assert!(host.placements().faults > 100, "it was asked");
    }
    hosts.hosts.iter().map(|host| moved(host).len() as u64).collect()
}

#[test]
fn linux_runs_with_the_cost_model_on_both_hosts() {
    const MOVES_MAX: u64 = 400;
    let moves = linux(4, || Box::new(CostModel::default()));
    println!("{moves:?} moves");
    assert!(moves.iter().sum::<u64>() <= MOVES_MAX, "harts do not bounce: {moves:?}");
}

#[test]
fn linux_runs_with_fixed_harts_as_without_a_policy() {
    assert_eq!(linux(2, || Box::new(Fixed)).iter().sum::<u64>(), 0);
}
