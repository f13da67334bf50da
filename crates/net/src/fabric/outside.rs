//! Machines that run outside of the fabric: only their cards are here.
//!
//! Whoever runs such a machine is given what arrives at its card as [`Output::Frame`](super::Output::Frame), and sends for
//! it. Unlike at a door, the card has the machine's address, and what it sends is held to that.

use ironloom_core::{Instant, MachineId};

use super::machine::{Life, Run};
use super::{Fabric, FabricError, StationId};
use crate::{Frame, Port};

impl Fabric {
    /// Lets a machine run outside of the fabric: from now on what arrives at its card comes out under the name of its
    /// station, which is returned. Whatever ran behind the card before is gone.
    ///
    /// ```
    /// use ironloom_core::{Instant, MachineId, Rng, Seed};
    /// use ironloom_net::fabric::{Config, Fabric, MachineSpec, Output, Place};
    /// use ironloom_net::frame::{Arp, ArpOperation, Body};
    /// use ironloom_net::{Frame, Mac};
    ///
    /// let mut fabric = Fabric::new(Config::default(), Seed::new(1));
    /// let switch = fabric.add_switch("lan", Place::Apart, <_>::default())?;
    /// let mut rng = Rng::new(Seed::new(1));
    /// let [here, there] = [(); 2].map(|()| MachineId::random(&mut rng));
    /// for (machine, address) in [(here, "10.0.0.8/24"), (there, "10.0.0.9/24")] {
    ///     let address = Some(address.parse()?);
    ///     fabric.add_machine(&MachineSpec { address, ..MachineSpec::new(machine, "guest", switch) })?;
    /// }
    /// let stations = [fabric.move_out(here)?, fabric.move_out(there)?];
    ///
    /// let source = Mac::of_machine(here, 0);
    /// let question = Arp {
    ///     operation: ArpOperation::Request,
    ///     source_mac: source,
    ///     source: "10.0.0.8".parse()?,
    ///     target_mac: Mac::UNSPECIFIED,
    ///     target: "10.0.0.9".parse()?,
    /// };
    /// let frame = Frame { source, target: Mac::BROADCAST, body: Body::Arp(question) };
    /// fabric.send_from(Instant::ZERO, here, [frame.clone()])?;
    /// fabric.run_until(Instant::from_nanos(1_000_000));
    /// let Some(Output::Frame { port, frame: arrived, .. }) = fabric.poll() else { panic!("it was lost") };
    /// assert_eq!((port, arrived), (stations[1], frame));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// If the machine is not there.
    pub fn move_out(&mut self, machine: MachineId) -> Result<StationId, FabricError> {
        let (shard, index) = self.machine_place(machine)?;
        let machine = &mut self.shards[shard].machines[index];
        machine.life = Some(Box::new(Life::new(Run::Outside)));
        Ok(machine.station)
    }

    /// Sends frames from the card of a machine that runs outside, after all that is due by then. Those that are not from
    /// its card and address are dropped, as they are of any machine.
    ///
    /// # Errors
    ///
    /// If the machine is not there, or runs inside.
    pub fn send_from(
        &mut self,
        now: Instant,
        machine: MachineId,
        frames: impl IntoIterator<Item = Frame>,
    ) -> Result<(), FabricError> {
        let (shard, index) = self.machine_place(machine)?;
        if !matches!(self.shards[shard].machines[index].run(), Some(Run::Outside)) {
            return Err(FabricError::Inside { machine });
        }
        self.run_until(now);
        let shard = &mut self.shards[shard];
        for frame in frames {
            shard.out.send(Port::new(0), frame);
        }
        shard.settle_machine(&self.layout, index);
        self.collect();
        Ok(())
    }
}
