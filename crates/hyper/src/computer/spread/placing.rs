//! A [`Placement`] at work: asked when a hart of this host waits for a page, and now and then whether load is balanced.
//!
//! It is asked once for each fault, before the page is asked for, and sees what this host knows without asking anybody:
//! of a page that has its home here, exactly who holds it; of others, who supplied one of that group last, or else the
//! home. Nobody is asked about pages that no other host has, or has had lately: they are zeroes here as anywhere.
//!
//! A hart that is to go to a page does not ask for it; if it cannot go, it does. Where it came to, or could not leave, it stays
//! for [`STAY`] whatever the policy says, so that it gets on between two moves.
//!
//! **Locks.** The policy is never asked while pages, letters or the yard are locked. Its lock comes before that of the
//! [`Ledger`], which is the last of all: who holds it takes no other.

mod fetching;
mod ledger;

use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};

use ironloom_core::metrics::Counter;
use ironloom_core::{Duration, Instant};
use parking_lot::Mutex;

use self::ledger::{Ledger, Supply};
use super::Host;
use super::message::State;
use crate::cluster::harts::{HARTS_MAX, HartId};
use crate::cluster::placement::{HostView, Past, Placement, View};
use crate::cluster::{HOSTS_MAX, HostId, Traveller};
use crate::coherence::Message;

/// How long a hart stays at least where it came to, and where it could not leave.
const STAY: Duration = Duration::from_millis(2);
/// How often it is looked who wants to run.
const LOOK: Duration = Duration::from_millis(5);

/// Who says where harts and pages are to be, and what that rests on.
pub(super) struct Placing {
    is_on: AtomicBool,
    policy: Mutex<Option<Box<dyn Placement + Send>>>,
    ledger: Mutex<Ledger>,
    /// The harts that are to go to a page instead of waiting for it, a bit each, until they go or cannot.
    setting_out: AtomicU64,
    /// The harts that had something to do in the last window, a bit each.
    running: AtomicU64,
    /// How many of them that were lately.
    load: AtomicU32,
    /// When to look again.
    look: AtomicU64,
    /// How many cores each host has said that it has, and how many harts want them.
    crowds: Box<[AtomicU32]>,
    counts: Counts,
}

#[derive(Default)]
struct Counts {
    faults: Counter,
    copies: Counter,
    moves: Counter,
    harts: Counter,
    balanced: Counter,
    too_soon: Counter,
    refused: Counter,
}

/// What a host's placement policy said, counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct PlacementCounters {
    /// Faults that it was asked about.
    pub faults: u64,
    /// Pages of which it wanted a copy here.
    pub copies: u64,
    /// Pages that it wanted here alone.
    pub moves: u64,
    /// Harts that it sent to a page.
    pub harts: u64,
    /// Harts that it sent to another host to balance load.
    pub balanced: u64,
    /// Harts that it would have sent when they had just come, or could not leave just before.
    pub too_soon: u64,
    /// Harts that it would have sent where they cannot go, or that are not here.
    pub refused: u64,
}

impl Default for Placing {
    fn default() -> Self {
        Self {
            is_on: AtomicBool::new(false),
            policy: Mutex::new(None),
            ledger: Mutex::default(),
            setting_out: AtomicU64::new(0),
            running: AtomicU64::new(0),
            load: AtomicU32::new(0),
            look: AtomicU64::new(0),
            crowds: (0..HOSTS_MAX).map(|_| AtomicU32::new(0)).collect(),
            counts: Counts::default(),
        }
    }
}

impl Host {
    /// Lets a policy say from now on where the harts of this host and the pages that they want are to be. Until then
    /// pages come to harts, as with [`Fixed`](crate::cluster::placement::Fixed).
    ///
    /// Every host has its own. It is called by the threads of harts, one at a time, and must not wait.
    pub fn place_by(&self, policy: Box<dyn Placement + Send>) {
        let mut place = self.placing.policy.lock();
        *self.placing.ledger.lock() = Ledger::new(self.clock.now());
        *place = Some(policy);
        self.placing.is_on.store(true, Ordering::SeqCst);
    }

    /// What the policy of this host said so far.
    #[must_use]
    pub fn placements(&self) -> PlacementCounters {
        let counts = &self.placing.counts;
        PlacementCounters {
            faults: counts.faults.value(),
            copies: counts.copies.value(),
            moves: counts.moves.value(),
            harts: counts.harts.value(),
            balanced: counts.balanced.value(),
            too_soon: counts.too_soon.value(),
            refused: counts.refused.value(),
        }
    }

    /// Whether there is a policy.
    pub(super) fn is_placing(&self) -> bool {
        self.placing.is_on.load(Ordering::Relaxed)
    }

    /// Asks the policy something, if there is one.
    fn ask_policy<T>(&self, now: Instant, ask: impl FnOnce(&mut dyn Placement, &View) -> T) -> Option<T> {
        let mut policy = self.placing.policy.lock();
        let policy = policy.as_mut()?;
        let (arrived, view) = {
            let mut ledger = self.placing.ledger.lock();
            (ledger.take_arrived(), self.placement_view(&ledger))
        };
        for (hart, past) in arrived {
            policy.arrives(now, hart, past);
        }
        Some(ask(&mut **policy, &view))
    }

    fn placement_view(&self, ledger: &Ledger) -> View {
        let here = self.share.here;
        let host = |host: HostId| {
            let (cores, load) = if host == here { self.crowd() } else { self.crowd_of(host) };
            HostView { host, cores, load, open: cores > 0 }
        };
        let harts = (0..self.share.harts.len()).filter(|hart| self.is_home_of(*hart));
        View {
            here,
            hosts: self.hosts().iter().map(host).collect(),
            harts: harts.filter_map(|hart| ledger.view(HartId::new(hart as u8)?)).collect(),
            costs: ledger.costs,
        }
    }

    /// Sends a hart to another host, if it may go so soon; whether it goes.
    fn send_hart(&self, now: Instant, hart: HartId, to: HostId) -> bool {
        let counts = &self.placing.counts;
        if self.is_paused() || !self.placing.ledger.lock().may_go(now, hart) {
            counts.too_soon.add(1);
            return false;
        }
        let goes = self.move_hart(hart.number(), to).is_ok();
        if goes {
            // Until that host says so itself.
            let one_more = |crowd: u32| Some(crowd.saturating_add(1));
            let crowd = &self.placing.crowds[usize::from(to.number())];
            let _ = crowd.fetch_update(Ordering::SeqCst, Ordering::SeqCst, one_more);
        } else {
            counts.refused.add(1);
        }
        goes
    }

    /// Looks who wants to run, and lets the policy balance that.
    pub(super) fn look_after_load(&self, now: Instant) {
        if !self.is_placing() || now.as_nanos() < self.placing.look.load(Ordering::Relaxed) {
            return;
        }
        self.placing.look.store(now.saturating_add(LOOK).as_nanos(), Ordering::Relaxed);
        let running = self.placing.running.load(Ordering::SeqCst);
        let load = self.placing.ledger.lock().sample(running);
        self.placing.load.store(load, Ordering::SeqCst);
        let moves = self.ask_policy(now, |policy, view| policy.balance(now, view)).unwrap_or_default();
        for (hart, to) in moves.into_iter().take(HARTS_MAX) {
            if self.send_hart(now, hart, to) {
                self.placing.counts.balanced.add(1);
            }
        }
    }

    /// Notes which harts have something to do in a window.
    pub(in crate::computer) fn note_running(&self, harts: &[usize]) {
        let running = harts.iter().fold(0, |running, hart| running | 1 << hart);
        self.placing.running.store(running, Ordering::SeqCst);
    }

    /// How many cores there are for harts here, and how many harts want them.
    pub(super) fn crowd(&self) -> (u16, u16) {
        let load = if self.is_placing() {
            self.placing.load.load(Ordering::SeqCst)
        } else {
            self.placing.running.load(Ordering::SeqCst).count_ones()
        };
        (self.share.cores.min(HARTS_MAX as u16), load as u16)
    }

    fn crowd_of(&self, host: HostId) -> (u16, u16) {
        let crowd = self.placing.crowds[usize::from(host.number())].load(Ordering::SeqCst);
        ((crowd >> 16) as u16, crowd as u16)
    }

    /// Whether a host can be as crowded as it says.
    pub(super) fn is_likely(&self, state: &State) -> bool {
        usize::from(state.cores) <= HARTS_MAX && usize::from(state.load) <= self.share.harts.len()
    }

    /// Hears how crowded another host is.
    pub(super) fn hear_of_crowd(&self, from: HostId, state: &State) {
        let crowd = u32::from(state.cores) << 16 | u32::from(state.load);
        self.placing.crowds[usize::from(from.number())].store(crowd, Ordering::SeqCst);
    }

    /// What a message will be worth remembering for, if it is taken.
    pub(super) fn supply(&self, from: HostId, message: &Message) -> Option<Supply> {
        let (page, content) = if self.is_placing() { message.grant() } else { None }?;
        Some(Supply::new(self.number(page), from, content))
    }

    /// Remembers who has supplied a page.
    pub(super) fn note_supply(&self, supply: Supply) {
        self.placing.ledger.lock().note(supply);
    }

    /// A hart leaves; what is known of it goes along.
    pub(super) fn pack(&self, hart: HartId, traveller: &mut Traveller) {
        if self.is_placing() {
            let now = self.clock.now();
            traveller.past = self.ask_policy(now, |policy, _| policy.departs(now, hart)).unwrap_or_default();
        }
    }

    /// A hart has come, or did not go. Letters are locked, so the policy hears of it when it is asked next.
    pub(super) fn unpack(&self, hart: HartId, past: Past) {
        if self.is_placing() {
            self.placing.ledger.lock().arrives(self.clock.now(), hart, past);
        }
    }

    /// A hart that was to go somewhere has gone, or cannot.
    pub(super) fn has_set_out(&self, hart: HartId) {
        let bit = 1 << hart.index();
        if self.placing.setting_out.fetch_and(!bit, Ordering::SeqCst) & bit != 0 {
            self.yard.news.notify_all();
        }
    }
}

#[cfg(test)]
mod tests;
