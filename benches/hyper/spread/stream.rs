//! Many pages one after another, asked for ahead: the protocol over links, with nothing around it, beside a bare stream.

use std::net::TcpListener;
use std::sync::{Arc, OnceLock};

use borsh::from_slice;
use ironloom_benches::{Goal, LIMIT, OURS, Suite, Unit, timed};
use ironloom_core::{Clock as _, EventCount, WallClock};
use ironloom_hyper::PAGE_BYTES;
use ironloom_hyper::cluster::tcp::{Event, Links, Peers};
use ironloom_hyper::cluster::{Epoch, HostId, HostSet};
use ironloom_hyper::coherence::{
    AHEAD_MAX, Coherence, CoherenceConfig, Content, Held, Output, Page, Released, Want,
};
use parking_lot::Mutex;

use crate::process::{Process, hear, listen, meet, say};
use crate::raw::{self, Connection};
use crate::{HOST, median};

const NAME: &str = "hyper::spread::stream";
const RAW: &str = "limit: tcp";
/// The pages of a run, and how many runs there are.
const RUN: u32 = 4_096;
const RUNS: u32 = 4;
/// How many pages are asked for at a time.
const AHEAD: u32 = 4 * AHEAD_MAX as u32;

type Bytes = [u8; PAGE_BYTES as usize];

/// What one process has of the memory.
struct Store {
    coherence: Coherence,
    pages: Vec<Bytes>,
    /// How many pages have come.
    came: u32,
}

/// A host that drives the protocol and does nothing else.
struct Driver {
    store: Mutex<Store>,
    clock: WallClock,
    /// Tells that pages have come.
    news: EventCount,
    /// What is to be sent: whoever sends takes all of it, so that it goes in few frames.
    said: Mutex<Vec<Vec<u8>>>,
    mail: EventCount,
}

impl Driver {
    /// The first host has all pages, and none of them is zero.
    fn new(here: HostId, hosts: HostSet) -> Self {
        let owner = hosts.first().expect("there are two");
        let config = CoherenceConfig::new(RUN * RUNS);
        let coherence = Coherence::new(config, here, hosts, Epoch::new(1), owner, |_| true);
        let fill = if here == owner { 7 } else { 0 };
        let pages = vec![[fill; PAGE_BYTES as usize]; (RUN * RUNS) as usize];
        Self {
            store: Mutex::new(Store { coherence, pages, came: 0 }),
            clock: WallClock::start(),
            news: EventCount::new(),
            said: Mutex::default(),
            mail: EventCount::new(),
        }
    }

    fn handle(&self, from: HostId, message: &[u8]) {
        let store = &mut *self.store.lock();
        let message = from_slice(message).expect("both processes speak alike");
        store.coherence.receive(self.clock.now(), from, message).expect("nothing is lost");
        self.drain(store);
    }

    /// Does what the protocol wants.
    fn drain(&self, store: &mut Store) {
        let (mut said, came) = (Vec::new(), store.came);
        while let Some(output) = store.coherence.poll() {
            match output {
                Output::Send { message, .. } => {
                    said.push(borsh::to_vec(&message).expect("a vector takes all"));
                }
                Output::Install { page, content, .. } => {
                    assert!(content.apply(&mut store.pages[page.get() as usize]), "it is sound");
                    store.came += 1;
                }
                Output::Release { page, tell, .. } => {
                    let content = tell.map(|_| Content::of(&store.pages[page.get() as usize]));
                    let released = Released { content, changed: false };
                    store.coherence.released(self.clock.now(), page, released);
                }
                Output::Forget { .. } => {}
                Output::Lost { page, .. } => panic!("{page:?} is lost"),
            }
        }
        if !said.is_empty() {
            self.said.lock().append(&mut said);
            self.mail.notify_all();
        }
        if store.came != came {
            self.news.notify_all();
        }
    }

    /// Sends what is said, for as long as the link stands.
    fn send(&self, peers: &Peers, other: HostId) {
        loop {
            self.mail.wait_until(|| !self.said.lock().is_empty());
            let said = std::mem::take(&mut *self.said.lock());
            let said: Vec<&[u8]> = said.iter().map(Vec::as_slice).collect();
            if peers.send_all(other, &said).is_err() {
                return;
            }
        }
    }

    /// Reads the pages of a run, asking for some ahead.
    fn read(&self, run: u32) {
        let first = run * RUN;
        for ahead in (0..RUN).step_by(AHEAD_MAX) {
            // Not before there is room for them.
            self.news.wait_until(|| self.store.lock().came + AHEAD >= first + ahead + AHEAD_MAX as u32);
            let pages: Vec<Page> =
                (0..AHEAD_MAX as u32).map(|page| Page::new(first + ahead + page)).collect();
            let store = &mut *self.store.lock();
            store.coherence.want_ahead(self.clock.now(), &pages, Want::Read);
            self.drain(store);
        }
        self.news.wait_until(|| self.store.lock().came == first + RUN);
    }
}

/// A driver with its links. What comes before there is a driver waits.
#[expect(clippy::disallowed_methods, reason = "the thread ends with its link, or with the process")]
fn open(number: u8, meet: impl FnOnce(&Links) -> HostSet) -> (Arc<Driver>, Links) {
    let place: Arc<OnceLock<Arc<Driver>>> = Arc::default();
    let links = listen(number, {
        let place = place.clone();
        move |_, from, event| {
            if let Event::Message(message) = event {
                place.wait().handle(from, message);
            }
        }
    });
    let hosts = meet(&links);
    let driver = Arc::new(Driver::new(links.here(), hosts));
    place.get_or_init(|| driver.clone());
    let other = hosts.without(links.here()).first().expect("there are two");
    let (sender, peers) = (driver.clone(), links.peers().clone());
    std::thread::spawn(move || sender.send(&peers, other));
    (driver, links)
}

/// The process that has the pages.
pub(crate) fn serve() {
    let open = open(0, |links| {
        say(&links.address().to_string());
        meet(links, &format!("{} {}", links.address(), hear().unwrap_or_default()))
    });
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port is free");
    say(&listener.local_addr().expect("it listens").to_string());
    raw::serve(&listener);
    drop(open);
}

pub(crate) fn benches(suite: &mut Suite) {
    if !suite.selects(NAME) {
        return;
    }
    let mut other = Process::start(&[&format!("{HOST}stream")]);
    let (driver, _links) = open(1, |links| {
        let first = other.hear();
        other.tell(&links.address().to_string());
        meet(links, &format!("{first} {}", links.address()))
    });
    let mut connection = Connection::new(&other.hear());
    let bytes = (u64::from(RUN) * PAGE_BYTES) as usize;
    let (mut ours, mut bare) = (Vec::new(), Vec::new());
    for run in 0..RUNS {
        bare.push(bytes as f64 / connection.ask(bytes).as_secs_f64());
        ours.push(bytes as f64 / timed(|| driver.read(run)).as_secs_f64());
    }
    let store = driver.store.lock();
    assert!(store.pages.iter().all(|page| *page == [7; PAGE_BYTES as usize]), "all pages came");
    assert!(
        (0..RUN * RUNS).all(|page| store.coherence.held(Page::new(page)) == Held::Read),
        "and may be read"
    );
    suite
        .compare_values(&format!("{NAME}/bytes"), Unit::PerSecond, [Goal::Better(0.6, RAW)])
        .found(OURS, median(ours))
        .found(RAW, median(bare));
    assert!(RAW.starts_with(LIMIT), "it is no peer");
}
