//! A page that the other process has: how long who reads it waits, and who writes it while the other may read it.

use std::net::TcpListener;
use std::sync::Arc;

use ironloom_benches::{Goal, OURS, Suite, Unit, timed};
use ironloom_core::{Rng, Seed, WallClock};
use ironloom_hyper::board::layout;
use ironloom_hyper::cluster::HostSet;
use ironloom_hyper::cluster::tcp::Links;
use ironloom_hyper::computer::{Host, Inbox, Share};
use ironloom_hyper::{Computer, ComputerConfig, GuestAddress, PAGE_BYTES};

use crate::process::{Process, hear, listen, meet, say};
use crate::raw::{self, Connection};
use crate::{HOST, median};

const NAME: &str = "hyper::spread::fault";
const PAGES: u64 = 4_096;
const RAW: &str = "limit: tcp";
/// At most so many messages may go each way for an upgrade.
const TRIPS_MAX: f64 = 2.0;

/// Where a page is; neighbours in this order are no neighbours in memory.
fn address(number: u64) -> GuestAddress {
    GuestAddress::new(layout::MEMORY + number * 1_237 % PAGES * PAGE_BYTES)
}

/// A computer whose memory is full, shared by hosts of which the first has all pages.
fn join(links: &Links, inbox: Inbox, hosts: HostSet) -> (Computer, Arc<Host>) {
    let mut computer = Computer::new(ComputerConfig::new(PAGES * PAGE_BYTES)).expect("the computer is made");
    let (mut rng, mut bytes) = (Rng::new(Seed::new(1)), [0; PAGE_BYTES as usize]);
    for number in 0..PAGES {
        rng.fill(&mut bytes);
        computer.memory().write_bytes(address(number), &bytes).expect("there is room");
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
    let mut other = Process::start(&[&format!("{HOST}fault")]);
    let inbox = Inbox::default();
    let links = listen(1, inbox.handler());
    let address_of_other = other.hear();
    other.tell(&links.address().to_string());
    let hosts = meet(&links, &format!("{address_of_other} {}", links.address()));
    let (computer, host) = join(&links, inbox, hosts);
    let mut connection = Connection::new(&other.hear());
    reads(suite, &computer, &mut connection);
    let before = links.counts();
    writes(suite, &computer, &mut connection);
    let after = links.counts();
    let sent = after.messages_sent - before.messages_sent;
    let received = after.messages_received - before.messages_received;
    let trips = sent.max(received) as f64 / PAGES as f64;
    let verdict = if trips <= TRIPS_MAX { "reached" } else { "MISSED" };
    println!("{NAME}/upgrade: {trips:.2} messages each way; ≤ {TRIPS_MAX} {verdict}");
    println!("{NAME}: {:?}", host.counters());
}

fn reads(suite: &mut Suite, computer: &Computer, connection: &mut Connection) {
    /// What a grant of a whole page takes on the way.
    const GRANT_BYTES: usize = 4_160;
    let (mut ours, mut bare) = (Vec::new(), Vec::new());
    for number in 0..PAGES {
        bare.push(connection.ask(GRANT_BYTES).as_nanos() as f64);
        let read = || _ = computer.memory().load::<u64>(address(number)).expect("the other process has it");
        ours.push(timed(read).as_nanos() as f64);
    }
    suite
        .compare_values(&format!("{NAME}/read"), Unit::Nanos, [Goal::Nanos(60e3), Goal::Times(2.5, RAW)])
        .found(OURS, median(ours))
        .found(RAW, median(bare));
}

/// Writes pages that were read just now, so that the other process may still read them.
fn writes(suite: &mut Suite, computer: &Computer, connection: &mut Connection) {
    const ACKNOWLEDGEMENT_BYTES: usize = 64;
    let (mut ours, mut bare) = (Vec::new(), Vec::new());
    for number in 0..PAGES {
        bare.push(connection.ask(ACKNOWLEDGEMENT_BYTES).as_nanos() as f64);
        let write =
            || computer.memory().store(address(number), number).expect("the other process gives it up");
        ours.push(timed(write).as_nanos() as f64);
    }
    suite
        .compare_values(&format!("{NAME}/upgrade"), Unit::Nanos, [])
        .found(OURS, median(ours))
        .found(RAW, median(bare));
}
