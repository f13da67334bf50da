//! What descriptions become, and what is said of wrong ones.

use ironloom_core::{Duration, Instant, Seed};

use super::*;
use crate::fabric::{Config, Way};
use crate::link::Loss;
use crate::stack::Answer;

const OFFICE: &str = r#"
[subnets.office]
network = "10.1.0.0/24"
reserved = ["10.1.0.3"]

[switches.lan]
subnet = "office"

[switches.attic]
subnet = "office"

[plans.dsl]
down = "50 Mbps"
up = "10 Mbps"
latency = "30 ms"
loss = "0.1 %"

[[links]]
between = ["lan", "attic"]
plan = { latency = "5 us" }

[machines.web]
at = "lan"
address = "10.1.0.4"

[machines.desk]
at = "attic"
plan = "dsl"
count = 3

[doors.tap]
at = "lan"
"#;

fn build(text: &str) -> Result<Network, TopologyError> {
    text.parse::<Topology>()?.build(Config::default(), Seed::new(1))
}

/// What is said of the description of the office with one text replaced by another.
fn complaint(from: &str, to: &str) -> String {
    assert!(OFFICE.contains(from), "{from}");
    build(&OFFICE.replace(from, to)).expect_err(to).to_string()
}

#[test]
fn an_office_is_built_as_described() {
    let mut network = build(OFFICE).unwrap();
    let address = |name: &str| network.machines[name].address.unwrap().to_string();
    assert_eq!(address("web"), "10.1.0.4");
    let desks = ["desk-1", "desk-2", "desk-3"].map(address);
    assert_eq!(desks, ["10.1.0.2", "10.1.0.5", "10.1.0.6"]);
    let link = network.fabric.link_of(network.machines["desk-2"].id).unwrap();
    let up = network.fabric.profile(link, Way::Back).unwrap();
    assert_eq!((up.rate, up.latency), (Some(10_000_000), Duration::from_millis(30)));
    assert_eq!(up.loss, Loss::Even { ppm: 1_000 });
    assert_eq!(network.fabric.profile(link, Way::Forth).unwrap().rate, Some(50_000_000));

    let (web, desk) = (network.machines["web"].id, network.machines["desk-1"]);
    let socket = network.fabric.host(web, |host| host.open_echo().unwrap()).unwrap();
    let target = desk.address.unwrap();
    network.fabric.host(web, |host| host.ping(socket, target, 1, <_>::default()).unwrap()).unwrap();
    network.fabric.run_until(Instant::from_nanos(1_000_000_000));
    let heard = network.fabric.host(web, |host| host.receive_echo(socket).unwrap()).unwrap();
    assert!(heard.is_some(), "over two switches, and back");
}

#[test]
fn names_and_seeds_make_the_same_machines() {
    let ids = |seed| {
        let network = OFFICE.parse::<Topology>().unwrap().build(Config::default(), Seed::new(seed)).unwrap();
        network.machines.values().map(|machine| machine.id).collect::<Vec<_>>()
    };
    assert_eq!(ids(1), ids(1));
    assert_ne!(ids(1), ids(2));
}

#[test]
fn what_is_wrong_is_told_with_its_place() {
    let check = |from: &str, to: &str, parts: &[&str]| {
        let complaint = complaint(from, to);
        parts.iter().for_each(|part| assert!(complaint.contains(part), "`{part}` is not in: {complaint}"));
    };
    check("at = \"lan\"\naddress", "at = \"lam\"\naddress", &["machines.web.at", "`lam`", "is it `lan`?"]);
    check("at = \"lan\"\naddress", "at = \"tap\"\naddress", &["machines.web", "its switch has no subnet"]);
    check("at = \"attic\"", "at = \"atic\"", &["machines.desk.at", "`atic`", "is it `attic`?"]);
    check("plan = \"dsl\"", "plan = \"dls\"", &["machines.desk.plan", "`dls`", "is it `dsl`?"]);
    check("50 Mbps", "50 Mbsp", &["line 13", "`50 Mbsp` is no rate", "`50 Mbps`"]);
    check("latency = \"5 us\"", "latensy = \"5 us\"", &["line 20", "latensy"]);
    check("10.1.0.4", "10.1.0.3", &["machines.web.address", "10.1.0.3 is taken already"]);
    check("10.1.0.4", "10.2.0.4", &["machines.web.address", "10.2.0.4 is not in 10.1.0.0/24"]);
    check(
        "subnet = \"office\"\n\n[plans",
        "subnet = \"offices\"\n\n[plans",
        &["switches.attic.subnet", "`office`"],
    );
    check("count = 3", "count = 300", &["machines.desk", "all 254 addresses of 10.1.0.0/24 are taken"]);
    check("[doors.tap]", "[doors.lan]", &["doors.lan", "something else already"]);
    check("[machines.web]", "[machines.desk-2]", &["machines.desk", "`desk-2`"]);
    check("\"lan\", \"attic\"", "\"lan\", \"lan\"", &["links[0]", "another station"]);
    check("down = \"50 Mbps\"", "mtu = 20", &["machines.desk", "mtu of 20"]);
}

const INTERNET: &str = r#"
[subnets.home]
network = "192.168.1.0/24"
[subnets.office]
network = "198.51.100.0/24"

[switches.home]
subnet = "home"
[switches.office]
subnet = "office"

[clouds.internet]
interfaces = [{ to = "office", plan = { latency = "2 ms" } }]

[routers.box]
routes = [{ network = "0.0.0.0/0", via = "203.0.113.1" }]
forwards = [{ protocol = "udp", port = 7, to = "192.168.1.2" }]
rules = [{ verdict = "drop", protocol = "icmp", to = "198.51.100.9" }]
interfaces = [
  { to = "home" },
  { to = "internet", address = "203.0.113.7/24", peer = "203.0.113.1/24", masquerade = true, plan = "dsl" },
]

[plans.dsl]
down = "50 Mbps"
up = "10 Mbps"
latency = "15 ms"

[machines.desk]
at = "home"
[machines.web]
at = "office"
address = "198.51.100.8"
[machines.hidden]
at = "office"
address = "198.51.100.9"
"#;

/// How long a machine waits for the answer of another, in milliseconds.
fn ping(network: &mut Network, from: &str, to: &str) -> Option<u64> {
    let id = network.machines[from].id;
    let target = to.parse().unwrap();
    let socket = network.fabric.host(id, |host| host.open_echo().unwrap()).unwrap();
    let begin = network.fabric.now();
    network.fabric.host(id, |host| host.ping(socket, target, 1, <_>::default()).unwrap()).unwrap();
    for _ in 0..200 {
        let next = network.fabric.now().saturating_add(Duration::from_millis(1));
        network.fabric.run_until(next);
        let heard = network.fabric.host(id, |host| host.receive_echo(socket).unwrap()).unwrap();
        if heard.is_some_and(|heard| matches!(heard.what, Answer::Here { .. })) {
            return Some(next.saturating_since(begin).as_millis());
        }
    }
    None
}

#[test]
fn a_small_internet_is_built_as_described() {
    let mut network = build(INTERNET).unwrap();
    assert!(ping(&mut network, "desk", "192.168.1.1").is_some(), "the gateway");
    let first = ping(&mut network, "desk", "198.51.100.8").unwrap();
    let second = ping(&mut network, "desk", "198.51.100.8").unwrap();
    assert!((34..=36).contains(&second) && first > second, "{first} {second}: there and back");
    assert_eq!(ping(&mut network, "desk", "198.51.100.9"), None, "a rule forbids it");
    assert_eq!(ping(&mut network, "web", "192.168.1.2"), None, "what hides cannot be reached");
    assert!(ping(&mut network, "web", "203.0.113.7").is_some());
    let edge = network.stations["box"];
    let drops = network.fabric.router(edge).unwrap().drops();
    assert!(drops.total() >= 1, "{drops:?}");
}

#[test]
fn wrong_routers_are_told_with_their_place() {
    let check = |from: &str, to: &str, parts: &[&str]| {
        assert!(INTERNET.contains(from), "{from}");
        let complaint = build(&INTERNET.replace(from, to)).expect_err(to).to_string();
        parts.iter().for_each(|part| assert!(complaint.contains(part), "`{part}` is not in: {complaint}"));
    };
    check(
        "to = \"internet\", address = \"203.0.113.7/24\",",
        "to = \"internet\",",
        &["box.interfaces[1]", "address"],
    );
    check("via = \"203.0.113.1\"", "via = \"9.9.9.9\"", &["routers.box.routes[0].via", "own networks"]);
    check("verdict = \"drop\"", "verdict = \"explode\"", &["`explode`", "`drop`"]);
    check("{ to = \"home\" }", "{ to = \"hone\" }", &["routers.box.interfaces[0].to", "is it `home`?"]);
    check("protocol = \"icmp\"", "ports = \"9-1\"", &["`9-1` is no range of ports"]);
}

const TOWN: &str = r#"
[clouds.internet]
network = "100.64.0.0/10"
interfaces = [{ to = "web", plan = { latency = "2 ms" } }]

[subnets.web]
network = "198.51.100.0/24"
[subnets.left]
network = "192.168.1.0/24"
[subnets.right]
network = "192.168.2.0/24"
[subnets.firm]
network = "203.0.113.0/24"
[switches.web]
subnet = "web"
[switches.left]
subnet = "left"
[switches.right]
subnet = "right"
[switches.firm]
subnet = "firm"

[routers.left-box]
interfaces = [{ to = "left" }, { to = "internet", masquerade = true, plan = "dsl" }]
[routers.right-box]
interfaces = [{ to = "right" }, { to = "internet", masquerade = true, plan = "dsl" }]
[routers.firm-box]
interfaces = [{ to = "firm" }, { to = "internet", plan = { latency = "5 ms" } }]

[plans.dsl]
down = "50 Mbps"
up = "10 Mbps"
latency = "15 ms"

[machines]
web = { at = "web" }
firm = { at = "firm" }
left = { at = "left" }
right = { at = "right" }
"#;

#[test]
fn what_connects_to_a_cloud_needs_no_addresses() {
    let mut network = build(TOWN).unwrap();
    let mut round_trip = |from: &str, to: &str| {
        ping(&mut network, from, to);
        ping(&mut network, from, to)
    };
    assert_eq!(round_trip("left", "198.51.100.2"), Some(35), "15 ms and 2 ms, there and back");
    assert_eq!(round_trip("firm", "198.51.100.2"), Some(14));
    assert_eq!(round_trip("web", "203.0.113.2"), Some(14), "what does not hide is found");
    assert_eq!(round_trip("right", "203.0.113.2"), Some(41));
    assert_eq!(round_trip("web", "192.168.1.2"), None, "what hides is not");
    assert_eq!(round_trip("left", "100.64.0.5"), Some(61), "the box of the right: 100.64.0.4 is the cloud");
    let check = |from: &str, to: &str, parts: &[&str]| {
        assert!(TOWN.contains(from), "{from}");
        let complaint = build(&TOWN.replace(from, to)).expect_err(to).to_string();
        parts.iter().for_each(|part| assert!(complaint.contains(part), "`{part}` is not in: {complaint}"));
    };
    let box_of_left = "routers.left-box.interfaces[1]";
    check("network = \"100.64.0.0/10\"", "", &["routers.firm-box.interfaces[1]", "a cloud with a network"]);
    check("100.64.0.0/10", "100.64.0.0/30", &["routers.right-box.interfaces[1]", "larger network"]);
    check("100.64.0.0/10", "fd00::/64", &["clouds.internet.network", "an IPv4 network"]);
    check("masquerade = true", "peer = \"9.9.9.9/24\"", &[box_of_left, "as it has a peer"]);
    check("masquerade = true", "address = \"9.9.9.9/24\"", &[box_of_left, "as it has an address"]);
}

/// The description in the manual says what is possible, so it has to be possible.
#[test]
fn the_description_in_the_manual_is_built() {
    let manual = include_str!("../../../../docs/net.md");
    let (_, rest) = manual.split_once("```toml\n").unwrap();
    let (text, _) = rest.split_once("```").unwrap();
    let mut network = build(text).unwrap();
    assert_eq!(network.machines.len(), 23);
    assert_eq!(network.machines["desk-20"].address, Some([192, 168, 1, 23].into()));
    assert!(ping(&mut network, "desk-1", "198.51.100.8").is_some());
    assert!(ping(&mut network, "desk-1", "203.0.113.1").is_some(), "the box itself");
    assert_eq!(ping(&mut network, "scanner", "192.168.1.10"), None);
}
