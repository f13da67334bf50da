//! Who is between two hosts, or connects without being one.

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};

use super::*;
use crate::cluster::link::LinkFault;

#[test]
fn who_does_not_know_the_secret_is_told_so() {
    let to = Listener::new(config(0));
    let mut ignorant = config(1);
    ignorant.identity.secret = Secret::new(b"guessed");
    let from = Listener::new(ignorant);
    assert_eq!(from.links.connect(host(0), to.address()), Err(LinkError::Unproven));
    until("it is counted", || to.links.counts().faults(LinkFault::Unproven) == 1);
    assert!(from.heard.try_recv().is_err() && to.heard.try_recv().is_err());
}

/// What each side says in a handshake: which side, and how much.
const STEPS: [(bool, usize); 4] = [(true, 104), (false, 104), (true, 32), (false, 33)];

/// Carries one handshake and changes one byte of it.
fn tamper(listener: &TcpListener, target: SocketAddr, at: usize) {
    let (mut near, mut far) = (listener.accept().unwrap().0, TcpStream::connect(target).unwrap());
    let mut before = 0;
    for (is_near, bytes) in STEPS {
        let mut message = vec![0; bytes];
        let (from, to) = if is_near { (&mut near, &mut far) } else { (&mut far, &mut near) };
        if from.read_exact(&mut message).is_err() {
            return;
        }
        if let Some(byte) = at.checked_sub(before).and_then(|at| message.get_mut(at)) {
            *byte ^= 1 << (at % 8);
        }
        before += bytes;
        if to.write_all(&message).is_err() {
            return;
        }
    }
}

#[test]
fn whichever_byte_of_a_handshake_is_changed_there_is_no_link() {
    let to = Listener::new(config(0));
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let mut hasty = config(1);
    hasty.connect_timeout = Duration::from_millis(50);
    hasty.redial_first = Duration::from_secs(1);
    let from = Listener::new(hasty);
    let address = listener.local_addr().unwrap();
    let bytes: usize = STEPS.iter().map(|(_, bytes)| bytes).sum();
    for at in 0..bytes {
        std::thread::scope(|scope| {
            let (listener, target) = (&listener, to.address());
            scope.spawn(move || tamper(listener, target, at));
            let failed = from.links.connect(host(0), address);
            assert!(failed.is_err(), "byte {at}");
        });
        assert!(from.heard.try_recv().is_err(), "byte {at}");
    }
    // But for the last message, after which who accepts believes in the link until it ends, none ever stood.
    let stood = to.links.counts().links;
    assert!(stood <= 33, "{stood} links stood");
}

/// Carries everything between two hosts and writes down what the first says.
fn record(listener: &TcpListener, target: SocketAddr) -> Vec<u8> {
    let (mut near, far) = (listener.accept().unwrap().0, TcpStream::connect(target).unwrap());
    let (mut back, mut far_again) = (near.try_clone().unwrap(), far.try_clone().unwrap());
    std::thread::scope(|scope| {
        scope.spawn(move || {
            // The recording ends when either side does.
            let _ = std::io::copy(&mut far_again, &mut back);
            let _ = back.shutdown(std::net::Shutdown::Both);
        });
        let (mut recorded, mut room) = (Vec::new(), [0; 4_096]);
        while let Ok(bytes @ 1..) = near.read(&mut room) {
            recorded.extend_from_slice(&room[..bytes]);
            let _ = (&far).write_all(&room[..bytes]);
        }
        let _ = far.shutdown(std::net::Shutdown::Both);
        recorded
    })
}

#[test]
fn a_session_that_was_recorded_is_worth_nothing() {
    let to = Listener::new(config(0));
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let recorded = std::thread::scope(|scope| {
        let (near, target) = (&listener, to.address());
        let recording = scope.spawn(move || record(near, target));
        let from = Listener::new(config(1));
        from.links.connect(host(0), listener.local_addr().unwrap()).unwrap();
        from.links.send(host(0), b"only once").unwrap();
        assert_eq!((to.next(), to.next()), (Heard::Up, Heard::Said(b"only once".to_vec())));
        from.links.close_to(host(0));
        assert!(matches!(to.next(), Heard::Down(_)));
        drop(from);
        recording.join().unwrap()
    });
    assert!(recorded.len() > 136 + b"only once".len());
    let mut replay = TcpStream::connect(to.address()).unwrap();
    replay.set_read_timeout(Some(PATIENCE)).unwrap();
    replay.write_all(&recorded).unwrap();
    // Its answer is all that is heard before the end.
    let mut answer = Vec::new();
    let _ = replay.read_to_end(&mut answer);
    assert_eq!(answer.len(), 104);
    until("it is counted", || to.links.counts().faults(LinkFault::Unproven) == 1);
    assert!(to.heard.try_recv().is_err());
}

#[test]
fn frames_that_are_changed_end_the_link() {
    let to = Listener::new(config(0));
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let (target, address) = (to.address(), listener.local_addr().unwrap());
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let (mut near, mut far) = (listener.accept().unwrap().0, TcpStream::connect(target).unwrap());
            for (is_near, bytes) in STEPS {
                let mut message = vec![0; bytes];
                let (from, to) = if is_near { (&mut near, &mut far) } else { (&mut far, &mut near) };
                from.read_exact(&mut message).unwrap();
                to.write_all(&message).unwrap();
            }
            let mut frame = [0; 12 + 4 + 5 + 16];
            near.read_exact(&mut frame).unwrap();
            far.write_all(&frame).unwrap();
            near.read_exact(&mut frame).unwrap();
            frame[18] ^= 1;
            far.write_all(&frame).unwrap();
            // It stays open until who hears it has closed.
            let _ = far.read(&mut [0; 1]);
        });
        let mut patient = config(1);
        patient.redial_first = Duration::from_secs(5);
        let from = Listener::new(patient);
        from.links.connect(host(0), address).unwrap();
        from.links.send_all(host(0), &[b"fine!"]).unwrap();
        from.links.send_all(host(0), &[b"spoil"]).unwrap();
        assert_eq!((to.next(), to.next()), (Heard::Up, Heard::Said(b"fine!".to_vec())));
        assert_eq!(to.next(), Heard::Down(LinkError::Tampered { sequence: 1 }));
    });
    assert_eq!(to.links.counts().faults(LinkFault::Tampered), 1);
}

#[test]
fn ten_thousand_connections_of_garbage_cost_little() {
    let (to, from) = (Listener::new(config(0)), Listener::new(config(1)));
    from.links.connect(host(0), to.address()).unwrap();
    assert_eq!(to.next(), Heard::Up);
    let mut rng = Rng::new(Seed::new(5));
    for number in 0..10_000 {
        let mut stream = TcpStream::connect(to.address()).unwrap();
        let mut garbage = rng.bytes::<200>();
        if number % 2 == 0 {
            garbage[..6].copy_from_slice(b"ILHL\x01\0");
        }
        let bytes = rng.below(200) as usize;
        // It may have been turned away already.
        let _ = stream.write_all(&garbage[..bytes]);
        drop(stream);
        if number % 100 == 99 {
            // No more at once than the kernel lets wait, or it takes a second for each of them.
            until("they were dealt with", || dealt_with(&to) > number);
        }
    }
    until("all were dealt with", || dealt_with(&to) == 10_000);
    from.links.send(host(0), b"still here").unwrap();
    assert_eq!(to.next(), Heard::Said(b"still here".to_vec()));
    assert_eq!(to.links.counts().links, 1);
}

fn dealt_with(listener: &Listener) -> u64 {
    use LinkFault::{Foreign, Network, Truncated, Unproven, Version};
    let counts = listener.links.counts();
    let faults = [Foreign, Unproven, Truncated, Version, Network];
    counts.turned_away + faults.iter().map(|fault| counts.faults(*fault)).sum::<u64>()
}
