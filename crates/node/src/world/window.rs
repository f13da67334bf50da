//! How a window of a world goes: computers run to its end, what they sent leaves, and then machines have it.

use ironloom_core::{Instant, MachineId, Trace};
use ironloom_hyper::Computer;
use ironloom_hyper::computer::ComputerError;
use ironloom_net::fabric::Output;
use ironloom_vm::{MachineState, Phase};

use super::computers::{Done, Fate};
use super::core::Core;
use crate::replay::Entry as Written;

impl Core {
    /// When the next window ends in which something happens; nothing ever will if there is none.
    pub(super) fn next_window(&self) -> Option<Instant> {
        let computers = self.computers.next_window(self.machines.now(), self.window);
        self.machines.next_window().into_iter().chain(computers).min()
    }

    /// Runs the window that ends then. What computers send in it leaves at its end, so that nobody hears it before.
    pub(super) fn run_window(&mut self, end: Instant, watch: &mut dyn FnMut(Phase)) {
        let done = self.computers.run(end);
        if !done.is_empty() {
            watch(Phase::Machines);
        }
        let fates: Vec<(MachineId, Fate)> =
            done.into_iter().filter_map(|(id, done)| Some((id, self.look_at(end, id, done)?))).collect();
        self.machines.run_window(end, watch);
        for (id, fate) in fates {
            self.meet(end, id, fate);
        }
    }

    /// Lets time go by in which nobody has anything to do.
    pub(super) fn pass_to(&mut self, until: Instant) {
        if until > self.machines.now() {
            self.run_window(until, &mut |_| ());
        }
    }

    /// Gives machines and computers what arrived for them before the next window does.
    pub(crate) fn deliver(&mut self) {
        self.machines.hear_network();
        self.hear_network();
    }

    /// Gives computers what arrived for them, and keeps what is for doors.
    pub(super) fn hear_network(&mut self) {
        while let Some(output) = self.machines.poll_network() {
            self.hear(output);
        }
    }

    /// What came out of the network and is for doors.
    pub(crate) fn poll_network(&mut self) -> Option<Output> {
        let mut was_heard = self.machines.hear_network();
        while let Some(output) = self.machines.poll_network() {
            was_heard |= self.hear(output);
        }
        if was_heard {
            self.write_down(|| Written::Deliver);
        }
        self.outputs.pop_front()
    }

    /// Gives a computer what arrived for it; whether it was for one.
    fn hear(&mut self, output: Output) -> bool {
        let other = self.computers.hear(self.machines.now(), output);
        let was_for_computer = other.is_none();
        self.outputs.extend(other.filter(|_| self.has_doors));
        was_for_computer
    }

    pub(crate) fn is_computer(&self, id: MachineId) -> bool {
        self.computers.has(id)
    }

    pub(super) fn visit_computer<R>(
        &mut self,
        id: MachineId,
        visit: impl FnOnce(&mut Computer) -> R,
    ) -> Option<R> {
        self.computers.visit(id, |chassis| visit(chassis.computer_mut()))
    }

    /// Adds to a digest how far computers are.
    pub(super) fn record_computers(&self, trace: &mut Trace) {
        for (id, chassis) in self.computers.all() {
            let computer = chassis.computer();
            trace.record(self.machines.now(), "computer", &(id, computer.now(), computer.retired()));
        }
    }

    /// Looks at what a computer did; how it came to an end, if it did.
    fn look_at(&mut self, at: Instant, id: MachineId, done: Done) -> Option<Fate> {
        if !done.said.is_empty() {
            self.trace.record(at, "serial", &(id, done.said));
        }
        if !done.sent.is_empty() {
            let sent = self.machines.fabric_mut().send_from(at, id, done.sent);
            sent.expect("a computer with a card is a machine of the network");
        }
        done.fate
    }

    fn meet(&mut self, at: Instant, id: MachineId, fate: Fate) {
        match fate {
            Fate::Off => self.power_off(at, id),
            Fate::Reset => {
                // Who cannot begin again has been told to the log, and is crashed.
                let _ = self.power_on(at, id);
            }
            Fate::Crashed(error) => self.crash(at, id, &error),
        }
    }

    /// Switches a computer on that is there.
    pub(super) fn power_on(&mut self, at: Instant, id: MachineId) -> Result<(), ComputerError> {
        self.state_changed(at, id, MachineState::Booting);
        match self.computers.visit(id, |chassis| chassis.switch_on(at)) {
            Some(Err(error)) => {
                self.crash(at, id, &error);
                Err(error)
            }
            _ => {
                self.state_changed(at, id, MachineState::Running);
                Ok(())
            }
        }
    }

    /// Cuts the power of a computer that is there.
    pub(super) fn power_off(&mut self, at: Instant, id: MachineId) {
        match self.computers.visit(id, |chassis| chassis.switch_off(at)) {
            Some(Err(error)) => self.crash(at, id, &error),
            _ => self.state_changed(at, id, MachineState::Stopped),
        }
    }

    fn crash(&mut self, at: Instant, id: MachineId, error: &ComputerError) {
        tracing::error!(computer = self.name_of(id), %error, "a computer cannot go on");
        self.computers.visit(id, super::computers::Chassis::crash);
        self.state_changed(at, id, MachineState::Crashed);
    }
}
