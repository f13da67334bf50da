//! [`Ledger`]: what a world's machines and its host share and change together.

use std::sync::Arc;

use ironloom_blob::{BlobId, BlobStore, Durability};
use ironloom_state::{Access, Batch, BatchId, Receipt, ResourceId};
use ironloom_vm::program::Invocation;

use super::KeepError;
use super::clerk::{Entry, Task};
use super::record::{is_reserved, program_resource};
use super::vault::Vault;

/// Shared values beside the machines of a kept world, changed by programs: batches of transactions that happen whole or not
/// at all, in the same history as the world's commits. Rolling the world back rolls them back too.
///
/// A program is a Luau script, as [`program`](ironloom_vm::program) describes.
///
/// ```
/// use ironloom_node::Task;
/// use ironloom_node::prelude::*;
///
/// let directory = tempfile::tempdir()?;
/// let town = World::builder(7).machine("bank", |bank| bank).describe()?;
/// let world = World::create(directory.path(), &town)?;
///
/// let ledger = world.ledger()?;
/// let pay = ledger.publish(
///     "local amount = tonumber((...))
///      local from, to = tonumber(resource.read(1) or 100), tonumber(resource.read(2) or 100)
///      assert(from >= amount, 'not so much is there')
///      resource.write(1, tostring(from - amount))
///      resource.write(2, tostring(to + amount))",
/// )?;
/// let payment = |amount: &str| Task::run(pay).writes("anna").writes("ben").argument(amount);
/// let (_, receipts) = ledger.submit([payment("30"), payment("300")])?;
/// assert!(receipts[0].is_applied() && !receipts[1].is_applied());
/// drop((world, ledger));
///
/// let world = World::open(directory.path())?;
/// assert_eq!(world.ledger()?.read("ben")?.as_deref(), Some(&b"130"[..]));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
pub struct Ledger {
    vault: Arc<Vault>,
}

impl Ledger {
    pub(super) fn new(vault: &Arc<Vault>) -> Self {
        Self { vault: Arc::clone(vault) }
    }

    /// Stores a program for good, and gives its name.
    ///
    /// # Errors
    ///
    /// If the world cannot be written to.
    pub fn publish(&self, source: &str) -> Result<BlobId, KeepError> {
        let program = self.vault.blobs.put(source.as_bytes(), Durability::Synced)?;
        let resource = program_resource(program);
        let mut batch = Batch::new("publish").synced();
        let entry = Entry::Keep(vec![(resource, Some(program.as_bytes().to_vec()))]);
        batch.push(&[Access::write(resource)], entry)?;
        self.vault.submit(batch)?;
        Ok(program)
    }

    /// Carries tasks out as one batch, which is there for good on return; its name, and what became of each.
    ///
    /// A task that fails changes nothing, and the others of the batch are carried out nevertheless.
    ///
    /// # Errors
    ///
    /// If the world cannot be written to, or a task names what belongs to the world.
    pub fn submit(
        &self,
        tasks: impl IntoIterator<Item = Task>,
    ) -> Result<(BatchId, Vec<Receipt>), KeepError> {
        let mut batch = Batch::new("ledger").synced();
        for task in tasks {
            let Task { program, resources, arguments, seed } = task;
            if let Some((resource, _)) = resources.iter().find(|(resource, _)| is_reserved(*resource)) {
                return Err(KeepError::Reserved { resource: resource.to_string() });
            }
            let accesses: Vec<Access> = resources
                .iter()
                .map(|(resource, writes)| match writes {
                    true => Access::write(*resource),
                    false => Access::read(*resource),
                })
                .collect();
            let resources = resources.into_iter().map(|(resource, _)| resource).collect();
            batch.push(&accesses, Entry::Run(Invocation { program, resources, arguments, seed }))?;
        }
        let submission = self.vault.submit(batch)?;
        Ok((submission.id(), submission.receipts()?))
    }

    /// What a resource holds.
    ///
    /// # Errors
    ///
    /// If it cannot be read.
    pub fn read(&self, resource: &str) -> Result<Option<Vec<u8>>, KeepError> {
        let value = self.vault.snapshot()?.get(ResourceId::named(resource))?;
        Ok(value.map(|value| value.to_vec()))
    }
}
