//! What somebody who means harm, or who means nothing by it, may do to a kernel.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use ironloom_sched::{Config, Context, VirtualKernel};

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
