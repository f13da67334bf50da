//! What a stack has, as lists show it.

use std::sync::Arc;

use ironloom_core::{Instant, Rng, Seed};
use ironloom_net::stack::{Config, Route, SocketFacts, SocketState};
use ironloom_net::{Host, Interface, Mac, Node as _, Outbox, Stack};

#[test]
fn what_a_stack_has_is_listed() {
    let mut stack = Stack::new(Arc::new(Config::default()), &mut Rng::new(Seed::new(1)));
    let card = Interface::new(Mac::local(1)).with_address("10.0.0.5/24".parse().unwrap());
    let card = stack.attach(&card.with_gateway("10.0.0.1".parse().unwrap()));
    let added =
        Route { network: "10.9.0.0/16".parse().unwrap(), gateway: Some("10.0.0.9".parse().unwrap()), card };
    assert!(stack.add_route(added));
    let routes: Vec<String> = stack.routes().iter().map(|route| route.network.to_string()).collect();
    assert_eq!(routes, ["10.0.0.0/24", "10.9.0.0/16", "0.0.0.0/0"]);

    let mut out = Outbox::new();
    let mut host = Host::new(Instant::ZERO, 7, &mut stack, &mut out);
    host.listen("0.0.0.0:80".parse().unwrap(), 16).unwrap();
    let datagrams = host.bind_udp("127.0.0.1:53".parse().unwrap()).unwrap();
    host.send_to(datagrams, vec![1, 2, 3].into(), "127.0.0.1:53".parse().unwrap()).unwrap();
    host.connect("127.0.0.1:80".parse().unwrap()).unwrap();
    let begun: Vec<SocketState> = stack.list_sockets().map(|facts| facts.state).collect();
    assert_eq!(begun, [SocketState::Listen, SocketState::Datagrams, SocketState::SynSent]);
    assert_eq!(stack.waiting_datagrams(datagrams), 0);
    while let Some(at) = stack.next_event().filter(|at| at.as_nanos() < 1_000_000) {
        stack.expire(at, &mut out);
    }
    let listed: Vec<SocketFacts> = stack.list_sockets().collect();
    let states: Vec<SocketState> = listed.iter().map(|facts| facts.state).collect();
    let established = SocketState::Established;
    assert_eq!(states, [SocketState::Listen, SocketState::Datagrams, established, established]);
    assert_eq!(stack.waiting_datagrams(datagrams), 1);
    assert!(listed[1].unread_bytes >= 3 && listed[1].remote.is_none());
    assert_eq!((listed[2].remote.unwrap().port(), listed[2].owner), (80, 7));
    assert_eq!(listed[3].local.port(), 80);
    assert!(stack.neighbours().is_empty());
}
