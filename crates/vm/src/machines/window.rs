//! How a window goes.

use ironloom_core::{Instant, MachineId};
use ironloom_net::fabric::{Lent, Output};

use crate::unit::{Ran, UnitGuest, Wants};

use super::{Event, MachineState, Machines, Place};

/// A part of a window.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Phase {
    /// What is due in the network happens, and machines are told.
    Network,
    /// Machines run.
    Machines,
    /// What they did is looked at, and their networks are given back.
    Settling,
}

impl Machines {
    /// Lets everything happen that is due at `until` or before.
    pub fn run_until(&mut self, until: Instant) {
        while let Some(next) = self.next_window()
            && next <= until
        {
            self.window_at(next);
        }
        if until > self.now {
            self.window_at(until);
        }
    }

    /// Runs the next window, if anything is to happen at all; whether it did.
    pub fn step(&mut self) -> bool {
        let Some(next) = self.next_window() else { return false };
        self.window_at(next);
        true
    }

    /// Runs the next window if it ends at `until` or before; whether it did. `watch` is told of each phase when it is over,
    /// so that whoever has a clock learns where time goes. A window has several of each if machines answer each other in it.
    pub fn step_until(&mut self, until: Instant, watch: &mut dyn FnMut(Phase)) -> bool {
        let Some(next) = self.next_window().filter(|next| *next <= until) else { return false };
        self.watched_window(next, watch);
        true
    }

    /// Runs the window that ends at an instant, also if nothing happens in it: for whoever has more to do in windows than
    /// machines have. It must not be later than the end of the [next window](Self::next_window), and not in the past.
    ///
    /// ```
    /// use ironloom_core::{Duration, Instant};
    /// use ironloom_vm::Machines;
    ///
    /// let mut machines = Machines::new(<_>::default(), ironloom_core::Seed::new(1));
    /// let end = Instant::ZERO.saturating_add(Duration::from_millis(3));
    /// machines.run_window(end, &mut |_| ());
    /// assert_eq!(machines.now(), end);
    /// ```
    pub fn run_window(&mut self, end: Instant, watch: &mut dyn FnMut(Phase)) {
        debug_assert!(end >= self.now, "time does not go back");
        self.watched_window(end, watch);
    }

    /// Which machine did the most in the last window, and how much, in safepoints.
    ///
    /// ```
    /// use ironloom_vm::{Command, Image, MachineSpec, Machines};
    ///
    /// let mut machines = Machines::new(<_>::default(), ironloom_core::Seed::new(1));
    /// let idle = machines.create(&MachineSpec::new("idle", &Image::base()))?;
    /// let busy = machines.create(&MachineSpec::new("busy", &Image::base()))?;
    /// machines.spawn(idle, &Command::new("/bin/true"))?;
    /// machines.spawn(busy, &Command::shell("while true; do true; done"))?;
    /// machines.step();
    /// assert_eq!(machines.busiest().map(|(machine, _)| machine), Some(busy));
    /// # Ok::<(), ironloom_vm::MachineError>(())
    /// ```
    #[must_use]
    pub const fn busiest(&self) -> Option<(MachineId, u64)> {
        self.busiest
    }

    /// Runs windows until a machine has nothing more to do, or this is so, or time is over; whether it is so.
    pub fn run_while(&mut self, until: Instant, mut goes_on: impl FnMut(&mut Self) -> bool) -> bool {
        loop {
            if !goes_on(self) {
                return true;
            }
            match self.next_window() {
                Some(next) if next <= until => self.window_at(next),
                _ => {
                    if until > self.now {
                        self.window_at(until);
                    }
                    return !goes_on(self);
                }
            }
        }
    }

    /// When the next window ends in which something happens; nothing ever will if there is none.
    #[must_use]
    pub fn next_window(&self) -> Option<Instant> {
        if !self.woken.is_empty() {
            return Some(self.now);
        }
        let length = self.config.window;
        if !self.unfinished.is_empty() {
            return Some(self.now.saturating_add(length));
        }
        let network = self.fabric.next_event();
        let next = network.into_iter().chain(self.alarms.next()).min()?;
        // Windows end at multiples of their length.
        let length = length.as_nanos();
        let end = next.max(self.now).as_nanos().div_ceil(length).saturating_mul(length);
        Some(Instant::from_nanos(end))
    }

    fn window_at(&mut self, at: Instant) {
        self.watched_window(at, &mut |_| ());
    }

    fn watched_window(&mut self, at: Instant, watch: &mut dyn FnMut(Phase)) {
        self.busiest = None;
        if at > self.now || self.unfinished.is_empty() {
            self.window += 1;
        }
        self.now = at;
        self.fabric.run_until_on(at, self.config.workers);
        self.kernel.advance_to(at);
        self.woken.append(&mut self.unfinished);
        self.alarms.ring(at, |place| _ = self.woken.insert(place));
        self.hear_network();
        watch(Phase::Network);
        for _ in 0..self.config.rounds_max {
            if self.woken.is_empty() {
                break;
            }
            self.round(watch);
            self.fabric.run_until_on(at, self.config.workers);
            self.hear_network();
            watch(Phase::Network);
        }
    }

    /// Tells machines what became possible with their sockets, before their next window does; whether any is woken by that.
    ///
    /// Windows do so too, and drivers when they [ask what came out](ironloom_net::fabric::Driven::poll_network). Whoever
    /// writes down what is done to machines writes down that it was asked, if that woke somebody: the next window is an
    /// earlier one then.
    ///
    /// ```
    /// use ironloom_vm::{Image, MachineSpec, Machines};
    ///
    /// let mut machines = Machines::new(<_>::default(), ironloom_core::Seed::new(1));
    /// machines.create(&MachineSpec::new("lonely", &Image::base()))?;
    /// assert!(!machines.hear_network());
    /// # Ok::<(), ironloom_vm::MachineError>(())
    /// ```
    pub fn hear_network(&mut self) -> bool {
        let mut has_woken = false;
        while let Some(output) = self.fabric.poll() {
            match output {
                Output::Ready { machine, socket, readiness, .. } => {
                    let Some(place) = self.places.get(&machine).copied() else {
                        // A machine without scripts, such as the gateway of a published port.
                        self.outputs.push_back(output);
                        continue;
                    };
                    let Some(entry) = &self.units[place.unit as usize] else { continue };
                    if let Some(machine) = &mut entry.unit.lock().machines[usize::from(place.slot)] {
                        machine.socket_ready(socket, readiness);
                        self.woken.insert(place);
                        has_woken = true;
                    }
                }
                Output::Frame { .. } | Output::Captured { .. } | Output::Timer { .. } => {
                    self.outputs.push_back(output);
                }
            }
        }
        has_woken
    }

    /// Lets all machines run that were woken, and then gives back their networks.
    fn round(&mut self, watch: &mut dyn FnMut(Phase)) {
        let woken: Vec<Place> = std::mem::take(&mut self.woken).into_iter().collect();
        for together in woken.chunk_by(|one, other| one.unit == other.unit) {
            self.wake_unit(together);
        }
        self.kernel.step();
        watch(Phase::Machines);
        let mut networks = Vec::new();
        for together in woken.chunk_by(|one, other| one.unit == other.unit) {
            self.settle_unit(together[0].unit, &mut networks);
        }
        self.fabric.give_back(networks);
        watch(Phase::Settling);
    }

    fn wake_unit(&mut self, places: &[Place]) {
        let number = places[0].unit;
        let Some(entry) = &mut self.units[number as usize] else { return };
        let mut unit = entry.unit.lock();
        (unit.now, unit.window) = (self.now, self.window);
        for place in places {
            unit.woken.push_back(place.slot);
            if !unit.networked.contains(place.slot) {
                continue;
            }
            if let Some(machine) = &mut unit.machines[usize::from(place.slot)]
                && machine.state != MachineState::Suspended
                && machine.network.is_none()
            {
                machine.network = self.fabric.lend(machine.id).ok().map(Box::new);
            }
        }
        drop(unit);
        if entry.process.is_none() {
            let guest = UnitGuest(std::sync::Arc::clone(&entry.unit));
            match self.kernel.spawn_guest(guest) {
                // A new process runs without being told.
                Ok(process) => entry.process = Some(process),
                Err(error) => tracing::error!(%error, "a unit of machines cannot run"),
            }
        } else if let Some(process) = &entry.process {
            let _ = process.try_send(()); // One message is as good as many.
        }
    }

    /// Looks at what the machines of a unit did.
    fn settle_unit(&mut self, number: u32, networks: &mut Vec<Lent>) {
        let Some(entry) = &self.units[number as usize] else { return };
        let mut unit = entry.unit.lock();
        let unit = &mut *unit;
        for Ran { slot, wants, deadline, has_news, spent } in unit.ran.drain(..) {
            let place = Place { unit: number, slot };
            match wants {
                Wants::Network => _ = self.woken.insert(place),
                Wants::Window => _ = self.unfinished.insert(place),
                Wants::Nothing => {}
            }
            self.alarms.set(place, deadline);
            if spent > self.busiest.map_or(0, |(_, most)| most)
                && let Some(machine) = &unit.machines[usize::from(slot)]
            {
                self.busiest = Some((machine.id, spent));
            }
            if !has_news && !self.notes_changes {
                continue;
            }
            let Some(machine) = &mut unit.machines[usize::from(slot)] else { continue };
            if self.notes_changes && !std::mem::replace(&mut machine.is_changed, true) {
                self.changed.push(place);
            }
            networks.extend(machine.network.take().map(|lent| *lent));
            if std::mem::take(&mut machine.has_crashed) {
                let state = MachineState::Crashed;
                self.events.push_back(Event::State { at: self.now, machine: machine.id, state });
            }
            self.piped.extend(machine.take_told().into_iter().map(|pid| (machine.id, pid)));
            for status in machine.ended.drain(..) {
                let (at, machine, pid) = (self.now, machine.id, status.pid);
                self.events.push_back(Event::Ended { at, machine, pid, exit: status.exit });
            }
        }
    }
}
