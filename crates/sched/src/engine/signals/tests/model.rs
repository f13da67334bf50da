//! Random links, traps, kills and ends, against a model that knows who must die and who must hear of what.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::OnceLock,
};

use proptest::prelude::*;

use super::*;
use crate::{Address, ProcessId, Reply};

const PROCESSES: usize = 6;

/// What a process is told to do.
#[derive(Debug, Clone)]
enum Order {
    Link(usize),
    Unlink(usize),
    Trap,
    Kill(usize),
    End(ExitReason),
}

/// What a process is sent.
enum Message {
    Order(Order),
    /// How many ends it has heard of.
    Count(Reply<usize>),
}

/// The ends that each process has heard of.
type Heard = Arc<Mutex<Vec<Vec<(ProcessId, ExitReason)>>>>;
type Everybody = Arc<OnceLock<Vec<Address<Message>>>>;

/// Notes whose ends it hears of, and does what it is told.
async fn obey(ctx: Context<Message>, me: usize, everybody: Everybody, heard: Heard) -> ExitReason {
    let other = |index: usize| &everybody.get().expect("all were spawned before the first was told")[index];
    loop {
        let message = {
            let (mut exits, mut receive) = (pin!(ctx.exits()), pin!(ctx.receive()));
            std::future::poll_fn(|context| {
                if let Poll::Ready(exit) = exits.as_mut().poll(context) {
                    heard.lock()[me].push(exit);
                    return Poll::Ready(None);
                }
                receive.as_mut().poll(context).map(Some)
            })
            .await
        };
        match message {
            None => {}
            Some(Message::Count(reply)) => reply.send(heard.lock()[me].len()),
            Some(Message::Order(Order::Link(index))) => ctx.link(other(index)),
            Some(Message::Order(Order::Unlink(index))) => ctx.unlink(other(index)),
            Some(Message::Order(Order::Trap)) => ctx.trap_exits(),
            Some(Message::Order(Order::Kill(index))) => other(index).kill(),
            Some(Message::Order(Order::End(reason))) => return reason,
        }
    }
}

fn populate(kernel: &crate::Handle) -> (Vec<Address<Message>>, Heard) {
    let (everybody, heard) = (Everybody::default(), Heard::new(Mutex::new(vec![Vec::new(); PROCESSES])));
    let addresses: Vec<_> = (0..PROCESSES)
        .map(|me| {
            let (everybody, heard) = (Arc::clone(&everybody), Arc::clone(&heard));
            kernel.spawn(move |ctx| obey(ctx, me, everybody, heard)).unwrap()
        })
        .collect();
    everybody.set(addresses.clone()).expect("it is set once");
    (addresses, heard)
}

/// What should happen.
struct Model {
    ids: Vec<ProcessId>,
    dead: Vec<Option<ExitReason>>,
    traps: Vec<bool>,
    links: Vec<BTreeSet<usize>>,
    /// Who is to end in the next window, and why.
    condemned: BTreeMap<usize, ExitReason>,
    /// What has arrived and was not yet looked at.
    arrived: Vec<Vec<(ProcessId, ExitReason)>>,
    heard: Vec<Vec<(ProcessId, ExitReason)>>,
}

impl Model {
    fn new(ids: Vec<ProcessId>) -> Self {
        Self {
            ids,
            dead: vec![None; PROCESSES],
            traps: vec![false; PROCESSES],
            links: vec![BTreeSet::new(); PROCESSES],
            condemned: BTreeMap::new(),
            arrived: vec![Vec::new(); PROCESSES],
            heard: vec![Vec::new(); PROCESSES],
        }
    }

    /// What all are told in one window: first they listen, then what they did takes place, by process and in order.
    fn obey(&mut self, orders: &BTreeMap<usize, Vec<Order>>) {
        let alive: Vec<_> = orders.iter().filter(|(me, _)| self.dead[**me].is_none()).collect();
        for (me, orders) in &alive {
            let until_end = orders.iter().take_while(|order| !matches!(order, Order::End(_)));
            self.traps[**me] |= until_end.into_iter().any(|order| matches!(order, Order::Trap));
        }
        for (me, orders) in alive {
            for order in orders {
                match order {
                    Order::Link(other) => self.link(*me, *other),
                    Order::Unlink(other) => {
                        self.links[*me].remove(other);
                        self.links[*other].remove(me);
                    }
                    Order::Trap => {}
                    Order::Kill(other) => self.condemn(*other, ExitReason::Killed),
                    Order::End(reason) => {
                        self.finish(*me, reason);
                        break;
                    }
                }
            }
        }
        while !self.condemned.is_empty() || self.arrived.iter().any(|arrived| !arrived.is_empty()) {
            let condemned = std::mem::take(&mut self.condemned);
            for process in (0..PROCESSES).filter(|process| !condemned.contains_key(process)) {
                let arrived = std::mem::take(&mut self.arrived[process]);
                self.heard[process].extend(arrived);
            }
            condemned.into_iter().for_each(|(process, reason)| self.finish(process, &reason));
        }
    }

    fn link(&mut self, one: usize, other: usize) {
        if one == other {
            return;
        }
        for (from, to) in [(one, other), (other, one)] {
            if self.dead[from].is_none() {
                self.links[from].insert(to);
            }
        }
        for (from, to) in [(one, other), (other, one)] {
            if let Some(reason) = self.dead[to].clone() {
                self.hear(from, to, reason);
            }
        }
    }

    fn hear(&mut self, process: usize, other: usize, reason: ExitReason) {
        if !self.links[process].remove(&other) {
            return;
        }
        if self.traps[process] {
            self.arrived[process].push((self.ids[other], reason));
        } else if !reason.is_clean() {
            self.condemn(process, reason.linked(self.ids[other]));
        }
    }

    fn condemn(&mut self, process: usize, reason: ExitReason) {
        if self.dead[process].is_none() {
            self.condemned.entry(process).or_insert(reason);
        }
    }

    fn finish(&mut self, process: usize, reason: &ExitReason) {
        self.condemned.remove(&process);
        self.arrived[process].clear();
        self.dead[process] = Some(reason.clone());
        for other in std::mem::take(&mut self.links[process]) {
            self.hear(other, process, reason.clone());
        }
    }
}

fn check(windows: Vec<Vec<(usize, Order)>>, workers: usize) -> Result<(), TestCaseError> {
    let kernel = VirtualKernel::new(Config::with_workers(workers));
    let (addresses, heard) = populate(&kernel);
    let mut monitors: Vec<_> = addresses.iter().map(Address::monitor).collect();
    let mut model = Model::new(addresses.iter().map(Address::id).collect());
    kernel.run_until_idle();
    for window in windows {
        let mut orders: BTreeMap<usize, Vec<Order>> = BTreeMap::new();
        for (me, order) in window {
            let _ = addresses[me].try_send(Message::Order(order.clone())); // the dead are told nothing
            orders.entry(me).or_default().push(order);
        }
        model.obey(&orders);
        kernel.run_until_idle();
        prop_assert_eq!(&*heard.lock(), &model.heard);
        for (process, address) in addresses.iter().enumerate() {
            prop_assert_eq!(address.process().is_alive(), model.dead[process].is_none());
            let links: Vec<_> = model.links[process].iter().map(|other| model.ids[*other]).collect();
            prop_assert_eq!(address.process().info().links, links);
        }
    }
    for (monitor, dead) in monitors.iter_mut().zip(model.dead) {
        let polled = pin!(monitor).poll(&mut TaskContext::from_waker(Waker::noop()));
        prop_assert_eq!(polled, dead.map_or(Poll::Pending, Poll::Ready));
    }
    Ok(())
}

/// In real time there is no saying who hears first, but who dies and who hears of whom is the same.
fn check_real(links: &[(usize, usize)], traps: &[bool], victim: usize) -> Result<(), TestCaseError> {
    let kernel = Kernel::start(Config::default()).unwrap();
    let (addresses, heard) = populate(&kernel);
    let tell = |to: usize, order| addresses[to].try_send(Message::Order(order)).unwrap();
    let mut model = Model::new(addresses.iter().map(Address::id).collect());
    for process in (0..PROCESSES).filter(|process| traps[*process]) {
        tell(process, Order::Trap);
        model.traps[process] = true;
    }
    for (one, other) in links {
        tell(*one, Order::Link(*other));
        model.link(*one, *other);
    }
    // Whoever answers has done what it was told before.
    let count = |of: usize| kernel.block_on(addresses[of].call(LONG, Message::Count)).unwrap();
    (0..PROCESSES).for_each(|process| assert_eq!(count(process), 0));
    addresses[victim].kill();
    model.condemn(victim, ExitReason::Killed);
    model.obey(&BTreeMap::new());
    for (process, address) in addresses.iter().enumerate() {
        if model.dead[process].is_some() {
            let reason = kernel.block_on(kernel.within(LONG, address.monitor())).unwrap();
            prop_assert_eq!(reason == ExitReason::Killed, process == victim);
        } else {
            while count(process) < model.heard[process].len() {}
            let hear =
                |all: &[(ProcessId, ExitReason)]| all.iter().map(|(id, _)| *id).collect::<BTreeSet<_>>();
            prop_assert_eq!(hear(&heard.lock()[process]), hear(&model.heard[process]));
            prop_assert_eq!(count(process), model.heard[process].len(), "each end is heard once");
        }
    }
    Ok(())
}

fn order() -> impl Strategy<Value = (usize, Order)> {
    let process = 0..PROCESSES;
    let reason = prop_oneof![
        Just(ExitReason::Normal),
        Just(ExitReason::Shutdown),
        Just(ExitReason::failed("told to")),
        Just(ExitReason::Killed)
    ];
    let order = prop_oneof![
        8 => process.clone().prop_map(Order::Link),
        2 => process.clone().prop_map(Order::Unlink),
        1 => Just(Order::Trap),
        1 => process.clone().prop_map(Order::Kill),
        1 => reason.prop_map(Order::End),
    ];
    (process, order)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn whoever_must_die_dies_and_whoever_must_hear_hears(
        windows in prop::collection::vec(prop::collection::vec(order(), 0..12), 0..10),
    ) {
        check(windows, 1)?;
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 40, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn whoever_must_die_dies_in_real_time_as_well(
        links in prop::collection::vec((0..PROCESSES, 0..PROCESSES), 0..12),
        traps in prop::collection::vec(any::<bool>(), PROCESSES),
        victim in 0..PROCESSES,
    ) {
        check_real(&links, &traps, victim)?;
    }
}
