//! Our stack and smoltcp's, with bytes between them: what each sends must be right in the other's eyes.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::Arc;

use ironloom_core::{Duration, Instant, Rng, Seed};
use smoltcp::iface::{Config, Interface as Peer, SocketHandle, SocketSet};
use smoltcp::phy::{ChecksumCapabilities, Device, DeviceCapabilities, Medium, RxToken, TxToken};
use smoltcp::socket::{icmp, tcp, udp};
use smoltcp::time::Instant as PeerInstant;
use smoltcp::wire::{EthernetAddress, Icmpv4Packet, Icmpv4Repr, IpCidr, Ipv4Address};

use crate::frame::Body;
use crate::stack::Received;
use crate::{Frame, Host, Interface, Mac, Node, Outbox, Port, SocketId, Stack, stack};

/// How long a frame takes.
const DELAY: Duration = Duration::from_millis(1);

/// smoltcp's end of the wire.
#[derive(Default)]
struct Wire {
    arrived: VecDeque<Vec<u8>>,
    sent: Vec<Vec<u8>>,
}

struct Arrived(Vec<u8>);
struct Sent<'a>(&'a mut Vec<Vec<u8>>);

impl RxToken for Arrived {
    fn consume<R, F: FnOnce(&[u8]) -> R>(self, read: F) -> R {
        read(&self.0)
    }
}

impl TxToken for Sent<'_> {
    fn consume<R, F: FnOnce(&mut [u8]) -> R>(self, len: usize, write: F) -> R {
        let mut bytes = vec![0; len];
        let result = write(&mut bytes);
        self.0.push(bytes);
        result
    }
}

impl Device for Wire {
    type RxToken<'a> = Arrived;
    type TxToken<'a> = Sent<'a>;

    fn receive(&mut self, _: PeerInstant) -> Option<(Arrived, Sent<'_>)> {
        Some((Arrived(self.arrived.pop_front()?), Sent(&mut self.sent)))
    }

    fn transmit(&mut self, _: PeerInstant) -> Option<Sent<'_>> {
        Some(Sent(&mut self.sent))
    }

    fn capabilities(&self) -> DeviceCapabilities {
        let mut capabilities = DeviceCapabilities::default();
        capabilities.medium = Medium::Ethernet;
        capabilities.max_transmission_unit = 1_514;
        capabilities
    }
}

/// One machine with our stack, 10.0.0.1, and one with smoltcp's, 10.0.0.2.
struct Pair {
    now: Instant,
    stack: Stack,
    out: Outbox,
    peer: Peer,
    device: Wire,
    sockets: SocketSet<'static>,
    to_peer: VecDeque<(Instant, Vec<u8>)>,
    to_us: VecDeque<(Instant, Vec<u8>)>,
    rng: Rng,
    loss: u64,
}

fn peer_time(now: Instant) -> PeerInstant {
    PeerInstant::from_micros((now.as_nanos() / 1_000) as i64)
}

impl Pair {
    fn new(seed: u64, loss: u64) -> Self {
        let mut rng = Rng::new(Seed::new(seed));
        let mut stack = Stack::new(Arc::new(stack::Config::default()), &mut rng);
        stack.attach(&Interface::new(Mac::local(1)).with_address("10.0.0.1/24".parse().unwrap()));
        let mut config = Config::new(EthernetAddress(Mac::local(2).bytes()).into());
        config.random_seed = seed;
        let (mut device, now) = (Wire::default(), Instant::from_nanos(1_000_000_000));
        let mut peer = Peer::new(config, &mut device, peer_time(now));
        peer.update_ip_addrs(|addresses| {
            addresses.push(IpCidr::new(Ipv4Address::new(10, 0, 0, 2).into(), 24)).unwrap();
        });
        let (to_peer, to_us) = (VecDeque::new(), VecDeque::new());
        let sockets = SocketSet::new(Vec::new());
        Self { now, stack, out: Outbox::new(), peer, device, sockets, to_peer, to_us, rng, loss }
    }

    fn host<R>(&mut self, use_it: impl FnOnce(&mut Host<'_>) -> R) -> R {
        use_it(&mut Host::new(self.now, 0, &mut self.stack, &mut self.out))
    }

    fn collect(&mut self) {
        let at = self.now.saturating_add(DELAY);
        while let Some((_, frame)) = self.out.next_frame() {
            let pieces: Vec<Vec<u8>> = match &frame.body {
                Body::Ip(packet) => packet
                    .cut(1_500)
                    .map(|piece| Frame { body: Body::Ip(piece), ..frame }.to_bytes().to_vec())
                    .collect(),
                _ => vec![frame.to_bytes().to_vec()],
            };
            for bytes in pieces {
                assert!(bytes.len() <= 1_514);
                if !self.rng.chance(self.loss, 1_000) {
                    self.to_peer.push_back((at, bytes));
                }
            }
        }
        for bytes in std::mem::take(&mut self.device.sent) {
            if !self.rng.chance(self.loss, 1_000) {
                self.to_us.push_back((at, bytes));
            }
        }
        while self.out.next_notice().is_some() {}
    }

    /// Moves to what happens next.
    fn step(&mut self) {
        self.peer.poll(peer_time(self.now), &mut self.device, &mut self.sockets);
        self.collect();
        let peer = self.peer.poll_at(peer_time(self.now), &self.sockets);
        let peer = peer.map(|at| Instant::from_nanos(at.total_micros() as u64 * 1_000));
        let wires = self.to_peer.front().into_iter().chain(self.to_us.front()).map(|(at, _)| *at);
        let next = wires.chain(self.stack.next_event()).chain(peer).min();
        let soonest = self.now.saturating_add(Duration::from_micros(1));
        self.now = next.unwrap_or(soonest).max(soonest);
        while let Some((_, bytes)) = self.to_us.pop_front_if(|(at, _)| *at <= self.now) {
            let frame = Frame::parse(bytes.into()).expect("smoltcp sends what can be read");
            self.stack.handle(self.now, Port::new(0), frame, &mut self.out);
        }
        while let Some((_, bytes)) = self.to_peer.pop_front_if(|(at, _)| *at <= self.now) {
            self.device.arrived.push_back(bytes);
        }
        self.stack.expire(self.now, &mut self.out);
        self.collect();
    }

    fn add_tcp(&mut self) -> SocketHandle {
        let buffer = || tcp::SocketBuffer::new(vec![0; 65_536]);
        self.sockets.add(tcp::Socket::new(buffer(), buffer()))
    }

    /// Sends bytes both ways until all of them have arrived, then both sides finish.
    fn exchange(&mut self, ours: SocketId, theirs: SocketHandle, bytes: &[u8]) {
        let (mut sent, mut heard) = ([0, 0], [Vec::new(), Vec::new()]);
        let until = self.now.saturating_add(Duration::from_secs(3_000));
        while heard.iter().any(|heard| heard.len() < bytes.len()) {
            assert!(self.now < until, "{:?} of {}", heard.map(|heard| heard.len()), bytes.len());
            sent[0] += self.host(|host| host.send(ours, &bytes[sent[0]..]).unwrap());
            let mut buffer = [0; 10_000];
            while let Ok(Received::Bytes(count)) = self.host(|host| host.receive(ours, &mut buffer)) {
                heard[0].extend_from_slice(&buffer[..count]);
            }
            let socket = self.sockets.get_mut::<tcp::Socket<'_>>(theirs);
            if socket.can_send() {
                sent[1] += socket.send_slice(&bytes[sent[1]..]).unwrap();
            }
            while socket.can_recv() {
                socket.recv(|chunk| (chunk.len(), heard[1].extend_from_slice(chunk))).unwrap();
            }
            self.step();
        }
        assert!(heard.iter().all(|heard| heard == bytes), "what arrived is not what was sent");
        self.host(|host| host.finish(ours));
        self.sockets.get_mut::<tcp::Socket<'_>>(theirs).close();
        while self.host(|host| host.receive(ours, &mut [0; 9])) != Ok(Received::Finished) {
            assert!(self.now < until);
            self.step();
        }
        self.host(|host| host.close(ours));
        while self.sockets.get::<tcp::Socket<'_>>(theirs).is_active() || self.stack.sockets() > 1 {
            assert!(self.now < until, "{}", self.sockets.get::<tcp::Socket<'_>>(theirs).state());
            self.step();
        }
    }
}

fn random(len: usize, seed: u64) -> Vec<u8> {
    let mut bytes = vec![0; len];
    Rng::new(Seed::new(seed)).fill(&mut bytes);
    bytes
}

#[test]
fn we_connect_to_smoltcp() {
    for (seed, loss) in [(1, 0), (2, 10), (3, 50)] {
        println!("seed {seed}, {loss} of a thousand lost");
        let mut pair = Pair::new(seed, loss);
        let theirs = pair.add_tcp();
        pair.sockets.get_mut::<tcp::Socket<'_>>(theirs).listen(80).unwrap();
        let ours = pair.host(|host| host.connect("10.0.0.2:80".parse().unwrap()).unwrap());
        pair.exchange(ours, theirs, &random(300_000, seed));
    }
}

#[test]
fn smoltcp_connects_to_us() {
    for (seed, loss) in [(1, 0), (2, 10), (3, 50)] {
        println!("seed {seed}, {loss} of a thousand lost");
        let mut pair = Pair::new(seed, loss);
        let listener = pair.host(|host| host.listen("0.0.0.0:80".parse().unwrap(), 3).unwrap());
        let theirs = pair.add_tcp();
        let socket = pair.sockets.get_mut::<tcp::Socket<'_>>(theirs);
        socket.connect(pair.peer.context(), (Ipv4Address::new(10, 0, 0, 1), 80), 50_000).unwrap();
        let ours = loop {
            pair.step();
            if let Some((ours, _)) = pair.host(|host| host.accept(listener).unwrap()) {
                break ours;
            }
        };
        pair.exchange(ours, theirs, &random(300_000, seed));
    }
}

#[test]
fn smoltcp_answers_datagrams() {
    let mut pair = Pair::new(1, 0);
    let buffer = || udp::PacketBuffer::new(vec![udp::PacketMetadata::EMPTY; 4], vec![0; 4_000]);
    let theirs = pair.sockets.add(udp::Socket::new(buffer(), buffer()));
    pair.sockets.get_mut::<udp::Socket<'_>>(theirs).bind(53).unwrap();
    let to: SocketAddr = "10.0.0.2:53".parse().unwrap();
    let ours = pair.host(|host| host.bind_udp("0.0.0.0:0".parse().unwrap()).unwrap());
    pair.host(|host| host.send_to(ours, vec![1, 2, 3].into(), to).unwrap());
    let mut answer = None;
    while answer.is_none() {
        pair.step();
        let socket = pair.sockets.get_mut::<udp::Socket<'_>>(theirs);
        if let Ok((question, from)) = socket.recv().map(|(bytes, from)| (bytes.to_vec(), from)) {
            socket.send_slice(&question, from).unwrap();
        }
        answer = pair.host(|host| host.receive_from(ours).unwrap());
    }
    assert_eq!(answer, Some((vec![1, 2, 3].into(), to)));
}

#[test]
fn smoltcp_pings_us() {
    let mut pair = Pair::new(1, 0);
    let buffer = || icmp::PacketBuffer::new(vec![icmp::PacketMetadata::EMPTY; 4], vec![0; 4_000]);
    let theirs = pair.sockets.add(icmp::Socket::new(buffer(), buffer()));
    let socket = pair.sockets.get_mut::<icmp::Socket<'_>>(theirs);
    socket.bind(icmp::Endpoint::Ident(77)).unwrap();
    let question = Icmpv4Repr::EchoRequest { ident: 77, seq_no: 5, data: b"are you there?" };
    let bytes = socket.send(question.buffer_len(), Ipv4Address::new(10, 0, 0, 1).into()).unwrap();
    question.emit(&mut Icmpv4Packet::new_unchecked(bytes), &ChecksumCapabilities::default());
    while !pair.sockets.get_mut::<icmp::Socket<'_>>(theirs).can_recv() {
        pair.step();
    }
    let (bytes, from) = pair.sockets.get_mut::<icmp::Socket<'_>>(theirs).recv().unwrap();
    let packet = Icmpv4Packet::new_checked(bytes).unwrap();
    let answer = Icmpv4Repr::parse(&packet, &ChecksumCapabilities::default()).unwrap();
    assert_eq!(from, Ipv4Address::new(10, 0, 0, 1).into());
    assert_eq!(answer, Icmpv4Repr::EchoReply { ident: 77, seq_no: 5, data: b"are you there?" });
}
