//! How machines come and go.

use std::sync::Arc;

use ironloom_blob::tree::Quota;
use ironloom_core::MachineId;
use ironloom_net::fabric as network;
use parking_lot::Mutex;

use crate::machine::{Heap, Machine, MachineSpec, Made};
use crate::os::{Exit, Files, Signal};
use crate::unit::Unit;

use super::{Event, MachineError, MachineState, Machines, Place, UnitEntry};

impl Machines {
    /// Makes a machine. Nothing runs on it before it is [booted](Self::boot), or a command is run.
    ///
    /// # Errors
    ///
    /// If there is no room, or the network does not take it.
    pub fn create(&mut self, spec: &MachineSpec) -> Result<MachineId, MachineError> {
        let id = MachineId::random(&mut self.rng);
        self.create_as(id, spec)?;
        Ok(id)
    }

    /// Makes a machine under an id that nobody else has.
    ///
    /// # Errors
    ///
    /// If there is no room, or the network does not take it.
    pub fn create_as(&mut self, id: MachineId, spec: &MachineSpec) -> Result<(), MachineError> {
        let machines_max = self.config.machines_max;
        if self.places.len() >= machines_max {
            return Err(MachineError::TooMany { machines_max });
        }
        self.register_name(id, spec)?;
        if let Some(at) = spec.at {
            let mut card = network::MachineSpec::new(id, &spec.hostname, at);
            (card.address, card.gateway) = (spec.address, spec.gateway);
            (card.down, card.up) = (spec.down, spec.up);
            if let Err(error) = self.fabric.add_machine(&card) {
                self.withdraw_name(id);
                return Err(error.into());
            }
        }
        self.insert(id, spec, files_of(spec));
        Ok(())
    }

    /// Makes a machine of one that the network has already, as a [topology](ironloom_net::topology) puts it there: under the
    /// same id, with the address that `spec` says. Where it is connected, and how, is as it is.
    ///
    /// ```
    /// use ironloom_core::{Duration, Seed};
    /// use ironloom_net::topology::Topology;
    /// use ironloom_vm::{Command, Config, Image, MachineSpec, Machines};
    ///
    /// let office = "
    ///     subnets.office.network = '10.1.0.0/24'
    ///     switches.lan.subnet = 'office'
    ///     machines = { web = { at = 'lan' }, desk = { at = 'lan' } }
    /// ";
    /// let (config, seed) = (Config::default(), Seed::new(1));
    /// let network = office.parse::<Topology>()?.build(config.network.clone(), seed)?;
    /// let mut machines = Machines::on(network.fabric, config, seed);
    /// let image = Image::base();
    /// for (name, machine) in &network.machines {
    ///     machines.inhabit(machine.id, &MachineSpec::new(name, &image))?;
    /// }
    /// let web = network.machines["web"];
    /// let ping = format!("ping -c 1 {}", web.address.ok_or("it has none")?);
    /// let desk = network.machines["desk"].id;
    /// let pinged = machines.run(desk, &Command::shell(ping), Duration::from_secs(2))?;
    /// assert_eq!(pinged.exit.code(), 0);
    /// assert!(machines.inhabit(web.id, &MachineSpec::new("web", &image)).is_err());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// If the network has no such machine, it is a machine already, or there is no room.
    pub fn inhabit(&mut self, id: MachineId, spec: &MachineSpec) -> Result<(), MachineError> {
        let machines_max = self.config.machines_max;
        if self.places.len() >= machines_max {
            return Err(MachineError::TooMany { machines_max });
        }
        if self.fabric.station_of(id).is_none() {
            return Err(network::FabricError::NoMachine { machine: id }.into());
        }
        if self.places.contains_key(&id) {
            return Err(network::FabricError::MachineExists { machine: id }.into());
        }
        self.register_name(id, spec)?;
        self.insert(id, spec, files_of(spec));
        Ok(())
    }

    fn insert(&mut self, id: MachineId, spec: &MachineSpec, files: Files) {
        let made = Made {
            hostname: spec.hostname.as_str().into(),
            cores: spec.cores,
            memory_bytes: spec.memory_bytes,
            limits: Arc::clone(&self.config.limits),
            programs: Arc::clone(&self.programs),
            files,
            network_config: Arc::clone(&self.config.network.stack),
            has_network: self.fabric.station_of(id).is_some(),
            address: spec.address.map(|address| address.addr().into()),
        };
        let bits = id.uuid().as_u128();
        let rng = self.rng.split("machine", (bits >> 64) as u64 ^ bits as u64);
        let mut machine = Machine::new(id, made, rng);
        machine.is_changed = self.notes_changes;
        let number = self.unit_for(spec.heap);
        let entry = self.units[number as usize].as_mut().expect("it was just found");
        entry.machines += 1;
        let slot = entry.unit.lock().insert(machine);
        let place = Place { unit: number, slot };
        self.places.insert(id, place);
        if self.notes_changes {
            self.changed.push(place);
        }
    }

    /// A unit with room for a machine.
    fn unit_for(&mut self, heap: Heap) -> u32 {
        if heap == Heap::Cell
            && let Some(open) = self.open_cell
            && self.units[open as usize]
                .as_ref()
                .is_some_and(|entry| entry.machines < self.config.cell_machines_max)
        {
            return open;
        }
        let entry = UnitEntry { unit: Arc::new(Mutex::new(Unit::new(heap))), process: None, machines: 0 };
        let number = match self.free_units.pop() {
            Some(number) => {
                self.units[number as usize] = Some(entry);
                number
            }
            None => {
                self.units.push(Some(entry));
                (self.units.len() - 1) as u32
            }
        };
        if heap == Heap::Cell {
            self.open_cell = Some(number);
        }
        number
    }

    /// What a machine is about.
    ///
    /// # Errors
    ///
    /// If there is no such machine.
    pub fn state(&mut self, id: MachineId) -> Result<MachineState, MachineError> {
        self.look(id, |machine| machine.state)
    }

    /// Lets a machine be about something else, and tells it.
    pub(super) fn set_state(&mut self, id: MachineId, state: MachineState) -> Result<(), MachineError> {
        self.visit(id, |machine| machine.state = state)?;
        self.events.push_back(Event::State { at: self.now, machine: id, state });
        Ok(())
    }

    /// Shuts a machine down: all its processes end. It can be booted again.
    ///
    /// # Errors
    ///
    /// If there is no such machine.
    pub fn stop(&mut self, id: MachineId) -> Result<(), MachineError> {
        self.visit(id, |machine| {
            let pids: Vec<_> = machine.processes().map(crate::os::Process::pid).collect();
            pids.into_iter().for_each(|pid| machine.end(pid, Exit::Signal(Signal::Kill)));
            machine.leave(Vec::new());
        })?;
        let place = self.place(id)?;
        self.woken.insert(place);
        self.set_state(id, MachineState::Stopped)
    }

    /// Lets a machine stand still until it is resumed. Its sockets go on taking what fits.
    ///
    /// # Errors
    ///
    /// If there is no such machine, or it does not run.
    pub fn suspend(&mut self, id: MachineId) -> Result<(), MachineError> {
        match self.state(id)? {
            MachineState::Suspended => Ok(()),
            MachineState::Stopped | MachineState::Crashed => {
                let state = self.state(id)?;
                Err(MachineError::State { machine: id, state, wanted: "boot it first" })
            }
            _ => self.set_state(id, MachineState::Suspended),
        }
    }

    /// Lets a suspended machine go on.
    ///
    /// # Errors
    ///
    /// If there is no such machine.
    pub fn resume(&mut self, id: MachineId) -> Result<(), MachineError> {
        if self.state(id)? == MachineState::Suspended {
            self.set_state(id, MachineState::Running)?;
            let place = self.place(id)?;
            self.woken.insert(place);
        }
        Ok(())
    }

    /// Takes a machine away, with all that is on it.
    ///
    /// # Errors
    ///
    /// If there is no such machine.
    pub fn destroy(&mut self, id: MachineId) -> Result<(), MachineError> {
        let place = self.place(id)?;
        self.set_state(id, MachineState::Destroyed)?;
        self.withdraw_name(id);
        self.places.remove(&id);
        self.woken.remove(&place);
        self.unfinished.remove(&place);
        self.alarms.set(place, None);
        if self.fabric.station_of(id).is_some() {
            self.fabric.remove_machine(id)?;
        }
        let unit = &mut self.units[place.unit as usize];
        let Some(entry) = unit else { return Ok(()) };
        entry.unit.lock().remove(place.slot);
        entry.machines -= 1;
        if entry.machines == 0 {
            if let Some(process) = &entry.process {
                process.process().kill();
            }
            *unit = None;
            self.free_units.push(place.unit);
            self.open_cell = self.open_cell.filter(|open| *open != place.unit);
        }
        Ok(())
    }
}

/// The files that a machine begins with.
fn files_of(spec: &MachineSpec) -> Files {
    let mut tree = spec.image.tree().fork();
    tree.set_quota(Quota { bytes_max: spec.disk_bytes, entries_max: spec.files_max });
    Files::new(tree)
}
