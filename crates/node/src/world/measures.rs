//! [`Measures`]: what a monitor sees of a world.

use ironloom_core::Duration;
use ironloom_core::metrics::{Counter, Gauge, Histogram, MetricError, Scope, Unit};
use ironloom_net::Fabric;
use ironloom_net::fabric::FabricMetrics;

use crate::{Event, Shortage, World};

/// What a monitor sees of a world, among the metrics of a scope.
#[derive(Debug)]
pub(crate) struct Measures {
    machines: Gauge,
    orders: Counter,
    windows: Counter,
    windows_late: Counter,
    windows_skipped: Counter,
    window: Histogram,
    processes: Counter,
    failures: Counter,
    commits: Counter,
    commits_failed: Counter,
    fabric: FabricMetrics,
}

impl Measures {
    fn new(scope: &Scope) -> Result<Self, MetricError> {
        Ok(Self {
            machines: scope.gauge("machines", "Machines that there are.")?,
            orders: scope.counter("orders", "Orders that were carried out, or refused.")?,
            windows: scope.counter("windows", "Windows in which something happened.")?,
            windows_late: scope.counter("windows_late", "Windows that were over later than they should.")?,
            windows_skipped: scope.counter("windows_skipped", "Windows whose time was left out.")?,
            window: scope.histogram("window", "How long windows of a node took.", Unit::Nanoseconds)?,
            processes: scope.counter("processes_ended", "Processes of machines that ended.")?,
            failures: scope.counter("failures", "Machines that crashed, or were killed by a fault.")?,
            commits: scope.counter("commits", "Commits that are there for good.")?,
            commits_failed: scope.counter("commits_failed", "Commits that could not be stored.")?,
            fabric: FabricMetrics::new(scope)?,
        })
    }

    pub(super) fn ordered(&self) {
        self.orders.add(1);
    }

    pub(super) fn ran(&mut self, machines: usize, fabric: &Fabric) {
        self.windows.add(1);
        self.machines.set(machines as i64);
        self.fabric.update(fabric);
    }

    pub(crate) fn took(&self, window: Duration) {
        self.window.record_duration(window);
    }

    pub(super) fn happened(&self, event: &Event) {
        match event {
            Event::Process { .. } => self.processes.add(1),
            Event::Failure { .. } => self.failures.add(1),
            Event::Committed { .. } => self.commits.add(1),
            Event::Resource { shortage: Shortage::Late(_), .. } => self.windows_late.add(1),
            Event::Resource { shortage: Shortage::Skipped { windows }, .. } => {
                self.windows_skipped.add(*windows);
            }
            Event::Resource { shortage: Shortage::Storage { .. }, .. } => self.commits_failed.add(1),
            _ => {}
        }
    }
}

impl World {
    /// From now on a monitor sees what the world does, among the metrics of a scope.
    ///
    /// ```
    /// use ironloom_node::core::metrics::Registry;
    /// use ironloom_node::http::{Site, metrics};
    /// use ironloom_node::prelude::*;
    ///
    /// let registry = Registry::new(1_000);
    /// let world = World::builder(7).machine("loom", |loom| loom).build()?;
    /// world.measure(&registry.scope("town"))?;
    /// world.exec("loom", "true").wait()?;
    /// assert!(registry.openmetrics().contains("town_processes_ended_total 1"));
    ///
    /// let site = Site::new().get("/metrics", metrics(registry)); // For Prometheus, on a port of the host.
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// If the scope has other metrics of these names, or too many.
    pub fn measure(&self, scope: &Scope) -> Result<(), MetricError> {
        let measures = Measures::new(scope)?;
        let mut core = self.core.lock();
        measures.machines.set(core.entries.len() as i64);
        core.measures = Some(measures);
        Ok(())
    }
}
