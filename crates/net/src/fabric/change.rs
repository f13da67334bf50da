//! How a fabric is disturbed while it runs, and watched.

use std::net::IpAddr;

use super::layout::MACHINE;
use super::partition::Member;
use super::shard::machine_index;
use super::{Barrier, Fabric, FabricError, LinkId, PartitionId, Point, StationId, Way};
use crate::link::{Lane, LaneCounters, LinkProfile};

impl Fabric {
    /// Lets a link go down, or up again, on one way. What is under way arrives nevertheless.
    ///
    /// # Errors
    ///
    /// If it is not there.
    pub fn set_down(&mut self, link: LinkId, way: Way, is_down: bool) -> Result<(), FabricError> {
        let record = self.layout.link_mut(link).ok_or(FabricError::NoLink { link })?;
        record.is_down[way as usize] = is_down;
        if let Some(lane) = self.lane_mut(link, way) {
            lane.is_down = is_down;
        }
        self.change_trunk(link);
        self.tell_routers(link);
        Ok(())
    }

    /// Changes what one way of a link is like. What is under way arrives as it would have.
    ///
    /// # Errors
    ///
    /// If the link is not there, or cannot be like that.
    pub fn set_profile(&mut self, link: LinkId, way: Way, profile: LinkProfile) -> Result<(), FabricError> {
        let [first, second] = self.layout.link(link).ok_or(FabricError::NoLink { link })?.ends;
        self.check_profile(first.station, second.station, &profile)?;
        let line = self.layout.lines.hold(profile);
        let record = self.layout.link_mut(link).ok_or(FabricError::NoLink { link })?;
        let before = std::mem::replace(&mut record.lines[way as usize], line);
        self.layout.lines.release(before);
        if self.between.contains(&link) {
            self.lookahead = None;
        }
        if let Some(lane) = self.lane_mut(link, way) {
            lane.line = line;
        }
        Ok(())
    }

    /// What one way of a link is like.
    ///
    /// # Errors
    ///
    /// If the link is not there.
    pub fn profile(&self, link: LinkId, way: Way) -> Result<LinkProfile, FabricError> {
        let record = self.layout.link(link).ok_or(FabricError::NoLink { link })?;
        Ok(self.layout.lines.line(record.lines[way as usize]).profile)
    }

    /// Lets nothing pass from one set of stations to another: neither over a link between them, nor if a machine of one
    /// sends to the address of a machine of the other, whatever way it would take.
    ///
    /// What a router sends on for others is stopped only where it has a link to the other side.
    ///
    /// # Errors
    ///
    /// If one of the stations is not there.
    pub fn part(
        &mut self,
        first: &[StationId],
        second: &[StationId],
        barrier: Barrier,
    ) -> Result<PartitionId, FabricError> {
        let first = self.members(first)?;
        let second = self.members(second)?;
        Ok(self.layout.partitions.add(barrier, first, second))
    }

    /// Ends a partition; `false` if there is none of that name.
    pub fn heal(&mut self, partition: PartitionId) -> bool {
        self.layout.partitions.remove(partition)
    }

    fn members(&self, stations: &[StationId]) -> Result<Vec<Member>, FabricError> {
        stations.iter().map(|station| Ok((*station, self.address_of(*station)?))).collect()
    }

    fn address_of(&self, station: StationId) -> Result<Option<IpAddr>, FabricError> {
        let place = self.station(station)?;
        if place.seat & MACHINE == 0 {
            return Ok(None);
        }
        Ok(self.shards[usize::from(place.shard)].machines[machine_index(place.seat)].address())
    }

    /// Begins to give copies of what one way of a link carries, as [`Output::Captured`](super::Output::Captured).
    ///
    /// # Errors
    ///
    /// If the link is not there.
    pub fn tap(&mut self, link: LinkId, way: Way, point: Point) -> Result<(), FabricError> {
        self.change_taps(link, way, |taps| *taps |= point.bit())
    }

    /// Gives no more copies.
    ///
    /// # Errors
    ///
    /// If the link is not there.
    pub fn untap(&mut self, link: LinkId, way: Way, point: Point) -> Result<(), FabricError> {
        self.change_taps(link, way, |taps| *taps &= !point.bit())
    }

    fn change_taps(
        &mut self,
        link: LinkId,
        way: Way,
        change: impl FnOnce(&mut u8),
    ) -> Result<(), FabricError> {
        let record = self.layout.link_mut(link).ok_or(FabricError::NoLink { link })?;
        change(&mut record.taps[way as usize]);
        let taps = record.taps[way as usize];
        if let Some(lane) = self.lane_mut(link, way) {
            lane.taps = taps;
        }
        Ok(())
    }

    /// What one way of a link carried and dropped.
    ///
    /// # Errors
    ///
    /// If it is not there.
    pub fn counters(&self, link: LinkId, way: Way) -> Result<LaneCounters, FabricError> {
        let record = self.layout.link(link).ok_or(FabricError::NoLink { link })?;
        let Some((shard, lane)) = self.lane(record.ends[way as usize]) else {
            return Ok(LaneCounters::default());
        };
        Ok(self.shards[shard].traffic.lanes[lane as usize].counters())
    }

    fn lane_mut(&mut self, link: LinkId, way: Way) -> Option<&mut Lane> {
        let end = self.layout.link(link)?.ends[way as usize];
        let (shard, lane) = self.lane(end)?;
        Some(&mut self.shards[shard].traffic.lanes[lane as usize])
    }
}
