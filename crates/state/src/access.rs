//! [`Access`]: what a transaction declares about a resource before it runs.

use borsh::BorshSerialize;

use crate::ResourceId;

/// One resource that a transaction touches, and how.
///
/// ```
/// use ironloom_state::{Access, AccessKind, ResourceId};
///
/// let access = Access::write(ResourceId::named("account/7"));
/// assert_eq!(access.kind, AccessKind::Write);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, BorshSerialize)]
pub struct Access {
    /// Which resource.
    pub resource: ResourceId,
    /// Whether it may be changed.
    pub kind: AccessKind,
}

/// What a transaction may do to a resource.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, BorshSerialize)]
pub enum AccessKind {
    /// Look at it, together with everybody else who only looks.
    Read,
    /// Look at it, replace it and remove it, alone.
    Write,
}

impl Access {
    /// The transaction looks at the resource.
    #[must_use]
    pub const fn read(resource: ResourceId) -> Self {
        Self { resource, kind: AccessKind::Read }
    }

    /// The transaction may change the resource.
    #[must_use]
    pub const fn write(resource: ResourceId) -> Self {
        Self { resource, kind: AccessKind::Write }
    }
}
