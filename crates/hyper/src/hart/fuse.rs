//! Pairs of operations that become one.

use super::raw::Slot;

/// Replaces operations that often stand together by one that does both.
pub(super) fn fuse(_slots: &mut [Slot]) {}
