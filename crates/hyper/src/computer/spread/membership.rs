//! Who has a part in the computer: hosts that come, go and die while it runs.
//!
//! What [`Members`] agree about is carried out here: a host that leaves gives its harts away and then its pages, and
//! when others make up the computer all harts stand still for a moment, all transactions end, and every host begins the
//! new epoch before any hart runs again.

use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};

use ironloom_core::{Duration, Instant};
use parking_lot::Mutex;

use super::message::HostMessage;
use super::{Host, HostEvent, Share};
use crate::cluster::members::{Change, Input, MemberMessage, Members, Output, State, StepId, Why, Wish};
use crate::cluster::{HostId, HostSet};
use crate::computer::ComputerError;

/// How often it is looked whether what is being done is done.
const LOOK: Duration = Duration::from_micros(200);

/// Who has a part in the computer, and what is being done about it.
#[derive(Debug)]
pub(super) struct Membership {
    members: Option<Mutex<Agreement>>,
    /// Those who have a part now, a bit each.
    hosts: AtomicU64,
    /// Whether harts stand still.
    paused: AtomicBool,
    /// Whether devices stand still as well.
    devices_paused: AtomicBool,
    /// Whether time goes by here.
    in_window: AtomicBool,
    /// How many threads let devices do something.
    devices_busy: AtomicUsize,
    /// Whether this host has left.
    left: AtomicBool,
}

#[derive(Debug)]
struct Agreement {
    members: Members,
    /// What is being done.
    task: Option<Task>,
    /// Whether all stand still for a snapshot.
    keeps: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Task {
    /// Harts are given away.
    GiveHarts(StepId),
    /// Pages are.
    GivePages(StepId),
    /// Harts come to a stand, and transactions end.
    Quiesce(StepId),
    /// Harts come to a stand between two instructions, with all that they wait for done.
    Rest(StepId),
    /// This host's part of a snapshot is taken.
    Keep(StepId, u64),
    /// Hosts say what they have in the new epoch; who is there then, and how long harts stood still.
    Settle(HostSet, Duration),
}

impl Membership {
    pub(super) fn new(share: &Share, via: Option<HostId>, now: Instant) -> Self {
        let first = Change { epoch: share.epoch, hosts: share.hosts };
        let members = share.members.clone().map(|config| match via {
            Some(via) => Members::newcomer(config, share.here, via, now),
            None => Members::new(config, share.here, first, now),
        });
        Self {
            hosts: AtomicU64::new(share.hosts.bits()),
            paused: AtomicBool::new(members.is_some()), // until all are there
            devices_paused: AtomicBool::new(members.is_some()),
            in_window: AtomicBool::new(false),
            members: members.map(|members| Mutex::new(Agreement { members, task: None, keeps: false })),
            devices_busy: AtomicUsize::new(0),
            left: AtomicBool::new(false),
        }
    }
}

impl Host {
    /// Leaves the computer: harts and pages go to other hosts while it runs. [`Host::poll`] tells when that is done;
    /// then [`Computer::run_freely_until`](crate::Computer::run_freely_until) returns here.
    ///
    /// # Errors
    ///
    /// If the devices are here, or hosts are for ever those that they are.
    pub fn leave(&self) -> Result<(), ComputerError> {
        if self.has_devices() {
            return Err(ComputerError::HasDevices);
        }
        self.wish(Wish::Leave)
    }

    /// Asks the others for something.
    pub(super) fn wish(&self, wish: Wish) -> Result<(), ComputerError> {
        let Some(members) = &self.membership.members else { return Err(ComputerError::FixedHosts) };
        let now = self.clock.now();
        let mut agreement = members.lock();
        agreement.members.handle(now, Input::Ask(wish));
        self.drive_members(&mut agreement, now);
        Ok(())
    }

    /// The hosts that have a part in the computer now.
    #[must_use]
    pub fn hosts(&self) -> HostSet {
        HostSet::from_bits(self.membership.hosts.load(Ordering::SeqCst))
    }

    /// Whether this host has left the computer.
    #[must_use]
    pub fn has_left(&self) -> bool {
        self.membership.left.load(Ordering::SeqCst)
    }

    /// From when on, by this host's clock, these of its hosts may restart the computer from a snapshot, if all of them have
    /// stopped and restart it with nobody else; `None` if they may not, or this host has not stopped.
    #[must_use]
    pub fn restarts_at(&self, remaining: HostSet) -> Option<Instant> {
        let members = &self.membership.members.as_ref()?.lock().members;
        members.fenced_at().filter(|_| members.may_restart(remaining))
    }

    /// Says that a host cannot be reached any more, before it is missed.
    pub fn lost(&self, host: HostId, why: Why) {
        self.tell_members(Input::Lost(host, why));
    }

    /// Tells the others that this host cannot go on, so that nobody waits for it.
    pub(in crate::computer) fn halt(&self) {
        self.tell_members(Input::Lost(self.share.here, Why::Halted));
    }

    /// Whether harts stand still here.
    pub(in crate::computer) fn is_paused(&self) -> bool {
        self.membership.paused.load(Ordering::SeqCst)
    }

    /// Whether this host knows that it may go on.
    pub(in crate::computer) fn may_run(&self) -> bool {
        let may_run = |members: &Mutex<Agreement>| members.lock().members.may_run(self.clock.now());
        !self.is_paused() && self.membership.members.as_ref().is_none_or(may_run)
    }

    /// Begins a window, unless harts stand still; each ends before they do.
    pub(in crate::computer) fn begin_window(&self) -> bool {
        self.membership.in_window.store(true, Ordering::SeqCst);
        let begins = self.may_run();
        if !begins {
            self.end_window();
        }
        begins
    }

    /// Ends a window.
    pub(in crate::computer) fn end_window(&self) {
        self.membership.in_window.store(false, Ordering::SeqCst);
    }

    /// Lets devices do something, unless harts and devices stand still.
    pub(in crate::computer) fn with_devices<T>(&self, act: impl FnOnce() -> T) -> T {
        let busy = &self.membership.devices_busy;
        loop {
            busy.fetch_add(1, Ordering::SeqCst);
            let may_act = || {
                let paused = self.membership.devices_paused.load(Ordering::SeqCst);
                !paused || self.ended().is_some() || self.has_failed()
            };
            if may_act() {
                break;
            }
            busy.fetch_sub(1, Ordering::SeqCst);
            self.yard.news.wait_until(may_act);
        }
        let result = act();
        busy.fetch_sub(1, Ordering::SeqCst);
        result
    }

    /// Deals with what another host says of who has a part.
    pub(super) fn receive_member(&self, from: HostId, message: MemberMessage) {
        self.tell_members(Input::Message(from, message));
    }

    pub(super) fn tell_members(&self, input: Input) {
        if let Some(members) = &self.membership.members {
            let now = self.clock.now();
            let mut agreement = members.lock();
            agreement.members.handle(now, input);
            self.drive_members(&mut agreement, now);
            if agreement.task.is_some() {
                self.sleep_no_longer_than(now, now);
            }
        }
    }

    /// Does what is due; when something will be next.
    pub(super) fn wake_members(&self, now: Instant) -> Option<Instant> {
        let mut agreement = self.membership.members.as_ref()?.lock();
        agreement.members.handle(now, Input::Tick);
        self.drive_members(&mut agreement, now);
        let look = agreement.task.map(|_| now.saturating_add(LOOK));
        agreement.members.next_event().into_iter().chain(look).min()
    }

    fn drive_members(&self, agreement: &mut Agreement, now: Instant) {
        loop {
            while let Some(output) = agreement.members.poll() {
                self.carry_out_member(agreement, now, output);
            }
            let Some(input) = self.go_on(agreement, now) else { break };
            agreement.members.handle(now, input);
        }
    }

    fn carry_out_member(&self, agreement: &mut Agreement, now: Instant, output: Output) {
        match output {
            Output::Send(to, message) => self.send(to, &HostMessage::Member(message)),
            Output::Drain(step) => {
                agreement.task = Some(Task::GiveHarts(step));
                self.give_harts_away(now);
            }
            Output::Quiesce(step) => self.come_to_rest(agreement, step),
            Output::Mark { step, snapshot } => {
                agreement.task = Some(Task::Keep(step, snapshot));
                self.mark(snapshot);
            }
            Output::Begin(change) => self.begin(now, change),
            Output::Continue { paused } if std::mem::take(&mut agreement.keeps) => {
                agreement.task = None;
                self.gather(paused);
                self.go(now);
            }
            Output::Continue { paused } => {
                agreement.task = Some(Task::Settle(agreement.members.membership().hosts, paused));
            }
            Output::Cancelled => {
                (agreement.task, agreement.keeps) = (None, false);
                self.unmark();
                self.go(now);
            }
            Output::Ended(wish, result) => {
                if wish == Wish::Snapshot && result.is_err() {
                    self.give_snapshot_up();
                }
                self.letters.remember(HostEvent::Ended { wish, result });
            }
            Output::Left => {
                self.membership.left.store(true, Ordering::SeqCst);
                self.yard.ring();
            }
            Output::Stop { host, why } => self.fail(ComputerError::HostLost { host, why }),
        }
    }

    /// Lets harts come to a stand.
    ///
    /// If others are to make up the computer nothing else need be over. For a snapshot each hart has to be between two
    /// instructions, so devices and pages serve those that wait for them until all hosts have come to rest.
    fn come_to_rest(&self, agreement: &mut Agreement, step: StepId) {
        agreement.keeps = agreement.members.next().is_none();
        self.membership.paused.store(true, Ordering::SeqCst);
        if agreement.keeps {
            agreement.task = Some(Task::Rest(step));
        } else {
            agreement.task = Some(Task::Quiesce(step));
            self.membership.devices_paused.store(true, Ordering::SeqCst);
            self.quiesce_pages();
        }
        self.yard.ring();
    }

    /// Goes on with what is being done, as far as it can be; what members are to be told.
    fn go_on(&self, agreement: &mut Agreement, now: Instant) -> Option<Input> {
        match agreement.task? {
            Task::GiveHarts(step) if self.has_no_harts() => {
                agreement.task = Some(Task::GivePages(step));
                self.give_pages_away(now);
                None
            }
            Task::GivePages(step) if self.has_no_pages() => {
                agreement.task = None;
                Some(Input::Done(step))
            }
            Task::Quiesce(step) if self.stands_still() && self.are_pages_quiet() => {
                agreement.task = None;
                Some(Input::Done(step))
            }
            Task::Rest(step) if self.is_at_rest() => {
                agreement.task = None;
                Some(Input::Done(step))
            }
            Task::Keep(step, snapshot) if self.has_part(snapshot) => {
                agreement.task = None;
                Some(Input::Done(step))
            }
            Task::Keep(..) => {
                if self.is_at_rest() {
                    self.ask_for_part();
                }
                None
            }
            Task::Settle(hosts, paused) if self.are_pages_settled() => {
                agreement.task = None;
                self.letters.remember(HostEvent::Membership { hosts, paused });
                self.go(now);
                None
            }
            _ => None,
        }
    }

    /// Whether no hart here runs, and no device does anything.
    fn stands_still(&self) -> bool {
        self.memory.is_unread() && self.membership.devices_busy.load(Ordering::SeqCst) == 0
    }

    /// Whether no hart here runs or waits for anything, and nothing is under way that somebody here began.
    pub(super) fn is_at_rest(&self) -> bool {
        !self.membership.in_window.load(Ordering::SeqCst)
            && self.stands_still()
            && self.are_pages_idle()
            && self.are_letters_idle()
    }

    /// Other hosts make up the computer from now on.
    fn begin(&self, now: Instant, Change { epoch, hosts }: Change) {
        if epoch == self.share.epoch {
            return; // in which it began
        }
        self.begin_pages(now, epoch, hosts);
        self.begin_letters(now, epoch, hosts);
        self.membership.hosts.store(hosts.bits(), Ordering::SeqCst);
        self.count_times(hosts);
        self.tell_state();
    }

    /// Lets harts run.
    fn go(&self, now: Instant) {
        self.resume_pages(now);
        self.membership.devices_paused.store(false, Ordering::SeqCst);
        self.membership.paused.store(false, Ordering::SeqCst);
        self.yard.news.notify_all();
    }

    /// What this host is to the others.
    #[must_use]
    pub fn state(&self) -> Option<State> {
        Some(self.membership.members.as_ref()?.lock().members.state())
    }
}
