//! Orders that are about computers.

use std::net::IpAddr;
use std::sync::Arc;

use ironloom_blob::BlobId;
use ironloom_core::{MachineId, Seed};
use ironloom_net::Mac;
use ironloom_net::fabric::{Guard, MachineSpec, Way};
use ironloom_net::ipnet::Ipv4Net;
use ironloom_net::link::LinkProfile;
use ironloom_net::switch::Isolation;
use ironloom_vm::os::console::Size;
use ironloom_vm::{Command, MachineState};

use super::computers::{Card, Chassis};
use super::core::{Core, Entry};
use super::execute::Result;
use super::{Event, Failure, Fault, Order, OrderError, Outcome};
use crate::ComputerTable;
use crate::description::Wrong;

impl Core {
    /// Carries out an order, if it is about a computer.
    pub(super) fn serve_computer(&mut self, order: &Order) -> Option<Result> {
        match order {
            Order::CreateComputer { computer, table } => Some(self.create_computer(computer, table)),
            Order::Type { console, bytes } => {
                let id = self.computers.console(*console)?;
                Some(self.type_at(id, bytes))
            }
            Order::See { console, bytes_max } => {
                self.computers.console(*console)?;
                Some(Ok(Outcome::Seen(self.computers.see(*console, *bytes_max as usize))))
            }
            Order::Resize { console, size } => {
                self.computers.console(*console)?;
                Some(Err(no_size(*size)))
            }
            Order::CloseConsole { console } => {
                self.computers.console(*console)?;
                self.computers.close_console(*console);
                Some(Ok(Outcome::Done))
            }
            _ => {
                let name = machine_of(order)?;
                let id = self.machine(name).ok().map(|entry| entry.id)?;
                self.computers.has(id).then(|| self.serve(id, name, order))
            }
        }
    }

    /// Carries out an order about a computer that is there.
    fn serve(&mut self, id: MachineId, name: &str, order: &Order) -> Result {
        let now = self.machines.now();
        match order {
            Order::Start { .. } => self.start_computer(id, name),
            Order::Stop { .. } => {
                if self.computer_state(id) != MachineState::Stopped {
                    self.power_off(now, id);
                }
                Ok(Outcome::Done)
            }
            Order::Suspend { .. } => self.suspend_computer(id, name),
            Order::Resume { .. } => {
                if self.computer_state(id) == MachineState::Suspended {
                    self.computers.visit(id, |chassis| chassis.resume(now));
                    self.state_changed(now, id, MachineState::Running);
                }
                Ok(Outcome::Done)
            }
            Order::Destroy { .. } => self.destroy_computer(id, name),
            Order::Fork { name: fork, .. } => self.fork_computer(id, name, fork),
            Order::Snapshot { .. } => {
                let stored = self.with_chassis(id, |chassis| chassis.snapshot(now));
                stored.map(Outcome::Snapshot).map_err(OrderError::refused)
            }
            Order::RollBack { snapshot, .. } => self.roll_back_computer(id, *snapshot),
            Order::OpenConsole { command, .. } if *command == Command::default() => {
                let number = self.next_console;
                self.next_console += 1;
                self.computers.open_console(id, number);
                Ok(Outcome::Console(number))
            }
            Order::Inject { .. } => {
                self.happened(
                    now,
                    &Event::Failure { at: now, machine: name.to_owned(), failure: Failure::Killed },
                );
                self.power_off(now, id);
                Ok(Outcome::Done)
            }
            _ => Err(OrderError::HasConsole { computer: name.to_owned() }),
        }
    }

    fn with_chassis<R>(&mut self, id: MachineId, visit: impl FnOnce(&mut Chassis) -> R) -> R {
        self.computers.visit(id, visit).expect("it was looked up")
    }

    fn computer_state(&mut self, id: MachineId) -> MachineState {
        self.with_chassis(id, |chassis| chassis.state())
    }

    fn start_computer(&mut self, id: MachineId, name: &str) -> Result {
        let state = self.computer_state(id);
        if matches!(state, MachineState::Running | MachineState::Suspended) {
            return Err(wrong_state(name, state, "stop it before it is started again"));
        }
        let now = self.machines.now();
        self.power_on(now, id).map(|()| Outcome::Done).map_err(OrderError::refused)
    }

    fn suspend_computer(&mut self, id: MachineId, name: &str) -> Result {
        let now = self.machines.now();
        match self.computer_state(id) {
            MachineState::Suspended => {}
            MachineState::Running => {
                self.with_chassis(id, |chassis| chassis.suspend(now));
                self.state_changed(now, id, MachineState::Suspended);
            }
            state => return Err(wrong_state(name, state, "start it first")),
        }
        Ok(Outcome::Done)
    }

    fn destroy_computer(&mut self, id: MachineId, name: &str) -> Result {
        let now = self.machines.now();
        self.state_changed(now, id, MachineState::Destroyed);
        self.computers.remove(id);
        self.machines.withdraw_name(id);
        let is_connected = self.machine(name)?.at.is_some();
        self.leave(name);
        if is_connected {
            self.machines.fabric_mut().remove_machine(id).map_err(OrderError::refused)?;
        }
        Ok(Outcome::Done)
    }

    fn roll_back_computer(&mut self, id: MachineId, snapshot: BlobId) -> Result {
        let now = self.machines.now();
        let before = self.computer_state(id);
        self.with_chassis(id, |chassis| chassis.roll_back(now, snapshot)).map_err(OrderError::refused)?;
        let state = self.computer_state(id);
        if state != before {
            self.state_changed(now, id, state);
        }
        Ok(Outcome::Done)
    }

    fn type_at(&mut self, id: MachineId, bytes: &[u8]) -> Result {
        let now = self.machines.now();
        let state = self.computer_state(id);
        if !self.with_chassis(id, |chassis| chassis.is_on()) {
            let name = self.name_of(id).cloned().unwrap_or_default();
            return Err(wrong_state(&name, state, "start it before something is typed"));
        }
        let typed = self.with_chassis(id, |chassis| chassis.type_in(now, bytes));
        Ok(Outcome::Typed(typed as u64))
    }

    fn create_computer(&mut self, name: &str, table: &ComputerTable) -> Result {
        if self.machine(name).is_ok() {
            return Err(OrderError::NameTaken { name: name.to_owned() });
        }
        let profiles = self.topology.profiles(table.plan.as_ref(), name).map_err(OrderError::refused)?;
        let entry = self.computer_entry(name, table.at.as_deref(), table.address)?;
        let guard = if table.may_spoof { Guard::Any } else { Guard::Assigned };
        let made = self
            .connect_computer(name, &entry, guard, profiles)
            .and_then(|()| self.install_computer(name, entry.clone(), table).map_err(OrderError::refused));
        self.or_undone(name, entry, made)
    }

    fn fork_computer(&mut self, origin: MachineId, origin_name: &str, name: &str) -> Result {
        if self.machine(name).is_ok() {
            return Err(OrderError::NameTaken { name: name.to_owned() });
        }
        let at = self.machine(origin_name)?.at.clone();
        let profiles = match self.machines.fabric().link_of(origin) {
            Ok(link) => self.profiles(link)?,
            Err(_) => <_>::default(),
        };
        let entry = self.computer_entry(name, at.as_deref(), None)?;
        let made = self
            .connect_computer(name, &entry, Guard::Assigned, profiles)
            .and_then(|()| self.install_fork(origin, name, entry.clone()));
        if made.is_ok() {
            self.changes.inherit(origin_name, name);
        }
        self.or_undone(name, entry, made)
    }

    /// A computer that is to be, with an address that nobody else has.
    fn computer_entry(&mut self, name: &str, at: Option<&str>, wanted: Option<IpAddr>) -> Result<Entry> {
        let (id, address) = (self.fresh_id(name), self.address(at, wanted)?);
        Ok(Entry { id, at: at.map(str::to_owned), address, table: Arc::default() })
    }

    fn install_fork(&mut self, origin: MachineId, name: &str, entry: Entry) -> Result<()> {
        let (id, now) = (entry.id, self.machines.now());
        let card = self.card_of(id, entry.at.is_some()).map_err(OrderError::refused)?;
        let forked = self.with_chassis(origin, |chassis| chassis.fork(now, card));
        let fork = forked.map_err(OrderError::refused)?;
        let dns_name = self.zone.as_ref().map(|zone| format!("{name}.{zone}"));
        self.call(&entry, dns_name.as_deref()).map_err(OrderError::refused)?;
        let state = fork.state();
        let table = self.computers.table(origin).expect("it was looked up");
        let table = ComputerTable {
            may_spoof: false,
            name: None,
            ..table.without_contents(entry.at.clone(), entry.address)
        };
        self.computers.insert(id, fork, table);
        self.enlist(name, entry);
        self.state_changed(now, id, state);
        Ok(())
    }

    /// A computer was made, or all that was done for it is undone.
    fn or_undone(&mut self, name: &str, entry: Entry, made: Result<()>) -> Result {
        let id = entry.id;
        let Err(error) = made else { return Ok(Outcome::Machine(id)) };
        self.computers.remove(id);
        self.machines.withdraw_name(id);
        // It may not have come so far.
        let _ = self.machines.fabric_mut().remove_machine(id);
        self.enlist(name, entry);
        self.leave(name);
        Err(error)
    }

    /// Connects the card of a computer that is to be.
    pub(super) fn connect_computer(
        &mut self,
        name: &str,
        entry: &Entry,
        guard: Guard,
        (down, up): (LinkProfile, LinkProfile),
    ) -> Result<()> {
        let Some(at) = &entry.at else { return Ok(()) };
        let subnet = self.subnet_of(at).and_then(|subnet| self.subnets.get(subnet));
        let length = subnet.map_or(32, |subnet| subnet.network().prefix_len());
        let address = match entry.address {
            Some(IpAddr::V4(address)) => Ipv4Net::new(address, length).ok(),
            _ => None,
        };
        let is_isolated = self.topology.switches.get(at).is_some_and(|switch| switch.isolated);
        let isolation = if is_isolated { Isolation::Isolated } else { Isolation::Open };
        let station = self.station(at)?;
        let spec =
            MachineSpec { address, down, up, guard, isolation, ..MachineSpec::new(entry.id, name, station) };
        self.machines.fabric_mut().add_machine(&spec).map(|_| ()).map_err(OrderError::refused)
    }

    /// Puts a computer where the network has it already, or one without a network, and switches it on.
    pub(super) fn install_computer(
        &mut self,
        name: &str,
        entry: Entry,
        table: &ComputerTable,
    ) -> std::result::Result<(), Wrong> {
        let (id, now) = (entry.id, self.machines.now());
        let place = format!("computers.{name}");
        let card = self.card_of(id, entry.at.is_some());
        let card = card.map_err(|error| Wrong::Network { place: place.clone(), error })?;
        let bits = id.uuid().as_u128();
        let seed = self.rng.split("computer", (bits >> 64) as u64 ^ bits as u64).next_u64();
        let chassis = self.computers.build(table, &place, (Seed::new(seed), card), now)?;
        let zone = self.zone.as_ref();
        let dns_name = table.name.clone().or_else(|| zone.map(|zone| format!("{name}.{zone}")));
        self.call(&entry, dns_name.as_deref())
            .map_err(|error| Wrong::value(format!("{place}.name"), error))?;
        let table_kept = table.without_contents(entry.at.clone(), entry.address);
        self.computers.insert(id, chassis, table_kept);
        self.enlist(name, entry);
        if !table.is_off {
            self.state_changed(now, id, MachineState::Booting);
            self.state_changed(now, id, MachineState::Running);
        }
        Ok(())
    }

    /// The card of a computer, which from now on runs outside of the network.
    pub(super) fn card_of(
        &mut self,
        id: MachineId,
        is_connected: bool,
    ) -> std::result::Result<Option<Card>, ironloom_net::fabric::FabricError> {
        if !is_connected {
            return Ok(None);
        }
        let fabric = self.machines.fabric_mut();
        let station = fabric.move_out(id)?;
        let mtu = fabric.profile(fabric.link_of(id)?, Way::Back)?.mtu;
        Ok(Some(Card::new(station, Mac::of_machine(id, 0), mtu)))
    }

    /// Gives a computer's address a name, if it has both.
    pub(super) fn call(
        &mut self,
        entry: &Entry,
        name: Option<&str>,
    ) -> std::result::Result<(), ironloom_vm::MachineError> {
        let (Some(address), Some(name)) = (entry.address, name) else { return Ok(()) };
        self.machines.name_machine(entry.id, name, address)
    }
}

/// The machine that an order is about, if it is about one, and not only about its link.
fn machine_of(order: &Order) -> Option<&str> {
    match order {
        Order::Start { machine }
        | Order::Stop { machine }
        | Order::Suspend { machine }
        | Order::Resume { machine }
        | Order::Destroy { machine }
        | Order::Fork { machine, .. }
        | Order::Snapshot { machine }
        | Order::RollBack { machine, .. }
        | Order::Exec { machine, .. }
        | Order::OpenConsole { machine, .. }
        | Order::WriteFile { machine, .. }
        | Order::ReadFile { machine, .. }
        | Order::Inject { fault: Fault::Kill(machine) } => Some(machine),
        _ => None,
    }
}

fn wrong_state(name: &str, state: MachineState, wanted: &str) -> OrderError {
    OrderError::refused(format!("`{name}` is {state:?}: {wanted}"))
}

fn no_size(size: Size) -> OrderError {
    let Size { rows, columns } = size;
    OrderError::refused(format!(
        "a serial line has no size: tell the system behind it, for example by `stty rows {rows} cols {columns}`"
    ))
}
