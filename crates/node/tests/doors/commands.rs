//! A process for each connection.

use std::io::{ErrorKind, Read as _, Write as _};
use std::net::Shutdown;
use std::os::unix::net::UnixStream;
use std::sync::Arc;

use ironloom_node::core::WallClock;
use ironloom_node::doors::Recent;
use ironloom_node::prelude::*;

use super::stage::{FOR_EVER, Stage, ask, bytes, connect, is_turned_away, reset, rest, wait_until};

#[test]
fn what_is_said_is_its_input_and_what_it_writes_is_heard() {
    let stage = Stage::new();
    let address = stage.command("tr a-z A-Z");
    assert_eq!(ask(address, b"anybody there?\n"), b"ANYBODY THERE?\n");
    assert_eq!(ask(address, b""), b"");
    // Line by line, before the end.
    let mut stream = connect(address);
    for _ in 0..3 {
        stream.write_all(b"ping\n").unwrap();
        let mut line = [0; 5];
        stream.read_exact(&mut line).unwrap();
        assert_eq!(&line, b"PING\n");
    }
    stream.shutdown(Shutdown::Write).unwrap();
    assert_eq!(rest(&stream), b"");
    let counts = stage.until("door", |counts| counts.active == 0);
    assert_eq!((counts.accepted, counts.bytes_in, counts.bytes_out), (3, Some(30), Some(30)));
    assert!(stage.noted(" in 15 out 15 ").contains(" door 127.0.0.1:"));
}

#[test]
fn much_passes_both_ways_for_many_at_once() {
    let stage = Stage::new();
    let address = stage.command("cat");
    std::thread::scope(|scope| {
        for len in [1, 4_096, 4_097, 65_536, 500_000, 1_000_000] {
            scope.spawn(move || {
                let sent = bytes(len);
                let received = ask(address, &sent);
                assert!(received == sent, "{} of {len} bytes came back", received.len());
            });
        }
    });
    stage.until("door", |counts| counts.active == 0);
    assert_eq!(stage.run("desk", "ps -A -o comm= | grep -c cat"), "0\n");
}

#[test]
fn a_process_that_ends_closes_its_connection() {
    let stage = Stage::new();
    // It reads nothing of what it is sent, and what it says last is heard all the same.
    let address = stage.command("echo bye");
    let stream = connect(address);
    let mut writer = &stream;
    writer.write_all(&bytes(30_000)).unwrap();
    assert_eq!(rest(&stream), b"bye\n");
    drop(stream);
    stage.until("door", |counts| counts.active == 0);
    // One that stays although nobody is served any more is left after a while.
    let stream = connect(address);
    assert_eq!(rest(&stream), b"bye\n");
    stage.until("door", |counts| counts.active == 0);
    assert!(is_turned_away(stream));
}

#[test]
fn what_is_left_in_the_background_does_not_hold_a_connection_open() {
    let stage = Stage::new();
    let address = stage.command("sleep 1000 & echo started");
    assert_eq!(ask(address, b""), b"started\n");
    stage.until("door", |counts| counts.active == 0);
    assert!(stage.run("desk", "ps -A -o comm=").contains("sleep"), "it goes on");
}

#[test]
fn a_process_that_closes_its_output_may_go_on() {
    let stage = Stage::new();
    let script = "print('done') io.stdout:close() fs.write('/tmp/rest', io.read('a'))";
    let command = Command::new("/bin/lua").argument("-e").argument(script);
    let address = stage.listen("door", Listener::tcp("127.0.0.1:0").to_command("desk", command));
    let stream = connect(address);
    assert_eq!(rest(&stream), b"done\n", "nothing more is said");
    (&stream).write_all(b"kept").unwrap();
    drop(stream);
    assert!(wait_until(|| stage.run("desk", "cat /tmp/rest 2>/dev/null") == "kept"));
}

#[test]
fn whose_peer_resets_is_told_and_ended_if_that_is_ignored() {
    let stage = Stage::new();
    let polite = stage.command("sleep 1000");
    let stream = connect(polite);
    stage.until("door", |counts| counts.active == 1);
    assert!(stage.run("desk", "ps -A -o comm=").contains("sleep"));
    reset(stream);
    stage.until_gone("desk", "sleep");
    assert!(stage.noted("broken off").ends_with("by the peer"));

    let deaf = "os.signal('HUP', 'ignore') print('deaf') while true do os.sleep(1000) end";
    let command = Command::new("/bin/lua").argument("-e").argument(deaf);
    let address = stage.listen("deaf", Listener::tcp("127.0.0.1:0").to_command("desk", command));
    let clock = WallClock::start();
    let mut stream = connect(address);
    stream.read_exact(&mut [0; 5]).unwrap();
    reset(stream);
    stage.until("deaf", |counts| counts.active == 0);
    stage.until_gone("desk", "lua");
    let waited = ironloom_node::core::Clock::now(&clock);
    assert!(waited.as_nanos() >= 2_000_000_000, "it had two seconds to go by itself");
}

#[test]
fn a_peer_that_never_reads_stops_who_writes() {
    let stage = Stage::new();
    let address = stage.command("yes");
    let mut stream = connect(address);
    let out = || stage.info("door").counts.bytes_out.unwrap();
    let mut before = 0;
    // It comes to rest once nothing fits any more.
    assert!(wait_until(|| {
        stage.run("desk", "sleep 0.05");
        let now = out();
        std::mem::replace(&mut before, now) == now && now > 0
    }));
    let stuck = out();
    assert!(stuck < 16 << 20, "{stuck} bytes are under way");
    let mut some = vec![0; 8 << 20];
    stream.read_exact(&mut some).unwrap();
    assert!(some.chunks(2).all(|line| line == b"y\n"));
    assert!(out() > stuck, "it goes on");
    reset(stream);
    stage.until_gone("desk", "yes");
}

#[test]
fn a_peer_that_never_sends_and_one_whose_words_nobody_reads_hold_up_nobody() {
    let stage = Stage::new();
    let address = stage.command("sleep 1000");
    let silent = connect(address);
    let mut talker = connect(address);
    talker.set_nonblocking(true).unwrap();
    let much = bytes(1 << 20);
    let mut written = 0;
    let is_full = wait_until(|| {
        let before = written;
        while let Ok(len) = talker.write(&much) {
            written += len;
        }
        stage.run("desk", "sleep 0.05");
        written == before && written > 0
    });
    assert!(is_full, "{written} bytes were taken");
    let taken = stage.info("door").counts.bytes_in.unwrap();
    assert!(taken < 512 << 10, "{taken} bytes of {written} are held for who does not read");
    let echo = stage.listen("echo", Listener::tcp("127.0.0.1:0").to_command("desk", "cat"));
    assert_eq!(ask(echo, b"and others?"), b"and others?");
    drop(silent);
    reset(talker);
}

#[test]
fn a_command_that_does_not_exist_is_told_in_the_log() {
    let stage = Stage::new();
    let address = stage.command("no-such-program");
    assert_eq!(ask(address, b"hello"), b"");
    let line = stage.noted("exit 127");
    assert!(line.contains("no-such-program"), "{line}");
    let command = Command::new("/bin/absent");
    let address = stage.listen("absent", Listener::tcp("127.0.0.1:0").to_command("desk", command));
    assert!(is_turned_away(connect(address)));
    assert_eq!(stage.until("absent", |counts| counts.refused == 1).accepted, 0);
}

#[test]
fn a_machine_that_is_stopped_or_destroyed_ends_its_connections() {
    let stage = Stage::new();
    let address = stage.command("cat");
    let mut stopped = connect(address);
    stopped.write_all(b"hello").unwrap();
    stopped.read_exact(&mut [0; 5]).unwrap();
    Datacenter::stop(&stage.node, "desk").wait().unwrap();
    assert!(is_turned_away(stopped));
    stage.noted("killed by KILL");
    // A machine that is off still runs commands, as the host has it do.
    let mut destroyed = connect(address);
    destroyed.write_all(b"hello").unwrap();
    destroyed.read_exact(&mut [0; 5]).unwrap();
    stage.node.destroy("desk").wait().unwrap();
    assert_eq!(destroyed.read(&mut [0; 5]).unwrap_err().kind(), ErrorKind::ConnectionReset);
    stage.noted("broken off: by the machine");
    assert!(is_turned_away(connect(address)));
    stage.until("door", |counts| counts.active == 0 && counts.refused == 1);
}

#[test]
fn more_than_a_machine_can_run_are_turned_away_and_leave_nothing() {
    let stage = Stage::new();
    let address = stage.command("cat");
    for _ in 0..3 {
        let open: Vec<_> = (0..200).map(|_| connect(address)).collect();
        // A shell and what it runs: a machine has room for 256 processes.
        let counts = stage.until("door", |counts| counts.active as u64 + counts.refused >= 100);
        assert!(counts.active > 50, "{counts:?}");
        drop(open);
        stage.until("door", |counts| counts.active == 0);
    }
    assert_eq!(ask(address, b"room"), b"room");
    let left = stage.run("desk", "ps -A -o comm=");
    assert!(!left.contains("cat"), "{left}");
}

#[test]
fn a_path_is_listened_on_and_removed() {
    let stage = Stage::new();
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("door");
    // Whoever was here before did not clean up.
    drop(std::os::unix::net::UnixListener::bind(&path).unwrap());
    let listener = Listener::unix(&path).to_command("desk", "tr a-z A-Z").log(stage.recent.clone());
    let address = stage.node.listen("path", listener).unwrap();
    assert_eq!(address.to_string(), format!("unix:{}", path.display()));
    let again = Listener::unix(&path).to_command("desk", "cat");
    let error = stage.node.listen("again", again).unwrap_err().to_string();
    assert!(error.contains("somebody listens at unix:"), "{error}");
    let ask = |what: &[u8]| {
        let mut stream = UnixStream::connect(&path).unwrap();
        stream.set_read_timeout(Some(FOR_EVER)).unwrap();
        stream.write_all(what).unwrap();
        stream.shutdown(Shutdown::Write).unwrap();
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).unwrap();
        answer
    };
    assert_eq!(ask(b"by a path"), b"BY A PATH");
    assert_eq!(ask(&[b'a'; 300_000]), [b'A'; 300_000]);
    assert!(stage.noted("path unix in 9 out 9 ").ends_with('s'));
    // Who goes away while it is written to is gone.
    drop(UnixStream::connect(&path).unwrap());
    // Whoever wanted the place has knocked, to find out whether somebody is there.
    stage.until("path", |counts| counts.active == 0 && counts.accepted == 4);
    stage.node.drain("path", Duration::ZERO).wait().unwrap();
    assert!(!path.exists());
}

#[test]
fn as_fast_as_it_can_and_in_windows_it_is_the_same() {
    for pacing in [Pacing::Free, Pacing::WindowsPerSecond(200)] {
        let world = World::builder(1).pacing(pacing).machine("desk", |desk| desk).build().unwrap();
        let stage = Stage { node: Node::start(world).unwrap(), recent: Arc::new(Recent::new(100)) };
        let address = stage.command("cat");
        assert_eq!(ask(address, b"hello"), b"hello");
        let stream =
            connect(stage.listen("bye", Listener::tcp("127.0.0.1:0").to_command("desk", "echo bye")));
        assert_eq!(rest(&stream), b"bye\n");
        stage.until("bye", |counts| counts.active == 0);
    }
}
