//! The same seed gives the same digest, on any number of workers; another seed gives another.

mod common;

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use common::{Census, Token};
use ironloom_core::{Budget, Duration, Rng, Seed, trace::Digest};
use ironloom_sched::{
    Address, Config, Context, ExitReason, Guest, Limits, Options, ProcessRef, Reply, VirtualKernel,
};

/// Enough that the other workers take part in a window.
const PROCESSES: usize = 200;
const SEEDS: u64 = 1_000;

/// What processes say to each other.
enum Message {
    Plain(#[expect(dead_code, reason = "it is only counted")] Token),
    Ask(Reply<u64>),
    Peers(Arc<Vec<Address<Message>>>),
}

struct World {
    peers: Arc<Vec<Address<Message>>>,
    census: Census,
    /// Which threads of the host ran processes, one bit each.
    helpers: Arc<AtomicUsize>,
}

impl Clone for World {
    fn clone(&self) -> Self {
        Self {
            peers: Arc::clone(&self.peers),
            census: self.census.clone(),
            helpers: Arc::clone(&self.helpers),
        }
    }
}

/// What a world came to.
#[derive(Debug, PartialEq, Eq)]
struct Outcome {
    digest: Digest,
    now: ironloom_core::Instant,
}

fn run(seed: u64, workers: usize, helpers: &Arc<AtomicUsize>) -> Outcome {
    let limits = Limits { mailbox_messages_max: 4, heap_bytes_max: 64 << 10, ..Limits::default() };
    let config = Config { seed: Seed::new(seed), limits, ..Config::with_workers(workers) };
    let kernel = VirtualKernel::new(config);
    let census = Census::default();
    let peers: Arc<Vec<_>> = Arc::new(
        (0..PROCESSES)
            .map(|_| {
                let (census, helpers) = (census.clone(), Arc::clone(helpers));
                let main = async move |ctx: Context<Message>| {
                    let Message::Peers(peers) = ctx.receive().await else { return Ok(()) };
                    live(&ctx, World { peers, census, helpers }).await
                };
                kernel.spawn(main).expect("there is room")
            })
            .collect(),
    );
    for peer in peers.iter() {
        peer.try_send(Message::Peers(Arc::clone(&peers))).expect("it has just begun");
    }
    kernel.run_for(Duration::from_millis(6), Duration::from_millis(1));
    let outcome = Outcome { digest: kernel.digest(), now: kernel.now() };
    drop((kernel, peers));
    assert_eq!(census.living(), 0, "seed {seed}: something was lost");
    outcome
}

async fn live(ctx: &Context<Message>, world: World) -> Result<(), String> {
    let mut rng = ctx.rng();
    let name = std::thread::current().name().and_then(|name| name.strip_prefix("ironloom-")?.parse().ok());
    world.helpers.fetch_or(1 << name.unwrap_or(0_usize), Ordering::Relaxed);
    for _ in 0..6 {
        if let Some(end) = act(ctx, &world, &mut rng).await {
            return end;
        }
    }
    Ok(())
}

/// Does one thing by chance; `Some` if it was the last.
async fn act(ctx: &Context<Message>, world: &World, rng: &mut Rng) -> Option<Result<(), String>> {
    // Few are chosen often, so that mailboxes are full and processes end while others talk to them.
    let peer = |rng: &mut Rng| &world.peers[rng.below(24) as usize];
    let other: ProcessRef = peer(rng).process();
    match rng.below(24) {
        0..4 => drop(peer(rng).try_send(Message::Plain(world.census.token()))),
        4..7 => {
            let sending = peer(rng).send(Message::Plain(world.census.token()));
            let _ = ctx.within(Duration::from_micros(rng.below(3_000)), sending).await;
        }
        7..9 => drop(peer(rng).call(Duration::from_millis(2), Message::Ask).await),
        9..12 => {
            let patience = Duration::from_millis(rng.below(3));
            if let Ok(Message::Ask(reply)) = ctx.within(patience, ctx.receive()).await {
                reply.send(rng.below(9));
            }
        }
        12 => while ctx.try_receive().is_some() {},
        13 => ctx.link(&other),
        14 => ctx.unlink(&other),
        15 => {
            let _ = ctx.within(Duration::from_millis(1), other.monitor()).await;
        }
        16 => ctx.trap_exits(),
        17 => {
            let name = format!("name {}", rng.below(4));
            let taken = ctx.kernel().register(&name, &other).await.is_err();
            ctx.record("register", &(taken, ctx.kernel().lookup(&name).map(|process| process.id().number())));
            if rng.below(2) == 0 {
                ctx.kernel().unregister(&name);
            }
        }
        18 => spawn(ctx, world, rng),
        19 => {
            let (clone, pause) = (ctx.clone(), Duration::from_micros(rng.below(2_000)));
            let thread = ctx.thread(async move {
                clone.sleep(pause).await;
                clone.receive().await;
            });
            drop(thread.ok()?);
        }
        20 => ctx.work(rng.below(600)).await,
        21 => {
            let mut interval = ctx.interval(Duration::from_micros(700));
            interval.tick().await;
            interval.tick().await;
        }
        22 => match rng.below(4) {
            0 => peer(rng).kill(),
            1 => peer(rng).stop(),
            2 => drop(ctx.within(Duration::from_millis(1), ctx.exits()).await),
            _ => drop(ctx.within(Duration::from_millis(1), ctx.stopping()).await),
        },
        _ => match rng.below(4) {
            0 => return Some(Err("by chance".to_owned())),
            1 => drop(ctx.charge(40 << 10)),
            _ => return Some(Ok(())),
        },
    }
    None
}

fn spawn(ctx: &Context<Message>, world: &World, rng: &mut Rng) {
    if rng.below(2) == 0 {
        let _ = ctx.kernel().spawn_guest(Counter(rng.below(1_000)));
        return;
    }
    let (token, linked) = (world.census.token(), rng.below(2) == 0);
    let child =
        ctx.spawn_with(Options { linked, ..Options::default() }, async move |ctx: Context<Message>| {
            ctx.yield_now().await;
            drop(token);
            if ctx.rng().below(3) == 0 { ExitReason::failed("born to") } else { ExitReason::Normal }
        });
    if let Ok(child) = child {
        let _ = child.try_send(Message::Plain(world.census.token()));
    }
}

struct Counter(u64);

impl Guest<Message> for Counter {
    fn run(&mut self, budget: &mut Budget, _: &mut Context<Message>) -> std::task::Poll<ExitReason> {
        while self.0 > 0 {
            self.0 -= 1;
            if budget.spend(1).is_err() {
                return std::task::Poll::Pending;
            }
        }
        std::task::Poll::Ready(ExitReason::Normal)
    }
}

#[test]
fn digests_do_not_depend_on_workers() {
    let helpers: [Arc<AtomicUsize>; 3] = Default::default();
    for seed in 0..SEEDS {
        let one = run(seed, 1, &helpers[0]);
        assert_eq!(one, run(seed, 2, &helpers[1]), "seed {seed}: 2 workers");
        assert_eq!(one, run(seed, 8, &helpers[2]), "seed {seed}: 8 workers");
    }
    let took_part = |index: usize| helpers[index].load(Ordering::Relaxed).count_ones();
    assert_eq!(took_part(0), 1);
    assert_eq!(took_part(1), 2, "the second worker never ran anything");
    assert!(took_part(2) > 2, "the other workers never ran anything");
}

#[test]
fn seeds_make_the_difference() {
    let helpers = Arc::default();
    let mut known = std::collections::BTreeSet::new();
    for seed in 0..50 {
        let outcome = run(seed, 1, &helpers);
        assert_eq!(outcome, run(seed, 1, &helpers), "seed {seed}");
        assert!(known.insert(outcome.digest.to_string()), "seed {seed} is like another");
    }
}

/// How many processes were not spawned, and how many waits of the host's kind had no timer.
type Refused = [AtomicUsize; 2];

fn run_crowded(seed: u64, workers: usize, refused: &Arc<Refused>) -> Outcome {
    let config = Config {
        seed: Seed::new(seed),
        processes_max: PROCESSES + 30,
        timers_max: 60,
        ..Config::with_workers(workers)
    };
    let kernel = VirtualKernel::new(config);
    for _ in 0..PROCESSES {
        let refused = Arc::clone(refused);
        kernel.spawn(async move |ctx: Context<()>| jostle(&ctx, &refused).await).expect("there is room");
    }
    kernel.run_for(Duration::from_millis(6), Duration::from_micros(500));
    Outcome { digest: kernel.digest(), now: kernel.now() }
}

/// Wants more processes and timers than there may be, and keeps a record of what it got.
async fn jostle(ctx: &Context<()>, refused: &Refused) {
    let mut rng = ctx.rng();
    for _ in 0..8 {
        let pause = Duration::from_micros(1 + rng.below(3_000));
        match rng.below(8) {
            0..3 => {
                let child = ctx.spawn(async move |ctx: Context<()>| ctx.sleep(pause).await).ok();
                refused[0].fetch_add(usize::from(child.is_none()), Ordering::Relaxed);
                ctx.record("child", &child.map(|child| child.id().number()));
            }
            3..6 => {
                let began = ctx.now();
                let _ = ctx.kernel().within(pause, std::future::pending::<()>()).await;
                let at_once = ctx.now() == began;
                refused[1].fetch_add(usize::from(at_once), Ordering::Relaxed);
                ctx.record("wait", &at_once);
            }
            6 => drop(ctx.within(pause, ctx.yield_now()).await), // sets a timer and cancels it
            _ => ctx.yield_now().await,
        }
    }
}

/// Both limits were counted while a window ran, so that who met them depended on the workers.
#[test]
fn who_meets_a_limit_does_not_depend_on_workers() {
    let refused = Arc::default();
    for seed in 0..100 {
        let one = run_crowded(seed, 1, &refused);
        assert_eq!(one, run_crowded(seed, 2, &refused), "seed {seed}: 2 workers");
        assert_eq!(one, run_crowded(seed, 8, &refused), "seed {seed}: 8 workers");
    }
    assert!(refused[0].load(Ordering::Relaxed) > 0, "there was always room for processes");
    assert!(refused[1].load(Ordering::Relaxed) > 0, "there was always room for timers");
}
