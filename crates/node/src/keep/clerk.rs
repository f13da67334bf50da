//! [`Clerk`]: carries out the transactions of a world's state.

use std::sync::Arc;

use ironloom_blob::{BlobId, BlobStore};
use ironloom_core::Seed;
use ironloom_core::borsh::{BorshDeserialize, BorshSerialize};
use ironloom_state::{Context, Failure, Processor, ResourceId};
use ironloom_vm::program::{self, Invocation, Programs};

/// Carries out the transactions of a world's state: those that keep the world, and programs.
pub(super) struct Clerk {
    programs: Programs,
}

/// A transaction.
#[derive(Debug, Clone, BorshSerialize, BorshDeserialize)]
#[borsh(crate = "ironloom_core::borsh")]
pub(super) enum Entry {
    /// Resources hold this from now on, or exist no more.
    Keep(Vec<(ResourceId, Option<Vec<u8>>)>),
    Run(Invocation),
}

/// A program with what it is run on: a transaction of a [`Ledger`](crate::Ledger).
///
/// The program finds the resources by their place, from 1 on, in the order in which they are named here.
#[derive(Debug, Clone)]
pub struct Task {
    pub(super) program: BlobId,
    pub(super) resources: Vec<(ResourceId, bool)>,
    pub(super) arguments: Vec<Vec<u8>>,
    pub(super) seed: Seed,
}

impl Task {
    /// A program that was [published](crate::Ledger::publish).
    #[must_use]
    pub const fn run(program: BlobId) -> Self {
        Self { program, resources: Vec::new(), arguments: Vec::new(), seed: Seed::new(0) }
    }

    /// The same, with a resource that it reads.
    #[must_use]
    pub fn reads(mut self, resource: &str) -> Self {
        self.resources.push((ResourceId::named(resource), false));
        self
    }

    /// The same, with a resource that it reads and writes.
    #[must_use]
    pub fn writes(mut self, resource: &str) -> Self {
        self.resources.push((ResourceId::named(resource), true));
        self
    }

    /// The same, with an argument.
    #[must_use]
    pub fn argument(mut self, argument: impl Into<Vec<u8>>) -> Self {
        self.arguments.push(argument.into());
        self
    }

    /// The same, with a seed for its chance.
    #[must_use]
    pub const fn seed(mut self, seed: Seed) -> Self {
        self.seed = seed;
        self
    }
}

impl Clerk {
    pub(super) fn new(blobs: Arc<dyn BlobStore>) -> Self {
        Self { programs: Programs::new(blobs, program::Config::default()) }
    }
}

impl Processor for Clerk {
    type Payload = Entry;

    fn execute(&self, context: &mut Context<'_>, entry: &Entry) -> Result<(), Failure> {
        match entry {
            Entry::Keep(changes) => changes.iter().try_for_each(|(resource, value)| match value {
                Some(value) => context.write(*resource, value.clone()),
                None => context.remove(*resource),
            }),
            Entry::Run(invocation) => self.programs.execute(context, invocation),
        }
    }
}
