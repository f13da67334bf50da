//! Which pages are taken to be falsely shared, and what hosts that lie are answered.

use ironloom_core::WallClock;

use super::*;
use crate::GuestAddress;
use crate::board::layout;
use crate::cluster::HostSet;
use crate::computer::{Computer, ComputerConfig, Post, Share};
use crate::memory::Change;

const PAGE: Page = Page::new(7);
const MINE: u64 = 0b0011;
const THEIRS: u64 = 0b1100;

fn micros(micros: u64) -> Instant {
    Instant::ZERO.saturating_add(Duration::from_micros(micros))
}

/// A table after so many turns, of 100 µs each, in which these lines were written elsewhere.
fn after(turns: u64, theirs: u64) -> Turns {
    let mut table = Turns::new(RemoteConfig::default());
    play(&mut table, 0, turns, theirs);
    table
}

fn play(table: &mut Turns, from: u64, turns: u64, theirs: u64) {
    for turn in from..from + turns {
        table.left(micros(turn * 100), PAGE, MINE);
        table.came(micros(turn * 100 + 50), PAGE, theirs);
    }
}

#[test]
fn a_page_of_which_each_writes_other_lines_is_falsely_shared() {
    let now = micros(1_000);
    assert!(!after(3, THEIRS).operates(now, PAGE, now), "too few turns");
    assert!(after(4, THEIRS).operates(now, PAGE, now));
    assert!(!after(40, THEIRS | 1).operates(now, PAGE, now), "a line is written by both");
    assert!(!after(40, 0).operates(now, PAGE, now), "nobody else writes");
    assert!(!after(4, THEIRS).operates(now, Page::new(8), now), "another page");
}

#[test]
fn a_line_that_both_write_ends_it() {
    let mut table = after(4, THEIRS);
    play(&mut table, 4, 1, MINE);
    assert!(!table.operates(micros(1_000), PAGE, micros(1_000)));
}

#[test]
fn turns_that_take_long_are_none() {
    let mut table = Turns::new(RemoteConfig::default());
    for turn in 0..10 {
        table.left(micros(turn * 100_000), PAGE, MINE);
        table.came(micros(turn * 100_000 + 50_000), PAGE, THEIRS);
    }
    assert!(!table.operates(micros(1_000_000), PAGE, micros(1_000_000)));
}

/// Operations that follow each other closely cost more than a page that goes round.
#[test]
fn a_page_that_is_used_much_is_fetched() {
    let mut table = after(4, THEIRS);
    let done = (0..100).take_while(|n| table.operates(micros(1_000 + n), PAGE, micros(1_000 + n))).count();
    assert_eq!(done, 8);
    play(&mut table, 20, 4, THEIRS);
    assert!(!table.operates(micros(3_000), PAGE, micros(3_000)), "twice as many turns are needed now");
    play(&mut table, 30, 4, THEIRS);
    assert!(table.operates(micros(4_000), PAGE, micros(4_000)));
}

#[test]
fn a_page_that_is_used_now_and_then_is_looked_at_anew_after_a_while() {
    let mut table = after(4, THEIRS);
    let done = (0..5_000).take_while(|n| table.operates(micros(n * 50), PAGE, micros(n * 50))).count();
    assert_eq!(done, 1_024);
    assert!(!table.operates(micros(250_000), PAGE, micros(250_000)));
    play(&mut table, 3_000, 1, THEIRS);
    assert!(
        table.operates(micros(310_000), PAGE, micros(310_000)),
        "one turn shows that nothing has changed"
    );
}

/// The table does not grow, and pages that were not seen for long make room.
#[test]
fn pages_share_the_places_that_there_are() {
    let mut table = Turns::new(RemoteConfig { pages_max: 4, ..RemoteConfig::default() });
    play(&mut table, 0, 4, THEIRS);
    for page in 0..1_000 {
        table.left(micros(400), Page::new(page), MINE);
    }
    assert!(table.operates(micros(400), PAGE, micros(400)), "it was there first");
    table.left(micros(100_000), Page::new(11), MINE);
    assert!(!table.operates(micros(100_000), PAGE, micros(100_000)), "it has made room");
    assert_eq!(table.places.len(), 4);
}

/// Nobody hears what is sent.
#[derive(Debug)]
struct Void;

impl Post for Void {
    fn send(&self, _: HostId, _: &[u8]) {}
}

/// The host that has all that was loaded, of two.
fn host() -> (Computer, Arc<Host>) {
    let mut computer = Computer::new(ComputerConfig::new(16 << 20).harts(2)).unwrap();
    computer.memory().store(GuestAddress::new(layout::MEMORY), 5_u64).unwrap();
    let hosts: HostSet = (0..2).filter_map(HostId::new).collect();
    let share = Share::new(HostId::new(0).unwrap(), hosts, &computer);
    let host = computer.join(share, Arc::new(Void), Arc::new(WallClock::start())).unwrap();
    (computer, host)
}

/// What is answered to the other host, which wants something.
fn answer(host: &Host, address: u64, width: u8, act: Act) -> Option<(u8, Text)> {
    let ticket = Ticket { desk: host.desk_of(HostId::new(1).unwrap()), number: 3 };
    host.serve(Operation { address, width, act }, true, ticket)
}

fn done(host: &Host, value: Option<u64>) -> Option<(u8, Text)> {
    Some((host.desk_of(HostId::new(1).unwrap()), Text::Done(3, value)))
}

#[test]
fn operations_are_done_where_the_page_is_held() {
    let (computer, host) = host();
    let at = layout::MEMORY;
    assert_eq!(answer(&host, at, 8, Act::Load), done(&host, Some(5)));
    assert_eq!(answer(&host, at + 1, 1, Act::Store(0x1ff)), done(&host, Some(0)));
    assert_eq!(answer(&host, at, 4, Act::Change(Change::Add, 1)), done(&host, Some(0xff05)));
    assert_eq!(computer.memory().load::<u64>(GuestAddress::new(at)).unwrap(), 0xff06);
    assert_eq!(host.remote_counters().served, 3);
    assert_eq!(host.refused(), 0);
}

/// A page that nobody has is not made for an operation, nor is one that others hold touched.
#[test]
fn nothing_is_done_to_a_page_that_is_not_held() {
    let (computer, host) = host();
    let frames = computer.memory().frames_used();
    for page in [1, 8, 64, 4_000] {
        let at = layout::MEMORY + page * 4_096;
        assert_eq!(answer(&host, at, 8, Act::Store(1)), done(&host, None));
        assert_eq!(answer(&host, at, 8, Act::Load), done(&host, None));
    }
    assert_eq!(computer.memory().frames_used(), frames);
    assert_eq!(host.remote_counters().served, 0);
}

#[test]
fn what_no_hart_would_want_is_refused() {
    let (computer, host) = host();
    let (at, end) = (layout::MEMORY, layout::MEMORY + (16 << 20));
    let wrong = [
        (0, 8, Act::Load),
        (layout::UART, 1, Act::Store(b'!'.into())),
        (end, 1, Act::Load),
        (u64::MAX - 7, 8, Act::Load),
        (at - 8, 8, Act::Store(1)),
        (at, 0, Act::Load),
        (at, 3, Act::Load),
        (at, 16, Act::Store(1)),
        (at, 255, Act::Store(1)),
        (at, 2, Act::Change(Change::Swap, 1)),
        (at + 1, 2, Act::Store(1)),
        (at + 4, 8, Act::Load),
        (at + 4_092, 8, Act::Store(1)),
    ];
    for (address, width, act) in wrong {
        assert_eq!(answer(&host, address, width, act), None, "{act:?} of {width} bytes at {address:#x}");
    }
    // Answers go to desks, not to harts or devices.
    for desk in 0..=2 {
        let operation = Operation { address: at, width: 8, act: Act::Store(1) };
        assert_eq!(host.serve(operation, false, Ticket { desk, number: 0 }), None);
    }
    assert_eq!(host.refused(), wrong.len() as u64 + 3);
    assert_eq!(computer.memory().load::<u64>(GuestAddress::new(at)).unwrap(), 5);
}
