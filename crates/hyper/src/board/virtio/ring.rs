//! [`Ring`]: a queue of requests in the guest's memory, and [`Chain`]: one of them.
//!
//! `virtio-queue` reads the rings; that a chain is whole, and in the order that the specification asks for, is looked at
//! here.

use borsh::{BorshDeserialize, BorshSerialize};
use std::sync::atomic::{Ordering, fence};
use virtio_bindings::virtio_ring::VRING_AVAIL_F_NO_INTERRUPT;
use virtio_queue::{Queue, QueueOwnedT as _, QueueState, QueueT as _};
use vm_memory::{Address as _, Bytes as _, GuestAddress, GuestMemory};

use super::{Broken, CHAIN_PIECES_MAX, RING_ENTRIES_MAX};

/// A part of the guest's memory that a request names.
#[derive(Debug, Clone, Copy)]
struct Piece {
    address: GuestAddress,
    bytes: u32,
}

/// A request: memory that the device reads, then memory that it writes.
#[derive(Debug, Default)]
pub(super) struct Chain {
    head: u16,
    readable: Vec<Piece>,
    writable: Vec<Piece>,
}

impl Chain {
    /// What the device reads.
    pub(super) fn readable(&self) -> Span<'_> {
        Span::new(&self.readable)
    }

    /// What the device writes.
    pub(super) fn writable(&self) -> Span<'_> {
        Span::new(&self.writable)
    }
}

/// Memory that a request names, from which is taken from the front.
#[derive(Debug, Clone, Copy)]
pub(super) struct Span<'a> {
    pieces: &'a [Piece],
    /// How much of the first piece was taken.
    taken: u32,
    left: u64,
}

impl<'a> Span<'a> {
    fn new(pieces: &'a [Piece]) -> Self {
        let left = pieces.iter().map(|piece| u64::from(piece.bytes)).sum();
        Self { pieces, taken: 0, left }
    }

    /// How many bytes are left.
    pub(super) const fn len(&self) -> u64 {
        self.left
    }

    /// Leaves only the first so many bytes.
    pub(super) fn truncate(&mut self, bytes: u64) {
        self.left = self.left.min(bytes);
    }

    /// Passes over so many bytes; all, if there are fewer.
    pub(super) fn skip(&mut self, bytes: u64) {
        let mut bytes = bytes.min(self.left);
        while bytes != 0 {
            let (_, part) = self.take(bytes);
            bytes -= u64::from(part);
        }
    }

    /// Fills `target` from the front; there must be enough.
    pub(super) fn read<M: GuestMemory>(&mut self, memory: &M, target: &mut [u8]) -> Result<(), Broken> {
        let mut done = 0;
        while done < target.len() {
            let (address, part) = self.part(target.len() - done)?;
            memory.read_slice(&mut target[done..done + part], address)?;
            done += part;
        }
        Ok(())
    }

    /// Writes `source` to the front; there must be room.
    pub(super) fn write<M: GuestMemory>(&mut self, memory: &M, source: &[u8]) -> Result<(), Broken> {
        let mut done = 0;
        while done < source.len() {
            let (address, part) = self.part(source.len() - done)?;
            memory.write_slice(&source[done..done + part], address)?;
            done += part;
        }
        Ok(())
    }

    fn part(&mut self, wanted: usize) -> Result<(GuestAddress, usize), Broken> {
        if self.left == 0 {
            return Err(Broken);
        }
        let (address, part) = self.take(wanted as u64);
        Ok((address, part as usize))
    }

    /// Takes at most so many bytes, which are in one piece; some are left.
    fn take(&mut self, wanted: u64) -> (GuestAddress, u32) {
        let first = self.pieces[0];
        let part = wanted.min(self.left).min(u64::from(first.bytes - self.taken)) as u32;
        let address = GuestAddress(first.address.raw_value().wrapping_add(self.taken.into()));
        self.taken += part;
        self.left -= u64::from(part);
        if self.taken == first.bytes {
            self.pieces = &self.pieces[1..];
            self.taken = 0;
        }
        (address, part)
    }
}

/// A queue of requests in the guest's memory.
#[derive(Debug)]
pub(super) struct Ring {
    queue: Queue,
    /// Up to which used entry the driver was interrupted, or did not want to be.
    told: u16,
}

/// What a ring is, as it is stored.
#[derive(Debug, Clone, Copy, BorshSerialize, BorshDeserialize)]
pub(super) struct RingState {
    next_avail: u16,
    next_used: u16,
    told: u16,
    event_idx: bool,
    size: u16,
    ready: bool,
    descriptors: u64,
    available: u64,
    used: u64,
}

impl Ring {
    pub(super) fn new() -> Self {
        Self { queue: Queue::new(RING_ENTRIES_MAX).expect("the constant is a power of two"), told: 0 }
    }

    pub(super) fn state(&self) -> RingState {
        let state = self.queue.state();
        RingState {
            next_avail: state.next_avail,
            next_used: state.next_used,
            told: self.told,
            event_idx: state.event_idx_enabled,
            size: state.size,
            ready: state.ready,
            descriptors: state.desc_table,
            available: state.avail_ring,
            used: state.used_ring,
        }
    }

    pub(super) fn restore(state: RingState) -> Result<Self, Broken> {
        let queue = Queue::try_from(QueueState {
            max_size: RING_ENTRIES_MAX,
            next_avail: state.next_avail,
            next_used: state.next_used,
            event_idx_enabled: state.event_idx,
            size: state.size,
            ready: state.ready,
            desc_table: state.descriptors,
            avail_ring: state.available,
            used_ring: state.used,
        })?;
        Ok(Self { queue, told: state.told })
    }

    /// What the driver sets up.
    pub(super) fn queue(&mut self) -> &mut Queue {
        &mut self.queue
    }

    /// Whether the driver has set it up.
    pub(super) fn is_ready(&self) -> bool {
        self.queue.ready()
    }

    /// Whether all of it is in memory.
    pub(super) fn is_valid<M: GuestMemory>(&self, memory: &M) -> bool {
        self.queue.is_valid(memory)
    }

    pub(super) fn reset(&mut self) {
        self.queue.reset();
        self.told = 0;
    }

    /// Takes the next request; whether there was one. If not, the driver notifies when there is.
    pub(super) fn take<M: GuestMemory>(&mut self, memory: &M, chain: &mut Chain) -> Result<bool, Broken> {
        if self.pop(memory, chain)? {
            return Ok(true);
        }
        // Between the look and the wish to be notified there may have come one.
        if !self.queue.enable_notification(memory)? {
            return Ok(false);
        }
        if self.pop(memory, chain)? { Ok(true) } else { Err(Broken) }
    }

    fn pop<M: GuestMemory>(&mut self, memory: &M, chain: &mut Chain) -> Result<bool, Broken> {
        let mut available = self.queue.iter(memory)?;
        let Some(descriptors) = available.next() else { return Ok(false) };
        chain.head = descriptors.head_index();
        chain.readable.clear();
        chain.writable.clear();
        let mut has_next = true;
        for descriptor in descriptors {
            has_next = descriptor.has_next();
            let pieces = if descriptor.is_write_only() {
                &mut chain.writable
            } else if chain.writable.is_empty() {
                &mut chain.readable
            } else {
                return Err(Broken);
            };
            if pieces.len() == CHAIN_PIECES_MAX {
                return Err(Broken);
            }
            if descriptor.len() != 0 {
                pieces.push(Piece { address: descriptor.addr(), bytes: descriptor.len() });
            }
        }
        // A chain that breaks off is one whose next descriptor is nowhere, or that goes in circles.
        if has_next { Err(Broken) } else { Ok(true) }
    }

    /// Which request comes next: where [`turn_back`](Self::turn_back) leads.
    pub(super) fn position(&self) -> u16 {
        self.queue.next_avail()
    }

    /// Puts back the requests that were taken since.
    pub(super) fn turn_back(&mut self, position: u16) {
        self.queue.set_next_avail(position);
    }

    /// Gives a request back, of which so many bytes were written.
    pub(super) fn push<M: GuestMemory>(
        &mut self,
        memory: &M,
        chain: &Chain,
        written: u64,
    ) -> Result<(), Broken> {
        let written = u32::try_from(written).map_err(|_| Broken)?;
        Ok(self.queue.add_used(memory, chain.head, written)?)
    }

    /// Gives several requests back, which the driver sees all at once.
    pub(super) fn push_all<M: GuestMemory>(&mut self, memory: &M, used: &[(u16, u32)]) -> Result<(), Broken> {
        let Some(((last, written), before)) = used.split_last() else { return Ok(()) };
        for (head, written) in before {
            let at = u64::from(self.queue.next_used() % self.queue.size());
            let entry = u64::from(*head) | u64::from(*written) << 32;
            let place = self.queue.used_ring().checked_add(4 + at * 8).ok_or(Broken)?;
            memory.write_obj(entry.to_le(), GuestAddress(place))?;
            self.queue.set_next_used(self.queue.next_used().wrapping_add(1));
        }
        Ok(self.queue.add_used(memory, *last, *written)?)
    }

    /// Whether the driver is to be interrupted for what was given back since the last time.
    pub(super) fn interrupts<M: GuestMemory>(&mut self, memory: &M) -> Result<bool, Broken> {
        let (used, told) = (self.queue.next_used(), self.told);
        if used == told {
            return Ok(false);
        }
        self.told = used;
        // What was given back must be seen before it is asked whether somebody waits for it.
        fence(Ordering::SeqCst);
        let available = self.queue.avail_ring();
        if !self.queue.event_idx_enabled() {
            let flags: u16 = memory.load(GuestAddress(available), Ordering::Relaxed)?;
            return Ok(u32::from(u16::from_le(flags)) & VRING_AVAIL_F_NO_INTERRUPT == 0);
        }
        let place = available.checked_add(4 + 2 * u64::from(self.queue.size())).ok_or(Broken)?;
        let event: u16 = memory.load(GuestAddress(place), Ordering::Relaxed)?;
        let event = u16::from_le(event);
        Ok(used.wrapping_sub(event).wrapping_sub(1) < used.wrapping_sub(told))
    }
}

impl Chain {
    /// The number by which the driver knows it.
    pub(super) const fn head(&self) -> u16 {
        self.head
    }
}

impl Clone for Ring {
    fn clone(&self) -> Self {
        Self::restore(self.state()).expect("the state of a ring is one that a ring can have")
    }
}
