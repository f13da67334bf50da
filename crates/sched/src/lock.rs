//! [`Lock`]: what the kernel's own state is behind.

/// A mutex for sections of a few instructions; [`raw`](crate::raw) says what may be done inside.
pub(crate) type Lock<T> = lock_api::Mutex<crate::raw::Spin, T>;
