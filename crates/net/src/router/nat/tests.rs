use std::net::Ipv4Addr;

use super::*;
use crate::router::conntrack;

fn nat() -> Nat {
    Nat::new(Config { rules_max: 2, addresses_max: 2, ..Config::default() }, true, 1)
}

fn hide() -> SourceRule {
    SourceRule::masquerade("10.0.0.0/8".parse().unwrap(), Port::new(1))
}

fn lead() -> TargetRule {
    TargetRule {
        target: "20.0.0.1/32".parse().unwrap(),
        protocol: Some(Protocol::TCP),
        ports: 80..=89,
        input: None,
        to: "10.0.0.2".parse().unwrap(),
        to_port: Some(8_080),
    }
}

fn tuple(kind: Kind, target: [u8; 4], target_port: u16) -> Tuple<Ipv4Addr> {
    let (source, target) = (Ipv4Addr::new(30, 0, 0, 1), Ipv4Addr::from(target));
    Tuple { ends: Ends { source, target, source_port: 5, target_port }, kind }
}

#[test]
fn nonsense_is_refused() {
    let v6: IpAddr = "fd00::1".parse().unwrap();
    let refused = |rule: SourceRule| nat().add_source(rule).expect_err("this is nonsense");
    assert!(matches!(
        refused(SourceRule { behind: Behind::Addresses(vec![]), ..hide() }),
        NatError::Addresses { .. }
    ));
    let mixed = SourceRule { behind: Behind::Addresses(vec![v6]), ..hide() };
    assert!(matches!(refused(mixed), NatError::Mixed { .. }));
    #[expect(clippy::reversed_empty_ranges, reason = "that is the nonsense")]
    let empty = SourceRule { ports: 9..=8, ..hide() };
    assert!(matches!(refused(empty), NatError::Ports { first: 9, last: 8 }));
    let refused = |rule: TargetRule| nat().add_target(rule).expect_err("this is nonsense");
    assert!(matches!(refused(TargetRule { to: v6, ..lead() }), NatError::Mixed { .. }));
    assert!(matches!(refused(TargetRule { to_port: Some(65_530), ..lead() }), NatError::Ports { .. }));
    let mut untracked = Nat::new(Config::default(), false, 1);
    assert_eq!(untracked.add_source(hide()), Err(NatError::NotTracking));
    let mut full = nat();
    let first = full.add_source(hide()).unwrap();
    full.add_target(lead()).unwrap();
    assert_eq!(full.add_source(hide()), Err(NatError::Full { rules_max: 2 }));
    assert!(full.remove(first) && !full.remove(first));
    full.add_source(hide()).unwrap();
}

#[test]
fn targets_are_led_port_by_port() {
    let mut nat = nat();
    nat.add_target(lead()).unwrap();
    let led = |kind, target, port| {
        nat.redirect(Port::new(0), &tuple(kind, target, port))
            .map(|ends| (ends.target.octets(), ends.target_port))
    };
    assert_eq!(led(Kind::TCP, [20, 0, 0, 1], 80), Some(([10, 0, 0, 2], 8_080)));
    assert_eq!(led(Kind::TCP, [20, 0, 0, 1], 89), Some(([10, 0, 0, 2], 8_089)));
    assert_eq!(led(Kind::TCP, [20, 0, 0, 1], 90), None);
    assert_eq!(led(Kind::UDP, [20, 0, 0, 1], 80), None);
    assert_eq!(led(Kind::TCP, [20, 0, 0, 2], 80), None);
}

#[test]
fn the_first_rule_counts() {
    let mut nat = nat();
    nat.add_source(SourceRule {
        behind: Behind::Nothing,
        target: Some("40.0.0.0/8".parse().unwrap()),
        ..hide()
    })
    .unwrap();
    nat.add_source(hide()).unwrap();
    let leaving =
        |target: [u8; 4]| Ends { source: Ipv4Addr::new(10, 0, 0, 1), ..tuple(Kind::UDP, target, 1).ends };
    assert!(nat.hiding(Port::new(1), &leaving([40, 0, 0, 1])).is_none());
    assert!(nat.hiding(Port::new(1), &leaving([41, 0, 0, 1])).is_some());
    assert!(nat.hiding(Port::new(2), &leaving([41, 0, 0, 1])).is_none());
}

/// What has no ports hides behind an address as long as nobody else of its protocol does.
#[test]
fn a_protocol_without_ports_has_an_address_to_itself() {
    let config = conntrack::Config::default();
    let mut conntrack = Conntrack::<Ipv4Addr>::new(&config, 1);
    let nat = nat();
    let packet = |source: [u8; 4]| crate::Packet {
        source: source.into(),
        target: [40, 0, 0, 1].into(),
        hops: 1,
        service: 0,
        identification: 0,
        may_fragment: true,
        transport: crate::frame::Transport::Other { protocol: 47, bytes: bytes::Bytes::new() },
    };
    let outside = [Ipv4Addr::new(20, 0, 0, 1)];
    let mut enter = |source| {
        let packet = packet(source);
        let tuple = Tuple::of(&packet).unwrap();
        let reply = nat.hide(Instant::ZERO, &mut conntrack, &tuple, &outside, &SourceRule::PORTS)?;
        conntrack.open(Instant::ZERO, &config, tuple, reply, &packet).ok()
    };
    assert!(enter([10, 0, 0, 1]).is_some());
    assert!(enter([10, 0, 0, 2]).is_none());
}
