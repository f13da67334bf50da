//! What needs unsafe code: asking the processor to fetch memory that will be needed soon.
//!
//! A hundred thousand machines do not fit into a cache, and which of them comes next is a matter of chance, so most of
//! the time of a large simulation is spent waiting for memory. Fetching what the next events are about while this one
//! is handled lets these waits overlap: measured in `docs/performance.md`.

#![cfg_attr(
    all(target_arch = "x86_64", not(miri)),
    expect(unsafe_code, reason = "the language has no safe way yet to say that memory will be needed")
)]

/// How much is fetched of one value at the most.
const LINES_MAX: usize = 8;

/// Has a value fetched into the nearest cache, without waiting for it.
#[inline]
pub(crate) fn prefetch<T>(value: &T) {
    #[cfg(all(target_arch = "x86_64", not(miri)))]
    {
        use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
        let first = std::ptr::from_ref(value).cast::<i8>();
        for line in 0..size_of::<T>().div_ceil(64).clamp(1, LINES_MAX) {
            // SAFETY: A prefetch reads nothing that the program could see and faults for no address.
            unsafe { _mm_prefetch::<_MM_HINT_T0>(first.wrapping_add(64 * line)) };
        }
    }
    #[cfg(not(all(target_arch = "x86_64", not(miri))))]
    let _ = (value, LINES_MAX);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn raw_memory_of_any_size_can_be_asked_for() {
        prefetch(&());
        prefetch(&7u8);
        prefetch(&[0u64; 1_000]);
    }
}
