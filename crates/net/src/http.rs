//! HTTP/1.1 without sockets: [`Server`] and [`Client`] are given the bytes that arrived and give back what they mean
//! and the bytes to be sent.
//!
//! Both are state machines: [`feed`](Server::feed) what arrived, in whatever pieces; [`poll`](Server::poll) until it
//! has nothing more to say; send what [`output`](Server::output) holds, and tell how much of it was taken
//! ([`sent`](Server::sent)). However the input was cut, the same is said. Bodies are slices of what arrived.
//!
//! Where one message ends and the next begins must not be a matter of opinion, for between two opinions a request can
//! be smuggled. So whatever could be read in two ways is refused ([`Refusal`]) and ends the connection: a length and
//! chunks at once, lengths that differ, lines that end in half a line end, folded lines, spaces before colons,
//! codings that are not known. The rules are those of RFC 9112, in its strict reading.
//!
//! Every queue has a limit in [`Config`].

mod body;
mod client;
mod config;
mod date;
mod error;
mod fields;
mod files;
mod framing;
mod gather;
mod head;
mod input;
mod media;
mod output;
mod queue;
mod ranges;
mod refusal;
mod request;
mod response;
mod server;
mod status;
mod write;

#[cfg(test)]
mod tests;

pub use client::{Client, ClientEvent};
pub use config::Config;
pub use date::Date;
pub use error::{FeedError, WriteError};
pub use fields::{Fields, FieldsIter};
pub use files::{File, FileServer, Files};
pub use media::media_type;
pub use ranges::{ByteRange, Selection, multipart, select};
pub use refusal::Refusal;
pub use request::{Method, Request, Version};
pub use response::Response;
pub use server::{Server, ServerEvent};
pub use status::Status;
