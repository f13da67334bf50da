//! [`Checkpoint`]: what a process kept, handed to whoever comes after it.

use std::sync::Arc;

use ironloom_core::borsh::{BorshDeserialize, BorshSerialize};

use crate::os::{Invocation, Process};

use super::Machine;

/// What a process kept with `os.checkpoint`, and what it was started as. A process that is started as the same after the
/// machine came back finds it with `os.restored`.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
#[borsh(crate = "ironloom_core::borsh")]
pub struct Checkpoint {
    path: Vec<u8>,
    arguments: Vec<Vec<u8>>,
    content: Vec<u8>,
}

/// What is left for those who are still to come.
#[derive(Debug)]
pub(super) struct Left {
    checkpoints: Vec<Checkpoint>,
}

impl Checkpoint {
    fn of(process: &Process) -> Option<Self> {
        let content = process.checkpoint.as_ref().filter(|_| process.is_alive())?.to_vec();
        let Invocation { path, arguments, .. } = &process.invocation;
        let arguments = arguments.iter().map(|argument| argument.to_vec()).collect();
        Some(Self { path: path.to_vec(), arguments, content })
    }

    fn is_of(&self, invocation: &Invocation) -> bool {
        *self.path == *invocation.path
            && self.arguments.iter().map(Vec::as_slice).eq(invocation.arguments.iter().map(AsRef::as_ref))
    }
}

impl Machine {
    /// What its processes have kept, by number, and after that what nobody has taken yet of those before them.
    pub(crate) fn checkpoints(&self) -> Vec<Checkpoint> {
        let kept = self.table.iter().filter_map(Checkpoint::of);
        kept.chain(self.left.iter().flat_map(|left| &left.checkpoints).cloned()).collect()
    }

    /// Leaves something to those who come.
    pub(crate) fn leave(&mut self, checkpoints: Vec<Checkpoint>) {
        self.left = (!checkpoints.is_empty()).then(|| Box::new(Left { checkpoints }));
    }

    /// What is left to a process that begins as this: the first that fits.
    pub(super) fn take_left(&mut self, invocation: &Invocation) -> Option<Arc<[u8]>> {
        let left = &mut self.left.as_mut()?.checkpoints;
        let index = left.iter().position(|checkpoint| checkpoint.is_of(invocation))?;
        let content = left.remove(index).content.into();
        if left.is_empty() {
            self.left = None;
        }
        Some(content)
    }
}
