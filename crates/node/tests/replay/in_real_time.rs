//! Nodes, which clients come to from outside.

use std::io::{Read as _, Write as _};
use std::net::{Shutdown, SocketAddr, TcpStream};

use ironloom_node::Log;
use ironloom_node::prelude::*;

use super::{is_played_as, office};

/// Says something to whoever listens there, and hears what it says until its end.
fn ask(address: SocketAddr, said: &[u8]) -> Vec<u8> {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(std::time::Duration::from_secs(50))).unwrap();
    let mut writer = stream.try_clone().unwrap();
    std::thread::scope(|scope| {
        scope.spawn(move || {
            writer.write_all(said).unwrap();
            writer.shutdown(Shutdown::Write).unwrap();
        });
        let mut heard = Vec::new();
        stream.read_to_end(&mut heard).unwrap();
        heard
    })
}

fn listen(node: &Node, name: &str, listener: Listener) -> SocketAddr {
    node.listen(name, listener).unwrap().tcp().unwrap()
}

/// All that may come from outside comes, from several threads at once.
fn be_busy(node: &Node) {
    let any = || Listener::tcp("127.0.0.1:0");
    let echo = listen(node, "echo", any().to_port("echo", 7));
    let shout = listen(node, "shout", any().to_command("desk-1", "tr a-z A-Z"));
    let silent = listen(node, "silent", any().to_command("desk-2", "sleep 100"));
    let page = listen(node, "page", any().to_port("desk-3", 80));
    let long: Vec<u8> = (0..300_000_u32).map(|number| b'a' + (number % 26) as u8).collect();
    std::thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| assert!(ask(echo, &long) == long));
            scope.spawn(|| assert!(ask(shout, &long) == long.to_ascii_uppercase()));
        }
        scope.spawn(|| {
            let question = b"GET / HTTP/1.1\r\nHost: desk\r\nConnection: close\r\n\r\n";
            assert!(ask(page, question).starts_with(b"HTTP/1.1 200"));
            drop(TcpStream::connect(silent).unwrap()); // It is told that nobody is there any more.
        });
        scope.spawn(|| {
            for round in 0..20 {
                node.write_file("desk-4", "/root/round", round.to_string()).wait().unwrap();
                let read = node.exec("desk-4", "cat /root/round; sleep 0.01").wait().unwrap();
                assert_eq!(read.text(), round.to_string());
            }
            let console =
                node.open_console("desk-5", Size { columns: 80, rows: 25 }, Command::new("/bin/sh"));
            let console = console.wait().unwrap();
            assert_eq!(node.type_in(console, b"echo $((6 * 7))\n").wait().unwrap(), 16);
            node.inject(Fault::delay("desk-5", Duration::from_millis(2))).wait().unwrap();
        });
    });
}

#[test]
fn a_node_with_all_its_doors_is_played_again() {
    let log = Log::in_memory();
    let world = World::record(&office(11), &log).unwrap();
    let node = Node::start(world.clone()).unwrap();
    be_busy(&node);
    node.stop();
    assert!(!world.peek("echo", "/var/log/said").unwrap().is_empty());
    is_played_as(&log, &world);
    // Started once more, it is the same log that goes on.
    let node = Node::start(world.clone()).unwrap();
    be_busy(&node);
    node.destroy("desk-3").wait().unwrap();
    node.stop();
    is_played_as(&log, &world);
    let (blobs, bytes) = log.size().unwrap();
    println!("{} in {blobs} blobs, {bytes} bytes", world.now());
}
