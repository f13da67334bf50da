//! [`Message`]: what clients and servers say to each other.

mod options;

use std::net::Ipv4Addr;

use smoltcp::wire::{ArpHardware, DhcpFlags, DhcpMessageType, DhcpOpCode, DhcpPacket, EthernetAddress};
use thiserror::Error;

use crate::Mac;

pub use options::Options;

/// Follows the header of a message that has options (RFC 2131, section 3).
const MAGIC: u32 = 0x6382_5363;

/// How many bytes come before the options.
const HEADER_BYTES: usize = 240;

/// Some relays and clients do not take shorter ones (RFC 1542, section 2.1).
const MESSAGE_BYTES_MIN: usize = 300;

/// What a message is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum MessageKind {
    /// A client looks for servers.
    Discover,
    /// A server offers an address.
    Offer,
    /// A client takes an offer, or wants to keep its address.
    Request,
    /// A client found that somebody else has the address.
    Decline,
    /// A server confirms.
    Ack,
    /// A server denies.
    Nak,
    /// A client needs its address no more.
    Release,
    /// A client has an address and wants to know the rest.
    Inform,
}

/// What clients and servers say to each other.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// What it is.
    pub kind: MessageKind,
    /// By which the client knows the answer.
    pub transaction: u32,
    /// For how many seconds the client has been trying.
    pub seconds: u16,
    /// Whether the client can hear only what is sent to everybody.
    pub is_broadcast: bool,
    /// The address that the client has (`ciaddr`).
    pub client: Ipv4Addr,
    /// The address that the client gets (`yiaddr`).
    pub yours: Ipv4Addr,
    /// The relay that passes the message on (`giaddr`).
    pub relay: Ipv4Addr,
    /// The client's card (`chaddr`).
    pub mac: Mac,
    /// What else is said.
    pub options: Options,
}

/// Something is no message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum MessageError {
    /// It is too short for a header, or too long.
    #[error("a message of {bytes} bytes: it must have between 240 and 1500")]
    Size {
        /// How many bytes it has.
        bytes: usize,
    },
    /// It is for hardware other than Ethernet.
    #[error("a message for hardware that is not Ethernet")]
    Hardware,
    /// It is of the protocol before DHCP, or of another.
    #[error("a message without the number that begins options")]
    Magic,
    /// It does not say what it is, or is said by the wrong side.
    #[error("a message without a type, or one that its sender cannot send")]
    Kind,
}

impl Message {
    /// How many bytes a message may have here: what an Ethernet frame carries.
    pub const BYTES_MAX: usize = 1_500;

    /// A message of a client without options.
    #[must_use]
    pub fn new(kind: MessageKind, transaction: u32, mac: Mac) -> Self {
        Self {
            kind,
            transaction,
            seconds: 0,
            is_broadcast: false,
            client: Ipv4Addr::UNSPECIFIED,
            yours: Ipv4Addr::UNSPECIFIED,
            relay: Ipv4Addr::UNSPECIFIED,
            mac,
            options: Options::default(),
        }
    }

    /// Reads a message.
    ///
    /// # Errors
    ///
    /// If the bytes are not one. Options that are malformed are taken as absent.
    pub fn parse(bytes: &[u8]) -> Result<Self, MessageError> {
        if !(HEADER_BYTES..=Self::BYTES_MAX).contains(&bytes.len()) {
            return Err(MessageError::Size { bytes: bytes.len() });
        }
        let packet = DhcpPacket::new_unchecked(bytes);
        if packet.hardware_type() != ArpHardware::Ethernet || packet.hardware_len() != 6 {
            return Err(MessageError::Hardware);
        }
        if packet.magic_number() != MAGIC {
            return Err(MessageError::Magic);
        }
        let (kind, options) = options::parse(packet.options());
        let kind = kind.and_then(MessageKind::from_wire).ok_or(MessageError::Kind)?;
        if packet.opcode() != kind.operation() {
            return Err(MessageError::Kind);
        }
        Ok(Self {
            kind,
            transaction: packet.transaction_id(),
            seconds: packet.secs(),
            is_broadcast: packet.flags().contains(DhcpFlags::BROADCAST),
            client: packet.client_ip(),
            yours: packet.your_ip(),
            relay: packet.relay_agent_ip(),
            mac: Mac::new(packet.client_hardware_address().0),
            options,
        })
    }

    /// The message in bytes. Of its options, those that do not fit into the largest message are left out, the last
    /// ones first.
    #[must_use]
    pub fn emit(&self) -> Vec<u8> {
        let mut bytes = vec![0; Self::BYTES_MAX];
        let mut packet = DhcpPacket::new_unchecked(&mut bytes[..]);
        packet.set_opcode(self.kind.operation());
        packet.set_hardware_type(ArpHardware::Ethernet);
        packet.set_hardware_len(6);
        packet.set_transaction_id(self.transaction);
        packet.set_secs(self.seconds);
        packet.set_flags(if self.is_broadcast { DhcpFlags::BROADCAST } else { DhcpFlags::empty() });
        packet.set_client_ip(self.client);
        packet.set_your_ip(self.yours);
        packet.set_relay_agent_ip(self.relay);
        packet.set_client_hardware_address(EthernetAddress(self.mac.bytes()));
        packet.set_magic_number(MAGIC);
        let options = options::emit(self.kind.to_wire(), &self.options, Self::BYTES_MAX - HEADER_BYTES);
        bytes[HEADER_BYTES..HEADER_BYTES + options.len()].copy_from_slice(&options);
        bytes.truncate((HEADER_BYTES + options.len()).max(MESSAGE_BYTES_MIN));
        bytes
    }
}

impl MessageKind {
    fn from_wire(number: u8) -> Option<Self> {
        Some(match DhcpMessageType::from(number) {
            DhcpMessageType::Discover => Self::Discover,
            DhcpMessageType::Offer => Self::Offer,
            DhcpMessageType::Request => Self::Request,
            DhcpMessageType::Decline => Self::Decline,
            DhcpMessageType::Ack => Self::Ack,
            DhcpMessageType::Nak => Self::Nak,
            DhcpMessageType::Release => Self::Release,
            DhcpMessageType::Inform => Self::Inform,
            DhcpMessageType::Unknown(_) => return None,
        })
    }

    fn to_wire(self) -> u8 {
        let kind = match self {
            Self::Discover => DhcpMessageType::Discover,
            Self::Offer => DhcpMessageType::Offer,
            Self::Request => DhcpMessageType::Request,
            Self::Decline => DhcpMessageType::Decline,
            Self::Ack => DhcpMessageType::Ack,
            Self::Nak => DhcpMessageType::Nak,
            Self::Release => DhcpMessageType::Release,
            Self::Inform => DhcpMessageType::Inform,
        };
        kind.into()
    }

    /// Who says it.
    fn operation(self) -> DhcpOpCode {
        match self {
            Self::Offer | Self::Ack | Self::Nak => DhcpOpCode::Reply,
            _ => DhcpOpCode::Request,
        }
    }
}

#[cfg(test)]
mod tests;
