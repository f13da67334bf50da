//! [`Frame`]: 4 KiB of host memory, counted by those who own it, from a [`Pool`] that forks share.
//!
//! Frames lie in *chunks* of 2 MiB, aligned to their length, so that masking the address of a frame leads to what is
//! known of it:
//!
//! ```text
//!  0       8                    4096               8192                       2 MiB
//!  | pool  | counts of 511 …    | frame 1          | frame 2 …                |
//! ```
//!
//! A count holds owners in its lower half and pins in its upper half. Owners are tables that refer to the frame, and
//! whoever may still hold a pointer into it: a frame with one owner can be written in place, one with several is shared
//! and is copied. A pin only keeps the frame from being reused. When both are gone, the frame returns to its pool.
//!
//! The invariants that the unsafe code stands on:
//!
//! - A [`Frame`] or a [`Pin`] is one count on a frame of a living pool: each frame that is in use keeps its pool alive.
//! - Chunks are freed with their pool only, so the pointer of a counted frame leads to memory that exists.
//! - The bytes of frames are only reached as atomic integers, here and by whoever holds a [`HostPage`].

#![expect(unsafe_code, reason = "pages of a guest are reached by pointers, and shared by counts beside them")]

use std::alloc::{Layout, alloc_zeroed, dealloc};
use std::ptr::NonNull;
use std::sync::Arc;
use std::sync::atomic::{AtomicPtr, AtomicU32, AtomicU64, Ordering, fence};

use parking_lot::Mutex;
use vm_memory::VolatileSlice;

use super::guest::Pinned;

/// The bytes of a page, as a length.
pub(super) const PAGE: usize = crate::PAGE_BYTES as usize;

/// The words of a page.
pub(super) const WORDS: usize = PAGE / size_of::<u64>();

/// The bytes of a page as they are reached: by whole words, each at once.
pub(super) type Words = [AtomicU64; WORDS];

/// Miri gets small ones, because it minds every byte.
const CHUNK: usize = if cfg!(miri) { 64 << 10 } else { 2 << 20 };
const FRAMES: usize = CHUNK / PAGE - 1;

/// How many chunks are asked for at once, so that the host's allocator takes them from the system as zeroes.
const CHUNKS_MAX: usize = 16;

/// One owner in a count.
const OWNER: u64 = 1;
/// One pin in a count.
const PIN: u64 = 1 << 32;

#[repr(C)]
struct Header {
    pool: AtomicPtr<Shared>,
    counts: [AtomicU64; FRAMES],
}

const _: () = assert!(size_of::<Header>() <= PAGE, "the header takes the place of one frame");

#[repr(align(4096))]
struct Zero(Words);

/// What every page that was never written reads as. Nobody writes here.
static ZERO: Zero = Zero([const { AtomicU64::new(0) }; WORDS]);

/// A page of host memory that holds a page of a guest: a pointer to 4,096 bytes, aligned to as many.
///
/// It says nothing about how long the page stays there: see [`Memory::grant`](super::Memory::grant).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(transparent)]
pub struct HostPage(NonNull<u8>);

// SAFETY: it is an address; whoever follows it has to prove that it may.
unsafe impl Send for HostPage {}
// SAFETY: as above.
unsafe impl Sync for HostPage {}

impl HostPage {
    /// Where the page begins.
    ///
    /// Its bytes are reached by atomic accesses only, and written only under a grant that says so.
    #[inline]
    #[must_use]
    pub const fn as_ptr(self) -> *mut u8 {
        self.0.as_ptr()
    }

    /// The page that every never written page is read from. It is never written.
    #[inline]
    #[must_use]
    pub fn zero() -> Self {
        Self(NonNull::from_ref(&ZERO).cast())
    }
}

#[cfg(test)]
impl HostPage {
    /// The bytes of a page that a test was granted, and that it knows to be there.
    pub(super) const fn peek<'a>(self) -> &'a Words {
        // SAFETY: tests follow pointers under the rules of a reader, or they would not be tests of those.
        unsafe { self.0.cast().as_ref() }
    }
}

/// The words of the page of zeroes.
pub(super) const fn zero_words<'a>() -> &'a Words {
    &ZERO.0
}

/// One owner's share of a frame.
#[derive(Debug)]
#[repr(transparent)]
pub(super) struct Frame(HostPage);

impl Frame {
    /// Where it is.
    #[inline]
    pub(super) const fn host(&self) -> HostPage {
        self.0
    }

    /// Its bytes.
    #[inline]
    pub(super) fn words(&self) -> &Words {
        // SAFETY: the frame is counted, so it is 4 KiB of initialized memory for as long as `self` is borrowed, aligned,
        // and only reached by atomic accesses.
        unsafe { self.0.0.cast().as_ref() }
    }

    /// Whether nobody else owns it, so that it may be written in place.
    #[inline]
    pub(super) fn is_exclusive(&self) -> bool {
        self.count().load(Ordering::Acquire) as u32 == 1
    }

    /// Whether anybody has it pinned.
    pub(super) fn is_pinned(&self) -> bool {
        self.count().load(Ordering::Acquire) >= PIN
    }

    /// Keeps the frame from being reused, without a share in it.
    pub(super) fn pin(&self) -> Pin {
        self.count().fetch_add(PIN, Ordering::Relaxed);
        Pin(self.0)
    }

    #[inline]
    fn count(&self) -> &AtomicU64 {
        // SAFETY: this is one of the owners that the frame counts.
        unsafe { count(self.0) }
    }
}

impl Clone for Frame {
    fn clone(&self) -> Self {
        let before = self.count().fetch_add(OWNER, Ordering::Relaxed) as u32;
        assert!(before < u32::MAX / 2, "a frame cannot have billions of owners");
        Self(self.0)
    }
}

impl Drop for Frame {
    fn drop(&mut self) {
        // SAFETY: this owner is counted, and gone now.
        unsafe { release(self.0, OWNER) }
    }
}

/// A frame that is not reused for as long as this exists.
#[derive(Debug)]
pub(super) struct Pin(HostPage);

impl Clone for Pin {
    fn clone(&self) -> Self {
        // SAFETY: this is one of the pins that the frame counts.
        let count = unsafe { count(self.0) };
        count.fetch_add(PIN, Ordering::Relaxed);
        Self(self.0)
    }
}

impl Drop for Pin {
    fn drop(&mut self) {
        // SAFETY: this pin is counted, and gone now.
        unsafe { release(self.0, PIN) }
    }
}

/// A part of a page for a device.
///
/// # Panics
///
/// If it does not lie within the page.
pub(super) fn slice(page: &Pin, offset: usize, length: usize) -> VolatileSlice<'static, Pinned> {
    assert!(offset <= PAGE && length <= PAGE - offset, "a slice is a part of one page");
    let start = page.0.as_ptr().wrapping_add(offset);
    // SAFETY: the bytes lie within a frame which is pinned by the slice itself and by all that are made of it, so they exist
    // for as long as it does. Harts reach them by atomic accesses, which is stronger than volatile ones.
    unsafe { VolatileSlice::with_bitmap(start, length, Pinned::new(page.clone()), None) }
}

/// What is known of the chunk that a frame is in.
///
/// # Safety
///
/// The page must be a frame of a pool, and that must exist for as long as the result is used.
#[inline]
unsafe fn header<'a>(page: HostPage) -> &'a Header {
    let chunk = page.0.as_ptr().map_addr(|address| address & !(CHUNK - 1));
    // SAFETY: frames lie in chunks, which are aligned to their length and begin with an initialized header; the pointer was
    // made from that of the whole allocation, so it may reach it.
    unsafe { &*chunk.cast::<Header>() }
}

/// The count of a frame.
///
/// # Safety
///
/// As for [`header`].
#[inline]
unsafe fn count<'a>(page: HostPage) -> &'a AtomicU64 {
    let index = page.0.as_ptr().addr() % CHUNK / PAGE;
    // SAFETY: the caller promises the same.
    let header = unsafe { header(page) };
    &header.counts[index - 1]
}

/// Takes an owner or a pin away; what nobody has any more returns to the pool.
///
/// # Safety
///
/// The share must be counted, and nobody may use it after this.
unsafe fn release(page: HostPage, share: u64) {
    // SAFETY: a frame with a share keeps its pool alive; the share is still there.
    let header = unsafe { header(page) };
    // SAFETY: as above.
    let count = unsafe { count(page) };
    // Read first: as soon as the share is gone, others may free everything.
    let pool = header.pool.load(Ordering::Relaxed).cast_const();
    if count.fetch_sub(share, Ordering::Release) == share {
        fence(Ordering::Acquire);
        // SAFETY: the frame's reference to its pool was given up by `Pool::take` to be taken back here, once.
        let pool = unsafe { Arc::from_raw(pool) };
        pool.room.lock().give_back(page);
    }
}

/// Frames for one machine and its forks.
#[derive(Debug, Clone)]
pub(super) struct Pool(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    room: Mutex<Room>,
    frames_max: u64,
    versions: AtomicU32,
}

/// Where frames come from.
#[derive(Debug, Default)]
struct Room {
    slabs: Vec<Slab>,
    /// Frames that were used, with whatever they held.
    free: Vec<HostPage>,
    /// Chunks that were not begun.
    chunks: Vec<HostPage>,
    /// The chunk that frames are cut from, and how many were.
    chunk: Option<(HostPage, usize)>,
    used: u64,
}

/// A frame fresh from the pool.
#[derive(Debug)]
pub(super) struct Fresh {
    /// The frame, with one owner.
    pub(super) frame: Frame,
    /// Whether it is known to be all zeroes.
    pub(super) clean: bool,
}

impl Pool {
    /// A pool of at most so many frames.
    pub(super) fn new(frames_max: u64) -> Self {
        Self(Arc::new(Shared { room: Mutex::default(), frames_max, versions: AtomicU32::new(1) }))
    }

    /// Whether this is the same pool.
    pub(super) fn is(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }

    /// How many frames there may be.
    pub(super) fn frames_max(&self) -> u64 {
        self.0.frames_max
    }

    /// How many frames are in use.
    pub(super) fn frames_used(&self) -> u64 {
        self.0.room.lock().used
    }

    /// A version that no page of any fork has had.
    pub(super) fn next_version(&self) -> u32 {
        self.0.versions.fetch_add(1, Ordering::Relaxed)
    }

    /// A frame, unless there are as many as there may be or the host has no more.
    pub(super) fn take(&self) -> Option<Fresh> {
        let (page, clean) = self.0.room.lock().take(&self.0)?;
        // What keeps the pool alive for as long as the frame is used; `release` takes it back.
        let pool = Arc::into_raw(Arc::clone(&self.0)).cast_mut();
        // SAFETY: the page was just taken from a pool that exists.
        let header = unsafe { header(page) };
        header.pool.store(pool, Ordering::Relaxed);
        // SAFETY: as above.
        let count = unsafe { count(page) };
        count.store(OWNER, Ordering::Relaxed);
        Some(Fresh { frame: Frame(page), clean })
    }
}

impl Room {
    fn take(&mut self, shared: &Shared) -> Option<(HostPage, bool)> {
        if self.used == shared.frames_max {
            return None;
        }
        let taken = match self.free.pop() {
            Some(page) => (page, false),
            None => (self.cut(shared.frames_max)?, true),
        };
        self.used += 1;
        Some(taken)
    }

    /// A frame that was never used.
    fn cut(&mut self, frames_max: u64) -> Option<HostPage> {
        let (chunk, cut) = match self.chunk.take() {
            Some((chunk, cut)) if cut < FRAMES => (chunk, cut),
            _ => (self.next_chunk(frames_max)?, 0),
        };
        self.chunk = Some((chunk, cut + 1));
        // SAFETY: a chunk is one allocation of more than `FRAMES` pages.
        Some(HostPage(unsafe { chunk.0.add((cut + 1) * PAGE) }))
    }

    fn next_chunk(&mut self, frames_max: u64) -> Option<HostPage> {
        if self.chunks.is_empty() {
            let wanted = (frames_max - self.used).div_ceil(FRAMES as u64);
            let slab = Slab::new(wanted.clamp(1, CHUNKS_MAX as u64) as usize)?;
            self.chunks.extend(slab.chunks());
            self.slabs.push(slab);
        }
        self.chunks.pop()
    }

    fn give_back(&mut self, page: HostPage) {
        self.used -= 1;
        self.free.push(page);
    }
}

/// An allocation of the host, of some chunks and what it takes to align them.
#[derive(Debug)]
struct Slab {
    start: HostPage,
    layout: Layout,
}

impl Slab {
    /// Asks for a little more than is needed, and for no alignment: only so are the zeroes those of the system.
    fn new(chunks: usize) -> Option<Self> {
        let layout = Layout::from_size_align((chunks + 1) * CHUNK, align_of::<u64>()).ok()?;
        // SAFETY: the layout is not of zero bytes.
        let start = unsafe { alloc_zeroed(layout) };
        NonNull::new(start).map(|start| Self { start: HostPage(start), layout })
    }

    /// The chunks in it, the first last.
    fn chunks(&self) -> impl Iterator<Item = HostPage> {
        let (start, chunks) = (self.start.0, self.layout.size() / CHUNK - 1);
        let skipped = start.as_ptr().addr().next_multiple_of(CHUNK) - start.as_ptr().addr();
        (0..chunks).rev().map(move |chunk| {
            // SAFETY: the allocation has one chunk more than are counted, and less than one is skipped.
            HostPage(unsafe { start.add(skipped + chunk * CHUNK) })
        })
    }
}

impl Drop for Slab {
    fn drop(&mut self) {
        // SAFETY: it was allocated with this layout, and is freed with the pool, which no frame that is in use outlives.
        unsafe { dealloc(self.start.as_ptr(), self.layout) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::memory::words;

    #[test]
    fn frames_are_given_back_when_nobody_has_them() {
        let pool = Pool::new(3);
        let first = pool.take().unwrap();
        assert!(first.clean && first.frame.is_exclusive());
        words::write(first.frame.words(), 100, b"some bytes");
        let other = first.frame.clone();
        assert!(!first.frame.is_exclusive() && !other.is_exclusive());
        let pin = first.frame.pin();
        drop(first);
        assert!(other.is_exclusive(), "a pin is not an owner");
        drop(other);
        assert_eq!(pool.frames_used(), 1, "the pin keeps it");
        drop(pin.clone());
        drop(pin);
        assert_eq!(pool.frames_used(), 0);
        assert!(!pool.take().unwrap().clean, "it is used again, with what it held");
    }

    #[test]
    fn a_pool_ends_with_its_last_frame() {
        let pool = Pool::new(FRAMES as u64 + 2);
        let frames: Vec<Frame> = std::iter::from_fn(|| pool.take()).map(|fresh| fresh.frame).collect();
        assert_eq!(frames.len(), FRAMES + 2);
        let (first, last) = (frames[0].clone(), frames[FRAMES + 1].pin());
        drop(pool);
        drop(frames);
        words::write(first.words(), 0, b"still here");
        let slice = slice(&last, 8, 16);
        drop((first, last));
        slice.copy_from(&[7_u8; 16]);
    }

    #[test]
    fn frames_move_between_threads() {
        let pool = Pool::new(4);
        std::thread::scope(|scope| {
            for thread in 0..4_u8 {
                let pool = pool.clone();
                scope.spawn(move || {
                    for _ in 0..10 {
                        let fresh = pool.take().unwrap();
                        words::write(fresh.frame.words(), 3, &[thread; 20]);
                        let other = fresh.frame.clone();
                        drop(fresh);
                        let mut found = [0; 20];
                        words::read(other.words(), 3, &mut found);
                        assert_eq!(found, [thread; 20]);
                    }
                });
            }
        });
        assert_eq!(pool.frames_used(), 0);
    }

    #[test]
    fn the_page_of_zeroes_is_one() {
        assert_eq!(HostPage::zero().as_ptr().addr() % PAGE, 0);
        let mut found = [1; 16];
        words::read(zero_words(), PAGE - 16, &mut found);
        assert_eq!(found, [0; 16]);
    }
}
