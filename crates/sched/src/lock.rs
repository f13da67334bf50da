//! [`Lock`]: what the kernel's own state is behind.

/// A mutex for sections of a few instructions; [`raw`](crate::raw) says what may be done inside.
///
/// Under loom, which looks at [`Spin`](crate::raw::Spin) by itself, the rest of the crate has another.
#[cfg(not(loom))]
pub(crate) type Lock<T> = lock_api::Mutex<crate::raw::Spin, T>;
#[cfg(loom)]
pub(crate) type Lock<T> = parking_lot::Mutex<T>;

/// A [`Lock`] that is held.
#[cfg(not(loom))]
pub(crate) type Guard<'a, T> = lock_api::MutexGuard<'a, crate::raw::Spin, T>;
#[cfg(loom)]
pub(crate) type Guard<'a, T> = parking_lot::MutexGuard<'a, T>;
