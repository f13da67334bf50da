//! What a process is told when the tree refuses.

use ironloom_blob::tree::Name;
use ironloom_blob::{BlobError, TreeError};

use crate::os::Errno;

impl From<TreeError> for Errno {
    /// The limits of memory are apart from those of the disk: a full disk is the guest's, changes that nobody commits
    /// are the host's.
    fn from(error: TreeError) -> Self {
        match error {
            TreeError::NotFound { .. } | TreeError::PathLength { length: 0, .. } => Self::NotFound,
            TreeError::NotADirectory { .. } => Self::NotADirectory,
            TreeError::IsADirectory { .. } => Self::IsADirectory,
            TreeError::Exists { .. } => Self::Exists,
            TreeError::NotEmpty { .. } => Self::NotEmpty,
            TreeError::Unnamed { .. } => Self::Busy,
            TreeError::Name { length } if length > Name::BYTES_MAX => Self::NameTooLong,
            TreeError::PathLength { .. } | TreeError::TooDeep { .. } => Self::NameTooLong,
            TreeError::NotALink { .. }
            | TreeError::Inside { .. }
            | TreeError::Name { .. }
            | TreeError::Mode { .. }
            | TreeError::Pattern(_) => Self::Invalid,
            TreeError::Loop { .. } => Self::Loop,
            TreeError::FileLength { .. } | TreeError::ReadLength { .. } => Self::TooBig,
            TreeError::BytesQuota { .. }
            | TreeError::EntriesQuota { .. }
            | TreeError::Blob(BlobError::Full) => Self::NoSpace,
            TreeError::Dirty { .. } | TreeError::Orphans { .. } => Self::NoMemory,
            TreeError::Handle { .. } => Self::BadHandle,
            TreeError::Handles { .. } => Self::MachineFiles,
            _ => Self::Io,
        }
    }
}
