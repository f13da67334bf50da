//! [`Config`]: what connections may use, and how patient they are.

use ironloom_core::Duration;

/// What connections may use, and how patient they are.
///
/// It is handed in with every call, so that all connections of a machine share one.
///
/// ```
/// use ironloom_net::tcp::{Config, Congestion};
///
/// let config = Config { receive_bytes_max: 1 << 20, congestion: Congestion::NewReno, ..Config::default() };
/// assert_eq!(config.segment_bytes_max, 1_460);
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    /// How many bytes wait to be sent or to be acknowledged.
    pub send_bytes_max: u32,
    /// How many bytes wait to be received: the window that the other side is told.
    pub receive_bytes_max: u32,
    /// The largest segment that is taken and sent: what a packet carries, less 40 bytes of headers.
    pub segment_bytes_max: u16,
    /// The largest segment that is handed to the fabric, to be cut where it leaves it. 0 for "never more than one".
    pub offload_bytes_max: u32,
    /// How many ranges of bytes are kept that arrived before what should have come first.
    pub early_ranges_max: u16,
    /// How many ranges a sender tells apart by whether they arrived.
    pub scoreboard_ranges_max: u16,
    /// How congestion is answered.
    pub congestion: Congestion,
    /// How many segments are sent before the first is acknowledged.
    pub initial_segments: u16,
    /// Whether a small segment waits while another one is on its way (Nagle, as Minshall corrected it).
    pub nagle: bool,
    /// How long an acknowledgement may wait for a second segment or for data to travel with; zero for "not at all".
    pub acknowledgement_delay: Duration,
    /// Whether selective acknowledgements are offered.
    pub selective: bool,
    /// Whether timestamps are offered. They cost twelve bytes a segment, and protect streams that are so fast that
    /// sequence numbers wrap around within the life of a packet.
    pub timestamps: bool,
    /// How often the first segment is sent again.
    pub syn_retries_max: u8,
    /// How often a segment is sent again while nothing is heard.
    pub retries_max: u8,
    /// How long data may wait to be acknowledged, if that is limited.
    pub user_timeout: Option<Duration>,
    /// When somebody who says nothing is asked whether he is still there; `None` for only where a program asks for it.
    pub keepalive: Option<Keepalive>,
    /// How long the first segment waits for an answer before it is sent again.
    pub initial_timeout: Duration,
    /// The shortest time after which something is sent again.
    pub retransmit_min: Duration,
    /// The longest time after which something is sent again.
    pub retransmit_max: Duration,
    /// How long a connection that was closed here waits for the other side to finish.
    pub finish_timeout: Duration,
    /// How long late segments of a connection are expected after its end.
    pub time_wait: Duration,
    /// How many segments that do not fit are answered in a second.
    pub challenges_per_second_max: u8,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            send_bytes_max: 256 << 10,
            receive_bytes_max: 256 << 10,
            segment_bytes_max: 1_460,
            offload_bytes_max: 64 << 10,
            early_ranges_max: 64,
            scoreboard_ranges_max: 128,
            congestion: Congestion::Cubic,
            initial_segments: 10,
            nagle: true,
            acknowledgement_delay: Duration::from_millis(40),
            selective: true,
            timestamps: false,
            syn_retries_max: 6,
            retries_max: 15,
            user_timeout: None,
            keepalive: None,
            initial_timeout: Duration::from_secs(1),
            retransmit_min: Duration::from_millis(200),
            retransmit_max: Duration::from_secs(60),
            finish_timeout: Duration::from_secs(60),
            time_wait: Duration::from_secs(60),
            challenges_per_second_max: 10,
        }
    }
}

/// How congestion is answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Congestion {
    /// Half as much after a loss, a segment more each round trip (RFC 5681).
    NewReno,
    /// A cubic curve around what was possible before the last loss (RFC 9438), in integers.
    #[default]
    Cubic,
    /// Not at all: as much as the other side takes is sent, and what is lost is sent again. For links whose losses mean
    /// nothing, and that nobody else uses.
    Unlimited,
}

/// When somebody who says nothing is asked whether he is still there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Keepalive {
    /// How long nothing is heard before the first question.
    pub idle: Duration,
    /// How long an answer is waited for before the next.
    pub interval: Duration,
    /// How many questions are asked before the connection is given up.
    pub questions_max: u8,
}

impl Default for Keepalive {
    fn default() -> Self {
        Self { idle: Duration::from_secs(7_200), interval: Duration::from_secs(75), questions_max: 9 }
    }
}
