//! The same conversations with somebody else's TCP: smoltcp's, as packets with checksums, over a channel that loses.

use std::collections::{BTreeMap, VecDeque};

use ironloom_core::{Duration, Instant, Rng, Seed};
use smoltcp::iface::{Config as InterfaceConfig, Interface, SocketSet};
use smoltcp::phy::{self, ChecksumCapabilities, Device, DeviceCapabilities, Medium};
use smoltcp::socket::tcp::{Socket, SocketBuffer};
use smoltcp::wire::{
    HardwareAddress, IpAddress, IpCidr, IpProtocol, Ipv4Address, Ipv4Packet, Ipv4Repr, TcpControl, TcpPacket,
    TcpRepr, TcpSeqNumber, TcpTimestampRepr,
};

use super::super::{Config, Connection};
use super::channel::{Life, Plan, Side, byte_at};
use super::{any_below, cut, ends};
use crate::Payload;
use crate::frame::{Flags, Options, Segment, Timestamps};

const OURS: Ipv4Address = Ipv4Address::new(10, 0, 0, 1);
const THEIRS: Ipv4Address = Ipv4Address::new(10, 0, 0, 2);

/// What smoltcp reads from and writes to.
#[derive(Default)]
struct Wire {
    arrived: VecDeque<Vec<u8>>,
    sent: VecDeque<Vec<u8>>,
}

struct Arrived(Vec<u8>);
struct Sending<'a>(&'a mut VecDeque<Vec<u8>>);

impl phy::RxToken for Arrived {
    fn consume<R, F: FnOnce(&[u8]) -> R>(self, read: F) -> R {
        read(&self.0)
    }
}

impl phy::TxToken for Sending<'_> {
    fn consume<R, F: FnOnce(&mut [u8]) -> R>(self, len: usize, write: F) -> R {
        let mut packet = vec![0; len];
        let result = write(&mut packet);
        self.0.push_back(packet);
        result
    }
}

impl Device for Wire {
    type RxToken<'a> = Arrived;
    type TxToken<'a> = Sending<'a>;

    fn receive(&mut self, _: smoltcp::time::Instant) -> Option<(Arrived, Sending<'_>)> {
        Some((Arrived(self.arrived.pop_front()?), Sending(&mut self.sent)))
    }

    fn transmit(&mut self, _: smoltcp::time::Instant) -> Option<Sending<'_>> {
        Some(Sending(&mut self.sent))
    }

    fn capabilities(&self) -> DeviceCapabilities {
        let mut capabilities = DeviceCapabilities::default();
        capabilities.medium = Medium::Ip;
        capabilities.max_transmission_unit = 1_500;
        capabilities
    }
}

/// A segment as a packet.
fn to_packet(segment: &Segment) -> Vec<u8> {
    let bytes = segment.payload.to_bytes();
    let has = |flag| segment.flags.contains(flag);
    let control = match () {
        () if has(Flags::SYN) => TcpControl::Syn,
        () if has(Flags::RST) => TcpControl::Rst,
        () if has(Flags::FIN) => TcpControl::Fin,
        () if has(Flags::PSH) => TcpControl::Psh,
        () => TcpControl::None,
    };
    let mut sack_ranges = [None; 3];
    for (target, range) in sack_ranges.iter_mut().zip(segment.options.received.iter().flatten()) {
        *target = Some(*range);
    }
    let repr = TcpRepr {
        src_port: segment.source,
        dst_port: segment.target,
        control,
        seq_number: TcpSeqNumber(segment.sequence as i32),
        ack_number: has(Flags::ACK).then_some(TcpSeqNumber(segment.acknowledgement as i32)),
        window_len: segment.window,
        window_scale: segment.options.window_shift,
        max_seg_size: segment.options.segment_bytes_max,
        sack_permitted: segment.options.selective,
        sack_ranges,
        timestamp: segment.options.timestamps.map(|stamps| TcpTimestampRepr::new(stamps.value, stamps.echo)),
        payload: &bytes,
    };
    let checksums = ChecksumCapabilities::default();
    let header = Ipv4Repr {
        src_addr: OURS,
        dst_addr: THEIRS,
        next_header: IpProtocol::Tcp,
        payload_len: repr.buffer_len(),
        hop_limit: 64,
    };
    let mut packet = vec![0; header.buffer_len() + repr.buffer_len()];
    header.emit(&mut Ipv4Packet::new_unchecked(&mut packet), &checksums);
    let mut body = TcpPacket::new_unchecked(&mut packet[header.buffer_len()..]);
    repr.emit(&mut body, &OURS.into(), &THEIRS.into(), &checksums);
    packet
}

/// A packet as a segment.
fn to_segment(packet: &[u8]) -> Segment {
    let checksums = ChecksumCapabilities::default();
    let packet = Ipv4Packet::new_checked(packet).unwrap();
    Ipv4Repr::parse(&packet, &checksums).unwrap();
    let body = TcpPacket::new_checked(packet.payload()).unwrap();
    let repr = TcpRepr::parse(&body, &THEIRS.into(), &OURS.into(), &checksums).unwrap();
    let received: Box<[_]> = repr.sack_ranges.iter().flatten().copied().collect();
    let bits = [
        (body.fin(), Flags::FIN),
        (body.syn(), Flags::SYN),
        (body.rst(), Flags::RST),
        (body.psh(), Flags::PSH),
        (body.ack(), Flags::ACK),
    ];
    let flags =
        bits.into_iter().filter(|(is_set, _)| *is_set).fold(Flags::default(), |all, (_, bit)| all | bit);
    Segment {
        source: repr.src_port,
        target: repr.dst_port,
        sequence: repr.seq_number.0 as u32,
        acknowledgement: repr.ack_number.map_or(0, |number| number.0 as u32),
        flags,
        window: repr.window_len,
        cut: 0,
        options: Options {
            segment_bytes_max: repr.max_seg_size,
            window_shift: repr.window_scale,
            selective: repr.sack_permitted,
            timestamps: repr.timestamp.map(|stamps| Timestamps { value: stamps.tsval, echo: stamps.tsecr }),
            received: (!received.is_empty()).then_some(received),
        },
        payload: Payload::from(repr.payload.to_vec()),
    }
}

/// A machine with smoltcp's stack, and what it does with one socket.
struct Peer {
    interface: Interface,
    wire: Wire,
    sockets: SocketSet<'static>,
    bytes: u64,
    sent: u64,
    received: u64,
    salt: u64,
}

fn to_time(now: Instant) -> smoltcp::time::Instant {
    smoltcp::time::Instant::from_micros((now.as_nanos() / 1_000) as i64)
}

impl Peer {
    fn new(buffer: usize, bytes: u64, salt: u64, listens: bool) -> Self {
        let mut wire = Wire::default();
        let mut config = InterfaceConfig::new(HardwareAddress::Ip);
        config.random_seed = salt;
        let mut interface = Interface::new(config, &mut wire, to_time(Instant::ZERO));
        interface.update_ip_addrs(|all| all.push(IpCidr::new(IpAddress::Ipv4(THEIRS), 24)).unwrap());
        let buffers = || SocketBuffer::new(vec![0; buffer]);
        let mut socket = Socket::new(buffers(), buffers());
        if listens {
            socket.listen(80).unwrap();
        } else {
            socket.connect(interface.context(), (OURS, 50_000), 80).unwrap();
        }
        let mut sockets = SocketSet::new(Vec::new());
        sockets.add(socket);
        Self { interface, wire, sockets, bytes, sent: 0, received: 0, salt }
    }

    fn socket(&mut self) -> &mut Socket<'static> {
        let (_, socket) = self.sockets.iter_mut().next().unwrap();
        match socket {
            smoltcp::socket::Socket::Tcp(socket) => socket,
            _ => panic!("there is no other"),
        }
    }

    /// Lets it do what it can at `now`.
    fn run(&mut self, now: Instant) {
        for _ in 0..2 {
            self.interface.poll(to_time(now), &mut self.wire, &mut self.sockets);
            self.talk();
        }
        self.interface.poll(to_time(now), &mut self.wire, &mut self.sockets);
    }

    fn talk(&mut self) {
        let (mut sent, mut received, bytes, salt) = (self.sent, self.received, self.bytes, self.salt);
        let socket = self.socket();
        while socket.can_send() && sent < bytes {
            let len = (bytes - sent).min(4_096);
            let chunk: Vec<u8> = (sent..sent + len).map(|at| byte_at(salt, at)).collect();
            sent += socket.send_slice(&chunk).unwrap() as u64;
        }
        if sent == bytes && socket.may_send() {
            socket.close();
        }
        let mut target = [0; 4_096];
        while socket.can_recv() {
            let len = socket.recv_slice(&mut target).unwrap();
            for (at, byte) in (received..).zip(&target[..len]) {
                assert_eq!(*byte, byte_at(!salt, at), "the byte at {at}");
            }
            received += len as u64;
        }
        (self.sent, self.received) = (sent, received);
    }

    fn deadline(&mut self, now: Instant) -> Instant {
        let at = self.interface.poll_at(to_time(now), &self.sockets);
        at.map_or(Instant::MAX, |at| {
            let micros = u64::try_from(at.total_micros()).unwrap_or(0);
            Instant::ZERO.saturating_add(Duration::from_micros(micros)).max(now)
        })
    }
}

/// Our side, the other one, and what is on its way.
struct Pair {
    now: Instant,
    ours: Side,
    peer: Peer,
    rng: Rng,
    loss: u64,
    jitter: u64,
    queue: BTreeMap<(Instant, u64), Vec<u8>>,
    count: u64,
}

impl Pair {
    /// Numbers that are even go to the peer, odd ones to us.
    fn transmit(&mut self, to: u64, packet: Vec<u8>) {
        if self.rng.chance(self.loss, 1_000) {
            return;
        }
        let delay = Duration::from_micros(5_000 + self.rng.below(self.jitter + 1));
        self.count += 2;
        self.queue.insert((self.now.saturating_add(delay), self.count + to), packet);
    }

    fn settle(&mut self, mut out: Vec<Segment>) {
        self.ours.settle(self.now, &mut out);
        for segment in out.into_iter().flat_map(cut) {
            self.transmit(0, to_packet(&segment));
        }
        while let Some(packet) = self.peer.wire.sent.pop_front() {
            self.transmit(1, packet);
        }
    }

    fn step(&mut self) -> bool {
        let arrival = self.queue.first_key_value().map_or(Instant::MAX, |((at, _), _)| *at);
        let (ours, theirs) = (self.ours.deadline(), self.peer.deadline(self.now));
        let at = arrival.min(ours).min(theirs);
        if at == Instant::MAX {
            return false;
        }
        self.now = self.now.max(at);
        let mut out = Vec::new();
        if arrival == at {
            let ((_, number), packet) = self.queue.pop_first().unwrap();
            if number % 2 == 0 {
                self.peer.wire.arrived.push_back(packet);
                self.peer.run(self.now);
            } else {
                self.ours.handle(self.now, to_segment(&packet), &mut self.rng, &mut out);
            }
        } else if ours == at {
            self.ours.expire(self.now, &mut out);
        } else {
            // Its clock is coarser than ours.
            self.now = self.now.saturating_add(Duration::from_micros(1));
            self.peer.run(self.now);
        }
        self.settle(out);
        true
    }

    fn is_done(&self) -> bool {
        self.ours.received == self.peer.bytes
            && self.peer.received == self.ours.plan.bytes
            && self.ours.saw_end
            && !matches!(&self.ours.life, Life::Connection(connection) if connection.buffered_bytes() > 0)
    }
}

fn pair(seed: u64) -> Pair {
    let mut rng = Rng::new(Seed::new(seed));
    let config = Config {
        nagle: rng.chance(1, 2),
        timestamps: rng.chance(1, 2),
        receive_bytes_max: 1 << rng.range(9..19),
        segment_bytes_max: *rng.choose(&[100, 536, 1_460]).unwrap(),
        ..Config::default()
    };
    let plan = Plan {
        bytes: any_below(&mut rng, 18),
        chunk: rng.range(1..20_000) as usize,
        shares: rng.chance(1, 2),
        ..Plan::default()
    };
    let we_connect = rng.chance(1, 2);
    let life = if we_connect {
        Life::Connection(Box::new(Connection::connect(Instant::ZERO, &config, ends(), rng.next_u64() as u32)))
    } else {
        Life::Listening
    };
    let here = ends();
    let bytes = any_below(&mut rng, 18);
    Pair {
        now: Instant::ZERO,
        ours: Side::new(config, plan, here, life, seed),
        peer: Peer::new(1 << rng.range(10..18), bytes, !seed, we_connect),
        loss: if rng.chance(3, 4) { rng.below(50) } else { 0 },
        jitter: if rng.chance(1, 2) { rng.below(3_000) } else { 0 },
        rng,
        queue: BTreeMap::new(),
        count: 0,
    }
}

#[test]
fn another_stack_understands_us() {
    for seed in 0..1_000 {
        let mut pair = pair(seed);
        pair.settle(Vec::new());
        let mut steps = 0;
        while !pair.is_done() {
            let goes_on = pair.step();
            steps += 1;
            let (ours, peer) = (&pair.ours, &pair.peer);
            assert!(
                goes_on && steps < 1_000_000 && pair.now.as_nanos() < 3_600_000_000_000,
                "seed {seed}: it stops at {} after {steps} steps: of {} we received {}, of {} they did: {:?} {:?}",
                pair.now,
                peer.bytes,
                ours.received,
                ours.plan.bytes,
                peer.received,
                ours.error
            );
        }
    }
}
