//! Links, monitors and names on bad days. Most tests tell of something that was wrong once.

mod model;

use std::{
    fmt,
    pin::pin,
    sync::Arc,
    task::{Context as TaskContext, Poll, Waker},
};

use ironloom_core::Duration;
use parking_lot::Mutex;

use crate::{
    Config, Context, ExitReason, IntoExit, Kernel, Limits, Options, ProcessRef, VirtualKernel, effect::Signal,
};

const LONG: Duration = Duration::from_secs(60);

fn virtual_kernel() -> VirtualKernel {
    VirtualKernel::new(Config::with_workers(1))
}

/// The reason for a process's end, once nothing is left to happen.
fn end(kernel: &VirtualKernel, process: impl Into<ProcessRef>) -> ExitReason {
    let mut monitor = pin!(process.into().monitor());
    kernel.run_until_idle();
    match monitor.as_mut().poll(&mut TaskContext::from_waker(Waker::noop())) {
        Poll::Ready(reason) => reason,
        Poll::Pending => panic!("it has not ended"),
    }
}

async fn fail(_: Context<()>) -> Result<(), &'static str> {
    Err("broken")
}

/// A process without links once took no notice when its first link led to one that had failed before.
#[test]
fn linking_to_the_dead_ends_a_process_that_had_no_links() {
    let kernel = virtual_kernel();
    let dead = kernel.spawn(fail).unwrap();
    kernel.run_until_idle();
    let (id, link) = (dead.id(), dead.process());
    let linked = kernel
        .spawn(async move |ctx: Context<()>| {
            ctx.link(&link);
            ctx.receive().await;
        })
        .unwrap();
    assert_eq!(end(&kernel, &linked), ExitReason::Linked(id, Arc::new(ExitReason::failed("broken"))));
}

/// The end of a process that was on its way while the link was cut once ended the other all the same.
#[test]
fn the_end_of_a_process_that_is_not_linked_is_nothing() {
    let kernel = virtual_kernel();
    let one = kernel.spawn(async |ctx: Context<()>| ctx.receive().await).unwrap();
    let other = kernel.spawn(async |ctx: Context<()>| ctx.receive().await).unwrap();
    one.process().signal(Signal::Link(other.process().process));
    one.process().signal(Signal::Unlink(other.process().process));
    one.process().signal(Signal::Exited(other.id(), ExitReason::Killed));
    kernel.run_until_idle();
    assert!(one.process().is_alive());
}

/// A link to a process that was just ending was once told of it before it was there, and stayed for ever.
#[test]
fn every_end_is_heard_once_however_it_races_with_the_link() {
    let kernel = Kernel::start(Config::default()).unwrap();
    let watcher = kernel
        .spawn(async |ctx: Context<()>| {
            ctx.trap_exits();
            for _ in 0..2_000 {
                let child = ctx.kernel().spawn(fail).map_err(|error| error.to_string())?;
                ctx.link(&child);
                let heard = ctx.within(LONG, ctx.exits()).await.map_err(|error| error.to_string())?;
                if heard != (child.id(), ExitReason::failed("broken")) {
                    return Err(format!("{heard:?}"));
                }
            }
            let links = ctx.process().info().links;
            if links.is_empty() { Ok(()) } else { Err(format!("{links:?}")) }
        })
        .unwrap();
    assert_eq!(kernel.block_on(watcher.monitor()), ExitReason::Normal);
}

/// Monitors were once told in the order of their addresses, which differ from run to run, and so the threads of one
/// process woke in another order.
#[test]
fn monitors_hear_in_the_order_in_which_they_came() {
    let kernel = virtual_kernel();
    let victim = kernel.spawn(async |ctx: Context<()>| ctx.receive().await).unwrap();
    let order = Arc::new(Mutex::new(Vec::new()));
    let (heard, watched) = (Arc::clone(&order), victim.clone());
    let watcher = kernel
        .spawn(async move |ctx: Context<()>| {
            let mut monitors: Vec<_> = (0..48).map(|_| Some(watched.monitor())).collect();
            // Freed places are taken again, the last one first.
            monitors.iter_mut().step_by(2).for_each(|monitor| drop(monitor.take()));
            ctx.yield_now().await;
            monitors.iter_mut().step_by(2).for_each(|monitor| *monitor = Some(watched.monitor()));
            let mut threads = Vec::new();
            for (index, monitor) in monitors.into_iter().flatten().enumerate() {
                let heard = Arc::clone(&heard);
                let thread = ctx.thread(async move {
                    monitor.await;
                    heard.lock().push(index);
                });
                threads.push(thread.unwrap());
            }
            for thread in threads {
                thread.await;
            }
        })
        .unwrap();
    (0..4).for_each(|_| assert!(kernel.step() || kernel.is_idle()));
    victim.kill();
    assert_eq!(end(&kernel, &watcher), ExitReason::Normal);
    let expected: Vec<usize> = (1..48).step_by(2).chain((0..48).step_by(2)).collect();
    assert_eq!(*order.lock(), expected);
}

/// Ends that a process traps and never asks for once piled up without a limit.
#[test]
fn ends_that_nobody_asks_for_are_limited() {
    let kernel = virtual_kernel();
    let limits = Limits { heap_bytes_max: 64 << 10, ..Limits::default() };
    let options = Options { limits: Some(limits), ..Options::default() };
    let deaf = kernel
        .spawn_with(options, async |ctx: Context<()>| -> Result<(), String> {
            ctx.trap_exits();
            loop {
                let child =
                    ctx.kernel().spawn(async |_: Context<()>| ()).map_err(|error| error.to_string())?;
                ctx.link(&child);
                ctx.yield_now().await;
            }
        })
        .unwrap();
    let reason = end(&kernel, &deaf);
    assert!(
        matches!(reason, ExitReason::LimitExceeded(exceeded) if exceeded.limit.name() == "heap_bytes_max")
    );
    assert!(kernel.is_empty());
}

#[test]
fn ends_that_were_heard_free_their_memory() {
    let kernel = virtual_kernel();
    let limits = Limits { heap_bytes_max: 64 << 10, ..Limits::default() };
    let options = Options { limits: Some(limits), ..Options::default() };
    let keen = kernel
        .spawn_with(options, async |ctx: Context<()>| {
            ctx.trap_exits();
            for _ in 0..2_000 {
                let child =
                    ctx.kernel().spawn(async |_: Context<()>| ()).map_err(|error| error.to_string())?;
                ctx.link(&child);
                ctx.exits().await;
            }
            Ok::<(), String>(())
        })
        .unwrap();
    assert_eq!(end(&kernel, &keen), ExitReason::Normal);
}

/// A process that ended once took the name from whoever had been given it meanwhile.
#[test]
fn the_dead_take_no_names_from_the_living() {
    let kernel = virtual_kernel();
    let old = kernel.spawn(async |ctx: Context<()>| ctx.receive().await).unwrap();
    let new = kernel.spawn(async |ctx: Context<()>| ctx.receive().await).unwrap();
    let engine = &kernel.handle().home().engine;
    kernel.block_on(kernel.register("printer", &new)).unwrap();
    engine.forget(&Arc::from("printer"), &old.process().process);
    assert_eq!(kernel.lookup("printer").unwrap().id(), new.id());
}

/// A name that was taken away and given again at the same time once stayed with its process after that had ended.
#[test]
fn no_name_outlives_its_process_however_they_race() {
    let kernel = Kernel::start(Config::default()).unwrap();
    let racers: Vec<_> = (0..4)
        .map(|_| {
            kernel.spawn(async |ctx: Context<()>| {
                for _ in 0..500 {
                    let kernel = ctx.kernel();
                    let Ok(child) = kernel.spawn(async |ctx: Context<()>| ctx.receive().await) else {
                        return;
                    };
                    let _ = kernel.register("name", &child).await; // somebody else may have it
                    kernel.unregister("name");
                    let _ = kernel.register("name", &child).await;
                    child.kill();
                    child.monitor().await;
                }
            })
        })
        .collect();
    for racer in racers {
        assert_eq!(kernel.block_on(racer.unwrap().monitor()), ExitReason::Normal);
    }
    assert!(kernel.handle().home().engine.names.lock().is_empty());
}

#[test]
fn names_are_taken_once_freed_by_the_end_and_not_for_the_dead() {
    let kernel = virtual_kernel();
    let one = kernel.spawn(async |ctx: Context<()>| ctx.receive().await).unwrap();
    let other = kernel.spawn(async |ctx: Context<()>| ctx.receive().await).unwrap();
    let register = |process: &ProcessRef| kernel.block_on(kernel.register("clerk", process));
    register(&one.process()).unwrap();
    assert!(register(&other.process()).is_err(), "the name is taken");
    one.kill();
    kernel.run_until_idle();
    assert!(kernel.lookup("clerk").is_none());
    assert!(register(&one.process()).is_err(), "the dead have no names");
    register(&other.process()).unwrap();
    assert_eq!(kernel.lookup("clerk").unwrap().id(), other.id());
}

/// Three processes in a circle: the end of one ends all, once, and nothing holds on to them.
#[test]
fn a_circle_of_links_ends_as_one_and_leaks_nothing() {
    let kernel = virtual_kernel();
    let held = Arc::new(());
    let circle: Vec<_> = (0..3)
        .map(|_| {
            let held = Arc::clone(&held);
            kernel
                .spawn(async move |ctx: Context<ProcessRef>| {
                    let _held = held;
                    loop {
                        ctx.link(ctx.receive().await);
                    }
                })
                .unwrap()
        })
        .collect();
    for (index, process) in circle.iter().enumerate() {
        process.try_send(circle[(index + 1) % 3].process()).unwrap();
    }
    kernel.run_until_idle();
    circle[0].kill();
    kernel.run_until_idle();
    assert!(kernel.is_empty());
    assert_eq!(Arc::strong_count(&held), 1);
    let processes: Vec<_> = circle.iter().map(|address| Arc::downgrade(&address.process)).collect();
    drop(circle);
    assert!(processes.iter().all(|process| process.upgrade().is_none()), "somebody holds on to the dead");
}

/// Panics when it is looked at, and when it is dropped.
struct Bomb;

impl fmt::Display for Bomb {
    fn fmt(&self, _: &mut fmt::Formatter<'_>) -> fmt::Result {
        panic!("shown");
    }
}

impl Drop for Bomb {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            panic!("dropped");
        }
    }
}

/// Runs a process in a kernel of one worker; the worker must outlive it.
fn survives<R>(main: impl FnOnce(Context<Bomb>) -> R) -> ExitReason
where
    R: Future<Output: IntoExit> + Send + 'static,
{
    let kernel = Kernel::start(Config::with_workers(1)).unwrap();
    let process = kernel.spawn(main).unwrap();
    let reason = kernel.block_on(process.monitor());
    let next = kernel.spawn(async |_: Context<()>| ()).unwrap();
    let next = kernel.block_on(kernel.within(LONG, next.monitor()));
    assert_eq!(next, Ok(ExitReason::Normal), "the worker is gone");
    reason
}

/// An error that panics when it is asked how it reads once took the worker along.
#[test]
fn an_error_that_panics_is_a_panic_of_its_process() {
    let reason = survives(async |_: Context<Bomb>| Err::<(), _>(Bomb));
    assert_eq!(reason, ExitReason::Panicked("shown".into()));
}

/// The future of a thread that never had a turn was once dropped where a panic took the worker along.
#[test]
fn a_thread_that_never_ran_may_panic_when_it_is_dropped() {
    let reason = survives(async |ctx: Context<Bomb>| {
        let bomb = Bomb;
        drop(ctx.thread(async move { drop(bomb) }));
    });
    assert_eq!(reason, ExitReason::Normal);
}

#[test]
fn messages_that_nobody_received_may_panic_when_they_are_dropped() {
    let reason = survives(async |ctx: Context<Bomb>| {
        for _ in 0..3 {
            assert!(ctx.address().try_send(Bomb).is_ok());
        }
    });
    assert_eq!(reason, ExitReason::Normal);
}

/// A message that came in the window in which its receiver ended once took the kernel in virtual time along.
#[test]
fn messages_that_came_too_late_may_panic_when_they_are_dropped() {
    let kernel = virtual_kernel();
    let receiver = kernel.spawn(async |ctx: Context<Bomb>| drop(ctx.try_receive())).unwrap();
    let sender = kernel.spawn(async move |_: Context<()>| assert!(receiver.try_send(Bomb).is_ok())).unwrap();
    assert_eq!(end(&kernel, &sender), ExitReason::Normal);
}

/// Whoever was woken for room in a mailbox and does not use it leaves it to the next.
#[test]
fn room_that_one_sender_does_not_use_is_the_next_ones() {
    let kernel = virtual_kernel();
    let limits = Limits { mailbox_messages_max: 1, ..Limits::default() };
    let options = Options { limits: Some(limits), ..Options::default() };
    let receiver = kernel
        .spawn_with(options, async |ctx: Context<u32>| {
            ctx.sleep(Duration::from_secs(1)).await;
            assert_eq!((ctx.receive().await, ctx.receive().await), (0, 2));
        })
        .unwrap();
    receiver.try_send(0).unwrap();
    let room = receiver.clone();
    let fickle = kernel.spawn(async move |_: Context<()>| {
        let mut send = pin!(room.send(1));
        let mut waited = false;
        std::future::poll_fn(|context| {
            if std::mem::replace(&mut waited, true) {
                return Poll::Ready(()); // there is room, and it is not used
            }
            assert!(send.as_mut().poll(context).is_pending());
            Poll::Pending
        })
        .await;
    });
    let room = receiver.clone();
    let patient =
        kernel.spawn(async move |_: Context<()>| room.send(2).await.map_err(|error| error.to_string()));
    let _ = (fickle.unwrap(), patient.unwrap());
    assert_eq!(end(&kernel, &receiver), ExitReason::Normal);
    assert!(kernel.is_empty());
}
