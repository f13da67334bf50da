//! [`Driver`]: lets a fabric, and whatever runs on it, keep step with a clock, and carries what comes and goes through its
//! doors.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use ironloom_core::{Clock, Duration, Instant};
use mio::event::Event;
use mio::{Events, Interest, Poll, Registry, Token, Waker, event::Source};

use super::journal::Journal;
use super::world::World;
use crate::Fabric;
use crate::fabric::{Driven, Output};

/// Which event says that somebody wants the driver to stop.
const STOP: Token = Token(usize::MAX);

/// How many bits of a token say which thing of a door it is about.
const KEY_BITS: u32 = 32;

/// How many events of the host are taken at once.
const EVENTS: usize = 1_024;

/// Where a door of the fabric, or a machine, meets the host.
///
/// A door never blocks. The driver calls [`ready`](Self::ready) for what the host says, [`take`](Self::take) for what
/// the fabric says, and [`turn`](Self::turn) afterwards if either was for this door.
pub trait Door: Send {
    /// Tells the host what the door waits for.
    ///
    /// # Errors
    ///
    /// If the host refuses.
    fn open(&mut self, wait: &Wait<'_>) -> io::Result<()>;

    /// Takes notice that something that it waits for is ready.
    fn ready(&mut self, event: &Event, key: u32);

    /// Takes notice of something that came out of the fabric; gives it back if it is not for this door.
    fn take(&mut self, output: Output) -> Option<Output>;

    /// Carries what is there in both directions; whether there is more to be carried at once.
    fn turn(&mut self, world: &mut World<'_>, wait: &Wait<'_>) -> bool;

    /// When it wants its turn although nothing happens.
    fn next_event(&self) -> Option<Instant> {
        None
    }
}

/// Where what is driven, such as a world of machines, meets the host: a door that leads to more than the fabric.
///
/// Every [`Door`] is one, to whatever has a fabric.
pub trait DoorTo<D>: Send {
    /// Tells the host what the door waits for.
    ///
    /// # Errors
    ///
    /// If the host refuses.
    fn open(&mut self, wait: &Wait<'_>) -> io::Result<()>;

    /// Takes notice that something that it waits for is ready.
    fn ready(&mut self, event: &Event, key: u32);

    /// Takes notice of something that came out of the fabric; gives it back if it is not for this door.
    fn take(&mut self, output: Output) -> Option<Output> {
        Some(output)
    }

    /// Carries what is there in both directions; whether there is more to be carried at once.
    fn turn(&mut self, inside: &mut Inside<'_, D>, wait: &Wait<'_>) -> bool;

    /// When it wants its turn although nothing happens.
    fn next_event(&self) -> Option<Instant> {
        None
    }

    /// Whether it wants its turn because of something that happened in what is driven.
    fn is_due(&self, _: &mut D) -> bool {
        false
    }

    /// Whether it is closed for good, so that it can be forgotten.
    fn is_over(&self) -> bool {
        false
    }

    /// Breaks off what is left: the driver ends.
    fn close(&mut self, _: &mut Inside<'_, D>, _: &Wait<'_>) {}
}

impl<D: Driven, T: Door> DoorTo<D> for T {
    fn open(&mut self, wait: &Wait<'_>) -> io::Result<()> {
        Door::open(self, wait)
    }

    fn ready(&mut self, event: &Event, key: u32) {
        Door::ready(self, event, key);
    }

    fn take(&mut self, output: Output) -> Option<Output> {
        Door::take(self, output)
    }

    fn turn(&mut self, inside: &mut Inside<'_, D>, wait: &Wait<'_>) -> bool {
        Door::turn(self, &mut inside.world(), wait)
    }

    fn next_event(&self) -> Option<Instant> {
        Door::next_event(self)
    }
}

/// What is driven, as a [door to it](DoorTo) sees it.
pub struct Inside<'a, D> {
    /// What is driven. What is done to it here is not written down.
    pub driven: &'a mut D,
    journal: Option<&'a mut (dyn Journal + 'static)>,
}

impl<D: Driven> Inside<'_, D> {
    /// Its network. What is done there is written down.
    pub fn world(&mut self) -> World<'_> {
        World { fabric: self.driven.fabric(), journal: self.journal.as_deref_mut() }
    }
}

impl<D> std::fmt::Debug for Inside<'_, D> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Inside").finish_non_exhaustive()
    }
}

/// Where a door tells the host what it waits for.
#[derive(Debug)]
pub struct Wait<'a> {
    registry: &'a Registry,
    door: u32,
}

impl Wait<'_> {
    /// Waits for something of the host, which has the key `key` within this door.
    ///
    /// Events tell changes: after one, read and write until the host would block.
    ///
    /// # Errors
    ///
    /// If the host refuses.
    pub fn register(&self, source: &mut dyn Source, key: u32, interest: Interest) -> io::Result<()> {
        let token = (self.door as usize) << KEY_BITS | key as usize;
        source.register(self.registry, Token(token), interest)
    }

    /// Waits for something no longer.
    ///
    /// # Errors
    ///
    /// If the host refuses.
    pub fn deregister(&self, source: &mut dyn Source) -> io::Result<()> {
        source.deregister(self.registry)
    }
}

/// Makes a driver stop, from any thread.
#[derive(Debug, Clone)]
pub struct Stop {
    is_wanted: Arc<AtomicBool>,
    waker: Arc<Waker>,
}

impl Stop {
    /// Ends the wait of the driver, which goes on: for those who have something for it to look at.
    pub fn wake(&self) {
        // If the driver is gone, nobody looks.
        let _ = self.waker.wake();
    }

    /// Makes the driver stop after its turn.
    pub fn stop(&self) {
        self.is_wanted.store(true, Ordering::Release);
        // If the driver is gone, it has stopped.
        let _ = self.waker.wake();
    }
}

/// Takes what came out of the fabric and was for no door.
type Observer<D> = Box<dyn FnMut(&mut D, Output) + Send>;

/// Lets a fabric, and whatever runs on it, keep step with a clock, and carries what comes and goes through its doors.
///
/// If there is more to do than time to do it, the fabric falls behind the clock and catches up later; nothing is
/// dropped for that. The host tells the time in milliseconds when it wakes the driver, so what is due within less than
/// that may be as late.
pub struct Driver<D = Fabric> {
    driven: D,
    clock: Box<dyn Clock>,
    /// Under the number that is in their tokens.
    doors: Vec<Option<Entry<D>>>,
    journal: Option<Box<dyn Journal>>,
    observer: Option<Observer<D>>,
    poll: Poll,
    events: Events,
    stop: Stop,
}

struct Entry<D> {
    door: Box<dyn DoorTo<D>>,
    /// Whether something happened that it was not given a turn for.
    is_due: bool,
}

impl<D: Driven> Driver<D> {
    /// A driver without doors yet.
    ///
    /// # Errors
    ///
    /// If the host cannot be waited for.
    pub fn new(driven: D, clock: impl Clock + 'static) -> io::Result<Self> {
        let poll = Poll::new()?;
        let waker = Arc::new(Waker::new(poll.registry(), STOP)?);
        Ok(Self {
            driven,
            clock: Box::new(clock),
            doors: Vec::new(),
            journal: None,
            observer: None,
            poll,
            events: Events::with_capacity(EVENTS),
            stop: Stop { is_wanted: Arc::default(), waker },
        })
    }

    /// Writes down everything that enters from now on.
    pub fn set_journal(&mut self, journal: Box<dyn Journal>) {
        self.journal = Some(journal);
    }

    /// Gives what comes out of the fabric and is for no door to somebody; at first it is forgotten.
    pub fn observe(&mut self, observer: impl FnMut(&mut D, Output) + Send + 'static) {
        self.observer = Some(Box::new(observer));
    }

    /// Opens a door.
    ///
    /// # Errors
    ///
    /// If the host refuses.
    pub fn open(&mut self, door: impl DoorTo<D> + 'static) -> io::Result<()> {
        let free = self.doors.iter().position(Option::is_none);
        let place = free.unwrap_or(self.doors.len());
        let number = u32::try_from(place).map_err(|_| io::ErrorKind::OutOfMemory)?;
        let mut door = Box::new(door);
        door.open(&Wait { registry: self.poll.registry(), door: number })?;
        let entry = Some(Entry { door, is_due: true });
        match free {
            Some(place) => self.doors[place] = entry,
            None => self.doors.push(entry),
        }
        Ok(())
    }

    /// Closes all doors: what is on its way is broken off.
    pub fn close_doors(&mut self) {
        for (number, entry) in self.doors.iter_mut().enumerate() {
            if let Some(mut entry) = entry.take() {
                let wait = Wait { registry: self.poll.registry(), door: number as u32 };
                let journal = self.journal.as_deref_mut();
                entry.door.close(&mut Inside { driven: &mut self.driven, journal }, &wait);
            }
        }
    }

    /// The fabric. What is done to it here is not written down.
    pub fn fabric(&mut self) -> &mut Fabric {
        self.driven.fabric()
    }

    /// What keeps step. What is done to it here is not written down.
    pub const fn driven(&mut self) -> &mut D {
        &mut self.driven
    }

    /// What makes it stop.
    #[must_use]
    pub fn stopper(&self) -> Stop {
        self.stop.clone()
    }

    /// Keeps step until somebody wants it to stop.
    ///
    /// # Errors
    ///
    /// If the host cannot be waited for.
    pub fn run(&mut self) -> io::Result<()> {
        while !self.stop.is_wanted.swap(false, Ordering::AcqRel) {
            self.turn(Duration::from_secs(3_600))?;
        }
        Ok(())
    }

    /// Keeps step on a thread of its own.
    ///
    /// # Errors
    ///
    /// If the host gives no thread.
    #[expect(clippy::disallowed_methods, reason = "drivers have threads, and join them")]
    pub fn start(mut self) -> io::Result<Running<D>>
    where
        D: Send + 'static,
    {
        let stop = self.stopper();
        let run = move || self.run().map(|()| self);
        let thread = std::thread::Builder::new().name("ironloom-net".to_owned()).spawn(run)?;
        Ok(Running { stop, thread: Some(thread) })
    }

    /// Does all that is due, then waits until something happens or is due, for `wait_max` at most.
    ///
    /// # Errors
    ///
    /// If the host cannot be waited for.
    pub fn turn(&mut self, wait_max: Duration) -> io::Result<()> {
        self.advance();
        self.wait_for(wait_max)
    }

    /// Does all that is due: the first half of a [turn](Self::turn), for those who have something to do between the two.
    pub fn advance(&mut self) {
        self.driven.catch_up(self.clock.now());
        self.deliver();
        self.carry();
    }

    /// Waits until something happens or is due, for `wait_max` at most: the second half of a [turn](Self::turn). What is
    /// driven is asked only when [something happens next](Driven::next_event).
    ///
    /// # Errors
    ///
    /// If the host cannot be waited for.
    pub fn wait_for(&mut self, wait_max: Duration) -> io::Result<()> {
        let wait = self.wait(wait_max);
        match self.poll.poll(&mut self.events, Some(wait.into())) {
            Err(error) if error.kind() != io::ErrorKind::Interrupted => return Err(error),
            _ => (),
        }
        for event in self.events.iter().filter(|event| event.token() != STOP) {
            let Token(token) = event.token();
            if let Some(Some(entry)) = self.doors.get_mut(token >> KEY_BITS) {
                entry.door.ready(event, token as u32);
                entry.is_due = true;
            }
        }
        Ok(())
    }

    /// Gives doors what came out of the fabric.
    fn deliver(&mut self) {
        'outputs: while let Some(mut output) = self.driven.poll_network() {
            for entry in self.doors.iter_mut().flatten() {
                match entry.door.take(output) {
                    None => {
                        entry.is_due = true;
                        continue 'outputs;
                    }
                    Some(other) => output = other,
                }
            }
            if let Some(observer) = &mut self.observer {
                observer(&mut self.driven, output);
            }
        }
    }

    /// Gives a turn to all doors for which there is something to do.
    fn carry(&mut self) {
        let now = self.driven.fabric().now();
        for number in 0..self.doors.len() {
            let Some(entry) = &mut self.doors[number] else { continue };
            let is_late = entry.door.next_event().is_some_and(|at| at <= now);
            if !entry.is_due && !is_late && !entry.door.is_due(&mut self.driven) {
                continue;
            }
            let wait = Wait { registry: self.poll.registry(), door: number as u32 };
            let journal = self.journal.as_deref_mut();
            entry.is_due = entry.door.turn(&mut Inside { driven: &mut self.driven, journal }, &wait);
            if entry.door.is_over() {
                self.doors[number] = None;
            }
            // What a door does can concern any door, itself included.
            self.deliver();
        }
    }

    /// How long to wait for the host.
    fn wait(&self, wait_max: Duration) -> Duration {
        if self.doors.iter().flatten().any(|entry| entry.is_due) {
            return Duration::ZERO;
        }
        let of_doors = self.doors.iter().flatten().filter_map(|entry| entry.door.next_event()).min();
        let next = match (self.driven.next_event(), of_doors) {
            (Some(a), Some(b)) => a.min(b),
            (Some(at), None) | (None, Some(at)) => at,
            (None, None) => return wait_max,
        };
        next.saturating_since(self.clock.now()).min(wait_max)
    }
}

impl<D> std::fmt::Debug for Driver<D> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Driver").field("doors", &self.doors.iter().flatten().count()).finish_non_exhaustive()
    }
}

/// A driver that runs on a thread of its own. Dropping it stops it.
#[derive(Debug)]
pub struct Running<D = Fabric> {
    stop: Stop,
    thread: Option<std::thread::JoinHandle<io::Result<Driver<D>>>>,
}

impl<D> Running<D> {
    /// Makes it stop, and gives back the driver with what it drove and its doors.
    ///
    /// # Errors
    ///
    /// If the host could not be waited for.
    ///
    /// # Panics
    ///
    /// If the driver panicked.
    pub fn stop(mut self) -> io::Result<Driver<D>> {
        self.stop.stop();
        let thread = self.thread.take().expect("it is taken only here and when it is dropped");
        thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    }
}

impl<D> Drop for Running<D> {
    fn drop(&mut self) {
        // Whoever was given the driver back may have started it again.
        if let Some(thread) = self.thread.take() {
            self.stop.stop();
            // Whoever drops it does not ask what became of it.
            drop(thread.join());
        }
    }
}
