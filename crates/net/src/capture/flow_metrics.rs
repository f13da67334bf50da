//! [`FlowMetrics`]: what a log of flows counts, among the metrics of a scope.

use ironloom_core::metrics::{Counter, Gauge, MetricError, Scope};

use super::{Flow, FlowEnd};

/// What a log of flows counts, among the metrics of a scope.
#[derive(Debug)]
pub(super) struct FlowMetrics {
    pub(super) open: Gauge,
    pub(super) lost: Counter,
    ended: [Counter; FlowEnd::ALL.len()],
    packets: Counter,
    bytes: Counter,
}

impl FlowMetrics {
    pub(super) fn new(scope: &Scope) -> Result<Self, MetricError> {
        let ended = |end: FlowEnd| {
            scope.with("end", end.name()).counter("flows_ended", "Flows that ended, by how they did.")
        };
        let [finished, reset, idle, evicted, open] = FlowEnd::ALL.map(ended);
        Ok(Self {
            open: scope.gauge("flows", "Flows that go on.")?,
            lost: scope.counter("flows_lost", "Flows that ended, and nobody asked for them in time.")?,
            ended: [finished?, reset?, idle?, evicted?, open?],
            packets: scope.counter("flow_packets", "Packets of flows that ended.")?,
            bytes: scope.counter("flow_bytes", "Bytes of flows that ended, from their IP headers on.")?,
        })
    }

    pub(super) fn note(&self, flow: &Flow) {
        self.ended[flow.end as usize].add(1);
        self.packets.add(flow.sent.packets + flow.received.packets);
        self.bytes.add(flow.sent.bytes + flow.received.bytes);
    }
}
