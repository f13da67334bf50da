//! [`Fabric`]: all stations and links of a network, and the order in which things happen to them.
//!
//! A fabric is a function of its seed and its inputs: [`handle`](Fabric::handle) takes an input at an instant,
//! [`run_until`](Fabric::run_until) lets time go by, [`poll`](Fabric::poll) gives what came out, and
//! [`next_event`](Fabric::next_event) says until when nothing will happen.
//!
//! # Order
//!
//! What happens is ordered by instant, and within an instant by lane and number of the frame (a lane is one way of a
//! link), then by station for wake-ups. Nothing depends on when something was planned, or by whom.
//! So a fabric can be carried by several shards at once: a *group* is a switch, a router or the like, with the machines
//! that were connected to it; shards carry whole groups, and run independently for as long as a frame from one shard
//! needs at least to reach another. The result, digest included, is the same for any number of shards and threads.
//!
//! # Cost
//!
//! Work is proportional to the frames that travel, not to the stations that there are. A machine that never used the
//! network is a record of 64 bytes, and what it would answer is answered without anything being made for it.

mod absent;
mod agenda;
mod build;
mod change;
mod cloud;
mod config;
mod digest;
mod driven;
mod equipment;
mod flights;
mod foresight;
mod inhabit;
mod layout;
mod lend;
mod loops;
mod machine;
mod metrics;
mod names;
mod outside;
mod partition;
mod paths;
mod routers;
mod shard;
mod travel;
mod windows;

use std::collections::{BTreeSet, VecDeque};
use std::net::IpAddr;

use ironloom_core::{Duration, Instant, MachineId, Map, Rng, Seed, local_id};

pub use build::{MachineSpec, Place};
pub use cloud::CloudLink;
pub use config::{Config, FabricError};
pub use driven::Driven;
pub use lend::Lent;
pub use machine::Guard;
pub use metrics::{FabricMetrics, PortMetrics};
pub use partition::{Barrier, PartitionId};
pub use routers::RouterLink;
pub use shard::Tally;

use crate::link::LinkProfile;
use crate::{Frame, Readiness, SocketId};
use layout::{Layout, MACHINE};
use loops::Trunks;
use shard::{Shard, Told};

local_id! {
    /// A station of a fabric: whatever has ports. The number of one that was removed is used again.
    pub struct StationId(u32) = "station";
}

local_id! {
    /// A link of a fabric. The number of one that was removed is used again.
    pub struct LinkId(u32) = "link";
}

/// One of the two ways of a link.
///
/// On the link of a machine the way forth leads to the machine, and the way back away from it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Way {
    /// From its first end to its second.
    Forth = 0,
    /// From its second end to its first.
    Back = 1,
}

/// Where on its way a frame is seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Point {
    /// Where it is sent, also if it does not arrive: as a card sees what leaves it.
    Sent,
    /// Where it arrives, if it does: as a card sees what is for it.
    Arrived,
}

impl Way {
    /// The other one.
    #[must_use]
    pub const fn opposite(self) -> Self {
        match self {
            Self::Forth => Self::Back,
            Self::Back => Self::Forth,
        }
    }
}

impl Point {
    const fn bit(self) -> u8 {
        1 << self as u8
    }
}

/// What enters a fabric from outside, and what a journal of a run records.
#[derive(Debug, Clone)]
pub enum Input {
    /// A frame comes in through a door.
    Frame {
        /// Which door.
        port: StationId,
        /// The frame.
        frame: Frame,
    },
    /// A link goes down, or up again, on one way.
    Down {
        /// Which link.
        link: LinkId,
        /// Which way.
        way: Way,
        /// Whether it is down from now on.
        is_down: bool,
    },
    /// A link is different from now on.
    Profile {
        /// Which link.
        link: LinkId,
        /// Which way.
        way: Way,
        /// What it is like.
        profile: LinkProfile,
    },
    /// Nothing passes between two sets of stations any more.
    Part {
        /// One set.
        first: Vec<StationId>,
        /// The other.
        second: Vec<StationId>,
        /// Which way.
        barrier: Barrier,
    },
    /// A partition ends.
    Heal {
        /// Which one.
        partition: PartitionId,
    },
    /// A machine is taken away.
    Remove {
        /// Which one.
        machine: MachineId,
    },
}

/// What comes out of a fabric.
#[derive(Debug, Clone, PartialEq)]
pub enum Output {
    /// Something can be done with a socket of a machine that could not be done before.
    Ready {
        /// Since when.
        at: Instant,
        /// Whose socket.
        machine: MachineId,
        /// Which socket.
        socket: SocketId,
        /// What can be done.
        readiness: Readiness,
    },
    /// A timer of a machine is due that no service waits for.
    Timer {
        /// When.
        at: Instant,
        /// Whose timer.
        machine: MachineId,
        /// What it was set with.
        token: u64,
    },
    /// A frame leaves through a door, or arrives at the card of a machine that [runs outside](Fabric::move_out).
    Frame {
        /// When.
        at: Instant,
        /// Which door, or the station of which machine.
        port: StationId,
        /// The frame.
        frame: Frame,
    },
    /// A frame passed a point of a link that is tapped.
    Captured {
        /// When.
        at: Instant,
        /// On which link.
        link: LinkId,
        /// On which way.
        way: Way,
        /// At which end of it.
        point: Point,
        /// A copy of it.
        frame: Frame,
    },
}

/// All stations and links of a network.
#[derive(Debug)]
pub struct Fabric {
    config: Config,
    rng: Rng,
    now: Instant,
    layout: Layout,
    shards: Vec<Shard>,
    machines: Map<MachineId, StationId>,
    groups: u32,
    outputs: VecDeque<Output>,
    /// The links that lead from one shard to another.
    between: BTreeSet<LinkId>,
    trunks: Trunks,
    /// The shortest latency of these, unless it has to be found anew.
    lookahead: Option<Option<Duration>>,
}

impl Fabric {
    /// A fabric in which there is nothing yet.
    ///
    /// # Panics
    ///
    /// If it is to have no shard.
    #[must_use]
    pub fn new(config: Config, seed: Seed) -> Self {
        assert!(config.shards > 0, "a fabric has at least one shard");
        let rng = Rng::new(seed).split("fabric", 0);
        Self {
            now: Instant::ZERO,
            layout: Layout::new(&rng),
            shards: (0..config.shards).map(|number| Shard::new(number, &config)).collect(),
            machines: Map::default(),
            groups: 0,
            outputs: VecDeque::new(),
            between: BTreeSet::new(),
            trunks: Trunks::default(),
            lookahead: None,
            rng,
            config,
        }
    }

    /// Up to when everything has happened.
    #[must_use]
    pub const fn now(&self) -> Instant {
        self.now
    }

    /// Takes an input at an instant, after all that is due by then.
    ///
    /// # Errors
    ///
    /// If the input is about something that is not there.
    pub fn handle(&mut self, now: Instant, input: Input) -> Result<(), FabricError> {
        self.run_until(now);
        match input {
            Input::Frame { port, frame } => self.inject(now, port, [frame]),
            Input::Down { link, way, is_down } => self.set_down(link, way, is_down),
            Input::Profile { link, way, profile } => self.set_profile(link, way, profile),
            Input::Part { first, second, barrier } => self.part(&first, &second, barrier).map(|_| ()),
            Input::Heal { partition } => {
                self.heal(partition);
                Ok(())
            }
            Input::Remove { machine } => self.remove_machine(machine),
        }
    }

    /// What came out, in the order of time; drain it after every call that lets time go by.
    pub fn poll(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    /// A bound on the future: nothing happens before it unless there is an input.
    #[must_use]
    pub fn next_event(&self) -> Option<Instant> {
        self.shards.iter().filter_map(|shard| shard.traffic.agenda.next()).min()
    }

    /// Lets everything happen that is due at `until` or before.
    pub fn run_until(&mut self, until: Instant) {
        self.run_until_on(until, 1);
    }

    /// All that happened so far, as one number; `None` if no digest is kept.
    #[must_use]
    pub fn digest(&self) -> Option<u128> {
        let mut sum = digest::Digest::default();
        for shard in &self.shards {
            sum.merge(shard.traffic.digest?);
        }
        Some(sum.bits())
    }

    /// What the shards did so far, in numbers.
    #[must_use]
    pub fn tally(&self) -> Tally {
        self.shards.iter().map(|shard| shard.traffic.tally).fold(Tally::default(), Tally::plus)
    }

    /// The station of a machine.
    #[must_use]
    pub fn station_of(&self, machine: MachineId) -> Option<StationId> {
        self.machines.get(&machine).copied()
    }

    /// What a station is called.
    #[must_use]
    pub fn name(&self, station: StationId) -> Option<&str> {
        Some(self.layout.names.name(self.layout.station(station)?.name))
    }

    /// All machines with their names and addresses, in the order of their stations.
    pub fn machines(&self) -> impl Iterator<Item = (MachineId, &str, Option<IpAddr>)> {
        self.layout.stations.iter().flatten().filter(|station| station.seat & MACHINE != 0).map(|station| {
            let machine =
                &self.shards[usize::from(station.shard)].machines[shard::machine_index(station.seat)];
            (machine.id, self.layout.names.name(station.name), machine.address())
        })
    }

    /// What a link joins.
    #[must_use]
    pub fn ends(&self, link: LinkId) -> Option<[StationId; 2]> {
        Some(self.layout.link(link)?.ends.map(|end| end.station))
    }

    /// The way of a link that leads away from a station, if the link ends there.
    #[must_use]
    pub fn way_from(&self, link: LinkId, station: StationId) -> Option<Way> {
        let [first, second] = self.ends(link)?;
        if first == station {
            return Some(Way::Forth);
        }
        (second == station).then_some(Way::Back)
    }

    /// Takes frames that enter together by a door, after all that is due by then.
    ///
    /// This is an [`Input::Frame`] for each, and takes less time.
    ///
    /// # Errors
    ///
    /// If there is no such door.
    pub fn inject(
        &mut self,
        now: Instant,
        door: StationId,
        frames: impl IntoIterator<Item = Frame>,
    ) -> Result<(), FabricError> {
        self.run_until(now);
        let station = *self.layout.station(door).ok_or(FabricError::NoStation { station: door })?;
        let shard = &mut self.shards[usize::from(station.shard)];
        let is_door = station.seat & MACHINE == 0
            && matches!(shard.equipment[station.seat as usize].kind, equipment::Kind::Door);
        if !is_door {
            return Err(FabricError::Kind { station: door, wanted: "a door" });
        }
        shard.inject(&self.layout, station.seat, frames.into_iter());
        Ok(())
    }

    /// Brings what the shards told into an order that does not depend on them.
    fn collect(&mut self) {
        let mut told: Vec<Told> = Vec::new();
        for shard in &mut self.shards {
            // What was captured of frames that went ahead waits for its instant.
            told.extend(shard.traffic.outputs.extract_if(.., |told| told.at <= self.now));
        }
        // Stable: what one station told in one instant stays in its order.
        told.sort_by_key(|told| (told.at, told.station));
        self.outputs.extend(told.into_iter().map(|told| told.output));
    }
}

#[cfg(test)]
mod tests;
