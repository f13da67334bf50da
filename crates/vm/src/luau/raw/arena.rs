//! [`Arena`]: memory of one state that can be made what it was before.
//!
//! It begins at a multiple of 4 GiB. Luau finds the place of a table, a function or a thread among the keys of a table by
//! the lower 32 bits of its address, so in two arenas in which the same was done the same keys are in the same places.
//!
//! Blocks have sizes of which there are four between a power of two and the next; a block that is freed is used again for
//! another of its size, the last one freed first.

use std::alloc::{Layout, alloc, dealloc};
use std::ffi::c_void;
use std::ptr::{self, NonNull};

use super::allocator::Account;

/// What an arena begins at a multiple of.
const BASE_ALIGNMENT: usize = 1 << 32;
/// What a block begins at a multiple of.
const ALIGNMENT: usize = 16;
/// How many sizes of blocks there are: up to 2 GiB.
const SIZES: usize = 4 + 4 * 25;

/// Memory of one state.
#[derive(Debug)]
pub(super) struct Arena {
    base: NonNull<u8>,
    layout: Layout,
    heads: Heads,
    /// What the state has, in the state's ground.
    pub(super) account: *mut Account,
    saved: Option<Saved>,
}

/// Where the next blocks come from, as distances from the base.
#[derive(Debug, Clone)]
struct Heads {
    /// Behind here no block has been yet.
    fresh: usize,
    /// The first free block of each size, or 0; it begins with the distance of the next one.
    free: [u32; SIZES],
}

#[derive(Debug)]
struct Saved {
    heads: Heads,
    used: usize,
    image: Box<[u8]>,
}

// SAFETY: an arena is used through its state, by whoever owns that.
unsafe impl Send for Arena {}

impl Arena {
    /// One with so many bytes, of which only those that are used are memory.
    ///
    /// # Panics
    ///
    /// If the program has no addresses for it.
    pub(super) fn new(bytes: usize) -> Self {
        assert!(bytes < 1 << 31, "distances within an arena are short");
        let layout =
            Layout::from_size_align(bytes.max(ALIGNMENT), BASE_ALIGNMENT).expect("it is below 4 GiB");
        // SAFETY: the layout has a size.
        let base = NonNull::new(unsafe { alloc(layout) }).expect("the program has addresses for an arena");
        // The distance 0 means that there is no block.
        let heads = Heads { fresh: ALIGNMENT, free: [0; SIZES] };
        // SAFETY: the layout has room for the first block, which nobody gets.
        unsafe { base.write_bytes(0, ALIGNMENT) };
        Self { base, layout, heads, account: ptr::null_mut(), saved: None }
    }

    /// How many bytes it has.
    pub(super) const fn bytes(&self) -> usize {
        self.layout.size()
    }

    /// Keeps everything as it is now, once.
    pub(super) fn save(&mut self) {
        assert!(self.saved.is_none(), "an arena is kept once");
        // SAFETY: nobody writes there while this is borrowed, and every byte of every block was given a value.
        let image = unsafe { std::slice::from_raw_parts(self.base.as_ptr(), self.heads.fresh) };
        // SAFETY: the account is the state's, which does not run.
        let used = unsafe { (*self.account).used };
        self.saved = Some(Saved { heads: self.heads.clone(), used, image: image.into() });
    }

    /// Makes everything what it was when it was kept.
    ///
    /// # Safety
    ///
    /// The state does not run, and nobody will use what was made in it since then.
    pub(super) unsafe fn restore(&mut self) {
        let Some(saved) = &self.saved else { return };
        self.heads.clone_from(&saved.heads);
        // SAFETY: the arena has at least as many bytes as it had then. The account is the state's, which does not run.
        unsafe {
            ptr::copy_nonoverlapping(saved.image.as_ptr(), self.base.as_ptr(), saved.image.len());
            (*self.account).used = saved.used;
        }
    }

    /// A block of one of the sizes, or null.
    fn take(&mut self, size: Size) -> *mut u8 {
        let free = self.heads.free[size.number] as usize;
        if free != 0 {
            // SAFETY: a free block begins with the distance of the next one.
            unsafe {
                let block = self.base.as_ptr().add(free);
                self.heads.free[size.number] = block.cast::<u32>().read();
                return block;
            }
        }
        if size.bytes > self.layout.size() - self.heads.fresh {
            return ptr::null_mut();
        }
        // SAFETY: there are so many bytes that nobody has.
        unsafe {
            let block = self.base.as_ptr().add(self.heads.fresh);
            if self.saved.is_none() {
                block.write_bytes(0, size.bytes); // All that is kept has a value, also what Luau has not written yet.
            }
            self.heads.fresh += size.bytes;
            block
        }
    }

    /// Takes a block back.
    ///
    /// # Safety
    ///
    /// It is one of this size, from here, and nobody uses it any more.
    unsafe fn put(&mut self, block: *mut u8, size: Size) {
        // SAFETY: as promised. A distance within an arena fits.
        unsafe {
            let distance = block.offset_from(self.base.as_ptr()) as u32;
            block.cast::<u32>().write(self.heads.free[size.number]);
            self.heads.free[size.number] = distance;
        }
    }
}

impl Drop for Arena {
    fn drop(&mut self) {
        // SAFETY: it was allocated with this layout, and the state that used it is gone.
        unsafe { dealloc(self.base.as_ptr(), self.layout) };
    }
}

/// The size of a block.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Size {
    bytes: usize,
    number: usize,
}

impl Size {
    /// The smallest for so many bytes; `None` if there is none.
    fn of(bytes: usize) -> Option<Self> {
        if bytes <= 4 * ALIGNMENT {
            let number = bytes.max(1).div_ceil(ALIGNMENT) - 1;
            return Some(Self { bytes: (number + 1) * ALIGNMENT, number });
        }
        let power = (bytes - 1).ilog2() as usize;
        let step = 1_usize << (power - 2);
        let steps = (bytes - (1 << power)).div_ceil(step);
        let number = 4 + (power - 6) * 4 + steps - 1;
        (number < SIZES).then_some(Self { bytes: (1 << power) + steps * step, number })
    }
}

/// Allocates, resizes and frees for Luau, in an arena.
///
/// # Safety
///
/// `data` is the arena of the state, and `block` is what this function gave for `old` bytes, or null.
pub(super) unsafe extern "C" fn allocate_in(
    data: *mut c_void,
    block: *mut c_void,
    old: usize,
    new: usize,
) -> *mut c_void {
    // SAFETY: the arena outlives the state, and nobody else looks at it while Luau runs.
    let arena = unsafe { &mut *data.cast::<Arena>() };
    // SAFETY: nor at the account, which is in the state's ground.
    let account = unsafe { &mut *arena.account };
    let old = if block.is_null() { 0 } else { old };
    if new > old && new - old > account.limit.saturating_sub(account.used) {
        return ptr::null_mut();
    }
    // SAFETY: as promised.
    let given = unsafe { resize(arena, block.cast(), old, new) };
    if new == 0 || !given.is_null() {
        account.used = account.used - old + new;
        account.charge(new.saturating_sub(old));
    }
    given.cast()
}

/// # Safety
///
/// As [`allocate_in`].
unsafe fn resize(arena: &mut Arena, block: *mut u8, old: usize, new: usize) -> *mut u8 {
    let before = if old > 0 { Size::of(old) } else { None };
    let after = if new > 0 { Size::of(new) } else { None };
    if before == after {
        return block;
    }
    let given = after.map_or(ptr::null_mut(), |size| arena.take(size));
    if new > 0 && given.is_null() {
        return given;
    }
    if let Some(size) = before {
        if new > 0 {
            // SAFETY: the blocks are two, and have at least so many bytes.
            unsafe { ptr::copy_nonoverlapping(block, given, old.min(new)) };
        }
        // SAFETY: the old block is not used after this.
        unsafe { arena.put(block, size) };
    }
    given
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_waste_less_than_a_fifth() {
        let mut last = Size { bytes: 0, number: 0 };
        for bytes in 1..200_000 {
            let size = Size::of(bytes).unwrap();
            assert!(size.bytes >= bytes && size.bytes.is_multiple_of(ALIGNMENT), "{bytes}");
            assert!(bytes <= 64 || size.bytes * 4 <= bytes * 5, "{bytes}");
            assert!(
                size.number == last.number || (size.number == last.number + 1 && size.bytes > last.bytes)
            );
            last = size;
        }
        assert_eq!(Size::of(1 << 31).unwrap().number, SIZES - 1);
        assert_eq!(Size::of((1 << 31) + 1), None);
    }
}
