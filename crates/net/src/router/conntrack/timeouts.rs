//! [`Timeouts`]: how long a conversation may be silent.

use ironloom_core::Duration;

use crate::router::tuple::Kind;

use super::Stage;

/// How long a conversation may be silent before it is forgotten, by what it is and how far it has come.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Timeouts {
    /// A SYN was sent.
    pub tcp_syn_sent: Duration,
    /// A SYN was answered.
    pub tcp_syn_received: Duration,
    /// The handshake is done.
    pub tcp_established: Duration,
    /// One side has finished.
    pub tcp_half_closed: Duration,
    /// Both sides have finished.
    pub tcp_last_ack: Duration,
    /// Both sides have finished and heard so.
    pub tcp_time_wait: Duration,
    /// It was reset.
    pub tcp_closed: Duration,
    /// A datagram was sent.
    pub udp_unreplied: Duration,
    /// Datagrams went both ways.
    pub udp_replied: Duration,
    /// Echoes.
    pub icmp: Duration,
    /// Other protocols.
    pub other: Duration,
}

impl Default for Timeouts {
    /// What Linux does, but for established connections, which are given what RFC 5382 asks for.
    fn default() -> Self {
        let seconds = Duration::from_secs;
        Self {
            tcp_syn_sent: seconds(120),
            tcp_syn_received: seconds(60),
            tcp_established: seconds(7_440),
            tcp_half_closed: seconds(120),
            tcp_last_ack: seconds(30),
            tcp_time_wait: seconds(120),
            tcp_closed: seconds(10),
            udp_unreplied: seconds(30),
            udp_replied: seconds(120),
            icmp: seconds(30),
            other: seconds(600),
        }
    }
}

impl Timeouts {
    #[inline]
    pub(super) fn of(&self, kind: Kind, stage: Stage) -> Duration {
        match stage {
            Stage::Established => self.tcp_established,
            Stage::Unreplied | Stage::Replied if kind.protocol() == super::Protocol::ICMP => self.icmp,
            Stage::Unreplied | Stage::Replied if kind != Kind::UDP => self.other,
            Stage::Unreplied => self.udp_unreplied,
            Stage::Replied => self.udp_replied,
            Stage::SynSent | Stage::SynCrossed => self.tcp_syn_sent,
            Stage::SynReceived => self.tcp_syn_received,
            Stage::FinWait | Stage::CloseWait => self.tcp_half_closed,
            Stage::LastAck => self.tcp_last_ack,
            Stage::TimeWait => self.tcp_time_wait,
            Stage::Closed => self.tcp_closed,
        }
    }
}
