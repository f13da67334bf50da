//! [`Reassembly`]: fragments become packets again.
//!
//! Whoever sends fragments decides how many, how small and in which order, and may send only some. So everything is
//! bounded: how many packets wait, for how long, of how many pieces, and how many bytes all of them have. A packet of
//! which two fragments claim the same bytes is given up with all that may still come of it (as RFC 5722 demands for
//! version 6); only an exact repetition, which links can make, is ignored.

use std::collections::BTreeMap;
use std::net::IpAddr;

use bytes::Bytes;
use ironloom_core::{Duration, Instant};
use thiserror::Error;

use super::{Fragment, Malformed, Packet, Transport, offload::Sums};

/// What a packet, and a piece of one, take besides their bytes; they are charged for it.
const PACKET_OVERHEAD: usize = 256;
const PIECE_OVERHEAD: usize = 48;

/// The part of the class of service that says whether a packet met congestion, and what it says then (RFC 3168).
const CONGESTION_BITS: u8 = 3;
const NOT_CAPABLE: u8 = 0;
const CONGESTED: u8 = 3;

/// How much is kept of packets that are not whole yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReassemblyConfig {
    /// For how long the fragments of a packet are kept.
    pub timeout: Duration,
    /// Of how many packets fragments are kept; for one more, the oldest is given up.
    pub packets_max: usize,
    /// Of how many fragments a packet may be.
    pub packet_pieces_max: usize,
    /// How many bytes all fragments have; for more, the oldest packets are given up.
    pub bytes_max: usize,
}

impl Default for ReassemblyConfig {
    fn default() -> Self {
        let timeout = Duration::from_secs(30);
        Self { timeout, packets_max: 64, packet_pieces_max: 256, bytes_max: 256 * 1024 }
    }
}

/// Why a fragment was not kept.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum NotReassembled {
    /// Two fragments of its packet claim the same bytes, or disagree about where it ends.
    #[error("fragments of a packet overlap: all of it is given up")]
    Overlap,
    /// Its packet is of too many fragments.
    #[error("packet is of more than {limit} fragments, which is packet_pieces_max")]
    Pieces {
        /// The limit.
        limit: usize,
    },
    /// Some fragments of its packet met congestion, and others cannot say whether they did.
    #[error("fragments of a packet disagree about congestion")]
    Congestion,
    /// It cannot be a part of a packet, or the packet is whole and not what its protocol says.
    #[error(transparent)]
    Malformed(#[from] Malformed),
}

/// A packet of which fragments were missing for too long.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Expired {
    /// Where it came from.
    pub source: IpAddr,
    /// Where it went.
    pub target: IpAddr,
    /// Its first fragment, if that had arrived: then its sender is told.
    pub first: Option<Packet>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Key {
    source: IpAddr,
    target: IpAddr,
    protocol: u8,
    identification: u16,
}

/// A packet that is not whole yet.
#[derive(Debug)]
struct Partial {
    /// How many packets were begun before it.
    number: u64,
    deadline: Instant,
    /// In order, without gaps between them being closed.
    pieces: Vec<(usize, Bytes)>,
    /// How many bytes the pieces have.
    received: usize,
    /// Where the packet ends, once its last fragment has arrived.
    end: Option<usize>,
    /// The first fragment.
    first: Option<Packet>,
    /// What fragments said about congestion: a bit for each of the four values.
    congestion: u8,
    /// Why nothing comes of it any more.
    spoiled: Option<NotReassembled>,
}

/// Fragments of packets that are not whole yet.
///
/// ```
/// use bytes::Bytes;
/// use ironloom_core::Instant;
/// use ironloom_net::frame::{Reassembly, ReassemblyConfig, Transport};
/// use ironloom_net::Packet;
///
/// let large = Packet {
///     source: [10, 0, 0, 1].into(),
///     target: [10, 0, 0, 2].into(),
///     hops: 64,
///     service: 0,
///     identification: 7,
///     may_fragment: true,
///     transport: Transport::Other { protocol: 200, bytes: Bytes::from_static(&[1; 4_000]) },
/// };
/// let mut reassembly = Reassembly::new(ReassemblyConfig::default());
/// let mut whole = large.cut(1_500).filter_map(|piece| reassembly.take(Instant::ZERO, piece).unwrap());
/// assert_eq!(whole.next(), Some(large.clone()));
/// ```
#[derive(Debug)]
pub struct Reassembly {
    config: ReassemblyConfig,
    partials: BTreeMap<Key, Partial>,
    /// The same, oldest first.
    ages: BTreeMap<u64, Key>,
    begun: u64,
    bytes: usize,
    given_up: u64,
}

impl Reassembly {
    /// One that keeps nothing yet.
    #[must_use]
    pub fn new(config: ReassemblyConfig) -> Self {
        let (partials, ages) = (BTreeMap::new(), BTreeMap::new());
        Self { config, partials, ages, begun: 0, bytes: 0, given_up: 0 }
    }

    /// Takes a packet: it comes back at once if it is whole already; a fragment comes back as the whole packet once
    /// nothing is missing.
    ///
    /// # Errors
    ///
    /// If the fragment, or what the fragments together make, is of no use.
    pub fn take(&mut self, now: Instant, mut packet: Packet) -> Result<Option<Packet>, NotReassembled> {
        let Transport::Fragment(fragment) = &mut packet.transport else { return Ok(Some(packet)) };
        if !fragment.is_possible() {
            let (offset, bytes) = (usize::from(fragment.offset), fragment.bytes.len());
            return Err(Malformed::Fragment { offset, bytes }.into());
        }
        // A copy: else a small piece would keep alive all that it was cut from.
        fragment.bytes = Bytes::copy_from_slice(&fragment.bytes);
        let (protocol, source, target) = (fragment.protocol, packet.source, packet.target);
        let key = Key { source, target, protocol, identification: packet.identification };
        let charge = fragment.bytes.len() + PIECE_OVERHEAD;
        self.make_room(&key, charge);
        let partial = self.partials.entry(key).or_insert_with(|| {
            self.begun += 1;
            self.ages.insert(self.begun, key);
            self.bytes += PACKET_OVERHEAD;
            Partial::new(self.begun, now.saturating_add(self.config.timeout))
        });
        let before = partial.charge();
        let outcome = partial.add(packet, self.config.packet_pieces_max);
        self.bytes = self.bytes - before + partial.charge();
        outcome?;
        if !partial.is_whole() {
            return Ok(None);
        }
        Ok(self.remove(&key).and_then(Partial::join).transpose()?)
    }

    /// The next packet whose fragments have waited for too long at `now`; to be called until there is none.
    pub fn expire(&mut self, now: Instant) -> Option<Expired> {
        let key = *self.ages.first_key_value()?.1;
        let Key { source, target, .. } = key;
        if self.partials.get(&key)?.deadline > now {
            return None;
        }
        let first = self.remove(&key).and_then(|partial| partial.first);
        Some(Expired { source, target, first })
    }

    /// When [`expire`](Self::expire) has something to do.
    #[must_use]
    pub fn next_event(&self) -> Option<Instant> {
        let (_, key) = self.ages.first_key_value()?;
        self.partials.get(key).map(|partial| partial.deadline)
    }

    /// How many packets are not whole yet.
    #[must_use]
    pub fn len(&self) -> usize {
        self.partials.len()
    }

    /// Whether nothing is kept.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.partials.is_empty()
    }

    /// How many packets were given up to make room for others.
    #[must_use]
    pub const fn given_up(&self) -> u64 {
        self.given_up
    }

    /// Gives up the oldest packets until there is room for a piece, unless it is of the oldest itself.
    fn make_room(&mut self, key: &Key, charge: usize) {
        loop {
            let is_new = !self.partials.contains_key(key);
            let needed = charge + if is_new { PACKET_OVERHEAD } else { 0 };
            let is_full = is_new && self.partials.len() >= self.config.packets_max;
            if !is_full && self.bytes + needed <= self.config.bytes_max {
                return;
            }
            let Some((_, oldest)) = self.ages.first_key_value() else { return };
            let oldest = *oldest;
            self.remove(&oldest);
            self.given_up += 1;
        }
    }

    fn remove(&mut self, key: &Key) -> Option<Partial> {
        let partial = self.partials.remove(key)?;
        self.ages.remove(&partial.number);
        self.bytes -= PACKET_OVERHEAD + partial.charge();
        Some(partial)
    }
}

impl Partial {
    const fn new(number: u64, deadline: Instant) -> Self {
        Self {
            number,
            deadline,
            pieces: Vec::new(),
            received: 0,
            end: None,
            first: None,
            congestion: 0,
            spoiled: None,
        }
    }

    fn charge(&self) -> usize {
        self.received + self.pieces.len() * PIECE_OVERHEAD
    }

    fn is_whole(&self) -> bool {
        self.end == Some(self.received)
    }

    fn add(&mut self, packet: Packet, pieces_max: usize) -> Result<(), NotReassembled> {
        let added = match &self.spoiled {
            Some(reason) => Err(reason.clone()),
            None => self.try_add(packet, pieces_max),
        };
        added.inspect_err(|reason| {
            let (number, deadline) = (self.number, self.deadline);
            *self = Self { spoiled: Some(reason.clone()), ..Self::new(number, deadline) };
        })
    }

    fn try_add(&mut self, packet: Packet, pieces_max: usize) -> Result<(), NotReassembled> {
        let Transport::Fragment(Fragment { offset, more, ref bytes, .. }) = packet.transport else {
            return Ok(());
        };
        let from = usize::from(offset);
        let to = from + bytes.len();
        let at = self.pieces.partition_point(|(begin, _)| *begin < from);
        if self.is_repeated(at, from, bytes, more) {
            return Ok(());
        }
        let overlaps_before = at > 0 && piece_end(&self.pieces[at - 1]) > from;
        let overlaps_after = self.pieces.get(at).is_some_and(|(begin, _)| *begin < to);
        let ends_elsewhere = match self.end {
            Some(end) => !more || to >= end,
            None => !more && self.pieces.last().is_some_and(|last| piece_end(last) >= to),
        };
        if overlaps_before || overlaps_after || ends_elsewhere {
            return Err(NotReassembled::Overlap);
        }
        if self.pieces.len() >= pieces_max {
            return Err(NotReassembled::Pieces { limit: pieces_max });
        }
        self.congestion |= 1 << (packet.service & CONGESTION_BITS);
        if self.congestion & (1 << CONGESTED) != 0 && self.congestion & (1 << NOT_CAPABLE) != 0 {
            return Err(NotReassembled::Congestion);
        }
        if !more {
            self.end = Some(to);
        }
        self.received += bytes.len();
        self.pieces.insert(at, (from, bytes.clone()));
        if from == 0 {
            self.first = Some(packet);
        }
        Ok(())
    }

    /// Whether a fragment has arrived before, exactly as it is.
    fn is_repeated(&self, at: usize, from: usize, bytes: &Bytes, more: bool) -> bool {
        let is_last = self.end == Some(from + bytes.len());
        self.pieces.get(at).is_some_and(|(begin, piece)| *begin == from && piece == bytes && is_last != more)
    }

    /// The packet, which has a first fragment if it is whole.
    fn join(self) -> Option<Result<Packet, Malformed>> {
        let mut whole = Vec::with_capacity(self.received);
        self.pieces.iter().for_each(|(_, bytes)| whole.extend_from_slice(bytes));
        let mut packet = self.first?;
        if self.congestion & (1 << CONGESTED) != 0 {
            packet.service |= CONGESTED;
        }
        let transport = Transport::parse(packet.ends(), packet.protocol(), whole.into(), Sums::Checked);
        Some(transport.map(|transport| Packet { transport, ..packet }))
    }
}

fn piece_end((begin, bytes): &(usize, Bytes)) -> usize {
    begin + bytes.len()
}
