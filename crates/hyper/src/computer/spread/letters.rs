//! Letters between harts, and between harts and devices, wherever they live.
//!
//! They go by [`Harts`], which knows where harts are, and by which each arrives once and in order, even if the hart moves
//! meanwhile. The devices are one more hart there, one that does not move, and so is the *desk* of each host, where answers
//! to its harts arrive: a hart that is to move gets no letters until it has stopped, and it does not stop while it waits for an
//! answer.

use std::collections::{BTreeMap, VecDeque};
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};

use ironloom_core::{EventCount, Instant};
use parking_lot::Mutex;

use super::message::{Errand, HostMessage, Parcel, Text, Ticket};
use super::{Host, HostEvent, Share};
use crate::cluster::harts::{HartId, HartMessage, Harts, HartsConfig, MoveRefused, Output};
use crate::cluster::{Epoch, HostId, HostSet, Traveller};
use crate::computer::free::{Answer, Message};

/// How many errands may wait for devices: each hart has one at most.
const ERRANDS_MAX: usize = 4_096;

/// How many events may wait for being looked at; older ones are dropped.
const EVENTS_MAX: usize = 65_536;

/// An errand for devices, who waits for it, and since when.
pub(in crate::computer) type Errands = VecDeque<(Errand, Ticket, Instant)>;

/// What waits for answers, and what is to be answered.
#[derive(Debug)]
pub(super) struct Letters {
    harts: Mutex<Harts<Parcel>>,
    /// The harts that live here, a bit each.
    present: AtomicU64,
    devices: HartId,
    /// Where answers to harts that live here go.
    desk: u8,
    /// Whether no hart is left here, because this host leaves.
    is_empty: AtomicBool,
    next_ticket: AtomicU64,
    /// Fences that were asked for, and how many answers each hart still waits for.
    fences: Mutex<BTreeMap<u64, Arc<AtomicUsize>>>,
    /// Errands, and what came of them.
    answers: Mutex<BTreeMap<u64, Option<Option<u64>>>>,
    /// What others want of the devices here.
    errands: Mutex<Errands>,
    events: Mutex<VecDeque<HostEvent>>,
    /// Wakes who answers errands.
    bell: EventCount,
}

/// How many desks there are: hosts with numbers from that on cannot have a part in a computer.
pub(super) const DESKS: usize = 16;

/// Where harts, devices and desks begin. A host that is not there has its desk where the devices are.
fn places(share: &Share) -> Vec<HostId> {
    let desks = (0..DESKS as u8).map(|number| {
        HostId::new(number).filter(|host| share.hosts.contains(*host)).unwrap_or(share.devices)
    });
    share.harts.iter().copied().chain([share.devices]).chain(desks).collect()
}

impl Letters {
    pub(super) fn new(share: &Share) -> Self {
        let devices = share.harts.len();
        let (here, config) = (share.here, HartsConfig::default());
        let harts = if share.hosts.contains(here) {
            Harts::new(config, here, share.hosts, &places(share), share.epoch)
        } else {
            Harts::new(config, here, HostSet::EMPTY.with(here), &[], Epoch::default()) // until it is a member
        };
        let present = share.harts.iter().enumerate().filter(|(_, host)| **host == share.here);
        Self {
            harts: Mutex::new(harts),
            present: AtomicU64::new(present.fold(0, |harts, (number, _)| harts | 1 << number)),
            devices: HartId::new(devices as u8).expect("there are fewer than 64 harts"),
            desk: (devices + 1 + usize::from(here.number())) as u8,
            is_empty: AtomicBool::new(false),
            next_ticket: AtomicU64::new(0),
            fences: Mutex::default(),
            answers: Mutex::default(),
            errands: Mutex::default(),
            events: Mutex::default(),
            bell: EventCount::new(),
        }
    }

    pub(super) fn remember(&self, event: HostEvent) {
        let mut events = self.events.lock();
        if events.len() == EVENTS_MAX {
            events.pop_front();
        }
        events.push_back(event);
    }
}

impl Host {
    /// Sends a hart that lives here to another host, while it runs. [`Host::poll`] tells what became of it.
    ///
    /// # Errors
    ///
    /// If it is not here, or is going already, or there is no such host.
    pub fn move_hart(&self, hart: u8, to: HostId) -> Result<(), MoveRefused> {
        let hart = HartId::new(hart).filter(|hart| *hart < self.letters.devices);
        let hart = hart.ok_or(MoveRefused::NoSuchHart { hart: self.letters.devices })?;
        let now = self.clock.now();
        let mut harts = self.letters.harts.lock();
        harts.begin_move(now, hart, to)?;
        self.drive_harts(&mut harts, now);
        Ok(())
    }

    /// Where a hart lives, as far as is known here.
    #[must_use]
    pub fn host_of(&self, hart: u8) -> Option<HostId> {
        self.letters.harts.lock().host_of(HartId::new(hart)?)
    }

    /// What has happened since, the oldest first.
    pub fn poll(&self) -> Option<HostEvent> {
        self.letters.events.lock().pop_front()
    }

    /// Whether the devices are here.
    pub(in crate::computer) fn has_devices(&self) -> bool {
        self.share.devices == self.share.here
    }

    /// Whether a hart lives here.
    pub(in crate::computer) fn is_home_of(&self, hart: usize) -> bool {
        self.letters.present.load(Ordering::SeqCst) >> hart & 1 == 1
    }

    /// A hart has stopped that is to go to another host.
    pub(in crate::computer) fn frozen(&self, hart: usize, mut traveller: Traveller) {
        let id = HartId::new(hart as u8).expect("it lived here");
        self.pack(id, &mut traveller);
        self.letters.present.fetch_and(!(1 << hart), Ordering::SeqCst);
        self.travels(hart, traveller.state.now());
        let now = self.clock.now();
        let mut harts = self.letters.harts.lock();
        harts.frozen(now, id, traveller.to_bytes());
        self.drive_harts(&mut harts, now);
    }

    /// Sends interrupts, or a start, to a hart.
    pub(in crate::computer) fn write_to(&self, hart: usize, at: Instant, message: &Message) {
        let text = match message {
            Message::Lines(lines) => Text::Lines(*lines),
            Message::Raise(interrupts) => Text::Raise(*interrupts),
            Message::Start { pc, argument } => Text::Start { pc: *pc, argument: *argument },
            Message::Fence(..) | Message::FenceInstructions(..) => {
                unreachable!("fences are asked for, because somebody waits for them")
            }
        };
        self.write(hart as u8, at, text);
    }

    /// Asks harts for a fence, for one that waits until `missing` is zero.
    pub(in crate::computer) fn ask_fence(
        &self,
        at: Instant,
        harts: impl Iterator<Item = usize>,
        range: Option<&Option<Range<u64>>>,
        missing: &Arc<AtomicUsize>,
    ) {
        for hart in harts {
            let ticket = self.ticket();
            missing.fetch_add(1, Ordering::SeqCst);
            self.letters.fences.lock().insert(ticket.number, missing.clone());
            let text = match range {
                Some(range) => Text::Fence(range.as_ref().map(|range| (range.start, range.end)), ticket),
                None => Text::FenceInstructions(ticket),
            };
            self.write(hart as u8, at, text);
        }
    }

    /// Asks the devices, which are elsewhere, for something; [`Host::answer`] is what they say.
    pub(in crate::computer) fn ask_devices(&self, at: Instant, errand: Errand) -> u64 {
        let ticket = self.open_question();
        self.write(self.letters.devices.number(), at, Text::Errand(errand, ticket));
        ticket.number
    }

    /// A ticket for a question of which [`Host::answer`] tells the answer.
    pub(super) fn open_question(&self) -> Ticket {
        let ticket = self.ticket();
        self.letters.answers.lock().insert(ticket.number, None);
        ticket
    }

    /// By which number a host's desk gets letters.
    pub(super) const fn desk_of(&self, host: HostId) -> u8 {
        self.letters.devices.number() + 1 + host.number()
    }

    /// Whether a desk has this number.
    pub(super) const fn is_desk(&self, number: u8) -> bool {
        number > self.letters.devices.number()
    }

    fn ticket(&self) -> Ticket {
        Ticket { desk: self.letters.desk, number: self.letters.next_ticket.fetch_add(1, Ordering::Relaxed) }
    }

    /// What the devices said, once.
    pub(in crate::computer) fn answer(&self, number: u64) -> Option<Option<u64>> {
        let mut answers = self.letters.answers.lock();
        let answer = (*answers.get(&number)?)?;
        answers.remove(&number);
        Some(answer)
    }

    /// Tells a hart that something that it waits for was done.
    pub(in crate::computer) fn tell(&self, ticket: Ticket, at: Instant, value: Option<u64>) {
        self.write(ticket.desk, at, Text::Done(ticket.number, value));
    }

    /// What others want of the devices here, once; waits until there is something, or it is over.
    pub(in crate::computer) fn errands(&self, is_over: impl Fn() -> bool) -> Errands {
        self.letters.bell.wait_until(|| is_over() || !self.letters.errands.lock().is_empty());
        std::mem::take(&mut *self.letters.errands.lock())
    }

    /// Lets who answers errands look up.
    pub(in crate::computer) fn rouse(&self) {
        self.letters.bell.notify_all();
    }

    /// Gives all harts away, and takes none any more.
    pub(super) fn give_harts_away(&self, now: Instant) {
        let mut harts = self.letters.harts.lock();
        harts.leave(now);
        self.drive_harts(&mut harts, now);
    }

    /// Whether no hart is on its way, and all letters of harts here are where they go.
    pub(super) fn are_letters_idle(&self) -> bool {
        let harts = self.letters.harts.lock();
        (0..harts.len() as u8)
            .filter_map(HartId::new)
            .all(|hart| harts.waiting(hart) == 0 && (hart >= self.letters.devices || !harts.is_moving(hart)))
    }

    /// Whether all harts were given away.
    pub(super) fn has_no_harts(&self) -> bool {
        self.letters.is_empty.load(Ordering::SeqCst)
    }

    /// Other hosts make up the computer from now on.
    pub(super) fn begin_letters(&self, now: Instant, epoch: Epoch, hosts: HostSet) {
        let here = self.share.here;
        let mut harts = self.letters.harts.lock();
        if harts.is_empty() {
            *harts = Harts::join(HartsConfig::default(), here, hosts, &places(&self.share), epoch);
        } else if hosts.contains(here) {
            harts.begin_epoch(now, epoch, hosts);
        }
        for host in hosts.without(here).iter() {
            let desk = HartId::new(self.desk_of(host));
            if let Some(desk) = desk.filter(|desk| harts.lives_here(*desk)) {
                let _ = harts.begin_move(now, desk, host); // it is on its way already, if not
            }
        }
        self.drive_harts(&mut harts, now);
    }

    /// Deals with what another host says of harts.
    pub(super) fn receive_letters(&self, from: HostId, message: HartMessage<Parcel>) {
        let now = self.clock.now();
        let mut harts = self.letters.harts.lock();
        if harts.receive(now, from, message).is_err() {
            self.refused.add(1);
        }
        self.drive_harts(&mut harts, now);
    }

    /// Does what is due; when something will be next.
    pub(super) fn wake_letters(&self, now: Instant) -> Option<Instant> {
        let mut harts = self.letters.harts.lock();
        harts.wake(now);
        self.carry_out_letters(&mut harts, now);
        harts.next_event()
    }

    pub(super) fn write(&self, to: u8, at: Instant, text: Text) {
        let now = self.clock.now();
        let mut harts = self.letters.harts.lock();
        self.post_to(&mut harts, now, to, Parcel { at, text });
        self.drive_harts(&mut harts, now);
    }

    fn post_to(&self, harts: &mut Harts<Parcel>, now: Instant, to: u8, parcel: Parcel) {
        let posted = HartId::new(to).is_some_and(|to| harts.post(now, to, parcel).is_ok());
        if !posted {
            self.refused.add(1);
        }
    }

    fn drive_harts(&self, harts: &mut Harts<Parcel>, now: Instant) {
        self.carry_out_letters(harts, now);
        if let Some(event) = harts.next_event() {
            self.sleep_no_longer_than(event, now);
        }
    }

    fn carry_out_letters(&self, harts: &mut Harts<Parcel>, now: Instant) {
        let mut messages = Vec::new();
        while let Some(output) = harts.poll() {
            match output {
                Output::Send { to, message } => messages.push((to, message)),
                Output::Deliver { hart, letter } => {
                    let at = letter.at;
                    if let Some((to, text)) = self.deliver(hart, letter) {
                        self.post_to(harts, now, to, Parcel { at, text });
                    }
                }
                Output::Freeze { hart } if hart < self.letters.devices => {
                    self.yard.ask_to_leave(hart.index());
                }
                // Answers to harts here would come where nobody waits for them.
                Output::Freeze { hart } if self.is_desk_needed(harts, hart) => harts.stay(now, hart),
                // Devices and desks are nothing that stands still.
                Output::Freeze { hart } => harts.frozen(now, hart, Vec::new()),
                Output::Thaw { hart, state } if hart < self.letters.devices => self.thaw(hart, &state),
                Output::Thaw { .. } => {}
                Output::Moved { hart, .. } | Output::MoveFailed { hart, .. }
                    if hart >= self.letters.devices => {}
                Output::Moved { hart, to, downtime } => {
                    self.has_set_out(hart);
                    self.lands(hart.index());
                    self.letters.remember(HostEvent::Moved { hart: hart.number(), to, downtime });
                }
                Output::MoveFailed { hart, to, why } => {
                    self.has_set_out(hart);
                    self.letters.remember(HostEvent::Stayed { hart: hart.number(), to, why });
                }
                Output::Missing { hart, host } => {
                    self.letters.remember(HostEvent::Missing { hart: hart.number(), host });
                }
                Output::Drained => self.letters.is_empty.store(true, Ordering::SeqCst),
            }
        }
        // Sent last: what it says of a hart that has come is not heard before how far this host is.
        self.count_letters(harts);
        if messages.is_empty() {
            return;
        }
        let state = self.own_state();
        for (to, message) in messages {
            self.send(to, &HostMessage::Harts(state.clone(), message));
        }
    }

    /// Whether this is the desk of this host, and harts live here that may ask for something.
    fn is_desk_needed(&self, harts: &Harts<Parcel>, desk: HartId) -> bool {
        let own = desk.number() == self.letters.desk;
        own && (0..self.letters.devices.number()).filter_map(HartId::new).any(|hart| harts.lives_here(hart))
    }

    fn thaw(&self, hart: HartId, state: &[u8]) {
        match Traveller::from_bytes(state) {
            Ok(traveller) => {
                self.letters.present.fetch_or(1 << hart.index(), Ordering::SeqCst);
                self.travels(hart.index(), traveller.state.now());
                self.unpack(hart, traveller.past);
                self.yard.welcome(hart.index(), traveller);
            }
            Err(error) => self.fail(error.into()),
        }
    }

    /// Puts a letter where it is read; what is to be written to whom at once because of it.
    fn deliver(&self, hart: HartId, Parcel { at, text }: Parcel) -> Option<(u8, Text)> {
        let number = hart.index();
        match text {
            Text::Lines(lines) => self.yard.put(number, at, Message::Lines(lines)),
            Text::Raise(interrupts) => self.yard.put(number, at, Message::Raise(interrupts)),
            Text::Start { pc, argument } => self.yard.put(number, at, Message::Start { pc, argument }),
            Text::Fence(range, ticket) => {
                let range = range.map(|(start, end)| start..end);
                return self.ask_here(number, at, ticket, |answer| Message::Fence(range, answer));
            }
            Text::FenceInstructions(ticket) => {
                return self.ask_here(number, at, ticket, Message::FenceInstructions);
            }
            Text::Errand(errand, ticket) => {
                let mut errands = self.letters.errands.lock();
                if hart == self.letters.devices && errands.len() < ERRANDS_MAX {
                    errands.push_back((errand, ticket, at));
                    drop(errands);
                    self.letters.bell.notify_all();
                } else {
                    self.refused.add(1);
                }
            }
            Text::Operate { operation, sent_on, ticket } => return self.serve(operation, sent_on, ticket),
            Text::Done(number, value) if hart.number() == self.letters.desk => self.done(number, value),
            Text::Done(..) => self.refused.add(1),
        }
        None
    }

    /// Asks a hart here for something; the answer, if that is clear already: a hart that does not run has done it as far as
    /// others can see.
    fn ask_here(
        &self,
        hart: usize,
        at: Instant,
        ticket: Ticket,
        message: impl FnOnce(Answer) -> Message,
    ) -> Option<(u8, Text)> {
        let runs = self
            .yard
            .ask(hart, at, |runs| message(if runs { Answer::Elsewhere(ticket) } else { Answer::Nobody }));
        (!runs).then_some((ticket.desk, Text::Done(ticket.number, None)))
    }

    fn done(&self, number: u64, value: Option<u64>) {
        if let Some(missing) = self.letters.fences.lock().remove(&number) {
            missing.fetch_sub(1, Ordering::SeqCst);
        } else if let Some(answer) = self.letters.answers.lock().get_mut(&number) {
            *answer = Some(value);
        } else {
            self.refused.add(1);
        }
        self.yard.news.notify_all();
    }
}
