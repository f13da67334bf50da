//! Where the hart touches memory by its host address: slots of decoded blocks, and pages through the software TLB.
//!
//! Two invariants carry all of it.
//!
//! - A [`Cursor`] points into a block that [`Code`](super::code::Code) owns: slots `[header, operation…, end, link, link]`.
//!   Blocks are dropped only between runs of blocks, when no cursor is about, and everything that led to them (links,
//!   jump cache) is dropped first. Every operation but the end has an operation after it.
//! - A [`Tlb`] entry leads to a page that `Memory` granted, and the hart forgets what was revoked before it runs on
//!   ([`Memory::catch_up`](crate::Memory::catch_up)); frames that were replaced stay mapped until then, and the hart keeps
//!   the memory alive.

#![expect(
    unsafe_code,
    reason = "a check at each access to an operation or a page of the guest costs a third of the speed"
)]

use std::ptr::{NonNull, with_exposed_provenance_mut};
use std::sync::atomic::{AtomicU8, AtomicU16, AtomicU32, AtomicU64, Ordering};

use super::core::Core;
use crate::memory::HostPage;

/// What runs an operation and everything that follows it in its block.
pub(crate) type Handler = fn(&mut Core, Cursor) -> Leave;

/// Why a chain of operations came back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u32)]
pub(crate) enum Leave {
    /// The block is over; [`Core::pc`] says where to go on.
    Next,
    /// An operation could not be carried out; [`Core::stopped`] says why and which.
    Stop,
    /// An operation that the hart carries out itself; [`Core::at`] says which.
    System,
}

/// One decoded operation.
#[derive(Debug, Clone, Copy)]
#[repr(C)]
pub(crate) struct Op {
    /// What it does.
    pub(crate) run: Handler,
    /// Its immediate; for branches and jumps relative to the beginning of the block.
    pub(crate) imm: i32,
    /// The register that it writes, as a place in [`Core::registers`].
    pub(crate) rd: u8,
    /// The first register that it reads.
    pub(crate) rs1: u8,
    /// The second register that it reads.
    pub(crate) rs2: u8,
    /// How many halfwords after the beginning of the block its instruction begins.
    pub(crate) at: u8,
}

/// Where another block begins.
#[derive(Debug, Clone, Copy)]
#[repr(C)]
pub(crate) struct Link {
    /// Its first operation, if it is known.
    pub(crate) target: Option<Cursor>,
    /// How many instructions it has.
    pub(crate) count: u32,
    /// In a header: how many bytes its instructions take.
    pub(crate) bytes: u32,
}

/// A place in a block: an operation or a link.
#[derive(Clone, Copy)]
#[repr(C)]
pub(crate) union Slot {
    op: Op,
    link: Link,
}

const _: () = assert!(size_of::<Slot>() == 16, "an operation is a quarter of a cache line");

impl Slot {
    pub(crate) const fn op(op: Op) -> Self {
        Self { op }
    }

    pub(crate) const fn link(link: Link) -> Self {
        Self { link }
    }
}

/// Has the `number`-th operation of a block that is being built run by another handler.
pub(crate) fn replace_handler(slots: &mut [Slot], number: usize, run: Handler) {
    assert!(number + 4 <= slots.len(), "behind the operations are two links");
    // SAFETY: slots from the second to the last but two hold operations: those of an unfinished block, by `build`.
    unsafe { &mut slots[number + 1].op }.run = run;
}

impl std::fmt::Debug for Slot {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Slot")
    }
}

/// A decoded block: `[header, operation…, end, link, link]`. Cursors lead into it for as long as it exists.
#[derive(Debug)]
pub(crate) struct Block(NonNull<[Slot]>);

// SAFETY: a block owns its slots, which are plain values.
unsafe impl Send for Block {}
// SAFETY: through a shared block slots are only read.
unsafe impl Sync for Block {}

impl Block {
    pub(crate) fn new(slots: Vec<Slot>) -> Self {
        assert!(slots.len() >= 4, "a block has a header, an end and two links");
        Self(NonNull::from(Box::leak(slots.into_boxed_slice())))
    }

    /// Its first operation.
    pub(crate) const fn first(&self) -> Cursor {
        let header = self.0.cast::<Slot>();
        // SAFETY: there are at least four slots.
        Cursor(unsafe { header.add(1) })
    }

    pub(crate) const fn len(&self) -> usize {
        self.0.len()
    }
}

impl Drop for Block {
    fn drop(&mut self) {
        // SAFETY: the pointer comes from a box, which nobody else has.
        drop(unsafe { Box::from_raw(self.0.as_ptr()) });
    }
}

/// An operation of a block that lives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(transparent)]
pub(crate) struct Cursor(NonNull<Slot>);

// SAFETY: blocks belong to one hart, and move with it from thread to thread.
unsafe impl Send for Cursor {}
// SAFETY: slots are written only through `&mut Core` of the hart that owns the block.
unsafe impl Sync for Cursor {}

impl Cursor {
    #[inline(always)]
    pub(crate) fn op(self) -> &'static Op {
        // SAFETY: a cursor points at an operation of a block that lives for as long as the cursor is used (see above), and
        // what is written there later are links.
        let slot = unsafe { self.0.as_ref() };
        // SAFETY: it is an operation.
        unsafe { &slot.op }
    }

    #[inline(always)]
    pub(crate) fn next(self) -> Self {
        // SAFETY: there is a slot after each operation: another one, or a link after the end.
        Self(unsafe { self.0.add(1) })
    }

    /// The link after the end of a block: 0 for what follows or is jumped to, 1 for where a branch leads.
    #[inline(always)]
    pub(crate) fn link(self, which: usize) -> Link {
        debug_assert!(which < 2, "there are two links");
        // SAFETY: only ends ask, and two links follow an end.
        let slot = unsafe { self.0.add(1 + which) };
        // SAFETY: it is within the block.
        let slot = unsafe { slot.as_ref() };
        // SAFETY: it is a link.
        unsafe { slot.link }
    }

    pub(crate) fn set_link(self, which: usize, link: Link) {
        debug_assert!(which < 2, "there are two links");
        // SAFETY: only ends are given links, and two follow an end.
        let slot = unsafe { self.0.add(1 + which) };
        // SAFETY: it is within the block, and nobody holds a reference to a link.
        unsafe { slot.write(Slot { link }) };
    }

    /// The header of the block that begins with this operation.
    pub(crate) fn header(self) -> Link {
        // SAFETY: only the first operation of a block asks, and the header stands before it.
        let slot = unsafe { self.0.sub(1) };
        // SAFETY: it is within the block.
        let slot = unsafe { slot.as_ref() };
        // SAFETY: it is a link.
        unsafe { slot.link }
    }

    /// How many operations after `first` this one stands.
    pub(crate) fn since(self, first: Self) -> u32 {
        // SAFETY: both are in one block.
        let slots = unsafe { self.0.offset_from(first.0) };
        u32::try_from(slots).expect("an operation stands after the first of its block")
    }
}

/// How many entries a TLB has.
const ENTRIES: usize = 1_024;

/// Bits of a tag that say the context: between those of alignment and those of the page.
pub(crate) const CONTEXT_SHIFT: u32 = 3;

/// How many contexts a tag can tell apart.
pub(crate) const CONTEXTS: u64 = 1 << (12 - CONTEXT_SHIFT);

/// A translation from pages of virtual addresses to memory of the host.
///
/// A hit is one comparison, which also finds what is not aligned, and one addition.
#[derive(Debug)]
#[repr(C)]
pub(crate) struct Tlb {
    entries: [Entry; ENTRIES],
}

#[derive(Debug, Clone, Copy)]
#[repr(C)]
struct Entry {
    /// The page's address, and the context in the bits below.
    tag: u64,
    /// What has to be added to an address to have that of the host.
    addend: u64,
}

/// No aligned address has this tag: all of its low bits are set.
const NONE: Entry = Entry { tag: u64::MAX, addend: 0 };

/// An integer of a size that the guest can load and store at once.
pub(crate) trait Word: Copy {
    /// How many bytes it has.
    const BYTES: u64;
    fn load(host: u64) -> Self;
    fn store(host: u64, value: Self);
}

macro_rules! words {
    ($($word:ty, $atomic:ty;)*) => {$(
        impl Word for $word {
            const BYTES: u64 = size_of::<$word>() as u64;

            #[inline(always)]
            fn load(host: u64) -> Self {
                // SAFETY: `host` comes from an entry of a TLB and is aligned, so it lies in a page that is mapped.
                unsafe { <$atomic>::from_ptr(with_exposed_provenance_mut(host as usize)) }.load(Ordering::Relaxed)
            }

            #[inline(always)]
            fn store(host: u64, value: Self) {
                // SAFETY: `host` comes from an entry of a TLB of stores and is aligned, so it lies in a page that may be
                // written; others that access it meanwhile do so by atomics as well.
                unsafe { <$atomic>::from_ptr(with_exposed_provenance_mut(host as usize)) }.store(value, Ordering::Relaxed);
            }
        }
    )*};
}

words! {
    u8, AtomicU8;
    u16, AtomicU16;
    u32, AtomicU32;
    u64, AtomicU64;
}

/// The host's address of a page, by which entries reach it.
fn address_of(page: HostPage) -> u64 {
    page.as_ptr().expose_provenance() as u64
}

/// Two bytes of a page that was granted.
pub(crate) fn halfword(host: HostPage, offset: u64) -> u16 {
    assert!(offset < 4_096 && offset.is_multiple_of(2), "a halfword of the page");
    u16::load(address_of(host) + offset)
}

/// A place in a page that was granted for writing, aligned.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Place(u64);

impl Place {
    /// Its host address, which says only whether two places are one.
    pub(crate) const fn number(self) -> u64 {
        self.0
    }

    /// Whether it lies in a page.
    pub(crate) fn is_in(self, page: HostPage) -> bool {
        self.0 & !0xfff == address_of(page)
    }

    #[inline(always)]
    pub(crate) fn load<W: Word>(self) -> W {
        W::load(self.0)
    }

    #[inline(always)]
    pub(crate) fn store<W: Word>(self, value: W) {
        W::store(self.0, value);
    }

    /// Four bytes that several harts change.
    #[inline(always)]
    pub(crate) fn shared_u32(&self) -> &AtomicU32 {
        // SAFETY: a place is aligned and lies in a page that may be written, until the next revocation is applied.
        unsafe { AtomicU32::from_ptr(with_exposed_provenance_mut(self.0 as usize)) }
    }

    /// Eight bytes that several harts change.
    #[inline(always)]
    pub(crate) fn shared_u64(&self) -> &AtomicU64 {
        // SAFETY: a place is aligned and lies in a page that may be written, until the next revocation is applied.
        unsafe { AtomicU64::from_ptr(with_exposed_provenance_mut(self.0 as usize)) }
    }
}

impl Tlb {
    pub(crate) const fn new() -> Self {
        Self { entries: [NONE; ENTRIES] }
    }

    /// Folds high bits of the page's number into the low, so that buffers a power of two apart do not meet.
    #[inline(always)]
    const fn index(address: u64) -> usize {
        (((address >> 12) ^ (address >> 21)) as usize) & (ENTRIES - 1)
    }

    #[inline(always)]
    fn find<W: Word>(&self, address: u64, context: u64) -> Option<u64> {
        let entry = &self.entries[Self::index(address)];
        let tag = (address & (!0xfff | (W::BYTES - 1))) | context;
        (entry.tag == tag).then(|| address.wrapping_add(entry.addend))
    }

    #[inline(always)]
    pub(crate) fn load<W: Word>(&self, address: u64, context: u64) -> Option<W> {
        self.find::<W>(address, context).map(W::load)
    }

    #[inline(always)]
    pub(crate) fn store<W: Word>(&self, address: u64, context: u64, value: W) -> bool {
        match self.find::<W>(address, context) {
            Some(host) => {
                W::store(host, value);
                true
            }
            None => false,
        }
    }

    /// Where an aligned word is.
    #[inline(always)]
    pub(crate) fn place<W: Word>(&self, address: u64, context: u64) -> Option<Place> {
        self.find::<W>(address, context).map(Place)
    }

    /// Remembers where a page is.
    pub(crate) fn insert(&mut self, address: u64, context: u64, host: HostPage) {
        let page = address & !0xfff;
        let addend = address_of(host).wrapping_sub(page);
        self.entries[Self::index(address)] = Entry { tag: page | context, addend };
    }

    /// Forgets the page of an address in whatever context.
    pub(crate) fn forget(&mut self, address: u64) {
        let entry = &mut self.entries[Self::index(address)];
        if (entry.tag ^ address) & !0xfff == 0 {
            *entry = NONE;
        }
    }

    /// Forgets everything that leads to a page of the host.
    pub(crate) fn forget_host(&mut self, host: HostPage) {
        for entry in &mut self.entries {
            if entry.tag != u64::MAX && (entry.tag & !0xfff).wrapping_add(entry.addend) == address_of(host) {
                *entry = NONE;
            }
        }
    }

    /// How many pages it leads to.
    pub(crate) fn len(&self) -> usize {
        self.entries.iter().filter(|entry| entry.tag != u64::MAX).count()
    }

    /// Forgets everything.
    pub(crate) fn clear(&mut self) {
        self.entries.fill(NONE);
    }
}

#[cfg(test)]
mod tests;
