//! Small worlds in which everything goes wrong by chance, ten thousand of them, and what must hold after each.

mod common;

use std::{
    collections::{BTreeMap, BTreeSet},
    pin::Pin,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    task::{Context as TaskContext, Poll, Waker},
};

use common::{Census, OnDrop, Token};
use ironloom_core::{Budget, Duration, Rng, Seed};
use ironloom_sched::{
    Address, Config, Context, ExitReason, Guest, Limits, Monitor, Options, ProcessId, Reply, SpawnError,
    State, VirtualKernel, Wait,
};

const SEEDS: u64 = 10_000;
const PROCESSES: u64 = 20;
const MAILBOX: u32 = 3;
const IN_FLIGHT: u32 = 16;

/// What processes say to each other.
enum Message {
    Numbered {
        from: ProcessId,
        number: u64,
        _token: Token,
    },
    Ask(Reply<Token>),
    /// Panics when it is dropped, wherever that is.
    Bomb(Bomb),
}

struct Bomb(#[expect(dead_code, reason = "it is only counted")] Token);

impl Drop for Bomb {
    fn drop(&mut self) {
        // In a drop during a panic another one would end the program.
        if !std::thread::panicking() {
            panic!("a bomb went off");
        }
    }
}

/// What all processes of a world share, and what the test learns from it.
#[derive(Default)]
struct World {
    census: Census,
    peers: Mutex<Vec<Address<Message>>>,
    /// How many were sent from whom to whom, and what arrived last.
    sent: Mutex<BTreeMap<(ProcessId, ProcessId), u64>>,
    arrived: Mutex<BTreeMap<(ProcessId, ProcessId), Vec<u64>>>,
    /// What the processes that began have on their account before they do anything.
    heaps: Mutex<Vec<(Address<Message>, u64)>>,
    monitors: Mutex<Vec<Monitor>>,
    heard: AtomicUsize,
    reasons: Mutex<BTreeSet<&'static str>>,
    begun: AtomicUsize,
}

impl World {
    fn peer(&self, rng: &mut Rng) -> Address<Message> {
        let peers = self.peers.lock().unwrap();
        peers[rng.below(peers.len() as u64) as usize].clone()
    }

    fn number(&self, from: ProcessId, to: ProcessId) -> Message {
        let number = *self.sent.lock().unwrap().get(&(from, to)).unwrap_or(&0);
        Message::Numbered { from, number, _token: self.census.token() }
    }

    /// The message was accepted.
    fn sent(&self, from: ProcessId, to: ProcessId) {
        *self.sent.lock().unwrap().entry((from, to)).or_default() += 1;
    }

    fn arrived(&self, at: ProcessId, message: Message) {
        match message {
            Message::Numbered { from, number, .. } => {
                self.arrived.lock().unwrap().entry((from, at)).or_default().push(number);
            }
            Message::Ask(reply) => reply.send(self.census.token()),
            Message::Bomb(bomb) => drop(bomb),
        }
    }

    fn spawn(
        self: &Arc<Self>,
        kernel: &ironloom_sched::Handle,
        linked: Option<&Context<Message>>,
    ) -> Result<(), SpawnError> {
        let world = Arc::clone(self);
        let main = async move |ctx: Context<Message>| world.live(ctx).await;
        let child = match linked {
            None => kernel.spawn(main)?,
            Some(ctx) => ctx.spawn_with(Options { linked: true, ..Options::named("child") }, main)?,
        };
        self.begun.fetch_add(1, Ordering::Relaxed);
        self.monitors.lock().unwrap().push(child.monitor());
        self.heaps.lock().unwrap().push((child.clone(), child.process().info().heap_bytes));
        self.peers.lock().unwrap().push(child);
        Ok(())
    }

    async fn live(self: Arc<Self>, ctx: Context<Message>) -> Result<(), String> {
        let mut rng = ctx.rng();
        let _token = self.census.token();
        for _ in 0..rng.below(24) {
            match rng.below(4) {
                0 | 1 => self.talk(&ctx, &mut rng).await,
                2 => self.listen(&ctx, &mut rng).await,
                _ if self.meddle(&ctx, &mut rng).await => return Err("by chance".to_owned()),
                _ => {}
            }
        }
        Ok(())
    }

    async fn talk(self: &Arc<Self>, ctx: &Context<Message>, rng: &mut Rng) {
        let (peer, patience) = (self.peer(rng), Duration::from_micros(rng.below(4_000)));
        let (from, to) = (ctx.id(), peer.id());
        match rng.below(10) {
            0..4 => {
                if peer.try_send(self.number(from, to)).is_ok() {
                    self.sent(from, to);
                }
            }
            4..6 => {
                // Counted when it is accepted, so that nobody learns of it if the sender ends meanwhile.
                let message = self.number(from, to);
                if matches!(ctx.within(patience, peer.send(message)).await, Ok(Ok(()))) {
                    self.sent(from, to);
                }
            }
            6 => drop(peer.call(patience, Message::Ask).await),
            7 => drop(peer.try_send(Message::Bomb(Bomb(self.census.token())))),
            8 => {
                for _ in 0..40 {
                    if peer.try_send(self.number(from, to)).is_ok() {
                        self.sent(from, to);
                    }
                }
            }
            _ => {
                let (world, clone) = (Arc::clone(self), ctx.clone());
                let token = self.census.token();
                let thread = ctx.thread(async move {
                    let message = clone.receive().await;
                    world.arrived(clone.id(), message);
                    token
                });
                if let Ok(thread) = thread {
                    let _ = ctx.within(patience, thread).await;
                }
            }
        }
    }

    async fn listen(&self, ctx: &Context<Message>, rng: &mut Rng) {
        let patience = Duration::from_micros(rng.below(4_000));
        match rng.below(4) {
            0 => {
                let wanted = |message: &Message| matches!(message, Message::Ask(_));
                if let Ok(message) = ctx.within(patience, ctx.receive_where(wanted)).await {
                    self.arrived(ctx.id(), message);
                }
            }
            1 => {
                while let Some(message) = ctx.try_receive() {
                    self.arrived(ctx.id(), message);
                }
            }
            _ => {
                if let Ok(message) = ctx.within(patience, ctx.receive()).await {
                    self.arrived(ctx.id(), message);
                }
            }
        }
    }

    /// Whether that was the end.
    async fn meddle(self: &Arc<Self>, ctx: &Context<Message>, rng: &mut Rng) -> bool {
        let (peer, pause) = (self.peer(rng), Duration::from_micros(rng.below(3_000)));
        match rng.below(22) {
            0 => peer.kill(),
            1 => peer.stop(),
            2 => ctx.link(&peer),
            3 => ctx.unlink(&peer),
            4 => drop(peer.monitor()),
            5 => {
                let monitor = peer.monitor();
                self.monitors.lock().unwrap().push(monitor);
            }
            6 => ctx.trap_exits(),
            7 => drop(ctx.kernel().register(&format!("name {}", rng.below(3)), &peer).await),
            8 => {
                if let Some(known) = ctx.kernel().lookup(&format!("name {}", rng.below(3))) {
                    ctx.link(&known);
                    known.exit(ExitReason::failed("known"));
                }
            }
            9 => ctx.kernel().unregister(&format!("name {}", rng.below(3))),
            10 => panic!("by chance"),
            11 => drop(Bomb(self.census.token())),
            12 => {
                let bytes = 1 << rng.below(20);
                if ctx.charge(bytes).is_ok() {
                    let _held = OnDrop(|| ctx.release(bytes));
                    ctx.sleep(pause).await;
                }
            }
            13 => ctx.work(rng.below(2_000)).await,
            14 => ctx.sleep(pause).await,
            15 => {
                let mut interval = ctx.interval(Duration::from_micros(900));
                for _ in 0..3 {
                    let _ = ctx.within(pause, interval.tick()).await;
                }
            }
            16 => drop(self.spawn(&ctx.kernel(), (rng.below(2) == 0).then_some(ctx))),
            17 => drop(ctx.kernel().spawn_guest(Hog(rng.below(2_000), self.census.token()))),
            18 => drop(ctx.within(pause, ctx.exits()).await),
            19 => drop(ctx.within(pause, ctx.stopping()).await),
            20 => {
                let bomb = Bomb(self.census.token());
                drop(ctx.thread(async move {
                    std::future::pending::<()>().await;
                    drop(bomb);
                }));
            }
            _ => return true,
        }
        false
    }

    /// Hears what has ended since; everybody is heard exactly once, because a monitor that was heard is dropped.
    fn hear(&self) {
        let mut context = TaskContext::from_waker(Waker::noop());
        let mut monitors = std::mem::take(&mut *self.monitors.lock().unwrap());
        monitors.retain_mut(|monitor| match Pin::new(monitor).poll(&mut context) {
            Poll::Ready(reason) => {
                self.reasons.lock().unwrap().insert(kind(&reason));
                self.heard.fetch_add(1, Ordering::Relaxed);
                false
            }
            Poll::Pending => true,
        });
        self.monitors.lock().unwrap().extend(monitors);
    }

    fn mailboxes_are_within_bounds(&self) {
        let peers = self.peers.lock().unwrap();
        // Everybody may send as much in a window as it may have in flight, if there was room when it began.
        let max = (MAILBOX + IN_FLIGHT * (peers.len() as u32)) as usize;
        for peer in peers.iter() {
            let held = peer.process().info().mailbox_messages;
            assert!(held <= max, "{held} messages of {max}");
        }
    }
}

struct Hog(u64, #[expect(dead_code, reason = "it is only counted")] Token);

impl Guest<Message> for Hog {
    fn run(&mut self, budget: &mut Budget, _: &mut Context<Message>) -> Poll<ExitReason> {
        while self.0 > 0 {
            self.0 -= 1;
            if budget.spend(1).is_err() {
                return Poll::Pending;
            }
        }
        Poll::Ready(ExitReason::Normal)
    }
}

fn check(seed: u64) -> (usize, BTreeSet<&'static str>) {
    let limits = Limits {
        mailbox_messages_max: MAILBOX,
        messages_in_flight_max: IN_FLIGHT,
        heap_bytes_max: 256 << 10,
        threads_max: 4,
        slice_budget: 64,
    };
    let config = Config {
        seed: Seed::new(seed),
        limits,
        processes_max: 40,
        timers_max: 16,
        ..Config::with_workers(1)
    };
    let kernel = VirtualKernel::new(config);
    let world = Arc::new(World::default());
    for _ in 0..PROCESSES {
        world.spawn(&kernel, None).unwrap();
    }
    // Half of the worlds are ended in the middle of everything.
    let windows = if seed.is_multiple_of(2) { 8 } else { 100 };
    for _ in 0..windows {
        kernel.step();
        world.hear();
        world.mailboxes_are_within_bounds();
        kernel.advance(Duration::from_micros(500));
    }
    if !seed.is_multiple_of(2) {
        // Whoever still waits, waits for messages that nobody sends, and has none: every wait for a certain one has a time.
        kernel.run_until_idle();
        for process in kernel.processes() {
            let slept_through =
                process.state == State::Waiting(Wait::Message) && process.mailbox_messages > 0;
            assert!(!slept_through, "{process:?}");
        }
        world.peers.lock().unwrap().iter().for_each(Address::kill);
        kernel.run_until_idle();
        assert_eq!((kernel.len(), kernel.info().timers), (0, 0));
    }
    let handle = kernel.handle().clone();
    drop(kernel);
    world.hear();
    assert_eq!((handle.len(), handle.processes().len(), handle.info().timers), (0, 0, 0));
    drop(handle);
    let arrived = settle(&world);
    (arrived, std::mem::take(&mut *world.reasons.lock().unwrap()))
}

fn kind(reason: &ExitReason) -> &'static str {
    match reason {
        ExitReason::Normal => "normal",
        ExitReason::Shutdown => "shutdown",
        ExitReason::Failed(_) => "failed",
        ExitReason::Panicked(_) => "panicked",
        ExitReason::Killed => "killed",
        ExitReason::LimitExceeded(_) => "limit exceeded",
        ExitReason::Linked(..) => "linked",
        other => panic!("a reason was lost: {other}"),
    }
}

/// What must hold when all has ended. Returns how many messages arrived.
fn settle(world: &World) -> usize {
    assert!(world.monitors.lock().unwrap().is_empty(), "somebody's end was not heard");
    assert!(world.heard.load(Ordering::Relaxed) >= world.begun.load(Ordering::Relaxed));
    let sent = world.sent.lock().unwrap();
    for ((from, to), numbers) in world.arrived.lock().unwrap().iter() {
        // None is missing, none came twice, none overtook another.
        assert!(numbers.iter().copied().eq(0..numbers.len() as u64), "{from} to {to}: {numbers:?}");
        let sent = sent.get(&(*from, *to)).copied().unwrap_or(0);
        assert!(numbers.len() as u64 <= sent, "{from} to {to}: {numbers:?} of {sent}");
    }
    for (address, before) in world.heaps.lock().unwrap().drain(..) {
        let info = address.process().info();
        assert_eq!((info.mailbox_messages, info.links.len(), info.threads), (0, 0, 1), "{info:?}");
        assert_eq!(info.heap_bytes, before, "{info:?}");
    }
    world.peers.lock().unwrap().clear();
    assert_eq!(world.census.living(), 0, "something was never dropped");
    world.arrived.lock().unwrap().values().map(Vec::len).sum()
}

#[test]
fn ten_thousand_bad_days() {
    // The panics are meant: they would print ten thousand times what nobody reads.
    std::panic::set_hook(Box::new(|info| {
        let text = info.payload_as_str().unwrap_or_default();
        if !["by chance", "a bomb went off"].contains(&text) {
            eprintln!("{info}");
        }
    }));
    let (mut arrived, mut reasons) = (0, BTreeSet::new());
    for seed in 0..SEEDS {
        match std::panic::catch_unwind(|| check(seed)) {
            Ok((messages, kinds)) => {
                arrived += messages;
                reasons.extend(kinds);
            }
            Err(payload) => {
                eprintln!("seed {seed}");
                std::panic::resume_unwind(payload);
            }
        }
    }
    // Otherwise little of what this is about has happened.
    assert_eq!(reasons.len(), 7, "{reasons:?}");
    assert!(arrived as u64 > 10 * SEEDS, "{arrived}");
}
