//! One thing at a time, over links that keep all they are given.

use std::collections::{BTreeMap, VecDeque};

use ironloom_core::{Duration, Instant};

use super::{hart, host, hosts};
use crate::cluster::harts::{
    HartMessage, Harts, HartsConfig, MoveFailure, MoveRefused, Output, PostRefused, Refusal,
};
use crate::cluster::{Epoch, HostId};

/// Hosts, and a wire on which a message takes 10 µs.
struct Net {
    now: Instant,
    harts: BTreeMap<HostId, Harts<u16>>,
    wire: VecDeque<(HostId, HostId, HartMessage<u16>)>,
    /// What happened besides messages, and where.
    seen: Vec<(HostId, Output<u16>)>,
    messages: usize,
    /// Whether harts that are to move stay instead.
    stay: bool,
}

impl Net {
    fn new(count: u8, config: HartsConfig) -> Self {
        let homes = [host(0), host(0), host(1)];
        let new = |here| (here, Harts::new(config, here, hosts(count), &homes, Epoch::default()));
        let harts = hosts(count).iter().map(new).collect();
        Self { now: Instant::ZERO, harts, wire: VecDeque::new(), seen: Vec::new(), messages: 0, stay: false }
    }

    fn at(&mut self, number: u8) -> &mut Harts<u16> {
        self.harts.get_mut(&host(number)).expect("it is there")
    }

    /// Lets everything happen that follows.
    fn settle(&mut self) {
        loop {
            let (now, wire, seen) = (self.now, &mut self.wire, &mut self.seen);
            for (here, harts) in &mut self.harts {
                while let Some(output) = harts.poll() {
                    match output {
                        Output::Send { to, message } => wire.push_back((*here, to, message)),
                        Output::Freeze { hart } if self.stay => harts.stay(now, hart),
                        Output::Freeze { hart } => harts.frozen(now, hart, vec![7; 1_100]),
                        other => seen.push((*here, other)),
                    }
                }
            }
            let Some((from, to, message)) = self.wire.pop_front() else { return };
            self.messages += 1;
            self.now = self.now.saturating_add(Duration::from_micros(10));
            let now = self.now;
            if let Some(harts) = self.harts.get_mut(&to) {
                harts.receive(now, from, message).expect("nobody lies");
            }
        }
    }

    fn post(&mut self, from: u8, number: u8, letter: u16) {
        let now = self.now;
        self.at(from).post(now, hart(number), letter).expect("there is room");
    }

    fn begin_move(&mut self, from: u8, number: u8, to: u8) -> Result<(), MoveRefused> {
        let now = self.now;
        self.at(from).begin_move(now, hart(number), host(to))
    }

    fn delivered(&self, at: u8, number: u8) -> Vec<u16> {
        let letter = |(here, output): &(HostId, Output<u16>)| match output {
            Output::Deliver { hart: to, letter } if (*here, *to) == (host(at), hart(number)) => Some(*letter),
            _ => None,
        };
        self.seen.iter().filter_map(letter).collect()
    }
}

#[test]
fn a_hart_moves_in_six_messages_and_stands_still_for_three() {
    let mut net = Net::new(2, HartsConfig::default());
    net.begin_move(0, 0, 1).expect("it may move");
    net.settle();
    assert_eq!(net.messages, 6);
    let moved = Output::Moved { hart: hart(0), to: host(1), downtime: Duration::from_micros(40) };
    assert!(net.seen.contains(&(host(0), moved)), "{:?}", net.seen);
    assert!(net.seen.contains(&(host(1), Output::Thaw { hart: hart(0), state: vec![7; 1_100] })));
    assert!(net.at(1).lives_here(hart(0)) && !net.at(0).lives_here(hart(0)));
    assert_eq!((net.at(0).counters().departed, net.at(1).counters().arrived), (1, 1));
}

#[test]
fn letters_follow_a_hart_that_went_twice() {
    let mut net = Net::new(3, HartsConfig::default());
    (0..100).for_each(|letter| net.post(2, 0, letter));
    net.begin_move(0, 0, 1).expect("it may move");
    (100..150).for_each(|letter| net.post(2, 0, letter));
    net.settle();
    net.begin_move(1, 0, 2).expect("it may move");
    (150..200).for_each(|letter| net.post(2, 0, letter));
    net.settle();
    net.post(2, 0, 200);
    net.settle();
    let all: Vec<u16> = (0..3).flat_map(|at| net.delivered(at, 0)).collect();
    assert_eq!(all, (0..=200).collect::<Vec<_>>());
    assert_eq!(net.delivered(2, 0).last(), Some(&200));
    assert_eq!((0..3).map(|at| net.at(at).waiting(hart(0))).sum::<usize>(), 0);
    assert!((0..3).all(|at| net.at(at).next_event().is_none()), "nothing is left to be done");
}

#[test]
fn a_full_host_refuses_and_the_hart_runs_on() {
    let mut net = Net::new(2, HartsConfig { slots: 1, ..HartsConfig::default() });
    net.begin_move(0, 0, 1).expect("it may try");
    net.settle();
    let why = MoveFailure::Refused(Refusal::Full);
    assert_eq!(net.seen, [(host(0), Output::MoveFailed { hart: hart(0), to: host(1), why })]);
    assert!(net.at(0).lives_here(hart(0)) && !net.at(0).is_moving(hart(0)));
}

/// It gets what was written to it meanwhile, and can move later.
#[test]
fn a_hart_that_must_not_go_stays() {
    let mut net = Net { stay: true, ..Net::new(2, HartsConfig::default()) };
    net.begin_move(0, 0, 1).expect("it may move");
    net.post(1, 0, 5);
    net.settle();
    net.post(1, 0, 6);
    net.settle();
    assert_eq!(net.delivered(0, 0), [5, 6]);
    let failed = Output::MoveFailed { hart: hart(0), to: host(1), why: MoveFailure::Late };
    assert!(net.seen.contains(&(host(0), failed)), "{:?}", net.seen);
    assert!(net.at(0).lives_here(hart(0)) && !net.at(0).is_moving(hart(0)) && !net.at(1).is_moving(hart(0)));
    net.stay = false;
    net.begin_move(0, 0, 1).expect("it may move");
    net.settle();
    assert!(net.at(1).lives_here(hart(0)));
}

#[test]
fn a_host_that_is_silent_or_gone_does_not_get_the_hart() {
    for gone in [false, true] {
        let mut net = Net::new(2, HartsConfig::default());
        net.begin_move(0, 0, 1).expect("it may move");
        // The wire is cut after the hart has frozen and its state was sent.
        for _ in 0..2 {
            while let Some(Output::Send { to, message }) = net.at(0).poll() {
                net.at(to.number()).receive(Instant::ZERO, host(0), message).expect("nobody lies");
            }
            while let Some(Output::Send { message, .. }) = net.at(1).poll() {
                net.at(0).receive(Instant::ZERO, host(1), message).expect("nobody lies");
            }
            if net.at(0).poll() == Some(Output::Freeze { hart: hart(0) }) {
                net.at(0).frozen(Instant::ZERO, hart(0), vec![9]);
                while net.at(0).poll().is_some() {}
            }
        }
        net.harts.remove(&host(1));
        net.now = Instant::ZERO.saturating_add(Duration::from_millis(50));
        let (now, harts) = (net.now, net.at(0));
        if gone {
            harts.begin_epoch(now, Epoch::new(1), hosts(1));
        } else {
            harts.wake(now);
        }
        net.post(0, 0, 3);
        net.settle();
        let why = if gone { MoveFailure::Gone } else { MoveFailure::Late };
        let failed = Output::MoveFailed { hart: hart(0), to: host(1), why };
        let thaw = Output::Thaw { hart: hart(0), state: vec![9] };
        let deliver = Output::Deliver { hart: hart(0), letter: 3 };
        let mut expected = vec![failed, thaw];
        if gone {
            expected.push(Output::Missing { hart: hart(2), host: host(1) });
        }
        expected.push(deliver);
        assert_eq!(net.seen.iter().map(|(_, output)| output.clone()).collect::<Vec<_>>(), expected);
    }
}

#[test]
fn moves_that_make_no_sense_are_refused() {
    let mut net = Net::new(2, HartsConfig::default());
    assert_eq!(net.begin_move(0, 0, 0), Err(MoveRefused::There { hart: hart(0), host: host(0) }));
    assert_eq!(net.begin_move(0, 0, 5), Err(MoveRefused::NoSuchHost { host: host(5) }));
    assert_eq!(net.begin_move(0, 9, 1), Err(MoveRefused::NoSuchHart { hart: hart(9) }));
    assert_eq!(net.begin_move(0, 2, 1), Err(MoveRefused::Elsewhere { hart: hart(2), host: host(1) }));
    assert_eq!(net.begin_move(0, 0, 1), Ok(()));
    assert_eq!(net.begin_move(0, 0, 1), Err(MoveRefused::Moving { hart: hart(0) }));
}

#[test]
fn letters_to_a_host_that_is_silent_are_bounded() {
    let mut net = Net::new(2, HartsConfig { letters_max: 5, ..HartsConfig::default() });
    net.harts.remove(&host(1));
    (0..5).for_each(|letter| net.post(0, 2, letter));
    let full = PostRefused::Full { hart: hart(2), letters_max: 5 };
    assert_eq!(net.at(0).post(Instant::ZERO, hart(2), 5), Err(full));
}

#[test]
fn a_host_that_leaves_is_empty_and_says_so() {
    let mut net = Net::new(3, HartsConfig::default());
    net.post(0, 2, 1);
    net.at(0).leave(Instant::ZERO);
    net.settle();
    assert!((0..3).all(|number| !net.at(0).lives_here(hart(number))));
    assert_eq!(net.seen.last(), Some(&(host(0), Output::Drained)));
    assert!(net.at(2).lives_here(hart(0)) || net.at(2).lives_here(hart(1)), "harts are spread");
    net.begin_move(1, 2, 0).expect("it may try");
    net.settle();
    assert!(net.at(1).lives_here(hart(2)), "who leaves takes no harts");
}

#[test]
fn a_host_that_comes_learns_where_harts_are() {
    let mut net = Net::new(2, HartsConfig::default());
    net.begin_move(0, 0, 1).expect("it may move");
    net.settle();
    let now = net.now;
    let fresh = Harts::join(HartsConfig::default(), host(2), hosts(3), &[host(0); 3], Epoch::new(1));
    net.harts.insert(host(2), fresh);
    (0..2).for_each(|number| net.at(number).begin_epoch(now, Epoch::new(1), hosts(3)));
    net.settle();
    assert_eq!(net.at(2).host_of(hart(0)), Some(host(1)));
    assert_eq!(net.at(2).host_of(hart(2)), Some(host(1)));
    net.begin_move(1, 0, 2).expect("it may move");
    net.settle();
    assert!(net.at(2).lives_here(hart(0)));
}

/// A hart that was on its way was dropped because the host on which it had been long ago was gone.
#[test]
fn a_hart_on_its_way_does_not_mind_that_its_home_is_gone() {
    let mut net = Net::new(3, HartsConfig::default());
    net.begin_move(1, 2, 0).expect("it may move");
    net.settle();
    // Host 2 hears of nothing, so for it the hart is at its home.
    let fresh =
        Harts::new(HartsConfig::default(), host(2), hosts(3), &[host(0), host(0), host(1)], Epoch::default());
    net.harts.insert(host(2), fresh);
    net.begin_move(0, 2, 2).expect("it may move");
    let (mut commit, now) = (None, net.now);
    while commit.is_none() {
        for (from, to) in [(0, 2), (2, 0)] {
            while let Some(output) = net.at(from).poll() {
                match output {
                    Output::Send { message, .. } if net.at(2).is_moving(hart(2)) && from == 0 => {
                        let last = net.at(0).lives_here(hart(2));
                        commit = (!last).then_some(message.clone());
                        if last {
                            net.at(to).receive(now, host(from), message).expect("nobody lies");
                        }
                    }
                    Output::Send { message, .. } => {
                        net.at(to).receive(now, host(from), message).expect("nobody lies");
                    }
                    Output::Freeze { hart } => net.at(from).frozen(now, hart, vec![5]),
                    other => panic!("{other:?}"),
                }
                if commit.is_some() {
                    break;
                }
            }
        }
    }
    net.harts.remove(&host(1));
    let left = hosts(3).without(host(1));
    for number in [0, 2] {
        net.at(number).begin_epoch(now, Epoch::new(1), left);
    }
    net.settle();
    assert!(net.at(2).lives_here(hart(2)));
    assert!(net.seen.contains(&(host(2), Output::Thaw { hart: hart(2), state: vec![5] })));
}
