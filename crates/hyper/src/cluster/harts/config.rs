//! [`HartsConfig`]: how many, how long, how often.

use ironloom_core::Duration;

/// The limits within which harts move and letters follow them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HartsConfig {
    /// How many harts can live on this host at a time.
    pub slots: usize,
    /// How many letters to one hart may wait here for being delivered.
    pub letters_max: usize,
    /// How many letters to one hart may be on their way at a time, which is how many one message holds at most.
    pub window: usize,
    /// How many messages with letters may wait here for a hart that is between two hosts. More are dropped, and sent
    /// again by whom they are from.
    pub held_max: usize,
    /// How many bytes the state of a hart may have.
    pub state_bytes_max: usize,
    /// After how long what was not answered is said again; each time after twice as long as before.
    pub retry: Duration,
    /// After how long at most it is said again.
    pub retry_max: Duration,
    /// How long another host may think about taking a hart, which runs on meanwhile.
    pub prepare_max: Duration,
    /// How long a hart may stand still before another host says that it has its state. Then it runs on here.
    pub freeze_max: Duration,
}

impl Default for HartsConfig {
    fn default() -> Self {
        Self {
            slots: super::HARTS_MAX,
            letters_max: 1_024,
            window: 32,
            held_max: 64,
            state_bytes_max: 64 << 10,
            retry: Duration::from_millis(10),
            retry_max: Duration::from_millis(640),
            prepare_max: Duration::from_secs(1),
            freeze_max: Duration::from_millis(50),
        }
    }
}
