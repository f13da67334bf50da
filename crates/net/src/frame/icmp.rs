//! ICMP messages on the wire.
//!
//! Version 4 is read and written; what can be said in version 6 is written for packets of version 6.

use bytes::{Buf as _, Bytes};

use super::ends::Ends;
use super::{Echo, Icmp, Layer, Malformed, Quote, Unreachable, checksum};

pub(super) const PROTOCOL: u8 = 1;
pub(super) const PROTOCOL_V6: u8 = 58;

/// The bytes before what a message carries, and those of them that mean the same in every message.
pub(super) const HEADER_BYTES: usize = 8;
const FIXED_BYTES: usize = 4;
pub(super) const CHECKSUM: usize = 2;

pub(super) const ECHO_REPLY: u8 = 0;
pub(super) const ECHO_REQUEST: u8 = 8;
const UNREACHABLE: u8 = 3;
const TIME_EXCEEDED: u8 = 11;
/// The code of "unreachable" that says that a packet was too large.
const TOO_BIG: u8 = 4;

impl Unreachable {
    /// The code on the wire.
    #[must_use]
    pub const fn code(self) -> u8 {
        match self {
            Self::Network => 0,
            Self::Host => 1,
            Self::Protocol => 2,
            Self::Port => 3,
            Self::Prohibited => 13,
            Self::Other(code) => code,
        }
    }

    /// The reason with a code.
    #[must_use]
    pub const fn from_code(code: u8) -> Self {
        match code {
            0 => Self::Network,
            1 => Self::Host,
            2 => Self::Protocol,
            3 => Self::Port,
            13 => Self::Prohibited,
            code => Self::Other(code),
        }
    }

    /// The code in version 6, which has none for a protocol.
    const fn code_v6(self) -> u8 {
        match self {
            Self::Network | Self::Protocol => 0,
            Self::Prohibited => 1,
            Self::Host => 3,
            Self::Port => 4,
            Self::Other(code) => code,
        }
    }
}

impl Icmp {
    /// The packet that the message is about, if it tells of an error.
    #[must_use]
    pub fn about(&self) -> Option<&Quote> {
        match self {
            Self::Unreachable { about, .. }
            | Self::TooBig { about, .. }
            | Self::TimeExceeded { about, .. } => Some(about),
            Self::EchoRequest(_) | Self::EchoReply(_) | Self::Other { .. } => None,
        }
    }

    /// The packet that the message is about, to be translated.
    pub fn about_mut(&mut self) -> Option<&mut Quote> {
        match self {
            Self::Unreachable { about, .. }
            | Self::TooBig { about, .. }
            | Self::TimeExceeded { about, .. } => Some(about),
            Self::EchoRequest(_) | Self::EchoReply(_) | Self::Other { .. } => None,
        }
    }

    pub(super) fn wire_len(&self) -> usize {
        match self {
            Self::EchoRequest(echo) | Self::EchoReply(echo) => HEADER_BYTES + echo.payload.len(),
            Self::Other { bytes, .. } => FIXED_BYTES + bytes.len(),
            _ => HEADER_BYTES + self.about().map_or(0, Quote::wire_len),
        }
    }

    /// The type and the code.
    fn kind(&self) -> (u8, u8) {
        match *self {
            Self::EchoReply(_) => (ECHO_REPLY, 0),
            Self::EchoRequest(_) => (ECHO_REQUEST, 0),
            Self::Unreachable { reason, .. } => (UNREACHABLE, reason.code()),
            Self::TooBig { .. } => (UNREACHABLE, TOO_BIG),
            Self::TimeExceeded { in_transit, .. } => (TIME_EXCEEDED, u8::from(!in_transit)),
            Self::Other { kind, code, .. } => (kind, code),
        }
    }

    fn kind_v6(&self) -> (u8, u8) {
        match *self {
            Self::EchoReply(_) => (129, 0),
            Self::EchoRequest(_) => (128, 0),
            Self::Unreachable { reason, .. } => (1, reason.code_v6()),
            Self::TooBig { .. } => (2, 0),
            Self::TimeExceeded { in_transit, .. } => (3, u8::from(!in_transit)),
            Self::Other { kind, code, .. } => (kind, code),
        }
    }

    pub(super) fn emit(&self, ends: Ends, out: &mut Vec<u8>) {
        let start = out.len();
        let ((kind, code), pseudo) = match ends {
            Ends::V4(..) => (self.kind(), 0),
            Ends::V6(..) => (self.kind_v6(), ends.sum(PROTOCOL_V6, self.wire_len())),
        };
        out.extend_from_slice(&[kind, code, 0, 0]);
        match self {
            Self::EchoRequest(echo) | Self::EchoReply(echo) => {
                out.extend_from_slice(&echo.identifier.to_be_bytes());
                out.extend_from_slice(&echo.sequence.to_be_bytes());
                echo.payload.pieces().iter().for_each(|piece| out.extend_from_slice(piece));
            }
            Self::Unreachable { about, .. } | Self::TimeExceeded { about, .. } => {
                out.extend_from_slice(&[0; 4]);
                about.emit(out);
            }
            Self::TooBig { mtu, about } => {
                let [high, low] = mtu.to_be_bytes();
                out.extend_from_slice(&[0, 0, high, low]);
                about.emit(out);
            }
            Self::Other { bytes, .. } => out.extend_from_slice(bytes),
        }
        let message = &mut out[start..];
        let sum = checksum::add(pseudo, checksum::sum(message));
        message[CHECKSUM..CHECKSUM + 2].copy_from_slice(&(!sum).to_be_bytes());
    }

    pub(super) fn parse(mut bytes: Bytes) -> Result<Self, Malformed> {
        let layer = Layer::Icmp;
        Malformed::check_len(layer, bytes.len(), HEADER_BYTES)?;
        let [kind, code, high, low, first, second, third, fourth] =
            *bytes.first_chunk::<HEADER_BYTES>().expect("there are eight");
        if checksum::sum(&bytes) != checksum::RIGHT {
            return Err(Malformed::Checksum { layer, found: u16::from_be_bytes([high, low]) });
        }
        if !matches!((kind, code), (ECHO_REPLY | ECHO_REQUEST, 0) | (UNREACHABLE, _) | (TIME_EXCEEDED, 0 | 1))
        {
            bytes.advance(FIXED_BYTES);
            return Ok(Self::Other { kind, code, bytes });
        }
        let (before, after) = (u16::from_be_bytes([first, second]), u16::from_be_bytes([third, fourth]));
        if kind == ECHO_REPLY || kind == ECHO_REQUEST {
            bytes.advance(HEADER_BYTES);
            let echo = Echo { identifier: before, sequence: after, payload: bytes.into() };
            return Ok(if kind == ECHO_REPLY { Self::EchoReply(echo) } else { Self::EchoRequest(echo) });
        }
        let Some(about) = Quote::parse(bytes.slice(HEADER_BYTES..))? else {
            // About a fragment that was not the first: nobody here can tell whose it was.
            bytes.advance(FIXED_BYTES);
            return Ok(Self::Other { kind, code, bytes });
        };
        let about = Box::new(about);
        Ok(match (kind, code) {
            (UNREACHABLE, TOO_BIG) => Self::TooBig { mtu: after, about },
            (UNREACHABLE, _) => Self::Unreachable { reason: Unreachable::from_code(code), about },
            _ => Self::TimeExceeded { in_transit: code == 0, about },
        })
    }
}
