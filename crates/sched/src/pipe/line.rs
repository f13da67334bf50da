//! [`Line`]: what both halves of a connection share.

use std::{
    io,
    sync::atomic::{AtomicU64, Ordering},
};

use crate::{context::Account, reactor::Socket};

/// A socket, what went over it, and whose account its buffers are on.
#[derive(Debug)]
pub(crate) struct Line {
    pub(super) socket: Socket,
    read: AtomicU64,
    written: AtomicU64,
    _account: Option<Account>,
}

impl Line {
    pub(super) fn new(socket: Socket, account: Option<Account>) -> io::Result<Self> {
        // We gather writes ourselves.
        socket.set_nodelay(true)?;
        let (read, written) = (AtomicU64::new(0), AtomicU64::new(0));
        Ok(Self { socket, read, written, _account: account })
    }

    pub(super) fn add_read(&self, bytes: usize) {
        add(&self.read, bytes);
    }

    pub(super) fn add_written(&self, bytes: usize) {
        add(&self.written, bytes);
    }

    /// How many bytes came so far.
    pub(crate) fn read(&self) -> u64 {
        self.read.load(Ordering::Relaxed)
    }

    /// How many bytes went either way so far.
    pub(crate) fn total(&self) -> u64 {
        self.read().wrapping_add(self.written.load(Ordering::Relaxed))
    }
}

/// Each counter has one writer, the owner of its half, so a load and a store will do.
fn add(count: &AtomicU64, bytes: usize) {
    count.store(count.load(Ordering::Relaxed).wrapping_add(bytes as u64), Ordering::Relaxed);
}
