//! [`Entry`] and [`Copied`]: what is known of each page, at its home and wherever it was.
//!
//! Together they are 23 bytes, for a machine has many pages.

use ironloom_core::{Duration, Instant};

use super::{Held, Version};
use crate::cluster::{HostId, HostSet};

/// What a home knows of a page.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Entry {
    holders: [u8; 8],
    version: [u8; 4],
    pub(super) standing: Standing,
    /// How sure it is that visitors read the page and then write it; with [`TENTATIVE`].
    habit: u8,
    /// Who read the page first after its last writer, and a number that is no host if that is of no use.
    reader: u8,
}

const _: () = assert!(size_of::<Entry>() == 15);

/// Who has a page, as its home sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub(super) enum Standing {
    /// Nobody ever had it: it is zero.
    #[default]
    Dormant,
    /// One holder may write it.
    Owned,
    /// The holders may read it.
    Shared,
    /// Nobody has it any more.
    Lost,
}

/// The page was granted for writing to who only wanted to read.
const TENTATIVE: u8 = 0x80;
/// From here on a page is migratory.
const MIGRATORY: u8 = 2;
const HABIT_MAX: u8 = 3;
const NO_READER: u8 = u8::MAX;

impl Default for Entry {
    fn default() -> Self {
        Self {
            holders: [0; 8],
            version: [0; 4],
            standing: Standing::Dormant,
            habit: MIGRATORY - 1,
            reader: NO_READER,
        }
    }
}

impl Entry {
    pub(super) const fn holders(&self) -> HostSet {
        HostSet::from_bits(u64::from_le_bytes(self.holders))
    }

    pub(super) const fn set_holders(&mut self, holders: HostSet) {
        self.holders = holders.bits().to_le_bytes();
    }

    /// The version of its bytes; while it is owned, of those that its owner began with.
    pub(super) const fn version(&self) -> Version {
        Version::new(u32::from_le_bytes(self.version))
    }

    pub(super) const fn set_version(&mut self, version: Version) {
        self.version = version.get().to_le_bytes();
    }

    pub(super) const fn is_migratory(&self) -> bool {
        self.habit & !TENTATIVE >= MIGRATORY
    }

    pub(super) const fn is_tentative(&self) -> bool {
        self.habit & TENTATIVE != 0
    }

    pub(super) const fn set_tentative(&mut self, tentative: bool) {
        self.habit = self.habit & !TENTATIVE | if tentative { TENTATIVE } else { 0 };
    }

    /// A visitor wants to write: has it read what another one wrote, and nobody else since?
    pub(super) fn learn(&mut self, writer: HostId) {
        if self.standing == Standing::Shared && self.reader == writer.number() && self.holders().len() == 2 {
            self.habit = (self.habit + 1).min(HABIT_MAX);
        }
    }

    /// A visitor only read. It takes two that write until the page is migratory again.
    pub(super) const fn unlearn(&mut self) {
        self.habit = 0;
    }

    pub(super) fn set_reader(&mut self, reader: Option<HostId>) {
        self.reader = reader.map_or(NO_READER, HostId::number);
    }

    /// The entry once a host has been granted the page, of which the version is told later.
    pub(super) fn granted(mut self, to: HostId, held: Held) -> Self {
        self.set_reader(None);
        self.set_tentative(false);
        if held == Held::Write {
            self.standing = Standing::Owned;
            self.set_holders(HostSet::EMPTY.with(to));
        } else {
            self.standing = Standing::Shared;
            self.set_holders(self.holders().with(to));
        }
        self
    }
}

/// What a host knows of the copy of a page that it has, had, or never had.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub(super) struct Copied {
    /// The version of the bytes that were last received or told.
    pub(super) version: Version,
    /// Bits 0 and 1: what is held. Bit 2: whether there are bytes. Bit 3: whether it is stamped. From bit 8: since when
    /// it is held, in microseconds, which come round after 16 seconds. An old stamp may then be taken for a new one,
    /// and the page stays for one hold too long.
    word: u32,
}

const _: () = assert!(size_of::<Copied>() == 8);

const KEPT: u32 = 1 << 2;
const STAMPED: u32 = 1 << 3;
const STAMP: u32 = 8;
const STAMP_MASK: u64 = (1 << (32 - STAMP)) - 1;

impl Copied {
    pub(super) const fn held(self) -> Held {
        match self.word & 3 {
            0 => Held::Nothing,
            1 => Held::Read,
            _ => Held::Write,
        }
    }

    pub(super) const fn set_held(&mut self, held: Held) {
        self.word = self.word & !3 | held as u32;
    }

    /// The version of the bytes that are kept, if any are.
    pub(super) fn kept(self) -> Option<Version> {
        (self.word & KEPT != 0).then_some(self.version)
    }

    /// These bytes are here now.
    pub(super) const fn keep(&mut self, version: Version) {
        self.version = version;
        self.word |= KEPT;
    }

    pub(super) const fn forget(&mut self) {
        self.word &= !(KEPT | STAMPED);
    }

    /// A hart that waited gets the page now.
    pub(super) const fn stamp(&mut self, now: Instant) {
        let micros = (now.as_nanos() / 1_000) & STAMP_MASK;
        self.word = self.word & 0xff | STAMPED | (micros as u32) << STAMP;
    }

    pub(super) const fn unstamp(&mut self) {
        self.word &= !STAMPED;
    }

    /// Until when the page should stay, if it came just now.
    pub(super) fn stays_until(self, now: Instant, hold: Duration) -> Option<Instant> {
        if self.word & STAMPED == 0 {
            return None;
        }
        let elapsed = (now.as_nanos() / 1_000).wrapping_sub(u64::from(self.word >> STAMP)) & STAMP_MASK;
        let left = hold.saturating_sub(Duration::from_micros(elapsed));
        (!left.is_zero()).then(|| now.saturating_add(left))
    }
}
