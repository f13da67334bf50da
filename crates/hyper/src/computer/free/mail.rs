//! What harts that run freely do to each other: letters, and the mailboxes that they arrive in.

use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use ironloom_core::Instant;
use parking_lot::Condvar;

use crate::cluster::Traveller;
use crate::computer::seat::{HartStatus, Seat};
use crate::computer::spread::Ticket;
use crate::hart::Doorbell;

/// What a hart is asked to do by others, and when.
#[derive(Debug)]
pub(in crate::computer) struct Letter {
    pub(super) at: Instant,
    pub(super) message: Message,
}

/// What a hart is asked to do by others.
#[derive(Debug)]
pub(in crate::computer) enum Message {
    Lines(u64),
    Raise(u64),
    Fence(Option<Range<u64>>, Answer),
    FenceInstructions(Answer),
    Start { pc: u64, argument: u64 },
}

/// Who waits for an answer.
#[derive(Debug)]
pub(in crate::computer) enum Answer {
    /// Nobody.
    Nobody,
    /// Somebody here, who counts those that are missing.
    Here(Arc<AtomicUsize>),
    /// Somebody on another host.
    Elsewhere(Ticket),
}

impl Answer {
    /// Counts it, or says who elsewhere is to be told.
    fn give(self) -> Option<Ticket> {
        match self {
            Self::Nobody => None,
            Self::Here(missing) => {
                missing.fetch_sub(1, Ordering::SeqCst);
                None
            }
            Self::Elsewhere(ticket) => Some(ticket),
        }
    }
}

/// A hart as others see it in a window.
#[derive(Debug)]
pub(in crate::computer) struct Mailbox {
    pub(super) bell: Arc<Doorbell>,
    /// Wakes the hart's thread.
    pub(super) wake: Arc<Condvar>,
    pub(super) letters: Vec<Letter>,
    /// Letters that it need not wake for.
    pub(super) quiet: Vec<Letter>,
    /// Whether the hart lives on this host.
    pub(super) here: bool,
    /// Whether the hart is to stop where it can, to go to another host.
    pub(super) leaving: bool,
    /// What the hart is, if it has just come from another host.
    pub(super) arrival: Option<Box<Traveller>>,
    /// Whether it runs; else it takes its letters before it runs again.
    pub(super) active: bool,
    /// Whether it runs on the thread of the window instead of its own.
    pub(super) lent: bool,
    /// Whether it has come to the end of the window.
    pub(super) through: bool,
    /// Whether firmware has started it.
    pub(super) started: bool,
}

impl Mailbox {
    pub(super) fn new(seat: &Seat) -> Self {
        Self {
            bell: seat.hart.doorbell(),
            wake: Arc::new(Condvar::new()),
            letters: Vec::new(),
            quiet: Vec::new(),
            here: true,
            leaving: false,
            arrival: None,
            active: false,
            lent: false,
            through: false,
            started: seat.is_started(),
        }
    }

    pub(super) fn put(&mut self, letter: Letter) {
        self.started |= matches!(letter.message, Message::Start { .. });
        self.letters.push(letter);
        self.bell.ring();
        if !self.active {
            self.wake.notify_one();
        }
    }

    /// Notes whether the hart is started, or will be by a letter that it has not read yet.
    pub(super) fn note_started(&mut self, is_started: bool) {
        let begins = |letter: &Letter| matches!(letter.message, Message::Start { .. });
        self.started = is_started || self.letters.iter().any(begins);
    }

    /// Whether a hart that rests has a letter that it takes at once.
    pub(super) const fn is_called(&self) -> bool {
        let called = !self.letters.is_empty() || self.arrival.is_some();
        !self.active && self.started && !self.through && called
    }

    /// Everything that has arrived.
    pub(super) fn empty(&mut self) -> Vec<Letter> {
        let mut letters = std::mem::take(&mut self.quiet);
        letters.append(&mut self.letters);
        letters
    }
}

/// Does what a letter asks for; who elsewhere is to be told that it is done.
pub(super) fn obey(seat: &mut Seat, Letter { at, message }: Letter) -> Option<Ticket> {
    if seat.status != HartStatus::Running && seat.hart.now() < at {
        seat.hart.set_time(at);
    }
    match message {
        Message::Lines(lines) => seat.hart.set_lines(lines),
        Message::Raise(interrupts) => seat.hart.raise(interrupts),
        Message::Fence(range, answer) => {
            seat.hart.fence(range);
            return answer.give();
        }
        Message::FenceInstructions(answer) => {
            seat.hart.fence_instructions();
            return answer.give();
        }
        Message::Start { pc, argument } => {
            let id = seat.hart.id();
            seat.hart.hand_over(pc, id, argument);
            seat.status = HartStatus::Running;
        }
    }
    None
}
