//! Letters between harts, and between harts and devices, wherever they live.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use ironloom_core::{EventCount, Instant};
use parking_lot::Mutex;

use super::message::{DEVICES, Errand, FarLetter, HostMessage, Text, Ticket};
use super::{Host, Share};
use crate::cluster::HostId;
use crate::computer::free::{Answer, Message};

/// How many errands may wait for devices: each hart has one at most, and its writes to the console.
const ERRANDS_MAX: usize = 4_096;

/// An errand for devices.
pub(in crate::computer) type Errands = VecDeque<(Errand, Ticket, Instant)>;

/// What waits for answers, and what is to be answered.
#[derive(Debug)]
pub(super) struct Letters {
    next_ticket: AtomicU64,
    /// Fences that were asked for, and how many answers each hart still waits for.
    fences: Mutex<BTreeMap<u64, Arc<AtomicUsize>>>,
    /// Errands, and what came of them.
    answers: Mutex<BTreeMap<u64, Option<Option<u64>>>>,
    /// What others want of the devices here.
    errands: Mutex<Errands>,
    /// Wakes who answers errands.
    pub(super) bell: EventCount,
    /// Wakes who looks after time.
    pub(super) alarm: EventCount,
}

impl Letters {
    pub(super) fn new(_: &Share) -> Self {
        Self {
            next_ticket: AtomicU64::new(0),
            fences: Mutex::default(),
            answers: Mutex::default(),
            errands: Mutex::default(),
            bell: EventCount::new(),
            alarm: EventCount::new(),
        }
    }
}

impl Host {
    /// Whether the devices are here.
    pub(in crate::computer) fn has_devices(&self) -> bool {
        self.share.devices == self.share.here
    }

    fn home_of(&self, to: u8) -> Option<HostId> {
        if to == DEVICES { Some(self.share.devices) } else { self.share.harts.get(usize::from(to)).copied() }
    }

    /// Whether a hart lives here.
    pub(in crate::computer) fn is_home_of(&self, hart: usize) -> bool {
        self.home_of(hart as u8) == Some(self.share.here)
    }

    /// Sends a letter to where it belongs.
    fn write(&self, to: u8, at: Instant, text: Text) {
        let letter = FarLetter { to, at, text };
        match self.home_of(to) {
            Some(host) if host == self.share.here => self.deliver(letter),
            Some(host) => self.send(host, &HostMessage::Letter(letter)),
            None => self.refused.add(1),
        }
    }

    /// Sends interrupts, or a start, to a hart that lives elsewhere.
    pub(in crate::computer) fn write_to(&self, hart: usize, at: Instant, message: Message) {
        let text = match message {
            Message::Lines(lines) => Text::Lines(lines),
            Message::Raise(interrupts) => Text::Raise(interrupts),
            Message::Start { pc, argument } => Text::Start { pc, argument },
            Message::Fence(..) | Message::FenceInstructions(..) => {
                unreachable!("fences are asked for, because somebody waits for them")
            }
        };
        self.write(hart as u8, at, text);
    }

    /// Asks harts elsewhere for a fence, for a hart that waits until `missing` is zero.
    pub(in crate::computer) fn ask_fence(
        &self,
        own: usize,
        at: Instant,
        harts: impl Iterator<Item = usize>,
        range: Option<&Option<std::ops::Range<u64>>>,
        missing: &Arc<AtomicUsize>,
    ) {
        for hart in harts {
            let number = self.letters.next_ticket.fetch_add(1, Ordering::Relaxed);
            let ticket = Ticket { hart: own as u8, number };
            missing.fetch_add(1, Ordering::SeqCst);
            self.letters.fences.lock().insert(number, missing.clone());
            let text = match range {
                Some(range) => Text::Fence(range.as_ref().map(|range| (range.start, range.end)), ticket),
                None => Text::FenceInstructions(ticket),
            };
            self.write(hart as u8, at, text);
        }
    }

    /// Asks the devices, which are elsewhere, for something; [`Host::answer`] is what they say.
    pub(in crate::computer) fn ask_devices(&self, own: usize, at: Instant, errand: Errand) -> u64 {
        let number = self.letters.next_ticket.fetch_add(1, Ordering::Relaxed);
        self.letters.answers.lock().insert(number, None);
        self.write(DEVICES, at, Text::Errand(errand, Ticket { hart: own as u8, number }));
        number
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
        self.write(ticket.hart, at, Text::Done(ticket.number, value));
    }

    /// What others want of the devices here, once; waits until there is something, or it is over.
    pub(in crate::computer) fn errands(&self, is_over: impl Fn() -> bool) -> Errands {
        self.letters.bell.wait_until(|| is_over() || !self.letters.errands.lock().is_empty());
        std::mem::take(&mut *self.letters.errands.lock())
    }

    /// Lets those look up who look after time and answer errands.
    pub(in crate::computer) fn rouse(&self) {
        self.letters.bell.notify_all();
        self.letters.alarm.notify_all();
    }

    /// Puts a letter where it is read.
    pub(super) fn deliver(&self, FarLetter { to, at, text }: FarLetter) {
        let hart = usize::from(to);
        match text {
            Text::Lines(lines) => self.yard.put(hart, at, Message::Lines(lines)),
            Text::Raise(interrupts) => self.yard.put(hart, at, Message::Raise(interrupts)),
            Text::Start { pc, argument } => self.yard.put(hart, at, Message::Start { pc, argument }),
            Text::Fence(range, ticket) => {
                let range = range.map(|(start, end)| start..end);
                self.ask_here(hart, at, ticket, |answer| Message::Fence(range, answer));
            }
            Text::FenceInstructions(ticket) => self.ask_here(hart, at, ticket, Message::FenceInstructions),
            Text::Errand(errand, ticket) => {
                let mut errands = self.letters.errands.lock();
                if to == DEVICES && errands.len() < ERRANDS_MAX {
                    errands.push_back((errand, ticket, at));
                    drop(errands);
                    self.letters.bell.notify_all();
                } else {
                    self.refused.add(1);
                }
            }
            Text::Done(number, value) => self.done(number, value),
        }
    }

    fn ask_here(&self, hart: usize, at: Instant, ticket: Ticket, message: impl FnOnce(Answer) -> Message) {
        let runs = self
            .yard
            .ask(hart, at, |runs| message(if runs { Answer::Elsewhere(ticket) } else { Answer::Nobody }));
        if !runs {
            self.tell(ticket, at, None); // it does it before it runs again
        }
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
