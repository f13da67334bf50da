//! [`Splice`]: a connection of the host and one of the fabric that are one connection.

use std::io::{self, IoSlice, Read as _, Write as _};
use std::net::Shutdown;

use bytes::{Bytes, BytesMut};
use ironloom_core::{Duration, MachineId};
use mio::event::Event;
use mio::net::TcpStream;
use socket2::SockRef;

use super::Usage;
use crate::door::world::World;
use crate::{Payload, Readiness, SocketId};

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
    fn read(&mut self, stream: &mut TcpStream) -> io::Result<Bytes> {
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

/// A connection of the host and one of the fabric, each of which gets what comes from the other.
#[derive(Debug)]
pub(super) struct Splice {
    pub(super) stream: TcpStream,
    gateway: MachineId,
    pub(super) socket: SocketId,
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
    /// It is over.
    Over,
}

/// One of the sides broke the connection off.
enum Broken {
    Host,
    Fabric,
}

impl Splice {
    pub(super) fn new(stream: TcpStream, gateway: MachineId, socket: SocketId, usage: Usage) -> Self {
        let inward = Way { can_take: true, ..Way::default() };
        let outward = Way { can_give: true, ..Way::default() };
        Self { stream, gateway, socket, usage, inward, outward, may_be_broken: false }
    }

    pub(super) fn note_host(&mut self, event: &Event) {
        self.may_be_broken |= event.is_error();
        self.inward.can_take |= event.is_readable() || event.is_read_closed() || event.is_error();
        self.outward.can_give |= event.is_writable() || event.is_write_closed() || event.is_error();
    }

    pub(super) fn note_fabric(&mut self, readiness: Readiness) {
        let is_over = readiness.contains(Readiness::OVER);
        self.inward.can_give |= is_over || readiness.contains(Readiness::WRITABLE);
        self.outward.can_take |= is_over || readiness.contains(Readiness::READABLE);
    }

    /// Carries what is there.
    pub(super) fn turn(&mut self, world: &mut World<'_>, buffer: &mut Buffer) -> Outcome {
        // Who has finished and then breaks off is not heard of by reading, as nothing more is read.
        if std::mem::take(&mut self.may_be_broken) && !matches!(self.stream.take_error(), Ok(None)) {
            self.break_off(world, &Broken::Host);
            return Outcome::Over;
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
                    Err(broken) => {
                        self.break_off(world, &broken);
                        return Outcome::Over;
                    }
                }
            }
        }
        if self.inward.is_told && self.outward.is_told {
            world.close(self.gateway, self.socket);
            return Outcome::Over;
        }
        if is_more { Outcome::More } else { Outcome::Waiting }
    }

    /// Ends it, because one side has.
    fn break_off(&self, world: &mut World<'_>, broken: &Broken) {
        match broken {
            Broken::Host => {
                world.abort(self.gateway, self.socket);
            }
            Broken::Fabric => {
                reset(&self.stream);
                world.close(self.gateway, self.socket);
            }
        }
    }

    /// Carries some bytes from the host into the fabric; whether there may be more.
    fn step_inward(&mut self, world: &mut World<'_>, buffer: &mut Buffer) -> Result<bool, Broken> {
        let way = &mut self.inward;
        if !way.held.is_empty() {
            if !way.can_give {
                return Ok(false);
            }
            let sent = world.send(self.gateway, self.socket, &way.held);
            let Ok(Ok(taken)) = sent else { return Err(Broken::Fabric) };
            way.held = way.held.slice(taken, way.held.len());
            way.can_give = way.held.is_empty();
            return Ok(way.can_give);
        }
        if way.is_finished {
            if !way.is_told && way.can_give {
                world.finish(self.gateway, self.socket);
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
                way.is_finished = bytes.is_empty();
                way.held = bytes.into();
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => way.can_take = false,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => (),
            Err(_) => return Err(Broken::Host),
        }
        Ok(way.can_take)
    }

    /// Carries some bytes from the fabric to the host; whether there may be more.
    fn step_outward(&mut self, world: &mut World<'_>, _: &mut Buffer) -> Result<bool, Broken> {
        let way = &mut self.outward;
        if !way.held.is_empty() {
            if !way.can_give {
                return Ok(false);
            }
            match write(&mut self.stream, &way.held) {
                Ok(written) => {
                    self.usage.bytes_out.add(written as u64);
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
                // If it is not connected any more, the next read says so.
                let _ = self.stream.shutdown(Shutdown::Write);
                way.is_told = true;
            }
            return Ok(false);
        }
        if !way.can_take {
            return Ok(false);
        }
        match world.receive(self.gateway, self.socket, STEP_BYTES) {
            Ok(Ok(Some(payload))) => {
                way.is_finished = payload.is_empty();
                way.held = payload;
                Ok(true)
            }
            Ok(Ok(None)) => {
                way.can_take = false;
                Ok(false)
            }
            _ => Err(Broken::Fabric),
        }
    }
}

/// Makes the host tell its side that the connection is gone, once it is closed; if it cannot, closing tells that it is
/// finished.
pub(super) fn reset(stream: &TcpStream) {
    let _ = SockRef::from(stream).set_linger(Some(Duration::ZERO.into()));
}

fn write(stream: &mut TcpStream, payload: &Payload) -> io::Result<usize> {
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
