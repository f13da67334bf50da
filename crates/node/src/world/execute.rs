//! How orders are carried out.

use std::net::IpAddr;
use std::sync::Arc;

use ironloom_blob::BlobId;
use ironloom_core::{Duration, MachineId};
use ironloom_net::fabric::StationId;
use ironloom_net::link::LinkProfile;
use ironloom_vm::os::console::Size;
use ironloom_vm::os::{Caller, Credentials};
use ironloom_vm::{Command, ConsoleId, Image, MachineSpec};

use super::core::{Core, Entry};
use super::measures::Measures;
use super::pending::Pending;
use super::reply::Answer;
use super::{Order, OrderError, Outcome};
use crate::keep::Keeper;
use crate::replay::Entry as Written;
use crate::{Content, FileTable, MachineTable};

/// How much of a file is read at once.
const FILE_BYTES_MAX: u64 = 64 << 20;

pub(super) type Result<T = Outcome> = std::result::Result<T, OrderError>;

impl Core {
    /// Carries out an order. It is answered at once, but for a command: that is answered when it has ended.
    pub(crate) fn execute(&mut self, order: Order, answer: Answer) {
        self.write_down(|| Written::Order(Box::new(order.clone())));
        self.record("order", &order);
        self.measures.iter().for_each(Measures::ordered);
        let _span = tracing::debug_span!("order", machine = order.machine()).entered();
        if let Some(result) = self.serve_computer(&order) {
            answer.give(result);
            return self.settle();
        }
        match order {
            Order::Exec { machine, command, limit } => self.exec(machine, &command, limit, answer),
            Order::Commit => self.commit(answer),
            order => answer.give(self.carry_out(order)),
        }
        self.settle();
    }

    fn carry_out(&mut self, order: Order) -> Result {
        match order {
            Order::Create { machine, table } => self.create(&machine, &table),
            Order::Start { machine } => self.with(&machine, |core, id| core.machines.boot(id)),
            Order::Stop { machine } => self.with(&machine, |core, id| core.machines.stop(id)),
            Order::Suspend { machine } => self.with(&machine, |core, id| core.machines.suspend(id)),
            Order::Resume { machine } => self.with(&machine, |core, id| core.machines.resume(id)),
            Order::Destroy { machine } => self.destroy(&machine),
            Order::Fork { machine, name } => self.fork(&machine, &name),
            Order::Snapshot { machine } => self.snapshot(&machine),
            Order::RollBack { machine, snapshot } => self.roll_back(&machine, snapshot),
            Order::Exec { .. } | Order::Commit | Order::CreateComputer { .. } => {
                unreachable!("others answer these")
            }
            Order::OpenConsole { machine, size, command } => self.open_console(&machine, size, &command),
            Order::Type { console, bytes } => {
                let typed = self.console(console).map(|console| self.machines.type_in(console, &bytes))?;
                typed.map(|bytes| Outcome::Typed(bytes as u64)).map_err(OrderError::refused)
            }
            Order::See { console, bytes_max } => {
                let seen = self.console(console).map(|id| self.machines.see(id, bytes_max as usize))?;
                seen.map(Outcome::Seen).map_err(OrderError::refused)
            }
            Order::Resize { console, size } => {
                let console = self.console(console)?;
                done(self.machines.resize(console, size))
            }
            Order::CloseConsole { console } => {
                let id = self.console(console)?;
                self.consoles.remove(&console);
                done(self.machines.close_console(id))
            }
            Order::WriteFile { machine, path, file } => self.write_file(&machine, &path, &file),
            Order::ReadFile { machine, path } => self.read_file(&machine, &path),
            Order::ChangeLink { .. } | Order::AddRule { .. } | Order::Inject { .. } => self.change(order),
        }
    }

    /// Changes the network, which is remembered.
    fn change(&mut self, order: Order) -> Result {
        let changed = match order.clone() {
            Order::ChangeLink { link, plan } => self.change_link(link, &plan),
            Order::AddRule { router, rule } => self.add_rule(router, &rule),
            Order::Inject { fault } => self.inject(fault),
            _ => unreachable!("nothing else changes it"),
        };
        if changed.is_ok() {
            self.changes.note(order);
            self.keeper.iter_mut().for_each(Keeper::note);
        }
        changed
    }

    fn with<E: ToString>(
        &mut self,
        machine: &str,
        act: impl FnOnce(&mut Self, MachineId) -> std::result::Result<(), E>,
    ) -> Result {
        let id = self.machine(machine)?.id;
        done(act(self, id))
    }

    fn create(&mut self, name: &str, table: &MachineTable) -> Result {
        if self.machine(name).is_ok() {
            return Err(OrderError::NameTaken { name: name.to_owned() });
        }
        let image = self.image(table, &format!("machines.{name}")).map_err(OrderError::refused)?;
        let id = self.fresh_id(name);
        let entry = Entry {
            id,
            at: table.at.clone(),
            address: table.address,
            table: Arc::new(table.without_files()),
        };
        self.put_in_place(name, entry, &image, table.is_off)
    }

    /// Makes a machine again as it was, under the id that it had. It is off.
    pub(crate) fn place_again(&mut self, name: &str, entry: Entry, image: &Image) -> Result {
        self.put_in_place(name, entry, image, true)
    }

    /// Makes a machine where it is to be connected.
    fn put_in_place(&mut self, name: &str, mut entry: Entry, image: &Image, is_off: bool) -> Result {
        let profiles =
            self.topology.profiles(entry.table.plan.as_ref(), name).map_err(OrderError::refused)?;
        entry.address = self.address(entry.at.as_deref(), entry.address)?;
        let spec = self.spec(name, &entry, image);
        let spec = self.connected(spec, &entry, profiles)?;
        let made = self.machines.create_as(entry.id, &spec);
        self.made(name, entry, is_off, made)
    }

    fn fork(&mut self, origin: &str, name: &str) -> Result {
        if self.machine(name).is_ok() {
            return Err(OrderError::NameTaken { name: name.to_owned() });
        }
        let (origin_name, origin) = (origin, self.machine(origin)?.clone());
        // It is like its origin, but for what there can be only one of.
        let table = Arc::new(MachineTable { address: None, name: None, ..(*origin.table).clone() });
        let address = self.address(origin.at.as_deref(), None)?;
        let mut entry = Entry { id: self.fresh_id(name), at: origin.at.clone(), address, table };
        let image = self.images.values().next().expect("there is the base image").clone();
        let spec = self.spec(name, &entry, &image);
        let profiles = match self.machines.fabric().link_of(origin.id) {
            Ok(link) => self.profiles(link)?,
            Err(_) => <_>::default(),
        };
        let spec = self.connected(spec, &entry, profiles)?;
        match self.machines.fork(origin.id, &spec) {
            Ok(id) => {
                entry.id = id;
                self.changes.inherit(origin_name, name);
                self.made(name, entry, false, Ok::<_, OrderError>(()))
            }
            Err(error) => self.made(name, entry, false, Err(error)),
        }
    }

    /// Takes an address for a machine that is to be.
    pub(super) fn address(&mut self, at: Option<&str>, wanted: Option<IpAddr>) -> Result<Option<IpAddr>> {
        let Some(at) = at else { return Ok(None) };
        self.station(at)?;
        let subnet = self.subnet_of(at).cloned();
        match (subnet.and_then(|subnet| self.subnets.get_mut(&subnet)), wanted) {
            (Some(subnet), Some(address)) => {
                subnet.reserve(address).map_err(OrderError::refused)?;
                Ok(Some(address))
            }
            (Some(subnet), None) => subnet.allocate().map(Some).map_err(OrderError::refused),
            (None, None) => Ok(None),
            (None, Some(_)) => Err(OrderError::refused(format!("{at} has no subnet"))),
        }
    }

    /// The same, where it is to be connected.
    fn connected(
        &self,
        mut spec: MachineSpec,
        entry: &Entry,
        (down, up): (LinkProfile, LinkProfile),
    ) -> Result<MachineSpec> {
        let Some(at) = &entry.at else { return Ok(spec) };
        let gateway = self.subnet_of(at).and_then(|subnet| self.subnets.get(subnet)?.gateway());
        if let Some(IpAddr::V4(gateway)) = gateway {
            spec.gateway = Some(gateway);
        }
        (spec.at, spec.down, spec.up) = (Some(self.station(at)?), down, up);
        Ok(spec)
    }

    /// Keeps a machine if it was made, or gives its address back.
    fn made<E: ToString>(
        &mut self,
        name: &str,
        entry: Entry,
        is_off: bool,
        made: std::result::Result<(), E>,
    ) -> Result {
        let id = entry.id;
        let is_made = made.is_ok();
        // Who was never made is not switched on.
        let entered = self.enter(name, entry, is_off || !is_made);
        if let Err(error) = made {
            self.leave(name);
            return Err(OrderError::refused(error));
        }
        entered.map(|()| Outcome::Machine(id)).map_err(OrderError::refused)
    }

    fn destroy(&mut self, name: &str) -> Result {
        let id = self.machine(name)?.id;
        self.abandon(id);
        let destroyed = self.machines.destroy(id);
        self.settle(); // Whoever hears of it hears its name.
        self.leave(name);
        done(destroyed)
    }

    fn snapshot(&mut self, name: &str) -> Result {
        let id = self.machine(name)?.id;
        self.machines.snapshot(id).map(Outcome::Snapshot).map_err(OrderError::refused)
    }

    fn roll_back(&mut self, name: &str, snapshot: BlobId) -> Result {
        self.with(name, |core, id| core.machines.rollback(id, snapshot))
    }

    fn exec(&mut self, machine: String, command: &Command, limit: Duration, answer: Answer) {
        let id = match self.machine(&machine) {
            Ok(entry) => entry.id,
            Err(error) => return answer.give(Err(error)),
        };
        match self.machines.start(id, command) {
            Err(error) => answer.give(Err(OrderError::refused(error))),
            Ok(job) => {
                let deadline = self.machines.now().saturating_add(limit);
                let key = (id, job.pid());
                self.deadlines.insert((deadline, key.0, key.1));
                self.pending.insert(key, Pending { machine, job, limit, deadline, answer });
            }
        }
    }

    fn open_console(&mut self, machine: &str, size: Size, command: &Command) -> Result {
        let id = self.machine(machine)?.id;
        let console = self.machines.open_console(id, size, command).map_err(OrderError::refused)?;
        let number = self.next_console;
        self.next_console += 1;
        self.consoles.insert(number, console);
        Ok(Outcome::Console(number))
    }

    fn console(&self, number: u64) -> Result<ConsoleId> {
        let console = self.consoles.get(&number).copied();
        console.ok_or_else(|| OrderError::unknown("console", &number.to_string()))
    }

    fn write_file(&mut self, machine: &str, path: &str, file: &FileTable) -> Result {
        let Content::Bytes(bytes) = &file.content else {
            return Err(OrderError::refused("the file is not read yet: give its bytes"));
        };
        let (id, now, root) = (self.machine(machine)?.id, self.machines.now(), Credentials::root());
        let written = self.machines.visit(id, |machine| {
            let caller = Caller { umask: 0o022, ..Caller::system(&root, now) };
            let (path, files) = (path.as_bytes(), machine.files_mut());
            files.write_all(&caller, path, bytes, None)?;
            if let Some(mode) = file.mode {
                files.chmod(&caller, path, mode)?;
            }
            if let Some(owner) = file.owner {
                files.chown(&caller, path, Some(owner), Some(owner))?;
            }
            Ok::<_, ironloom_vm::Errno>(())
        });
        let written = written.map_err(OrderError::refused)?;
        written.map(|()| Outcome::Done).map_err(|errno| OrderError::refused(format!("{path}: {errno}")))
    }

    fn read_file(&mut self, machine: &str, path: &str) -> Result {
        self.peek(machine, path).map(Outcome::Content)
    }

    /// What is in a file of a machine.
    pub(super) fn peek(&mut self, machine: &str, path: &str) -> Result<Vec<u8>> {
        let (id, now, root) = (self.machine(machine)?.id, self.machines.now(), Credentials::root());
        let read = self.machines.visit(id, |machine| {
            machine.files().read_all(&Caller::system(&root, now), path.as_bytes(), FILE_BYTES_MAX)
        });
        let read = read.map_err(OrderError::refused)?;
        read.map_err(|errno| OrderError::refused(format!("{path}: {errno}")))
    }

    pub(super) fn station(&self, name: &str) -> Result<StationId> {
        let station = self.stations.get(name).copied();
        station.ok_or_else(|| OrderError::unknown("switch, router or door", name))
    }
}

fn done<E: ToString>(result: std::result::Result<(), E>) -> Result {
    result.map(|()| Outcome::Done).map_err(OrderError::refused)
}
