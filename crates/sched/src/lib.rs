//! Run isolated processes, many on few threads.
//!
//! Empty so far but for its host side: rings of bytes, and sockets behind a reactor.
//! `docs/architecture.md` says what will live here.

#[cfg(unix)]
pub mod reactor;
mod ring;

pub use ring::{ByteRing, Moved};
