//! [`Batch`]: an ordered group of transactions, before it is submitted.

use blake3::Hasher;
use borsh::BorshSerialize;
use ironloom_blob::Durability;
use ironloom_core::local_id;
use thiserror::Error;

use crate::{Access, ResourceId};

local_id! {
    /// A batch, in the order of submission: the numbers rise, and none ever names another batch.
    pub struct BatchId(u64) = "batch";
}

impl BatchId {
    /// The state before the first batch, in which nothing exists.
    pub const GENESIS: Self = Self::new(0);
}

/// An ordered group of transactions that commits whole or never happened.
///
/// ```
/// use ironloom_state::{Access, Batch, ResourceId};
///
/// let (alice, bob) = (ResourceId::named("alice"), ResourceId::named("bob"));
/// let mut batch = Batch::new("monday");
/// batch.push(&[Access::write(alice), Access::write(bob)], 30_u64)?;
/// batch.push(&[Access::read(bob)], 0_u64)?;
/// assert_eq!(batch.len(), 2);
/// # Ok::<(), ironloom_state::BatchError>(())
/// ```
#[derive(Debug, Clone)]
pub struct Batch<P> {
    pub(crate) metadata: Vec<u8>,
    pub(crate) durability: Durability,
    /// The accesses of all transactions, those of one transaction in the order of their resources.
    pub(crate) accesses: Vec<Access>,
    pub(crate) transactions: Vec<Transaction<P>>,
}

#[derive(Debug, Clone)]
pub(crate) struct Transaction<P> {
    pub(crate) payload: P,
    /// How much it may spend; `None` for what the configuration says.
    pub(crate) budget: Option<u64>,
    /// How many of the batch's accesses are its own and those of the transactions before it.
    pub(crate) accesses_end: u32,
}

impl<P> Batch<P> {
    /// A batch without transactions; the metadata is kept with it and means nothing here.
    #[must_use]
    pub fn new(metadata: impl Into<Vec<u8>>) -> Self {
        Self {
            metadata: metadata.into(),
            durability: Durability::Buffered,
            accesses: Vec::new(),
            transactions: Vec::new(),
        }
    }

    /// The same batch, to be synced as soon as it is committed.
    #[must_use]
    pub fn synced(self) -> Self {
        Self { durability: Durability::Synced, ..self }
    }

    /// Adds a transaction behind the others.
    ///
    /// # Errors
    ///
    /// If a resource is declared twice, or there are too many accesses to count. The batch stays as it was.
    pub fn push(&mut self, accesses: &[Access], payload: P) -> Result<&mut Self, BatchError> {
        self.add(accesses, payload, None)
    }

    /// Adds a transaction that may spend so much, whatever the configuration says.
    ///
    /// # Errors
    ///
    /// As for [`push`](Self::push).
    pub fn push_with_budget(
        &mut self,
        accesses: &[Access],
        payload: P,
        budget: u64,
    ) -> Result<&mut Self, BatchError> {
        self.add(accesses, payload, Some(budget))
    }

    fn add(&mut self, accesses: &[Access], payload: P, budget: Option<u64>) -> Result<&mut Self, BatchError> {
        let start = self.accesses.len();
        let Ok(accesses_end) = u32::try_from(start + accesses.len()) else {
            return Err(BatchError::TooManyAccesses { transaction: self.transactions.len() });
        };
        self.accesses.extend_from_slice(accesses);
        let own = &mut self.accesses[start..];
        own.sort_unstable_by_key(|access| access.resource);
        if let Some(pair) = own.windows(2).find(|pair| pair[0].resource == pair[1].resource) {
            let resource = pair[0].resource;
            self.accesses.truncate(start);
            return Err(BatchError::DuplicateAccess { transaction: self.transactions.len(), resource });
        }
        self.transactions.push(Transaction { payload, budget, accesses_end });
        Ok(self)
    }

    /// How many transactions there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.transactions.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.transactions.is_empty()
    }
}

/// The hash by which a batch that returns after a rollback is recognised: of everything that its result depends on but
/// the state that it found.
pub(crate) struct Content {
    hasher: Hasher,
    /// What is to be hashed next: in large pieces, hashing is several times faster.
    piece: Vec<u8>,
}

impl Content {
    const PIECE_BYTES: usize = 64 << 10;

    pub(crate) fn new(metadata: &[u8], transactions: usize) -> Self {
        let hasher = Hasher::new_derive_key("ironloom-state 2026 batch content");
        let mut content = Self { hasher, piece: Vec::with_capacity(64 * transactions.min(1_024)) };
        content.add(&(metadata, transactions as u64));
        content
    }

    pub(crate) fn add_transaction(
        &mut self,
        payload: &impl BorshSerialize,
        budget: u64,
        accesses: impl ExactSizeIterator<Item = Access>,
    ) {
        self.add(payload);
        self.add(&(budget, accesses.len() as u64));
        accesses.for_each(|access| self.add(&access));
    }

    fn add(&mut self, part: &impl BorshSerialize) {
        part.serialize(&mut self.piece).expect("a payload that cannot be encoded is a bug of its type");
        if self.piece.len() >= Self::PIECE_BYTES {
            self.hasher.update(&self.piece);
            self.piece.clear();
        }
    }

    pub(crate) fn finish(mut self) -> [u8; 32] {
        self.hasher.update(&self.piece);
        self.hasher.finalize().into()
    }
}

/// Why a transaction cannot be part of a batch.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum BatchError {
    /// A resource is declared twice; declare the stronger access once.
    #[error("transaction {transaction} declares resource {resource} twice: declare it once")]
    DuplicateAccess {
        /// Which transaction of the batch.
        transaction: usize,
        /// Which resource.
        resource: ResourceId,
    },
    /// A batch counts its accesses in 32 bits.
    #[error("transaction {transaction} brings the batch to 2^32 accesses: begin another batch")]
    TooManyAccesses {
        /// Which transaction of the batch.
        transaction: usize,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_refused_leaves_the_batch_as_it_was() {
        let (a, b) = (ResourceId::numbered(1), ResourceId::numbered(2));
        let mut batch = Batch::new("");
        batch.push(&[Access::write(b), Access::read(a)], 1).unwrap();
        let refused = batch.push(&[Access::read(a), Access::write(b), Access::write(a)], 2).unwrap_err();
        assert_eq!(refused, BatchError::DuplicateAccess { transaction: 1, resource: a });
        assert_eq!((batch.len(), batch.accesses.as_slice()), (1, &[Access::read(a), Access::write(b)][..]));
    }
}
