//! A pipe is a queue of bytes, however it is used and wherever its halves run.

use std::{
    collections::VecDeque,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use ironloom_core::{Duration, Rng, Seed, trace::Digest};
use proptest::prelude::*;

use super::*;
use crate::{Handle, Limits, Options, Reader, Writer};

/// What the writing process does.
#[derive(Debug, Clone)]
enum Step {
    Write(usize),
    Flush,
    Sleep(u64),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        3 => (0_usize..200).prop_map(Step::Write),
        1 => Just(Step::Flush),
        1 => (1_u64..5).prop_map(Step::Sleep),
    ];
    proptest::collection::vec(step, 0..40)
}

/// The bytes of the stream in this range, which can be told apart.
fn bytes(range: std::ops::Range<usize>) -> impl Iterator<Item = u8> {
    range.map(|index| (index * 31 % 251) as u8)
}

fn model(steps: &[Step]) -> VecDeque<u8> {
    let count = steps.iter().map(|step| if let Step::Write(count) = step { *count } else { 0 }).sum();
    bytes(0..count).collect()
}

async fn follow(ctx: Context<()>, mut writer: Writer, steps: Vec<Step>) -> Result<(), PipeError> {
    let mut written = 0;
    for step in steps {
        match step {
            Step::Write(count) => {
                writer.write(&bytes(written..written + count).collect::<Vec<_>>()).await?;
                written += count;
            }
            Step::Flush => writer.flush().await?,
            Step::Sleep(micros) => ctx.sleep(Duration::from_micros(micros)).await,
        }
    }
    writer.hang_up().await
}

/// Reads until the end in pieces of random sizes, each checked against what was written.
async fn check(ctx: Context<()>, mut reader: Reader, mut model: VecDeque<u8>) -> Result<(), PipeError> {
    let mut rng = ctx.rng();
    let mut target = [0; 100];
    while !reader.is_ended() {
        let size = 1 + rng.below(100) as usize;
        let mut count = 0;
        if rng.below(3) > 0 {
            count = reader.read(&mut target[..size]).await?;
        } else if reader.buffered().concat().len() < reader.capacity() {
            reader.fill().await?;
        }
        assert!(target[..count].iter().copied().eq(model.drain(..count)));
        ctx.record("read", &target[..count].to_vec());
    }
    assert!(model.is_empty(), "{} bytes did not arrive", model.len());
    Ok(())
}

type Playing = Pin<Box<dyn Future<Output = Result<(), PipeError>> + Send>>;

/// Begins a writer and a reader for each list of steps; what is returned counts those that ended well.
fn begin(kernel: &Handle, capacity: usize, games: &[Vec<Step>]) -> Arc<AtomicUsize> {
    let done = Arc::new(AtomicUsize::new(0));
    let spawn = |slice_budget, main: Box<dyn FnOnce(Context<()>) -> Playing>| {
        let limits = Some(Limits { slice_budget, ..Limits::default() });
        let counter = Arc::clone(&done);
        let main = |ctx: Context<()>| {
            let playing = main(ctx);
            async move {
                playing.await?;
                counter.fetch_add(1, Ordering::Relaxed);
                Ok::<(), PipeError>(())
            }
        };
        kernel.spawn_with(Options { limits, ..Options::default() }, main).unwrap();
    };
    for game in games {
        let (writer, reader) = kernel.pipe(capacity);
        let (game, content) = (game.clone(), model(game));
        spawn(256, Box::new(move |ctx| Box::pin(check(ctx, reader, content))));
        spawn(7, Box::new(move |ctx| Box::pin(follow(ctx, writer, game))));
    }
    done
}

fn in_virtual_time(workers: usize, capacity: usize, games: &[Vec<Step>]) -> Digest {
    let kernel = VirtualKernel::new(Config::with_workers(workers));
    let done = begin(&kernel, capacity, games);
    kernel.run_until_idle();
    assert!(kernel.is_empty(), "{:?}", kernel.processes());
    assert_eq!(done.load(Ordering::Relaxed), 2 * games.len());
    kernel.digest()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn a_pipe_is_a_queue_in_virtual_time(capacity in 1_usize..300, steps in steps()) {
        in_virtual_time(1, capacity, &[steps]);
    }

    #[test]
    fn a_pipe_is_a_queue_in_real_time(capacity in 1_usize..300, steps in steps()) {
        let kernel = kernel();
        let done = begin(&kernel, capacity, &[steps]);
        let shutdown = kernel.shutdown(Duration::from_secs(20));
        prop_assert_eq!(shutdown.killed, 0);
        prop_assert_eq!(done.load(Ordering::Relaxed), 2);
    }
}

/// Kills one half of each pipe at a time of its own, and notes what the other half says to that.
fn with_killers(workers: usize) -> Digest {
    let kernel = VirtualKernel::new(Config::with_workers(workers));
    for number in 0..200 {
        let (mut writer, mut reader) = kernel.pipe(16);
        let writing = kernel.spawn(async move |ctx: Context<()>| {
            let mut written = 0_u64;
            while writer.write(&[1; 5]).await.is_ok() {
                written += 5;
                ctx.sleep(Duration::from_micros(1 + written % 3)).await;
            }
            ctx.record("written", &written);
        });
        let reading = kernel.spawn(async move |ctx: Context<()>| {
            let mut bytes = 0_u64;
            while let Ok(count @ 1..) = reader.read(&mut [0; 7]).await {
                bytes += count as u64;
            }
            ctx.record("read", &bytes);
        });
        let victim = if number % 2 == 0 { writing } else { reading }.unwrap();
        kernel
            .spawn(async move |ctx: Context<()>| {
                ctx.sleep(Duration::from_micros(number)).await;
                victim.kill();
            })
            .unwrap();
    }
    kernel.run_until_idle();
    assert!(kernel.is_empty(), "{:?}", kernel.processes());
    kernel.digest()
}

#[test]
fn whoever_is_killed_the_digest_is_the_same() {
    let one = with_killers(1);
    assert_eq!(one, with_killers(2));
    assert_eq!(one, with_killers(8));
}

#[test]
fn any_number_of_workers_gives_the_same_digest() {
    let mut rng = Rng::new(Seed::new(3));
    let mut step = || match rng.below(5) {
        0 => Step::Flush,
        1 => Step::Sleep(1 + rng.below(4)),
        _ => Step::Write(rng.below(200) as usize),
    };
    let games: Vec<Vec<Step>> = (0..200).map(|_| (0..20).map(|_| step()).collect()).collect();
    let one = in_virtual_time(1, 64, &games);
    assert_eq!(one, in_virtual_time(2, 64, &games));
    assert_eq!(one, in_virtual_time(8, 64, &games));
}
