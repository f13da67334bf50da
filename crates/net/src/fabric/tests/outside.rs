//! Machines that run outside of the fabric.

use super::*;

fn question(source_mac: Mac, source: Ipv4Addr, target: Ipv4Addr) -> Frame {
    let operation = ArpOperation::Request;
    let arp = Arp { operation, source_mac, source, target_mac: Mac::UNSPECIFIED, target };
    Frame { source: source_mac, target: Mac::BROADCAST, body: Body::Arp(arp) }
}

/// The card is a machine's: it carries what is for it, and what is sent from its own address.
#[test]
fn a_machine_outside_speaks_for_itself_and_for_nobody_else() {
    let mut bench = Bench::new(2);
    let outside = bench.machines[1];
    let (own, address) = (bench.mac(2), Bench::address(2));
    let station = bench.fabric.move_out(outside).unwrap();
    let now = bench.fabric.now();
    let frames = [
        question(own, address, Bench::address(1)),
        question(own, Bench::address(7), Bench::address(1)),
        question(DOOR, address, Bench::address(1)),
    ];
    bench.fabric.send_from(now, outside, frames).unwrap();
    bench.fabric.run_until(millis(5));
    let answers: Vec<_> = std::iter::from_fn(|| bench.fabric.poll())
        .filter_map(|output| match output {
            Output::Frame { port, frame, .. } if port == station => Some(frame),
            _ => None,
        })
        .collect();
    let [Frame { source, body: Body::Arp(answer), .. }] = &answers[..] else { panic!("{answers:?}") };
    assert_eq!((*source, answer.operation), (bench.mac(1), ArpOperation::Reply));
    let link = bench.fabric.link_of(outside).unwrap();
    let counters = bench.fabric.counters(link, Way::Back).unwrap();
    assert_eq!(counters.dropped(DropReason::Spoofed), 2, "{counters:?}");
}

/// Nobody answers for it, and nobody else may use its card.
#[test]
fn a_machine_outside_is_silent_until_it_says_something() {
    let mut bench = Bench::new(1);
    let machine = bench.machines[0];
    let now = bench.fabric.now();
    let inside = bench.fabric.send_from(now, machine, []).unwrap_err();
    assert_eq!(inside, FabricError::Inside { machine });
    let station = bench.fabric.move_out(machine).unwrap();
    bench.ask(1);
    bench.fabric.run_until(millis(5));
    let outputs: Vec<_> = std::iter::from_fn(|| bench.fabric.poll()).collect();
    assert!(matches!(&outputs[..], [Output::Frame { port, .. }] if *port == station), "{outputs:?}");
    assert!(bench.fabric.host(machine, |_| ()).is_err(), "its sockets are not here");
}
