//! Reading what an image has, to see whether it is there and whole.

use ironloom_blob::{BlobId, BlobStore};

use super::image::{self, Extent, Node, SLOTS};
use super::restore::load_page;
use super::{Memory, MemoryError};

impl Memory {
    /// Reads all that an image has and `before` has not, to see whether it is there and whole. Of two that differ little
    /// that is little.
    ///
    /// # Errors
    ///
    /// If a part of it is absent or not sound, or the store fails. What is wrong with `before` does not matter.
    pub fn prove(store: &dyn BlobStore, image: BlobId, before: Option<BlobId>) -> Result<(), MemoryError> {
        let (extent, root) = load_root(store, image)?;
        let before = before.and_then(|before| load_root(store, before).ok());
        let before = before.filter(|(its, _)| *its == extent).map(|(_, root)| root);
        let mut pairs = vec![(root, before.unwrap_or_default())];
        for level in (0..extent.widths().len()).rev() {
            let read =
                |id| image::decode_node(id, u8::try_from(level).unwrap_or(u8::MAX), SLOTS, &store.get(id)?);
            let below = pairs.iter().flat_map(|(node, before)| new_in(node, before));
            let below = below.map(|(id, then)| {
                let then = then.and_then(|then| read(then).ok());
                Ok((read(id)?, then.unwrap_or_default()))
            });
            pairs = below.collect::<Result<_, MemoryError>>()?;
        }
        for (page, _) in pairs.iter().flat_map(|(node, before)| new_in(node, before)) {
            load_page(store, page)?;
        }
        Ok(())
    }
}

fn load_root(store: &dyn BlobStore, image: BlobId) -> Result<(Extent, Node), MemoryError> {
    image::decode_root(image, &store.get(image)?)
}

/// What a node leads to and the one before it does not, with what was in its place.
fn new_in(node: &Node, before: &Node) -> impl Iterator<Item = (BlobId, Option<BlobId>)> {
    let children = node.occupied().iter().map(|slot| (node.child(slot), before.child(slot)));
    children.filter(|(child, then)| child != then).filter_map(|(child, then)| Some((child?, then)))
}
