//! Peers that go away at the worst moment, and limits that are reached.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpStream};

use super::*;

/// How a peer goes away.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Leave {
    /// It closes.
    Close,
    /// It resets the connection.
    Reset,
}

/// A peer with blocking calls, and our end of its connection.
fn connection(reactor: &Reactor) -> (TcpStream, Socket) {
    let (listener, address) = listen(reactor);
    let peer = TcpStream::connect(address).unwrap();
    let (socket, from) = block_on(reactor, accept(&listener)).unwrap();
    assert_eq!(from.tcp(), Some(peer.local_addr().unwrap()));
    assert_eq!(socket.peer_address().unwrap().to_string(), peer.local_addr().unwrap().to_string());
    (peer, socket)
}

fn leave(peer: TcpStream, how: Leave) {
    if how == Leave::Reset {
        socket2::SockRef::from(&peer).set_linger(Some(std::time::Duration::ZERO)).unwrap();
    }
    drop(peer);
}

/// What we hear when we read until it ends, if `bytes` were sent before.
fn check_end(outcome: Result<Vec<u8>, SocketError>, how: Leave, bytes: usize) {
    match (how, outcome) {
        (Leave::Close, Ok(data)) => assert_eq!(data.len(), bytes),
        (Leave::Reset, Err(error)) => assert!(error.is_disconnect(), "{error:?}"),
        (how, outcome) => panic!("{how:?} gave {outcome:?}"),
    }
}

#[test]
fn a_peer_leaves_after_every_byte() {
    const MESSAGE: [u8; 40] = [9; 40];
    let reactor = reactor();
    for how in [Leave::Close, Leave::Reset] {
        for sent in 0..=MESSAGE.len() {
            let (mut peer, socket) = connection(&reactor);
            peer.write_all(&MESSAGE[..sent]).unwrap();
            leave(peer, how);
            check_end(block_on(&reactor, read_to_end(&socket)), how, sent);
        }
    }
    assert_eq!(reactor.sources(), 0);
}

/// The reader waits, registered, when the peer leaves.
#[test]
fn a_peer_leaves_while_we_wait_for_its_next_byte() {
    let reactor = reactor();
    for how in [Leave::Close, Leave::Reset] {
        for sent in 0..20 {
            let (mut peer, socket) = connection(&reactor);
            let mut data = vec![0; sent];
            let mut context = Context::from_waker(Waker::noop());
            if sent > 0 {
                peer.write_all(&data).unwrap();
                block_on(&reactor, read_exact(&socket, &mut data)).unwrap();
            }
            assert!(socket.poll_read_slice(&mut context, &mut [0; 8]).is_pending());
            assert_eq!(reactor.sources(), 1);
            leave(peer, how);
            check_end(block_on(&reactor, read_to_end(&socket)), how, 0);
        }
    }
}

#[test]
fn a_peer_leaves_before_it_is_accepted() {
    for how in [Leave::Close, Leave::Reset] {
        let reactor = reactor();
        let (listener, address) = listen(&reactor);
        leave(TcpStream::connect(address).unwrap(), how);
        match block_on(&reactor, accept(&listener)) {
            Ok((socket, _)) => check_end(block_on(&reactor, read_to_end(&socket)), how, 0),
            Err(error) => assert!(matches!(error, AcceptError::Lost(_)), "{error:?}"),
        }
        let _peer = TcpStream::connect(address).unwrap();
        assert!(block_on(&reactor, accept(&listener)).is_ok(), "the listener goes on");
    }
}

/// The writer is blocked by a peer that reads nothing, until the peer leaves.
#[test]
fn a_peer_leaves_while_we_wait_to_write() {
    for how in [Leave::Close, Leave::Reset] {
        let reactor = reactor();
        let (peer, socket) = connection(&reactor);
        let chunk = vec![0; 1 << 20];
        let mut context = Context::from_waker(Waker::noop());
        while socket.poll_write_slice(&mut context, &chunk).is_ready() {}
        leave(peer, how); // with unread data, so both are a reset
        let error = block_on(&reactor, async {
            loop {
                if let Err(error) = poll_fn(|context| socket.poll_write_slice(context, &chunk)).await {
                    return error;
                }
            }
        });
        assert!(matches!(error, SocketError::Write(_)) && error.is_disconnect(), "{error:?}");
    }
}

/// A peer that sent its last and still reads gets our answer; then it resets, and we hear of that too.
#[test]
fn half_of_a_connection_closes_before_the_other() {
    let reactor = reactor();
    for how in [Leave::Close, Leave::Reset] {
        let (mut peer, socket) = connection(&reactor);
        peer.write_all(b"question").unwrap();
        peer.shutdown(Shutdown::Write).unwrap();
        assert_eq!(block_on(&reactor, read_to_end(&socket)).unwrap(), b"question");
        assert!(block_on(&reactor, read_to_end(&socket)).unwrap().is_empty(), "the end stays the end");
        block_on(&reactor, write_all(&socket, b"answer")).unwrap();
        let mut answer = [0; 6];
        peer.read_exact(&mut answer).unwrap();
        assert_eq!(&answer, b"answer");
        leave(peer, how);
        if how == Leave::Reset {
            let outcome = block_on(&reactor, read_to_end(&socket));
            assert!(outcome.is_ok_and(|data| data.is_empty()), "the end was told before the reset");
            assert!(block_on(&reactor, write_all(&socket, b"more")).unwrap_err().is_disconnect());
        }
    }
}

#[test]
fn writing_after_our_own_shutdown_is_an_error() {
    let reactor = reactor();
    for (near, far) in [tcp_pair(&reactor), unix_pair(&reactor)] {
        near.shutdown(Shutdown::Write).unwrap();
        assert!(block_on(&reactor, write_all(&near, b"x")).unwrap_err().is_disconnect());
        assert!(block_on(&reactor, read_to_end(&far)).unwrap().is_empty());
    }
}

#[test]
fn a_connection_to_nobody_is_refused() {
    let reactor = reactor();
    let (listener, address) = listen(&reactor);
    drop(listener);
    let error = block_on(&reactor, Socket::connect(&reactor, address).unwrap()).unwrap_err();
    assert!(
        matches!(&error, ConnectError::Refused(cause) if cause.kind() == io::ErrorKind::ConnectionRefused)
    );
    let directory = tempfile::tempdir().unwrap();
    let nowhere = directory.path().join("socket");
    assert!(matches!(Socket::connect_unix(&reactor, &nowhere), Err(ConnectError::Refused(_))));
    assert_eq!(reactor.sources(), 0);
}

#[test]
fn a_full_reactor_refuses_to_wait_until_somebody_leaves() {
    let reactor = Reactor::new(&Config { events_max: 4, sources_max: 1 }).unwrap();
    let (near, far) = unix_pair(&reactor);
    let mut context = Context::from_waker(Waker::noop());
    let mut byte = [0];
    assert!(near.poll_read_slice(&mut context, &mut byte).is_pending());
    match far.poll_read_slice(&mut context, &mut byte) {
        Poll::Ready(Err(SocketError::Register(RegisterError::Full { sources_max: 1 }))) => {}
        other => panic!("{other:?}"),
    }
    assert!(far.poll_write_slice(&mut context, b"x").is_ready(), "what does not wait works");
    block_on(&reactor, read_exact(&near, &mut byte)).unwrap();
    drop(near);
    assert_eq!(block_on(&reactor, read_to_end(&far)).unwrap(), b"");
}

#[test]
fn unix_connections_are_accepted() {
    let reactor = reactor();
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("socket");
    let listener = Listener::bind_unix(&reactor, &path).unwrap();
    assert_eq!(listener.local_address().unwrap().to_string(), format!("unix:{}", path.display()));
    let clients: Vec<Socket> = (0..50).map(|_| Socket::connect_unix(&reactor, &path).unwrap()).collect();
    for client in &clients {
        let (socket, peer) = block_on(&reactor, accept(&listener)).unwrap();
        assert_eq!(peer.to_string(), "unix:");
        block_on(&reactor, write_all(client, b"x")).unwrap();
        block_on(&reactor, read_exact(&socket, &mut [0])).unwrap();
    }
}

#[test]
fn many_connections_arrive_at_once() {
    const CONNECTIONS: usize = 1_000;
    let reactor = reactor();
    let (listener, address) = listen(&reactor);
    let clients: Vec<TcpStream> = (0..CONNECTIONS).map(|_| TcpStream::connect(address).unwrap()).collect();
    let sockets: Vec<Socket> =
        clients.iter().map(|_| block_on(&reactor, accept(&listener)).unwrap().0).collect();
    let mut context = Context::from_waker(Waker::noop());
    assert!(listener.poll_accept(&mut context).is_pending());
    assert_eq!(reactor.syscalls().accepts as usize, CONNECTIONS + 1);
    assert_eq!(sockets.len(), clients.len());
}
