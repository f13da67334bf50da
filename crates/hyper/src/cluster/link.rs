//! What two hosts say to each other over a stream of bytes, and how each knows that it is the other who says it.
//!
//! A [`Handshake`] makes a [`Session`] of a stream. Both sides prove that they know the [`Secret`] of the machine, and
//! both proofs are over everything that was said: the machine, both hosts, which run of each it is, and a number that
//! each side has never used before.
//!
//! ```text
//! the host that dials                                   the host that accepts
//!   hello   machine, from, to, run, nonce, proof   ───▶   refuses or
//!                                                  ◀───   answer  the same of its own, proof
//!   claim   proof                                  ───▶   decides whether the two need this link
//!                                                  ◀───   verdict, proof
//! ```
//!
//! Then each direction has a key of its own, made of the secret and of the whole handshake, and carries frames:
//!
//! ```text
//!  0        4           12                               12 + length
//!  | length | sequence  | payload length, payload …      | tag of 16 bytes over all before |
//! ```
//!
//! If the highest bit of the length is set, the payloads are compressed: the length is that of the compressed block and of
//! the four bytes before it, which say how long it is unpacked. Either side may do that with any frame.
//!
//! The sequence counts the frames of one direction from zero. What was changed, cut, repeated, left out, sent in
//! another order, in another session, or back to who sent it, does not have the tag or the sequence that it needs.
//! Nothing is hidden from who listens: payloads are authentic, not secret.

mod error;
mod handshake;
mod hello;
mod identity;
mod session;

#[cfg(test)]
mod tests;

pub use error::{LinkError, LinkFault, Refusal};
pub use handshake::{Handshake, Progress};
pub use identity::{Identity, Incarnation, NONCE_BYTES, Secret};
pub use session::{Batch, FRAME_BYTES_MAX, Opener, Payloads, Sealer, Session};
