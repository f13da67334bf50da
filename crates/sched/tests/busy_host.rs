//! Processes that keep all workers busy leave the host's sockets and the timers their turn.

mod common;

use common::watched;
use ironloom_core::Duration;
use ironloom_sched::{Address, Config, Context, Kernel, Options};

/// How often a ball goes there and back before the game is measured, and while it is.
const WARM_UP: u64 = 20_000;
const THROWS: u64 = 300_000;
/// How long sockets may be left alone while the game goes on, on average: less than a host leaves a thread its core, and more
/// than it takes it away while others are busy.
const PATIENCE: Duration = Duration::from_millis(4);

/// Two workers that answered each other at once never looked at anything else: neither at the host's sockets nor at a
/// timer, until the host took one of them its core away.
#[test]
fn a_fast_game_between_workers_leaves_sockets_their_turn() {
    watched(|watched| {
        let kernel = Kernel::start(Config::with_workers(2)).unwrap();
        watched.add(&kernel);
        let reactor = kernel.reactor().unwrap();
        let on = |worker| Options { worker: Some(worker), ..Options::default() };
        let back = async move |ctx: Context<Address<()>>| {
            let first = ctx.receive().await;
            while first.send(()).await.is_ok() {
                ctx.receive().await;
            }
        };
        let other = kernel.spawn_with(on(1), back).unwrap();
        let (told, measured) = std::sync::mpsc::channel();
        let first = async move |ctx: Context<()>| {
            let mut began = (ctx.now(), 0);
            for throw in 0..WARM_UP + THROWS {
                if throw == WARM_UP {
                    began = (ctx.now(), reactor.syscalls().polls);
                }
                other.send(ctx.address()).await.unwrap();
                ctx.receive().await;
            }
            other.kill();
            let _ = told.send((ctx.now().saturating_since(began.0), reactor.syscalls().polls - began.1));
        };
        kernel.spawn_with(on(0), first).unwrap();
        let (took, polls) = measured.recv().unwrap();
        assert!(polls >= took.as_nanos() / PATIENCE.as_nanos(), "{polls} polls in {took}");
        assert_eq!(kernel.shutdown(Duration::from_secs(20)).stuck, 0);
    });
}
