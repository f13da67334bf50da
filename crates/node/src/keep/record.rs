//! What is written down of a world: [`WorldRecord`], [`MachineRecord`] and [`ComputerRecord`], and under which names.

use std::collections::BTreeMap;
use std::net::IpAddr;

use ironloom_blob::BlobId;
use ironloom_core::borsh::{BorshDeserialize, BorshSerialize};
use ironloom_core::{Instant, MachineId};
use ironloom_state::ResourceId;
use ironloom_vm::{Checkpoint, MachineState};

use crate::world::Kept;
use crate::{Fault, LinkName, MachineTable, Order};

/// The form of what follows.
pub(super) const VERSION: u16 = 1;

/// What the names of all resources of worlds begin with.
const RESERVED: &[u8; 8] = b"ironloom";

/// Those of machines.
pub(super) const MACHINES: &[u8; 9] = b"ironloomm";
/// Those of computers.
pub(super) const COMPUTERS: &[u8; 9] = b"ironloomc";
/// Those of programs.
pub(super) const PROGRAMS: &[u8; 9] = b"ironloomp";

/// Where the world itself is.
pub(super) const WORLD: ResourceId = ResourceId::from_bytes(*b"ironloomw_______________________");

pub(super) fn machine_resource(id: MachineId) -> ResourceId {
    resource_of(MACHINES, id)
}

pub(super) fn computer_resource(id: MachineId) -> ResourceId {
    resource_of(COMPUTERS, id)
}

fn resource_of(prefix: &[u8; 9], id: MachineId) -> ResourceId {
    let mut name = [0; ResourceId::BYTES];
    name[..9].copy_from_slice(prefix);
    name[9..25].copy_from_slice(id.uuid().as_bytes());
    ResourceId::from_bytes(name)
}

pub(super) fn program_resource(program: BlobId) -> ResourceId {
    let mut name = [0; ResourceId::BYTES];
    name[..9].copy_from_slice(PROGRAMS);
    name[9..].copy_from_slice(&program.as_bytes()[..23]);
    ResourceId::from_bytes(name)
}

/// Whether a name is one of a world's own.
pub(super) fn is_reserved(resource: ResourceId) -> bool {
    resource.as_bytes().starts_with(RESERVED)
}

/// What is said of a commit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
#[borsh(crate = "ironloom_core::borsh")]
pub(super) struct CommitRecord {
    pub(super) version: u16,
    pub(super) at: Instant,
    pub(super) machines: u64,
    pub(super) changed: u64,
}

/// A world without its machines.
#[derive(Debug, Clone, BorshSerialize, BorshDeserialize)]
#[borsh(crate = "ironloom_core::borsh")]
pub(super) struct WorldRecord {
    pub(super) version: u16,
    /// What was described at first.
    pub(super) description: BlobId,
    /// The files of the images.
    pub(super) images: BTreeMap<String, BlobId>,
    pub(super) now: Instant,
    /// How many machines were made after the world was, so that no id comes twice.
    pub(super) made: u64,
    /// How many times it was opened: from that and the seed all chance comes.
    pub(super) lives: u64,
    pub(super) network: NetworkChanges,
}

/// A machine.
#[derive(Debug, Clone, BorshSerialize, BorshDeserialize)]
#[borsh(crate = "ironloom_core::borsh")]
pub(super) struct MachineRecord {
    pub(super) name: String,
    pub(super) id: MachineId,
    pub(super) table: MachineTable,
    pub(super) at: Option<String>,
    pub(super) address: Option<IpAddr>,
    pub(super) power: Power,
    pub(super) files: BlobId,
    pub(super) checkpoints: Vec<Checkpoint>,
}

/// A computer.
#[derive(Debug, Clone, BorshSerialize, BorshDeserialize)]
#[borsh(crate = "ironloom_core::borsh")]
pub(super) struct ComputerRecord {
    pub(super) name: String,
    pub(super) id: MachineId,
    pub(super) power: Power,
    pub(super) kept: Kept,
}

/// Whether a machine is on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
#[borsh(crate = "ironloom_core::borsh")]
pub(super) enum Power {
    Off,
    On,
    Suspended,
}

impl Power {
    pub(super) const fn of(state: MachineState) -> Self {
        match state {
            MachineState::Running | MachineState::Booting => Self::On,
            MachineState::Suspended => Self::Suspended,
            _ => Self::Off,
        }
    }

    /// What a computer is about that comes back.
    pub(super) const fn state(self) -> MachineState {
        match self {
            Self::Off => MachineState::Stopped,
            Self::On => MachineState::Running,
            Self::Suspended => MachineState::Suspended,
        }
    }
}

/// What was done to the network since it was described: the orders that make it so again, and no more of them than that
/// takes.
#[derive(Debug, Clone, Default, BorshSerialize, BorshDeserialize)]
#[borsh(crate = "ironloom_core::borsh")]
pub(crate) struct NetworkChanges {
    /// What a link is like. In the order of the keys one does not take back what another did.
    links: BTreeMap<(LinkName, u8), Order>,
    rules: Vec<Order>,
}

impl NetworkChanges {
    /// Takes notice of an order that was carried out.
    pub(crate) fn note(&mut self, order: Order) {
        match &order {
            Order::ChangeLink { link, .. } => {
                let link = link.clone();
                // It is as the plan says, whatever faults it had.
                self.links.remove(&(link.clone(), 1));
                self.links.remove(&(link.clone(), 2));
                self.links.insert((link, 0), order);
            }
            Order::Inject { fault: Fault::Loss(link, _) } => _ = self.links.insert((link.clone(), 1), order),
            Order::Inject { fault: Fault::Delay(link, _) } => _ = self.links.insert((link.clone(), 2), order),
            Order::Inject { fault: Fault::Cut(link) } => _ = self.links.insert((link.clone(), 3), order),
            Order::Inject { fault: Fault::Mend(link) } => _ = self.links.remove(&(link.clone(), 3)),
            Order::AddRule { .. } => self.rules.push(order),
            _ => {}
        }
    }

    /// A machine is the fork of another: its link is like the other's, but for having been cut.
    pub(crate) fn inherit(&mut self, origin: &str, fork: &str) {
        let of_origin = LinkName::from(origin);
        let links = self.links.range((of_origin.clone(), 0)..(of_origin, 3));
        let links: Vec<_> = links.map(|((_, kind), order)| (*kind, order.clone())).collect();
        for (kind, mut order) in links {
            match &mut order {
                Order::ChangeLink { link, .. }
                | Order::Inject { fault: Fault::Loss(link, _) | Fault::Delay(link, _) } => {
                    *link = fork.into();
                }
                _ => continue,
            }
            self.links.insert((fork.into(), kind), order);
        }
    }

    /// A machine is gone, and its link with it.
    pub(crate) fn forget(&mut self, machine: &str) {
        self.links.retain(|(link, _), _| !matches!(link, LinkName::Of(name) if name == machine));
    }

    /// The orders that make it so again.
    pub(crate) fn orders(&self) -> impl Iterator<Item = &Order> {
        self.links.values().chain(&self.rules)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ironloom_core::Duration;

    #[test]
    fn of_what_was_done_to_the_network_what_counts_is_kept() {
        let mut changes = NetworkChanges::default();
        let mut inject = |fault| changes.note(Order::Inject { fault });
        inject(Fault::cut("web"));
        inject(Fault::cut("desk"));
        inject(Fault::mend("web"));
        inject(Fault::loss("web", 5));
        inject(Fault::loss("web", 7));
        inject(Fault::delay(["edge", "lan"], Duration::from_millis(3)));
        inject(Fault::kill("web"));
        let kept: Vec<String> = changes.orders().map(|order| format!("{order:?}")).collect();
        assert_eq!(kept.len(), 3, "{kept:?}");
        assert!(kept.iter().any(|order| order.contains("Share(7)")), "{kept:?}");
        changes.forget("desk");
        assert_eq!(changes.orders().count(), 2);
        changes.inherit("web", "fork");
        let kept: Vec<String> = changes.orders().map(|order| format!("{order:?}")).collect();
        assert_eq!(kept.len(), 3, "its loss is the fork's too: {kept:?}");
        assert!(kept.iter().any(|order| order.contains("fork") && order.contains("Share(7)")), "{kept:?}");
        changes.forget("fork");
        let plan = Box::default();
        changes.note(Order::ChangeLink { link: "web".into(), plan });
        assert_eq!(changes.orders().count(), 2, "the plan is in place of the loss");
    }

    #[test]
    fn what_belongs_to_the_world_is_nobody_elses() {
        let id = MachineId::random(&mut ironloom_core::Rng::new(ironloom_core::Seed::new(7)));
        let program = program_resource(BlobId::of(b"x"));
        for resource in [WORLD, machine_resource(id), computer_resource(id), program] {
            assert!(is_reserved(resource));
        }
        assert!(!is_reserved(ResourceId::named("account")));
        assert!(machine_resource(id).as_bytes().starts_with(MACHINES));
    }
}
