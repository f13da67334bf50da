//! [`Config`]: what a machine's network may use.

use ironloom_core::Duration;

use crate::{neighbours, tcp};

/// What a machine's network may use. Machines share one; what differs between them is in their
/// [`Interface`](super::Interface)s and sockets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    /// What connections may use. The largest segment is that of a card with packets of 1,500 bytes; for cards with
    /// others it is theirs less 40 bytes of headers.
    pub tcp: tcp::Config,
    /// How neighbours are found and remembered.
    pub neighbours: neighbours::Config,
    /// How many sockets there are at once, with half-open connections and those that wait for late packets.
    pub sockets_max: u32,
    /// How many connections are half open, over all listeners.
    pub half_open_max: u32,
    /// The most that a listener may ask for: half-open connections, and made ones that were not accepted yet.
    pub backlog_connections_max: u32,
    /// How many ended connections are remembered until no late packets come; the oldest make room.
    pub time_wait_max: u32,
    /// How many bytes all sockets may keep.
    pub buffered_bytes_max: usize,
    /// How many bytes wait in one UDP, echo or raw socket.
    pub queue_bytes_max: usize,
    /// How many datagrams wait in one UDP, echo or raw socket.
    pub queue_datagrams_max: usize,
    /// How long a packet from the machine to itself takes. Not nothing, so that two services of one machine that answer
    /// each other do not stop the clock.
    pub loopback_delay: Duration,
    /// How many packets are on their way from the machine to itself.
    pub loopback_packets_max: usize,
    /// The first of the ports that are given to who asks for no particular one.
    pub ephemeral_first: u16,
    /// The last of the ports that are given to who asks for no particular one.
    pub ephemeral_last: u16,
    /// How many ports are tried for one socket before it is told that there is none.
    pub ephemeral_tries_max: u16,
    /// How many routers a packet may pass.
    pub hops: u8,
    /// How many ICMP errors are sent in a second.
    pub icmp_errors_per_second_max: u32,
    /// How many segments without a connection are answered in a second.
    pub resets_per_second_max: u32,
    /// How many timers a machine's services may have set at once.
    pub timers_max: usize,
    /// How many routes a machine may have besides its own networks.
    pub routes_max: usize,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            tcp: tcp::Config::default(),
            neighbours: neighbours::Config::default(),
            sockets_max: 262_144,
            half_open_max: 4_096,
            backlog_connections_max: 4_096,
            time_wait_max: 8_192,
            buffered_bytes_max: 64 << 20,
            queue_bytes_max: 256 << 10,
            queue_datagrams_max: 1_024,
            loopback_delay: Duration::from_micros(5),
            loopback_packets_max: 4_096,
            ephemeral_first: 32_768,
            ephemeral_last: 60_999,
            ephemeral_tries_max: 1_024,
            hops: 64,
            icmp_errors_per_second_max: 1_000,
            resets_per_second_max: 10_000,
            timers_max: 65_536,
            routes_max: 256,
        }
    }
}
