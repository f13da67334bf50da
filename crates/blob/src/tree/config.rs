//! [`Config`]: the limits of a tree.

/// The limits of a tree and its forks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    /// How much there may be in it at first; [`Tree::set_quota`](super::Tree::set_quota) changes it.
    pub quota: Quota,
    /// How many bytes of changes may be in memory between two commits, counting about 160 bytes for each entry of a
    /// changed node.
    pub dirty_bytes_max: u64,
    /// How many bytes in memory alone the removed files may have that somebody still has open. They are never committed,
    /// so only closing their handles sets them free.
    pub orphan_bytes_max: u64,
    /// How many levels of directories there may be, [`DEPTH_MAX`](Self::DEPTH_MAX) at most.
    pub depth_max: usize,
    /// How many handles may be open at once.
    pub handles_max: usize,
    /// How many unchanged nodes are kept in memory; what is beyond is read each time it is needed, until a
    /// [`release`](super::Tree::release). Nothing makes room by itself: a tree that has met so many nodes and works with
    /// others from then on is to be released now and then. A node has some 80 entries of about 150 bytes.
    pub resident_nodes_max: usize,
    /// How many bytes are read at once where the caller does not bring the memory.
    pub read_bytes_max: u64,
    /// How long a line is for [`Tree::search`](super::Tree::search); longer ones are cut here.
    pub line_bytes_max: usize,
}

/// How much there may be in a tree.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Quota {
    /// Bytes in files and targets of symbolic links, holes included.
    pub bytes_max: u64,
    /// Files, directories and symbolic links.
    pub entries_max: u64,
}

impl Config {
    /// The most that `depth_max` may be: changes and commits go down one level of directories at a time, on the stack.
    ///
    /// A hostile snapshot makes them go down as far as there can be nodes in each directory. The 2 MiB that a thread
    /// has by default are enough for that at the default depth of 128; whoever asks for the most brings 4 MiB.
    pub const DEPTH_MAX: usize = super::format::HEIGHT_MAX as usize;

    pub(super) fn checked(self) -> Self {
        assert!(
            (1..=Self::DEPTH_MAX).contains(&self.depth_max),
            "depth_max is {}, and must be 1 to {}",
            self.depth_max,
            Self::DEPTH_MAX
        );
        assert!(self.line_bytes_max > 0, "line_bytes_max must be positive");
        self
    }
}

impl Default for Config {
    fn default() -> Self {
        Self {
            quota: Quota::default(),
            dirty_bytes_max: 256 << 20,
            orphan_bytes_max: 256 << 20,
            depth_max: 128,
            handles_max: 4_096,
            resident_nodes_max: 65_536,
            read_bytes_max: 64 << 20,
            line_bytes_max: 64 << 10,
        }
    }
}

impl Default for Quota {
    /// A tebibyte in ten million entries.
    fn default() -> Self {
        Self { bytes_max: 1 << 40, entries_max: 10_000_000 }
    }
}
