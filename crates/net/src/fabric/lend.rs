//! [`Lent`]: a machine's network in the hands of whoever runs the machine.
//!
//! Between two runs of a fabric its machines may be worked on, by many threads at once. What a machine's programs do to
//! its sockets happens at once; what comes of that for others happens when the network is given back.

use ironloom_core::{Instant, MachineId};

use super::machine::Run;
use super::{Fabric, FabricError};
use crate::{Host, Outbox, Stack};

/// A machine's network, lent by [`Fabric::lend`].
pub struct Lent {
    machine: MachineId,
    now: Instant,
    stack: Stack,
    out: Outbox,
    shard: u16,
    index: u32,
}

impl Lent {
    /// Whose network it is.
    #[must_use]
    pub const fn machine(&self) -> MachineId {
        self.machine
    }

    /// The sockets of the machine, as one of its processes sees them.
    pub fn host(&mut self, owner: u64) -> Host<'_> {
        Host::new(self.now, owner, &mut self.stack, &mut self.out)
    }
}

impl std::fmt::Debug for Lent {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Lent").field("machine", &self.machine).finish_non_exhaustive()
    }
}

impl Fabric {
    /// Lends the network of a machine to whoever runs the machine; time must not pass before it is given back.
    ///
    /// ```
    /// use ironloom_core::{MachineId, Rng, Seed};
    /// use ironloom_net::fabric::{Config, Fabric, MachineSpec, Place};
    ///
    /// let mut fabric = Fabric::new(Config::default(), Seed::new(1));
    /// let switch = fabric.add_switch("lan", Place::Apart, <_>::default())?;
    /// let machine = MachineId::random(&mut Rng::new(Seed::new(1)));
    /// fabric.add_machine(&MachineSpec::new(machine, "web", switch))?;
    ///
    /// let mut network = fabric.lend(machine)?;
    /// network.host(1).listen("0.0.0.0:80".parse()?, 16)?;
    /// fabric.give_back([network]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// If the machine is not there, its network is lent already, or a service or a node runs on it.
    pub fn lend(&mut self, machine: MachineId) -> Result<Lent, FabricError> {
        let (shard, index) = self.awaken(machine)?;
        let now = self.shards[shard].traffic.now.max(self.now);
        let Some(life) = self.shards[shard].machines[index].life.as_mut() else {
            return Err(FabricError::NoMachine { machine });
        };
        match std::mem::replace(&mut life.run, Run::Lent) {
            Run::Stack(stack, None) => {
                Ok(Lent { machine, now, stack, out: Outbox::new(), shard: shard as u16, index: index as u32 })
            }
            run => {
                life.run = run;
                Err(FabricError::Foreign { machine })
            }
        }
    }

    /// Takes back what was lent, and sends what came of it, in this order.
    ///
    /// The network of a machine that was removed meanwhile is gone.
    pub fn give_back(&mut self, networks: impl IntoIterator<Item = Lent>) {
        for mut lent in networks {
            let (number, index) = (usize::from(lent.shard), lent.index as usize);
            let shard = &mut self.shards[number];
            let Some(machine) = shard.machines.get_mut(index).filter(|found| found.id == lent.machine) else {
                continue;
            };
            let Some(life) = machine.life.as_mut() else { continue };
            life.run = Run::Stack(lent.stack, None);
            std::mem::swap(&mut shard.out, &mut lent.out);
            shard.settle_machine(&self.layout, index);
        }
        self.collect();
    }
}

const _: () =
    assert!(size_of::<Stack>() <= 256, "a stack is moved when it is lent and when it is given back");
