//! [`Totals`]: what a subtree adds up to, kept at every node so that nobody has to walk to know.

/// What everything in a node or directory adds up to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Totals {
    /// How many entries there are, at any depth.
    pub(super) entries: u64,
    /// Bytes of files and targets of links.
    pub(super) bytes: u64,
    /// How many levels of directories there are: 0 if there are no entries, 1 if none of them is a directory with any.
    pub(super) height: u16,
    /// Bytes in memory that no blob holds yet, roughly. Not a part of what is stored.
    pub(super) dirty: u64,
}

impl Totals {
    /// What a file or symbolic link adds to its directory.
    pub(super) const fn of_leaf(bytes: u64, dirty: u64) -> Self {
        Self { entries: 1, bytes, height: 1, dirty }
    }

    /// What a directory with this inside adds to the directory that it is in.
    pub(super) const fn as_entry(self) -> Self {
        Self { entries: self.entries.saturating_add(1), height: self.height.saturating_add(1), ..self }
    }

    /// Both together. Hostile numbers saturate, and are found out when they are compared.
    pub(super) fn plus(self, other: Self) -> Self {
        Self {
            entries: self.entries.saturating_add(other.entries),
            bytes: self.bytes.saturating_add(other.bytes),
            height: self.height.max(other.height),
            dirty: self.dirty.saturating_add(other.dirty),
        }
    }

    /// Whether the parts that are stored are the same.
    pub(super) const fn agrees(&self, other: &Self) -> bool {
        self.entries == other.entries && self.bytes == other.bytes && self.height == other.height
    }
}
