//! What runs behind the cards of machines: stacks with services, or anything else that sends and receives frames.

use std::net::Ipv4Addr;
use std::sync::Arc;

use ipnet::Ipv4Net;
use ironloom_core::MachineId;

use super::machine::{Guard, Life, Run, SERVICE};
use super::{Fabric, FabricError, LinkId};
use crate::{Host, Node, Port, Service, Stack};

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
            Run::Node(_) | Run::Lent | Run::Outside => None,
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
            Run::Node(_) | Run::Lent | Run::Outside => None,
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

    /// Gives a machine another address, or none: what it may send from, whom its switch takes it for, and what its stack
    /// is told.
    ///
    /// # Errors
    ///
    /// If the machine is not there.
    pub fn set_address(
        &mut self,
        id: MachineId,
        address: Option<Ipv4Net>,
        gateway: Option<Ipv4Addr>,
    ) -> Result<(), FabricError> {
        let (shard, index) = self.machine_place(id)?;
        let machine = &mut self.shards[shard].machines[index];
        let before = std::mem::replace(
            &mut machine.address,
            address.map_or(Ipv4Addr::UNSPECIFIED, |address| address.addr()),
        );
        machine.prefix_len = address.map_or(0, |address| address.prefix_len());
        machine.gateway = gateway.unwrap_or(Ipv4Addr::UNSPECIFIED);
        let (link, guard) = (machine.link, machine.guard);
        let mtu = self.mtu_from(link);
        let machine = &mut self.shards[shard].machines[index];
        let interface = machine.interface(mtu);
        if let Some(Run::Stack(stack, _)) = machine.life.as_mut().map(|life| &mut life.run) {
            stack.reconfigure(Port::new(0), &interface);
        }
        let Some(end) = self.layout.link(link).map(|link| link.ends[0]) else { return Ok(()) };
        if let Some(switch) = self.switch_mut(end.station) {
            switch.unassign(before);
            switch.settle(end.port, address.is_some() && guard == Guard::Assigned);
            if let Some(address) = address {
                switch.assign(address.addr(), end.port);
            }
        }
        Ok(())
    }

    /// The largest packet that a machine's link carries away from it.
    fn mtu_from(&self, link: LinkId) -> u16 {
        let link = self.layout.link(link);
        link.map_or(1_500, |link| self.layout.lines.line(link.lines[1]).profile.mtu)
    }

    /// Makes the stack of a machine, if there is none and nothing else runs there.
    pub(super) fn awaken(&mut self, id: MachineId) -> Result<(usize, usize), FabricError> {
        let (shard, index) = self.machine_place(id)?;
        let machine = &self.shards[shard].machines[index];
        if machine.life.is_some() {
            return Ok((shard, index));
        }
        let mtu = self.mtu_from(machine.link);
        let bits = id.uuid().as_u128();
        let mut rng = self.rng.split("stack", (bits >> 64) as u64 ^ bits as u64);
        let mut stack = Stack::new(Arc::clone(&self.config.stack), &mut rng);
        stack.attach(&machine.interface(mtu));
        let life = Life::new(Run::Stack(stack, None));
        self.shards[shard].machines[index].life = Some(Box::new(life));
        Ok((shard, index))
    }
}
