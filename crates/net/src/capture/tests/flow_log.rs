//! Who talked to whom, and how it ended.

use ironloom_core::{Duration, Instant, Rng, Seed};

use super::super::*;
use super::*;

fn log(config: FlowLogConfig) -> FlowLog {
    FlowLog::new(config, &mut Rng::new(Seed::new(6)))
}

fn at(millis: u64) -> Instant {
    Instant::ZERO.saturating_add(Duration::from_millis(millis))
}

fn flows(log: &mut FlowLog) -> Vec<String> {
    std::iter::from_fn(|| log.next_flow()).map(|flow| flow.to_string()).collect()
}

#[test]
fn a_connection_ends_when_both_have_finished() {
    let mut log = log(FlowLogConfig::default());
    let (fin, ack) = (Flags::FIN | Flags::ACK, Flags::ACK);
    log.note(at(0), &tcp(4_000, 80, Flags::SYN, 0));
    log.note(at(1), &tcp_back(80, 4_000, Flags::SYN | ack, 0));
    log.note(at(2), &tcp(4_000, 80, ack, 14_480));
    log.note(at(3), &tcp(4_000, 80, fin, 0));
    log.note(at(4), &tcp_back(80, 4_000, fin, 100));
    // The last acknowledgement belongs to it, and so does one that was duplicated.
    log.note(at(5), &tcp(4_000, 80, ack, 0));
    log.note(at(6), &tcp(4_000, 80, ack, 0));
    assert_eq!(log.next_event(), Some(at(2_004)));
    log.expire(at(2_003));
    assert_eq!(log.next_flow(), None);
    log.expire(at(2_004));
    let expected = "tcp 10.0.0.1:4000 > 10.0.0.2:80 0.000000000s..0.006000000s 14/15208 2/204 finished";
    assert_eq!(flows(&mut log), [expected]);
    assert!(log.is_empty() && log.next_event().is_none());
}

#[test]
fn a_refused_connection_is_a_reset_and_the_next_attempt_another_flow() {
    let mut log = log(FlowLogConfig::default());
    for time in [0, 10] {
        log.note(at(time), &tcp(4_000, 81, Flags::SYN, 0));
        log.note(at(time + 1), &tcp_back(81, 4_000, Flags::RST | Flags::ACK, 0));
    }
    log.close();
    let ends: Vec<Flow> = std::iter::from_fn(|| log.next_flow()).collect();
    assert_eq!(ends.iter().map(|flow| flow.end).collect::<Vec<_>>(), [FlowEnd::Reset; 2]);
    assert_eq!((ends[0].last, ends[1].first), (at(1), at(10)));
}

#[test]
fn what_is_silent_is_idle_and_what_goes_on_is_open() {
    let mut log = log(FlowLogConfig::default());
    log.note(at(0), &udp(1_000, 53, 10));
    log.note(at(0), &echo(7));
    log.note(at(0), &arp());
    log.note(at(59_999), &echo(7));
    log.expire(at(60_000));
    assert_eq!(flows(&mut log), ["udp 10.0.0.1:1000 > 10.0.0.2:53 0.000000000s..0.000000000s 1/38 0/0 idle"]);
    log.close();
    assert_eq!(flows(&mut log), ["icmp 10.0.0.1:7 > 10.0.0.2:7 0.000000000s..59.999000000s 2/168 0/0 open"]);
}

#[test]
fn a_late_packet_of_a_silent_flow_begins_another() {
    let mut log = log(FlowLogConfig::default());
    log.note(at(0), &udp(1_000, 53, 10));
    log.note(at(60_000), &udp(1_000, 53, 10));
    assert_eq!(flows(&mut log).len(), 1);
    assert_eq!(log.len(), 1);
}

#[test]
fn a_scan_is_bounded_and_nothing_is_counted_twice() {
    let config = FlowLogConfig { flows_max: 100, ended_max: 50, ..FlowLogConfig::default() };
    let mut log = log(config);
    for port in 0..10_000_u16 {
        log.note(at(u64::from(port)), &tcp(4_000, port, Flags::SYN, 0));
        assert!(log.len() <= 100);
    }
    assert_eq!(log.lost(), 10_000 - 100 - 50);
    assert_eq!(log.next_flow().unwrap().end, FlowEnd::Evicted);
    log.close();
    assert_eq!(log.lost() + 1 + flows(&mut log).len() as u64, 10_000);
}

#[test]
fn a_log_for_nothing_keeps_nothing() {
    let mut log = log(FlowLogConfig { flows_max: 0, ended_max: 0, ..FlowLogConfig::default() });
    log.note(at(0), &echo(7));
    assert!(log.is_empty() && log.next_flow().is_none());
}

#[test]
fn every_packet_is_in_one_flow() {
    let mut rng = Rng::new(Seed::new(44));
    let config = FlowLogConfig { flows_max: 20, ended_max: usize::MAX, ..FlowLogConfig::default() };
    let mut log = log(config);
    let (mut now, mut packets, mut bytes) = (0, 0, 0);
    for _ in 0..20_000 {
        now += rng.below(500);
        let flags = Flags(1 << rng.below(5)) | Flags(rng.below(64) as u8 & 0x10);
        let (port, size) = (rng.below(40) as u16, rng.below(4_000) as usize);
        let frame =
            if rng.chance(1, 2) { tcp(4_000, port, flags, size) } else { tcp_back(port, 4_000, flags, size) };
        packets += ip(&frame).pieces_on_wire() as u64;
        bytes += ip(&frame).wire_len() as u64;
        log.note(at(now), &frame);
        if rng.chance(1, 10) {
            log.expire(at(now));
            assert!(log.next_event().is_none_or(|due| due > at(now)));
        }
    }
    log.close();
    let flows: Vec<Flow> = std::iter::from_fn(|| log.next_flow()).collect();
    let sum =
        |of: fn(&Tally) -> u64| flows.iter().map(|flow| of(&flow.sent) + of(&flow.received)).sum::<u64>();
    assert_eq!((sum(|tally| tally.packets), sum(|tally| tally.bytes)), (packets, bytes));
    assert!(flows.iter().all(|flow| flow.first <= flow.last && flow.sent.packets > 0));
}
