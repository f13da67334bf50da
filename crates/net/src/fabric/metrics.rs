//! [`PortMetrics`] and [`FabricMetrics`]: what a fabric counts, among the metrics of a registry.
//!
//! A fabric counts in plain numbers of its own, which cost nothing to share with nobody. Whoever wants them in a
//! registry makes one of these and brings it up to date whenever somebody looks.

use std::collections::BTreeMap;

use ironloom_core::metrics::{Counter, MetricError, Scope};

use super::shard::Tally;
use super::{Fabric, FabricError, LinkId, StationId, Way};
use crate::link::{DropReason, LaneCounters};

/// What went through a port, among the metrics of a scope.
///
/// ```
/// use ironloom_core::metrics::Registry;
/// use ironloom_core::{MachineId, Rng, Seed};
/// use ironloom_net::fabric::{Config, MachineSpec, Place, PortMetrics};
/// use ironloom_net::{Fabric, switch};
///
/// let mut fabric = Fabric::new(Config::default(), Seed::new(1));
/// let lan = fabric.add_switch("lan", Place::Apart, switch::Config::default())?;
/// let id = MachineId::random(&mut Rng::new(Seed::new(1)));
/// let web = fabric.add_machine(&MachineSpec::new(id, "web", lan))?;
///
/// let registry = Registry::new(100);
/// let link = fabric.link_of(id)?;
/// let mut port = PortMetrics::new(&fabric, link, web, &registry.scope("net")).unwrap();
/// port.update(&fabric)?;
/// assert!(registry.openmetrics().contains(r#"net_port_packets_total{port="0",station="web",way="out"} 0"#));
/// # Ok::<(), ironloom_net::fabric::FabricError>(())
/// ```
#[derive(Debug)]
pub struct PortMetrics {
    link: LinkId,
    ways: [WayMetrics; 2],
}

/// What went one way.
#[derive(Debug)]
struct WayMetrics {
    way: Way,
    scope: Scope,
    packets: Counter,
    bytes: Counter,
    /// Made when something is dropped for a reason for the first time.
    dropped: BTreeMap<DropReason, Counter>,
    seen: LaneCounters,
}

impl PortMetrics {
    /// Metrics of the port of a station at which a link ends, under the station's name.
    ///
    /// # Errors
    ///
    /// If the scope has other metrics of these names, or too many. A link that does not end at the station has none.
    pub fn new(
        fabric: &Fabric,
        link: LinkId,
        station: StationId,
        scope: &Scope,
    ) -> Result<Self, MetricError> {
        let name = fabric.name(station).unwrap_or_default();
        let port = fabric.port_of(link, station).map_or(0, crate::Port::number);
        let scope = scope.with("station", name).with("port", port.to_string());
        let out = fabric.way_from(link, station).unwrap_or(Way::Forth);
        let ways = [
            WayMetrics::new(out, scope.with("way", "out"))?,
            WayMetrics::new(out.opposite(), scope.with("way", "in"))?,
        ];
        Ok(Self { link, ways })
    }

    /// Adds what went through the port since the last time.
    ///
    /// # Errors
    ///
    /// If the link is gone.
    pub fn update(&mut self, fabric: &Fabric) -> Result<(), FabricError> {
        for way in &mut self.ways {
            way.update(fabric.counters(self.link, way.way)?);
        }
        Ok(())
    }
}

impl WayMetrics {
    fn new(way: Way, scope: Scope) -> Result<Self, MetricError> {
        let packets =
            scope.counter("port_packets", "Packets that were put on the wire, also if it lost them.")?;
        let bytes = scope.counter("port_bytes", "Bytes of these packets, with all headers.")?;
        Ok(Self { way, scope, packets, bytes, dropped: BTreeMap::new(), seen: LaneCounters::default() })
    }

    fn update(&mut self, now: LaneCounters) {
        let before = std::mem::replace(&mut self.seen, now);
        self.packets.add(now.packets.saturating_sub(before.packets));
        self.bytes.add(now.bytes.saturating_sub(before.bytes));
        for reason in DropReason::ALL {
            let dropped = now.dropped(reason).saturating_sub(before.dropped(reason));
            if dropped > 0 {
                let counter = self.dropped.entry(reason).or_insert_with(|| {
                    let scope = self.scope.with("reason", reason.name());
                    // If the registry is full it is counted for nobody.
                    scope.counter("port_dropped", "Packets that were dropped.").unwrap_or_default()
                });
                counter.add(dropped);
            }
        }
    }
}

/// What a fabric did in all, among the metrics of a scope.
#[derive(Debug)]
pub struct FabricMetrics {
    events: Counter,
    gone: Counter,
    overflowed: Counter,
    unheard: Counter,
    unplugged: Counter,
    seen: Tally,
}

impl FabricMetrics {
    /// Metrics of a fabric.
    ///
    /// # Errors
    ///
    /// If the scope has other metrics of these names, or too many.
    pub fn new(scope: &Scope) -> Result<Self, MetricError> {
        Ok(Self {
            events: scope.counter("events", "Frames that arrived, and wake-ups.")?,
            gone: scope.counter("frames_gone", "Frames whose link was gone when they arrived.")?,
            overflowed: scope.counter("frames_overflowed", "Frames beyond those that may be under way.")?,
            unheard: scope.counter("outputs_unheard", "Outputs that nobody polled in time.")?,
            unplugged: scope.counter("frames_unplugged", "Frames sent through ports without a link.")?,
            seen: Tally::default(),
        })
    }

    /// Adds what happened since the last time.
    pub fn update(&mut self, fabric: &Fabric) {
        let now = fabric.tally();
        let before = std::mem::replace(&mut self.seen, now);
        self.events.add(now.events - before.events);
        self.gone.add(now.gone - before.gone);
        self.overflowed.add(now.overflowed - before.overflowed);
        self.unheard.add(now.unheard - before.unheard);
        self.unplugged.add(now.unplugged - before.unplugged);
    }
}
