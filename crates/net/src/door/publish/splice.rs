//! [`Splice`]: a connection of the host and its [other half](Far), which are one connection.

use std::io::{self, IoSlice, Read as _, Write as _};

use bytes::{Bytes, BytesMut};
use mio::event::Event;

use super::far::{Far, Gone};
use super::host::HostStream;
use super::{Broken, Usage};
use crate::{Payload, Readiness};

/// How many bytes are carried in one step.
const STEP_BYTES: usize = 64 << 10;

/// How many steps each way are made before others have their turn.
const TURN_STEPS: usize = 8;

/// How many pieces are written at once.
const PIECES: usize = 16;

/// Up to how many bytes are copied out of the buffer rather than keeping all of it from being freed.
const COPIED_BYTES_MAX: usize = 4 << 10;

/// What is read from the host is put here; connections share it, as it is cut off behind every read.
#[derive(Debug, Default)]
pub(super) struct Buffer(BytesMut);

impl Buffer {
    fn read(&mut self, stream: &mut HostStream) -> io::Result<Bytes> {
        if self.0.len() < STEP_BYTES {
            self.0 = BytesMut::zeroed(4 * STEP_BYTES);
        }
        let len = stream.read(&mut self.0[..STEP_BYTES])?;
        if len <= COPIED_BYTES_MAX {
            return Ok(Bytes::copy_from_slice(&self.0[..len]));
        }
        Ok(self.0.split_to(len).freeze())
    }
}

/// A connection of the host and its other half, each of which gets what comes from the other.
#[derive(Debug)]
pub(super) struct Splice<F> {
    pub(super) stream: HostStream,
    pub(super) far: F,
    usage: Usage,
    inward: Way,
    outward: Way,
    /// Whether the host may have said that its connection is broken.
    may_be_broken: bool,
}

/// What is carried one way.
#[derive(Debug, Default)]
struct Way {
    /// Whether there may be something to be taken.
    can_take: bool,
    /// Whether there may be room to give.
    can_give: bool,
    /// What was taken and not yet given.
    held: Payload,
    /// How many bytes passed between the host and here.
    carried: u64,
    /// Whether the side that is taken from has finished.
    is_finished: bool,
    /// Whether the side that is given to was told so.
    is_told: bool,
}

/// What became of a splice.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Outcome {
    /// It waits for one of the sides.
    Waiting,
    /// There is more to be carried at once.
    More,
    /// It is over; one of the sides may have broken it off.
    Over(Option<Broken>),
}

impl From<Gone> for Broken {
    fn from(_: Gone) -> Self {
        Self::Far
    }
}

impl<F> Splice<F> {
    /// The host may have said something; the other half is not there yet.
    pub(super) fn new(stream: HostStream, far: F, usage: Usage) -> Self {
        let inward = Way { can_take: true, ..Way::default() };
        let outward = Way { can_give: true, ..Way::default() };
        Self { stream, far, usage, inward, outward, may_be_broken: false }
    }

    /// How many bytes came in, and went out.
    pub(super) const fn carried(&self) -> (u64, u64) {
        (self.inward.carried, self.outward.carried)
    }

    pub(super) fn note_host(&mut self, event: &Event) {
        self.may_be_broken |= event.is_error();
        self.inward.can_take |= event.is_readable() || event.is_read_closed() || event.is_error();
        self.outward.can_give |= event.is_writable() || event.is_write_closed() || event.is_error();
    }

    pub(super) fn note_far(&mut self, readiness: Readiness) {
        let is_over = readiness.contains(Readiness::OVER);
        self.inward.can_give |= is_over || readiness.contains(Readiness::WRITABLE);
        self.outward.can_take |= is_over || readiness.contains(Readiness::READABLE);
    }

    /// Carries what is there.
    pub(super) fn turn<W: ?Sized>(&mut self, world: &mut W, buffer: &mut Buffer) -> Outcome
    where
        F: Far<W>,
    {
        // Who has finished and then breaks off is not heard of by reading, as nothing more is read.
        if std::mem::take(&mut self.may_be_broken) && self.stream.is_broken() {
            return self.break_off(world, Broken::Host);
        }
        let mut is_more = false;
        for step in [Self::step_inward, Self::step_outward] {
            let mut left = TURN_STEPS;
            loop {
                match step(self, world, buffer) {
                    Ok(true) if left > 0 => left -= 1,
                    Ok(true) => {
                        is_more = true;
                        break;
                    }
                    Ok(false) => break,
                    Err(broken) => return self.break_off(world, broken),
                }
            }
        }
        if self.outward.is_told && (self.inward.is_told || self.far.listens_no_more(world)) {
            self.far.close(world);
            return Outcome::Over(None);
        }
        if is_more { Outcome::More } else { Outcome::Waiting }
    }

    /// Ends it, because one side has.
    pub(super) fn break_off<W: ?Sized>(&mut self, world: &mut W, broken: Broken) -> Outcome
    where
        F: Far<W>,
    {
        match broken {
            Broken::Host => self.far.abort(world),
            Broken::Far => {
                self.stream.reset_when_closed();
                self.far.close(world);
            }
            Broken::Between => {
                self.stream.reset_when_closed();
                self.far.abort(world);
            }
        }
        Outcome::Over(Some(broken))
    }

    /// Carries some bytes from the host to the other half; whether there may be more.
    fn step_inward<W: ?Sized>(&mut self, world: &mut W, buffer: &mut Buffer) -> Result<bool, Broken>
    where
        F: Far<W>,
    {
        let way = &mut self.inward;
        if !way.held.is_empty() {
            if !way.can_give {
                return Ok(false);
            }
            let taken = self.far.send(world, &way.held)?;
            way.held = way.held.slice(taken, way.held.len());
            way.can_give = way.held.is_empty();
            return Ok(way.can_give);
        }
        if way.is_finished {
            if !way.is_told && way.can_give {
                self.far.finish(world);
                way.is_told = true;
            }
            return Ok(false);
        }
        if !way.can_take {
            return Ok(false);
        }
        match buffer.read(&mut self.stream) {
            Ok(bytes) => {
                self.usage.bytes_in.add(bytes.len() as u64);
                way.carried += bytes.len() as u64;
                way.is_finished = bytes.is_empty();
                way.held = bytes.into();
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => way.can_take = false,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => (),
            Err(_) => return Err(Broken::Host),
        }
        Ok(way.can_take)
    }

    /// Carries some bytes from the other half to the host; whether there may be more.
    fn step_outward<W: ?Sized>(&mut self, world: &mut W, _: &mut Buffer) -> Result<bool, Broken>
    where
        F: Far<W>,
    {
        let way = &mut self.outward;
        if !way.held.is_empty() {
            if !way.can_give {
                return Ok(false);
            }
            match write(&mut self.stream, &way.held) {
                Ok(written) => {
                    self.usage.bytes_out.add(written as u64);
                    way.carried += written as u64;
                    way.held = way.held.slice(written, way.held.len());
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => way.can_give = false,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => (),
                Err(_) => return Err(Broken::Host),
            }
            return Ok(way.can_give);
        }
        if way.is_finished {
            if !way.is_told {
                self.stream.finish();
                way.is_told = true;
            }
            return Ok(false);
        }
        if !way.can_take {
            return Ok(false);
        }
        match self.far.receive(world, STEP_BYTES)? {
            Some(payload) => {
                way.is_finished = payload.is_empty();
                way.held = payload;
                Ok(true)
            }
            None => {
                way.can_take = false;
                Ok(false)
            }
        }
    }
}

fn write(stream: &mut HostStream, payload: &Payload) -> io::Result<usize> {
    let mut slices = [IoSlice::new(&[]); PIECES];
    let mut count = 0;
    for (slice, piece) in slices.iter_mut().zip(payload.pieces()) {
        *slice = IoSlice::new(piece);
        count += 1;
    }
    match stream.write_vectored(&slices[..count])? {
        0 => Err(io::ErrorKind::WriteZero.into()),
        written => Ok(written),
    }
}
