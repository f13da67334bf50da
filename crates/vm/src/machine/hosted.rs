//! Pipes whose other end the host has.

use crate::os::{Errno, Pid, Pipe, Ready};

use super::Machine;

/// What the host waits for at its end of a pipe.
#[derive(Debug, Clone, Copy)]
pub(crate) struct HostEnd {
    /// Whose pipe it is.
    pub(crate) pid: Pid,
    /// What is to become possible.
    pub(crate) wanted: Ready,
}

/// Whose pipes have something new for the host.
#[derive(Debug, Default)]
pub(super) struct Told(Vec<Pid>);

impl HostEnd {
    pub(super) const fn wants(&self, ready: Ready) -> bool {
        self.wanted.is_readable() && ready.is_readable() || self.wanted.is_writable() && ready.is_writable()
    }
}

impl Machine {
    /// Has the host told, once, when something becomes possible with a pipe.
    pub(crate) fn tell_host(&mut self, description: u32, host: HostEnd) {
        if let Some(entry) = self.pipe_of(description) {
            entry.host = Some(host);
        }
    }

    pub(super) fn host_is_told(&mut self, host: Option<HostEnd>) {
        if let Some(HostEnd { pid, .. }) = host {
            self.told.get_or_insert_default().0.push(pid);
        }
    }

    /// Whose pipes have something new for the host since this was asked last.
    pub(crate) fn take_told(&mut self) -> Vec<Pid> {
        self.told.take().map_or_else(Vec::new, |told| told.0)
    }

    /// Writes as [`write`](Self::write) does; of what is short a part, rather than nothing, if there is room for a part.
    pub(crate) fn write_part(&mut self, description: u32, bytes: &[u8]) -> Result<usize, Errno> {
        let room = self.pipe_of(description).map_or(0, |entry| entry.pipe.room());
        let is_short = bytes.len() <= Pipe::ATOMIC_BYTES;
        // Where there is no room at all, writing says why.
        let len = if is_short { bytes.len().min(room.max(1)) } else { bytes.len() };
        self.write(description, &bytes[..len])
    }
}
