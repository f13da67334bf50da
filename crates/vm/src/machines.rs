//! [`Machines`]: many machines on one network, in windows of virtual time.
//!
//! In a window everything happens that is due by then: frames arrive, timers ring, and every machine that has something
//! to do runs once, on any worker. What machines send leaves when all of them have run, in an order that does not depend
//! on who ran where. So a run is its seed and its calls.

mod alarms;
mod boot;
mod capture;
mod command;
mod config;
mod consoles;
mod create;
mod driven;
mod error;
mod event;
mod names;
mod pipes;
mod snapshot;
mod window;

use std::collections::{BTreeSet, VecDeque};
use std::sync::Arc;

use ironloom_core::{Duration, Instant, MachineId, Map, Rng, Seed};
use ironloom_net::Fabric;
use ironloom_net::fabric::Output;
use ironloom_sched::{Address, VirtualKernel};
use parking_lot::Mutex;

use crate::machine::{Machine, Programs};
use crate::os::Pid;
use crate::unit::{CELL_MACHINES_MAX, Unit};

use alarms::Alarms;
use names::Names;

pub use capture::{Capture, Stored};
pub use command::{Command, Finished, Job, Written};
pub use config::Config;
pub use consoles::ConsoleId;
pub use error::MachineError;
pub use event::{Event, MachineState};
pub use pipes::{Fed, Heard, Piped};
pub use window::Phase;

/// Many machines on one network, in windows of virtual time.
///
/// ```
/// use ironloom_core::{Duration, Seed};
/// use ironloom_vm::{Command, Image, MachineSpec, Machines};
///
/// let mut machines = Machines::new(<_>::default(), Seed::new(1));
/// let image = Image::base();
/// let machine = machines.create(&MachineSpec::new("loom", &image))?;
/// let finished = machines.run(machine, &Command::shell("echo hello | tr a-z A-Z"), Duration::from_secs(1))?;
/// assert_eq!(finished.output, b"HELLO\n");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Machines {
    config: Config,
    fabric: Fabric,
    kernel: VirtualKernel,
    units: Vec<Option<UnitEntry>>,
    free_units: Vec<u32>,
    /// The cell in which there may be room.
    open_cell: Option<u32>,
    places: Map<MachineId, Place>,
    alarms: Alarms,
    programs: Arc<Programs>,
    rng: Rng,
    now: Instant,
    window: u64,
    /// Machines that are to run in the next round.
    woken: BTreeSet<Place>,
    /// Machines that have spent what they may do in this window, and have more to do.
    unfinished: BTreeSet<Place>,
    events: VecDeque<Event>,
    /// What came out of the network that is not for machines.
    outputs: VecDeque<Output>,
    /// Commands whose pipes have something new for the host.
    piped: VecDeque<(MachineId, Pid)>,
    names: Names,
    /// Which machine did the most in the last window.
    busiest: Option<(MachineId, u64)>,
    /// Machines that may have changed since this was asked last, if that is noted.
    changed: Vec<Place>,
    notes_changes: bool,
}

/// Where a machine is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
struct Place {
    unit: u32,
    slot: u8,
}

#[derive(Debug)]
struct UnitEntry {
    unit: Arc<Mutex<Unit>>,
    /// Its process, once it ran.
    process: Option<Address<()>>,
    /// How many machines are in it.
    machines: usize,
}

impl Machines {
    /// No machines yet, and no network.
    #[must_use]
    pub fn new(config: Config, seed: Seed) -> Self {
        let fabric = Fabric::new(config.network.clone(), seed);
        Self::on(fabric, config, seed)
    }

    /// No machines yet, on a network that was built already.
    ///
    /// # Panics
    ///
    /// If windows take no time, or there is no room for machines in a cell.
    #[must_use]
    pub fn on(fabric: Fabric, config: Config, seed: Seed) -> Self {
        assert!(!config.window.is_zero(), "a window takes time");
        let cell_machines_max = config.cell_machines_max;
        assert!((1..=CELL_MACHINES_MAX).contains(&cell_machines_max), "a cell has 1 to 255 machines");
        let rng = Rng::new(seed).split("machines", 0);
        let kernel = VirtualKernel::starting_at(config.kernel(seed), fabric.now());
        Self {
            now: fabric.now(),
            fabric,
            kernel,
            units: Vec::new(),
            free_units: Vec::new(),
            open_cell: None,
            places: Map::default(),
            alarms: Alarms::new(config.window),
            programs: Arc::default(),
            rng,
            window: 0,
            woken: BTreeSet::new(),
            unfinished: BTreeSet::new(),
            events: VecDeque::new(),
            outputs: VecDeque::new(),
            piped: VecDeque::new(),
            names: Names::default(),
            busiest: None,
            changed: Vec::new(),
            notes_changes: false,
            config,
        }
    }

    /// What time it is.
    #[must_use]
    pub const fn now(&self) -> Instant {
        self.now
    }

    /// How many machines there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.places.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.places.is_empty()
    }

    /// The network that the machines are on.
    #[must_use]
    pub const fn fabric(&self) -> &Fabric {
        &self.fabric
    }

    /// The network, to be built and changed. Time is let go by here, and not there.
    pub const fn fabric_mut(&mut self) -> &mut Fabric {
        &mut self.fabric
    }

    /// What happened since this was asked last, in order.
    pub fn poll(&mut self) -> Option<Event> {
        self.events.pop_front()
    }

    /// What came out of the network by its doors and taps since this was asked last.
    pub fn poll_network(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    /// Looks at a machine, or changes it, between two windows. It runs next to see what is new.
    ///
    /// # Errors
    ///
    /// If there is no such machine.
    pub fn visit<R>(
        &mut self,
        id: MachineId,
        visit: impl FnOnce(&mut Machine) -> R,
    ) -> Result<R, MachineError> {
        let place = self.place(id)?;
        let (result, is_new) = self.look(id, |machine| {
            let result = visit(machine);
            (result, !std::mem::replace(&mut machine.is_changed, true))
        })?;
        if is_new && self.notes_changes {
            self.changed.push(place);
        }
        Ok(result)
    }

    /// Looks at a machine, or changes what does not outlive it.
    fn look<R>(&mut self, id: MachineId, look: impl FnOnce(&mut Machine) -> R) -> Result<R, MachineError> {
        let place = self.place(id)?;
        let gone = MachineError::NoMachine { machine: id };
        let Some(entry) = self.units[place.unit as usize].as_ref() else { return Err(gone) };
        let mut unit = entry.unit.lock();
        let Some(machine) = unit.machines[usize::from(place.slot)].as_mut() else { return Err(gone) };
        machine.now = self.now;
        machine.table.now = self.now;
        let result = look(machine);
        if machine.has_work() || machine.wants_to_close() {
            self.woken.insert(place);
        }
        Ok(result)
    }

    fn place(&self, id: MachineId) -> Result<Place, MachineError> {
        self.places.get(&id).copied().ok_or(MachineError::NoMachine { machine: id })
    }

    /// Lets virtual time go by.
    pub fn run_for(&mut self, duration: Duration) {
        self.run_until(self.now.saturating_add(duration));
    }
}
