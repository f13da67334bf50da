//! Two plain smoltcp interfaces on a cable in memory, and one thread that polls both.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::rc::Rc;
use std::time::Duration;

use ironloom_benches::timed;
use smoltcp::iface::{Config, Interface, SocketHandle, SocketSet};
use smoltcp::phy::{Device, DeviceCapabilities, Medium, RxToken, TxToken};
use smoltcp::socket::tcp;
use smoltcp::time::Instant;
use smoltcp::wire::{EthernetAddress, IpAddress, IpCidr};

/// What one write or read moves.
const PIECE: usize = 16 << 10;

/// Moves so many bytes through one connection; how long that takes.
pub(crate) fn stream(mtu: usize, buffer: usize, bytes: usize) -> Duration {
    let mut pair = Pair::new(mtu, buffer);
    pair.connect(40_000);
    let source = vec![7; PIECE];
    let mut target = vec![0; PIECE];
    let (mut sent, mut received) = (0, 0);
    timed(|| {
        while received < bytes {
            if sent < bytes && pair.client_socket().can_send() {
                let piece = source.len().min(bytes - sent);
                sent += pair.client_socket().send_slice(&source[..piece]).expect("it is open");
            }
            pair.poll();
            while pair.server_socket().can_recv() {
                received += pair.server_socket().recv_slice(&mut target).expect("it is open");
            }
        }
    })
}

/// Connects, moves 100 bytes each way and closes, so many times; how long that takes.
pub(crate) fn connections(count: u16) -> Duration {
    let mut pair = Pair::new(1_514, 4 << 10);
    timed(|| {
        for number in 0..count {
            pair.connect(10_000 + number % 50_000);
            pair.client_socket().send_slice(&[1; 100]).expect("it is open");
            pair.poll_until(|pair| pair.server_socket().recv_queue() == 100);
            let mut message = [0; 100];
            pair.server_socket().recv_slice(&mut message).expect("it has come");
            pair.server_socket().send_slice(&message).expect("it is open");
            pair.poll_until(|pair| pair.client_socket().recv_queue() == 100);
            pair.client_socket().recv_slice(&mut message).expect("it has come");
            pair.client_socket().close();
            pair.poll_until(|pair| !pair.server_socket().may_recv());
            pair.server_socket().close();
            pair.poll_until(|pair| !pair.server_socket().is_open());
            pair.client_socket().abort(); // it would stay in TIME-WAIT
            pair.poll();
        }
    })
}

type Wire = Rc<RefCell<Cable>>;

/// A cable has two directions, and a drawer of buffers that were used.
#[derive(Default)]
struct Cable {
    frames: [VecDeque<Vec<u8>>; 2],
    drawer: Vec<Vec<u8>>,
}

struct End {
    cable: Wire,
    side: usize,
    mtu: usize,
}

struct Received(Vec<u8>, Wire);
struct Sending(Wire, usize);

impl Device for End {
    type RxToken<'a> = Received;
    type TxToken<'a> = Sending;

    fn receive(&mut self, _: Instant) -> Option<(Received, Sending)> {
        let frame = self.cable.borrow_mut().frames[self.side].pop_front()?;
        let (cable, other) = (Rc::clone(&self.cable), 1 - self.side);
        Some((Received(frame, Rc::clone(&cable)), Sending(cable, other)))
    }

    fn transmit(&mut self, _: Instant) -> Option<Sending> {
        Some(Sending(Rc::clone(&self.cable), 1 - self.side))
    }

    fn capabilities(&self) -> DeviceCapabilities {
        let mut capabilities = DeviceCapabilities::default();
        capabilities.medium = Medium::Ethernet;
        capabilities.max_transmission_unit = self.mtu;
        capabilities
    }
}

impl RxToken for Received {
    fn consume<R, F: FnOnce(&[u8]) -> R>(self, read: F) -> R {
        let result = read(&self.0);
        self.1.borrow_mut().drawer.push(self.0);
        result
    }
}

impl TxToken for Sending {
    fn consume<R, F: FnOnce(&mut [u8]) -> R>(self, len: usize, write: F) -> R {
        let mut frame = self.0.borrow_mut().drawer.pop().unwrap_or_default();
        frame.resize(len, 0);
        let result = write(&mut frame);
        self.0.borrow_mut().frames[self.1].push_back(frame);
        result
    }
}

struct Host {
    interface: Interface,
    end: End,
    sockets: SocketSet<'static>,
    socket: SocketHandle,
}

impl Host {
    fn new(cable: &Wire, side: usize, mtu: usize, buffer: usize) -> Self {
        let mut end = End { cable: Rc::clone(cable), side, mtu };
        let mac = EthernetAddress([2, 0, 0, 0, 0, side as u8 + 1]);
        let mut interface = Interface::new(Config::new(mac.into()), &mut end, Instant::ZERO);
        interface.update_ip_addrs(|addresses| {
            let own = IpCidr::new(IpAddress::v4(10, 0, 0, side as u8 + 1), 24);
            addresses.push(own).expect("there is room for one");
        });
        let buffer = || tcp::SocketBuffer::new(vec![0; buffer]);
        let mut socket = tcp::Socket::new(buffer(), buffer());
        socket.set_ack_delay(None);
        let mut sockets = SocketSet::new(vec![]);
        let socket = sockets.add(socket);
        Self { interface, end, sockets, socket }
    }

    fn poll(&mut self, now: Instant) {
        self.interface.poll(now, &mut self.end, &mut self.sockets);
    }
}

struct Pair {
    client: Host,
    server: Host,
    now: Instant,
}

impl Pair {
    fn new(mtu: usize, buffer: usize) -> Self {
        let cable = Wire::default();
        let [client, server] = [0, 1].map(|side| Host::new(&cable, side, mtu, buffer));
        Self { client, server, now: Instant::ZERO }
    }

    fn client_socket(&mut self) -> &mut tcp::Socket<'static> {
        self.client.sockets.get_mut(self.client.socket)
    }

    fn server_socket(&mut self) -> &mut tcp::Socket<'static> {
        self.server.sockets.get_mut(self.server.socket)
    }

    fn connect(&mut self, port: u16) {
        self.server_socket().listen(80).expect("it was closed");
        let client = self.client.sockets.get_mut::<tcp::Socket<'_>>(self.client.socket);
        let server = (IpAddress::v4(10, 0, 0, 2), 80);
        client.connect(self.client.interface.context(), server, port).expect("it was closed");
        self.poll_until(|pair| pair.server_socket().may_recv() && pair.client_socket().may_send());
    }

    fn poll_until(&mut self, mut done: impl FnMut(&mut Self) -> bool) {
        for _ in 0..10_000 {
            if done(self) {
                return;
            }
            self.poll();
        }
        panic!("nothing happens any more");
    }

    fn poll(&mut self) {
        self.now += smoltcp::time::Duration::from_micros(1);
        self.client.poll(self.now);
        self.server.poll(self.now);
    }
}
