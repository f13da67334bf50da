//! What can go wrong with a tree.

use thiserror::Error;

use super::path::TreePath;
use super::{Handle, PatternError};
use crate::link::NotLinked;
use crate::{BlobError, BlobId};

/// Why an operation on a tree failed. The tree is as it was before, but that a write during which the store failed may
/// have been done in part.
#[derive(Debug, Clone, Error)]
#[non_exhaustive]
pub enum TreeError {
    /// Nothing has this name.
    #[error("`{path}` does not exist")]
    NotFound {
        /// What was asked for.
        path: TreePath,
    },
    /// It would have to be a directory, and is not.
    #[error("`{path}` is not a directory")]
    NotADirectory {
        /// What was asked for.
        path: TreePath,
    },
    /// It would have to be a file, and is a directory.
    #[error("`{path}` is a directory")]
    IsADirectory {
        /// What was asked for.
        path: TreePath,
    },
    /// It would have to be a symbolic link, and is not.
    #[error("`{path}` is not a symbolic link")]
    NotALink {
        /// What was asked for.
        path: TreePath,
    },
    /// The name is taken.
    #[error("`{path}` exists")]
    Exists {
        /// What was to be made.
        path: TreePath,
    },
    /// A directory with entries is neither removed nor replaced.
    #[error("directory `{path}` is not empty: use remove_all to remove it with its contents")]
    NotEmpty {
        /// The directory.
        path: TreePath,
    },
    /// The root, `.` and `..` can be neither made, removed nor renamed.
    #[error("`{path}` names the root or ends in dots: name an entry of a directory")]
    Unnamed {
        /// What was asked for.
        path: TreePath,
    },
    /// A directory cannot become a part of itself.
    #[error("`{source_path}` cannot be moved or copied into itself, to `{target}`")]
    Inside {
        /// The directory.
        source_path: TreePath,
        /// Where it was to go.
        target: TreePath,
    },
    /// A name is empty, too long or has a byte that no name has.
    #[error("{length} bytes cannot name an entry: use 1 to {}, without `/` and NUL", super::Name::BYTES_MAX)]
    Name {
        /// How many bytes it has.
        length: usize,
    },
    /// A path or the target of a symbolic link is too long.
    #[error("a path of {length} bytes is refused: it must have 1 to {length_max}")]
    PathLength {
        /// How many bytes it has.
        length: usize,
        /// How many it may have.
        length_max: usize,
    },
    /// Directories would be nested too deeply.
    #[error("`{path}` would reach {depth} levels below the root: the limit is {depth_max}")]
    TooDeep {
        /// Where.
        path: TreePath,
        /// How deep it would be.
        depth: usize,
        /// How deep it may be.
        depth_max: usize,
    },
    /// Symbolic links lead to symbolic links without end.
    #[error("`{path}` leads through more than {links_max} symbolic links")]
    Loop {
        /// What was asked for.
        path: TreePath,
        /// How many may be followed.
        links_max: usize,
    },
    /// Permission bits beyond the twelve that there are.
    #[error("{mode:#o} are not permission bits: use 0 to 0o7777")]
    Mode {
        /// The bits.
        mode: u16,
    },
    /// A file would be longer than any may be.
    #[error("a file cannot have {length} bytes: the limit is {}", super::content::FILE_BYTES_MAX)]
    FileLength {
        /// How many it would have.
        length: u128,
    },
    /// A whole file is more than one read gives.
    #[error(
        "reading {length} bytes at once is refused: read parts, or raise read_bytes_max from {read_bytes_max}"
    )]
    ReadLength {
        /// How long the file is.
        length: u64,
        /// How much one read gives.
        read_bytes_max: u64,
    },
    /// The files would have more bytes than the quota allows.
    #[error("the tree would have {bytes} bytes: its quota is {bytes_max}")]
    BytesQuota {
        /// How many there would be.
        bytes: u64,
        /// How many there may be.
        bytes_max: u64,
    },
    /// There would be more entries than the quota allows.
    #[error("the tree would have {entries} entries: its quota is {entries_max}")]
    EntriesQuota {
        /// How many there would be.
        entries: u64,
        /// How many there may be.
        entries_max: u64,
    },
    /// Too much was changed since the last commit.
    #[error(
        "{bytes} bytes of changes would be in memory, where dirty_bytes_max is {dirty_bytes_max}: commit first"
    )]
    Dirty {
        /// How much there would be.
        bytes: u64,
        /// How much there may be.
        dirty_bytes_max: u64,
    },
    /// Too much of what is in memory belongs to removed files that somebody has open.
    #[error(
        "removed files would have {bytes} bytes in memory, where orphan_bytes_max is {orphan_bytes_max}: close handles \
         of removed files, and commit before more are removed"
    )]
    Orphans {
        /// How much there would be.
        bytes: u64,
        /// How much there may be.
        orphan_bytes_max: u64,
    },
    /// No such handle is open in this tree.
    #[error("{handle} is not open")]
    Handle {
        /// The handle.
        handle: Handle,
    },
    /// There are as many open handles as there may be.
    #[error("{handles_max} handles are open, and no more may be: close some")]
    Handles {
        /// How many there may be.
        handles_max: usize,
    },
    /// A pattern cannot be searched for.
    #[error(transparent)]
    Pattern(#[from] PatternError),
    /// A blob that should be a part of a tree is not.
    #[error("blob {id} is no part of a tree: {reason}")]
    Corrupt {
        /// The blob.
        id: BlobId,
        /// What is wrong with it.
        reason: NodeError,
    },
    /// The store failed.
    #[error(transparent)]
    Blob(#[from] BlobError),
}

/// What is wrong with the bytes of a node.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum NodeError {
    /// It has no table of links.
    #[error(transparent)]
    Linked(#[from] NotLinked),
    /// It is longer than any node.
    #[error("it has {length} bytes, where a node has at most {}", super::format::NODE_BYTES_MAX)]
    Length {
        /// How many bytes it has.
        length: usize,
    },
    /// It was written in a format of another time.
    #[error("its format is {found}, not {}", super::format::VERSION)]
    Version {
        /// What was found.
        found: u8,
    },
    /// It is another sort of node than it should be.
    #[error("it is a node of kind {found}, where another is expected")]
    Kind {
        /// What was found.
        found: u8,
    },
    /// It is at another level than it should be.
    #[error("it is at level {found}, where another is expected")]
    Level {
        /// What was found.
        found: u8,
    },
    /// It ends too early.
    #[error("it ends within an item")]
    Cut,
    /// It does not end where it should.
    #[error("{bytes} bytes follow the last item")]
    Trailing {
        /// How many bytes there are too many.
        bytes: usize,
    },
    /// A number is too large, or is not written in the shortest way.
    #[error("a number is too large or not in its shortest form")]
    Number,
    /// A name that no entry can have.
    #[error("a name is not valid")]
    Name,
    /// Names are not in ascending order, or not between those of the neighbours.
    #[error("names are out of order")]
    Order,
    /// Bits that mean nothing, or a combination that means nothing.
    #[error("flags {flags:#04x} mean nothing here")]
    Flags {
        /// What was found.
        flags: u8,
    },
    /// A media type, permission bits or a link target that cannot be.
    #[error("an attribute is not valid")]
    Attribute,
    /// The table of links is shorter or longer than the items need.
    #[error("the items do not use each link once")]
    Links,
    /// It has no items, or another number than it should.
    #[error("it has {found} items, where another number is expected")]
    Count {
        /// How many it has.
        found: usize,
    },
    /// It does not add up to what its parent says.
    #[error("its totals are not those that its parent gives")]
    Totals,
}
