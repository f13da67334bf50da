//! The simulation of the network's benches, in madsim: `madsim-peer HOSTS SECONDS`.
//!
//! A tenth of the hosts are servers. Every other host connects to one, sends 200 bytes, receives 8 KiB until the server
//! closes, thinks for 0.2 to 1.8 s, and begins again. madsim carries streams: there are no packets, no loss and no
//! routers. Prints how many seconds of the host's time it took, and how many flows were done.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use madsim::net::{TcpListener, TcpStream};
use madsim::rand::{Rng as _, thread_rng};
use madsim::runtime::Runtime;
use madsim::time::sleep;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

const PORT: u16 = 80;

fn main() {
    let mut arguments = std::env::args().skip(1).map(|argument| argument.parse().expect("a number"));
    let hosts: u32 = arguments.next().expect("HOSTS");
    let seconds = arguments.next().expect("SECONDS").into();
    let mut config = madsim::Config::default();
    config.net.send_latency = Duration::from_millis(1)..Duration::from_millis(50);
    let runtime = Runtime::with_seed_and_config(7, config);
    let done = Arc::new(AtomicU64::new(0));
    let servers = hosts / 10;
    for number in 0..hosts {
        let node = runtime.create_node().ip(address(number)).build();
        if number < servers {
            node.spawn(serve());
        } else {
            node.spawn(browse(servers, Arc::clone(&done)));
        }
    }
    let start = std::time::Instant::now();
    runtime.block_on(async move { sleep(Duration::from_secs(seconds)).await });
    println!("{} {}", start.elapsed().as_secs_f64(), done.load(Ordering::Relaxed));
}

fn address(number: u32) -> IpAddr {
    Ipv4Addr::from_bits(0x0A00_0001 + number).into()
}

async fn serve() {
    let listener = TcpListener::bind((IpAddr::from([0, 0, 0, 0]), PORT)).await.expect("the port is free");
    while let Ok((connection, _)) = listener.accept().await {
        madsim::task::spawn(async move { _ = answer(connection).await });
    }
}

async fn answer(mut connection: TcpStream) -> std::io::Result<()> {
    let mut request = [0; 200];
    connection.read_exact(&mut request).await?;
    connection.write_all(&[7; 8 << 10]).await?;
    connection.flush().await
}

async fn browse(servers: u32, done: Arc<AtomicU64>) {
    loop {
        let think = thread_rng().gen_range(200..1_800);
        sleep(Duration::from_millis(think)).await;
        let server = address(thread_rng().gen_range(0..servers));
        if fetch(server).await.is_ok() {
            done.fetch_add(1, Ordering::Relaxed);
        }
    }
}

async fn fetch(server: IpAddr) -> std::io::Result<()> {
    let mut connection = TcpStream::connect((server, PORT)).await?;
    connection.write_all(&[7; 200]).await?;
    connection.flush().await?;
    let mut answer = Vec::with_capacity(8 << 10);
    connection.read_to_end(&mut answer).await?;
    Ok(())
}
