//! Random crashes, against a model that knows who is started again, in which order, and when it is too much.

use std::collections::BTreeMap;

use proptest::{
    prelude::{
        Just, ProptestConfig, TestCaseError, any, prop, prop_assert, prop_assert_eq, prop_oneof, proptest,
    },
    strategy::Strategy as Generate,
};

use super::*;
use crate::Address;

const NAMES: [&str; 5] = ["a", "b", "c", "d", "e"];
const RESTARTS_MAX: u32 = 3;
const PERIOD: Duration = Duration::from_millis(1_000);

/// What is done to the children.
#[derive(Debug, Clone)]
enum Op {
    /// These end in the same window, cleanly or not.
    Crash(Vec<(usize, bool)>),
    Wait(u64),
    /// Adds the child of this number, with this policy, if it is not there.
    Add(usize, Restart),
    Remove(usize),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Life {
    Running,
    Ended { clean: bool },
    Resting,
}

/// What should happen.
struct Model {
    strategy: Strategy,
    /// In order: the name, the policy and the life.
    children: Vec<(usize, Restart, Life)>,
    failures: Vec<u64>,
    now: u64,
    log: Vec<String>,
    over: bool,
}

impl Model {
    fn start(&mut self, name: usize, restart: Restart) {
        self.log.push(format!("{} starts", NAMES[name]));
        self.children.push((name, restart, Life::Running));
    }

    fn stop(&mut self, place: usize) {
        if self.children[place].2 == Life::Running {
            self.log.push(format!("{} stops", NAMES[self.children[place].0]));
        }
    }

    fn place(&self, name: usize) -> Option<usize> {
        self.children.iter().position(|child| child.0 == name)
    }

    fn recover(&mut self, name: usize) {
        let Some(place) = self.place(name) else { return };
        let (_, restart, Life::Ended { clean }) = self.children[place] else { return };
        if restart == Restart::Temporary || (restart == Restart::Transient && clean) {
            if self.strategy == Strategy::OneForOne || restart == Restart::Temporary {
                self.children.remove(place);
            } else {
                self.children[place].2 = Life::Resting;
            }
            return;
        }
        let since = self.now.saturating_sub(1_000);
        if self.failures.iter().filter(|then| **then >= since).count() as u32 >= RESTARTS_MAX {
            self.over = true;
            (0..self.children.len()).rev().for_each(|place| self.stop(place));
            return;
        }
        self.failures.push(self.now);
        let group = match self.strategy {
            Strategy::OneForOne => place..place + 1,
            Strategy::OneForAll => 0..self.children.len(),
            Strategy::RestForOne => place..self.children.len(),
        };
        group.clone().rev().for_each(|place| self.stop(place));
        for place in group.clone().rev() {
            if self.children[place].1 == Restart::Temporary {
                self.children.remove(place);
            }
        }
        for place in group.start..self.children.len().min(group.end) {
            self.log.push(format!("{} starts", NAMES[self.children[place].0]));
            self.children[place].2 = Life::Running;
        }
    }
}

/// What runs, and what it has said.
struct World {
    kernel: VirtualKernel,
    log: Log,
    addresses: Arc<Mutex<BTreeMap<&'static str, Address<bool>>>>,
}

impl World {
    /// A child that says when it starts and is asked to stop, and ends when it is told to.
    fn child(&self, name: usize, restart: Restart) -> Child {
        let (log, addresses, name) = (Arc::clone(&self.log), Arc::clone(&self.addresses), NAMES[name]);
        Child::new(name, move |ctx: Context<bool>| {
            log.lock().push(format!("{name} starts"));
            addresses.lock().insert(name, ctx.address());
            async move {
                let mut stopping = pin!(ctx.stopping());
                let mut told = pin!(ctx.receive());
                std::future::poll_fn(|context| {
                    if stopping.as_mut().poll(context).is_ready() {
                        log.lock().push(format!("{name} stops"));
                        return Poll::Ready(Ok(()));
                    }
                    told.as_mut().poll(context).map(|cleanly| if cleanly { Ok(()) } else { Err("told to") })
                })
                .await
            }
        })
        .restart(restart)
        .stops_within(LONG)
    }
}

fn check(strategy: Strategy, policies: &[Restart], ops: Vec<Op>) -> Result<(), TestCaseError> {
    let world = World { kernel: kernel(), log: Log::default(), addresses: Arc::default() };
    let kernel = &world.kernel;
    let mut model =
        Model { strategy, children: Vec::new(), failures: Vec::new(), now: 0, log: Vec::new(), over: false };
    let mut plan = Supervisor::new(strategy).restarts(RESTARTS_MAX, PERIOD);
    for (name, restart) in policies.iter().enumerate() {
        plan = plan.child(world.child(name, *restart));
        model.start(name, *restart);
    }
    let supervisor = plan.start(kernel).unwrap();
    while kernel.step() {}
    for op in ops {
        if model.over {
            break;
        }
        match op {
            Op::Wait(millis) => {
                model.now += millis;
                kernel.advance(Duration::from_millis(millis));
            }
            Op::Add(name, restart) => {
                let added = ask(kernel, supervisor.start_child(world.child(name, restart)));
                prop_assert_eq!(added.is_ok(), model.place(name).is_none());
                if added.is_ok() {
                    model.start(name, restart);
                }
            }
            Op::Remove(name) => {
                let removed = ask(kernel, supervisor.stop_child(NAMES[name]));
                prop_assert_eq!(removed.is_ok(), model.place(name).is_some());
                if let Some(place) = model.place(name) {
                    model.stop(place);
                    model.children.remove(place);
                }
            }
            Op::Crash(crashes) => {
                let mut hit = BTreeMap::new();
                for (name, clean) in crashes {
                    let Some(place) = model.place(name) else { continue };
                    if model.children[place].2 == Life::Running {
                        model.children[place].2 = Life::Ended { clean };
                        let address = world.addresses.lock()[NAMES[name]].clone();
                        address.try_send(clean).unwrap();
                        hit.insert(address.id(), name); // the ends of a window are heard in the order of the ids
                    }
                }
                hit.into_values().for_each(|name| {
                    if !model.over {
                        model.recover(name);
                    }
                });
            }
        }
        while kernel.step() {}
        prop_assert_eq!(&*world.log.lock(), &model.log);
    }
    prop_assert_eq!(supervisor.process().is_alive(), !model.over);
    if model.over {
        prop_assert!(kernel.is_empty());
        return Ok(());
    }
    let children = ask(kernel, supervisor.children()).unwrap();
    let seen: Vec<_> = children.iter().map(|child| (&*child.name, child.process.is_some())).collect();
    let expected: Vec<_> =
        model.children.iter().map(|child| (NAMES[child.0], child.2 == Life::Running)).collect();
    prop_assert_eq!(seen, expected);
    Ok(())
}

fn restart() -> impl Generate<Value = Restart> {
    prop_oneof![3 => Just(Restart::Permanent), 2 => Just(Restart::Transient), 1 => Just(Restart::Temporary)]
}

fn op() -> impl Generate<Value = Op> {
    let name = 0..NAMES.len();
    prop_oneof![
        6 => prop::collection::vec((name.clone(), any::<bool>()), 1..4).prop_map(Op::Crash),
        4 => (1..900_u64).prop_map(Op::Wait),
        1 => (name.clone(), restart()).prop_map(|(name, restart)| Op::Add(name, restart)),
        1 => name.prop_map(Op::Remove),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_supervisor_does_what_its_strategy_says(
        strategy in prop_oneof![
            Just(Strategy::OneForOne), Just(Strategy::OneForAll), Just(Strategy::RestForOne)
        ],
        policies in prop::collection::vec(restart(), 0..NAMES.len()),
        ops in prop::collection::vec(op(), 0..20),
    ) {
        check(strategy, &policies, ops)?;
    }
}
