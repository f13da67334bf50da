//! [`Flights`]: where frames are while they are under way.

use bytes::Bytes;

use crate::Frame;
use crate::frame::Body;
use crate::link::Target;

/// A frame that is under way.
#[derive(Debug)]
pub(super) struct Flight {
    pub(super) frame: Frame,
    pub(super) target: Target,
    /// Whether somebody wants to see it when it arrives.
    pub(super) is_watched: bool,
}

impl Flight {
    /// The frame, for whoever keeps it. The flight is over then.
    pub(super) fn take_frame(&mut self) -> Frame {
        let body = std::mem::replace(&mut self.frame.body, Body::Broken(Bytes::new()));
        Frame { body, ..self.frame }
    }
}

/// A slab: a frame keeps its place while it is under way, and the last place that became free is used next.
#[derive(Debug, Default)]
pub(super) struct Flights {
    places: Vec<Option<Flight>>,
    free: Vec<u32>,
}

impl Flights {
    #[inline]
    pub(super) fn insert(&mut self, flight: Flight) -> u32 {
        if let Some(place) = self.free.pop() {
            self.places[place as usize] = Some(flight);
            return place;
        }
        self.places.push(Some(flight));
        (self.places.len() - 1) as u32
    }

    #[inline]
    pub(super) fn take(&mut self, place: u32) -> Option<Flight> {
        let flight = self.places[place as usize].take();
        self.free.push(place);
        flight
    }

    /// The place of a frame.
    #[inline]
    pub(super) fn flight(&self, place: u32) -> &Option<Flight> {
        &self.places[place as usize]
    }

    /// A frame that is under way, where it is.
    #[inline]
    pub(super) fn flight_mut(&mut self, place: u32) -> Option<&mut Flight> {
        self.places[place as usize].as_mut()
    }

    /// How many frames are under way.
    pub(super) fn len(&self) -> usize {
        self.places.len() - self.free.len()
    }
}
