//! [`connected`]: what can be said of whatever stands in a network, a machine or a computer.

/// Methods of a table with `at`, `address`, `plan`, `is_off` and `name`.
macro_rules! connected {
    () => {
        /// The same, connected to a switch or a router.
        #[must_use]
        pub fn at(mut self, station: impl Into<String>) -> Self {
            self.at = Some(station.into());
            self
        }

        /// The same with this address: `[10, 1, 0, 10]`.
        #[must_use]
        pub fn address(mut self, address: impl Into<IpAddr>) -> Self {
            self.address = Some(address.into());
            self
        }

        /// The same with a link as a plan says.
        #[must_use]
        pub fn plan(mut self, plan: impl Into<String>) -> Self {
            self.plan = Some(PlanChoice::Named(plan.into()));
            self
        }

        /// The same, off until somebody starts it.
        #[must_use]
        pub const fn off(mut self) -> Self {
            self.is_off = true;
            self
        }

        /// The same, which others call by this name: `www.example`.
        #[must_use]
        pub fn name(mut self, name: impl Into<String>) -> Self {
            self.name = Some(name.into());
            self
        }
    };
}

pub(super) use connected;
