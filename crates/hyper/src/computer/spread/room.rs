//! Room: how a host whose frames run out gets some back, while other hosts have some.
//!
//! Above 15/16 of its frames a host is *short*, until it is below 7/8. While it is short it forgets what pages once were that
//! others hold now, and gives away those that it holds and that were not used for long: they were found by a hand that goes
//! round all frames, takes back what was granted, and finds in the next round who has not asked again. A page goes to its
//! home; if that is this host, or has no room, to another host that has said that it has some.
//!
//! Nothing is dropped that nobody else has: it stays here until another host has taken it, or it is [aside](super::aside),
//! in the store. So whoever needs a frame when there is none waits, and so do pages that come. If none is free after
//! [`Share::room_patience`](super::Share::room_patience), there is none: the computer is larger than its hosts together.

use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};

use ironloom_core::metrics::Counter;
use ironloom_core::{Duration, Instant};

use super::Host;
use super::pages::Desk;
use crate::PageNumber;
use crate::cluster::{HostId, HostSet};
use crate::coherence::{Held, Page};
use crate::memory::{MemoryError, Use};

/// How many frames are looked at in one go, so that whoever asks for a page does not wait for long.
const LOOKS: usize = 1_024;
/// How many pages are on their way to other hosts at a time.
pub(super) const GIVING_MAX: usize = 256;
/// How often it is looked again while frames are short.
const LOOK: Duration = Duration::from_millis(1);

/// What is known of room, here and elsewhere.
#[derive(Debug)]
pub(super) struct Room {
    /// How many pages more each host can take: as it said last, less what it was given since.
    others: Box<[AtomicU64]>,
    /// Whether this host gives pages away.
    short: AtomicBool,
    /// Whether pages that have come wait for frames.
    is_late: AtomicBool,
    /// How many wait for a frame.
    waiting: AtomicUsize,
    /// How many pages are held here: the frames beyond that hold what pages once were.
    held: AtomicU64,
    forgotten: Counter,
    given: Counter,
    waits: Counter,
    late: Counter,
    aside: Counter,
}

impl Default for Room {
    fn default() -> Self {
        Self {
            others: (0..64).map(|_| AtomicU64::new(0)).collect(),
            short: AtomicBool::new(false),
            is_late: AtomicBool::new(false),
            waiting: AtomicUsize::new(0),
            held: AtomicU64::new(0),
            forgotten: Counter::new(),
            given: Counter::new(),
            waits: Counter::new(),
            late: Counter::new(),
            aside: Counter::new(),
        }
    }
}

/// What a host did because its frames ran out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct RoomCounters {
    /// Frames that held what a page once was, and were freed.
    pub forgotten: u64,
    /// Pages that other hosts were asked to take.
    pub given: u64,
    /// Times that a hart or a device had to wait for a frame.
    pub waits: u64,
    /// Pages that came and had to wait for a frame.
    pub late: u64,
    /// Pages that were put into the store because no host had room for them.
    pub aside: u64,
}

/// Somebody waits for a frame, until this is dropped.
#[derive(Debug)]
pub(in crate::computer) struct RoomWait<'a> {
    host: &'a Host,
    page: PageNumber,
    since: Instant,
}

impl RoomWait<'_> {
    /// Whether there is a frame, or none for too long, which ends the computer here.
    pub(in crate::computer) fn is_over(&self) -> bool {
        self.host.has_room() || self.host.gives_up(self.page, self.since)
    }
}

impl Drop for RoomWait<'_> {
    fn drop(&mut self) {
        self.host.room.waiting.fetch_sub(1, Ordering::SeqCst);
    }
}

impl Host {
    /// What was done because frames ran out.
    #[must_use]
    pub fn room_counters(&self) -> RoomCounters {
        RoomCounters {
            forgotten: self.room.forgotten.value(),
            given: self.room.given.value(),
            waits: self.room.waits.value(),
            late: self.room.late.value(),
            aside: self.room.aside.value(),
        }
    }

    /// Somebody waits for a frame from now on. It must not be a hart that others wait for.
    pub(in crate::computer) fn wait_for_room(&self, page: PageNumber) -> RoomWait<'_> {
        let since = self.clock.now();
        self.room.waits.add(1);
        self.room.waiting.fetch_add(1, Ordering::SeqCst);
        self.sleep_no_longer_than(since, since);
        RoomWait { host: self, page, since }
    }

    /// A page waits for a frame from now on.
    pub(super) fn note_late(&self, now: Instant) {
        self.room.late.add(1);
        self.room.is_late.store(true, Ordering::SeqCst);
        self.sleep_no_longer_than(now, now);
    }

    /// Whether there is a frame.
    pub(in crate::computer) fn has_room(&self) -> bool {
        self.memory.frames_used() < self.memory.frames_max()
    }

    /// Whether this host gives pages away.
    pub(super) fn is_short(&self) -> bool {
        self.room.short.load(Ordering::SeqCst)
    }

    pub(super) fn full(&self, page: PageNumber) -> MemoryError {
        MemoryError::Full { page, frames_max: self.memory.frames_max() }
    }

    fn gives_up(&self, page: PageNumber, since: Instant) -> bool {
        let over = self.clock.now().saturating_since(since) > self.share.room_patience;
        if over {
            self.fail(self.full(page).into());
        }
        over
    }

    /// Below that many frames a host that was short is so no more; above that many it is.
    fn marks(&self) -> (u64, u64) {
        let frames = self.memory.frames_max();
        (frames - frames / 8, frames - frames / 16)
    }

    /// How many pages other hosts may give to this one.
    pub(super) fn room_for_others(&self) -> u64 {
        let leaves = self.has_no_harts();
        let (_, high) = self.marks();
        if leaves { 0 } else { high.saturating_sub(self.frames_needed()) }
    }

    /// How many frames hold what nobody could forget. To the others a host that only remembers a lot has room.
    fn frames_needed(&self) -> u64 {
        self.memory.frames_used().min(self.room.held.load(Ordering::SeqCst))
    }

    /// Notes how many pages are held.
    pub(super) fn note_held(&self, pages: u32) {
        self.room.held.store(pages.into(), Ordering::SeqCst);
    }

    /// Hears how many pages another host can take.
    pub(super) fn hear_of_room(&self, from: HostId, room: u64) {
        self.room.others[usize::from(from.number())].store(room, Ordering::SeqCst);
    }

    /// Frees frames if they are short; when to look again.
    pub(super) fn make_room(&self, now: Instant) -> Option<Instant> {
        if self.is_paused() {
            return None; // while a snapshot is taken every page stays where it is
        }
        let ((low, high), used) = (self.marks(), self.memory.frames_used());
        let waiting = self.room.waiting.load(Ordering::SeqCst) > 0;
        let was_short = self.is_short();
        let short = waiting || used > if was_short { low } else { high };
        if !short && !was_short && !self.room.is_late.load(Ordering::SeqCst) {
            return None;
        }
        self.room.short.store(short, Ordering::SeqCst);
        if short != was_short {
            self.tell_state();
        }
        let mut desk = self.desk.lock();
        let roomy = self.roomy();
        desk.coherence.set_roomy(if short { roomy } else { HostSet::EMPTY });
        let waiting = waiting || !desk.arrivals.is_empty();
        if waiting || short && (!roomy.is_empty() || self.can_put_aside()) {
            self.look_for_frames(&mut desk, now, low);
        }
        self.carry_out_all(&mut desk, now);
        self.store_asides(&mut desk);
        self.welcome(&mut desk, now);
        self.room.is_late.store(!desk.arrivals.is_empty(), Ordering::SeqCst);
        drop(desk);
        if waiting {
            self.yard.news.notify_all();
        }
        Some(now.saturating_add(LOOK))
    }

    /// Lets pages in that have come, as far as there is room.
    fn welcome(&self, desk: &mut Desk, now: Instant) {
        if self.let_in(desk) > 0 {
            self.carry_out_all(desk, now); // others may want them already
        }
        if let Some((page, since)) = desk.arrivals.first().map(super::pages::Arrival::waits) {
            self.gives_up(self.number(page), since);
        }
    }

    /// The other hosts that can take pages.
    fn roomy(&self) -> HostSet {
        let has_room =
            |host: &HostId| self.room.others[usize::from(host.number())].load(Ordering::SeqCst) > 0;
        self.others().iter().filter(has_room).collect()
    }

    /// Looks at some frames, and frees those that are not needed, until no more than so many are used.
    fn look_for_frames(&self, desk: &mut Desk, now: Instant, low: u64) {
        let mut found = Vec::new();
        self.memory.look_round(&mut desk.hand, LOOKS, |page, usage| match usage {
            Use::Used => {}
            Use::Stale | Use::Idle => found.push((page, usage)),
        });
        // As long as there is anything to forget, this comes first.
        let remembers = found.iter().any(|(_, usage)| *usage == Use::Stale);
        let used = if remembers { self.frames_needed() } else { self.memory.frames_used() };
        for (page, usage) in found {
            let page = self.page(page);
            let giving = desk.coherence.giving_pages() + desk.asides.len();
            let enough = used.saturating_sub(giving as u64) <= low;
            match usage {
                Use::Stale => self.forget(desk, page),
                Use::Idle if !enough && giving < GIVING_MAX => {
                    if !self.give_up(desk, now, page) {
                        self.lay_aside(desk, self.number(page));
                    }
                }
                Use::Idle | Use::Used => {}
            }
        }
    }

    /// Frees the frame of a page that is not held here.
    pub(super) fn forget(&self, desk: &mut Desk, page: Page) {
        if desk.coherence.forget(page) && self.memory.forget(self.number(page)) {
            self.room.forgotten.add(1);
        }
    }

    /// A page was put into the store, or was not because it is used.
    pub(super) fn note_aside(&self, put: bool) {
        self.room.aside.add(put.into());
    }

    /// Has another host take a page; whether one does, or should.
    fn give_up(&self, desk: &mut Desk, now: Instant, page: Page) -> bool {
        let home = desk.coherence.home(page);
        // Of what is only read there is most likely another copy, which is enough.
        let read = desk.coherence.held(page) == Held::Read && home != self.share.here;
        let taker = if read { None } else { self.taker(home) };
        if !read && taker.is_none() {
            return false;
        }
        if desk.coherence.evict(now, page) {
            self.room.given.add(1);
            if let Some(taker) = taker {
                let one_less = |room: u64| Some(room.saturating_sub(1));
                let _ = self.room.others[taker].fetch_update(Ordering::SeqCst, Ordering::SeqCst, one_less);
            }
        }
        true
    }

    /// Whose room a page is likely to take: its home's, if that has any.
    fn taker(&self, home: HostId) -> Option<usize> {
        let roomy = self.roomy();
        let taker = if roomy.contains(home) { Some(home) } else { roomy.first() };
        taker.map(|host| usize::from(host.number()))
    }
}
