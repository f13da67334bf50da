//! [`CoherenceConfig`]: what all hosts of a machine must agree about, and how patient each is.

use ironloom_core::Duration;

/// The most pages that one message can ask for.
pub const AHEAD_MAX: usize = 64;

/// How the pages of a machine are kept coherent.
///
/// `pages` and `grain_pages` must be the same on every host.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct CoherenceConfig {
    /// How many pages the machine's memory has.
    pub pages: u32,
    /// How many neighbouring pages have a home together.
    pub grain_pages: u32,
    /// How long a page that a hart waited for stays at least, if another host wants it too. At most 8 seconds.
    ///
    /// It begins when [`Output::Install`](super::Output::Install) is given out. If harts take long to go on, whoever
    /// drives this should answer a release only after who waited has had its turn.
    pub hold: Duration,
    /// After what time a message that nobody acknowledged is sent again. It doubles up to sixteen times that.
    pub retry: Duration,
    /// Whether a page that each visitor reads and then writes is granted for writing at once.
    pub migratory: bool,
    /// For how many pages a host may have asked at a time; what else it wants waits here.
    pub asks_max: u32,
    /// How many pages a host that leaves gives back at a time.
    pub drain_max: u32,
}

impl CoherenceConfig {
    /// The defaults, for a memory of so many pages.
    #[must_use]
    pub const fn new(pages: u32) -> Self {
        Self {
            pages,
            grain_pages: 64,
            hold: Duration::from_micros(50),
            retry: Duration::from_millis(200),
            migratory: true,
            asks_max: 4_096,
            drain_max: 64,
        }
    }

    pub(super) fn check(&self) {
        assert!(self.pages > 0, "a machine has memory");
        assert!(self.grain_pages > 0, "a home is for at least one page");
        assert!(self.asks_max > 0 && self.drain_max > 0, "a limit of nothing lets nothing happen");
        assert!(self.hold <= Duration::from_secs(8), "a page cannot be held for longer than 8 seconds");
        assert!(!self.retry.is_zero(), "a message needs time to arrive");
    }
}
