//! Debian's Linux on one computer whose four harts and whose pages are spread over processes that speak TCP. A line each
//! half second shows where they are while Linux boots and works. In the middle of the work the last process leaves.
//!
//! The kernel and an initial file system with busybox come from Debian: `tests/guest/linux.sh` gets them, once.
//!
//! `cargo run --release --example one_big_machine -- [HOSTS]`

mod child;
mod part;

use std::error::Error;
use std::io::Read as _;
use std::process::{Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};

use ironloom_node::core::{Clock as _, Duration, Instant, WallClock};
use ironloom_node::hyper::cluster::HostId;
use ironloom_node::hyper::computer::{Host, Inbox};

use child::Process;
use part::{News, Row};

type Result<T> = std::result::Result<T, Box<dyn Error + Send + Sync>>;

const HARTS: u16 = 4;
/// Four processes at a time, each of which adds numbers up.
const JOB: &str = "echo at work; for n in 1 2 3 4; do seq $n 30000 | awk '{s+=$1}END{print s}' & done; wait";
const AT_WORK: &[u8] = b"at work\r\n";
const LAST: u64 = 30_000;
/// How often is shown how it is.
const TICK: Duration = Duration::from_millis(500);

/// The paths of the kernel and its initial file system, if they can be had.
fn guest() -> Result<Option<[String; 2]>> {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/guest/linux.sh");
    let output = Command::new("bash").arg(script).stderr(Stdio::inherit()).output()?;
    let mut lines = std::str::from_utf8(&output.stdout)?.lines().map(String::from);
    Ok(if output.status.success() { lines.next().zip(lines.next()).map(Into::into) } else { None })
}

/// What nobody can guess.
fn secret() -> Result<String> {
    let mut bytes = [0; 16];
    std::fs::File::open("/dev/urandom")?.read_exact(&mut bytes)?;
    Ok(format!("{:032x}", u128::from_le_bytes(bytes)))
}

/// Starts the other hosts, makes one computer with them, and lets it run to its end.
fn lead(hosts: u8, paths: &[String; 2]) -> Result<()> {
    let (clock, secret, inbox) = (WallClock::start(), secret()?, Inbox::default());
    let links = part::listen(0, &secret, &inbox)?;
    let others = (1..hosts).map(|number| Process::start(number, paths, &secret));
    let mut others: Vec<Process> = others.collect::<Result<_>>()?;
    let mut addresses = links.address().to_string();
    for other in &mut others {
        addresses = format!("{addresses} {}", other.address()?);
    }
    for other in &mut others {
        other.tell(&addresses)?;
    }
    let (computer, host) = part::join(&links, inbox, &addresses, part::boot(paths, HARTS, JOB)?)?;
    println!("{HARTS} harts and 256 MiB on {hosts} hosts: {addresses}");

    let (sender, news) = channel();
    part::start(&sender, |news| part::run(computer, news));
    for (other, number) in others.iter_mut().zip(1..) {
        other.watch(number, &sender);
    }
    let mut rows = vec![Row::default(); hosts.into()];
    let (now, said) = watch(&clock, &host, &news, &mut rows, &mut others)?;
    // The others say once more how they are, and end.
    for _ in &others {
        while let Ok(News::Row(number, row)) = news.recv_timeout(TICK.into()) {
            rows[number] = row;
        }
    }
    sum_up(&rows, clock.now(), now);
    for first in 1..=4 {
        let sum = (first..=LAST).sum::<u64>().to_string();
        said.lines().find(|line| *line == sum).ok_or_else(|| format!("nobody has said {sum}"))?;
    }
    println!("all sums are right");
    Ok(())
}

/// Shows how all hosts are until the computer ends; when it did, and what it said.
fn watch(
    clock: &WallClock,
    host: &Host,
    news: &Receiver<News>,
    rows: &mut [Row],
    others: &mut [Process],
) -> Result<(Instant, String)> {
    let (mut tick, mut before) = (clock.now().saturating_add(TICK), 0);
    loop {
        match news.recv_timeout(tick.saturating_since(clock.now()).into()) {
            Ok(News::Row(number, row)) => rows[number] = row,
            Ok(News::AtWork) => others.last_mut().ok_or("one host is not many")?.tell("leave")?,
            Ok(News::Left(number)) => println!("host-{number} has left"),
            Ok(News::Ended(now, said)) => {
                rows[0] = part::row(host);
                return Ok((now, said));
            }
            Ok(News::Failed(reason)) => return Err(reason.into()),
            Err(RecvTimeoutError::Disconnected) => return Err("nothing runs any more".into()),
            Err(RecvTimeoutError::Timeout) => {
                rows[0] = part::row(host);
                let moved: u64 = rows.iter().map(|[.., moved, _]| moved).sum();
                picture(clock.now(), host, rows, (moved - before) * 2);
                (tick, before) = (tick.saturating_add(TICK), moved);
            }
        }
    }
}

/// Where harts and pages are: `host-1 [2] 1548 + 6179` has hart 2, may write 1,548 pages and read 6,179.
fn picture(now: Instant, host: &Host, rows: &[Row], moves: u64) {
    let mut line = format!("{:5.1} s", now.saturating_since(Instant::ZERO).as_secs_f64());
    for ([writing, reading, ..], number) in rows.iter().zip(0..) {
        let Some(there) = HostId::new(number).filter(|there| host.hosts().contains(*there)) else { continue };
        let harts = (0..HARTS as u8).filter(|hart| host.host_of(*hart) == Some(there));
        let harts: Vec<String> = harts.map(|hart| hart.to_string()).collect();
        line += &format!(" | {there} [{}] {writing} + {reading}", harts.join(" "));
    }
    println!("{line} | {moves} pages a second");
}

fn sum_up(rows: &[Row], took: Instant, now: Instant) {
    let [moved, bytes] = [2, 3].map(|column| rows.iter().map(|row| row[column]).sum::<u64>());
    let took = took.saturating_since(Instant::ZERO);
    println!(
        "{took}, {now} of the guest's time: pages moved {moved} times, with {bytes} bytes that differed"
    );
}

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if let [number, image, initramfs] = &arguments[..] {
        return child::main(number.parse()?, &[image.clone(), initramfs.clone()]);
    }
    let hosts = arguments.first().map_or(Ok(3), |text| text.parse())?;
    let Some(paths) = guest()? else {
        println!("skipped: Debian's kernel cannot be had here, and this is about nothing else");
        return Ok(());
    };
    lead(hosts, &paths)
}
