//! The host's own TCP over its loopback: two threads and a kernel.

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::thread;
use std::time::Duration;

use ironloom_benches::timed;

/// What one write or read moves.
const PIECE: usize = 128 << 10;

/// Moves so many bytes through one connection; how long that takes.
#[expect(clippy::disallowed_methods, reason = "a bench measures what the host does; the thread is joined")]
pub(crate) fn stream(bytes: usize) -> Duration {
    let (listener, address) = listener();
    let sink = thread::spawn(move || {
        let (mut connection, _) = listener.accept().expect("somebody comes");
        let mut piece = vec![0; PIECE];
        while connection.read(&mut piece).expect("it stays open") > 0 {}
    });
    let mut connection = TcpStream::connect(address).expect("somebody listens");
    let piece = vec![7; PIECE];
    timed(|| {
        (0..bytes / PIECE).for_each(|_| connection.write_all(&piece).expect("it stays open"));
        drop(connection);
        sink.join().expect("it does not panic");
    })
}

/// Connects, moves 100 bytes each way and closes, so many times; how long that takes.
#[expect(clippy::disallowed_methods, reason = "a bench measures what the host does; the thread is joined")]
pub(crate) fn connections(count: usize) -> Duration {
    let (listener, address) = listener();
    let server = thread::spawn(move || {
        for _ in 0..count {
            let (mut connection, _) = listener.accept().expect("somebody comes");
            let mut message = [0; 100];
            connection.read_exact(&mut message).expect("it comes");
            connection.write_all(&message).expect("it stays open");
        }
    });
    timed(|| {
        for _ in 0..count {
            let mut connection = TcpStream::connect(address).expect("somebody listens");
            let mut message = [1; 100];
            connection.write_all(&message).expect("it stays open");
            connection.read_exact(&mut message).expect("it comes back");
        }
        server.join().expect("it does not panic");
    })
}

fn listener() -> (TcpListener, std::net::SocketAddr) {
    let listener = TcpListener::bind(("127.0.0.1", 0)).expect("the loopback is there");
    let address = listener.local_addr().expect("it is bound");
    (listener, address)
}
