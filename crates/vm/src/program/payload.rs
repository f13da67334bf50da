//! [`Invocation`]: what a transaction says beside its accesses.

use ironloom_blob::BlobId;
use ironloom_core::Seed;
use ironloom_core::borsh::{BorshDeserialize, BorshSerialize};
use ironloom_state::ResourceId;

/// Which program a transaction runs, and with what.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
#[borsh(crate = "ironloom_core::borsh")]
pub struct Invocation {
    /// The program's source.
    pub program: BlobId,
    /// The resources that it calls by their place here, from 1 on. The transaction declares its accesses to them.
    pub resources: Vec<ResourceId>,
    /// What the program finds as `...`.
    pub arguments: Vec<Vec<u8>>,
    /// What all its chance comes from.
    pub seed: Seed,
}

impl Invocation {
    /// A program with resources and arguments, and the seed 0.
    #[must_use]
    pub fn of(program: BlobId, resources: &[ResourceId], arguments: &[&[u8]]) -> Self {
        let arguments = arguments.iter().map(|argument| argument.to_vec()).collect();
        Self { program, resources: resources.to_vec(), arguments, seed: Seed::default() }
    }
}
