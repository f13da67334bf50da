//! Ports of machines.

use std::io::{ErrorKind, Read as _, Write as _};
use std::process::Command as HostCommand;

use ironloom_node::doors::ListenError;
use ironloom_node::prelude::*;

use super::stage::{Stage, ask, bytes, connect, is_turned_away, reset};

fn to_echo() -> Listener {
    Listener::tcp("127.0.0.1:0").to_port("web", 7)
}

#[test]
fn a_page_of_a_machine_is_fetched_with_curl() {
    let stage = Stage::new();
    let address = stage.listen("shop", Listener::tcp("127.0.0.1:0").to_port("web", 80));
    for _ in 0..3 {
        let output =
            HostCommand::new("curl").args(["-sS", "-m", "50", &format!("http://{address}/")]).output();
        let output = output.unwrap();
        assert_eq!(String::from_utf8_lossy(&output.stdout), "hello", "{output:?}");
    }
    let counts = stage.until("shop", |counts| counts.active == 0);
    assert_eq!((counts.accepted, counts.refused, counts.turned_away), (3, 0, 0));
    assert!(counts.bytes_in.unwrap() > 100 && counts.bytes_out.unwrap() > 100, "{counts:?}");
    let info = stage.info("shop");
    assert_eq!((info.leads_to.as_str(), info.address.tcp()), ("web:80", Some(address)));
    assert!(stage.noted(" shop 127.0.0.1:").contains(" out "));
}

#[test]
fn bytes_pass_both_ways_for_many_at_once() {
    let stage = Stage::new();
    let address = stage.listen("echo", to_echo());
    std::thread::scope(|scope| {
        for len in [0, 1, 1_000, 300_000, 1_000_000] {
            scope.spawn(move || {
                let sent = bytes(len);
                let received = ask(address, &sent);
                assert!(received == sent, "{} of {len} bytes came back", received.len());
            });
        }
    });
    let counts = stage.until("echo", |counts| counts.active == 0);
    assert_eq!((counts.bytes_in, counts.bytes_out), (Some(1_301_001), Some(1_301_001)));
}

#[test]
fn a_machine_that_is_destroyed_takes_its_connections_with_it() {
    let stage = Stage::new();
    let address = stage.listen("echo", to_echo());
    let mut open = connect(address);
    open.write_all(b"hello").unwrap();
    open.read_exact(&mut [0; 5]).unwrap();
    stage.node.destroy("web").wait().unwrap();
    assert_eq!(open.read(&mut [0; 5]).unwrap_err().kind(), ErrorKind::ConnectionReset);
    assert!(stage.noted("broken off").ends_with("by the machine"));
    assert!(is_turned_away(connect(address)), "there is nobody to talk to");
    // Another machine of the name takes its place.
    let table = MachineTable::default().at("lan").file("/bin/echoes", super::stage::ECHO).runs("echoes");
    stage.node.create("web", table).wait().unwrap();
    stage.run("web", "sleep 0.1");
    assert_eq!(ask(address, b"again"), b"again");
}

#[test]
fn a_machine_that_is_stopped_ends_its_connections_and_serves_again_once_started() {
    let stage = Stage::new();
    let address = stage.listen("echo", to_echo());
    let mut open = connect(address);
    open.write_all(b"hello").unwrap();
    open.read_exact(&mut [0; 5]).unwrap();
    Datacenter::stop(&stage.node, "web").wait().unwrap();
    assert!(is_turned_away(open));
    assert!(is_turned_away(connect(address)), "nobody listens");
    stage.until("echo", |counts| counts.active == 0);
    Datacenter::start(&stage.node, "web").wait().unwrap();
    stage.run("web", "sleep 0.1");
    assert_eq!(ask(address, b"again"), b"again");
}

#[test]
fn a_peer_that_resets_is_gone_and_one_that_never_reads_holds_up_nobody() {
    let stage = Stage::new();
    let address = stage.listen("echo", to_echo());
    let mut greedy = connect(address);
    greedy.set_nonblocking(true).unwrap();
    // It says more than fits on the way, and never reads what comes back.
    let much = bytes(1 << 20);
    let mut written = 0;
    super::stage::wait_until(|| {
        while let Ok(len) = greedy.write(&much) {
            written += len;
        }
        stage.info("echo").counts.bytes_in.unwrap() > 500_000
    });
    let held_up = connect(address);
    assert_eq!(ask(address, b"and others?"), b"and others?");
    let counts = stage.info("echo").counts;
    let under_way = counts.bytes_in.unwrap().saturating_sub(counts.bytes_out.unwrap());
    assert!(under_way < 4 << 20, "{under_way} bytes of {written} are under way");
    reset(greedy);
    stage.noted("broken off: by the peer");
    drop(held_up);
    stage.until("echo", |counts| counts.active == 0);
}

#[test]
fn who_may_not_come_and_who_is_too_many_is_turned_away() {
    let stage = Stage::new();
    let address = stage.listen("closed", to_echo().allow("10.0.0.0/8").allow("::1/128"));
    assert!(is_turned_away(connect(address)));
    assert!(stage.noted("closed refused").contains("127.0.0.1 is not among those"));
    let counts = stage.info("closed").counts;
    assert_eq!((counts.accepted, counts.turned_away), (0, 1));

    let address = stage.listen("narrow", to_echo().allow("127.0.0.0/8").connections_max(2));
    let open = [connect(address), connect(address)];
    stage.until("narrow", |counts| counts.active == 2);
    assert!(is_turned_away(connect(address)));
    drop(open);
    stage.until("narrow", |counts| counts.active == 0);
    assert_eq!(ask(address, b"room"), b"room");
    assert_eq!(stage.info("narrow").counts.refused, 1);

    let address = stage.listen("single", to_echo().connections_per_address_max(1));
    let open = connect(address);
    stage.until("single", |counts| counts.active == 1);
    assert!(is_turned_away(connect(address)));
    assert!(stage.noted("single refused").contains("has 1 connections already"));
    drop(open);
    stage.until("single", |counts| counts.active == 0);
    assert_eq!(ask(address, b"room"), b"room");
}

#[test]
fn what_cannot_be_is_told() {
    let stage = Stage::new();
    let listen = |name: &str, listener: Listener| stage.node.listen(name, listener).unwrap_err();
    let address = stage.listen("echo", to_echo());
    let at = |machine: &str| Listener::tcp("127.0.0.1:0").to_port(machine, 80);
    assert!(matches!(listen("echo", to_echo()), ListenError::NameTaken { .. }));
    assert!(matches!(
        listen("b", Listener::tcp(address.to_string()).to_port("web", 80)),
        ListenError::InUse { .. }
    ));
    assert!(matches!(listen("c", at("wev")), ListenError::NoMachine { machine } if machine == "wev"));
    assert!(matches!(listen("d", at("desk")), ListenError::NoNetwork { machine } if machine == "desk"));
    assert!(matches!(listen("e", to_echo().allow("everywhere")), ListenError::Network { .. }));
    assert!(matches!(listen("f", Listener::tcp("here").to_port("web", 80)), ListenError::Place { .. }));
    assert!(matches!(stage.node.drain("g", Duration::ZERO).wait(), Err(ListenError::Unknown { .. })));
    assert_eq!(stage.node.listeners().len(), 1, "of the others nothing is left");
    stage.node.stop();
    assert!(matches!(stage.node.listen("h", to_echo()), Err(ListenError::Stopped)));
    assert!(matches!(stage.node.drain("echo", Duration::ZERO).wait(), Err(ListenError::Unknown { .. })));
}
