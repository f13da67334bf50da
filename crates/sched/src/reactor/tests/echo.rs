//! What is sent arrives, in order and whole, at two system calls a request.

use std::sync::atomic::AtomicU64;

use ironloom_core::{Rng, Seed};

use super::*;

/// Sends back what comes until it ends, then ends as well.
async fn echo(socket: &Socket, capacity: usize) -> Result<(), SocketError> {
    let mut ring = ByteRing::new(capacity);
    while !read(socket, &mut ring, usize::MAX).await?.is_end() {
        while !ring.is_empty() {
            let _ = write(socket, &mut ring, usize::MAX).await?;
        }
    }
    socket.shutdown(std::net::Shutdown::Write)
}

fn random(rng: &mut Rng, count: usize) -> Vec<u8> {
    (0..count).map(|_| rng.next_u64() as u8).collect()
}

/// Writes pieces, ends, and reads what comes back at the same time.
fn check_stream(reactor: &Reactor, near: &Socket, far: &Socket, pieces: &[Vec<u8>], capacity: usize) {
    let client = async {
        let send = async {
            for piece in pieces {
                write_all(near, piece).await.unwrap();
            }
            near.shutdown(std::net::Shutdown::Write).unwrap();
        };
        both(send, read_to_end(near)).await.1
    };
    let (received, echoed) = block_on(reactor, both(client, echo(far, capacity)));
    echoed.unwrap();
    assert_eq!(received.unwrap(), pieces.concat());
}

#[test]
fn random_pieces_come_back() {
    for seed in 0..20 {
        let mut rng = Rng::new(Seed::new(seed));
        let reactor = reactor();
        for (near, far) in [tcp_pair(&reactor), unix_pair(&reactor)] {
            let pieces: Vec<Vec<u8>> = (0..rng.below(40))
                .map(|_| {
                    let size = 1 << rng.below(15);
                    let count = rng.below(size) as usize;
                    random(&mut rng, count)
                })
                .collect();
            let capacity = 1 + rng.below(10_000) as usize;
            check_stream(&reactor, &near, &far, &pieces, capacity);
        }
    }
}

/// More than the host's buffers hold, so that every side blocks again and again.
#[test]
fn megabytes_come_back() {
    let reactor = reactor();
    let data = random(&mut Rng::new(Seed::new(1)), 16 << 20);
    for (near, far) in [tcp_pair(&reactor), unix_pair(&reactor)] {
        check_stream(&reactor, &near, &far, std::slice::from_ref(&data), 64 * 1024);
    }
    assert_eq!(reactor.sources(), 0);
    assert!(reactor.syscalls().registrations <= 2 * 4 + 2, "a source is registered once");
}

#[test]
fn vectored_calls_move_as_much_as_the_slices_hold() {
    let reactor = reactor();
    let (near, far) = unix_pair(&reactor);
    block_on(&reactor, async {
        let parts = [io::IoSlice::new(b"abc"), io::IoSlice::new(b""), io::IoSlice::new(b"defg")];
        assert_eq!(poll_fn(|context| near.poll_write_vectored(context, &parts)).await.unwrap(), 7);
        let (mut first, mut second) = ([0; 2], [0; 9]);
        let mut targets = [io::IoSliceMut::new(&mut first), io::IoSliceMut::new(&mut second)];
        assert_eq!(poll_fn(|context| far.poll_read_vectored(context, &mut targets)).await.unwrap(), 7);
        assert_eq!((&first, &second[..5]), (b"ab", &b"cdefg"[..]));
    });
}

/// A request costs one read and one write on each end; nothing is asked of the host only to hear that it would block.
#[test]
fn a_request_costs_a_read_and_a_write() {
    const REQUESTS: u64 = 1_000;
    let reactor = reactor();
    for (near, far) in [tcp_pair(&reactor), unix_pair(&reactor)] {
        let before = reactor.syscalls();
        let client = async {
            let mut ring = ByteRing::new(4_096);
            for _ in 0..REQUESTS {
                write_all(&near, &[7; 64]).await.unwrap();
                assert_eq!(read(&near, &mut ring, 4_096).await.unwrap().bytes, 64);
                ring.clear();
            }
            near.shutdown(std::net::Shutdown::Write).unwrap();
        };
        block_on(&reactor, both(client, echo(&far, 4_096))).1.unwrap();
        let after = reactor.syscalls();
        assert!(after.reads - before.reads <= 2 * REQUESTS + 3, "{before:?} {after:?}");
        assert_eq!(after.writes - before.writes, 2 * REQUESTS);
        assert!(after.would_blocks - before.would_blocks <= 3, "{before:?} {after:?}");
        assert_eq!(after.registrations - before.registrations, 2);
        assert!(after.polls - before.polls <= 2 * REQUESTS + 3);
    }
}

/// Says that a thread is done, also if it panics.
struct Done<'a>(&'a AtomicU64, &'a Notifier);

impl Drop for Done<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::AcqRel);
        self.1.notify();
    }
}

/// Owners on several threads, one more that turns: every transfer ends, whoever comes between.
#[test]
fn threads_share_one_reactor() {
    const PAIRS: u64 = 4;
    let reactor = reactor();
    let left = AtomicU64::new(PAIRS);
    let notifier = reactor.notifier();
    std::thread::scope(|scope| {
        for seed in 0..PAIRS {
            let (reactor, left, notifier) = (&reactor, &left, &notifier);
            scope.spawn(move || {
                let _done = Done(left, notifier);
                let mut rng = Rng::new(Seed::new(seed));
                let (near, far) = unix_pair(reactor);
                let data = random(&mut rng, 300_000);
                let transfer = both(
                    async {
                        for piece in data.chunks(1 + rng.below(4_000) as usize) {
                            write_all(&near, piece).await.unwrap();
                        }
                        near.shutdown(std::net::Shutdown::Write).unwrap();
                    },
                    read_to_end(&far),
                );
                assert_eq!(wait_on(transfer).1.unwrap(), data);
            });
        }
        while left.load(Ordering::Acquire) > 0 {
            reactor.turn(Some(FOR_EVER)).unwrap();
        }
    });
}

/// Runs a future on this thread while another one turns the reactor.
fn wait_on<T>(future: impl Future<Output = T>) -> T {
    #[derive(Default)]
    struct Event(AtomicBool, ironloom_core::EventCount);

    impl Wake for Event {
        fn wake(self: Arc<Self>) {
            self.0.store(true, Ordering::Release);
            self.1.notify_all();
        }
    }

    let mut future = pin!(future);
    let event = Arc::new(Event::default());
    let waker = Waker::from(Arc::clone(&event));
    loop {
        if let Poll::Ready(value) = future.as_mut().poll(&mut Context::from_waker(&waker)) {
            return value;
        }
        while !event.0.swap(false, Ordering::Acquire) {
            let ticket = event.1.ticket();
            if !event.0.load(Ordering::Acquire) {
                assert!(ticket.wait_for(FOR_EVER), "nothing happens any more");
            }
        }
    }
}
