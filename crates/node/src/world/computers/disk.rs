//! [`Disk`]: a volume in the world's store, which is pinned for as long as a computer has it.

use std::sync::Arc;

use ironloom_blob::volume::Config;
use ironloom_blob::{BlobId, Volume, VolumeError};
use ironloom_hyper::board::{BlockDevice, BlockError};

use super::shelf::{Pin, Shelf};

/// What the length of a disk is a multiple of.
const SECTOR_BYTES: u64 = 512;

/// A volume in the world's store, which is pinned for as long as a computer has it.
#[derive(Debug)]
pub(super) struct Disk {
    volume: Volume,
    _pin: Pin,
    shelf: Arc<Shelf>,
}

impl Shelf {
    /// A disk of so many zeroes.
    pub(super) fn empty(self: &Arc<Self>, bytes: u64) -> Result<Disk, VolumeError> {
        let size = bytes.next_multiple_of(SECTOR_BYTES);
        self.keep(Volume::create(Arc::clone(&self.store), size, Config::default())?)
    }

    /// A disk that holds this.
    pub(super) fn holding(self: &Arc<Self>, mut image: &[u8]) -> Result<Disk, VolumeError> {
        let size = (image.len() as u64).next_multiple_of(SECTOR_BYTES);
        let disk = self.keep(Volume::create(Arc::clone(&self.store), 0, Config::default())?)?;
        disk.volume.import(&mut image)?;
        disk.volume.resize(size)?;
        disk.volume.snapshot()?;
        Ok(disk)
    }

    /// The disk that a snapshot holds.
    pub(super) fn open(self: &Arc<Self>, snapshot: BlobId) -> Result<Disk, VolumeError> {
        self.keep(Volume::open(Arc::clone(&self.store), snapshot, Config::default())?)
    }

    /// Pins a volume under a name that nobody has.
    fn keep(self: &Arc<Self>, volume: Volume) -> Result<Disk, VolumeError> {
        let pin = self.fresh()?;
        volume.pin(pin.name())?;
        Ok(Disk { volume, _pin: pin, shelf: Arc::clone(self) })
    }
}

impl BlockDevice for Disk {
    fn size(&self) -> u64 {
        self.volume.size()
    }

    fn is_read_only(&self) -> bool {
        false
    }

    fn read_at(&mut self, offset: u64, buffer: &mut [u8]) -> Result<(), BlockError> {
        Ok(self.volume.read_at(offset, buffer)?)
    }

    fn write_at(&mut self, offset: u64, bytes: &[u8]) -> Result<(), BlockError> {
        Ok(self.volume.write_at(offset, bytes)?)
    }

    /// What lasts is what a commit or a snapshot holds, and with the disk that brings back who flushed it: nothing of it
    /// is lost without the other.
    fn flush(&mut self) -> Result<(), BlockError> {
        Ok(())
    }

    fn write_zeroes(&mut self, offset: u64, bytes: u64, _may_forget: bool) -> Result<(), BlockError> {
        Ok(self.volume.write_zeroes(offset, bytes)?)
    }

    fn discard(&mut self, offset: u64, bytes: u64) -> Result<(), BlockError> {
        Ok(self.volume.discard(offset, bytes)?)
    }

    fn fork(&self) -> Result<Box<dyn BlockDevice>, BlockError> {
        Ok(Box::new(self.shelf.keep(self.volume.fork())?))
    }

    /// A fork without a pin, which would have to be synced: until it is stored nobody collects.
    fn capture(&self) -> Result<Box<dyn BlockDevice>, BlockError> {
        Ok(Box::new(self.volume.fork()))
    }

    fn snapshot(&mut self) -> Result<Option<BlobId>, BlockError> {
        Ok(Some(self.volume.snapshot()?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn byte(disk: &mut dyn BlockDevice, offset: u64) -> u8 {
        let mut byte = [0];
        disk.read_at(offset, &mut byte).unwrap();
        byte[0]
    }

    #[test]
    fn a_disk_is_pinned_until_nobody_has_it() {
        let shelf = Arc::new(Shelf::default());
        let mut disk = shelf.holding(&[7; 700]).unwrap();
        assert_eq!((disk.size(), byte(&mut disk, 699), byte(&mut disk, 700)), (1_024, 7, 0));
        let mut fork = BlockDevice::fork(&disk).unwrap();
        fork.write_at(0, &[9]).unwrap();
        let snapshot = BlockDevice::snapshot(&mut *fork).unwrap().unwrap();
        let mut opened = shelf.open(snapshot).unwrap();
        assert_eq!([byte(&mut disk, 0), byte(&mut *fork, 0), byte(&mut opened, 0)], [7, 9, 9]);
        assert_eq!(shelf.store.pins().unwrap().len(), 3);
        drop((disk, fork));
        assert_eq!(shelf.store.pins().unwrap().len(), 1);
        drop(opened);
        assert!(shelf.store.pins().unwrap().is_empty());
    }
}
