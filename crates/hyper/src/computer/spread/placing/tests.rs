//! What a policy is told of other hosts, and what of that is believed.

use std::sync::Arc;

use ironloom_core::{Instant, VirtualClock};

use crate::cluster::placement::{Fixed, HostView};
use crate::cluster::{HostId, HostSet};
use crate::computer::spread::message::{HostMessage, State};
use crate::computer::{Computer, ComputerConfig, Host, Post, Share};

/// Where nothing that is said arrives.
#[derive(Debug)]
struct Void;

impl Post for Void {
    fn send(&self, _: HostId, _: &[u8]) {}
}

/// A host with two harts and a policy, of which another host has two more.
fn host() -> Arc<Host> {
    let mut computer = Computer::new(ComputerConfig::new(4 << 20).harts(4)).unwrap();
    let [here, there] = [0, 1].map(|number| HostId::new(number).unwrap());
    let share = Share::new(here, HostSet::EMPTY.with(here).with(there), &computer);
    let host = computer.join(share, Arc::new(Void), Arc::new(VirtualClock::new(Instant::ZERO))).unwrap();
    host.place_by(Box::new(Fixed));
    host
}

/// Lets the other host say how crowded it is; what is known of it then.
fn hear(host: &Host, cores: u16, load: u16) -> Option<HostView> {
    let there = HostId::new(1).unwrap();
    let message = HostMessage::State(State { cores, load, ..State::default() });
    host.receive(there, &borsh::to_vec(&message).unwrap());
    host.ask_policy(Instant::ZERO, |_, view| view.host(there).copied()).flatten()
}

#[test]
fn a_host_is_as_crowded_as_it_says_if_that_can_be() {
    let (host, there) = (host(), HostId::new(1).unwrap());
    let known = |cores, load| Some(HostView { host: there, cores, load, open: cores > 0 });
    assert_eq!(hear(&host, 0, 0), known(0, 0), "who has no core takes no harts");
    assert_eq!(hear(&host, 8, 4), known(8, 4));
    assert_eq!(hear(&host, 8, 5), known(8, 4), "there are four harts");
    assert_eq!(hear(&host, 65, 0), known(8, 4), "no computer has so many harts");
    assert_eq!(host.refused(), 2);
}

#[test]
fn a_hart_that_was_sent_counts_where_it_goes() {
    let (host, there) = (host(), HostId::new(1).unwrap());
    let before = hear(&host, 8, 1).unwrap();
    let [near, far] = [0, 1].map(|hart| crate::cluster::harts::HartId::new(hart).unwrap());
    assert!(host.send_hart(Instant::ZERO, near, there));
    assert!(!host.send_hart(Instant::ZERO, near, there), "it has just tried");
    assert!(!host.send_hart(Instant::ZERO, far, there), "it is not here");
    let view = host.ask_policy(Instant::ZERO, |_, view| view.clone()).unwrap();
    assert_eq!(view.host(there), Some(&HostView { load: before.load + 1, ..before }));
    assert!(view.hart(near).is_some() && view.hart(far).is_none());
    assert_eq!((host.placements().too_soon, host.placements().refused), (1, 1));
}
