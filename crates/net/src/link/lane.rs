//! [`Lane`]: one way of a link, and what becomes of the frames that are offered to it.

use ironloom_core::{Duration, Instant};

use super::chance::{Family, Occasion};
use super::counters::{DropReason, LaneCounters};
use super::line::{BURST, Line};
use super::wire::{self, Shape};
use super::{Chance, Loss};
use crate::{Frame, Port};

/// How many frames arrive in one instant. Without this, two nodes that answer each other at once would hold the clock.
const CROWD_MAX: u32 = 1 << 20;

/// Where a lane ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Target {
    /// The place of who receives, within its shard.
    pub(crate) seat: u32,
    pub(crate) port: Port,
    pub(crate) shard: u16,
    /// How often something else ended at that port before.
    pub(crate) generation: u16,
}

/// One way of a link: when it is free, what was offered to it, what it dropped.
#[derive(Debug)]
pub(crate) struct Lane {
    /// Twice the number of the link, and one more for the way back.
    pub(crate) id: u32,
    /// Which [`Line`] it is like.
    pub(crate) line: u32,
    pub(crate) target: Target,
    /// Whether it leads to equipment of the group that it comes from.
    pub(crate) is_near: bool,
    pub(crate) is_down: bool,
    /// Where somebody wants copies of what it carries.
    pub(crate) taps: u8,
    /// Whether packets are lost in a burst at present.
    is_bad: bool,
    /// How many frames were offered: what chance goes by.
    offered: u32,
    /// How many frames were put on it: what frames of one instant are ordered by.
    number: u32,
    /// When all that was accepted has been sent, and the parts of 2³² of a nanosecond beyond.
    free_at: Instant,
    free_part: u32,
    /// When the frame arrives that was offered last, and how many before it arrive in the same instant.
    last_arrival: Instant,
    crowd: u32,
    packets: u64,
    bytes: u64,
    dropped: Option<Box<[u64; DropReason::ALL.len()]>>,
}

/// What is to become of a piece.
enum Fate {
    /// It arrives with those before it.
    Pass,
    Lost(DropReason),
    /// It arrives, but apart from the others.
    Apart(Odds),
}

/// What happens to a piece besides arriving.
#[derive(Default, Clone, Copy)]
struct Odds {
    is_doubled: bool,
    is_held_back: bool,
    /// Which bit is wrong.
    broken: Option<u64>,
}

/// Something that arrives at the other end.
#[derive(Debug)]
pub(crate) struct Arrival {
    pub(crate) at: Instant,
    pub(crate) number: u32,
    /// What arrives, unless it is the frame that was offered, as it is. That arrives once at the most.
    pub(crate) instead: Option<Frame>,
}

impl Lane {
    pub(crate) fn new(id: u32, line: u32, target: Target) -> Self {
        Self {
            id,
            line,
            target,
            is_near: false,
            is_down: false,
            taps: 0,
            is_bad: false,
            offered: 0,
            number: 0,
            free_at: Instant::ZERO,
            free_part: 0,
            last_arrival: Instant::ZERO,
            crowd: 0,
            packets: 0,
            bytes: 0,
            dropped: None,
        }
    }

    pub(crate) fn counters(&self) -> LaneCounters {
        LaneCounters::new(self.packets, self.bytes, self.dropped.as_deref().copied().unwrap_or_default())
    }

    /// Counts a frame as dropped.
    #[cold]
    pub(crate) fn drop_frame(&mut self, reason: DropReason, packets: u32) {
        self.dropped.get_or_insert_default()[reason as usize] += u64::from(packets);
    }

    /// Puts a frame on the link, and tells what arrives when.
    #[inline]
    pub(crate) fn offer(
        &mut self,
        now: Instant,
        frame: &Frame,
        line: &Line,
        chance: &Chance,
        deliver: impl FnMut(Arrival),
    ) {
        self.offered = self.offered.wrapping_add(1);
        let Ok(shape) = Shape::of(frame, line.profile.mtu) else {
            return self.drop_frame(DropReason::TooLarge, 1);
        };
        self.packets += u64::from(shape.pieces);
        self.bytes += shape.bytes();
        if self.is_down {
            self.drop_frame(DropReason::Down, shape.pieces);
        } else if self.crowd >= CROWD_MAX && self.last_arrival >= now.saturating_add(line.profile.latency) {
            self.drop_frame(DropReason::Limit, shape.pieces);
        } else if line.is_plain {
            let at = self.arrival(now.saturating_add(line.profile.latency));
            let number = self.next_number();
            let mut deliver = deliver;
            deliver(Arrival { at, number, instead: None });
        } else {
            Passage { lane: self, now, line, chance, frame, shape, deliver }.run();
        }
    }

    /// Counts what arrives in one instant.
    #[inline]
    fn arrival(&mut self, at: Instant) -> Instant {
        if at == self.last_arrival {
            self.crowd = self.crowd.saturating_add(1);
        } else {
            (self.last_arrival, self.crowd) = (at, 0);
        }
        at
    }

    #[inline]
    fn next_number(&mut self) -> u32 {
        let number = self.number;
        self.number = number.wrapping_add(1);
        number
    }

    /// Takes the time that a piece needs to be sent; `false` if the queue is full.
    fn send(&mut self, now: Instant, line: &Line, bytes: u32) -> bool {
        if self.free_at < now {
            (self.free_at, self.free_part) = (now, 0);
        }
        let time = line.time_of(bytes) + u128::from(self.free_part);
        let waiting = self.free_at.saturating_since(now).as_nanos();
        let whole = u64::try_from(time >> 32).unwrap_or(u64::MAX);
        if waiting > 0 && waiting.saturating_add(whole) > line.queue_time {
            return false;
        }
        self.free_at = self.free_at.saturating_add(Duration::from_nanos(whole));
        self.free_part = time as u32;
        true
    }
}

/// A frame on its way through a lane that has a rate, or faults.
struct Passage<'a, D> {
    lane: &'a mut Lane,
    now: Instant,
    line: &'a Line,
    chance: &'a Chance,
    frame: &'a Frame,
    shape: Shape,
    deliver: D,
}

impl<D: FnMut(Arrival)> Passage<'_, D> {
    fn run(mut self) {
        if self.shape.is_divisible {
            self.run_pieces();
        } else {
            self.run_whole();
        }
    }

    /// Pieces of a super-segment: what is lost is missing, what is not arrives in as few frames as possible.
    fn run_pieces(&mut self) {
        let mut begin = 0;
        let mut began = self.lane.free_at.max(self.now);
        for piece in 0..self.shape.pieces {
            if self.lane.free_at.saturating_since(began) >= BURST {
                self.pass(begin, piece, Odds::default());
                (begin, began) = (piece, self.lane.free_at);
            }
            let before = self.lane.free_at;
            match self.fate(piece) {
                Fate::Pass => continue,
                Fate::Lost(reason) => {
                    self.pass_at(before, begin, piece, Odds::default());
                    self.lane.drop_frame(reason, 1);
                }
                Fate::Apart(odds) => {
                    self.pass_at(before, begin, piece, Odds::default());
                    self.pass(piece, piece + 1, odds);
                }
            }
            (begin, began) = (piece + 1, self.lane.free_at);
        }
        self.pass(begin, self.shape.pieces, Odds::default());
    }

    /// A packet in one piece, or in fragments of which none may be missing.
    fn run_whole(&mut self) {
        let mut odds = Odds::default();
        let mut lost = None;
        for piece in 0..self.shape.pieces {
            match self.fate(piece) {
                Fate::Pass => {}
                Fate::Lost(reason) => lost = Some(reason),
                Fate::Apart(more) => {
                    odds.is_doubled |= more.is_doubled;
                    odds.is_held_back |= more.is_held_back;
                    odds.broken = odds.broken.or(more.broken);
                }
            }
        }
        match lost {
            Some(reason) => self.lane.drop_frame(reason, self.shape.pieces),
            None => self.pass(0, self.shape.pieces, odds),
        }
    }

    /// Sends a piece, and draws what becomes of it.
    fn fate(&mut self, piece: u32) -> Fate {
        if self.line.profile.rate.is_some()
            && !self.lane.send(self.now, self.line, self.shape.bytes_of(piece))
        {
            return Fate::Lost(DropReason::Queue);
        }
        if self.is_lost(piece) {
            return Fate::Lost(DropReason::Loss);
        }
        let profile = &self.line.profile;
        let happens = |family, ppm| self.chance.happens(family, self.occasion(), piece, ppm);
        let odds = Odds {
            is_doubled: happens(Family::Duplicate, profile.duplicate_ppm),
            is_held_back: happens(Family::Reorder, profile.reorder_ppm),
            broken: happens(Family::Corrupt, profile.corrupt_ppm)
                .then(|| self.chance.draw(Family::Corrupt, self.occasion(), piece + self.shape.pieces)),
        };
        let is_usual = !odds.is_doubled && !odds.is_held_back && odds.broken.is_none();
        if is_usual { Fate::Pass } else { Fate::Apart(odds) }
    }

    fn is_lost(&mut self, piece: u32) -> bool {
        let occasion = self.occasion();
        match self.line.profile.loss {
            Loss::None => false,
            Loss::Even { ppm } => self.chance.happens(Family::Loss, occasion, piece, ppm),
            Loss::Bursts { worsen_ppm, recover_ppm, good_ppm, bad_ppm } => {
                let changes = if self.lane.is_bad { recover_ppm } else { worsen_ppm };
                self.lane.is_bad ^= self.chance.happens(Family::Burst, occasion, piece, changes);
                let ppm = if self.lane.is_bad { bad_ppm } else { good_ppm };
                self.chance.happens(Family::Loss, occasion, piece, ppm)
            }
        }
    }

    fn pass(&mut self, from: u32, to: u32, odds: Odds) {
        self.pass_at(self.lane.free_at, from, to, odds);
    }

    /// Lets the pieces `from..to` arrive, of which the last was sent at `sent`.
    fn pass_at(&mut self, sent: Instant, from: u32, to: u32, odds: Odds) {
        if from == to {
            return;
        }
        let profile = &self.line.profile;
        let sent = sent.max(self.now);
        let mut at = sent.saturating_add(profile.latency);
        if !profile.jitter.is_zero() {
            at = at.saturating_add(self.chance.sway(self.lane.id, sent, profile.jitter));
        }
        if odds.is_held_back {
            at = at.saturating_add(profile.reorder_delay);
        } else {
            at = self.lane.arrival(at);
        }
        let is_whole = from == 0 && to == self.shape.pieces;
        let part = (!is_whole).then(|| wire::part(self.frame, self.shape.pieces, from, to));
        let instead = match odds.broken {
            Some(draw) => Some(wire::broken(part.as_ref().unwrap_or(self.frame), draw)),
            None => part,
        };
        if odds.is_doubled {
            let double = instead.clone().unwrap_or_else(|| self.frame.clone());
            let number = self.lane.next_number();
            (self.deliver)(Arrival { at, number, instead: Some(double) });
        }
        let number = self.lane.next_number();
        (self.deliver)(Arrival { at, number, instead });
    }

    fn occasion(&self) -> Occasion {
        Occasion { lane: self.lane.id, offered: self.lane.offered }
    }
}
