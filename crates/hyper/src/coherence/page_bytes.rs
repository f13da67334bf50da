//! [`PageBytes`]: the bytes of a page outside of the memory that it belongs to.

use std::cell::RefCell;
use std::fmt;
use std::io::{Error, ErrorKind, Read, Write};
use std::ops::{Deref, DerefMut};

use borsh::{BorshDeserialize, BorshSerialize};

use crate::PAGE_BYTES;

const PAGE: usize = PAGE_BYTES as usize;

/// How many buffers a thread keeps for the next pages.
///
/// Those who supply many pages one after another hold them until they are acknowledged, and then let them go together.
/// An allocator takes that for the end of a need: it gives the memory back to the system and gets it again, page fault by
/// page fault, for the next ones. That was a fifth of what it took to supply a page.
const SPARES_MAX: usize = 256;

thread_local! {
    static SPARES: RefCell<Vec<Box<[u8]>>> = const { RefCell::new(Vec::new()) };
}

/// The bytes of a page outside of the memory that it belongs to: on their way to another host, or as they once were.
pub struct PageBytes(Box<[u8]>);

impl PageBytes {
    /// Bytes that say nothing yet, for who overwrites all of them.
    pub(crate) fn blank() -> Self {
        let spare = SPARES.try_with(|spares| spares.borrow_mut().pop()).ok().flatten();
        Self(spare.unwrap_or_else(|| vec![0; PAGE].into()))
    }

    /// All zero.
    #[must_use]
    pub fn zero() -> Self {
        let mut bytes = Self::blank();
        bytes.fill(0);
        bytes
    }
}

impl From<&[u8; PAGE]> for PageBytes {
    fn from(page: &[u8; PAGE]) -> Self {
        let mut bytes = Self::blank();
        bytes.copy_from_slice(page);
        bytes
    }
}

impl Clone for PageBytes {
    fn clone(&self) -> Self {
        Self::from(&**self)
    }
}

impl Drop for PageBytes {
    fn drop(&mut self) {
        let bytes = std::mem::take(&mut self.0);
        // When the thread ends there are no spares any more.
        let _ = SPARES.try_with(|spares| {
            let mut spares = spares.borrow_mut();
            if spares.len() < SPARES_MAX {
                spares.push(bytes);
            }
        });
    }
}

impl Deref for PageBytes {
    type Target = [u8; PAGE];

    fn deref(&self) -> &[u8; PAGE] {
        self.0.first_chunk().expect("there are as many as in a page")
    }
}

impl DerefMut for PageBytes {
    fn deref_mut(&mut self) -> &mut [u8; PAGE] {
        self.0.first_chunk_mut().expect("there are as many as in a page")
    }
}

impl PartialEq for PageBytes {
    fn eq(&self, other: &Self) -> bool {
        self.0 == other.0
    }
}

impl Eq for PageBytes {}

impl fmt::Debug for PageBytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("PageBytes").field(&blake3::hash(&self.0).to_hex().as_str()).finish()
    }
}

impl BorshSerialize for PageBytes {
    fn serialize<W: Write>(&self, writer: &mut W) -> std::io::Result<()> {
        writer.write_all(&self.0)
    }
}

impl BorshDeserialize for PageBytes {
    fn deserialize_reader<R: Read>(reader: &mut R) -> std::io::Result<Self> {
        let mut bytes = Self::blank();
        match reader.read_exact(&mut *bytes) {
            Ok(()) => Ok(bytes),
            Err(error) if error.kind() == ErrorKind::UnexpectedEof => {
                Err(Error::new(ErrorKind::InvalidData, "the bytes of a page are cut short"))
            }
            Err(error) => Err(error),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_in_a_buffer_is_not_seen_in_the_next() {
        drop(PageBytes::from(&[7; PAGE]));
        assert_eq!(*PageBytes::zero(), [0; PAGE]);
        assert_eq!(*PageBytes::from(&[8; PAGE]).clone(), [8; PAGE]);
    }

    #[test]
    fn a_page_is_told_as_its_bytes_and_no_less() {
        let page = PageBytes::from(&[9; PAGE]);
        let told = borsh::to_vec(&page).unwrap();
        assert_eq!(told, [9; PAGE]);
        assert_eq!(borsh::from_slice::<PageBytes>(&told).unwrap(), page);
        assert!(borsh::from_slice::<PageBytes>(&told[1..]).is_err());
    }

    #[test]
    fn no_more_buffers_are_kept_than_may_be() {
        let many: Vec<PageBytes> = (0..2 * SPARES_MAX).map(|_| PageBytes::zero()).collect();
        drop(many);
        assert_eq!(SPARES.with(|spares| spares.borrow().len()), SPARES_MAX);
    }
}
