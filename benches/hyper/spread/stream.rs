//! Memory that the other process has, read from its begin to its end, beside as many bytes over a bare stream.

use std::net::TcpListener;
use std::sync::Arc;

use ironloom_benches::{Goal, LIMIT, OURS, Suite, Unit, timed};
use ironloom_core::WallClock;
use ironloom_hyper::board::layout;
use ironloom_hyper::cluster::HostSet;
use ironloom_hyper::cluster::tcp::Links;
use ironloom_hyper::computer::{Host, Inbox, Share};
use ironloom_hyper::{Computer, ComputerConfig, GuestAddress, PAGE_BYTES};

use crate::process::{Process, hear, listen, meet, say};
use crate::raw::{self, Connection};
use crate::{HOST, median};

const NAME: &str = "hyper::spread::stream";
const RAW: &str = "limit: tcp";
/// How many bytes a run reads, and how many runs there are.
const RUN_BYTES: u64 = 16 << 20;
const RUNS: u64 = 8;

type Page = [u8; PAGE_BYTES as usize];

/// What is in a page, and nowhere else.
fn content(number: u64) -> Page {
    let mut page = [number as u8 | 1; PAGE_BYTES as usize];
    page[..8].copy_from_slice(&number.to_le_bytes());
    page
}

fn address(number: u64) -> GuestAddress {
    GuestAddress::new(layout::MEMORY + number * PAGE_BYTES)
}

/// A computer whose memory is full, shared by hosts of which the first has all pages.
fn join(links: &Links, inbox: Inbox, hosts: HostSet) -> (Computer, Arc<Host>) {
    let bytes = RUN_BYTES * RUNS;
    let mut computer = Computer::new(ComputerConfig::new(bytes)).expect("the computer is made");
    for number in 0..bytes / PAGE_BYTES {
        computer.memory().write_bytes(address(number), &content(number)).expect("there is room");
    }
    let share = Share::new(links.here(), hosts, &computer);
    let post = Arc::new(links.peers().clone());
    let host = computer.join(share, post, Arc::new(WallClock::start())).expect("it is joined once");
    inbox.open(&host);
    (computer, host)
}

/// The process that has the pages.
pub(crate) fn serve() {
    let inbox = Inbox::default();
    let links = listen(0, inbox.handler());
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port is free");
    say(&links.address().to_string());
    let Some(other) = hear() else { return };
    let hosts = meet(&links, &format!("{} {other}", links.address()));
    let joined = join(&links, inbox, hosts);
    say(&listener.local_addr().expect("it listens").to_string());
    raw::serve(&listener);
    drop(joined);
}

pub(crate) fn benches(suite: &mut Suite) {
    if !suite.selects(NAME) {
        return;
    }
    let mut other = Process::start(&[&format!("{HOST}stream")]);
    let inbox = Inbox::default();
    let links = listen(1, inbox.handler());
    let first = other.hear();
    other.tell(&links.address().to_string());
    let hosts = meet(&links, &format!("{first} {}", links.address()));
    let (computer, host) = join(&links, inbox, hosts);
    let mut connection = Connection::new(&other.hear());
    let (mut ours, mut bare) = (Vec::new(), Vec::new());
    for run in 0..RUNS {
        bare.push(RUN_BYTES as f64 / connection.ask(RUN_BYTES as usize).as_secs_f64());
        ours.push(RUN_BYTES as f64 / timed(|| read(&computer, run)).as_secs_f64());
    }
    println!("{NAME}: {:?}", host.counters());
    suite
        .compare_values(&format!("{NAME}/bytes"), Unit::PerSecond, [Goal::Better(0.6, RAW)])
        .found(OURS, median(ours))
        .found(RAW, median(bare));
    assert!(RAW.starts_with(LIMIT), "it is no peer");
}

/// Reads what belongs to a run, page by page.
fn read(computer: &Computer, run: u64) {
    let (mut page, pages) = ([0; PAGE_BYTES as usize], RUN_BYTES / PAGE_BYTES);
    for number in run * pages..(run + 1) * pages {
        computer.memory().read_bytes(address(number), &mut page).expect("the other process has it");
        assert_eq!(page[..8], number.to_le_bytes(), "it is the page that was asked for");
        assert_eq!(page[8..], content(number)[8..], "and all of it came");
    }
}
