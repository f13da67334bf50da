//! What somebody who means harm, or who means nothing by it, may do to a kernel.

mod common;

use std::{
    future::Future,
    pin::pin,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
        mpsc,
    },
    task::{Context as TaskContext, Wake, Waker},
    time,
};

use common::OnDrop;
use ironloom_core::{Duration, Seed};
use ironloom_sched::{Config, Context, ExitReason, Kernel, Limits, Options, VirtualKernel};

#[test]
fn a_process_may_have_threads_before_it_begins() {
    let kernel = VirtualKernel::new(Config::with_workers(1));
    let ran = Arc::new(AtomicUsize::new(0));
    let (of_thread, of_main) = (Arc::clone(&ran), Arc::clone(&ran));
    let process = kernel.spawn(move |ctx: Context<()>| {
        let thread = ctx.thread(async move { of_thread.fetch_add(1, Ordering::Relaxed) });
        async move {
            of_main.fetch_add(1, Ordering::Relaxed);
            let _ = thread.unwrap().await;
        }
    });
    kernel.run_until_idle();
    assert_eq!(ran.load(Ordering::Relaxed), 2);
    assert!(!process.unwrap().process().is_alive());
}

#[test]
fn a_thread_that_comes_first_does_not_take_the_message() {
    let kernel = VirtualKernel::new(Config::with_workers(1));
    let context = Arc::new(std::sync::Mutex::new(None));
    let lent = Arc::clone(&context);
    let process = kernel.spawn(async move |ctx: Context<u32>| {
        *lent.lock().unwrap() = Some(ctx.clone());
        assert_eq!(ctx.receive().await, 1);
    });
    let process = process.unwrap();
    kernel.run_until_idle();
    // Woken, but without its turn yet, and then it has a thread from outside.
    process.try_send(1).unwrap();
    drop(context.lock().unwrap().take().unwrap().thread(async {}).unwrap());
    kernel.run_until_idle();
    assert!(!process.process().is_alive());
}

#[test]
fn work_without_measure_is_counted_all_the_same() {
    let kernel = VirtualKernel::new(Config::with_workers(1));
    let worker = kernel.spawn(async |ctx: Context<()>| {
        for _ in 0..3 {
            ctx.work(u64::MAX).await;
        }
        ctx.sleep(Duration::from_millis(1)).await;
    });
    let worker = worker.unwrap();
    kernel.run_until_idle();
    assert!(!worker.process().is_alive());
    assert_eq!(worker.process().info().budget_spent, u64::MAX);
}

/// Whoever has the least still gets on, and whoever has everything is not stopped by a sum that is too large.
#[test]
fn limits_may_be_absurd() {
    let least = Limits {
        heap_bytes_max: u64::MAX,
        mailbox_messages_max: 1,
        messages_in_flight_max: 0,
        threads_max: 0,
        slice_budget: 0,
    };
    let most = Limits {
        mailbox_messages_max: u32::MAX,
        messages_in_flight_max: u32::MAX,
        threads_max: u32::MAX,
        slice_budget: u32::MAX,
        ..least
    };
    for limits in [least, most] {
        let config = Config {
            limits,
            seed: Seed::new(1),
            processes_max: usize::MAX,
            timers_max: usize::MAX,
            sources_max: usize::MAX,
            stuck_after: Duration::ZERO,
            replacements_max: 0,
            ..Config::with_workers(1)
        };
        let kernel = VirtualKernel::new(config);
        let receiver = kernel.spawn(async |ctx: Context<u32>| {
            ctx.within(Duration::from_secs(1), ctx.receive()).await.unwrap();
            ctx.receive().await;
            assert!(ctx.charge(u64::MAX).is_err());
        });
        let receiver = receiver.unwrap();
        let to = receiver.clone();
        let sender = kernel.spawn_with(Options::named("sender"), async move |ctx: Context<()>| {
            ctx.yield_now().await;
            to.send(1).await.unwrap();
            to.send(2).await.unwrap();
        });
        for _ in 0..100 {
            kernel.step();
        }
        assert!(!sender.unwrap().process().is_alive(), "{limits:?}");
        assert!(!receiver.process().is_alive(), "{limits:?}");
    }
}

/// Panics when it wakes.
struct Mine;

impl Wake for Mine {
    fn wake(self: Arc<Self>) {
        panic!("a mine went off");
    }
}

#[test]
fn wakers_that_panic_hurt_nobody() {
    let mine = Waker::from(Arc::new(Mine));
    let mut mined = TaskContext::from_waker(&mine);
    let kernel = Kernel::start(Config::with_workers(1)).unwrap();
    let process = kernel.spawn(async |ctx: Context<u32>| assert_eq!(ctx.receive().await, 1)).unwrap();
    let mut monitor = pin!(process.monitor());
    assert!(monitor.as_mut().poll(&mut mined).is_pending());
    let mut late = pin!(kernel.within(Duration::from_millis(1), std::future::pending::<()>()));
    assert!(late.as_mut().poll(&mut mined).is_pending());
    process.try_send(1).unwrap();
    // If the worker were gone, nothing would be done any more.
    kernel.block_on(kernel.within(Duration::from_millis(20), std::future::pending::<()>())).unwrap_err();
    let other = kernel.spawn(async |_: Context<()>| ()).unwrap();
    assert!(kernel.block_on(other.monitor()).is_clean());
    assert!(!process.process().is_alive());
}

#[test]
fn a_link_may_lead_to_another_kernel() {
    let [one, two] = [(); 2].map(|()| VirtualKernel::new(Config::with_workers(1)));
    let there = two.spawn(async |ctx: Context<()>| ctx.receive().await).unwrap();
    let bystander = one.spawn(async |ctx: Context<()>| ctx.receive().await).unwrap();
    assert_eq!(there.id(), bystander.id(), "or the test would not show whose process ends");
    two.run_until_idle();
    let to = there.clone();
    one.spawn(async move |ctx: Context<()>| {
        ctx.link(&to);
        ctx.yield_now().await;
        Err::<(), _>("on purpose")
    })
    .unwrap();
    one.run_until_idle();
    two.run_until_idle();
    assert!(!there.process().is_alive());
    assert!(bystander.process().is_alive());
    assert_eq!((one.len(), two.len()), (1, 0));
    // Nor does a kernel keep a name for a process of which it does not hear that it ended.
    let stranger = two.spawn(async |ctx: Context<()>| ctx.receive().await).unwrap();
    one.block_on(one.register("stranger", &stranger)).unwrap_err();
}

/// The last that a stuck process does before its worker's successor takes over is to set a timer.
#[test]
#[expect(clippy::disallowed_methods, reason = "a timer of the kernel's would wake who is to sleep")]
fn a_worker_that_was_replaced_leaves_its_timer_to_others() {
    let kernel = Kernel::start(Config::with_workers(1)).unwrap();
    let (done, ended) = mpsc::channel();
    let stuck = kernel.spawn(async move |ctx: Context<()>| {
        let ran = Arc::new(AtomicBool::new(false));
        let told = Arc::clone(&ran);
        drop(ctx.spawn(async move |_: Context<()>| told.store(true, Ordering::SeqCst)).unwrap());
        while !ran.load(Ordering::SeqCst) {
            std::hint::spin_loop(); // nobody but a successor can run it
        }
        let began = time::Instant::now();
        while began.elapsed() < time::Duration::from_millis(20) {
            std::hint::spin_loop(); // until that one sleeps
        }
        let told = OnDrop(move || done.send(()).unwrap());
        ctx.sleep(Duration::from_millis(1)).await;
        drop(told);
    });
    let woken = ended.recv_timeout(time::Duration::from_secs(5));
    woken.expect("nobody looked after the timer");
    assert!(matches!(kernel.block_on(stuck.unwrap().monitor()), ExitReason::Normal | ExitReason::NoProcess));
}

#[test]
fn a_process_of_virtual_time_does_not_block_either() {
    let kernel = VirtualKernel::new(Config::with_workers(1));
    let handle = kernel.handle().clone();
    let process = kernel.spawn(async move |_: Context<()>| handle.block_on(async {})).unwrap();
    let mut monitor = pin!(process.monitor());
    kernel.run_until_idle();
    let polled = monitor.as_mut().poll(&mut TaskContext::from_waker(Waker::noop()));
    assert!(matches!(polled, std::task::Poll::Ready(ExitReason::Panicked(_))), "{polled:?}");
}

/// What is wanted may depend on anything, and finding out may send something.
#[test]
fn who_looks_for_a_message_may_send_one() {
    common::watched(|watched| {
        let kernel = Kernel::start(Config::with_workers(1)).unwrap();
        watched.add(&kernel);
        let process = kernel.spawn(async move |ctx: Context<u32>| {
            let to = ctx.address();
            let wanted = ctx.receive_where(|message| {
                if *message == 1 {
                    to.try_send(2).unwrap();
                }
                *message == 2
            });
            assert_eq!((wanted.await, ctx.receive().await), (2, 1));
        });
        let process = process.unwrap();
        let monitor = process.monitor();
        process.try_send(1).unwrap();
        assert!(kernel.block_on(monitor).is_clean());
    });
}

/// A process whose closure panics, or whose frame is more than it may have, was never seen to end: who monitored it
/// waited for ever, and the names that it had taken were lost.
#[test]
fn who_never_begins_ends_all_the_same() {
    let kernel = VirtualKernel::new(Config::with_workers(1));
    let (told, heard) = mpsc::channel();
    let known = |ctx: &Context<u32>| {
        let mut registering = Box::pin({
            let (handle, process) = (ctx.kernel(), ctx.process());
            async move { handle.register("known", process).await }
        });
        let mut nobody = TaskContext::from_waker(Waker::noop());
        assert!(registering.as_mut().poll(&mut nobody).is_ready());
        ctx.address().try_send(7).unwrap();
        told.send((ctx.address(), ctx.address().monitor())).unwrap();
    };
    let panicking = std::panic::AssertUnwindSafe(|| {
        kernel.spawn(|ctx: Context<u32>| -> std::future::Ready<()> {
            known(&ctx);
            panic!("no future for you");
        })
    });
    assert!(std::panic::catch_unwind(panicking).is_err());
    let limits = Limits { heap_bytes_max: 1, ..Limits::default() };
    let options = Options { limits: Some(limits), ..Options::default() };
    let refused = kernel.spawn_with(options, |ctx: Context<u32>| {
        known(&ctx);
        std::future::ready(())
    });
    assert!(refused.is_err());
    for _ in 0..2 {
        let (address, monitor) = heard.try_recv().unwrap();
        let mut nobody = TaskContext::from_waker(Waker::noop());
        assert!(pin!(monitor).poll(&mut nobody).is_ready());
        assert!(!address.process().is_alive());
        assert!(address.try_send(8).is_err());
    }
    assert!(kernel.lookup("known").is_none());
    assert_eq!(kernel.len(), 0);
}

/// Two steps at a time would give the same ids twice and end windows that still run.
#[test]
fn a_kernel_is_not_stepped_from_inside() {
    let kernel = Arc::new(VirtualKernel::new(Config::with_workers(1)));
    let inner = Arc::downgrade(&kernel);
    let stepper = kernel.spawn(async move |_: Context<()>| {
        inner.upgrade().unwrap().step();
    });
    let inner = Arc::downgrade(&kernel);
    let hurrier = kernel.spawn(async move |_: Context<()>| {
        inner.upgrade().unwrap().advance(Duration::from_secs(1));
    });
    for process in [stepper.unwrap(), hurrier.unwrap()] {
        let mut monitor = pin!(process.monitor());
        kernel.run_until_idle();
        let ended = monitor.as_mut().poll(&mut TaskContext::from_waker(Waker::noop()));
        let std::task::Poll::Ready(ExitReason::Panicked(message)) = ended else { panic!("{ended:?}") };
        assert!(message.contains("one at a time"), "{message}");
    }
    assert_eq!(kernel.now(), ironloom_core::Instant::ZERO);
    assert!(!kernel.step());
}

/// Nobody looks at the clock of a kernel that has ended; whoever waited by it, from outside, waited for ever.
#[test]
fn waits_end_with_their_kernel() {
    let hour = Duration::from_secs(3_600);
    let real = Kernel::start(Config::with_workers(2)).unwrap();
    let in_virtual = VirtualKernel::new(Config::with_workers(1));
    let kernels = [real.handle().clone(), in_virtual.handle().clone()];
    let mut waits: Vec<_> = kernels
        .iter()
        .map(|kernel| {
            let kernel = kernel.clone();
            Box::pin(async move { kernel.within(hour, std::future::pending::<()>()).await })
        })
        .collect();
    let woken = Arc::new(Counted(AtomicUsize::new(0)));
    let waker = Waker::from(Arc::clone(&woken));
    for wait in &mut waits {
        assert!(wait.as_mut().poll(&mut TaskContext::from_waker(&waker)).is_pending());
    }
    assert_eq!(real.shutdown(Duration::ZERO).stuck, 0);
    drop(in_virtual);
    assert_eq!(woken.0.load(Ordering::SeqCst), 2);
    for (wait, kernel) in waits.iter_mut().zip(&kernels) {
        assert!(wait.as_mut().poll(&mut TaskContext::from_waker(&waker)).is_ready());
        let mut late = pin!(kernel.within(hour, std::future::pending::<()>()));
        assert!(late.as_mut().poll(&mut TaskContext::from_waker(&waker)).is_ready());
    }
}

struct Counted(AtomicUsize);

impl Wake for Counted {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

/// The sum wrapped around, and the process seemed to hold almost everything.
#[test]
fn more_may_be_released_than_was_charged() {
    let kernel = VirtualKernel::new(Config::with_workers(1));
    let process = kernel.spawn(async |ctx: Context<()>| {
        ctx.release(u64::MAX);
        ctx.charge(1_000).unwrap();
        ctx.sleep(Duration::from_secs(1)).await;
    });
    let mut monitor = pin!(process.unwrap().monitor());
    kernel.run_until_idle();
    let ended = monitor.as_mut().poll(&mut TaskContext::from_waker(Waker::noop()));
    assert_eq!(ended, std::task::Poll::Ready(ExitReason::Normal));
}

/// What a thread of the host keeps to its end may use a kernel then: it aborted the program.
#[test]
fn a_thread_that_ends_may_use_the_kernel() {
    thread_local! {
        static LAST: std::cell::RefCell<Option<Box<dyn FnOnceDrop>>> = const { std::cell::RefCell::new(None) };
    }
    trait FnOnceDrop {}
    impl<F: FnMut()> FnOnceDrop for OnDrop<F> {}
    let kernel = Arc::new(VirtualKernel::new(Config::with_workers(1)));
    let receiver = kernel.spawn(async |ctx: Context<u32>| assert_eq!(ctx.receive().await, 1)).unwrap();
    let (address, stepped) = (receiver.clone(), Arc::clone(&kernel));
    #[expect(clippy::disallowed_methods, reason = "it is the end of the thread that matters")]
    let thread = std::thread::spawn(move || {
        let last = Box::new(OnDrop(move || drop(address.try_send(1))));
        LAST.with(|kept| *kept.borrow_mut() = Some(last)); // dropped after what is made later
        stepped.step();
    });
    thread.join().unwrap();
    kernel.run_until_idle();
    assert!(!receiver.process().is_alive());
}
