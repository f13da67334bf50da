//! Writing a volume out: from what is dirty to a snapshot, and to the pin that keeps it.

use std::sync::Arc;

use super::codec;
use super::node::{Child, Node};
use super::{Volume, VolumeError};
use crate::{BlobId, Durability, PinError, PinName};

/// What belongs to whoever has the turn to write.
#[derive(Debug, Default)]
pub(super) struct Turn {
    pin: Option<Pin>,
    /// A first pin that may have been made although the attempt failed, and where it may point.
    attempt: Option<(PinName, [BlobId; 2])>,
}

/// The pin that moves with a volume.
#[derive(Debug)]
struct Pin {
    name: PinName,
    /// Where it points, as far as we know.
    target: BlobId,
    /// Where it may point instead, because an attempt to move it failed and nobody knows how far it got.
    doubt: Option<BlobId>,
}

impl Turn {
    /// Moves this pin with the volume from now on.
    pub(super) fn hold(&mut self, name: &PinName, target: BlobId) {
        self.pin = Some(Pin { name: name.clone(), target, doubt: None });
    }

    pub(super) fn is_pinned(&self) -> bool {
        self.pin.is_some()
    }
}

impl Volume {
    /// The name of what the volume contains now. Whoever has it can [`open`](Self::open) the volume as it is now.
    ///
    /// It stores what is dirty, and takes no time if nothing is. If the volume has a pin, that points to the snapshot
    /// when this returns, and a crash does not lose it. Otherwise the snapshot is the caller's to pin, and the volume
    /// stands on it from now on.
    ///
    /// # Errors
    ///
    /// If the store fails or somebody else moved the pin. What is dirty stays so, and the next attempt starts again.
    pub fn snapshot(&self) -> Result<BlobId, VolumeError> {
        self.checkpoint(&mut self.turn.lock())
    }

    /// What a disk does when it is told to flush: all writes that returned before this call are in a snapshot that
    /// survives a crash and a power failure. Returns its name.
    ///
    /// A volume with a pin is found there again; without one, somebody has to remember the name, and pin it.
    ///
    /// # Errors
    ///
    /// As in [`snapshot`](Self::snapshot).
    pub fn flush(&self) -> Result<BlobId, VolumeError> {
        let mut turn = self.turn.lock();
        let id = self.checkpoint(&mut turn)?;
        if !turn.is_pinned() {
            // A pin has moved after a sync already.
            self.loader.store.sync()?;
        }
        Ok(id)
    }

    /// Takes a snapshot, makes a new pin point to it, and moves that pin with every snapshot from now on. Returns the
    /// snapshot, which survives a crash.
    ///
    /// # Errors
    ///
    /// If the volume has a pin, there is one of this name already, or the store fails; then the pin may have been made
    /// or not, and another attempt by this volume takes it.
    pub fn pin(&self, name: &PinName) -> Result<BlobId, VolumeError> {
        let mut turn = self.turn.lock();
        if let Some(pin) = &turn.pin {
            return Err(VolumeError::Pinned { name: pin.name.clone() });
        }
        let (id, root) = self.write_out()?;
        self.loader.store.sync()?;
        self.make_pin(&mut turn, name, id)?;
        self.state.write().settle(id, root);
        Ok(id)
    }

    /// Stores what is dirty and moves the pin, if there is one. Only then is anything forgotten.
    pub(super) fn checkpoint(&self, turn: &mut Turn) -> Result<BlobId, VolumeError> {
        let (id, root) = self.write_out()?;
        if let Some(pin) = &mut turn.pin {
            self.move_pin(pin, id)?;
        }
        self.state.write().settle(id, root);
        Ok(id)
    }

    /// Makes a pin, or takes the one that an attempt before made although it failed.
    fn make_pin(&self, turn: &mut Turn, name: &PinName, id: BlobId) -> Result<(), VolumeError> {
        let store = &self.loader.store;
        let expected = match &turn.attempt {
            Some((attempted, made)) if attempted == name => {
                store.pin(name)?.filter(|found| made.contains(found))
            }
            _ => None,
        };
        turn.attempt = Some((name.clone(), [expected.unwrap_or(id), id]));
        let result = store.set_pin(name, expected, Some(id));
        if matches!(result, Ok(()) | Err(PinError::Moved { .. })) {
            turn.attempt = None;
        }
        result?;
        turn.hold(name, id);
        Ok(())
    }

    fn move_pin(&self, pin: &mut Pin, id: BlobId) -> Result<(), VolumeError> {
        let store = &self.loader.store;
        if pin.doubt.is_none() && pin.target == id {
            return Ok(());
        }
        // A pin is durable at once. What it points to must be so before it.
        store.sync()?;
        // Whoever failed to make a move durable may show it all the same. So after a failure the pin is moved again,
        // even if it seems to be where it should.
        if let Some(doubt) = pin.doubt
            && store.pin(&pin.name)? == Some(doubt)
        {
            pin.target = doubt;
        }
        pin.doubt = Some(id);
        store.set_pin(&pin.name, Some(pin.target), Some(id))?;
        (pin.target, pin.doubt) = (id, None);
        Ok(())
    }

    /// Puts everything that is held into the store; returns the root and its name. The volume stays as it is.
    fn write_out(&self) -> Result<(BlobId, Arc<Node>), VolumeError> {
        let state = self.state.read().clone();
        if let (Some(id), 0) = (state.clean, state.dirty_bytes) {
            return Ok((id, state.root));
        }
        let root = self.store_children(&state.root)?;
        let blob = codec::encode_root(state.size, state.geometry, &root);
        let id = self.loader.store.put(&blob, Durability::Buffered)?;
        Ok((id, Arc::new(root)))
    }

    /// The node as it is once everything below it is stored.
    fn store_children(&self, node: &Node) -> Result<Node, VolumeError> {
        let mut stored = Node::new(node.level());
        if node.level() == 0 {
            self.store_extents(node, &mut stored)?;
        }
        for (slot, child) in node.children() {
            let id = match child {
                Child::Stored(id) => Some(*id),
                Child::Node(below) => self.store_node(below)?,
                Child::Extent(_) => None, // stored before, with all of its siblings
            };
            if let Some(id) = id {
                stored.set(slot, Child::Stored(id));
            }
        }
        Ok(stored)
    }

    /// Stores a node and everything below it; `None` if there is nothing but zeroes.
    fn store_node(&self, node: &Node) -> Result<Option<BlobId>, VolumeError> {
        let stored = self.store_children(node)?;
        if stored.is_empty() {
            return Ok(None);
        }
        let id = self.loader.store.put(&codec::encode_node(&stored), Durability::Buffered)?;
        self.loader.keep_node(id, &Arc::new(stored));
        Ok(Some(id))
    }

    /// Stores the extents held by a node of level zero, except those that are all zeroes.
    fn store_extents(&self, node: &Node, stored: &mut Node) -> Result<(), VolumeError> {
        let mut slots = Vec::new();
        let mut extents = Vec::new();
        for (slot, child) in node.children() {
            if let Child::Extent(extent) = child
                && !extent.content().is_empty()
            {
                slots.push(slot);
                extents.push(extent);
            }
        }
        let contents: Vec<&[u8]> = extents.iter().map(|extent| extent.content()).collect();
        let ids = self.loader.store.put_many(&contents, Durability::Buffered)?;
        for ((slot, extent), id) in slots.into_iter().zip(extents).zip(ids) {
            stored.set(slot, Child::Stored(id));
            self.loader.keep_extent(id, extent.share());
        }
        Ok(())
    }
}
