//! What lanes do to frames, beside models that count in fractions.

use ironloom_core::{Duration, Instant, Rng, Seed};
use proptest::prelude::*;

use super::lane::Arrival;
use super::*;
use crate::frame::{Body, Datagram, Flags, Options, Segment, Transport};
use crate::{Frame, Mac, Packet, Payload, Port};

fn packet(transport: Transport) -> Frame {
    let body = Body::Ip(Packet {
        source: [10, 0, 0, 1].into(),
        target: [10, 0, 0, 2].into(),
        hops: 64,
        service: 0,
        identification: 7,
        may_fragment: true,
        transport,
    });
    Frame { source: Mac::local(1), target: Mac::local(2), body }
}

/// A datagram whose frame has so many bytes.
fn datagram(bytes: usize) -> Frame {
    let payload = Payload::from(vec![0; bytes - 42]);
    packet(Transport::Udp(Datagram { source: 1, target: 2, payload }))
}

/// A segment whose n-th byte says so, modulo 251.
fn segment(bytes: usize, cut: u16) -> Frame {
    let content: Vec<u8> = (0..bytes).map(|index| (index % 251) as u8).collect();
    packet(Transport::Tcp(Segment {
        source: 1,
        target: 2,
        sequence: u32::MAX - 2_000,
        acknowledgement: 1,
        flags: Flags::ACK | Flags::PSH | Flags::FIN,
        window: 100,
        cut,
        options: Options::default(),
        payload: content.into(),
    }))
}

fn tcp(frame: &Frame) -> &Segment {
    match &frame.body {
        Body::Ip(Packet { transport: Transport::Tcp(segment), .. }) => segment,
        other => panic!("{other:?} is no segment"),
    }
}

struct Way {
    lane: Lane,
    line: Line,
    chance: Chance,
}

impl Way {
    fn new(seed: u64, profile: LinkProfile) -> Self {
        profile.check().unwrap();
        let target = Target { seat: 0, port: Port::new(0), shard: 0, generation: 0 };
        let chance = Chance::new(&Rng::new(Seed::new(seed)));
        Self { lane: Lane::new(6, 0, target), line: Line::new(profile), chance }
    }

    fn offer(&mut self, at: u64, frame: &Frame) -> Vec<Arrival> {
        let mut arrivals = Vec::new();
        let deliver = &mut |arrival| arrivals.push(arrival);
        self.lane.offer(Instant::from_nanos(at), frame, &self.line, &self.chance, deliver);
        arrivals
    }

    fn dropped(&self, reason: DropReason) -> u64 {
        self.lane.counters().dropped(reason)
    }
}

fn nanos(arrival: &Arrival) -> u64 {
    arrival.at.as_nanos()
}

proptest! {
    /// The sum of all times that bytes take, as a fraction; a nanosecond is all that rounding may cost.
    #[test]
    fn a_rate_is_kept_to_the_nanosecond(
        rate in 1_000u64..200_000_000_000,
        frames in prop::collection::vec((0u64..2_000_000, 60usize..1_514), 1..200),
    ) {
        let latency = Duration::from_micros(250);
        let profile =
            LinkProfile { latency, rate: Some(rate), queue_bytes_max: 1 << 40, ..LinkProfile::default() };
        let mut way = Way::new(1, profile);
        let (mut now, mut free) = (0u64, 0u128);
        for (pause, bytes) in frames {
            now += pause;
            // In parts of a nanosecond of which there are `rate`.
            free = free.max(u128::from(now) * u128::from(rate)) + bytes as u128 * 8_000_000_000;
            let arrivals = way.offer(now, &datagram(bytes));
            let expected = (free / u128::from(rate)) as u64 + latency.as_nanos();
            prop_assert_eq!(arrivals.len(), 1);
            prop_assert!(nanos(&arrivals[0]).abs_diff(expected) <= 1, "{} {}", nanos(&arrivals[0]), expected);
        }
    }

    #[test]
    fn what_arrives_of_a_segment_is_what_was_not_lost(
        seed: u64,
        bytes in 1usize..65_000,
        cut in 536u16..1_460,
        ppm in 0u32..600_000,
        rate in prop::option::of(100_000u64..1_000_000_000_000),
    ) {
        let profile = LinkProfile { loss: Loss::Even { ppm }, rate, queue_bytes_max: 40_000, ..LinkProfile::default() };
        let mut way = Way::new(seed, profile);
        let whole = segment(bytes, cut);
        let arrivals = way.offer(0, &whole);
        let pieces = bytes.div_ceil(usize::from(cut)) as u64;
        let mut arrived = 0;
        let mut last = (0, 0);
        for arrival in &arrivals {
            let part = tcp(arrival.instead.as_ref().unwrap_or(&whole));
            let begin = part.sequence.wrapping_sub(tcp(&whole).sequence) as usize;
            let end = begin + part.payload.len();
            prop_assert!(begin.is_multiple_of(usize::from(cut)) && (end.is_multiple_of(usize::from(cut)) || end == bytes));
            prop_assert_eq!(&part.payload, &tcp(&whole).payload.slice(begin, end));
            prop_assert_eq!(part.flags.contains(Flags::FIN), end == bytes);
            prop_assert!(begin >= last.0 && nanos(arrival) >= last.1, "parts arrive in order");
            last = (end, nanos(arrival));
            arrived += (end - begin).div_ceil(usize::from(cut)) as u64;
        }
        prop_assert_eq!(arrived + way.lane.counters().dropped_in_all(), pieces);
        prop_assert_eq!(way.lane.counters().packets, pieces);
    }

    /// To turn one kind of fault on changes nothing in what the others do.
    #[test]
    fn faults_do_not_disturb_each_other(seed: u64) {
        let doubles = |loss| {
            let profile = LinkProfile { duplicate_ppm: 200_000, loss, ..LinkProfile::default() };
            let mut way = Way::new(seed, profile);
            (0..200).map(|at| way.offer(at, &datagram(100)).len()).collect::<Vec<_>>()
        };
        let (without, with) = (doubles(Loss::None), doubles(Loss::Even { ppm: 300_000 }));
        prop_assert!(with.contains(&0));
        prop_assert!(without.iter().zip(&with).all(|(without, with)| *with == 0 || without == with));
    }

    #[test]
    fn frames_stay_in_order_however_their_delays_vary(seed: u64, jitter in 1u64..1_000_000) {
        let jitter = Duration::from_nanos(jitter);
        let profile = LinkProfile { jitter, latency: Duration::from_nanos(500), ..LinkProfile::default() };
        let mut way = Way::new(seed, profile);
        let mut last = 0;
        for at in (0..100_000u64).step_by(1_000) {
            for arrival in way.offer(at, &datagram(100)) {
                prop_assert!(nanos(&arrival) >= last && nanos(&arrival) >= at + 500);
                last = nanos(&arrival);
            }
        }
    }
}

#[test]
fn a_full_queue_drops_what_comes_last() {
    let profile = LinkProfile { rate: Some(8_000_000), queue_bytes_max: 10_000, ..LinkProfile::default() };
    let mut way = Way::new(1, profile);
    // A byte takes a microsecond: ten frames of a thousand fill the queue.
    let arrived = (0..20).filter(|_| !way.offer(0, &datagram(1_000)).is_empty()).count();
    assert_eq!((arrived, way.dropped(DropReason::Queue)), (10, 10));
    assert_eq!(way.offer(1_000_000, &datagram(1_000)).len(), 1, "a frame has left, so there is room for one");
    assert_eq!(way.offer(1_000_000, &datagram(1_000)).len(), 0);
}

#[test]
fn a_frame_larger_than_the_queue_passes_an_idle_link() {
    let profile = LinkProfile { rate: Some(8_000_000), queue_bytes_max: 100, ..LinkProfile::default() };
    let mut way = Way::new(1, profile);
    assert_eq!(way.offer(0, &datagram(1_000)).len(), 1);
    assert_eq!(way.offer(0, &datagram(1_000)).len(), 0);
}

#[test]
fn a_slow_link_delivers_a_large_segment_in_parts() {
    let profile = LinkProfile { rate: Some(10_000_000), ..LinkProfile::default() };
    let arrivals = Way::new(1, profile).offer(0, &segment(14_600, 1_460));
    assert!(arrivals.len() >= 9, "a piece takes longer than a millisecond: {}", arrivals.len());
    let profile = LinkProfile { rate: Some(100_000_000_000), ..LinkProfile::default() };
    assert_eq!(Way::new(1, profile).offer(0, &segment(14_600, 1_460)).len(), 1);
}

#[test]
fn what_does_not_fit_is_dropped() {
    let mut way = Way::new(1, LinkProfile { mtu: 1_400, ..LinkProfile::default() });
    assert_eq!(way.offer(0, &segment(10_000, 1_460)).len(), 0);
    assert_eq!(way.dropped(DropReason::TooLarge), 1);
    assert_eq!(way.offer(0, &segment(10_000, 1_360)).len(), 1);
    assert_eq!(way.offer(0, &datagram(9_000)).len(), 1, "it may be cut on its way");
    let mut whole = datagram(1_415);
    if let Body::Ip(packet) = &mut whole.body {
        packet.may_fragment = false;
    }
    assert_eq!(way.offer(0, &whole).len(), 0);
}

#[test]
fn faults_come_as_often_as_they_should() {
    let profile = LinkProfile {
        loss: Loss::Even { ppm: 100_000 },
        duplicate_ppm: 50_000,
        reorder_ppm: 20_000,
        corrupt_ppm: 30_000,
        ..LinkProfile::default()
    };
    let mut way = Way::new(3, profile);
    let (mut arrived, mut late, mut broken) = (0u32, 0u32, 0u32);
    for at in 0..100_000 {
        for arrival in way.offer(at, &datagram(100)) {
            arrived += 1;
            late += u32::from(nanos(&arrival) > at + 4_000_000);
            broken += u32::from(arrival.instead.is_some_and(|frame| matches!(frame.body, Body::Broken(_))));
        }
    }
    let lost = way.dropped(DropReason::Loss);
    assert!((9_500..10_500).contains(&lost), "{lost}");
    assert!((93_500..95_500).contains(&arrived), "{arrived}");
    assert!((1_700..2_100).contains(&late), "{late}");
    assert!((2_400..3_100).contains(&broken), "{broken}");
}

#[test]
fn bursts_are_as_long_as_they_should_be() {
    let loss = Loss::Bursts { worsen_ppm: 10_000, recover_ppm: 200_000, good_ppm: 0, bad_ppm: 1_000_000 };
    let mut way = Way::new(4, LinkProfile { loss, ..LinkProfile::default() });
    let fates: Vec<bool> = (0..100_000).map(|at| way.offer(at, &datagram(100)).is_empty()).collect();
    let lost = fates.iter().filter(|lost| **lost).count();
    let bursts = fates.windows(2).filter(|pair| !pair[0] && pair[1]).count();
    // A bad state lasts for five frames on average, and begins once in a hundred.
    assert!((4_000..5_600).contains(&lost), "{lost}");
    assert!((4.5..5.5).contains(&(lost as f64 / bursts as f64)), "{lost} in {bursts}");
}

#[test]
fn a_link_that_is_down_carries_nothing() {
    let mut way = Way::new(1, LinkProfile::default());
    way.lane.is_down = true;
    assert_eq!(way.offer(0, &segment(3_000, 1_000)).len(), 0);
    assert_eq!(way.dropped(DropReason::Down), 3);
}

#[test]
fn impossible_profiles_are_refused() {
    let check = |profile: LinkProfile| profile.check().unwrap_err();
    let usual = LinkProfile::default();
    assert!(matches!(check(LinkProfile { corrupt_ppm: 1_000_001, ..usual }), ProfileError::Parts { .. }));
    assert!(matches!(
        check(LinkProfile { loss: Loss::Even { ppm: 2_000_000 }, ..usual }),
        ProfileError::Parts { .. }
    ));
    assert!(matches!(check(LinkProfile { rate: Some(0), ..usual }), ProfileError::Rate { rate: 0 }));
    assert!(matches!(check(LinkProfile { mtu: 100, ..usual }), ProfileError::Mtu { mtu: 100 }));
}
