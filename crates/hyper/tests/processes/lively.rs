//! Linux while all its harts move all the time, a process joins and another leaves; and when one dies.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, channel};

use ironloom_core::{Duration, WallClock};
use ironloom_hyper::Computer;
use ironloom_hyper::board::Ending;
use ironloom_hyper::cluster::link::Incarnation;
use ironloom_hyper::cluster::members::{MembersConfig, Why};
use ironloom_hyper::cluster::tcp::Links;
use ironloom_hyper::cluster::{HostId, HostSet};
use ironloom_hyper::computer::{ComputerError, Host, HostEvent, Inbox, Pause, Share};

use crate::guest::Guest;
use crate::process::{Process, hear, introduce, listen, meet, say};
use crate::{DEADLINE, HARTS, PATIENCE, expected, said_by};

/// What tells this program that it is a host of these tests, before its number.
const HOST: &str = "lively=";
/// The hosts that begin, and the one that comes.
const FOUNDERS: u8 = 3;
const NEWCOMER: u8 = 3;
/// How long a hart stays, so that it gets something done.
const STAY: Duration = Duration::from_millis(20);
/// How often each hart is to move at least: a hundred times there and back.
const MOVES_MIN: u32 = 200;
/// How long a host may say nothing: longer than any of these tests takes.
const LEASE: Duration = Duration::from_secs(60);

/// How high the job counts, so that it lasts for a while: twice as high takes twice as long.
///
/// `IRONLOOM_MOVES_LAST=100000 cargo test -p ironloom-hyper --test processes lively` makes a soak of it, of more than 10,000
/// moves.
#[expect(clippy::disallowed_methods, reason = "who runs tests by hand says how long")]
fn last() -> u32 {
    std::env::var("IRONLOOM_MOVES_LAST").map_or(30_000, |last| last.parse().expect("a number to count to"))
}

fn job() -> String {
    format!("for n in 1 2 3 4; do (seq $n {} | sha256sum) & done; wait; nproc", last())
}

fn founders() -> HostSet {
    (0..FOUNDERS).filter_map(HostId::new).collect()
}

/// A host among these, from the begin or later.
fn take_part(links: &Links, inbox: Inbox, guest: &Guest) -> (Computer, Arc<Host>) {
    let is_founder = founders().contains(links.here());
    let mut computer = if is_founder { guest.computer(HARTS, &job()) } else { Guest::empty(HARTS) };
    let first = founders().first().expect("there are three");
    let members = MembersConfig { lease: LEASE, ..MembersConfig::new(Incarnation::new(1)) };
    let share =
        Share { here: links.here(), members: Some(members), ..Share::new(first, founders(), &computer) };
    let (post, clock) = (Arc::new(links.peers().clone()), Arc::new(WallClock::start()));
    let host = if is_founder {
        computer.join(share, post, clock)
    } else {
        computer.join_running(share, first, post, clock)
    };
    let host = host.unwrap();
    inbox.open(&host);
    (computer, host)
}

/// Sends each hart that has come to the next host, until there is nothing to run; how often each has left.
fn keep_moving(host: &Host, over: &AtomicBool) -> [u32; HARTS as usize] {
    let mut moves = [0; HARTS as usize];
    while !over.load(Ordering::SeqCst) {
        let later = |other: &HostId| *other > host.id();
        let others = host.hosts().without(host.id());
        let next = others.iter().find(later).or(others.first());
        for hart in 0..HARTS as u8 {
            if let Some(next) = next.filter(|_| host.host_of(hart) == Some(host.id())) {
                let _ = host.move_hart(hart, next); // it may be on its way, or the next host may be leaving
            }
        }
        sleep(STAY);
        while let Some(event) = host.poll() {
            match event {
                HostEvent::Moved { hart, .. } => moves[usize::from(hart)] += 1,
                HostEvent::Stayed { .. } => {}
                event => println!("{}: {event:?}", host.id()),
            }
        }
    }
    moves
}

/// Runs the computer while its harts move; how it ended here, and how often each hart has left.
fn run(computer: &mut Computer, host: &Host) -> (Result<Pause, ComputerError>, [u32; HARTS as usize]) {
    let over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let mover = scope.spawn(|| keep_moving(host, &over));
        let pause = computer.run_freely_until(DEADLINE);
        over.store(true, Ordering::SeqCst);
        (pause, mover.join().unwrap())
    })
}

/// The other hosts' half of the tests below. Started by anybody else, it has nothing to do.
#[test]
fn host_of_a_lively_computer() {
    let Some(number) = std::env::args().find_map(|text| text.strip_prefix(HOST)?.parse().ok()) else {
        return;
    };
    let inbox = Inbox::default();
    let links = listen(number, inbox.handler());
    say(&links.address().to_string());
    let Some(addresses) = hear() else { return };
    meet(&links, &addresses);
    let guest = Guest::get().expect("the first host has it");
    let (mut computer, host) = take_part(&links, inbox, &guest);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            // What follows is the word to leave, the question what it waits for, or the end.
            while let Some(word) = hear() {
                match &*word {
                    "leave" => host.leave().unwrap(),
                    _ => println!("{host:#?}"),
                }
            }
        });
        let (pause, moves) = run(&mut computer, &host);
        let moves = moves.map(|moves| moves.to_string()).join(" ");
        say(&format!("{moves} {pause:?}"));
    });
}

fn start(number: u8) -> Process {
    Process::start(&[
        "--exact",
        "lively::host_of_a_lively_computer",
        "--nocapture",
        &format!("{HOST}{number}"),
    ])
}

/// What the first host of a computer is told by another at its end: how often harts left it, and how it ended there.
fn understand(line: &str) -> (Vec<u32>, String) {
    let mut words = line.splitn(usize::from(HARTS) + 1, ' ');
    let moves = words.by_ref().take(usize::from(HARTS)).map(|word| word.parse().unwrap()).collect();
    (moves, words.next().unwrap().to_owned())
}

/// How a computer ended on a host, how often each hart left that, and what the guest said.
type Ended = (Result<Pause, Box<ComputerError>>, Vec<u32>, String);

/// The first host and its computer, which runs, and those that began with it.
struct First {
    host: Arc<Host>,
    others: Vec<Process>,
    /// Where all of them are.
    addresses: String,
    result: Receiver<Ended>,
    _links: Links,
}

impl First {
    #[expect(clippy::disallowed_methods, reason = "a computer that hangs must not hang the test")]
    fn start(guest: &Guest) -> Self {
        let mut others: Vec<Process> = (1..FOUNDERS).map(start).collect();
        let inbox = Inbox::default();
        let links = listen(0, inbox.handler());
        let addresses = introduce(&links, &mut others);
        meet(&links, &addresses);
        let (mut computer, host) = take_part(&links, inbox, guest);
        let (tell, result) = channel();
        let part = host.clone();
        std::thread::spawn(move || {
            let (pause, moves) = run(&mut computer, &part);
            // The test may have given up.
            let _ = tell.send((pause.map_err(Box::new), moves.to_vec(), said_by(&mut computer)));
        });
        Self { host, others, addresses, result, _links: links }
    }

    fn wait(&self) -> Ended {
        self.result.recv_timeout(PATIENCE).unwrap_or_else(|_| panic!("it waits: {:#?}", self.host))
    }
}

#[test]
fn harts_move_a_process_joins_and_one_leaves_while_linux_runs() {
    let Some(guest) = Guest::get() else { return };
    let mut first = First::start(&guest);

    sleep(Duration::from_secs(2));
    let mut newcomer = start(NEWCOMER);
    let addresses = format!("{} {}", first.addresses, newcomer.hear());
    newcomer.tell(&addresses);
    let id = HostId::new(NEWCOMER).unwrap();
    until("a process joins", || first.host.hosts().contains(id));
    sleep(Duration::from_secs(1));
    let mut leaver = first.others.pop().unwrap();
    leaver.tell("leave");
    let (left, departed) = understand(&leaver.hear());
    assert_eq!(departed, format!("{:?}", Ok::<_, ComputerError>(Pause::Left)));
    let id = HostId::new(FOUNDERS - 1).unwrap();
    until("it has left", || !first.host.hosts().contains(id));

    let (pause, mut moves, said) = first.wait();
    println!("{said}");
    assert_eq!(pause.unwrap(), Pause::Ended(Ending::PowerOff { code: 0 }), "{said}");
    let lines: Vec<&str> = said.lines().map(str::trim_end).collect();
    for number in 1..=4 {
        assert!(lines.contains(&&*expected(number, last())), "the sum of the numbers from {number} is right");
    }
    assert!(lines.contains(&"4"), "all harts are there");
    let (second, _) = understand(&first.others[0].hear());
    let (came, _) = understand(&newcomer.hear());
    println!("moves from the first {moves:?}, the second {second:?}, who left {left:?}, who came {came:?}");
    assert!(came.iter().sum::<u32>() > 0, "who came had harts");
    for others in [left, second, came] {
        moves.iter_mut().zip(others).for_each(|(moves, more)| *moves += more);
    }
    assert!(moves.iter().all(|moves| *moves >= MOVES_MIN), "{moves:?}");
}

#[test]
fn when_a_process_dies_the_others_stop_long_before_its_lease_ends() {
    let Some(guest) = Guest::get() else { return };
    let mut first = First::start(&guest);
    sleep(Duration::from_secs(2));
    drop(first.others.pop()); // which kills it
    let (pause, ..) = first.wait();
    let host = HostId::new(FOUNDERS - 1).unwrap();
    assert!(
        matches!(pause.as_ref().map_err(|error| &**error), Err(ComputerError::HostLost { host: lost, why: Why::Unlinked }) if *lost == host),
        "{pause:?}"
    );
    let (_, other) = understand(&first.others[0].hear());
    assert!(other.contains("HostLost"), "{other}");
}

fn until(what: &str, is_so: impl Fn() -> bool) {
    for _ in 0..30_000 {
        if is_so() {
            return;
        }
        sleep(Duration::from_millis(1));
    }
    panic!("never: {what}");
}

#[expect(clippy::disallowed_methods, reason = "the guest works meanwhile")]
fn sleep(duration: Duration) {
    std::thread::sleep(duration.into());
}
