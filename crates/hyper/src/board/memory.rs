//! [`DeviceMemory`]: what devices need of a guest's memory besides its bytes.

use vm_memory::GuestMemory;

use crate::PageNumber;
use crate::memory::MemoryError;

/// The memory of a guest, as devices use it.
pub trait DeviceMemory: GuestMemory {
    /// The guest does without these pages from now on: they become zeroes that take no room, until somebody writes there
    /// again.
    ///
    /// Those that are not in memory, or that a device is using, stay as they are.
    ///
    /// # Errors
    ///
    /// If it cannot be found out what a page is, or other hosts do not let go of it.
    fn give_up(&self, pages: &[PageNumber]) -> Result<(), MemoryError>;
}
