//! [`Layout`]: which stations and links there are. It does not change while shards run, so all of them read it.

use std::net::IpAddr;

use ironloom_core::{Map, Rng};

use super::names::{Name, Names};
use super::partition::Partitions;
use super::{LinkId, StationId};
use crate::link::{Chance, Line, LinkProfile};
use crate::{Frame, Port};

/// No lane, no link.
pub(super) const NONE: u32 = u32::MAX;

/// Set in the seats of machines; the others are equipment.
pub(super) const MACHINE: u32 = 1 << 31;

/// Which stations and links there are.
#[derive(Debug)]
pub(super) struct Layout {
    pub(super) stations: Vec<Option<Station>>,
    pub(super) links: Vec<Option<Link>>,
    pub(super) lines: Lines,
    pub(super) names: Names,
    pub(super) chance: Chance,
    pub(super) partitions: Partitions,
    pub(super) free_stations: Vec<u32>,
    pub(super) free_links: Vec<u32>,
}

/// Where a station is.
#[derive(Debug, Clone, Copy)]
pub(super) struct Station {
    /// Its place within its shard; [`MACHINE`] says in which table.
    pub(super) seat: u32,
    pub(super) group: u32,
    pub(super) name: Name,
    pub(super) shard: u16,
}

/// What a link joins, and what its two ways are like.
#[derive(Debug, Clone, Copy)]
pub(super) struct Link {
    pub(super) ends: [End; 2],
    /// The line from the first end to the second, and the one back.
    pub(super) lines: [u32; 2],
    pub(super) is_down: [bool; 2],
    /// Where somebody wants to see what is carried.
    pub(super) taps: [u8; 2],
}

/// A port of a station.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct End {
    pub(super) station: StationId,
    pub(super) port: Port,
    /// How often something else ended there before.
    pub(super) generation: u16,
}

impl Layout {
    pub(super) fn new(rng: &Rng) -> Self {
        Self {
            stations: Vec::new(),
            links: Vec::new(),
            lines: Lines::default(),
            names: Names::default(),
            chance: Chance::new(rng),
            partitions: Partitions::default(),
            free_stations: Vec::new(),
            free_links: Vec::new(),
        }
    }

    pub(super) fn station(&self, id: StationId) -> Option<&Station> {
        self.stations.get(id.number() as usize)?.as_ref()
    }

    pub(super) fn link(&self, id: LinkId) -> Option<&Link> {
        self.links.get(id.number() as usize)?.as_ref()
    }

    pub(super) fn link_mut(&mut self, id: LinkId) -> Option<&mut Link> {
        self.links.get_mut(id.number() as usize)?.as_mut()
    }

    pub(super) fn add_station(&mut self, station: Station) -> StationId {
        let number = place(&mut self.stations, &mut self.free_stations, station);
        StationId::new(number)
    }

    pub(super) fn add_link(&mut self, link: Link) -> LinkId {
        LinkId::new(place(&mut self.links, &mut self.free_links, link))
    }

    pub(super) fn remove_station(&mut self, id: StationId) {
        if let Some(station) = self.stations[id.number() as usize].take() {
            self.names.remove(station.name);
            self.free_stations.push(id.number());
        }
    }

    pub(super) fn remove_link(&mut self, id: LinkId) -> Option<Link> {
        let link = self.links.get_mut(id.number() as usize)?.take()?;
        link.lines.into_iter().for_each(|line| self.lines.release(line));
        self.free_links.push(id.number());
        Some(link)
    }

    /// Whether a partition keeps a frame from passing a link.
    #[inline]
    pub(super) fn is_parted(&self, lane: u32, frame: &Frame) -> bool {
        !self.partitions.is_empty() && self.is_parted_slow(lane, frame)
    }

    #[cold]
    fn is_parted_slow(&self, lane: u32, frame: &Frame) -> bool {
        let Some(link) = self.link(LinkId::new(lane >> 1)) else { return false };
        let way = (lane & 1) as usize;
        let (from, to) = (link.ends[way].station, link.ends[1 - way].station);
        self.partitions.part(from, to, addressee(frame))
    }
}

/// The address that a frame is meant for in the end.
fn addressee(frame: &Frame) -> Option<IpAddr> {
    match &frame.body {
        crate::frame::Body::Ip(packet) => Some(packet.target),
        crate::frame::Body::Arp(arp) => Some(arp.target.into()),
        _ => None,
    }
}

/// Puts a value where one was removed, or at the end.
fn place<T>(values: &mut Vec<Option<T>>, free: &mut Vec<u32>, value: T) -> u32 {
    if let Some(number) = free.pop() {
        values[number as usize] = Some(value);
        return number;
    }
    values.push(Some(value));
    (values.len() - 1) as u32
}

/// What links are like; those that are alike share an entry.
#[derive(Debug, Default)]
pub(super) struct Lines {
    lines: Vec<Line>,
    uses: Vec<u32>,
    places: Map<LinkProfile, u32>,
    free: Vec<u32>,
}

impl Lines {
    #[inline]
    pub(super) fn line(&self, place: u32) -> &Line {
        &self.lines[place as usize]
    }

    /// How many different ones there are.
    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.places.len()
    }

    pub(super) fn hold(&mut self, profile: LinkProfile) -> u32 {
        if let Some(place) = self.places.get(&profile) {
            self.uses[*place as usize] += 1;
            return *place;
        }
        let line = Line::new(profile);
        let place = self.free.pop().unwrap_or(self.lines.len() as u32);
        if place as usize == self.lines.len() {
            self.lines.push(line);
            self.uses.push(1);
        } else {
            (self.lines[place as usize], self.uses[place as usize]) = (line, 1);
        }
        self.places.insert(profile, place);
        place
    }

    pub(super) fn release(&mut self, place: u32) {
        let uses = &mut self.uses[place as usize];
        *uses -= 1;
        if *uses == 0 {
            self.places.remove(&self.lines[place as usize].profile);
            self.free.push(place);
        }
    }
}
