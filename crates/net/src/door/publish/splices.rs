//! [`Splices`]: all connections of a door.

use std::collections::VecDeque;

use mio::Interest;
use mio::event::Event;

use super::Usage;
use super::far::Far;
use super::host::HostStream;
use super::splice::{Buffer, Outcome, Splice};
use crate::Readiness;
use crate::door::driver::Wait;

/// All connections of a door, and their [other halves](Far).
///
/// Each has a number as long as it is there. What a door waits for with it has keys from 1 on; 0 is the door's own.
#[derive(Debug)]
pub struct Splices<F> {
    places: Vec<Place<F>>,
    free: Vec<u32>,
    /// The places for which there is something to do.
    due: VecDeque<u32>,
    buffer: Buffer,
    usage: Usage,
}

#[derive(Debug)]
struct Place<F> {
    splice: Option<Splice<F>>,
    is_due: bool,
}

/// Who broke a connection off.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Broken {
    /// Whoever is outside.
    Host,
    /// The other half.
    Far,
    /// The door itself.
    Between,
}

/// A connection that is over.
#[derive(Debug)]
pub struct Over<F> {
    /// The number that it had.
    pub number: u32,
    /// What was the other half.
    pub far: F,
    /// How many bytes came in.
    pub bytes_in: u64,
    /// How many bytes went out.
    pub bytes_out: u64,
    /// Who broke it off, if it did not end by itself.
    pub broken: Option<Broken>,
}

impl<F> Splices<F> {
    /// None yet.
    #[must_use]
    pub fn new(usage: Usage) -> Self {
        Self { places: Vec::new(), free: Vec::new(), due: VecDeque::new(), buffer: Buffer::default(), usage }
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.places.len() - self.free.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether there is something to be carried at once.
    #[must_use]
    pub fn is_due(&self) -> bool {
        !self.due.is_empty()
    }

    /// The other halves of all.
    pub fn fars(&self) -> impl Iterator<Item = &F> {
        self.places.iter().filter_map(|place| place.splice.as_ref()).map(|splice| &splice.far)
    }

    /// The other half of a connection, if it is there.
    pub fn far_mut(&mut self, number: u32) -> Option<&mut F> {
        let splice = self.places.get_mut(number as usize)?.splice.as_mut()?;
        Some(&mut splice.far)
    }

    /// Joins a connection of the host and its other half, if there is one, and says which that is under which number. Else
    /// the connection is [refused](Self::refuse).
    pub fn seat(
        &mut self,
        mut stream: HostStream,
        wait: &Wait<'_>,
        connect: impl FnOnce(u32) -> Option<F>,
    ) -> Option<(u32, &mut F)> {
        let number = self.free.last().copied().unwrap_or(self.places.len() as u32);
        let is_heard =
            wait.register(&mut stream, number + 1, Interest::READABLE | Interest::WRITABLE).is_ok();
        let far = if is_heard { connect(number) } else { None };
        let Some(far) = far else {
            self.refuse(&stream);
            return None;
        };
        stream.hurry();
        self.usage.connections.add(1);
        self.usage.connections_now.add(1);
        let splice = Some(Splice::new(stream, far, self.usage.clone()));
        let place = Place { splice, is_due: false };
        if self.free.pop().is_none() {
            self.places.push(place);
        } else {
            self.places[number as usize] = place;
        }
        self.mark(number).map(|splice| (number, &mut splice.far))
    }

    /// Somebody is not let in: the connection is reset when it is dropped.
    pub fn refuse(&self, stream: &HostStream) {
        self.usage.refused.add(1);
        stream.reset_when_closed();
    }

    /// Takes notice that the host is ready for a connection.
    pub fn host_is_ready(&mut self, event: &Event, key: u32) {
        if let Some(splice) = key.checked_sub(1).and_then(|number| self.mark(number)) {
            splice.note_host(event);
        }
    }

    /// Takes notice that the other half of a connection has something to say, or room.
    pub fn far_is_ready(&mut self, number: u32, readiness: Readiness) {
        if let Some(splice) = self.mark(number) {
            splice.note_far(readiness);
        }
    }

    /// Carries what is there, for a while; who is over by that.
    pub fn turn<W: ?Sized>(&mut self, world: &mut W, wait: &Wait<'_>) -> Vec<Over<F>>
    where
        F: Far<W>,
    {
        let mut over = Vec::new();
        for _ in 0..self.due.len() {
            let Some(number) = self.due.pop_front() else { break };
            let place = &mut self.places[number as usize];
            place.is_due = false;
            let Some(splice) = &mut place.splice else { continue };
            match splice.turn(world, &mut self.buffer) {
                Outcome::Waiting => (),
                Outcome::More => _ = self.mark(number),
                Outcome::Over(broken) => over.extend(self.let_go(number, broken, wait)),
            }
        }
        over
    }

    /// Breaks connections off; which those were.
    pub fn break_off<W: ?Sized>(
        &mut self,
        world: &mut W,
        wait: &Wait<'_>,
        broken: Broken,
        mut which: impl FnMut(&F) -> bool,
    ) -> Vec<Over<F>>
    where
        F: Far<W>,
    {
        let mut over = Vec::new();
        for number in 0..self.places.len() as u32 {
            let splice = self.places[number as usize].splice.as_mut().filter(|splice| which(&splice.far));
            if let Some(splice) = splice {
                splice.break_off(world, broken);
                over.extend(self.let_go(number, Some(broken), wait));
            }
        }
        over
    }

    fn mark(&mut self, number: u32) -> Option<&mut Splice<F>> {
        let place = self.places.get_mut(number as usize)?;
        let splice = place.splice.as_mut()?;
        if !std::mem::replace(&mut place.is_due, true) {
            self.due.push_back(number);
        }
        Some(splice)
    }

    fn let_go(&mut self, number: u32, broken: Option<Broken>, wait: &Wait<'_>) -> Option<Over<F>> {
        let mut splice = self.places.get_mut(number as usize)?.splice.take()?;
        // It is closed next, which says the same to the host.
        let _ = wait.deregister(&mut splice.stream);
        self.free.push(number);
        self.usage.connections_now.add(-1);
        let (bytes_in, bytes_out) = splice.carried();
        Some(Over { number, far: splice.far, bytes_in, bytes_out, broken })
    }
}

impl<F> Drop for Splices<F> {
    /// What is left is broken off.
    fn drop(&mut self) {
        let left = self.places.iter().filter_map(|place| place.splice.as_ref());
        let left = left.inspect(|splice| splice.stream.reset_when_closed()).count();
        self.usage.connections_now.add(-(left as i64));
    }
}
