//! Names: zones, an authority that answers from them, and a resolver that asks others.
//!
//! Everything here takes the time and bytes and gives bytes back; what runs on a machine and listens on its port 53 is
//! a thin [`Service`](crate::Service) around it. The formats on the wire are those of `hickory-proto`.
//!
//! | to … | use |
//! |---|---|
//! | hold names | [`Zone`], read by [`Zone::parse`] from the text of a master file |
//! | answer from zones | [`Authority`] |
//! | register machines while they run | [`Registry`] |
//! | find out what others know | [`Resolver`] |
//! | run either on a machine | [`AuthorityService`], [`ResolverService`] |
//! | look a name up in a program | [`Client`] |

mod authority;
mod folded;
mod framing;
#[cfg(test)]
pub(crate) mod lan;
mod resolver;
mod service;
mod wire;
mod zone;

pub use authority::{
    Authority, AuthorityConfig, AuthorityCounters, AuthorityError, RegisterError, Registry, reverse_origin,
};
pub use framing::{Framing, MessageTooLong};
pub use resolver::{
    AskId, Asker, CacheConfig, Resolver, ResolverConfig, ResolverCounters, ResolverOutput, Upstream, View,
};
pub use service::{
    AuthorityService, Client, ClientConfig, DeskConfig, DeskCounters, LookupError, LookupId, PORT,
    ResolverService,
};
pub use wire::{MessageLimits, Transport};
pub use zone::{Zone, ZoneError, ZoneLimits, ZoneText, ZoneTextError, ZoneTextProblem};

pub use hickory_proto::rr::{Name, RData, Record, RecordType, rdata};

/// Messages as they are on the wire, from `hickory-proto`.
pub mod wire_format {
    pub use hickory_proto::op::{Message, MessageType, OpCode, Query, ResponseCode};
    pub use hickory_proto::rr::{DNSClass, Name, RData, Record, RecordType, rdata};
}
