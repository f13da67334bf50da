//! How machines keep step with a clock.

use ironloom_core::Instant;
use ironloom_net::Fabric;
use ironloom_net::fabric::{Driven, Output};

use super::Machines;

/// Machines keep step with a clock, and are reached from the host, in the hands of a `Driver` of `ironloom_net::door`.
impl Driven for Machines {
    fn fabric(&mut self) -> &mut Fabric {
        self.fabric_mut()
    }

    /// Windows are run whole: however often the clock is looked at, nobody runs more often than once in a window for that.
    fn catch_up(&mut self, now: Instant) {
        let length = self.config.window.as_nanos();
        let end = Instant::from_nanos(now.as_nanos() / length * length);
        self.run_until(end.max(self.now));
    }

    fn poll_network(&mut self) -> Option<Output> {
        self.hear_network();
        self.outputs.pop_front()
    }

    fn next_event(&self) -> Option<Instant> {
        self.next_window()
    }
}
