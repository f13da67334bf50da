//! Those who look at a console: [`ViewerId`], [`Seen`].

use crate::os::{Errno, Tail};
use ironloom_core::borsh::{BorshDeserialize, BorshSerialize};

/// Somebody who looks at a console.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ViewerId(u32);

/// Where a viewer begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Begin {
    /// With what is kept of the output.
    Kept,
    /// With what is written from now on.
    Now,
}

/// What a viewer was given.
#[derive(Debug, Clone, PartialEq, Eq, Default, BorshSerialize, BorshDeserialize)]
#[borsh(crate = "ironloom_core::borsh")]
pub struct Seen {
    /// How many bytes before these it will never see, as it was too slow.
    pub lost: u64,
    /// What was written.
    pub bytes: Vec<u8>,
}

/// All who look at a console, each a position in its output.
#[derive(Debug, Default)]
pub(super) struct Viewers {
    viewers: Vec<Viewer>,
    next: u32,
    /// For whom programs wait.
    holder: Option<ViewerId>,
}

#[derive(Debug)]
struct Viewer {
    id: ViewerId,
    position: u64,
}

impl Viewers {
    pub(super) fn len(&self) -> usize {
        self.viewers.len()
    }

    pub(super) fn attach(&mut self, position: u64, max: u32) -> Result<ViewerId, Errno> {
        if self.viewers.len() >= max as usize {
            return Err(Errno::Busy);
        }
        let id = ViewerId(self.next);
        self.next = self.next.checked_add(1).ok_or(Errno::Busy)?;
        self.viewers.push(Viewer { id, position });
        Ok(id)
    }

    /// Whether programs waited for this one.
    pub(super) fn detach(&mut self, id: ViewerId) -> bool {
        self.viewers.retain(|viewer| viewer.id != id);
        let held = self.holder == Some(id);
        if held {
            self.holder = None;
        }
        if self.viewers.is_empty() {
            self.viewers = Vec::new();
        }
        held
    }

    /// Makes programs wait for this one.
    pub(super) fn hold(&mut self, id: ViewerId) -> Result<(), Errno> {
        match self.holder {
            Some(holder) if holder != id => Err(Errno::Busy),
            _ if !self.viewers.iter().any(|viewer| viewer.id == id) => Err(Errno::Invalid),
            _ => {
                self.holder = Some(id);
                Ok(())
            }
        }
    }

    /// How much more programs may write before they wait; `None` if they never do.
    pub(super) fn room(&self, output: &Tail, max: usize) -> Option<usize> {
        let holder = self.viewers.iter().find(|viewer| Some(viewer.id) == self.holder)?;
        let unseen = output.end() - holder.position.max(output.begin());
        Some(max.saturating_sub(unseen as usize))
    }

    /// Whether there is something that a viewer has not seen.
    pub(super) fn is_behind(&self, id: ViewerId, output: &Tail) -> bool {
        self.viewers.iter().any(|viewer| viewer.id == id && viewer.position < output.end())
    }

    /// Gives a viewer what it has not seen, and says whether programs may wait for that.
    pub(super) fn take(&mut self, id: ViewerId, output: &Tail, max: usize) -> Option<(Seen, bool)> {
        let viewer = self.viewers.iter_mut().find(|viewer| viewer.id == id)?;
        let lost = output.begin().saturating_sub(viewer.position);
        let begin = viewer.position + lost;
        let bytes = output.bytes_from(begin, max);
        viewer.position = begin + bytes.len() as u64;
        let is_waited_for = self.holder == Some(id) && viewer.position > begin;
        Some((Seen { lost, bytes }, is_waited_for))
    }
}
