//! Connections of the host to a machine.

use std::io::{ErrorKind, Read as _, Write as _};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::sync::Arc;
use std::sync::atomic::Ordering::SeqCst;
use std::time::Duration;

use ironloom_core::{Rng, Seed, WallClock};
use socket2::SockRef;

use super::clerk::{self, Clerk, Seen};
use super::{Entries, Town, replay};
use crate::door::{Driver, Publish, Running, TcpDoor, Usage};

/// What waits on its way at most: what the gateway's socket keeps to be sent, what the machine's keeps to be received,
/// and what the door holds; and the same the other way.
const UNDER_WAY_BYTES_MAX: u64 = (256 + 256 + 64 + 64) << 10;

/// A door to a port of the second machine, on which a clerk works.
struct Scene {
    driver: Driver,
    address: SocketAddr,
    usage: Usage,
    seen: Arc<Seen>,
    entries: Entries,
}

fn town() -> (Town, Arc<Seen>) {
    let mut town = Town::new(3);
    let clerk = Clerk::default();
    let seen = Arc::clone(&clerk.seen);
    town.fabric.serve(town.machines[1], Box::new(clerk)).unwrap();
    (town, seen)
}

impl Scene {
    fn new(port: u16, connections_max: usize) -> Self {
        let (town, seen) = town();
        let any = "127.0.0.1:0".parse().unwrap();
        let mut publish = Publish::new(any, town.machines[0], ([10, 77, 0, 2], port).into());
        publish.connections_max = connections_max;
        let usage = publish.usage.clone();
        let door = TcpDoor::bind(publish).unwrap();
        let address = door.address().unwrap();
        let entries = Entries::default();
        let mut driver = Driver::new(town.fabric, WallClock::start()).unwrap();
        driver.set_journal(Box::new(entries.clone()));
        driver.open(door).unwrap();
        Self { driver, address, usage, seen, entries }
    }

    /// Lets the driver run on a thread of its own, and a test with it.
    fn run(self, test: impl FnOnce(SocketAddr)) -> (Driver, Usage, Entries) {
        let running: Running = self.driver.start().unwrap();
        test(self.address);
        (running.stop().unwrap(), self.usage, self.entries)
    }

    fn until(&mut self, is_so: impl Fn(&Usage, &Seen) -> bool) {
        for _ in 0..100_000 {
            if is_so(&self.usage, &self.seen) {
                return;
            }
            self.driver.turn(ironloom_core::Duration::from_millis(5)).unwrap();
        }
        panic!("it did not happen");
    }

    /// Lets the driver run until nothing happens any more.
    fn until_calm(&mut self) {
        let mut calm = 0;
        let mut before = (0, 0, 0);
        while calm < 40 {
            self.driver.turn(ironloom_core::Duration::from_millis(5)).unwrap();
            let poured = self.seen.poured.load(SeqCst);
            let after = (self.usage.bytes_in.value(), self.usage.bytes_out.value(), poured);
            calm = if after == before { calm + 1 } else { 0 };
            before = after;
        }
    }
}

fn connect(address: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    stream.set_write_timeout(Some(Duration::from_secs(20))).unwrap();
    stream
}

fn bytes(len: usize) -> Vec<u8> {
    let mut rng = Rng::new(Seed::new(len as u64));
    (0..len).map(|_| rng.next_u64() as u8).collect()
}

/// Sends bytes to a machine that sends them back.
fn echo(address: SocketAddr, len: usize) {
    let sent = bytes(len);
    let mut stream = connect(address);
    let mut writer = stream.try_clone().unwrap();
    let mut received = Vec::new();
    std::thread::scope(|scope| {
        scope.spawn(|| {
            writer.write_all(&sent).unwrap();
            writer.shutdown(Shutdown::Write).unwrap();
        });
        stream.read_to_end(&mut received).unwrap();
    });
    assert!(received == sent, "{} of {len} bytes came back", received.len());
}

#[test]
fn bytes_pass_both_ways_and_a_replay_passes_the_same() {
    let lens = [0, 1, 64 << 10, 3 << 20];
    let (mut driver, usage, entries) = Scene::new(clerk::ECHO, 10).run(|address| {
        lens.into_iter().for_each(|len| echo(address, len));
        std::thread::scope(|scope| (0..4).for_each(|_| drop(scope.spawn(move || echo(address, 300_000)))));
    });
    let all = (lens.iter().sum::<usize>() + 4 * 300_000) as u64;
    assert_eq!((usage.bytes_in.value(), usage.bytes_out.value()), (all, all));
    assert_eq!((usage.connections.value(), usage.refused.value()), (8, 0));
    let driven = std::mem::replace(driver.fabric(), Town::new(0).fabric);
    replay(driven, town().0.fabric, &entries);
}

#[test]
fn who_has_finished_can_still_receive() {
    let (_, usage, _) = Scene::new(clerk::COUNT, 10).run(|address| {
        let mut stream = connect(address);
        stream.write_all(&bytes(1 << 20)).unwrap();
        stream.shutdown(Shutdown::Write).unwrap();
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).unwrap();
        assert_eq!(answer, (1_u64 << 20).to_be_bytes());
    });
    assert_eq!((usage.bytes_in.value(), usage.bytes_out.value()), (1 << 20, 8));
}

#[test]
fn where_nobody_listens_connections_are_reset() {
    for port in [99, clerk::RUDE] {
        let scene = Scene::new(port, 10);
        let (_, usage, _) = scene.run(|address| {
            let error = connect(address).read(&mut [0; 10]).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::ConnectionReset);
        });
        assert_eq!(usage.connections_now.value(), 0);
    }
}

#[test]
fn what_the_host_breaks_off_is_broken_off_in_the_machine() {
    for has_finished in [false, true] {
        let mut scene = Scene::new(clerk::ECHO, 10);
        let mut stream = connect(scene.address);
        stream.write_all(b"hello").unwrap();
        scene.until(|usage, _| usage.bytes_out.value() == 5);
        assert_eq!(scene.seen.open.load(SeqCst), 1);
        if has_finished {
            // There is a byte that the client never reads, so that closing breaks off.
            assert_eq!(stream.read(&mut [0; 4]).unwrap(), 4);
        }
        SockRef::from(&stream).set_linger(Some(Duration::ZERO)).unwrap();
        drop(stream);
        scene.until(|usage, seen| usage.connections_now.value() == 0 && seen.open.load(SeqCst) == 0);
        assert_eq!(scene.seen.broken.load(SeqCst), 1);
    }
}

#[test]
fn who_breaks_off_after_finishing_is_heard() {
    let mut scene = Scene::new(clerk::DEAF, 10);
    let stream = connect(scene.address);
    stream.shutdown(Shutdown::Write).unwrap();
    scene.until_calm();
    assert_eq!(scene.usage.connections_now.value(), 1);
    SockRef::from(&stream).set_linger(Some(Duration::ZERO)).unwrap();
    drop(stream);
    scene.until(|usage, _| usage.connections_now.value() == 0);
}

#[test]
fn who_does_not_read_stops_who_sends() {
    let mut scene = Scene::new(clerk::POUR, 10);
    let mut stream = connect(scene.address);
    scene.until_calm();
    let (poured, out) = (scene.seen.poured.load(SeqCst), scene.usage.bytes_out.value());
    assert!(poured > 0 && poured - out <= UNDER_WAY_BYTES_MAX, "{poured} poured, {out} out");
    // Once it reads, there is more.
    let mut left = 20 << 20;
    let mut buffer = vec![0; 64 << 10];
    stream.set_nonblocking(true).unwrap();
    while left > 0 {
        match stream.read(&mut buffer) {
            Ok(len) => left = usize::saturating_sub(left, len),
            Err(_) => scene.driver.turn(ironloom_core::Duration::from_millis(5)).unwrap(),
        }
    }
    drop(stream);
    scene.until(|usage, _| usage.connections_now.value() == 0);
}

#[test]
fn a_machine_that_does_not_read_stops_who_sends() {
    let mut scene = Scene::new(clerk::DEAF, 10);
    let mut stream = connect(scene.address);
    stream.set_nonblocking(true).unwrap();
    let (much, mut written) = (vec![0; 64 << 10], 0);
    for _ in 0..40 {
        while let Ok(len) = stream.write(&much) {
            written += len;
        }
        scene.driver.turn(ironloom_core::Duration::from_millis(5)).unwrap();
    }
    scene.until_calm();
    let carried = scene.usage.bytes_in.value();
    assert!(carried > 0 && carried <= UNDER_WAY_BYTES_MAX, "{carried} of {written} bytes in");
}

#[test]
fn who_is_too_many_is_sent_away() {
    let mut scene = Scene::new(clerk::ECHO, 2);
    let mut streams: Vec<_> = (0..3).map(|_| connect(scene.address)).collect();
    scene.until(|usage, _| usage.refused.value() == 1);
    let usage = scene.usage.clone();
    assert_eq!((usage.connections.value(), usage.connections_now.value()), (2, 2));
    assert!(streams.pop().unwrap().read(&mut [0; 10]).is_err());
    streams.pop();
    scene.until(|usage, _| usage.connections_now.value() == 1);
    let _next = connect(scene.address);
    scene.until(|usage, _| usage.connections.value() == 3);
}

#[test]
fn a_gateway_that_is_gone_takes_its_connections_with_it() {
    let (town, _) = town();
    let gateway = town.machines[0];
    let any = "127.0.0.1:0".parse().unwrap();
    let publish = Publish::new(any, gateway, ([10, 77, 0, 2], clerk::ECHO).into());
    let usage = publish.usage.clone();
    let door = TcpDoor::bind(publish).unwrap();
    let address = door.address().unwrap();
    let mut stream = connect(address);
    let mut driver = Driver::new(town.fabric, WallClock::start()).unwrap();
    driver.open(door).unwrap();
    while usage.connections_now.value() == 0 {
        driver.turn(ironloom_core::Duration::from_millis(5)).unwrap();
    }
    driver.fabric().remove_machine(gateway).unwrap();
    stream.write_all(b"hello").unwrap();
    while usage.connections_now.value() == 1 {
        driver.turn(ironloom_core::Duration::from_millis(5)).unwrap();
    }
    let _late = connect(address);
    while usage.refused.value() == 0 {
        driver.turn(ironloom_core::Duration::from_millis(5)).unwrap();
    }
}

/// A driver that was stopped and given back can be started again.
#[test]
fn a_driver_goes_on() {
    let scene = Scene::new(clerk::ECHO, 10);
    let driver = scene.driver.start().unwrap().stop().unwrap();
    let running = driver.start().unwrap();
    echo(scene.address, 1_000);
    running.stop().unwrap();
}
