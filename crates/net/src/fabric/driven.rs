//! [`Driven`]: what a driver of the real world lets keep step with a clock.

use ironloom_core::Instant;

use super::{Fabric, Output};

/// What a driver of the real world lets keep step with a clock: a fabric, or what has one and lets programs run on its machines.
pub trait Driven {
    /// The network that doors lead into.
    fn fabric(&mut self) -> &mut Fabric;

    /// Lets everything happen that is due by now. Where time goes by in steps, the one that is not over may wait.
    fn catch_up(&mut self, now: Instant);

    /// What came out of the network.
    fn poll_network(&mut self) -> Option<Output>;

    /// A bound on the future: nothing happens before it unless something comes in.
    fn next_event(&self) -> Option<Instant>;
}

impl Driven for Fabric {
    fn fabric(&mut self) -> &mut Fabric {
        self
    }

    fn catch_up(&mut self, now: Instant) {
        self.run_until(now);
    }

    fn poll_network(&mut self) -> Option<Output> {
        self.poll()
    }

    fn next_event(&self) -> Option<Instant> {
        Fabric::next_event(self)
    }
}
