//! Luau's memory: the program's allocator, counted and limited.

use std::alloc::{Layout, alloc, dealloc, realloc};
use std::ffi::c_void;
use std::ptr::{self, NonNull};

use super::pages;

/// What one state has, and what it may have.
#[derive(Debug)]
pub(super) struct Account {
    pub(super) used: usize,
    pub(super) limit: usize,
    /// How much the thread that runs may still do, in safepoints. Memory that it takes is work as well: otherwise a long
    /// string would cost as little as a short one.
    pub(super) fuel: i64,
    /// Above this all that nobody can reach is collected at the next safepoint, which is made to come at once: by itself
    /// the collector lets a heap become twice what is alive in it, and does not know that there is a limit.
    pub(super) pressure: usize,
    /// The fuel that was left when the pressure was exceeded.
    pub(super) kept_fuel: Option<i64>,
}

/// How many bytes are as much work as a safepoint.
const UNIT_BYTES_LOG2: u32 = 7;

impl Account {
    /// Nothing is used, and all may be.
    pub(super) const UNLIMITED: Self =
        Self { used: 0, limit: usize::MAX, fuel: i64::MAX, pressure: usize::MAX, kept_fuel: None };

    /// Lifts all limits; gives what is to be [restored](Self::restore).
    pub(super) const fn suspend(&mut self) -> Self {
        let used = self.used;
        std::mem::replace(self, Self { used, ..Self::UNLIMITED })
    }

    /// Sets the limits that were, whatever was used meanwhile.
    pub(super) const fn restore(&mut self, suspended: &Self) {
        let Self { limit, fuel, pressure, kept_fuel, .. } = *suspended;
        *self = Self { used: self.used, limit, fuel, pressure, kept_fuel };
    }

    /// Counts bytes that were allocated, or that the host looks at, as work.
    pub(super) const fn charge(&mut self, bytes: usize) {
        self.spend((bytes >> UNIT_BYTES_LOG2) as u64);
    }

    /// Sets the pressure halfway to the limit.
    pub(super) const fn relax(&mut self) {
        self.pressure = self.used + self.limit.saturating_sub(self.used) / 2;
    }

    /// The fuel that is left.
    pub(super) fn fuel_left(&self) -> i64 {
        self.kept_fuel.unwrap_or(0).saturating_add(self.fuel)
    }

    /// Counts work as so many safepoints.
    pub(super) const fn spend(&mut self, safepoints: u64) {
        self.fuel = self.fuel.saturating_sub_unsigned(safepoints);
    }
}

/// What Luau expects of an allocator.
const ALIGNMENT: usize = 16;

/// Allocates, resizes and frees for Luau.
///
/// # Safety
///
/// `data` is the account of the state, and `block` is what this function gave for `old` bytes, or null.
pub(super) unsafe extern "C" fn allocate(
    data: *mut c_void,
    block: *mut c_void,
    old: usize,
    new: usize,
) -> *mut c_void {
    // SAFETY: the account outlives the state, and nobody else looks at it while Luau runs.
    let account = unsafe { &mut *data.cast::<Account>() };
    let old = if block.is_null() { 0 } else { old };
    if new > old && new - old > account.limit.saturating_sub(account.used) {
        return ptr::null_mut();
    }
    let Ok(layout) = Layout::from_size_align(new, ALIGNMENT) else { return ptr::null_mut() };
    let before = Layout::from_size_align(old, ALIGNMENT).expect("it was allocated with this layout");
    let given: *mut u8 = match (old, new) {
        (0, 0) => return ptr::null_mut(),
        (0, _) => match pages::class(new) {
            Some(class) => pages::take(class).map_or(ptr::null_mut(), NonNull::as_ptr),
            // SAFETY: the layout has a size.
            None => unsafe { alloc(layout) },
        },
        (_, 0) => {
            // SAFETY: the block was allocated here with this layout, and is not null.
            unsafe {
                match pages::class(old) {
                    Some(class) => pages::give_back(class, NonNull::new_unchecked(block.cast())),
                    None => dealloc(block.cast(), before),
                }
            }
            ptr::null_mut()
        }
        // SAFETY: as above, and the new size is not zero.
        _ if pages::class(old).is_none() && pages::class(new).is_none() => unsafe {
            realloc(block.cast(), before, new)
        },
        // SAFETY: this function may be called as its caller did; both blocks have room for what is kept.
        _ => unsafe {
            let moved = allocate(data, ptr::null_mut(), 0, new);
            if !moved.is_null() {
                ptr::copy_nonoverlapping(block.cast::<u8>(), moved.cast(), old.min(new));
                allocate(data, block, old, 0);
            }
            return moved;
        },
    };
    if new == 0 || !given.is_null() {
        account.used = account.used - old + new;
        account.charge(new.saturating_sub(old));
        if account.used > account.pressure && account.kept_fuel.is_none() {
            account.kept_fuel = Some(std::mem::replace(&mut account.fuel, 0));
        }
    }
    given.cast()
}
