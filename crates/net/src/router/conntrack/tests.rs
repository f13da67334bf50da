use std::net::Ipv4Addr;

use ironloom_core::{Duration, Rng, Seed};

use super::*;
use crate::Payload;
use crate::frame::{Datagram, Flags, Options, Segment};

const CLIENT: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 2);
const SERVER: Ipv4Addr = Ipv4Addr::new(10, 0, 1, 2);

/// A connection as the router in its middle sees it.
struct Middle {
    conntrack: Conntrack<Ipv4Addr>,
    config: Config,
    now: Instant,
}

fn segment(direction: Direction, flags: Flags, numbers: (u32, u32), bytes: usize) -> Packet {
    let (source, target, ports) = match direction {
        Original => (CLIENT, SERVER, (5_000, 80)),
        Reply => (SERVER, CLIENT, (80, 5_000)),
    };
    let segment = Segment {
        source: ports.0,
        target: ports.1,
        sequence: numbers.0,
        acknowledgement: numbers.1,
        flags,
        window: 1_000,
        cut: 0,
        options: Options::default(),
        payload: Payload::from(vec![0; bytes]),
    };
    packet(source, target, Transport::Tcp(segment))
}

fn packet(source: Ipv4Addr, target: Ipv4Addr, transport: Transport) -> Packet {
    Packet {
        source: source.into(),
        target: target.into(),
        hops: 64,
        service: 0,
        identification: 0,
        may_fragment: false,
        transport,
    }
}

use Direction::{Original, Reply};

const SYN: Flags = Flags::SYN;
const ACK: Flags = Flags::ACK;
const RST: Flags = Flags::RST;

fn both(one: Flags, other: Flags) -> Flags {
    one | other
}

impl Middle {
    fn new() -> Self {
        let config = Config::default();
        Self { conntrack: Conntrack::new(&config, 1), config, now: Instant::ZERO }
    }

    /// Past the handshake: the client's numbers begin at 101, the server's at 501.
    fn connected() -> Self {
        let mut middle = Self::new();
        assert_eq!(middle.see(Original, SYN, (100, 0), 0), Followed::Anew);
        assert_eq!(middle.see(Reply, both(SYN, ACK), (500, 101), 0), Followed::As(State::Established));
        assert_eq!(middle.see(Original, ACK, (101, 501), 0), Followed::As(State::Established));
        assert_eq!(middle.stage(), Some(Stage::Established));
        middle
    }

    fn see(&mut self, direction: Direction, flags: Flags, numbers: (u32, u32), bytes: usize) -> Followed {
        self.see_packet(&segment(direction, flags, numbers, bytes))
    }

    /// What the router makes of a packet; it begins what it may.
    fn see_packet(&mut self, packet: &Packet) -> Followed {
        let tuple = Tuple::of(packet).unwrap();
        if let Some(found) = self.conntrack.find(self.now, &tuple) {
            match self.conntrack.follow(self.now, &self.config, found, packet) {
                Followed::Anew => {}
                followed => return followed,
            }
        }
        if !Conntrack::<Ipv4Addr>::may_open(&self.config, packet) {
            return Followed::Invalid;
        }
        self.conntrack.open(self.now, &self.config, tuple, tuple.reversed(), packet).unwrap();
        Followed::Anew
    }

    fn stage(&self) -> Option<Stage> {
        self.conntrack.iter().next().map(|flow| flow.stage)
    }

    fn wait(&mut self, seconds: u64) {
        self.now = self.now.saturating_add(Duration::from_secs(seconds));
    }

    /// Whether the connection is forgotten after so many seconds, and not a moment before.
    fn is_forgotten_after(&mut self, seconds: u64) -> bool {
        let end = self.now.saturating_add(Duration::from_secs(seconds));
        self.conntrack.expire(end.checked_sub(Duration::from_nanos(1)).unwrap());
        let was_there = self.conntrack.len() == 1;
        self.conntrack.expire(end);
        was_there && self.conntrack.len() == 0
    }
}

#[test]
fn a_connection_comes_and_goes() {
    let mut middle = Middle::connected();
    let good = Followed::As(State::Established);
    assert_eq!(middle.see(Original, ACK, (101, 501), 100), good);
    assert_eq!(middle.see(Reply, ACK, (501, 201), 700), good);
    assert_eq!(middle.see(Original, both(Flags::FIN, ACK), (201, 1_201), 0), good);
    assert_eq!(middle.stage(), Some(Stage::FinWait));
    assert_eq!(middle.see(Reply, ACK, (1_201, 202), 50), good);
    assert_eq!(middle.stage(), Some(Stage::CloseWait));
    assert_eq!(middle.see(Reply, both(Flags::FIN, ACK), (1_251, 202), 0), good);
    assert_eq!(middle.stage(), Some(Stage::LastAck));
    assert_eq!(middle.see(Original, ACK, (202, 1_252), 0), good);
    assert_eq!(middle.stage(), Some(Stage::TimeWait));
    assert!(middle.is_forgotten_after(120));
}

#[test]
fn each_stage_has_its_patience() {
    let check =
        |middle: &mut Middle, seconds| assert!(middle.is_forgotten_after(seconds), "{:?}", middle.stage());
    let mut middle = Middle::new();
    middle.see(Original, SYN, (100, 0), 0);
    check(&mut middle, 120);
    let mut middle = Middle::new();
    middle.see(Original, SYN, (100, 0), 0);
    middle.see(Reply, both(SYN, ACK), (500, 101), 0);
    check(&mut middle, 60);
    let mut middle = Middle::connected();
    middle.wait(7_000);
    assert_eq!(middle.see(Original, ACK, (101, 501), 0), Followed::As(State::Established));
    check(&mut middle, 7_440);
    let mut middle = Middle::connected();
    middle.see(Reply, RST, (501, 0), 0);
    check(&mut middle, 10);
    for (is_answered, seconds) in [(false, 30), (true, 120)] {
        let datagram = |source, target| Transport::Udp(Datagram { source, target, payload: Payload::EMPTY });
        let mut middle = Middle::new();
        middle.see_packet(&packet(CLIENT, SERVER, datagram(1, 2)));
        if is_answered {
            middle.see_packet(&packet(SERVER, CLIENT, datagram(2, 1)));
        }
        check(&mut middle, seconds);
    }
}

/// A shorter patience counts from when it begins, though a timer for a longer one was set.
#[test]
fn a_connection_that_is_reset_does_not_linger() {
    let mut middle = Middle::connected();
    middle.wait(5);
    middle.see(Original, both(RST, ACK), (101, 501), 0);
    let due = middle.conntrack.next_event().unwrap();
    assert!(due <= middle.now.saturating_add(Duration::from_secs(10)));
    assert!(middle.is_forgotten_after(10));
}

#[test]
fn what_cannot_be_is_invalid() {
    let cases = [
        (Original, both(SYN, Flags::FIN), (101, 501), 0),
        (Original, Flags::default(), (101, 501), 0),
        (Original, Flags::FIN, (101, 501), 0),
        (Original, both(RST, SYN), (101, 501), 0),
        // Beyond what the receiver offered.
        (Original, ACK, (101 + 1_001, 501), 0),
        (Reply, RST, (501 + 1_001, 0), 0),
        // Long past.
        (Original, ACK, (101u32.wrapping_sub(2_000), 501), 10),
        // Acknowledges what was never sent.
        (Original, ACK, (101, 502), 0),
        (Original, ACK, (101, 501u32.wrapping_sub(70_000)), 0),
        // A side that answers does not begin.
        (Reply, SYN, (900, 0), 0),
        (Original, both(SYN, ACK), (900, 501), 0),
    ];
    for (direction, flags, numbers, bytes) in cases {
        let mut middle = Middle::connected();
        let seen = middle.see(direction, flags, numbers, bytes);
        assert_eq!(seen, Followed::Invalid, "{direction:?} {flags:?} {numbers:?}");
        assert_eq!(middle.stage(), Some(Stage::Established));
        assert_eq!(middle.see(Original, ACK, (101, 501), 5), Followed::As(State::Established));
    }
}

#[test]
fn a_syn_may_be_said_again_and_refused() {
    let mut middle = Middle::new();
    assert_eq!(middle.see(Original, SYN, (100, 0), 0), Followed::Anew);
    assert_eq!(middle.see(Original, SYN, (100, 0), 0), Followed::As(State::New));
    assert_eq!(middle.see(Original, SYN, (7_000_000, 0), 0), Followed::As(State::New), "another attempt");
    assert_eq!(middle.see(Reply, both(RST, ACK), (0, 7_000_001), 0), Followed::As(State::Established));
    assert_eq!(middle.stage(), Some(Stage::Closed));
    assert_eq!(middle.see(Original, SYN, (9, 0), 0), Followed::Anew, "the same ends begin again");
    assert_eq!(middle.stage(), Some(Stage::SynSent));
    assert_eq!(middle.conntrack.len(), 1);
}

#[test]
fn both_sides_may_begin_at_once() {
    let mut middle = Middle::new();
    middle.see(Original, SYN, (100, 0), 0);
    assert_eq!(middle.see(Reply, SYN, (500, 0), 0), Followed::As(State::Established));
    assert_eq!(middle.see(Original, both(SYN, ACK), (100, 501), 0), Followed::As(State::Established));
    assert_eq!(middle.see(Reply, both(SYN, ACK), (500, 101), 0), Followed::As(State::Established));
    assert_eq!(middle.see(Original, ACK, (101, 501), 0), Followed::As(State::Established));
    assert_eq!(middle.stage(), Some(Stage::Established));
}

#[test]
fn a_connection_is_joined_in_the_middle_only_where_that_is_wanted() {
    let mut middle = Middle::new();
    assert_eq!(middle.see(Original, ACK, (1_000, 9_000), 10), Followed::Invalid);
    middle.config.joins_connections = true;
    assert_eq!(middle.see(Original, ACK, (1_000, 9_000), 10), Followed::Anew);
    assert_eq!(middle.see(Reply, ACK, (9_000, 1_010), 100), Followed::As(State::Established));
    assert_eq!(middle.see(Original, ACK, (1_010, 9_100), 0), Followed::As(State::Established));
    assert_eq!(middle.see(Reply, RST, (9_100 + 70_000, 0), 0), Followed::Invalid);
}

/// One side of a connection that keeps to the other's window.
struct Peer {
    sent: u32,
    acknowledged: u32,
    received: u32,
    /// What the other has said of its window, in bytes.
    window: u32,
    /// By how much its own windows are shifted.
    shift: u8,
}

/// Whatever honest peers send, whatever is lost, doubled or late: none of it is called invalid.
#[test]
fn honest_peers_are_never_invalid() {
    for number in 0..200 {
        let seed = Seed::new(number);
        let mut rng = Rng::new(seed);
        let (mut middle, mut peers) = negotiated(&mut rng);
        let mut late: Vec<Packet> = Vec::new();
        for _ in 0..400 {
            let at = rng.below(2) as usize;
            let packet = speak(&mut rng, &mut peers, at);
            if rng.below(10) == 0 {
                late.push(packet.clone());
                if rng.below(2) == 0 {
                    // It is lost before the router.
                    continue;
                }
            }
            assert_eq!(
                middle.see_packet(&packet),
                Followed::As(State::Established),
                "seed {seed}: {packet:?}"
            );
            hear(&mut rng, &mut peers, 1 - at, &packet);
            if rng.below(3) == 0 && !late.is_empty() {
                // What is very late may be called invalid: nobody waits for it.
                middle.see_packet(&late.remove(0));
            }
        }
    }
}

/// A connection whose sides agreed on shifts, or did not.
fn negotiated(rng: &mut Rng) -> (Middle, [Peer; 2]) {
    let mut middle = Middle::new();
    let offers: [Option<u8>; 2] = [0, 1].map(|_| (rng.below(4) > 0).then(|| rng.below(10) as u8));
    let is_shifted = offers.iter().all(Option::is_some);
    let first = [rng.next_u64() as u32, rng.next_u64() as u32];
    let mut said = [
        segment(Original, SYN, (first[0], 0), 0),
        segment(Reply, both(SYN, ACK), (first[1], first[0].wrapping_add(1)), 0),
    ];
    for (packet, offer) in said.iter_mut().zip(offers) {
        let Transport::Tcp(segment) = &mut packet.transport else { unreachable!("it is a segment") };
        segment.options.window_shift = offer;
        middle.see_packet(packet);
    }
    let next = first.map(|first| first.wrapping_add(1));
    middle.see(Original, ACK, (next[0], next[1]), 0);
    let peer = |at: usize| Peer {
        sent: next[at],
        acknowledged: next[at],
        received: next[1 - at],
        window: 1_000,
        shift: if is_shifted { offers[at].unwrap_or(0) } else { 0 },
    };
    (middle, [peer(0), peer(1)])
}

fn speak(rng: &mut Rng, peers: &mut [Peer; 2], at: usize) -> Packet {
    let direction = if at == 0 { Original } else { Reply };
    let peer = &mut peers[at];
    let in_flight = peer.sent.wrapping_sub(peer.acknowledged);
    let room = peer.window.saturating_sub(in_flight);
    // Something new, as far as there is room, or the oldest that is not acknowledged.
    let (sequence, bytes) = if rng.below(4) == 0 && in_flight > 0 {
        (peer.acknowledged, in_flight.min(1_460))
    } else {
        (peer.sent, rng.below(u64::from(room.min(20_000)) + 1) as u32)
    };
    let end = sequence.wrapping_add(bytes);
    if (end.wrapping_sub(peer.sent) as i32) > 0 {
        peer.sent = end;
    }
    let mut packet = segment(direction, ACK, (sequence, peer.received), bytes as usize);
    let Transport::Tcp(segment) = &mut packet.transport else { unreachable!("it is a segment") };
    // A window never shrinks: what was offered stays.
    segment.window = 1_000;
    packet
}

fn hear(rng: &mut Rng, peers: &mut [Peer; 2], at: usize, packet: &Packet) {
    let shift = peers[1 - at].shift;
    let peer = &mut peers[at];
    let Transport::Tcp(segment) = &packet.transport else { unreachable!("it is a segment") };
    let end = segment.sequence.wrapping_add(segment.payload.len() as u32);
    let is_next = (segment.sequence.wrapping_sub(peer.received) as i32) <= 0;
    if is_next && (end.wrapping_sub(peer.received) as i32) > 0 && rng.below(8) > 0 {
        peer.received = end;
    }
    if (segment.acknowledgement.wrapping_sub(peer.acknowledged) as i32) > 0 {
        peer.acknowledged = segment.acknowledgement;
    }
    peer.window = u32::from(segment.window) << shift;
}

#[test]
fn a_full_table_keeps_conversations() {
    let config = Config { flows_max: 4, ..Config::default() };
    let mut conntrack = Conntrack::<Ipv4Addr>::new(&config, 7);
    let now = Instant::ZERO;
    let datagram = |source: u16, target| Transport::Udp(Datagram { source, target, payload: Payload::EMPTY });
    let open = |conntrack: &mut Conntrack<Ipv4Addr>, source: u16| {
        let packet = packet(CLIENT, SERVER, datagram(source, 53));
        let tuple = Tuple::of(&packet).unwrap();
        conntrack.open(now, &config, tuple, tuple.reversed(), &packet)
    };
    let answer = |conntrack: &mut Conntrack<Ipv4Addr>, target: u16| {
        let packet = packet(SERVER, CLIENT, datagram(53, target));
        let found = conntrack.find(now, &Tuple::of(&packet).unwrap()).unwrap();
        conntrack.follow(now, &config, found, &packet)
    };
    let ports = |conntrack: &Conntrack<Ipv4Addr>| {
        let mut ports: Vec<u16> = conntrack.iter().map(|flow| flow.ends[0].source_port).collect();
        ports.sort_unstable();
        ports
    };
    (1..=4).for_each(|source| assert!(open(&mut conntrack, source).is_ok()));
    answer(&mut conntrack, 2);
    assert!(open(&mut conntrack, 5).is_ok());
    assert_eq!(ports(&conntrack), [2, 3, 4, 5], "the oldest that nobody answered made room");
    (3..=5).for_each(|target| assert_eq!(answer(&mut conntrack, target), Followed::As(State::Established)));
    assert_eq!(open(&mut conntrack, 6), Err(Refused::Full));
    assert_eq!(open(&mut conntrack, 5), Err(Refused::Taken));
    assert_eq!((conntrack.len(), conntrack.evicted()), (4, 1));
}

#[test]
fn the_name_of_a_flow_is_not_used_again() {
    let mut middle = Middle::connected();
    let found = middle.conntrack.look_up(&Tuple::of(&segment(Reply, ACK, (0, 0), 0)).unwrap()).unwrap();
    let id = middle.conntrack.id(found);
    let traffic = Traffic { packets: 3, bytes: 100 };
    let (now, config) = (middle.now, middle.config.clone());
    assert!(middle.conntrack.account(now, &config, id, traffic).is_some());
    assert_eq!(middle.conntrack.flow(found.index).bytes, [0, 100]);
    assert_eq!(middle.conntrack.remove_if(|_| true), 1);
    assert!(middle.conntrack.account(now, &config, id, traffic).is_none());
    middle.see(Original, SYN, (100, 0), 0);
    assert!(middle.conntrack.account(now, &config, id, traffic).is_none());
}
