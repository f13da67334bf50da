//! [`Device`]: one of the devices that can be behind a transport.

use super::balloon::Balloon;
use super::block::Block;
use super::console::Console;
use super::entropy::Entropy;
use super::net::Net;
use super::ring::Ring;
use super::{Broken, Left, Turn};
use crate::board::DeviceMemory;

/// A device behind a transport.
#[derive(Debug)]
pub(in crate::board) enum Device {
    Block(Block),
    Net(Net),
    Console(Console),
    Entropy(Entropy),
    Balloon(Balloon),
}

impl Device {
    /// The number of its kind.
    pub(super) fn kind(&self) -> u32 {
        match self {
            Self::Net(_) => virtio_bindings::virtio_ids::VIRTIO_ID_NET,
            Self::Block(_) => virtio_bindings::virtio_ids::VIRTIO_ID_BLOCK,
            Self::Console(_) => virtio_bindings::virtio_ids::VIRTIO_ID_CONSOLE,
            Self::Entropy(_) => virtio_bindings::virtio_ids::VIRTIO_ID_RNG,
            Self::Balloon(_) => virtio_bindings::virtio_ids::VIRTIO_ID_BALLOON,
        }
    }

    /// What it can do, besides what every device can.
    pub(super) fn features(&self) -> u64 {
        match self {
            Self::Block(block) => block.features(),
            Self::Net(net) => net.features(),
            Self::Balloon(_) => Balloon::features(),
            Self::Console(_) | Self::Entropy(_) => 0,
        }
    }

    /// How many rings it has.
    pub(super) fn rings(&self) -> usize {
        match self {
            Self::Net(_) | Self::Console(_) | Self::Balloon(_) => 2,
            Self::Block(_) | Self::Entropy(_) => 1,
        }
    }

    /// What it tells about itself.
    pub(super) fn about(&self) -> Vec<u8> {
        match self {
            Self::Block(block) => block.about(),
            Self::Net(net) => net.about(),
            Self::Balloon(balloon) => balloon.about(),
            Self::Console(_) | Self::Entropy(_) => Vec::new(),
        }
    }

    /// The driver writes to what the device tells about itself.
    pub(super) const fn hear(&mut self, place: u64, width: u8, value: u32) {
        if let Self::Balloon(balloon) = self {
            balloon.hear(place, width, value);
        }
    }

    /// The driver is ready, and wants these features.
    pub(super) fn start(&mut self, features: u64) {
        if let Self::Net(net) = self {
            net.start(features);
        }
    }

    /// The driver is gone.
    pub(super) fn reset(&mut self) {
        match self {
            Self::Net(net) => net.reset(),
            Self::Console(console) => console.reset(),
            Self::Balloon(balloon) => balloon.reset(),
            Self::Block(_) | Self::Entropy(_) => {}
        }
    }

    /// Serves the requests in a ring.
    pub(super) fn serve<M: DeviceMemory>(
        &mut self,
        rings: &mut [Ring],
        ring: usize,
        memory: &M,
        turn: &mut Turn,
    ) -> Result<Left, Broken> {
        let target = &mut rings[ring];
        match self {
            Self::Block(block) => block.serve(target, memory, turn),
            Self::Net(net) => net.serve(target, ring, memory, turn),
            Self::Console(console) => console.serve(target, ring, memory, turn),
            Self::Entropy(entropy) => entropy.serve(target, memory, turn),
            Self::Balloon(balloon) => balloon.serve(target, ring, memory, turn),
        }
    }
}
