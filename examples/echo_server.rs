//! A service on the loopback device and a crowd of clients, each connection a process of its own.
//!
//! Nobody flushes: a process that waits for its next line first sends what it has written, so the answers to sixteen
//! lines that came together leave together. The summary counts what that saves in system calls, which is what a busy
//! server spends its time on. In the end the service is drained: who is still there is asked to go, and does.
//!
//! `cargo run --release --example echo_server`

use std::error::Error;
use std::net::SocketAddr;

use ironloom_node::core::{Clock, Duration, WallClock};
use ironloom_node::sched::{Config, Context, ExitReason, Kernel, PipeError, Service, ServiceConfig, Stream};

/// How many clients talk at the same time.
const CLIENTS: usize = 200;
/// How many lines each sends before it waits for the answers.
const BATCH: usize = 16;
/// How often.
const ROUNDS: usize = 50;

fn main() -> Result<(), Box<dyn Error>> {
    let kernel = Kernel::start(Config::default())?;
    let listener = kernel.listen(([127, 0, 0, 1], 0).into())?;
    let service = Service::start(&kernel, listener, ServiceConfig::default(), shout)?;
    let address = service.address().tcp().expect("it was bound to an address of TCP");
    println!("listening on {address}");

    kernel.block_on(one_by_hand(&kernel, address))?;
    crowd(&kernel, &service, address)?;

    let lingering = kernel.block_on(kernel.connect(address))?;
    while service.counts().active == 0 {
        kernel.block_on(kernel.within(Duration::from_millis(1), std::future::pending::<()>())).unwrap_err();
    }
    let drained = kernel.block_on(service.stop(Duration::from_secs(1)))?;
    println!("drained: {} left when they were asked to, {} had to be ended", drained.ended, drained.killed);
    drop(lingering);
    let shutdown = kernel.shutdown(Duration::from_secs(1));
    println!("the kernel is down, and {} processes had to be killed", shutdown.killed);
    Ok(())
}

/// What each connection does: answers lines in capitals, until the client hangs up or the service stops.
async fn shout(ctx: Context<()>, mut stream: Stream) -> Result<(), PipeError> {
    while let Some(line) = ctx.unless_stopping(stream.read_line(1_000)).await {
        let Some(mut line) = line? else { break };
        line.make_ascii_uppercase();
        line.push(b'\n');
        stream.write(&line).await?;
    }
    stream.flush().await
}

/// A conversation from the host's side, which is not a process.
async fn one_by_hand(kernel: &Kernel, address: SocketAddr) -> Result<(), Box<dyn Error>> {
    let mut stream = kernel.connect(address).await?;
    stream.write(b"is anybody there\n").await?;
    let answer = stream.read_line(1_000).await?.ok_or("it hung up")?;
    println!("> is anybody there\n< {}", String::from_utf8_lossy(&answer));
    stream.hang_up().await?;
    Ok(())
}

/// Many clients at once, each a process.
fn crowd(kernel: &Kernel, service: &Service, address: SocketAddr) -> Result<(), Box<dyn Error>> {
    let reactor = kernel.reactor()?;
    let (clock, before) = (WallClock::start(), reactor.syscalls());
    let clients: Result<Vec<_>, _> =
        (0..CLIENTS).map(|_| kernel.spawn(move |ctx| client(ctx, address))).collect();
    for client in clients? {
        let end = kernel.block_on(client.monitor());
        if !matches!(end, ExitReason::Normal | ExitReason::NoProcess) {
            return Err(format!("a client {end}").into());
        }
    }
    let seconds = clock.now().as_nanos() as f64 / 1e9;
    let requests = (CLIENTS * BATCH * ROUNDS) as f64;
    let after = reactor.syscalls();
    println!(
        "\n{CLIENTS} clients sent {requests} lines, {BATCH} at a time: {:.0} a second",
        requests / seconds
    );
    println!("system calls for both ends of each, and its answer: {:.3}", after.total() as f64 / requests);
    for (name, after, before) in [
        ("reads", after.reads, before.reads),
        ("writes", after.writes, before.writes),
        ("polls", after.polls, before.polls),
        ("registrations", after.registrations, before.registrations),
    ] {
        println!("  {name:<14}{:>8}", after - before);
    }
    let counts = service.counts();
    println!(
        "{} connections accepted, {} refused, {} open\n",
        counts.accepted, counts.refused, counts.active
    );
    Ok(())
}

/// Sends lines in batches and checks the answers.
async fn client(ctx: Context<()>, address: SocketAddr) -> Result<(), String> {
    let name = format!("client {}", ctx.id());
    let talk = async {
        let mut stream = ctx.connect(address).await.map_err(|error| error.to_string())?;
        for round in 0..ROUNDS {
            for line in 0..BATCH {
                let line = format!("{name} says {line} in round {round}\n");
                stream.write(line.as_bytes()).await.map_err(|error| error.to_string())?;
            }
            for line in 0..BATCH {
                let answer = stream.read_line(1_000).await.map_err(|error| error.to_string())?;
                let expected = format!("{name} says {line} in round {round}").to_uppercase();
                if answer.as_deref() != Some(expected.as_bytes()) {
                    return Err(format!("{expected:?} became {answer:?}"));
                }
            }
        }
        stream.hang_up().await.map_err(|error| error.to_string())
    };
    ctx.within(Duration::from_secs(20), talk).await.map_err(|elapsed| elapsed.to_string())?
}
