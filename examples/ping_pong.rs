//! Two processes and a ball: messages, calls, and the same processes in virtual and in real time.
//!
//! `cargo run --release --example ping_pong`

use std::error::Error;

use ironloom_node::core::{Clock, Duration, WallClock};
use ironloom_node::sched::{
    Address, Config, Context, ExitReason, Handle, Kernel, Monitor, Reply, SpawnError, VirtualKernel,
};

const SECOND: Duration = Duration::from_secs(1);

/// What one player sends to the other.
enum Message {
    /// The ball comes over the net, with the address of whoever hit it.
    Ball(Address<Message>),
    /// Somebody asks for the score.
    Score(Reply<u64>),
}

/// Returns every ball until somebody asks for the score.
async fn pong(ctx: Context<Message>) {
    let mut returned = 0;
    loop {
        match ctx.receive().await {
            Message::Ball(from) => {
                returned += 1;
                if from.send(Message::Ball(ctx.address())).await.is_err() {
                    return; // nobody is there any more
                }
            }
            Message::Score(reply) => return reply.send(returned),
        }
    }
}

/// Plays so many balls, one at a time, and then asks for the score.
async fn ping(ctx: Context<Message>, opponent: Address<Message>, balls: u64) -> Result<(), String> {
    for _ in 0..balls {
        opponent.send(Message::Ball(ctx.address())).await.map_err(|error| error.to_string())?;
        let Message::Ball(_) = ctx.receive().await else { return Err("nobody asks me".to_owned()) };
    }
    let score = opponent.call(SECOND, Message::Score).await.map_err(|error| error.to_string())?;
    if score == balls { Ok(()) } else { Err(format!("{score} of {balls} balls came back")) }
}

/// Begins a game. It does not matter how time passes in the kernel.
fn play(kernel: &Handle, balls: u64) -> Result<Monitor, SpawnError> {
    let opponent = kernel.spawn(pong)?;
    let player = kernel.spawn(move |ctx| ping(ctx, opponent, balls))?;
    Ok(player.monitor())
}

fn main() -> Result<(), Box<dyn Error>> {
    // In virtual time nothing happens but in steps. A message arrives when the step is over in which it was sent.
    let balls = 1_000;
    let virtual_kernel = VirtualKernel::new(Config::with_workers(1));
    let game = play(&virtual_kernel, balls)?;
    let mut steps = 0;
    while virtual_kernel.step() {
        steps += 1;
    }
    assert_eq!(virtual_kernel.block_on(game), ExitReason::Normal);
    println!("in virtual time: {balls} balls there and back in {steps} steps");
    println!("                 digest {}, today and on every machine", virtual_kernel.digest());

    // In real time workers run them as fast as they can.
    let balls = 1_000_000;
    let kernel = Kernel::start(Config::default())?;
    let clock = WallClock::start();
    let game = play(&kernel, balls)?;
    assert_eq!(kernel.block_on(game), ExitReason::Normal);
    let took = clock.now().as_nanos().max(1);
    println!("in real time:    {balls} balls there and back in {} ms", took / 1_000_000);
    println!("                 {} ns each, {} a second", took / balls, balls * 1_000_000_000 / took);
    Ok(())
}
