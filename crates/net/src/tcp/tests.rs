//! Tests of whole connections; those of the parts are in `tests/parts.rs`.

mod channel;
mod garbage;
mod goodput;
mod parts;
mod peer;
mod property;
mod script;

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use ironloom_core::Rng;

use super::Ends;
use crate::frame::{Flags, Segment};

/// The ends of all connections here, as the first side sees them.
fn ends() -> Ends {
    let address = |last, port| SocketAddr::new(IpAddr::V4(Ipv4Addr::new(10, 0, 0, last)), port);
    Ends { local: address(1, 50_000), remote: address(2, 80) }
}

/// The same as the second side sees them.
fn turned(ends: Ends) -> Ends {
    Ends { local: ends.remote, remote: ends.local }
}

/// A number of up to so many bits, more often a small one than by chance.
fn any_below(rng: &mut Rng, bits: u64) -> u64 {
    let bits = rng.below(bits);
    rng.below(1 << bits)
}

/// What a wire makes of a segment: packets of at most `cut` bytes.
fn cut(segment: Segment) -> Vec<Segment> {
    let (len, piece) = (segment.payload.len(), usize::from(segment.cut));
    if piece == 0 || len <= piece {
        return vec![segment];
    }
    let last_only = Flags::FIN | Flags::PSH;
    let part = |from: usize| {
        let to = len.min(from + piece);
        let flags = if to == len { segment.flags } else { Flags(segment.flags.0 & !last_only.0) };
        Segment {
            sequence: segment.sequence.wrapping_add(from as u32),
            flags,
            options: segment.options.clone(),
            payload: segment.payload.slice(from, to),
            ..segment
        }
    };
    (0..len).step_by(piece).map(part).collect()
}
