//! What runs behind the cards of machines: stacks with services, or anything else that sends and receives frames.

use std::sync::Arc;

use ironloom_core::MachineId;

use super::machine::{Life, Run, SERVICE};
use super::{Fabric, FabricError};
use crate::{Host, Node, Service, Stack};

impl Fabric {
    /// Gives access to the sockets of a machine, as its process 0 sees them.
    ///
    /// The first time a machine is used, its stack is made.
    ///
    /// # Errors
    ///
    /// If the machine is not there, or what runs on it is no stack of ours.
    pub fn host<R>(
        &mut self,
        machine: MachineId,
        visit: impl FnOnce(&mut Host<'_>) -> R,
    ) -> Result<R, FabricError> {
        self.host_as(machine, SERVICE, visit)
    }

    /// Gives access to the sockets of a machine, as one of its processes sees them.
    ///
    /// # Errors
    ///
    /// As [`host`](Self::host).
    pub fn host_as<R>(
        &mut self,
        machine: MachineId,
        owner: u64,
        visit: impl FnOnce(&mut Host<'_>) -> R,
    ) -> Result<R, FabricError> {
        let (shard, index) = self.awaken(machine)?;
        let result = self.shards[shard].visit(&self.layout, index, |now, run, out| match run {
            Run::Stack(stack, _) => Some(visit(&mut Host::new(now, owner, stack, out))),
            Run::Node(_) => None,
        });
        self.collect();
        result.flatten().ok_or(FabricError::Foreign { machine })
    }

    /// Lets a service run on a machine: from now on it is called when something happens to the machine's sockets.
    ///
    /// Whatever service ran there before is gone; its sockets stay.
    ///
    /// # Errors
    ///
    /// If the machine is not there, or what runs on it is no stack of ours.
    pub fn serve(&mut self, machine: MachineId, service: Box<dyn Service>) -> Result<(), FabricError> {
        let (shard, index) = self.awaken(machine)?;
        let result = self.shards[shard].visit(&self.layout, index, |now, run, out| match run {
            Run::Stack(stack, place) => {
                let service = place.insert(service);
                service.start(&mut Host::new(now, SERVICE, stack, out));
                stack.serve(now, SERVICE, &mut **service, out);
                Some(())
            }
            Run::Node(_) => None,
        });
        self.collect();
        result.flatten().ok_or(FabricError::Foreign { machine })
    }

    /// Puts a node behind a machine's card, in place of a stack. Whatever was there before is gone.
    ///
    /// # Errors
    ///
    /// If the machine is not there.
    pub fn install(&mut self, machine: MachineId, node: Box<dyn Node + Send>) -> Result<(), FabricError> {
        let (shard, index) = self.machine_place(machine)?;
        let shard = &mut self.shards[shard];
        shard.machines[index].life = Some(Box::new(Life::new(Run::Node(node))));
        shard.settle_machine(&self.layout, index);
        Ok(())
    }

    /// Makes the stack of a machine, if there is none and nothing else runs there.
    fn awaken(&mut self, id: MachineId) -> Result<(usize, usize), FabricError> {
        let (shard, index) = self.machine_place(id)?;
        let machine = &self.shards[shard].machines[index];
        if machine.life.is_some() {
            return Ok((shard, index));
        }
        let link = self.layout.link(machine.link);
        let mtu = link.map_or(1_500, |link| self.layout.lines.line(link.lines[1]).profile.mtu);
        let bits = id.uuid().as_u128();
        let mut rng = self.rng.split("stack", (bits >> 64) as u64 ^ bits as u64);
        let mut stack = Stack::new(Arc::clone(&self.config.stack), &mut rng);
        stack.attach(&machine.interface(mtu));
        let life = Life::new(Run::Stack(stack, None));
        self.shards[shard].machines[index].life = Some(Box::new(life));
        Ok((shard, index))
    }
}
