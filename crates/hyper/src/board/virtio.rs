//! Virtio devices: disks, network cards, consoles, chance and balloons, behind registers in memory (version 2).
//!
//! A driver puts requests into rings in the guest's memory and notifies the device, which serves them at once: as many
//! as a [`Turn`] allows, the rest later. Whatever a driver does wrong (a chain that does not end, an address outside of
//! memory, a ring that says it holds more than it can) breaks only its own device: it asks for a reset and is silent.

pub(super) mod balloon;
pub(super) mod block;
pub(super) mod console;
pub(super) mod device;
pub(super) mod entropy;
pub(super) mod net;
pub(super) mod ring;
pub(super) mod transport;

#[cfg(test)]
mod driver;
#[cfg(test)]
mod tests;

pub(super) use device::Device;
pub(super) use transport::Transport;

/// How many entries rings may have.
const RING_ENTRIES_MAX: u16 = 256;

/// How many descriptors a chain may have, those in indirect tables included.
const CHAIN_PIECES_MAX: usize = 1_024;

/// The driver broke the rules: the device is of no use until it is reset.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Broken;

impl From<vm_memory::GuestMemoryError> for Broken {
    fn from(_: vm_memory::GuestMemoryError) -> Self {
        Self
    }
}

impl From<virtio_queue::Error> for Broken {
    fn from(_: virtio_queue::Error) -> Self {
        Self
    }
}

/// What is left of what a device may do before others have their turn.
#[derive(Debug, Clone, Copy)]
pub(super) struct Turn {
    requests: u32,
    bytes: u64,
}

impl Turn {
    pub(super) const fn new(requests: u32, bytes: u64) -> Self {
        Self { requests, bytes }
    }

    /// Whether nothing is left.
    const fn is_over(self) -> bool {
        self.requests == 0 || self.bytes == 0
    }

    /// One request of so many bytes was served.
    fn spend(&mut self, bytes: u64) {
        self.requests = self.requests.saturating_sub(1);
        self.bytes = self.bytes.saturating_sub(bytes);
    }
}

/// How a device left a ring.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Left {
    /// Nothing is to be done until the driver or the world says something.
    Idle,
    /// The turn was over before the work was.
    Work,
}
