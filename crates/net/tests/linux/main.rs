//! Linux against machines: its network stack and its tools, in a network namespace of their own, with a TAP interface
//! that leads into a fabric.
//!
//! What cannot be here (no right to administer networks, a tool that is not installed) is skipped with a line that says
//! so. Each test has a namespace, an interface and a fabric of its own; where frames are captured, `tshark` looks at
//! all of them in the end.

mod capture;
mod iperf;
mod names;
mod namespace;
mod town;
mod transfer;
mod web;

use ironloom_core::Duration;
use ironloom_net::link::{LinkProfile, Loss};

use namespace::{has, skip};
use town::Scene;

/// Says in a test that it cannot be here, and ends it.
macro_rules! need {
    ($($tool:expr),*) => {
        $(if !$crate::namespace::has($tool) {
            return $crate::namespace::skip(concat!($tool, " is not installed"));
        })*
    };
}
pub(crate) use need;

#[test]
fn ping() {
    need!("ping");
    let Some(scene) = Scene::start(LinkProfile::default(), true, |_| ()) else { return };
    for target in [town::WEB, town::BEHIND, town::ROUTER] {
        for bytes in [0, 56, 1_472, 8_000, 65_507] {
            let said = scene.run(&format!("ping -n -c 3 -i 0.02 -W 5 -s {bytes} {target}"));
            assert!(said.contains("3 received, 0% packet loss"), "{said}");
        }
    }
    // Nobody has the address, as Linux and as the router found out.
    for (target, teller) in [("10.91.0.9", "10.91.0.100"), ("10.92.0.9", town::ROUTER)] {
        let (_, said) = scene.try_run(&format!("ping -n -c 1 -W 10 {target}"));
        assert!(said.contains(&format!("From {teller} icmp_seq=1 Destination Host Unreachable")), "{said}");
    }
    scene.finish();
}

#[test]
fn traceroute() {
    need!("traceroute");
    let Some(scene) = Scene::start(LinkProfile::default(), true, |_| ()) else { return };
    for way in ["", "-I", "-T -p 80"] {
        let said = scene.run(&format!("traceroute {way} -n -q 1 -w 5 {}", town::BEHIND));
        let hops: Vec<&str> =
            said.lines().skip(1).filter_map(|line| line.split_whitespace().nth(1)).collect();
        assert_eq!(hops, [town::ROUTER, town::BEHIND], "{said}");
    }
    if has("tracepath") {
        let said = scene.run(&format!("tracepath -n {}", town::BEHIND));
        assert!(said.contains("pmtu 1500") && said.contains("reached"), "{said}");
    } else {
        skip("tracepath is not installed");
    }
    scene.finish();
}

#[test]
fn nmap() {
    need!("nmap");
    let Some(scene) = Scene::start(LinkProfile::default(), true, |_| ()) else { return };
    for target in [town::WEB, town::BEHIND] {
        let said = scene.run(&format!("nmap -sT -Pn -n --reason -p 1-100 {target}"));
        assert!(said.contains("80/tcp open  http    syn-ack"), "{said}");
        assert!(said.contains("99 closed tcp ports (conn-refused)"), "{said}");
    }
    let said = scene.run(&format!("nmap -n -sn {}", town::WEB));
    assert!(said.contains("1 host up"), "{said}");
    scene.finish();
}

#[test]
fn iperf3() {
    need!("iperf3");
    let Some(scene) = Scene::start(LinkProfile::default(), false, |_| ()) else { return };
    for way in ["", "-R"] {
        let said = scene.run(&format!("iperf3 -c {} -t 5 -f m {way}", town::IPERF));
        let received =
            said.lines().find(|line| line.contains("receiver")).expect("it says what was received");
        let rate = iperf::rate(received);
        println!("iperf3 {way}: {}", received.trim());
        assert!(rate > 10.0, "{said}");
    }
    let said = scene.run(&format!("iperf3 -c {} -t 1 -P 4 -f m", town::IPERF));
    assert!(said.contains("SUM"), "{said}");
    scene.finish();
}

/// What Linux sends through a queue that loses and reorders, if it has such a queue.
#[test]
fn transfers_through_netem() {
    need!("curl", "tc");
    let Some(scene) = Scene::start(LinkProfile::default(), false, transfer::serve) else { return };
    let netem = "tc qdisc add dev tap root netem delay 1ms loss 1% reorder 5%";
    let (is_there, said) = scene.try_run(netem);
    if !is_there {
        return skip(&format!("the kernel has no netem ({})", said.trim().replace('\n', " ")));
    }
    transfer::both_ways(&scene);
    scene.finish();
}

/// The same faults on both ways, made by a link of ours.
#[test]
fn transfers_through_a_link_that_loses_and_reorders() {
    need!("curl");
    let profile = LinkProfile {
        latency: Duration::from_micros(200),
        loss: Loss::Even { ppm: 10_000 },
        reorder_ppm: 50_000,
        reorder_delay: Duration::from_micros(200),
        ..LinkProfile::default()
    };
    let Some(scene) = Scene::start(profile, false, transfer::serve) else { return };
    transfer::both_ways(&scene);
    scene.finish();
}
