//! Datagrams of the host to a machine, and back.

use std::net::{SocketAddr, UdpSocket};
use std::time::Duration;

use ironloom_core::WallClock;

use super::{Entries, Town, replay};
use crate::door::{Driver, Publish, UdpDoor, Usage};
use crate::{Host, Readiness, Service, SocketId};

/// Sends back what it receives.
struct Echo;

impl Service for Echo {
    fn start(&mut self, host: &mut Host<'_>) {
        host.bind_udp("0.0.0.0:7".parse().unwrap()).unwrap();
    }

    fn ready(&mut self, host: &mut Host<'_>, socket: SocketId, _: Readiness) {
        while let Ok(Some((payload, from))) = host.receive_from(socket) {
            host.send_to(socket, payload, from).unwrap();
        }
    }
}

fn town() -> Town {
    let mut town = Town::new(3);
    town.fabric.serve(town.machines[1], Box::new(Echo)).unwrap();
    town
}

fn publish(town: &Town, target: &str) -> (Publish, Usage) {
    let any = "127.0.0.1:0".parse().unwrap();
    let publish = Publish::new(any, town.machines[0], target.parse().unwrap());
    let usage = publish.usage.clone();
    (publish, usage)
}

/// A socket of the host that asks an address, and waits for answers for a while.
fn client(address: SocketAddr) -> UdpSocket {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    socket.connect(address).unwrap();
    socket.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    socket
}

fn ask(client: &UdpSocket, bytes: &[u8]) {
    client.send(bytes).unwrap();
    let mut answer = vec![0; 65_536];
    let len = client.recv(&mut answer).unwrap();
    assert_eq!(&answer[..len], bytes);
}

#[test]
fn datagrams_find_the_machine_and_back() {
    let town = town();
    let (publish, usage) = publish(&town, "10.77.0.2:7");
    let door = UdpDoor::bind(publish).unwrap();
    let address = door.address().unwrap();
    let entries = Entries::default();
    let mut driver = Driver::new(town.fabric, WallClock::start()).unwrap();
    driver.set_journal(Box::new(entries.clone()));
    driver.open(door).unwrap();
    let running = driver.start().unwrap();
    let clients = [client(address), client(address)];
    for number in 0..20_usize {
        ask(&clients[number % 2], &vec![number as u8; number * 60]);
    }
    let mut driver = running.stop().unwrap();
    let bytes = (0..20).map(|number| number * 60).sum::<u64>();
    assert_eq!((usage.bytes_in.value(), usage.bytes_out.value()), (bytes, bytes));
    assert_eq!((usage.connections.value(), usage.connections_now.value()), (2, 2));
    assert_eq!((usage.refused.value(), usage.dropped.value()), (0, 0));
    let driven = std::mem::replace(driver.fabric(), Town::new(0).fabric);
    replay(driven, self::town().fabric, &entries);
}

#[test]
fn the_side_that_was_silent_longest_makes_room() {
    let town = town();
    let (mut publish, usage) = publish(&town, "10.77.0.2:7");
    publish.connections_max = 2;
    let door = UdpDoor::bind(publish).unwrap();
    let address = door.address().unwrap();
    let mut driver = Driver::new(town.fabric, WallClock::start()).unwrap();
    driver.open(door).unwrap();
    let running = driver.start().unwrap();
    let clients: Vec<_> = (0..5).map(|_| client(address)).collect();
    for client in clients.iter().chain(&clients) {
        ask(client, b"there?");
    }
    assert_eq!((usage.connections.value(), usage.connections_now.value()), (10, 2));
    drop(running);
}

#[test]
fn who_is_silent_is_forgotten() {
    let town = town();
    let (mut publish, usage) = publish(&town, "10.77.0.2:7");
    publish.idle_after = ironloom_core::Duration::from_millis(1);
    let door = UdpDoor::bind(publish).unwrap();
    let address = door.address().unwrap();
    let mut driver = Driver::new(town.fabric, WallClock::start()).unwrap();
    driver.open(door).unwrap();
    client(address).send(b"there?").unwrap();
    while usage.connections.value() == 0 || usage.connections_now.value() > 0 {
        driver.turn(ironloom_core::Duration::from_secs(20)).unwrap();
    }
    assert_eq!(usage.connections.value(), 1);
}

#[test]
fn where_nobody_listens_nothing_comes_back() {
    let town = town();
    let (publish, usage) = publish(&town, "10.77.0.3:9");
    let door = UdpDoor::bind(publish).unwrap();
    let address = door.address().unwrap();
    let mut driver = Driver::new(town.fabric, WallClock::start()).unwrap();
    driver.open(door).unwrap();
    let running = driver.start().unwrap();
    let client = client(address);
    client.send(b"anybody?").unwrap();
    client.set_read_timeout(Some(Duration::from_millis(50))).unwrap();
    assert!(client.recv(&mut [0; 10]).is_err());
    drop(running);
    assert_eq!(usage.bytes_out.value(), 0);
}
