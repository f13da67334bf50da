//! Sockets of the host, driven by a loop that turns the reactor while its futures wait.

mod bad_days;
mod echo;
mod turns;

use std::future::poll_fn;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::pin::{Pin, pin};
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Wake};

use super::*;
use crate::ring::{ByteRing, Moved};

/// So long nothing happens only if a wake-up was lost.
const FOR_EVER: Duration = Duration::from_secs(20);

#[derive(Default)]
struct Flag(AtomicBool);

impl Wake for Flag {
    fn wake(self: Arc<Self>) {
        self.0.store(true, Ordering::Release);
    }
}

/// Runs a future on this thread, and the reactor whenever it waits.
fn block_on<T>(reactor: &Reactor, future: impl Future<Output = T>) -> T {
    let mut future = pin!(future);
    let flag = Arc::new(Flag::default());
    let waker = Waker::from(Arc::clone(&flag));
    let mut context = Context::from_waker(&waker);
    loop {
        if let Poll::Ready(value) = future.as_mut().poll(&mut context) {
            return value;
        }
        while !flag.0.swap(false, Ordering::Acquire) {
            let ready = reactor.turn(Some(FOR_EVER)).unwrap();
            assert!(ready > 0 || flag.0.load(Ordering::Acquire), "nothing happens any more");
        }
    }
}

/// Runs two futures together until both are done.
async fn both<A, B>(first: impl Future<Output = A>, second: impl Future<Output = B>) -> (A, B) {
    let (mut first, mut second) = (pin!(first), pin!(second));
    let (mut left, mut right) = (None, None);
    poll_fn(move |context| {
        poll_into(first.as_mut(), &mut left, context);
        poll_into(second.as_mut(), &mut right, context);
        if left.is_none() || right.is_none() {
            return Poll::Pending;
        }
        Poll::Ready(left.take().zip(right.take()).unwrap())
    })
    .await
}

fn poll_into<T>(future: Pin<&mut impl Future<Output = T>>, value: &mut Option<T>, context: &mut Context<'_>) {
    if value.is_none()
        && let Poll::Ready(done) = future.poll(context)
    {
        *value = Some(done);
    }
}

async fn read(socket: &Socket, ring: &mut ByteRing, max: usize) -> Result<Moved, SocketError> {
    poll_fn(|context| socket.poll_read(context, ring, max)).await
}

async fn write(socket: &Socket, ring: &mut ByteRing, max: usize) -> Result<Moved, SocketError> {
    poll_fn(|context| socket.poll_write(context, ring, max)).await
}

async fn accept(listener: &Listener) -> Result<(Socket, Address), AcceptError> {
    poll_fn(|context| listener.poll_accept(context)).await
}

async fn write_all(socket: &Socket, mut data: &[u8]) -> Result<(), SocketError> {
    while !data.is_empty() {
        let count = poll_fn(|context| socket.poll_write_slice(context, data)).await?;
        data = &data[count..];
    }
    Ok(())
}

async fn read_exact(socket: &Socket, target: &mut [u8]) -> Result<(), SocketError> {
    let mut read = 0;
    while read < target.len() {
        let count = poll_fn(|context| socket.poll_read_slice(context, &mut target[read..])).await?;
        assert!(count > 0, "the stream ended after {read} bytes");
        read += count;
    }
    Ok(())
}

/// Everything until the end.
async fn read_to_end(socket: &Socket) -> Result<Vec<u8>, SocketError> {
    let (mut ring, mut data) = (ByteRing::new(4_096), Vec::new());
    while !read(socket, &mut ring, usize::MAX).await?.is_end() {
        data.extend(ring.readable().concat());
        ring.clear();
    }
    Ok(data)
}

fn reactor() -> Reactor {
    Reactor::new(&Config::default()).unwrap()
}

fn anywhere() -> SocketAddr {
    (Ipv4Addr::LOCALHOST, 0).into()
}

fn listen(reactor: &Reactor) -> (Listener, SocketAddr) {
    let listener = Listener::bind(reactor, anywhere()).unwrap();
    let address = listener.local_address().unwrap().tcp().unwrap();
    (listener, address)
}

/// Two ends of a connection, both ours.
fn tcp_pair(reactor: &Reactor) -> (Socket, Socket) {
    let (listener, address) = listen(reactor);
    let (near, far) = block_on(reactor, both(Socket::connect(reactor, address).unwrap(), accept(&listener)));
    (near.unwrap(), far.unwrap().0)
}

fn unix_pair(reactor: &Reactor) -> (Socket, Socket) {
    let (near, far) = std::os::unix::net::UnixStream::pair().unwrap();
    (Socket::from_unix(reactor, near).unwrap(), Socket::from_unix(reactor, far).unwrap())
}
