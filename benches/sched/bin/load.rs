//! Clients that wrk cannot play: `load idle|greedy|polite|echo PORT NUMBER [SECONDS]`.
//!
//! - `idle PORT CONNECTIONS` sends one request over each, keeps all open, prints `ready`, and leaves when its input ends.
//! - `greedy PORT CONNECTIONS SECONDS` pipelines for ever over each, and reads what is answered; prints bytes a second.
//! - `polite PORT MILLISECONDS SECONDS` sends one request each so many milliseconds; prints quantiles of the latency.
//! - `echo PORT CONNECTIONS SECONDS` sends 64 bytes over each and waits until they are back; prints the rate and quantiles.

use std::io::Read;
use std::net::Ipv4Addr;
use std::time::{Duration, Instant};

use ironloom_benches::now;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio::time::{sleep_until, timeout};

const REQUEST: &[u8] = b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n";
/// Who waits longer is starved.
const PATIENCE: Duration = Duration::from_secs(1);

/// The latencies of what was answered, and how often patience ended.
#[derive(Default)]
struct Answers {
    latencies: Vec<Duration>,
    unanswered: u64,
}

fn main() -> std::io::Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let number = |index: usize| arguments.get(index).and_then(|text| text.parse::<u64>().ok()).unwrap_or(1);
    let port = u16::try_from(number(1)).expect("a port has 16 bits");
    let time = Duration::from_secs(number(3));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        match arguments.first().map(String::as_str) {
            Some("idle") => idle(port, number(2)).await,
            Some("greedy") => greedy(port, number(2), time).await,
            Some("polite") => polite(port, Duration::from_millis(number(2)), time).await,
            Some("echo") => echo(port, number(2), time).await,
            _ => panic!("load idle|greedy|polite|echo PORT NUMBER [SECONDS]"),
        }
    })
}

async fn connect(port: u16) -> std::io::Result<TcpStream> {
    let stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).await?;
    stream.set_nodelay(true)?;
    Ok(stream)
}

/// One request and its answer, which is short enough to come in one piece.
async fn ask(stream: &mut TcpStream) -> std::io::Result<usize> {
    let mut buffer = [0; 4_096];
    stream.write_all(REQUEST).await?;
    match stream.read(&mut buffer).await? {
        0 => Err(std::io::ErrorKind::UnexpectedEof.into()),
        length => Ok(length),
    }
}

async fn idle(port: u16, connections: u64) -> std::io::Result<()> {
    let mut streams = Vec::new();
    for _ in 0..connections {
        let mut stream = connect(port).await?;
        ask(&mut stream).await?;
        streams.push(stream);
    }
    println!("ready");
    std::io::stdin().read_to_end(&mut Vec::new())?;
    Ok(())
}

async fn greedy(port: u16, connections: u64, time: Duration) -> std::io::Result<()> {
    let began = now();
    let end = began + time;
    let mut clients = JoinSet::new();
    for _ in 0..connections {
        let (mut answers, mut requests) = connect(port).await?.into_split();
        tokio::spawn(async move {
            let many = REQUEST.repeat(64);
            while now() < end && requests.write_all(&many).await.is_ok() {}
        });
        clients.spawn(async move {
            let (mut buffer, mut bytes) = (vec![0; 64 << 10], 0);
            while let Ok(Ok(length @ 1..)) = timeout(PATIENCE, answers.read(&mut buffer)).await {
                bytes += length;
                if now() >= end {
                    break;
                }
            }
            bytes
        });
    }
    let bytes: usize = clients.join_all().await.into_iter().sum();
    println!("{:.3} MB/s answered", bytes as f64 / 1e6 / (now() - began).as_secs_f64());
    Ok(())
}

async fn polite(port: u16, period: Duration, time: Duration) -> std::io::Result<()> {
    let end = now() + time;
    let mut stream = connect(port).await?;
    let mut answers = Answers::default();
    while now() < end {
        let asked = now();
        if timeout(PATIENCE, ask(&mut stream)).await.is_ok_and(|answer| answer.is_ok()) {
            answers.latencies.push(now() - asked);
        } else {
            answers.unanswered += 1;
            stream = connect(port).await?;
        }
        sleep_until((asked + period).into()).await;
    }
    println!("{}", answers.summary());
    Ok(())
}

async fn echo(port: u16, connections: u64, time: Duration) -> std::io::Result<()> {
    let mut streams = Vec::new();
    for _ in 0..connections {
        streams.push(connect(port).await?);
    }
    let began = now();
    let end = began + time;
    let mut clients = JoinSet::new();
    for stream in streams {
        clients.spawn(echo_one(stream, end));
    }
    let mut all = Answers::default();
    while let Some(answers) = clients.join_next().await {
        let answers = answers.expect("a client does not panic");
        all.latencies.extend(answers.latencies);
        all.unanswered += answers.unanswered;
    }
    let rate = all.latencies.len() as f64 / (now() - began).as_secs_f64();
    println!("{rate:.0}/s, {}", all.summary());
    Ok(())
}

async fn echo_one(mut stream: TcpStream, end: Instant) -> Answers {
    let (sent, mut came) = ([7; 64], [0; 64]);
    let mut answers = Answers::default();
    while now() < end {
        let asked = now();
        let round = async {
            stream.write_all(&sent).await?;
            stream.read_exact(&mut came).await
        };
        if timeout(PATIENCE, round).await.is_ok_and(|round| round.is_ok()) {
            answers.latencies.push(now() - asked);
        } else {
            answers.unanswered += 1;
            break;
        }
    }
    answers
}

impl Answers {
    /// What a table shows of them.
    fn summary(&mut self) -> String {
        self.latencies.sort_unstable();
        let at = |percent: usize| {
            let index = (self.latencies.len() * percent / 100).min(self.latencies.len().saturating_sub(1));
            self.latencies.get(index).copied().unwrap_or_default()
        };
        format!("p50 {:.2?}, p99 {:.2?}, {} unanswered", at(50), at(99), self.unanswered)
    }
}
