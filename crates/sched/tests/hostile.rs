//! What somebody who means harm, or who means nothing by it, may do to a kernel.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use ironloom_core::{Duration, Seed};
use ironloom_sched::{Config, Context, Limits, Options, VirtualKernel};

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
