//! [`HostId`], [`HostSet`] and [`Epoch`]: which hosts a machine spans, and since when.

use std::fmt;

use borsh::{BorshDeserialize, BorshSerialize};

/// How many hosts a machine can span.
pub const HOSTS_MAX: usize = 64;

/// One of the hosts of a machine: a process that holds some of its harts and pages.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, BorshSerialize)]
pub struct HostId(u8);

impl HostId {
    /// The host with this number, if it is below 64.
    #[must_use]
    pub const fn new(number: u8) -> Option<Self> {
        if (number as usize) < HOSTS_MAX { Some(Self(number)) } else { None }
    }

    /// Its number.
    #[must_use]
    pub const fn number(self) -> u8 {
        self.0
    }
}

impl BorshDeserialize for HostId {
    fn deserialize_reader<R: std::io::Read>(reader: &mut R) -> std::io::Result<Self> {
        let number = u8::deserialize_reader(reader)?;
        Self::new(number).ok_or_else(|| {
            std::io::Error::new(std::io::ErrorKind::InvalidData, format!("there is no host {number}"))
        })
    }
}

impl fmt::Display for HostId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "host-{}", self.0)
    }
}

/// Some of the hosts of a machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, BorshSerialize, BorshDeserialize)]
pub struct HostSet(u64);

impl HostSet {
    /// No host.
    pub const EMPTY: Self = Self(0);

    /// Those whose bits are set.
    #[must_use]
    pub const fn from_bits(bits: u64) -> Self {
        Self(bits)
    }

    /// A bit for each.
    #[must_use]
    pub const fn bits(self) -> u64 {
        self.0
    }

    /// Whether a host is among them.
    #[must_use]
    pub const fn contains(self, host: HostId) -> bool {
        self.0 >> host.0 & 1 == 1
    }

    /// These, and a host.
    #[must_use]
    pub const fn with(self, host: HostId) -> Self {
        Self(self.0 | 1 << host.0)
    }

    /// These but for a host.
    #[must_use]
    pub const fn without(self, host: HostId) -> Self {
        Self(self.0 & !(1 << host.0))
    }

    /// How many there are.
    #[must_use]
    pub const fn len(self) -> usize {
        self.0.count_ones() as usize
    }

    /// Whether there is none.
    #[must_use]
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// The one with the lowest number.
    #[must_use]
    pub const fn first(self) -> Option<HostId> {
        if self.0 == 0 { None } else { Some(HostId(self.0.trailing_zeros() as u8)) }
    }

    /// Each of them, the lowest first.
    pub fn iter(self) -> impl Iterator<Item = HostId> {
        let mut left = self;
        std::iter::from_fn(move || {
            let host = left.first()?;
            left = left.without(host);
            Some(host)
        })
    }
}

impl FromIterator<HostId> for HostSet {
    fn from_iter<I: IntoIterator<Item = HostId>>(hosts: I) -> Self {
        hosts.into_iter().fold(Self::EMPTY, Self::with)
    }
}

/// Counts the memberships that a machine has had: what was said in an older one no longer holds.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, BorshSerialize, BorshDeserialize,
)]
pub struct Epoch(u64);

impl Epoch {
    /// The epoch with this number.
    #[must_use]
    pub const fn new(number: u64) -> Self {
        Self(number)
    }

    /// Its number.
    #[must_use]
    pub const fn get(self) -> u64 {
        self.0
    }

    /// The one after it.
    #[must_use]
    pub const fn next(self) -> Self {
        Self(self.0 + 1)
    }
}
