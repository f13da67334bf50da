//! A host with much memory leaves: how long it takes until the other has all of it.

use std::net::TcpListener;
use std::sync::Arc;

use ironloom_benches::{Goal, OURS, Suite, Unit, timed};
use ironloom_core::{Duration, WallClock};
use ironloom_hyper::board::layout;
use ironloom_hyper::cluster::HostSet;
use ironloom_hyper::cluster::link::Incarnation;
use ironloom_hyper::cluster::members::MembersConfig;
use ironloom_hyper::cluster::tcp::Links;
use ironloom_hyper::computer::{Host, Inbox, Share};
use ironloom_hyper::{Computer, ComputerConfig, GuestAddress, PAGE_BYTES};

use crate::HOST;
use crate::process::{Process, hear, listen, meet, say};
use crate::raw::{self, Connection};

const NAME: &str = "hyper::spread::drain";
const RAW: &str = "limit: tcp";
const BYTES: u64 = 256 << 20;
/// Longer than anything here takes.
const LEASE: Duration = Duration::from_secs(60);

/// A computer with nothing in its memory, shared by hosts that can leave.
fn join(links: &Links, inbox: Inbox, hosts: HostSet) -> (Computer, Arc<Host>) {
    let mut computer = Computer::new(ComputerConfig::new(BYTES)).expect("the computer is made");
    let members = MembersConfig { lease: LEASE, ..MembersConfig::new(Incarnation::new(1)) };
    let share = Share { members: Some(members), ..Share::new(links.here(), hosts, &computer) };
    let post = Arc::new(links.peers().clone());
    let host = computer.join(share, post, Arc::new(WallClock::start())).expect("it is joined once");
    inbox.open(&host);
    (computer, host)
}

/// The process that stays.
pub(crate) fn serve() {
    let inbox = Inbox::default();
    let links = listen(0, inbox.handler());
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port is free");
    say(&links.address().to_string());
    let Some(other) = hear() else { return };
    let hosts = meet(&links, &format!("{} {other}", links.address()));
    let (computer, _host) = join(&links, inbox, hosts);
    say(&listener.local_addr().expect("it listens").to_string());
    raw::serve(&listener);
    let whole = (0..BYTES / PAGE_BYTES).all(|page| {
        let address = GuestAddress::new(layout::MEMORY + page * PAGE_BYTES);
        computer.memory().load::<u64>(address).ok() == Some(page + 1)
    });
    say(if whole { "all is here" } else { "something is lost" });
}

pub(crate) fn benches(suite: &mut Suite) {
    if !suite.selects(NAME) {
        return;
    }
    let mut other = Process::start(&[&format!("{HOST}drain")]);
    let inbox = Inbox::default();
    let links = listen(1, inbox.handler());
    let first = other.hear();
    other.tell(&links.address().to_string());
    let hosts = meet(&links, &format!("{first} {}", links.address()));
    let (computer, host) = join(&links, inbox, hosts);
    let mut connection = Connection::new(&other.hear());
    for page in 0..BYTES / PAGE_BYTES {
        let address = GuestAddress::new(layout::MEMORY + page * PAGE_BYTES);
        let bytes = [page as u8 | 1; PAGE_BYTES as usize];
        computer.memory().write_bytes(address, &bytes).expect("nobody has it");
        computer.memory().store(address, page + 1).expect("it is here");
    }
    let bare = connection.ask(BYTES as usize);
    let ours = timed(|| {
        host.leave().expect("the devices are elsewhere");
        while !host.has_left() {
            std::thread::yield_now();
        }
    });
    drop(connection);
    assert_eq!(other.hear(), "all is here");
    suite
        .compare_values(NAME, Unit::Nanos, [Goal::Nanos(5e9)])
        .found(OURS, ours.as_nanos() as f64)
        .found(RAW, bare.as_nanos() as f64);
}
