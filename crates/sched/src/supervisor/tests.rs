//! Supervisors on good days and bad ones.

mod model;

use std::{
    pin::pin,
    sync::Arc,
    task::{Context as TaskContext, Poll, Waker},
};

use ironloom_core::{Budget, Duration, Instant};
use parking_lot::Mutex;

use super::*;
use crate::{Config, ExitReason, Guest, Kernel, Monitor, ProcessRef, VirtualKernel};

const LONG: Duration = Duration::from_secs(60);

fn secs(secs: u64) -> Duration {
    Duration::from_secs(secs)
}

fn kernel() -> VirtualKernel {
    VirtualKernel::new(Config::with_workers(1))
}

/// What happened, in order.
type Log = Arc<Mutex<Vec<String>>>;

/// Steps until the future is ready.
fn ask<F: Future>(kernel: &VirtualKernel, future: F) -> F::Output {
    let mut future = pin!(future);
    loop {
        if let Poll::Ready(output) = future.as_mut().poll(&mut TaskContext::from_waker(Waker::noop())) {
            return output;
        }
        if !kernel.step() {
            kernel.advance_to(kernel.next_event().expect("there is nothing more to wait for"));
        }
    }
}

fn end(kernel: &VirtualKernel, monitor: Monitor) -> ExitReason {
    let reason = ask(kernel, monitor);
    kernel.run_until_idle();
    assert!(kernel.is_empty(), "somebody is left");
    reason
}

/// A child that says when it starts, and when it is asked to stop.
fn polite(log: &Log, name: &'static str) -> Child {
    let log = Arc::clone(log);
    Child::new(name, async move |ctx: Context<()>| {
        log.lock().push(format!("{name} starts"));
        ctx.stopping().await;
        log.lock().push(format!("{name} stops"));
    })
    .stops_within(LONG)
}

/// A child that takes no notice of anything but its messages.
fn deaf(name: &'static str) -> Child {
    Child::new(name, async |ctx: Context<u64>| {
        loop {
            ctx.receive().await;
        }
    })
}

async fn fail(_: Context<()>) -> Result<(), &'static str> {
    Err("broken")
}

#[test]
fn children_start_in_order_and_stop_in_reverse() {
    let (kernel, log) = (kernel(), Log::default());
    let supervisor = Supervisor::new(Strategy::OneForAll)
        .child(polite(&log, "one"))
        .child(polite(&log, "two"))
        .child(polite(&log, "three"))
        .start(&kernel)
        .unwrap();
    kernel.run_until_idle();
    let monitor = supervisor.monitor();
    supervisor.stop();
    assert_eq!(end(&kernel, monitor), ExitReason::Shutdown);
    let expected = ["one starts", "two starts", "three starts", "three stops", "two stops", "one stops"];
    assert_eq!(*log.lock(), expected);
}

#[test]
fn a_child_that_always_dies_is_given_up() {
    let (kernel, log) = (kernel(), Log::default());
    let supervisor = Supervisor::new(Strategy::OneForOne)
        .child(polite(&log, "good"))
        .child(Child::new("bad", fail))
        .start(&kernel)
        .unwrap();
    let reason = end(&kernel, supervisor.monitor());
    assert_eq!(reason, ExitReason::GaveUp("bad".into(), Arc::new(ExitReason::failed("broken"))));
    assert_eq!(reason.to_string(), "gave up on child \"bad\", which failed: broken");
    assert_eq!(*log.lock(), ["good starts", "good stops"]);
}

/// Its own supervisor tries the whole branch again, and gives up in its turn.
#[test]
fn giving_up_is_a_failure_one_level_up() {
    let (kernel, starts) = (kernel(), Arc::new(Mutex::new(0)));
    let counted = Arc::clone(&starts);
    let branch = Supervisor::new(Strategy::OneForOne).restarts(1, LONG).child(Child::new(
        "leaf",
        async move |_: Context<()>| {
            *counted.lock() += 1;
            Err::<(), _>("broken")
        },
    ));
    let root =
        Supervisor::new(Strategy::OneForOne).restarts(2, LONG).child(Child::supervisor("branch", branch));
    let reason = end(&kernel, root.start(&kernel).unwrap().monitor());
    assert!(matches!(reason, ExitReason::GaveUp(name, _) if &*name == "branch"));
    assert_eq!(*starts.lock(), 2 * 3, "two times in each of three branches");
}

#[test]
fn whoever_ignores_the_request_to_stop_is_killed_when_its_time_is_over() {
    let kernel = kernel();
    let supervisor = Supervisor::new(Strategy::OneForOne)
        .child(deaf("patiently").stops_within(secs(7)))
        .child(deaf("at once"))
        .start(&kernel)
        .unwrap();
    kernel.run_until_idle();
    let monitor = supervisor.monitor();
    supervisor.stop();
    assert_eq!(end(&kernel, monitor), ExitReason::Shutdown);
    assert_eq!(kernel.now(), Instant::ZERO.saturating_add(secs(7)));
}

/// Panics when it is dropped.
struct Bomb;

impl Drop for Bomb {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            panic!("dropped");
        }
    }
}

#[test]
fn a_child_may_panic_when_it_is_dropped() {
    let kernel = kernel();
    let supervisor = Supervisor::new(Strategy::OneForAll)
        .child(Child::new("bomb", async |ctx: Context<()>| {
            let _bomb = Bomb;
            ctx.receive().await;
        }))
        .child(Child::new("fuse", async |ctx: Context<()>| ctx.receive().await))
        .start(&kernel)
        .unwrap();
    let fuse = ask(&kernel, supervisor.address::<()>("fuse")).unwrap();
    fuse.try_send(()).unwrap();
    kernel.run_until_idle();
    let children = ask(&kernel, supervisor.children()).unwrap();
    assert!(children.iter().all(|child| child.process.is_some() && child.restarts == 1), "{children:?}");
    let monitor = supervisor.monitor();
    supervisor.stop();
    assert_eq!(end(&kernel, monitor), ExitReason::Shutdown);
}

#[test]
fn a_supervisor_that_is_killed_while_it_starts_its_children_takes_them_along() {
    for windows in 0..12 {
        let kernel = kernel();
        let plan = (0..1_000).fold(Supervisor::new(Strategy::OneForOne), |plan, number| {
            plan.child(
                Child::new(number.to_string(), async |ctx: Context<()>| ctx.receive().await).registered(),
            )
        });
        let supervisor = plan.start(&kernel).unwrap();
        let monitor = supervisor.monitor();
        (0..windows).for_each(|_| assert!(kernel.step()));
        supervisor.process().kill();
        assert_eq!(end(&kernel, monitor), ExitReason::Killed, "after {windows} windows");
        assert!(kernel.lookup("0").is_none());
    }
}

#[test]
fn a_flood_of_children_meets_a_limit() {
    let kernel = kernel();
    let pool = Supervisor::new(Strategy::OneForOne).children_max(10).start(&kernel).unwrap();
    let outcomes: Vec<_> = (0..50)
        .map(|number| {
            let child = Child::new(number.to_string(), async |ctx: Context<()>| ctx.receive().await);
            ask(&kernel, pool.start_child(child.temporary()))
        })
        .collect();
    assert!(outcomes[..10].iter().all(Result::is_ok));
    for refused in &outcomes[10..] {
        assert!(
            matches!(refused, Err(ChildError::Limit(exceeded)) if exceeded.limit.name() == "children_max")
        );
    }
    let first = ask(&kernel, pool.address::<()>("0")).unwrap();
    first.try_send(()).unwrap();
    kernel.run_until_idle();
    ask(&kernel, pool.start_child(deaf("next"))).expect("a temporary child that has ended makes room");
    assert_eq!(ask(&kernel, pool.children()).unwrap().len(), 10);
}

#[test]
fn children_come_and_go_at_run_time() {
    let (kernel, log) = (kernel(), Log::default());
    let pool = Supervisor::new(Strategy::OneForOne).start(&kernel).unwrap();
    let started = ask(&kernel, pool.start_child(polite(&log, "one"))).unwrap();
    assert_eq!(ask(&kernel, pool.child("one")).unwrap().id(), started.id());
    let again = ask(&kernel, pool.start_child(polite(&log, "one")));
    assert_eq!(again.unwrap_err().to_string(), "there is a child \"one\" already");
    assert_eq!(ask(&kernel, pool.stop_child("two")).unwrap_err().to_string(), "there is no child \"two\"");
    ask(&kernel, pool.stop_child("one")).unwrap();
    assert!(!started.is_alive());
    assert!(ask(&kernel, pool.children()).unwrap().is_empty());
    ask(&kernel, pool.start_child(polite(&log, "one"))).unwrap();
    kernel.run_until_idle();
    assert_eq!(*log.lock(), ["one starts", "one stops", "one starts"]);
    pool.process().kill();
    kernel.run_until_idle();
    assert_eq!(ask(&kernel, pool.children()).unwrap_err(), ChildError::Ended);
}

#[test]
fn a_registered_child_is_found_by_its_name_after_each_restart() {
    let kernel = kernel();
    let child = Child::new("clerk", async |ctx: Context<()>| ctx.receive().await).registered();
    let supervisor = Supervisor::new(Strategy::OneForOne).child(child).start(&kernel).unwrap();
    kernel.run_until_idle();
    let first = kernel.lookup("clerk").unwrap();
    first.kill();
    kernel.run_until_idle();
    let second = kernel.lookup("clerk").unwrap();
    assert_ne!(first.id(), second.id());
    assert_eq!(ask(&kernel, supervisor.child("clerk")).unwrap().id(), second.id());
    second.address::<()>().unwrap().try_send(()).unwrap();
}

#[test]
fn a_name_that_somebody_else_has_is_a_failure() {
    let kernel = kernel();
    let holder = kernel.spawn(async |ctx: Context<()>| ctx.receive().await).unwrap();
    kernel.block_on(kernel.register("clerk", &holder)).unwrap();
    let supervisor = Supervisor::new(Strategy::OneForOne).start(&kernel).unwrap();
    let refused = ask(&kernel, supervisor.start_child(deaf("clerk").registered()));
    assert!(matches!(refused, Err(ChildError::NotStarted { .. })), "{refused:?}");
    kernel.run_until_idle();
    assert_eq!(kernel.len(), 2, "the child that could not have the name is gone");
    let plan = Supervisor::new(Strategy::RestForOne).child(deaf("clerk").registered());
    let monitor = plan.start(&kernel).unwrap().monitor();
    assert!(matches!(ask(&kernel, monitor), ExitReason::GaveUp(..)));
    assert_eq!(kernel.lookup("clerk").unwrap().id(), holder.id());
}

#[test]
fn a_child_that_cannot_be_started_has_failed() {
    let kernel = kernel();
    let refuse = |_: &Handle| Err::<ProcessRef, _>("no such program");
    let panic = |_: &Handle| -> Result<ProcessRef, String> { panic!("in the function that starts it") };
    let supervisor = Supervisor::new(Strategy::OneForOne).start(&kernel).unwrap();
    let error = ask(&kernel, supervisor.start_child(Child::started_by("bad", refuse))).unwrap_err();
    assert_eq!(error.to_string(), "child \"bad\" did not start: failed: no such program");
    assert!(ask(&kernel, supervisor.start_child(Child::started_by("worse", panic))).is_err());
    assert!(ask(&kernel, supervisor.children()).unwrap().is_empty());
    supervisor.stop();
    kernel.run_until_idle();

    let monitor = Supervisor::new(Strategy::OneForAll)
        .child(deaf("good"))
        .child(Child::started_by("worse", panic).transient())
        .start(&kernel)
        .unwrap()
        .monitor();
    let reason = end(&kernel, monitor);
    let last = ExitReason::Panicked("in the function that starts it".into());
    assert_eq!(reason, ExitReason::GaveUp("worse".into(), Arc::new(last)));
}

/// Works for ever.
struct Mill;

impl Guest<()> for Mill {
    fn run(&mut self, budget: &mut Budget, _: &mut Context<()>) -> Poll<ExitReason> {
        while budget.spend(1).is_ok() {}
        Poll::Pending
    }
}

#[test]
fn guests_and_supervisors_are_children_like_others() {
    let (kernel, log) = (kernel(), Log::default());
    let branch = Supervisor::new(Strategy::OneForOne).child(polite(&log, "leaf"));
    let root = Supervisor::new(Strategy::OneForOne)
        .child(Child::supervisor("branch", branch))
        .child(Child::guest("mill", || Mill))
        .start(&kernel)
        .unwrap();
    let branch = ask(&kernel, root.child("branch")).unwrap();
    let branch = SupervisorHandle::of(&branch).unwrap();
    assert!(ask(&kernel, branch.child("leaf")).unwrap().is_alive());
    let mill = ask(&kernel, root.child("mill")).unwrap();
    assert!(SupervisorHandle::of(&mill).is_none());
    (0..10).for_each(|_| assert!(kernel.step()));
    assert!(mill.is_alive());
    root.stop();
    let monitor = root.monitor();
    assert_eq!(end(&kernel, monitor), ExitReason::Shutdown);
    assert_eq!(*log.lock(), ["leaf starts", "leaf stops"]);
}

#[test]
fn a_child_waits_twice_as_long_each_time_it_fails() {
    let (kernel, begun) = (kernel(), Arc::new(Mutex::new(Vec::new())));
    let times = Arc::clone(&begun);
    let plan = Supervisor::new(Strategy::OneForOne).restarts(6, secs(100)).backoff(secs(1), secs(5));
    let child = Child::new("bad", async move |ctx: Context<()>| {
        times.lock().push(ctx.now().as_nanos() / 1_000_000_000);
        let run = if times.lock().len() == 6 { secs(6) } else { Duration::ZERO };
        ctx.sleep(run).await;
        Err::<(), _>("broken")
    });
    let reason = end(&kernel, plan.child(child).start(&kernel).unwrap().monitor());
    assert!(matches!(reason, ExitReason::GaveUp(..)));
    assert_eq!(*begun.lock(), [0, 1, 3, 7, 12, 17, 24], "the one that ran for six seconds began anew");
}

#[test]
fn whoever_is_linked_takes_the_supervisor_along_and_it_stops_its_children() {
    let (kernel, log) = (kernel(), Log::default());
    let plan = Supervisor::new(Strategy::OneForOne).child(polite(&log, "child"));
    let owner = kernel
        .spawn(async move |ctx: Context<()>| {
            plan.start_linked(&ctx).map_err(|error| error.to_string())?;
            ctx.receive().await;
            Err::<(), _>("the owner has failed".to_owned())
        })
        .unwrap();
    kernel.run_until_idle();
    assert_eq!(kernel.len(), 3);
    owner.try_send(()).unwrap();
    kernel.run_until_idle();
    assert!(kernel.is_empty());
    assert_eq!(*log.lock(), ["child starts", "child stops"]);
}

/// Ends of the children that a kernel asks to stop are no failures.
#[test]
fn a_kernel_that_shuts_down_is_obeyed() {
    for _ in 0..20 {
        let kernel = Kernel::start(Config::default()).unwrap();
        let log = Log::default();
        let plan = Supervisor::new(Strategy::OneForAll).child(polite(&log, "one")).child(polite(&log, "two"));
        let supervisor = plan.child(deaf("three")).start(&kernel).unwrap();
        kernel.block_on(supervisor.children()).unwrap();
        let monitor = supervisor.monitor();
        let handle = kernel.handle().clone();
        let shutdown = kernel.shutdown(LONG);
        assert_eq!((shutdown.killed, shutdown.stuck), (0, 0));
        assert_eq!(handle.block_on(monitor), ExitReason::Shutdown);
    }
}

#[test]
fn a_storm_of_crashes_in_real_time_loses_nobody() {
    let kernel = Kernel::start(Config::default()).unwrap();
    let plan = (0..20).fold(Supervisor::new(Strategy::OneForOne).restarts(u32::MAX, LONG), |plan, number| {
        plan.child(Child::new(format!("child {number}"), async |ctx: Context<bool>| {
            if ctx.receive().await { Err("told to") } else { Ok(()) }
        }))
    });
    let supervisor = plan.start(&kernel).unwrap();
    kernel.block_on(async {
        for round in 0..20_u64 {
            for child in supervisor.children().await.unwrap() {
                let address = child.process.and_then(|process| process.address::<bool>());
                let _ = address.unwrap().send(round % 2 == 0).await; // it may have been hit already
            }
            while supervisor.children().await.unwrap().iter().any(|child| child.restarts <= round) {}
        }
        let children = supervisor.children().await.unwrap();
        assert!(children.iter().all(|child| child.restarts == 20), "{children:?}");
    });
    assert_eq!(kernel.len(), 21);
}
