//! Bugs that were found, each told as the story in which it showed.

mod common;

use std::{
    fmt,
    future::{Future, poll_fn},
    pin::{Pin, pin},
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicU32, Ordering},
    },
    task::{Context as TaskContext, Poll, Wake, Waker},
};

use common::{Census, OnDrop, bomb, watched};
use ironloom_core::Duration;
use ironloom_sched::{
    Address, Config, Context, ExitReason, Kernel, Limits, Monitor, Options, Reply, VirtualKernel,
};

fn kernel() -> VirtualKernel {
    VirtualKernel::new(Config::with_workers(1))
}

fn poll<F: Future + Unpin>(future: &mut F, waker: &Waker) -> Poll<F::Output> {
    Pin::new(future).poll(&mut TaskContext::from_waker(waker))
}

/// The reason for which a process ends, once nothing is left to happen.
fn end_of(kernel: &VirtualKernel, mut monitor: Monitor) -> ExitReason {
    kernel.run_until_idle();
    match poll(&mut monitor, Waker::noop()) {
        Poll::Ready(reason) => reason,
        Poll::Pending => panic!("it has not ended"),
    }
}

/// A waker that notes whether it was used.
#[derive(Default)]
struct Bell(AtomicBool);

impl Bell {
    fn new() -> (Arc<Self>, Waker) {
        let bell = Arc::new(Self::default());
        (Arc::clone(&bell), Waker::from(bell))
    }

    fn rang(&self) -> bool {
        self.0.swap(false, Ordering::SeqCst)
    }
}

impl Wake for Bell {
    fn wake(self: Arc<Self>) {
        self.0.store(true, Ordering::SeqCst);
    }
}

/// A process that receives one number at each millisecond, and has room for one.
fn slow(kernel: &VirtualKernel) -> Address<u32> {
    let limits = Limits { mailbox_messages_max: 1, ..Limits::default() };
    let options = Options { limits: Some(limits), ..Options::default() };
    let process = kernel.spawn_with(options, async |ctx: Context<u32>| {
        for _ in 0..100 {
            ctx.sleep(Duration::from_millis(1)).await;
            ctx.receive().await;
        }
    });
    process.unwrap()
}

fn pass_a_millisecond(kernel: &VirtualKernel) {
    while kernel.step() {}
    kernel.advance(Duration::from_millis(1));
    while kernel.step() {}
}

/// A sender that waited found room by chance before it was woken. It left its place in the queue behind; the wake-up for
/// the next room went there, and whoever really waited slept for ever.
#[test]
fn a_sender_that_found_room_by_chance_leaves_the_queue() {
    let kernel = kernel();
    let process = slow(&kernel);
    let (first_bell, first_waker) = Bell::new();
    let (third_bell, third_waker) = Bell::new();
    process.try_send(0).unwrap();
    let (mut first, mut second) = (process.send(1), process.send(2));
    assert!(poll(&mut first, &first_waker).is_pending());
    assert!(poll(&mut second, Waker::noop()).is_pending());
    pass_a_millisecond(&kernel);
    assert!(first_bell.rang());
    assert!(poll(&mut second, Waker::noop()).is_ready(), "it was there first");
    assert!(poll(&mut first, &first_waker).is_pending());
    pass_a_millisecond(&kernel);
    assert!(first_bell.rang());
    assert!(poll(&mut first, &first_waker).is_ready());
    let mut third = process.send(3);
    assert!(poll(&mut third, &third_waker).is_pending());
    pass_a_millisecond(&kernel);
    assert!(third_bell.rang(), "somebody else got its wake-up");
    assert!(poll(&mut third, &third_waker).is_ready());
}

/// A process returned an error whose text could not be written: it panicked where nobody caught it, in the worker.
#[test]
fn an_error_that_panics_when_it_is_shown() {
    struct Unspeakable;
    impl fmt::Display for Unspeakable {
        fn fmt(&self, _: &mut fmt::Formatter<'_>) -> fmt::Result {
            panic!("unspeakable")
        }
    }
    let kernel = kernel();
    let process = kernel.spawn(async |_: Context<()>| Err::<(), _>(Unspeakable)).unwrap();
    let monitor = process.monitor();
    assert_eq!(end_of(&kernel, monitor), ExitReason::Panicked("unspeakable".into()));
}

/// The main thread and two others each held something that panics when it is dropped. All were dropped at once, and a
/// panic during a panic aborts the program.
#[test]
fn every_thread_may_panic_when_it_is_dropped() {
    let kernel = kernel();
    let process = kernel.spawn(async |ctx: Context<()>| {
        let _bomb = bomb();
        for _ in 0..2 {
            let threaded = ctx.thread(async {
                let _bomb = bomb();
                std::future::pending::<()>().await;
            });
            drop(threaded.unwrap());
        }
        ctx.receive().await;
    });
    let process = process.unwrap();
    let monitor = process.monitor();
    kernel.run_until_idle();
    process.kill();
    assert_eq!(end_of(&kernel, monitor), ExitReason::Killed);
}

/// A process began threads and ended in the same breath. They were dropped after everybody had heard of its end, where a
/// panic took the worker along, and a second one the program.
#[test]
fn threads_that_never_ran_may_panic_when_they_are_dropped() {
    let kernel = kernel();
    let process = kernel.spawn(async |ctx: Context<()>| {
        for _ in 0..2 {
            let bomb = bomb();
            drop(ctx.thread(async move { drop(bomb) }).unwrap());
        }
    });
    let monitor = process.unwrap().monitor();
    assert!(matches!(end_of(&kernel, monitor), ExitReason::Normal | ExitReason::Panicked(_)));
}

/// One thread too many was dropped under the lock of its process; what it held asked the process something, and waited
/// for the lock for ever.
#[test]
fn a_refused_thread_is_dropped_outside_of_the_lock() {
    watched(|_| {
        let kernel = kernel();
        let limits = Limits { threads_max: 1, ..Limits::default() };
        let options = Options { limits: Some(limits), ..Options::default() };
        let process = kernel.spawn_with(options, async |ctx: Context<()>| {
            let process = ctx.process();
            let curious = OnDrop(move || assert!(process.is_alive()));
            assert!(ctx.thread(async move { drop(curious) }).is_err());
        });
        let monitor = process.unwrap().monitor();
        assert_eq!(end_of(&kernel, monitor), ExitReason::Normal);
    });
}

/// What a process held asked for more memory than there is while it was dropped. The process was gone, so the next one
/// that ran on the worker ended for it.
#[test]
fn a_limit_exceeded_in_drop_ends_nobody_else() {
    let kernel = kernel();
    let culprit = kernel.spawn(async |ctx: Context<()>| {
        let clone = ctx.clone();
        let _greedy = OnDrop(move || assert!(clone.charge(u64::MAX / 2).is_err()));
        ctx.receive().await;
    });
    let culprit = culprit.unwrap();
    kernel.run_until_idle();
    culprit.kill();
    let innocent = kernel.spawn(async |ctx: Context<()>| {
        for _ in 0..8 {
            ctx.yield_now().await;
        }
    });
    let monitor = innocent.unwrap().monitor();
    assert_eq!(end_of(&kernel, monitor), ExitReason::Normal);
    assert!(!culprit.process().is_alive());
}

/// A process was handed the context of another, and asked for more memory on its account than it may have: it ended
/// itself instead of the other.
#[test]
fn a_limit_exceeded_for_somebody_else_ends_them() {
    let kernel = kernel();
    let shared = Arc::new(Mutex::new(None));
    let lent = Arc::clone(&shared);
    let victim = kernel.spawn(async move |ctx: Context<()>| {
        *lent.lock().unwrap() = Some(ctx.clone());
        ctx.receive().await;
    });
    let other = kernel.spawn(async move |ctx: Context<()>| {
        let lent: Context<()> = shared.lock().unwrap().take().expect("the first ran first");
        assert!(lent.charge(u64::MAX / 2).is_err());
        ctx.yield_now().await;
    });
    let (victim, other) = (victim.unwrap().monitor(), other.unwrap().monitor());
    assert_eq!(end_of(&kernel, other), ExitReason::Normal);
    assert!(matches!(end_of(&kernel, victim), ExitReason::LimitExceeded(_)));
}

/// The main thread did nothing but give way. It was always first in a slice and left nothing of it to the others.
#[test]
fn a_thread_runs_beside_a_main_thread_that_only_yields() {
    let kernel = kernel();
    let process = kernel.spawn(async |ctx: Context<()>| {
        let done = Arc::new(AtomicBool::new(false));
        let flag = Arc::clone(&done);
        let thread = ctx.thread(async move { flag.store(true, Ordering::SeqCst) }).unwrap();
        for _ in 0..100 {
            ctx.yield_now().await;
        }
        assert!(done.load(Ordering::SeqCst), "it never had a turn");
        drop(thread);
    });
    let monitor = process.unwrap().monitor();
    assert_eq!(end_of(&kernel, monitor), ExitReason::Normal);
}

/// Two threads awaited the ends of linked processes. Only the one that came last was ever woken.
#[test]
fn two_threads_await_exits() {
    let kernel = kernel();
    let heard = Arc::new(AtomicU32::new(0));
    let count = Arc::clone(&heard);
    let process = kernel.spawn(async move |ctx: Context<()>| {
        ctx.trap_exits();
        for _ in 0..2 {
            let child = ctx.spawn(async |ctx: Context<()>| ctx.sleep(Duration::from_millis(1)).await);
            ctx.link(&child.unwrap());
            let (clone, count) = (ctx.clone(), Arc::clone(&count));
            let thread = ctx.thread(async move {
                clone.exits().await;
                count.fetch_add(1, Ordering::SeqCst);
            });
            drop(thread.unwrap());
        }
        ctx.receive().await;
    });
    let _ = process.unwrap();
    kernel.run_until_idle();
    assert_eq!(heard.load(Ordering::SeqCst), 2);
}

/// A chain of linked processes ended one after the other, and each wrapped the reason of the one before it. The text of
/// the reasons grew with the square of the chain, and dropping the last one exhausted the stack.
#[test]
fn a_long_chain_of_links_ends_for_one_reason() {
    const LENGTH: usize = 20_000;
    let kernel = kernel();
    let first = kernel.spawn(async |ctx: Context<()>| ctx.receive().await).unwrap();
    let mut last = first.process();
    for _ in 1..LENGTH {
        let before = last.clone();
        let next = kernel.spawn(async move |ctx: Context<()>| {
            ctx.link(&before);
            ctx.receive().await;
        });
        last = next.unwrap().process();
    }
    kernel.run_until_idle();
    let monitor = last.monitor();
    first.kill();
    let reason = end_of(&kernel, monitor);
    assert_eq!(reason, ExitReason::Linked(first.id(), Arc::new(ExitReason::Killed)));
    assert!(kernel.is_empty());
}

/// A reply came for a caller that no longer waited. It was dropped at the end of the window, where its panic ended the
/// step.
#[test]
fn a_reply_that_nobody_awaits_may_panic_when_it_is_dropped() {
    struct Bomb;
    impl Drop for Bomb {
        fn drop(&mut self) {
            panic!("a bomb went off");
        }
    }
    let kernel = kernel();
    let server = kernel.spawn(async |ctx: Context<Reply<Bomb>>| {
        let reply = ctx.receive().await;
        ctx.sleep(Duration::from_secs(2)).await;
        reply.send(Bomb);
        ctx.sleep(Duration::from_secs(1)).await;
    });
    let server = server.unwrap();
    let monitor = server.monitor();
    let caller = kernel.spawn(async move |_: Context<()>| {
        assert!(server.call(Duration::from_secs(1), |reply| reply).await.is_err());
    });
    let called = caller.unwrap().monitor();
    assert_eq!(end_of(&kernel, called), ExitReason::Normal);
    assert!(matches!(end_of(&kernel, monitor), ExitReason::Normal | ExitReason::Panicked(_)));
}

/// A process ran a whole kernel in virtual time inside of itself. Afterwards its own kernel had forgotten whose slice it
/// was, and the process was never interrupted again.
#[test]
fn a_kernel_within_a_process_leaves_the_slice_as_it_was() {
    let outer = kernel();
    let process = outer.spawn(async |ctx: Context<()>| {
        let inner = kernel();
        let _ = inner.spawn(async |ctx: Context<()>| ctx.yield_now().await).unwrap();
        inner.run_until_idle();
        drop(inner);
        let mut turns = 0;
        let mut working = pin!(ctx.work(1_000_000));
        poll_fn(|context| {
            turns += 1;
            working.as_mut().poll(context)
        })
        .await;
        assert_eq!(turns, 2, "the budget was spent and nobody noticed");
    });
    let monitor = process.unwrap().monitor();
    assert_eq!(end_of(&outer, monitor), ExitReason::Normal);
}

/// A process waited for a message and ran a whole kernel before it gave way. Its own kernel had forgotten by then that it
/// waits, and the message woke nobody.
#[test]
fn a_kernel_within_a_wait_leaves_it_a_wait() {
    let outer = kernel();
    let process = outer.spawn(async |ctx: Context<()>| {
        let mut receiving = ctx.receive();
        poll_fn(|context| {
            let polled = Pin::new(&mut receiving).poll(context);
            let inner = kernel();
            let _ = inner.spawn(async |ctx: Context<()>| ctx.yield_now().await).unwrap();
            inner.run_until_idle();
            polled
        })
        .await;
    });
    let process = process.unwrap();
    let monitor = process.monitor();
    outer.run_until_idle();
    process.try_send(()).unwrap();
    assert_eq!(end_of(&outer, monitor), ExitReason::Normal);
}

/// The main thread waited for a message. Another thread of its process sent it one and spent the rest of the slice, so
/// that a third had no turn; then nobody noticed that the main thread had mail.
#[test]
fn a_message_that_comes_while_the_slice_is_spent_is_received() {
    watched(|watched| {
        let kernel = Kernel::start(Config::with_workers(1)).unwrap();
        watched.add(kernel.handle());
        let process = kernel.spawn(async |ctx: Context<()>| {
            let sender = ctx.clone();
            let first = ctx.thread(async move {
                sender.address().try_send(()).unwrap();
                sender.work(10_000).await;
            });
            let second = ctx.thread(std::future::ready(()));
            drop((first.unwrap(), second.unwrap()));
            ctx.receive().await;
        });
        assert_eq!(kernel.block_on(process.unwrap().monitor()), ExitReason::Normal);
    });
}

/// The main thread and another both waited for messages. The main thread was forgotten because somebody else was entered
/// already.
#[test]
fn two_threads_receive() {
    let kernel = kernel();
    let process = kernel.spawn(async |ctx: Context<u32>| {
        let clone = ctx.clone();
        let other = ctx.thread(async move { clone.receive().await }).unwrap();
        let mine = ctx.receive().await;
        assert_eq!(other.await.map(|theirs| theirs + mine), Some(3));
    });
    let process = process.unwrap();
    let monitor = process.monitor();
    for message in [1, 2] {
        kernel.run_until_idle();
        process.try_send(message).unwrap();
    }
    assert_eq!(end_of(&kernel, monitor), ExitReason::Normal);
}

/// Threads of the host spawned processes while a window began: two got the same number.
#[test]
#[expect(clippy::disallowed_methods, reason = "the host has threads here")]
fn the_host_may_spawn_while_a_window_runs() {
    watched(|_| {
        let kernel = kernel();
        let census = Census::default();
        let hosts: Vec<_> = (0..2)
            .map(|_| {
                let (handle, census) = (kernel.handle().clone(), census.clone());
                std::thread::spawn(move || {
                    for _ in 0..20_000 {
                        let token = census.token();
                        let _ = handle.spawn(async move |_: Context<()>| drop(token)).unwrap();
                    }
                })
            })
            .collect();
        while !hosts.iter().all(std::thread::JoinHandle::is_finished) {
            kernel.step();
        }
        hosts.into_iter().for_each(|host| host.join().unwrap());
        kernel.run_until_idle();
        assert!(kernel.is_empty());
        assert_eq!(census.living(), 0);
    });
}

/// A worker that was replaced while a slice did not end put what that slice woke on the queue that was its own before,
/// as a worker does that will look there next. Its successor slept, and nobody looked.
#[test]
fn a_slice_that_took_too_long_still_wakes_others() {
    watched(|watched| {
        let kernel = Kernel::start(Config::with_workers(1)).unwrap();
        watched.add(&kernel);
        let stuck = kernel.info().stuck;
        let slow = kernel.handle().clone();
        let root = kernel.spawn(async move |ctx: Context<()>| {
            while slow.info().stuck == stuck {
                std::hint::spin_loop(); // until the watch has seen it, and a while longer
            }
            let seen = ctx.now();
            while ctx.now().saturating_since(seen) < Duration::from_millis(20) {
                std::hint::spin_loop();
            }
            let child = ctx.spawn(async |ctx: Context<()>| ctx.yield_now().await).unwrap();
            child.monitor().await
        });
        assert_eq!(kernel.block_on(root.unwrap().monitor()), ExitReason::Normal);
    });
}
