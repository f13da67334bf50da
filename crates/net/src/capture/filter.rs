//! [`Filter`]: which frames somebody wants to see.
//!
//! A filter is a list of steps in postfix order, run over a stack of bits in one register: no frame makes it recurse or
//! allocate.

mod parse;

use std::net::IpAddr;

use ipnet::IpNet;

use crate::Mac;
use crate::frame::{Body, Frame, Packet, Transport};

pub use parse::FilterError;

/// Which frames somebody wants to see; by default all.
///
/// It is written in a small part of the language of `tcpdump`:
///
/// | write | for frames |
/// |---|---|
/// | `arp`, `ip`, `ip6`, `icmp`, `tcp`, `udp` | of that protocol |
/// | `host 10.0.0.1` | from or to that address |
/// | `net 10.0.0.0/8` | from or to that network |
/// | `port 80`, `portrange 6000-6010` | from or to such a port |
/// | `ether host 02:00:00:00:00:01` | from or to that card |
///
/// `src` or `dst` before `host`, `net`, `port` and `portrange` asks for that side only. `tcp port 80` is `tcp and port
/// 80`. `not` binds more strongly than `and`, and `and` more than `or`; there are parentheses. Fragments have no ports.
///
/// ```
/// use ironloom_net::capture::Filter;
///
/// let filter: Filter = "tcp and port 80 and host 10.0.0.1 or not (udp or icmp)".parse().unwrap();
/// let refused = "port 80 and host web".parse::<Filter>().unwrap_err();
/// assert_eq!(refused.to_string(), "`web` at 17 is not an address");
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Filter {
    /// None if every frame is wanted.
    steps: Vec<Step>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Step {
    Test(Test),
    Not,
    And,
    Or,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Test {
    Arp,
    Ip,
    Ip6,
    Protocol(u8),
    Host(Side, IpAddr),
    Net(Side, IpNet),
    Ports(Side, u16, u16),
    Card(Side, Mac),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Side {
    Source,
    Target,
    Either,
}

impl Side {
    fn any<T>(self, source: T, target: T, test: impl Fn(T) -> bool) -> bool {
        match self {
            Self::Source => test(source),
            Self::Target => test(target),
            Self::Either => test(source) || test(target),
        }
    }
}

impl Filter {
    /// Whether somebody wants to see a frame.
    #[must_use]
    pub fn matches(&self, frame: &Frame) -> bool {
        // The last bit is the top of the stack. The parser sees to it that no more than 64 are used.
        let mut stack = 1_u64;
        for step in &self.steps {
            let top = stack & 1;
            stack = match step {
                Step::Test(test) => stack << 1 | u64::from(test.matches(frame)),
                Step::Not => stack ^ 1,
                Step::And => stack >> 1 & (top | !1),
                Step::Or => stack >> 1 | top,
            };
        }
        stack & 1 == 1
    }
}

impl Test {
    fn matches(&self, frame: &Frame) -> bool {
        match *self {
            Self::Arp => matches!(frame.body, Body::Arp(_)),
            Self::Card(side, mac) => side.any(frame.source, frame.target, |one| one == mac),
            Self::Host(side, address) => with_addresses(frame, side, |one| one == address),
            Self::Net(side, net) => with_addresses(frame, side, |one| net.contains(&one)),
            Self::Ip => matches!(&frame.body, Body::Ip(packet) if packet.source.is_ipv4()),
            Self::Ip6 => match &frame.body {
                Body::Ip(packet) => packet.source.is_ipv6(),
                body => matches!(body, Body::Other { ethertype: 0x86DD, .. }),
            },
            Self::Protocol(protocol) => {
                matches!(&frame.body, Body::Ip(packet) if packet.transport.protocol() == protocol)
            }
            Self::Ports(side, first, last) => match &frame.body {
                Body::Ip(packet) => ports(packet).is_some_and(|(source, target)| {
                    side.any(source, target, |port| (first..=last).contains(&port))
                }),
                _ => false,
            },
        }
    }
}

fn with_addresses(frame: &Frame, side: Side, test: impl Fn(IpAddr) -> bool) -> bool {
    match &frame.body {
        Body::Ip(packet) => side.any(packet.source, packet.target, test),
        Body::Arp(arp) => side.any(arp.source.into(), arp.target.into(), test),
        _ => false,
    }
}

fn ports(packet: &Packet) -> Option<(u16, u16)> {
    match &packet.transport {
        Transport::Tcp(segment) => Some((segment.source, segment.target)),
        Transport::Udp(datagram) => Some((datagram.source, datagram.target)),
        _ => None,
    }
}
