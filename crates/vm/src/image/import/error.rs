//! Why a directory did not become an image.

use std::io;
use std::path::PathBuf;

use ironloom_blob::tree::TreeError;
use thiserror::Error;

/// Why a directory did not become an image.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ImportError {
    /// The host does not let it be read.
    #[error("`{}` cannot be read", path.display())]
    Read {
        /// What.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// It is nothing that an image can have.
    #[error("`{}` is a {kind}: an image is a directory of files, directories and symbolic links", path.display())]
    Kind {
        /// Which entry.
        path: PathBuf,
        /// What it is.
        kind: &'static str,
    },
    /// Somebody has changed it meanwhile.
    #[error("`{}` changed while it was read", path.display())]
    Changed {
        /// Which entry.
        path: PathBuf,
    },
    /// There are too many files, directories and links.
    #[error("there are more than {entries_max} entries: raise entries_max")]
    TooMany {
        /// How many there may be.
        entries_max: u64,
    },
    /// There are too many bytes.
    #[error("there are more than {bytes_max} bytes in files: raise bytes_max")]
    TooLarge {
        /// How many there may be.
        bytes_max: u64,
    },
    /// Directories are nested too deeply.
    #[error("`{}` is more than {depth_max} levels deep: raise depth_max", path.display())]
    TooDeep {
        /// Which directory.
        path: PathBuf,
        /// How many levels there may be.
        depth_max: usize,
    },
    /// The tree of the image does not take it.
    #[error("`{}` cannot be kept", path.display())]
    Tree {
        /// What.
        path: PathBuf,
        /// Why not.
        source: TreeError,
    },
}
