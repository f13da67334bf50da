//! How listeners come to their end.

use std::io::{Read as _, Write as _};
use std::net::{Shutdown, TcpStream};

use ironloom_node::doors::ListenError;
use ironloom_node::http::Site;
use ironloom_node::prelude::*;
use ironloom_node::sched::{Context, Drained, Stream};

use super::stage::{Stage, ask, connect, is_turned_away, rest, wait_until};

/// A listener of each kind that sends back what comes.
fn echoes() -> [Listener; 3] {
    let at = || Listener::tcp("127.0.0.1:0");
    let echo = async |ctx: Context<()>, mut stream: Stream| {
        let _ = ctx; // It does not look whether it is asked to stop.
        while stream.fill().await? > 0 {
            let came = stream.buffered_whole().to_vec();
            stream.consume(came.len());
            stream.write(&came).await?;
            stream.flush().await?;
        }
        stream.hang_up().await
    };
    [at().to_port("web", 7), at().to_command("desk", "cat"), at().to_service(echo)]
}

fn greeted(address: std::net::SocketAddr) -> TcpStream {
    let mut stream = connect(address);
    stream.write_all(b"hello").unwrap();
    stream.read_exact(&mut [0; 5]).unwrap();
    stream
}

#[test]
fn what_is_open_may_end_and_nobody_else_comes() {
    for echo in echoes() {
        let stage = Stage::new();
        let address = stage.listen("echo", echo);
        let stream = greeted(address);
        let draining = stage.node.drain("echo", Duration::from_secs(50));
        assert!(wait_until(|| TcpStream::connect(address).is_err()), "it listens no more");
        stage.until("echo", |counts| counts.active == 1);
        assert!(stage.info("echo").is_draining);
        (&stream).write_all(b"still here").unwrap();
        stream.shutdown(Shutdown::Write).unwrap();
        assert_eq!(rest(&stream), b"still here");
        let drained = draining.wait().unwrap();
        // Those who tried whether it listens may have come in at the last moment.
        assert!(drained.ended >= 1 && drained.killed == 0, "{drained:?}");
        assert!(stage.node.listeners().is_empty());
        // The name is free, and so is the place.
        let again = Listener::tcp(address.to_string()).to_command("desk", "cat");
        assert_eq!(ask(stage.listen("echo", again), b"again"), b"again");
    }
}

#[test]
fn what_does_not_end_in_time_is_ended() {
    for echo in echoes() {
        let stage = Stage::new();
        let address = stage.listen("echo", echo);
        let stream = greeted(address);
        let draining = stage.node.drain("echo", Duration::from_millis(200));
        assert_eq!(draining.wait().unwrap(), Drained { ended: 0, killed: 1 });
        assert!(is_turned_away(stream));
        stage.until_gone("desk", "cat");
    }
}

#[test]
fn who_drains_twice_is_told_twice_and_the_shorter_time_counts() {
    let stage = Stage::new();
    let address = stage.listen("echo", Listener::tcp("127.0.0.1:0").to_command("desk", "cat"));
    let stream = greeted(address);
    let first = stage.node.drain("echo", Duration::from_secs(3_600));
    let second = stage.node.drain("echo", Duration::from_millis(50));
    assert_eq!(second.wait().unwrap().killed, 1);
    assert_eq!(first.wait().unwrap().killed, 1);
    assert!(is_turned_away(stream));
}

#[test]
fn a_drained_listener_is_awaited_from_tokio() {
    let stage = Stage::new();
    stage.listen("echo", Listener::tcp("127.0.0.1:0").to_command("desk", "cat"));
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let drained = runtime.block_on(stage.node.drain("echo", Duration::from_secs(1)).finished());
    assert_eq!(drained.unwrap(), Drained { ended: 0, killed: 0 });
}

#[test]
fn a_node_that_stops_breaks_off_what_is_open() {
    for echo in echoes() {
        let stage = Stage::new();
        let address = stage.listen("echo", echo);
        let stream = greeted(address);
        let draining = stage.node.drain("echo", Duration::from_secs(3_600));
        stage.node.stop();
        assert!(is_turned_away(stream));
        assert!(TcpStream::connect(address).is_err());
        assert_eq!(draining.wait().unwrap().killed, 1, "whoever waits is told");
        assert!(stage.node.listeners().is_empty());
    }
}

#[test]
fn a_world_goes_on_after_its_node_and_can_be_listened_to_again() {
    let stage = Stage::new();
    let world = stage.node.ready().unwrap();
    for round in 0..3 {
        // The first is the stage's: a world has one node at a time.
        let node = if round == 0 { stage.node.clone() } else { Node::start(world.clone()).unwrap() };
        let echo = Listener::tcp("127.0.0.1:0").to_port("web", 7);
        let address = node.listen("echo", echo).unwrap().tcp().unwrap();
        let stream = greeted(address);
        let cat = node.listen("cat", Listener::tcp("127.0.0.1:0").to_command("desk", "cat")).unwrap();
        let process = greeted(cat.tcp().unwrap());
        node.stop();
        assert!(is_turned_away(stream) && is_turned_away(process));
        world.run_for(Duration::from_secs(1));
        assert_eq!(world.exec("desk", "ps -A -o comm= | grep -c cat").wait().unwrap().text(), "0\n");
    }
    assert_eq!(world.machines(), ["desk", "web"]);
}

#[test]
fn listeners_that_come_and_go_leave_nothing() {
    let stage = Stage::new();
    let descriptors = || std::fs::read_dir("/proc/self/fd").unwrap().count();
    let mut before = 0;
    for round in 0..60 {
        for echo in echoes() {
            let address = stage.listen("echo", echo);
            assert_eq!(ask(address, b"hello"), b"hello");
            stage.node.drain("echo", Duration::from_secs(10)).wait().unwrap();
        }
        let site = Listener::tcp("127.0.0.1:0").to_site(Site::new());
        stage.listen("site", site);
        stage.node.drain("site", Duration::ZERO).wait().unwrap();
        if round == 5 {
            before = descriptors();
        }
    }
    // Other tests run beside this one: what is left of each round would be much more than they have open.
    assert!(descriptors() < before + 50, "{} descriptors, {before} before", descriptors());
    assert!(matches!(stage.node.drain("echo", Duration::ZERO).wait(), Err(ListenError::Unknown { .. })));
}
