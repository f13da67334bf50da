//! [`Shelf`]: where disks and snapshots of computers are stored, and [`Pin`]: what keeps them there.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use ironloom_blob::{BlobError, BlobId, BlobStore, MemoryStore, PinError, PinName};

/// What the names of all pins of computers begin with.
pub(crate) const PIN: &str = "computers-";

/// Where disks and snapshots of computers are stored.
#[derive(Debug)]
pub(super) struct Shelf {
    pub(super) store: Arc<dyn BlobStore>,
    /// The number of the next pin, if nobody has it.
    next: AtomicU64,
}

/// What keeps something in a store, until it is dropped.
#[derive(Debug)]
pub(super) struct Pin {
    store: Arc<dyn BlobStore>,
    name: PinName,
}

impl Default for Shelf {
    fn default() -> Self {
        Self::new(Arc::new(MemoryStore::new()))
    }
}

impl Shelf {
    pub(super) fn new(store: Arc<dyn BlobStore>) -> Self {
        Self { store, next: AtomicU64::new(0) }
    }

    /// A pin under a name that nobody has, which keeps nothing yet.
    pub(super) fn fresh(&self) -> Result<Pin, BlobError> {
        loop {
            let number = self.next.fetch_add(1, Ordering::Relaxed);
            let name: PinName = format!("{PIN}{number}").parse().expect("it is short and printable");
            if self.store.pin(&name)?.is_none() {
                return Ok(Pin { store: Arc::clone(&self.store), name });
            }
        }
    }

    /// Keeps a blob, with all that it links to.
    pub(super) fn hold(&self, blob: BlobId) -> Result<Pin, PinError> {
        let pin = self.fresh()?;
        self.store.set_pin(&pin.name, None, Some(blob))?;
        Ok(pin)
    }
}

impl Pin {
    pub(super) const fn name(&self) -> &PinName {
        &self.name
    }

    /// Another that keeps the same.
    pub(super) fn again(&self, shelf: &Shelf) -> Result<Option<Self>, PinError> {
        self.store.pin(&self.name)?.map(|blob| shelf.hold(blob)).transpose()
    }
}

impl Drop for Pin {
    /// If it cannot go, more is kept than is needed, and nothing is lost.
    fn drop(&mut self) {
        if let Ok(target @ Some(_)) = self.store.pin(&self.name) {
            let _ = self.store.set_pin(&self.name, target, None);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    use ironloom_blob::Durability;

    #[test]
    fn pins_come_and_go_and_leave_those_of_others_alone() {
        let shelf = Shelf::default();
        let blob = shelf.store.put(b"woven", Durability::Buffered).unwrap();
        let taken: PinName = "computers-0".parse().unwrap();
        shelf.store.set_pin(&taken, None, Some(blob)).unwrap();
        let pin = shelf.hold(blob).unwrap();
        let again = pin.again(&shelf).unwrap().unwrap();
        assert_eq!(shelf.store.pins().unwrap().len(), 3);
        drop((pin, again, shelf.fresh().unwrap()));
        assert_eq!(shelf.store.pins().unwrap(), [(taken, blob)]);
        assert!(shelf.hold(BlobId::of(b"nothing")).is_err());
    }
}
