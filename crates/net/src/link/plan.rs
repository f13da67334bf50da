//! [`Plan`]: what a machine's access to the network is like, as people say it.

use ironloom_core::Duration;

use super::LinkProfile;

/// What a machine's access to the network is like: "50 Mbps down, 10 up, 30 ms".
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Plan {
    /// How many bits a second reach the machine; `None` for no limit.
    pub down: Option<u64>,
    /// How many bits a second leave the machine; `None` for no limit.
    pub up: Option<u64>,
    /// How long a frame is under way, each way.
    pub latency: Duration,
}

/// How long a full queue takes to be sent, if that is more than [`QUEUE_BYTES_MIN`].
const QUEUE_MILLIS: u64 = 50;
const QUEUE_BYTES_MIN: u64 = 256 * 1024;

impl Plan {
    /// What the way to the machine is like.
    #[must_use]
    pub fn down_profile(&self) -> LinkProfile {
        self.profile(self.down)
    }

    /// What the way from the machine is like.
    #[must_use]
    pub fn up_profile(&self) -> LinkProfile {
        self.profile(self.up)
    }

    fn profile(&self, rate: Option<u64>) -> LinkProfile {
        let queue = rate.map_or(0, |rate| rate / 8 / 1_000 * QUEUE_MILLIS);
        LinkProfile {
            latency: self.latency,
            rate,
            queue_bytes_max: queue.max(QUEUE_BYTES_MIN),
            ..LinkProfile::default()
        }
    }
}
