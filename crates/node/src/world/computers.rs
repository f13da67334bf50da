//! [`Computers`]: the RISC-V computers of a world, and how they run in its windows.
//!
//! In a window every computer that has something to do runs to the window's end, its harts in turns, and computers beside
//! each other on as many threads as the world has workers. What they sent and said is looked at when all have run, in the
//! order of their ids. So nothing depends on who ran where, and what one sends in a window no other hears in the same.
//!
//! A computer that waits is not touched: it is known when its next timer is due, and its own time jumps there.

mod card;
mod chassis;
mod disk;
mod kept;
mod parts;
mod serial;
mod shelf;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use ironloom_blob::BlobStore;
use ironloom_core::{Duration, Instant, MachineId};
use ironloom_hyper::board::{BlockError, BoardError};
use ironloom_net::fabric::{Output, StationId};
use ironloom_vm::os::console::Seen;
use parking_lot::Mutex;

pub(super) use card::Card;
pub(super) use chassis::{Chassis, Done, Fate};
pub(crate) use kept::{Contents, Kept, Still};
use parts::Parts;
pub(crate) use shelf::PIN;
use shelf::Shelf;

use crate::description::Wrong;
use crate::{ComputerTable, DiskTable};

/// The computers of a world.
#[derive(Debug, Default)]
pub(super) struct Computers {
    shelf: Arc<Shelf>,
    workers: usize,
    places: BTreeMap<MachineId, Place>,
    stations: BTreeMap<StationId, MachineId>,
    /// When computers have something to do, in the time of the world.
    due: BTreeSet<(Instant, MachineId)>,
    consoles: BTreeMap<u64, Viewer>,
    /// Those that came, ran or were visited since somebody asked.
    changed: BTreeSet<MachineId>,
}

#[derive(Debug)]
struct Place {
    chassis: Box<Chassis>,
    /// What it is like, beside the contents that it began with.
    table: Arc<ComputerTable>,
    /// Under which instant it is among those that are due.
    due: Option<Instant>,
}

/// Somebody who looks at a serial port, and how far.
#[derive(Debug)]
struct Viewer {
    computer: MachineId,
    position: u64,
}

impl Computers {
    pub(super) fn new(store: Arc<dyn BlobStore>, workers: usize) -> Self {
        Self { shelf: Arc::new(Shelf::new(store)), workers, ..Self::default() }
    }

    pub(super) fn has(&self, id: MachineId) -> bool {
        self.places.contains_key(&id)
    }

    /// All computers, in order.
    pub(super) fn all(&self) -> impl Iterator<Item = (MachineId, &Chassis)> {
        self.places.iter().map(|(id, place)| (*id, &*place.chassis))
    }

    /// Makes a computer, and switches it on unless it is to be off.
    pub(super) fn build(
        &self,
        table: &ComputerTable,
        place: &str,
        (seed, card): (ironloom_core::Seed, Option<Card>),
        now: Instant,
    ) -> Result<Chassis, Wrong> {
        let wrong = |error| Parts::wrong(place, error);
        let disk = match &table.disk {
            None => None,
            Some(DiskTable::Empty(size)) => Some(self.shelf.empty(size.0)),
            Some(DiskTable::Image(content)) => {
                Some(self.shelf.holding(parts::bytes_of(content, place, "disk")?))
            }
        };
        let disk =
            disk.transpose().map_err(|error| wrong(BoardError::from(BlockError::from(error)).into()))?;
        let parts = Parts::new(table, place, seed)?;
        let mut chassis = Chassis::new(parts, Arc::clone(&self.shelf), card, now).map_err(wrong)?;
        disk.map_or(Ok(()), |disk| chassis.insert(disk)).map_err(wrong)?;
        let is_sound = if table.is_off { chassis.check(now) } else { chassis.switch_on(now) };
        is_sound.map_err(wrong)?;
        Ok(chassis)
    }

    /// Takes a computer in that is like this, beside the contents that it began with.
    pub(super) fn insert(&mut self, id: MachineId, chassis: Chassis, table: ComputerTable) {
        if let Some(card) = chassis.card() {
            self.stations.insert(card.station, id);
        }
        let place = Place { chassis: Box::new(chassis), table: Arc::new(table), due: None };
        let before = self.places.insert(id, place);
        assert!(before.is_none(), "ids of computers are given once");
        self.changed.insert(id);
        self.note(id);
    }

    /// Takes a computer out, with its consoles.
    pub(super) fn remove(&mut self, id: MachineId) {
        let Some(place) = self.places.remove(&id) else { return };
        if let Some(due) = place.due {
            self.due.remove(&(due, id));
        }
        self.changed.remove(&id);
        self.stations.retain(|_, computer| *computer != id);
        self.consoles.retain(|_, viewer| viewer.computer != id);
    }

    /// What a computer is like, beside the contents that it began with.
    pub(super) fn table(&self, id: MachineId) -> Option<&ComputerTable> {
        Some(&*self.places.get(&id)?.table)
    }

    /// Looks at a computer, or changes it.
    pub(super) fn visit<R>(&mut self, id: MachineId, visit: impl FnOnce(&mut Chassis) -> R) -> Option<R> {
        let result = visit(&mut self.places.get_mut(&id)?.chassis);
        self.changed.insert(id);
        self.note(id);
        Some(result)
    }

    /// When the next window ends in which a computer has something to do. Windows end at multiples of their length, and a
    /// computer needs some of it: what is due at an end belongs to the next.
    pub(super) fn next_window(&self, now: Instant, length: Duration) -> Option<Instant> {
        let (due, _) = self.due.first()?;
        let length = length.as_nanos();
        let windows = (*due).max(now).as_nanos() / length;
        Some(Instant::from_nanos(windows.saturating_add(1).saturating_mul(length)))
    }

    /// Lets computers run that have something to do before an instant; what they did, in the order of their ids.
    pub(super) fn run(&mut self, until: Instant) -> Vec<(MachineId, Done)> {
        let before = ..(until, MachineId::from_uuid(<_>::default()));
        let mut due: Vec<MachineId> = self.due.range(before).map(|(_, id)| *id).collect();
        due.sort_unstable();
        let places = due.iter().filter_map(|id| Some((*id, self.places.remove(id)?)));
        let mut running: Vec<(MachineId, Place)> = places.collect();
        run_beside(&mut running, until, self.workers);
        let mut done = Vec::new();
        for (id, mut place) in running {
            let did = place.chassis.take_done();
            place.chassis.serial.push(&did.said);
            done.push((id, did));
            self.places.insert(id, place);
            self.changed.insert(id);
            self.note(id);
        }
        done
    }

    /// Gives a computer what arrived for it; gives back what is for somebody else.
    pub(super) fn hear(&mut self, now: Instant, output: Output) -> Option<Output> {
        match output {
            Output::Frame { port, frame, .. } if self.stations.contains_key(&port) => {
                self.visit(self.stations[&port], |chassis| chassis.hear(now, frame));
                None
            }
            other => Some(other),
        }
    }

    /// Opens the console of a computer.
    pub(super) fn open_console(&mut self, id: MachineId, number: u64) {
        let position = self.places.get(&id).map_or(0, |place| place.chassis.serial.begin());
        self.consoles.insert(number, Viewer { computer: id, position });
    }

    pub(super) fn close_console(&mut self, number: u64) {
        self.consoles.remove(&number);
    }

    /// Whose console it is, if it is one of a computer.
    pub(super) fn console(&self, number: u64) -> Option<MachineId> {
        Some(self.consoles.get(&number)?.computer)
    }

    /// What was said since somebody looked last.
    pub(super) fn see(&mut self, number: u64, bytes_max: usize) -> Option<Seen> {
        let viewer = self.consoles.get_mut(&number)?;
        let place = self.places.get(&viewer.computer)?;
        place.chassis.serial.see(&mut viewer.position, bytes_max)
    }

    /// Notes when a computer has something to do next.
    fn note(&mut self, id: MachineId) {
        let Some(place) = self.places.get_mut(&id) else { return };
        let next = place.chassis.next_event();
        if next == place.due {
            return;
        }
        if let Some(due) = std::mem::replace(&mut place.due, next) {
            self.due.remove(&(due, id));
        }
        self.due.extend(next.map(|next| (next, id)));
    }
}

/// Lets computers run beside each other, on up to so many threads.
fn run_beside(running: &mut [(MachineId, Place)], until: Instant, workers: usize) {
    let workers = workers.clamp(1, running.len().max(1));
    let waiting = Mutex::new(running.iter_mut());
    let work = || {
        loop {
            let next = waiting.lock().next();
            let Some((_, place)) = next else { return };
            place.chassis.run(until);
        }
    };
    std::thread::scope(|scope| {
        for _ in 1..workers {
            scope.spawn(work);
        }
        work();
    });
}
