//! [`take`] and [`give`]: memory of rings that ran empty, for the next that fills.
//!
//! A ring has no memory while it is empty, so a request would pay for two pieces: one that it comes in, and one that its
//! answer leaves from. Each thread keeps a few of the size that rings begin with. A piece holds what another ring held, and
//! nobody sees that: a ring shows only what was written into it since.

use std::cell::RefCell;

use super::START_BYTES;

/// How many pieces a thread keeps: as many as are between their rings at a time, and some.
const KEPT_MAX: usize = 32;

thread_local! {
    static SPARE: RefCell<Vec<Box<[u8]>>> = const { RefCell::new(Vec::new()) };
}

/// Memory of this size.
#[inline]
pub(super) fn take(size: usize) -> Box<[u8]> {
    let kept = if size == START_BYTES {
        // A thread that ends has none any more.
        SPARE.try_with(|spare| spare.borrow_mut().pop()).ok().flatten()
    } else {
        None
    };
    kept.unwrap_or_else(|| vec![0; size].into_boxed_slice())
}

/// Keeps memory that is not needed any more, if somebody is likely to need it.
#[inline]
pub(super) fn give(bytes: Box<[u8]>) {
    if bytes.len() != START_BYTES {
        return;
    }
    let _ = SPARE.try_with(|spare| {
        let mut spare = spare.borrow_mut();
        if spare.len() < KEPT_MAX {
            spare.push(bytes);
        }
    }); // or it is dropped, as this thread ends
}
