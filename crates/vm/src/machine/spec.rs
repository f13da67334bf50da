//! [`MachineSpec`]: what a machine is to be like.

use std::net::Ipv4Addr;

use ipnet::Ipv4Net;
use ironloom_net::fabric::StationId;
use ironloom_net::link::LinkProfile;

use crate::Image;

/// Where a machine's scripts live.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Heap {
    /// In a Luau state of the machine's own, with an exact limit: for those who are not trusted.
    #[default]
    Own,
    /// In a Luau state that up to 255 machines share: small, and made in microseconds.
    Cell,
}

/// What a machine is to be like.
#[derive(Debug, Clone)]
pub struct MachineSpec {
    /// What it is called.
    pub hostname: String,
    /// What it begins with.
    pub image: Image,
    /// Where its scripts live.
    pub heap: Heap,
    /// How many cores it has: each does so much in a window.
    pub cores: u16,
    /// How much memory its scripts may take.
    pub memory_bytes: usize,
    /// How much there may be in its files.
    pub disk_bytes: u64,
    /// How many files it may have.
    pub files_max: u64,
    /// The switch or router that it is connected to, if it is.
    pub at: Option<StationId>,
    /// Its address there.
    pub address: Option<Ipv4Net>,
    /// Whom it sends to what is not there.
    pub gateway: Option<Ipv4Addr>,
    /// What the way to it is like.
    pub down: LinkProfile,
    /// What the way from it is like.
    pub up: LinkProfile,
    /// What its address is called by others, if names are [registered](crate::Machines::name_with).
    pub dns_name: Option<String>,
}

impl MachineSpec {
    /// A machine with one core, 16 MiB of memory, a disk of 64 MiB, and no network card.
    #[must_use]
    pub fn new(hostname: impl Into<String>, image: &Image) -> Self {
        Self {
            hostname: hostname.into(),
            image: image.clone(),
            heap: Heap::Own,
            cores: 1,
            memory_bytes: 16 << 20,
            disk_bytes: 64 << 20,
            files_max: 1 << 20,
            at: None,
            address: None,
            gateway: None,
            down: LinkProfile::default(),
            up: LinkProfile::default(),
            dns_name: None,
        }
    }

    /// The same, connected to a switch or router with this address.
    #[must_use]
    pub const fn at(mut self, station: StationId, address: Ipv4Net) -> Self {
        self.at = Some(station);
        self.address = Some(address);
        self
    }

    /// The same, with a link that is like this both ways. [`down`](Self::down) and [`up`](Self::up) say it for each.
    ///
    /// ```
    /// use ironloom_core::Duration;
    /// use ironloom_net::link::LinkProfile;
    /// use ironloom_vm::{Image, MachineSpec};
    ///
    /// let line = LinkProfile { latency: Duration::from_millis(8), rate: Some(100_000_000), ..<_>::default() };
    /// let mut spec = MachineSpec::new("home", &Image::base()).link(line);
    /// spec.up.rate = Some(20_000_000);
    /// # assert_eq!(spec.down, line);
    /// ```
    #[must_use]
    pub const fn link(mut self, profile: LinkProfile) -> Self {
        (self.down, self.up) = (profile, profile);
        self
    }

    /// The same, with scripts in a [`Heap`] of this kind.
    #[must_use]
    pub const fn heap(mut self, heap: Heap) -> Self {
        self.heap = heap;
        self
    }
}
