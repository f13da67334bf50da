//! Storms in real time on a few workers. A lost wake-up shows as a test that hangs, which its watchdog reports.

mod common;

use std::{
    collections::VecDeque,
    future::Future,
    pin::Pin,
    sync::{
        Arc, Condvar, Mutex,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    task::{Context as TaskContext, Wake, Waker},
};

use common::{Census, Token, Watched, bomb, watched};
use ironloom_core::{Duration, Rng, Seed};
use ironloom_sched::{Class, Config, Context, ExitReason, Kernel, Limits, Options, Reply, SpawnError};

fn start(watched: &Watched, config: Config) -> Kernel {
    let kernel = Kernel::start(config).unwrap();
    watched.add(kernel.handle());
    kernel
}

/// A kernel whose processes end by themselves, and nothing is left of them.
fn settle(kernel: Kernel, census: &Census) {
    let handle = kernel.handle().clone();
    let shutdown = kernel.shutdown(Duration::from_secs(20));
    assert_eq!((shutdown.killed, shutdown.stuck), (0, 0));
    assert_eq!((handle.len(), handle.processes().len(), handle.info().timers), (0, 0, 0));
    assert_eq!(census.living(), 0, "something was never dropped");
}

#[expect(clippy::disallowed_methods, reason = "the host has threads here")]
fn on_threads(count: usize, work: impl Fn(usize) + Send + Sync + 'static) {
    let work = Arc::new(work);
    let threads: Vec<_> = (0..count)
        .map(|index| {
            let work = Arc::clone(&work);
            std::thread::spawn(move || work(index))
        })
        .collect();
    threads.into_iter().for_each(|thread| thread.join().unwrap());
}

#[test]
fn a_storm_of_spawns_from_everywhere() {
    watched(|watched| {
        let kernel = start(watched, Config::with_workers(3));
        let census = Census::default();
        let (handle, counted) = (kernel.handle().clone(), census.clone());
        on_threads(3, move |_| {
            for _ in 0..300 {
                let census = counted.clone();
                let token = census.token();
                let parent = handle.spawn(async move |ctx: Context<u32>| {
                    let mut children = Vec::new();
                    for number in 0..10 {
                        let token = census.token();
                        let child = ctx.spawn(async move |ctx: Context<u32>| {
                            assert_eq!(ctx.receive().await, number);
                            drop(token);
                        });
                        let child = child.unwrap();
                        child.send(number).await.unwrap();
                        children.push(child.monitor());
                    }
                    for child in children {
                        assert_eq!(child.await, ExitReason::Normal);
                    }
                    drop(token);
                });
                let parent = parent.unwrap();
                if parent.id().number() % 3 == 0 {
                    assert_eq!(handle.block_on(parent.monitor()), ExitReason::Normal);
                }
            }
        });
        settle(kernel, &census);
    });
}

#[test]
fn floods_wait_for_room_and_keep_their_order() {
    const SENDERS: u64 = 24;
    const MESSAGES: u64 = 1_000;
    watched(|watched| {
        let kernel = start(watched, Config::with_workers(4));
        let census = Census::default();
        let limits = Limits { mailbox_messages_max: 4, ..Limits::default() };
        let options = Options { limits: Some(limits), ..Options::named("receiver") };
        let receiver = kernel.spawn_with(options, async |ctx: Context<(u64, u64, Token)>| {
            let mut next = vec![0; SENDERS as usize];
            for _ in 0..SENDERS * MESSAGES {
                let (sender, number, _token) = ctx.receive().await;
                assert_eq!(number, next[sender as usize], "sender {sender}");
                next[sender as usize] += 1;
            }
        });
        let receiver = receiver.unwrap();
        let monitor = receiver.monitor();
        for sender in 0..SENDERS {
            let (receiver, census) = (receiver.clone(), census.clone());
            let options = Options { worker: Some(sender as usize % 4), ..Options::named("sender") };
            let sender = kernel.spawn_with(options, async move |ctx: Context<()>| {
                let mut number = 0;
                while number < MESSAGES {
                    // Every other time it is impatient, and begins anew.
                    let sending = receiver.send((sender, number, census.token()));
                    if sender % 2 == 0 {
                        let sent = ctx.within(Duration::from_micros(20), sending).await;
                        number += u64::from(matches!(sent, Ok(Ok(()))));
                    } else {
                        sending.await.unwrap();
                        number += 1;
                    }
                }
            });
            let _ = sender.unwrap();
        }
        assert_eq!(kernel.block_on(monitor), ExitReason::Normal);
        drop(receiver);
        settle(kernel, &census);
    });
}

/// Two are born for each one, until there are as many as there may be.
fn bomber(ctx: Context<()>, refused: Arc<AtomicUsize>) -> Pin<Box<dyn Future<Output = ()> + Send>> {
    Box::pin(async move {
        for _ in 0..2 {
            let refused_too = Arc::clone(&refused);
            match ctx.spawn(move |ctx| bomber(ctx, refused_too)) {
                Ok(_) => {}
                Err(SpawnError::Limit(_)) => {
                    refused.fetch_add(1, Ordering::Relaxed);
                    return;
                }
                Err(SpawnError::Closing) => return,
                Err(error) => panic!("{error}"),
            }
        }
        ctx.receive().await;
    })
}

#[test]
fn a_fork_bomb_ends_at_the_limit() {
    watched(|watched| {
        let config = Config { processes_max: 2_000, ..Config::with_workers(3) };
        let kernel = start(watched, config);
        let refused = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&refused);
        let _ = kernel.spawn(move |ctx| bomber(ctx, counted)).unwrap();
        while refused.load(Ordering::Relaxed) == 0 {
            std::thread::yield_now();
            assert!(kernel.len() <= 2_000 + 3, "one for each worker that is being refused");
        }
        let shutdown = kernel.shutdown(Duration::ZERO);
        assert_eq!(shutdown.stuck, 0);
    });
}

#[test]
fn a_flood_of_timers_ends_whoever_sets_them() {
    watched(|watched| {
        let kernel = start(watched, Config { timers_max: 100, ..Config::with_workers(2) });
        let census = Census::default();
        let monitors: Vec<_> = (0..40)
            .map(|_| {
                let token = census.token();
                let greedy = kernel.spawn(async move |ctx: Context<()>| {
                    let mut sleeps = Vec::new();
                    for _ in 0..1_000 {
                        let mut sleep = Box::pin(ctx.sleep(Duration::from_secs(3_600)));
                        std::future::poll_fn(|context| {
                            let _ = sleep.as_mut().poll(context);
                            std::task::Poll::Ready(())
                        })
                        .await;
                        sleeps.push(sleep);
                    }
                    drop(token);
                });
                greedy.unwrap().monitor()
            })
            .collect();
        for monitor in monitors {
            assert!(matches!(kernel.block_on(monitor), ExitReason::LimitExceeded(_)));
        }
        // Afterwards there are timers again.
        let polite = kernel.spawn(async |ctx: Context<()>| ctx.sleep(Duration::from_micros(100)).await);
        assert_eq!(kernel.block_on(polite.unwrap().monitor()), ExitReason::Normal);
        settle(kernel, &census);
    });
}

#[test]
fn a_storm_of_kills_among_calls_and_panics() {
    watched(|watched| {
        std::panic::set_hook(Box::new(|info| {
            if !["by chance", "a bomb went off"].contains(&info.payload_as_str().unwrap_or_default()) {
                eprintln!("{info}");
            }
        }));
        let kernel = start(watched, Config::with_workers(4));
        let census = Census::default();
        let (handle, counted) = (kernel.handle().clone(), census.clone());
        on_threads(3, move |index| {
            let mut rng = Rng::new(Seed::new(index as u64));
            for _ in 0..400 {
                let token = counted.token();
                let server = handle.spawn(async move |ctx: Context<Reply<u32>>| {
                    let _bomb = ctx.id().number().is_multiple_of(5).then(bomb);
                    for number in 0..3 {
                        ctx.receive().await.send(number);
                        assert!(!ctx.id().number().is_multiple_of(7) || number < 1, "by chance");
                    }
                    drop(token);
                });
                let server = server.unwrap();
                let (to, token) = (server.clone(), counted.token());
                let client = handle.spawn(async move |ctx: Context<()>| {
                    ctx.link(&to);
                    while to.call(Duration::from_secs(30), |reply| reply).await.is_ok() {}
                    drop(token);
                });
                let client = client.unwrap();
                match rng.below(4) {
                    0 => server.kill(),
                    1 => client.kill(),
                    2 => handle.unregister("nobody"),
                    _ => {}
                }
                let (served, called) = (server.monitor(), client.monitor());
                let _ = handle.block_on(called);
                server.kill(); // if the client was killed before it was linked, nobody else tells it
                let _ = handle.block_on(served);
            }
        });
        settle(kernel, &census);
    });
}

#[test]
fn kernels_end_while_everything_is_busy() {
    watched(|watched| {
        let census = Census::default();
        for round in 0..60 {
            let kernel = start(watched, Config::with_workers(1 + round % 4));
            for number in 0..40 {
                let counted = census.clone();
                let busy = kernel.spawn(async move |ctx: Context<Token>| {
                    let (mine, address) = (counted.token(), ctx.address());
                    loop {
                        match number % 4 {
                            0 => ctx.work(1_000).await,
                            1 => ctx.sleep(Duration::from_micros(50)).await,
                            2 => {
                                let _ = ctx.spawn(async |ctx: Context<()>| ctx.receive().await);
                                ctx.yield_now().await; // a kernel that closes refuses without waiting
                            }
                            _ => {
                                let _ = address.send(counted.token()).await;
                            }
                        }
                        if ctx.is_stopping() && number % 3 == 0 {
                            break;
                        }
                    }
                    drop(mine);
                });
                let _ = busy.unwrap();
            }
            for _ in 0..round * 200 {
                std::hint::spin_loop();
            }
            if round % 2 == 0 {
                drop(kernel);
            } else {
                assert_eq!(kernel.shutdown(Duration::from_millis(2)).stuck, 0);
            }
            assert_eq!(census.living(), 0, "round {round}");
        }
    });
}

/// A name was taken from its new owner when the old one ended just then.
#[test]
fn a_name_goes_to_the_next_owner() {
    watched(|watched| {
        let kernel = start(watched, Config::with_workers(2));
        for _ in 0..2_000 {
            let old = kernel.spawn(async |ctx: Context<()>| ctx.receive().await).unwrap();
            let new = kernel.spawn(async |ctx: Context<()>| ctx.receive().await).unwrap();
            kernel.block_on(kernel.register("name", &old)).unwrap();
            old.try_send(()).unwrap();
            kernel.unregister("name");
            kernel.block_on(kernel.register("name", &new)).unwrap();
            let _ = kernel.block_on(old.monitor());
            assert_eq!(kernel.lookup("name").map(|owner| owner.id()), Some(new.id()));
            new.kill();
            let _ = kernel.block_on(new.monitor());
        }
    });
}

/// A slice that does not end is reported, its worker replaced, and the others go on; also their timers, also when there is
/// nobody to replace the worker.
#[test]
fn whoever_never_yields_holds_nobody_up() {
    for replacements_max in [8, 0] {
        watched(move |watched| {
            let stuck_after = Duration::from_millis(4);
            let kernel = start(watched, Config { stuck_after, replacements_max, ..Config::with_workers(2) });
            for _ in 0..20 {
                let release = Arc::new(AtomicBool::new(false));
                let held = Arc::clone(&release);
                let hog = kernel.spawn_with(Options::named("hog"), async move |_: Context<()>| {
                    while !held.load(Ordering::Relaxed) {
                        std::hint::spin_loop();
                    }
                });
                let hog = hog.unwrap();
                let sleepers: Vec<_> = (0..8)
                    .map(|_| {
                        let sleeper =
                            kernel.spawn(async |ctx: Context<()>| ctx.sleep(Duration::from_millis(1)).await);
                        sleeper.unwrap().monitor()
                    })
                    .collect();
                for sleeper in sleepers {
                    assert_eq!(kernel.block_on(sleeper), ExitReason::Normal);
                }
                while kernel.last_stuck().is_none_or(|(process, _)| process != hog.id()) {
                    std::thread::yield_now();
                }
                release.store(true, Ordering::Relaxed);
                assert_eq!(kernel.block_on(hog.monitor()), ExitReason::Normal);
            }
            assert_eq!(&*kernel.last_stuck().unwrap().1, "hog");
            let shutdown = kernel.shutdown(Duration::from_secs(20));
            assert_eq!((shutdown.killed, shutdown.stuck), (0, 0));
        });
    }
}

#[test]
fn the_low_and_the_polite_make_progress() {
    watched(|watched| {
        let kernel = start(watched, Config::with_workers(2));
        let done = Arc::new(AtomicBool::new(false));
        for _ in 0..8 {
            let done = Arc::clone(&done);
            let options = Options { class: Class::High, ..Options::named("hog") };
            let hog = kernel.spawn_with(options, async move |ctx: Context<()>| {
                while !done.load(Ordering::Relaxed) {
                    ctx.work(100).await;
                }
            });
            let _ = hog.unwrap();
        }
        let options = Options { class: Class::Low, ..Options::named("low") };
        let low = kernel.spawn_with(options, async |ctx: Context<()>| {
            for _ in 0..200 {
                ctx.work(300).await;
            }
        });
        let polite = kernel.spawn(async |ctx: Context<()>| {
            for _ in 0..20 {
                ctx.sleep(Duration::from_micros(500)).await;
            }
        });
        assert_eq!(kernel.block_on(polite.unwrap().monitor()), ExitReason::Normal);
        assert_eq!(kernel.block_on(low.unwrap().monitor()), ExitReason::Normal);
        done.store(true, Ordering::Relaxed);
        settle(kernel, &Census::default());
    });
}

/// The least executor there is: a queue of tasks, run by whoever calls.
#[derive(Default)]
struct Executor {
    ready: Mutex<VecDeque<Arc<Task>>>,
    woken: Condvar,
    left: AtomicUsize,
}

struct Task {
    future: Mutex<Option<Pin<Box<dyn Future<Output = ()> + Send>>>>,
    executor: Arc<Executor>,
}

impl Wake for Task {
    fn wake(self: Arc<Self>) {
        let executor = Arc::clone(&self.executor);
        executor.ready.lock().unwrap().push_back(self);
        executor.woken.notify_one();
    }
}

impl Executor {
    fn spawn(self: &Arc<Self>, future: impl Future<Output = ()> + Send + 'static) {
        self.left.fetch_add(1, Ordering::SeqCst);
        let task = Task { future: Mutex::new(Some(Box::pin(future))), executor: Arc::clone(self) };
        Arc::new(task).wake();
    }

    fn run(&self) {
        while self.left.load(Ordering::SeqCst) > 0 {
            let task = {
                let ready = self.ready.lock().unwrap();
                let mut ready = self.woken.wait_while(ready, |ready| ready.is_empty()).unwrap();
                ready.pop_front().expect("it was waited for")
            };
            let waker = Waker::from(Arc::clone(&task));
            let mut future = task.future.lock().unwrap();
            if let Some(running) = future.as_mut()
                && running.as_mut().poll(&mut TaskContext::from_waker(&waker)).is_ready()
            {
                *future = None;
                self.left.fetch_sub(1, Ordering::SeqCst);
            }
        }
    }
}

fn echo(kernel: &Kernel) -> ironloom_sched::Address<(u32, Reply<u32>)> {
    let limits = Limits { mailbox_messages_max: 2, ..Limits::default() };
    let options = Options { limits: Some(limits), ..Options::named("echo") };
    let echo = kernel.spawn_with(options, async |ctx: Context<(u32, Reply<u32>)>| {
        while !ctx.is_stopping() {
            let Ok((number, reply)) = ctx.within(Duration::from_millis(1), ctx.receive()).await else {
                continue;
            };
            reply.send(number);
        }
    });
    echo.unwrap()
}

#[test]
fn a_foreign_executor_awaits_a_kernel() {
    watched(|watched| {
        let kernel = start(watched, Config::with_workers(2));
        let echo = echo(&kernel);
        let executor = Arc::new(Executor::default());
        for number in 0..200 {
            let (echo, handle) = (echo.clone(), kernel.handle().clone());
            executor.spawn(async move {
                let answer = echo.call(Duration::from_secs(30), |reply| (number, reply)).await;
                assert_eq!(answer, Ok(number));
                let elapsed =
                    handle.within(Duration::from_micros(number.into()), std::future::pending::<()>());
                assert!(elapsed.await.is_err());
            });
        }
        executor.run();
        settle(kernel, &Census::default());
    });
}

#[test]
fn a_tokio_program_awaits_a_kernel() {
    watched(|watched| {
        let kernel = start(watched, Config::with_workers(2));
        let echo = echo(&kernel);
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        runtime.block_on(async {
            let tasks: Vec<_> = (0..200)
                .map(|number| {
                    let echo = echo.clone();
                    tokio::spawn(async move {
                        let calling = echo.call(Duration::from_secs(30), |reply| (number, reply));
                        // Some are abandoned in the middle.
                        let patience =
                            std::time::Duration::from_micros(if number % 4 == 0 { 1 } else { 30_000_000 });
                        tokio::time::timeout(patience, calling)
                            .await
                            .map(|answer| assert_eq!(answer, Ok(number)))
                    })
                })
                .collect();
            for (number, task) in tasks.into_iter().enumerate() {
                assert!(task.await.unwrap().is_ok() || number % 4 == 0);
            }
        });
        settle(kernel, &Census::default());
    });
}
