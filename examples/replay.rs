//! A bank loses money, and only when several customers happen to come at the same moment. Its run was written down, so it
//! loses the same money again as often as one likes, and one stops where it happens.
//!
//! `cargo run --release --example replay`, or `-- LOG [SECONDS]` to play a log that is there, up to some moment.

use std::error::Error;
use std::io::{Read as _, Write as _};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::path::Path;

use ironloom_node::prelude::*;
use ironloom_node::{Log, Replay};

type Result<T = ()> = std::result::Result<T, Box<dyn Error>>;

/// Reads the balance, thinks, and writes it: the oldest mistake there is.
const PAY: &str = r#"#!/bin/lua
local name = io.read()
local balance = tonumber(fs.read("/root/balance"))
os.sleep(0.002)
fs.write("/root/balance", tostring(balance + 10))
fs.append("/root/payments", `{name} found {balance} and left {balance + 10}\n`)
print(`thank you, {name}`)
"#;

const CUSTOMERS: [&str; 6] = ["anna", "bruno", "carla", "dora", "emil", "fritz"];

fn main() -> Result {
    let mut arguments = std::env::args().skip(1);
    if let Some(path) = arguments.next() {
        let until = arguments.next().map(|seconds| seconds.parse()).transpose()?;
        return play(Path::new(&path), until);
    }
    let directory = tempfile::tempdir()?;
    let path = directory.path().join("log");
    live(&path)?;
    investigate(&path)
}

/// A day of the bank's, in real time, with customers who come by TCP.
fn live(path: &Path) -> Result {
    let bank = World::builder(7)
        .machine("bank", |bank| {
            bank.file("/bin/pay", PAY).file("/root/balance", "0").file("/root/payments", "")
        })
        .describe()?;
    let world = World::record(&bank, &Log::open(path)?)?;
    let node = Node::start(world.clone())?;
    let counter = node.listen("counter", Listener::tcp("127.0.0.1:0").to_command("bank", "pay"))?;
    let address = counter.tcp().expect("it was bound to an address of TCP");
    std::thread::scope(|scope| {
        let customers =
            CUSTOMERS.map(|name| scope.spawn(move || (0..5).try_for_each(|_| visit(address, name))));
        customers.into_iter().try_for_each(|customer| customer.join().expect("customers are calm"))
    })?;
    node.stop();
    let (balance, payments) = look(&world)?;
    println!(
        "the day is over after {}: {} paid 10 each, and the bank has {balance}",
        world.now(),
        payments.len()
    );
    println!("digest {}", world.digest());
    Ok(())
}

fn visit(address: SocketAddr, name: &str) -> std::io::Result<()> {
    let mut stream = TcpStream::connect(address)?;
    writeln!(stream, "{name}")?;
    stream.shutdown(Shutdown::Write)?;
    stream.read_to_string(&mut String::new()).map(drop)
}

/// Plays the day again, twice: to its end, and to where the money went.
fn investigate(path: &Path) -> Result {
    let log = Log::open(path)?;
    let (blobs, bytes) = log.size()?;
    let again = World::replay(&log)?.finish()?;
    println!("\nplayed again from {bytes} bytes in {blobs} blobs, it ends with {}", look(&again)?.0);
    println!("digest {}", again.digest());
    let mut replay = World::replay(&log)?;
    let has_lost = |world: &World| look(world).is_ok_and(|(balance, all)| balance < 10 * all.len());
    if !replay.run_while(|world| !has_lost(world))? {
        println!("\nnothing was lost this time: whoever comes alone does no harm");
        return Ok(());
    }
    println!("\nthe first money was lost at {}:", replay.world().now());
    show(&replay)
}

/// Plays a log that somebody has.
fn play(path: &Path, until: Option<f64>) -> Result {
    let mut replay = World::replay(&Log::open(path)?)?;
    let until = until.map_or(Instant::MAX, |seconds| Instant::from_nanos((seconds * 1e9) as u64));
    let is_all = replay.run_until(until)?;
    println!("{} at {}", if is_all { "the end" } else { "more follows" }, replay.world().now());
    println!("machines: {}", replay.world().machines().join(", "));
    println!("digest {}", replay.world().digest());
    Ok(())
}

fn show(replay: &Replay) -> Result {
    let (balance, payments) = look(replay.world())?;
    payments.iter().rev().take(3).rev().for_each(|line| println!("  {line}"));
    println!("{} payments were made by then, and the balance is {balance}", payments.len());
    Ok(())
}

/// The balance, and a line for each payment.
fn look(world: &World) -> Result<(usize, Vec<String>)> {
    let balance = String::from_utf8(world.peek("bank", "/root/balance")?)?;
    let payments = String::from_utf8(world.peek("bank", "/root/payments")?)?;
    Ok((balance.trim().parse().unwrap_or(0), payments.lines().map(str::to_owned).collect()))
}
