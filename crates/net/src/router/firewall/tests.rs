use ironloom_core::{Duration, Instant};
use proptest::prelude::*;

use super::*;
use crate::Port;
use crate::router::Rate;

fn subject(source: &str, target_port: u16) -> Subject {
    Subject {
        source: source.parse().unwrap(),
        target: "10.0.0.2".parse().unwrap(),
        protocol: Protocol::TCP,
        ports: Some((40_000, target_port)),
        state: State::New,
        input: Some(Port::new(1)),
        output: Some(Port::new(2)),
    }
}

fn verdict(firewall: &mut Firewall, subject: Subject) -> Verdict {
    firewall.check(Instant::ZERO, Chain::Forward, &subject).verdict
}

fn network(text: &str) -> IpNet {
    text.parse().unwrap()
}

#[test]
fn the_first_rule_that_matches_decides() {
    let mut firewall = Firewall::new(Config::default());
    let lan = Addresses::In(network("10.0.0.0/8"));
    let accept = firewall.append(Chain::Forward, Rule { source: lan.clone(), ..Rule::accept() }).unwrap();
    firewall.append(Chain::Forward, Rule::drop()).unwrap();
    assert_eq!(verdict(&mut firewall, subject("10.1.1.1", 80)), Verdict::Accept);
    assert_eq!(verdict(&mut firewall, subject("11.1.1.1", 80)), Verdict::Drop);
    assert_eq!(verdict(&mut firewall, subject("fd00::1", 80)), Verdict::Drop);

    firewall.insert(Chain::Forward, 0, Rule { target_ports: 25..=25, ..Rule::reject() }).unwrap();
    assert_eq!(verdict(&mut firewall, subject("10.1.1.1", 25)), Verdict::Reject);
    firewall.replace(accept, Rule { source: lan, ..Rule::reject() }).unwrap();
    assert_eq!(verdict(&mut firewall, subject("10.1.1.1", 80)), Verdict::Reject);
    firewall.remove(accept).unwrap();
    assert_eq!(verdict(&mut firewall, subject("10.1.1.1", 80)), Verdict::Drop);
    assert_eq!(firewall.remove(accept), Err(FirewallError::NoSuchRule { rule: accept }));
}

#[test]
fn every_part_of_a_rule_counts() {
    let packet = subject("10.1.1.1", 80);
    let matches = |rule: Rule, packet: Subject| {
        let mut firewall = Firewall::new(Config::default());
        firewall.append(Chain::Forward, Rule { verdict: Verdict::Drop, ..rule }).unwrap();
        verdict(&mut firewall, packet) == Verdict::Drop
    };
    let any = Rule::accept;
    assert!(matches(any(), packet));
    assert!(matches(Rule { protocol: Some(Protocol::TCP), ..any() }, packet));
    assert!(!matches(Rule { protocol: Some(Protocol::UDP), ..any() }, packet));
    assert!(matches(Rule { source_ports: 40_000..=40_001, ..any() }, packet));
    assert!(!matches(Rule { source_ports: 0..=39_999, ..any() }, packet));
    assert!(matches(Rule { input: Some(Port::new(1)), output: Some(Port::new(2)), ..any() }, packet));
    assert!(!matches(Rule { input: Some(Port::new(2)), ..any() }, packet));
    assert!(!matches(Rule { output: Some(Port::new(1)), ..any() }, packet));
    let states = States::of(&[State::Established, State::Related]);
    assert!(!matches(Rule { states, ..any() }, packet));
    assert!(matches(Rule { states, ..any() }, Subject { state: State::Related, ..packet }));
    let ping = Subject { protocol: Protocol::ICMP, ports: None, ..packet };
    assert!(matches(any(), ping));
    assert!(!matches(Rule { target_ports: 0..=1_023, ..any() }, ping), "what has no ports has no port 0");
}

#[test]
fn rules_count_what_they_decide() {
    let mut firewall = Firewall::new(Config::default());
    let web = Rule { target_ports: 80..=80, ..Rule::accept() };
    let web = firewall.append(Chain::Forward, web).unwrap();
    for port in [80, 81, 80] {
        let decision = firewall.check(Instant::ZERO, Chain::Forward, &subject("10.1.1.1", port));
        firewall.count(decision, Traffic { packets: 2, bytes: 100 });
    }
    assert_eq!(firewall.hits(web), Ok(Traffic { packets: 4, bytes: 200 }));
    assert_eq!(firewall.policy_hits(Chain::Forward), Traffic { packets: 2, bytes: 100 });
    firewall.remove(web).unwrap();
    let other = firewall.append(Chain::Forward, Rule::drop()).unwrap();
    assert_eq!(firewall.hits(other), Ok(Traffic::default()), "a count that is used again begins at nothing");
}

#[test]
fn a_rate_leaves_the_rest_to_the_rules_that_follow() {
    let mut firewall = Firewall::new(Config::default());
    let rate = Some(Rate { packets: 10, per: Duration::from_secs(1), burst: 2 });
    firewall.append(Chain::Forward, Rule { rate, ..Rule::accept() }).unwrap();
    firewall.append(Chain::Forward, Rule::drop()).unwrap();
    let verdicts = |firewall: &mut Firewall, millis: u64| {
        let now = Instant::from_nanos(millis * 1_000_000);
        let decisions = (0..5).map(|_| firewall.check(now, Chain::Forward, &subject("10.1.1.1", 80)));
        let decisions: Vec<Decision> = decisions.collect();
        assert!(decisions.iter().all(|decision| !decision.is_constant));
        decisions.iter().filter(|decision| decision.verdict == Verdict::Accept).count()
    };
    assert_eq!(verdicts(&mut firewall, 0), 2);
    assert_eq!(verdicts(&mut firewall, 100), 1);
}

#[test]
fn sets_are_named_and_change_while_rules_use_them() {
    let mut firewall = Firewall::new(Config { set_networks_max: 3, ..Config::default() });
    let bad = Rule { source: Addresses::Set("bad".into()), ..Rule::drop() };
    assert!(matches!(firewall.append(Chain::Forward, bad.clone()), Err(FirewallError::NoSuchSet { .. })));
    firewall.define_set("bad", &[network("10.1.0.0/16"), network("fd00::/8")]).unwrap();
    let id = firewall.append(Chain::Forward, bad).unwrap();
    assert_eq!(verdict(&mut firewall, subject("10.1.1.1", 80)), Verdict::Drop);
    assert_eq!(verdict(&mut firewall, subject("fd00::7", 80)), Verdict::Drop);
    assert_eq!(verdict(&mut firewall, subject("10.2.1.1", 80)), Verdict::Accept);
    firewall.define_set("bad", &[network("10.2.0.0/16")]).unwrap();
    assert_eq!(verdict(&mut firewall, subject("10.2.1.1", 80)), Verdict::Drop);
    let many = [network("10.2.0.0/16"); 4];
    assert!(matches!(firewall.define_set("bad", &many), Err(FirewallError::SetTooLarge { .. })));
    assert!(matches!(firewall.remove_set("bad"), Err(FirewallError::SetInUse { rules: 1, .. })));
    firewall.remove(id).unwrap();
    assert_eq!(firewall.remove_set("bad"), Ok(()));
}

#[test]
fn a_firewall_has_an_end() {
    let mut firewall = Firewall::new(Config { rules_max: 2, sets_max: 1, ..Config::default() });
    firewall.append(Chain::Forward, Rule::accept()).unwrap();
    let last = firewall.append(Chain::Input, Rule::accept()).unwrap();
    let refused = firewall.append(Chain::Output, Rule::accept());
    assert_eq!(refused, Err(FirewallError::RulesFull { rules_max: 2 }));
    firewall.remove(last).unwrap();
    firewall.append(Chain::Output, Rule::accept()).unwrap();
    firewall.define_set("one", &[]).unwrap();
    assert_eq!(firewall.define_set("two", &[]), Err(FirewallError::SetsFull { sets_max: 1 }));
}

proptest! {
    #[test]
    fn a_set_contains_what_its_networks_contain(
        networks in prop::collection::vec((0..4u32, any::<u8>(), 0..=32u8), 0..20),
        questions in prop::collection::vec((0..4u32, any::<u8>()), 20),
    ) {
        let address = |high: u32, low: u8| std::net::IpAddr::from((high << 30 | u32::from(low)).to_be_bytes());
        let networks: Vec<IpNet> = networks
            .into_iter()
            .map(|(high, low, length)| IpNet::new(address(high, low), length).unwrap().trunc())
            .collect();
        let ranges = Ranges::new(&networks);
        for (high, low) in questions {
            let question = address(high, low);
            let expected = networks.iter().any(|network| network.contains(&question));
            prop_assert_eq!(ranges.contains(question), expected, "{} in {:?}", question, networks);
        }
    }
}
