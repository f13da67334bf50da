//! [`Datacenter`]: what can be asked of a world, whoever lets its time go by.

use ironloom_blob::BlobId;
use ironloom_core::{Duration, MachineId};
use ironloom_net::topology::{PlanTable, RuleTable};
use ironloom_state::BatchId;
use ironloom_vm::os::console::{Seen, Size};
use ironloom_vm::{Command, Finished};

use super::{Fault, LinkName, Order, Outcome, Reply, Subscription};
use crate::{ComputerTable, FileTable, MachineTable};

/// How much virtual time a command has if nothing is said.
const PATIENCE: Duration = Duration::from_secs(60);

/// What can be asked of a world, whoever lets its time go by: a [`World`](crate::World) or a [`Node`](crate::Node).
///
/// ```
/// use ironloom_node::prelude::*;
///
/// /// Breaks into a machine, looks around, and leaves no trace.
/// fn visit(datacenter: &impl Datacenter) -> Result<String, OrderError> {
///     let before = datacenter.snapshot("web").wait()?;
///     datacenter.exec("web", "rm -r /var/www; echo was here > /tmp/mark").wait()?;
///     let seen = datacenter.exec("web", "cat /tmp/mark").wait()?;
///     datacenter.roll_back("web", before).wait()?;
///     assert!(datacenter.read_file("web", "/tmp/mark").wait().is_err());
///     Ok(seen.text())
/// }
///
/// let world = World::builder(7).machine("web", |web| web).build()?;
/// assert_eq!(visit(&world)?, "was here\n");
///
/// let node = Node::start(world)?;
/// assert_eq!(visit(&node)?, "was here\n");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub trait Datacenter {
    /// Gives an order. The other methods give it this one.
    fn submit(&self, order: Order) -> Reply<Outcome>;

    /// Listens to what happens from now on; so many events are kept until they are looked at.
    fn subscribe(&self, events_max: usize) -> Subscription;

    /// Makes a machine, and switches it on unless it is to be off.
    fn create(&self, machine: &str, table: MachineTable) -> Reply<MachineId> {
        self.submit(Order::Create { machine: machine.to_owned(), table: Box::new(table) }).reading(machine_id)
    }

    /// Makes a computer, and switches it on unless it is to be off.
    fn create_computer(&self, computer: &str, table: ComputerTable) -> Reply<MachineId> {
        let (computer, table) = (computer.to_owned(), Box::new(table));
        self.submit(Order::CreateComputer { computer, table }).reading(machine_id)
    }

    /// Switches a machine on.
    fn start(&self, machine: &str) -> Reply<()> {
        self.submit(Order::Start { machine: machine.to_owned() }).reading(nothing)
    }

    /// Shuts a machine down; a computer's power is cut. It can be switched on again.
    fn stop(&self, machine: &str) -> Reply<()> {
        self.submit(Order::Stop { machine: machine.to_owned() }).reading(nothing)
    }

    /// Lets a machine stand still.
    fn suspend(&self, machine: &str) -> Reply<()> {
        self.submit(Order::Suspend { machine: machine.to_owned() }).reading(nothing)
    }

    /// Lets a machine go on that stood still.
    fn resume(&self, machine: &str) -> Reply<()> {
        self.submit(Order::Resume { machine: machine.to_owned() }).reading(nothing)
    }

    /// Lets a machine vanish, with all that is on it.
    fn destroy(&self, machine: &str) -> Reply<()> {
        self.submit(Order::Destroy { machine: machine.to_owned() }).reading(nothing)
    }

    /// Makes another machine that begins as one is, at the same switch, with an address of its own.
    fn fork(&self, machine: &str, name: &str) -> Reply<MachineId> {
        let (machine, name) = (machine.to_owned(), name.to_owned());
        self.submit(Order::Fork { machine, name }).reading(machine_id)
    }

    /// Stores what of a machine outlives it: its files, and what its processes have kept.
    fn snapshot(&self, machine: &str) -> Reply<BlobId> {
        self.submit(Order::Snapshot { machine: machine.to_owned() }).reading(|outcome| match outcome {
            Outcome::Snapshot(id) => id,
            other => unexpected(&other),
        })
    }

    /// Lets a machine be as it was.
    fn roll_back(&self, machine: &str, snapshot: BlobId) -> Reply<()> {
        self.submit(Order::RollBack { machine: machine.to_owned(), snapshot }).reading(nothing)
    }

    /// Has a machine run a command to its end, for a minute of its time at most. A text is a line for the shell.
    fn exec(&self, machine: &str, command: impl Into<Command>) -> Reply<Finished>
    where
        Self: Sized,
    {
        self.exec_within(PATIENCE, machine, command)
    }

    /// Has a machine run a command to its end, for so much of its time at most. Then it is killed; what it
    /// started in the background goes on.
    fn exec_within(&self, limit: Duration, machine: &str, command: impl Into<Command>) -> Reply<Finished>
    where
        Self: Sized,
    {
        let (machine, command) = (machine.to_owned(), command.into());
        self.submit(Order::Exec { machine, command, limit }).reading(|outcome| match outcome {
            Outcome::Finished(finished) => finished,
            other => unexpected(&other),
        })
    }

    /// Has a machine run a command on a console, whose number this is.
    fn open_console(&self, machine: &str, size: Size, command: impl Into<Command>) -> Reply<u64>
    where
        Self: Sized,
    {
        let (machine, command) = (machine.to_owned(), command.into());
        self.submit(Order::OpenConsole { machine, size, command }).reading(|outcome| match outcome {
            Outcome::Console(number) => number,
            other => unexpected(&other),
        })
    }

    /// Opens the console of a computer, whose number this is: its serial port. What it said before is seen first, as far
    /// as it is kept.
    fn open_serial(&self, computer: &str) -> Reply<u64>
    where
        Self: Sized,
    {
        self.open_console(computer, Size::default(), Command::default())
    }

    /// Types something at a console; how many bytes there was room for.
    fn type_in(&self, console: u64, bytes: impl Into<Vec<u8>>) -> Reply<u64>
    where
        Self: Sized,
    {
        self.submit(Order::Type { console, bytes: bytes.into() }).reading(|outcome| match outcome {
            Outcome::Typed(bytes) => bytes,
            other => unexpected(&other),
        })
    }

    /// What was written on a console since this was asked last, if anything was.
    fn see(&self, console: u64, bytes_max: u32) -> Reply<Option<Seen>> {
        self.submit(Order::See { console, bytes_max }).reading(|outcome| match outcome {
            Outcome::Seen(seen) => seen,
            other => unexpected(&other),
        })
    }

    /// Tells the programs on a console that it has another size.
    fn resize(&self, console: u64, size: Size) -> Reply<()> {
        self.submit(Order::Resize { console, size }).reading(nothing)
    }

    /// Hangs up.
    fn close_console(&self, console: u64) -> Reply<()> {
        self.submit(Order::CloseConsole { console }).reading(nothing)
    }

    /// Puts a file on a machine.
    fn write_file(&self, machine: &str, path: &str, file: impl Into<FileTable>) -> Reply<()>
    where
        Self: Sized,
    {
        let (machine, path) = (machine.to_owned(), path.to_owned());
        self.submit(Order::WriteFile { machine, path, file: file.into() }).reading(nothing)
    }

    /// What is in a file of a machine.
    fn read_file(&self, machine: &str, path: &str) -> Reply<Vec<u8>> {
        let (machine, path) = (machine.to_owned(), path.to_owned());
        self.submit(Order::ReadFile { machine, path }).reading(|outcome| match outcome {
            Outcome::Content(bytes) => bytes,
            other => unexpected(&other),
        })
    }

    /// Lets a link be like this.
    fn change_link(&self, link: impl Into<LinkName>, plan: PlanTable) -> Reply<()>
    where
        Self: Sized,
    {
        self.submit(Order::ChangeLink { link: link.into(), plan: Box::new(plan) }).reading(nothing)
    }

    /// Gives a router one rule more, behind those that it has.
    fn add_rule(&self, router: &str, rule: RuleTable) -> Reply<()> {
        self.submit(Order::AddRule { router: router.to_owned(), rule: Box::new(rule) }).reading(nothing)
    }

    /// Keeps for good what changed since the last commit; what the commit is called.
    ///
    /// See [`World::create`](crate::World::create).
    fn commit(&self) -> Reply<BatchId> {
        self.submit(Order::Commit).reading(|outcome| match outcome {
            Outcome::Committed(commit) => commit,
            other => unexpected(&other),
        })
    }

    /// Breaks something, or mends it.
    fn inject(&self, fault: Fault) -> Reply<()> {
        self.submit(Order::Inject { fault }).reading(nothing)
    }
}

#[expect(clippy::needless_pass_by_value, reason = "it is how a reply is read")]
fn nothing(outcome: Outcome) {
    if outcome != Outcome::Done {
        unexpected(&outcome)
    }
}

fn machine_id(outcome: Outcome) -> MachineId {
    match outcome {
        Outcome::Machine(id) => id,
        other => unexpected(&other),
    }
}

/// Each order has one kind of outcome.
fn unexpected(outcome: &Outcome) -> ! {
    unreachable!("this order does not come to {outcome:?}")
}
