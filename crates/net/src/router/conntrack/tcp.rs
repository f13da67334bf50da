//! TCP as a router sees it: from the middle, and perhaps not all of it.
//!
//! The stages and the window check are those of Linux, whose users know what to expect of them: a segment is valid if
//! it is what its sender may send and acknowledges what its sender may have heard (after van Rooij, "Real stateful TCP
//! packet filtering in IP Filter").

use crate::frame::{Flags, Segment};

use super::flow::{Direction, Stage};

/// What a segment does to a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Step {
    /// It comes to this stage.
    To(Stage),
    /// Nothing: the sides have to sort it out.
    Ignored,
    /// It cannot be.
    Invalid,
    /// The connection is over, and this begins another with the same ends.
    Reopens,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Event {
    Syn,
    SynAck,
    Fin,
    Ack,
    Reset,
}

/// Whether the flags make sense together, and which of them says what happens.
fn event(flags: Flags) -> Option<Event> {
    let mask = (Flags::SYN | Flags::FIN | Flags::RST | Flags::ACK).0;
    Some(match Flags(flags.0 & mask) {
        Flags::SYN => Event::Syn,
        Flags::ACK => Event::Ack,
        Flags::RST => Event::Reset,
        both if both == Flags::SYN | Flags::ACK => Event::SynAck,
        both if both == Flags::FIN | Flags::ACK => Event::Fin,
        both if both == Flags::RST | Flags::ACK => Event::Reset,
        _ => return None,
    })
}

/// Whether a connection may begin with a segment: the SYN, or anything sensible if it is joined in the middle.
pub(super) fn first_stage(segment: &Segment, may_join: bool) -> Option<Stage> {
    match event(segment.flags)? {
        Event::Syn => Some(Stage::SynSent),
        Event::Ack if may_join => Some(Stage::Established),
        _ => None,
    }
}

/// What a segment does to a connection at a stage.
#[inline]
pub(super) fn step(stage: Stage, direction: Direction, segment: &Segment) -> Step {
    match event(segment.flags) {
        Some(Event::Ack) => after_ack(stage, direction),
        Some(Event::Syn) => after_syn(stage, direction),
        Some(Event::SynAck) => after_syn_ack(stage, direction),
        Some(Event::Fin) => after_fin(stage),
        Some(Event::Reset) => Step::To(Stage::Closed),
        None => Step::Invalid,
    }
}

#[inline]
fn after_ack(stage: Stage, direction: Direction) -> Step {
    match (stage, direction) {
        (Stage::SynReceived, Direction::Original) | (Stage::Established, _) => Step::To(Stage::Established),
        (Stage::FinWait | Stage::CloseWait, _) => Step::To(Stage::CloseWait),
        (Stage::LastAck | Stage::TimeWait, _) => Step::To(Stage::TimeWait),
        (Stage::SynReceived, Direction::Reply) | (Stage::Closed, _) => Step::To(stage),
        (Stage::SynSent | Stage::SynCrossed, Direction::Reply) => Step::Ignored,
        _ => Step::Invalid,
    }
}

fn after_syn(stage: Stage, direction: Direction) -> Step {
    match (stage, direction) {
        (Stage::SynSent, Direction::Original) => Step::To(Stage::SynSent),
        (Stage::SynSent, Direction::Reply) | (Stage::SynCrossed, _) => Step::To(Stage::SynCrossed),
        (Stage::TimeWait, _) | (Stage::Closed, Direction::Original) => Step::Reopens,
        // A side may have forgotten the connection; the other will tell it.
        (_, Direction::Original) => Step::Ignored,
        (_, Direction::Reply) => Step::Invalid,
    }
}

fn after_syn_ack(stage: Stage, direction: Direction) -> Step {
    match (stage, direction) {
        (Stage::SynSent, Direction::Reply)
        | (Stage::SynReceived, Direction::Original)
        | (Stage::SynCrossed, _) => Step::To(Stage::SynReceived),
        (_, Direction::Reply) => Step::Ignored,
        (_, Direction::Original) => Step::Invalid,
    }
}

fn after_fin(stage: Stage) -> Step {
    match stage {
        Stage::SynReceived | Stage::Established => Step::To(Stage::FinWait),
        Stage::FinWait | Stage::CloseWait | Stage::LastAck => Step::To(Stage::LastAck),
        Stage::TimeWait | Stage::Closed => Step::To(stage),
        _ => Step::Invalid,
    }
}

/// What one side of a connection has sent and may send, as sequence numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Side {
    /// One past the last byte that it sent.
    end: u32,
    /// One past the last byte that it may send.
    limit: u32,
    /// The widest window that it opened to the other side; 0 if nothing is known of it yet.
    window: u32,
}

/// What stands for a shift that was not offered.
const NO_SHIFT: u8 = 15;

/// Both sides have yet to say by how much their windows are shifted.
pub(super) const NO_SHIFTS: u8 = NO_SHIFT << 4 | NO_SHIFT;

/// Acknowledgements may be this much older than the newest byte, however narrow the windows.
const ACKNOWLEDGED_BYTES_MIN: u32 = 66_000;

fn is_before(one: u32, other: u32) -> bool {
    (one.wrapping_sub(other) as i32) < 0
}

fn shift(shifts: u8, direction: Direction) -> u8 {
    let shift = shifts >> (4 * direction as u8) & 15;
    if shift == NO_SHIFT { 0 } else { shift }
}

/// Notes what a SYN offers; windows are shifted only if both sides offer it.
fn offer(shifts: &mut u8, direction: Direction, segment: &Segment) {
    let offered = segment.options.window_shift.map_or(NO_SHIFT, |shift| shift.min(14));
    let at = 4 * direction as u8;
    *shifts = *shifts & !(15 << at) | offered << at;
    let is_answer = segment.flags.contains(Flags::ACK);
    if is_answer && (*shifts & 15 == NO_SHIFT || *shifts >> 4 == NO_SHIFT) {
        *shifts = NO_SHIFTS;
    }
}

/// Whether a segment is what its sender may send; if so, what it says is noted.
pub(super) fn follows(
    stage: Stage,
    sides: &mut [Side; 2],
    shifts: &mut u8,
    direction: Direction,
    segment: &Segment,
) -> bool {
    let [mut sender, mut receiver] = match direction {
        Direction::Original => *sides,
        Direction::Reply => [sides[1], sides[0]],
    };
    let is_syn = segment.flags.contains(Flags::SYN);
    let is_reset = segment.flags.contains(Flags::RST);
    let mut sequence = segment.sequence;
    let mut end = sequence
        .wrapping_add(segment.payload.len() as u32)
        .wrapping_add(u32::from(is_syn))
        .wrapping_add(u32::from(segment.flags.contains(Flags::FIN)));
    let begins_again = is_syn && is_before(sender.end, end) && may_begin_again(stage, direction);

    if is_syn && (sender.window == 0 || begins_again) {
        sender = Side { end, limit: end, window: u32::from(segment.window).max(1) };
        offer(shifts, direction, segment);
        if !segment.flags.contains(Flags::ACK) {
            sides[direction as usize] = sender;
            return true;
        }
    } else if sender.window == 0 {
        let window = (u32::from(segment.window) << shift(*shifts, direction)).max(1);
        sender = Side { end, limit: end.wrapping_add(window), window };
        if receiver.window == 0 {
            receiver.end = segment.acknowledgement;
            receiver.limit = segment.acknowledgement;
        }
    }

    let says_nothing = !segment.flags.contains(Flags::ACK) || is_reset && segment.acknowledgement == 0;
    let acknowledged = if says_nothing { receiver.end } else { segment.acknowledgement };
    if is_reset && sequence == 0 && stage == Stage::SynSent {
        // The answer to a SYN that nobody wants has no number of its own.
        (sequence, end) = (sender.end, sender.end);
    }

    let acknowledged_max = sender.window.max(ACKNOWLEDGED_BYTES_MIN);
    let is_valid = !is_before(sender.limit, sequence)
        && (receiver.window == 0 || !is_before(end, sender.end.wrapping_sub(receiver.window)))
        && !is_before(receiver.end, acknowledged)
        && !is_before(acknowledged, receiver.end.wrapping_sub(acknowledged_max));
    if !is_valid {
        return false;
    }

    let window = u32::from(segment.window) << if is_syn { 0 } else { shift(*shifts, direction) };
    sender.window = sender.window.max(window);
    if is_before(sender.end, end) {
        sender.end = end;
    }
    if receiver.window != 0 && is_before(sender.limit, end) {
        receiver.window += end.wrapping_sub(sender.limit);
    }
    let limit = acknowledged.wrapping_add(window.max(1));
    if !is_before(limit, receiver.limit) {
        receiver.limit = limit;
    }
    *sides = match direction {
        Direction::Original => [sender, receiver],
        Direction::Reply => [receiver, sender],
    };
    true
}

/// Whether a SYN with other numbers replaces what was said: before the handshake is done it may.
fn may_begin_again(stage: Stage, direction: Direction) -> bool {
    stage == Stage::SynSent || stage == Stage::SynReceived && direction == Direction::Reply
}
