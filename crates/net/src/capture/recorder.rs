//! [`Recorder`]: a capture of ports and links of a fabric, under the names of their stations.

use std::collections::BTreeMap;
use std::io::Write;

use ironloom_core::MachineId;
use thiserror::Error;

use super::file::{Capture, CaptureCounts, CaptureError, Interface, InterfaceId};
use crate::Fabric;
use crate::fabric::{FabricError, LinkId, Output, Point, StationId, Way};

/// Writes down what passes ports and links of a fabric.
///
/// It taps them, gives each an interface that bears the names of its stations, and takes what the fabric
/// [tells](Fabric::poll).
///
/// ```
/// use ironloom_core::{Instant, MachineId, Rng, Seed};
/// use ironloom_net::capture::{Capture, CaptureConfig, Recorder};
/// use ironloom_net::fabric::{Config, MachineSpec, Place};
/// use ironloom_net::{Fabric, switch};
///
/// let mut fabric = Fabric::new(Config::default(), Seed::new(1));
/// let lan = fabric.add_switch("lan", Place::Apart, switch::Config::default())?;
/// let mut rng = Rng::new(Seed::new(2));
/// let [web, desk] = ["web", "desk"].map(|name| {
///     let address = if name == "web" { "10.0.0.1/24" } else { "10.0.0.2/24" };
///     let address = Some(address.parse().unwrap());
///     let id = MachineId::random(&mut rng);
///     fabric.add_machine(&MachineSpec { address, ..MachineSpec::new(id, name, lan) }).map(|_| id)
/// });
///
/// let capture = Capture::new(Vec::new(), CaptureConfig::default())?;
/// let mut recorder = Recorder::new(capture, &fabric)?;
/// recorder.watch_machine(&mut fabric, web?)?;
/// fabric.host(desk?, |host| host.connect("10.0.0.1:80".parse().unwrap()))?.unwrap();
/// fabric.run_until(Instant::from_nanos(1_000_000));
/// while let Some(output) = fabric.poll() {
///     recorder.take(&output)?;
/// }
/// assert_eq!(recorder.counts().frames, 4, "who has 10.0.0.1, the answer, SYN, RST");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Recorder<W: Write> {
    capture: Capture<W>,
    places: BTreeMap<(LinkId, Way, Point), InterfaceId>,
}

/// A place cannot be watched.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum RecordError {
    /// There is no such place.
    #[error(transparent)]
    Fabric(#[from] FabricError),
    /// The capture refuses.
    #[error(transparent)]
    Capture(#[from] CaptureError),
}

impl<W: Write> Recorder<W> {
    /// A recorder that watches nothing yet. It writes down what the machines are called that the fabric has now.
    ///
    /// # Errors
    ///
    /// If the capture cannot be written.
    pub fn new(mut capture: Capture<W>, fabric: &Fabric) -> Result<Self, CaptureError> {
        for (_, name, address) in fabric.machines() {
            if let Some(address) = address {
                capture.name(address, name)?;
            }
        }
        Ok(Self { capture, places: BTreeMap::new() })
    }

    /// Watches what a machine's card sends and receives, as `name.eth0`.
    ///
    /// # Errors
    ///
    /// If there is no such machine, or the capture refuses.
    pub fn watch_machine(
        &mut self,
        fabric: &mut Fabric,
        machine: MachineId,
    ) -> Result<InterfaceId, RecordError> {
        let station = fabric.station_of(machine).ok_or(FabricError::NoMachine { machine })?;
        let link = fabric.link_of(machine)?;
        self.watch_port(fabric, link, station)
    }

    /// Watches what leaves and enters a station through the port at which a link ends, as `name.eth` and its number.
    ///
    /// # Errors
    ///
    /// If there is no such link or it does not end there, or the capture refuses.
    pub fn watch_port(
        &mut self,
        fabric: &mut Fabric,
        link: LinkId,
        station: StationId,
    ) -> Result<InterfaceId, RecordError> {
        let out = fabric.way_from(link, station).ok_or(FabricError::NoLink { link })?;
        let port = fabric.port_of(link, station).ok_or(FabricError::NoLink { link })?;
        let name = format!("{}.eth{}", fabric.name(station).unwrap_or_default(), port.number());
        self.watch(fabric, link, &name, [(out, Point::Sent), (out.opposite(), Point::Arrived)])
    }

    /// Watches what is put on a link, both ways and also if it is lost there, as `first-second`.
    ///
    /// # Errors
    ///
    /// If there is no such link, or the capture refuses.
    pub fn watch_link(&mut self, fabric: &mut Fabric, link: LinkId) -> Result<InterfaceId, RecordError> {
        let ends = fabric.ends(link).ok_or(FabricError::NoLink { link })?;
        let [first, second] = ends.map(|station| fabric.name(station).unwrap_or_default());
        let name = format!("{first}-{second}");
        self.watch(fabric, link, &name, [(Way::Forth, Point::Sent), (Way::Back, Point::Sent)])
    }

    fn watch(
        &mut self,
        fabric: &mut Fabric,
        link: LinkId,
        name: &str,
        places: [(Way, Point); 2],
    ) -> Result<InterfaceId, RecordError> {
        let mtu = fabric.profile(link, places[0].0)?.mtu;
        let description = format!("{link}");
        let interface = self.capture.add(&Interface { name, description: &description, mac: None, mtu })?;
        for (way, point) in places {
            fabric.tap(link, way, point)?;
            self.places.insert((link, way, point), interface);
        }
        Ok(interface)
    }

    /// Writes down what a fabric told, if it was seen at a place that is watched; whether it was.
    ///
    /// # Errors
    ///
    /// If the capture is full or cannot be written.
    pub fn take(&mut self, output: &Output) -> Result<bool, CaptureError> {
        let Output::Captured { at, link, way, point, frame } = output else { return Ok(false) };
        let Some(interface) = self.places.get(&(*link, *way, *point)) else { return Ok(false) };
        self.capture.write(*at, *interface, frame)?;
        Ok(true)
    }

    /// What was written.
    #[must_use]
    pub const fn counts(&self) -> CaptureCounts {
        self.capture.counts()
    }

    /// Gives the capture back, to be [finished](Capture::finish).
    #[must_use]
    pub fn into_capture(self) -> Capture<W> {
        self.capture
    }
}
