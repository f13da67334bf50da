//! Loads and stores by address, for those who do not keep pointers: page walkers, loaders, the host.
//!
//! Each holds the lock of a region while it looks at a page, so no frame can go away meanwhile; what is absent is
//! brought in first.

use super::raw::{Frame, PAGE, Words, zero_words};
use super::region::{Refusal, Region};
use super::{Access, Memory, MemoryError, words};
use crate::coherence::Held;
use crate::{GuestAddress, PageNumber};

/// A value that a guest's memory holds at once: an integer of 1 to 8 bytes.
pub trait Word: Copy + sealed::Sealed {
    /// Its bytes as memory holds them, the lowest first.
    type Bytes: AsRef<[u8]> + AsMut<[u8]> + Default + Copy;

    /// Takes it apart.
    fn to_bytes(self) -> Self::Bytes;

    /// Puts it together.
    fn from_bytes(bytes: Self::Bytes) -> Self;

    /// Exchanges one for another in the words of a page.
    #[doc(hidden)]
    fn exchange(_: sealed::Place<'_>, expected: Self, new: Self) -> Result<(), Self>;
}

pub(super) mod sealed {
    use crate::memory::raw::Words;

    pub trait Sealed {}

    #[derive(Debug)]
    pub struct Place<'a> {
        pub(in crate::memory) words: &'a Words,
        pub(in crate::memory) offset: usize,
    }
}

macro_rules! word {
    ($($integer:ty),*) => {$(
        impl sealed::Sealed for $integer {}

        impl Word for $integer {
            type Bytes = [u8; size_of::<$integer>()];

            fn to_bytes(self) -> Self::Bytes {
                self.to_le_bytes()
            }

            fn from_bytes(bytes: Self::Bytes) -> Self {
                Self::from_le_bytes(bytes)
            }

            fn exchange(place: sealed::Place<'_>, expected: Self, new: Self) -> Result<(), Self> {
                words::compare_exchange(place.words, place.offset, expected.to_le_bytes(), new.to_le_bytes())
                    .map_err(Self::from_le_bytes)
            }
        }
    )*};
}

word!(u8, u16, u32, u64);

impl Memory {
    /// Reads a value, at once if it is aligned to its length.
    ///
    /// # Errors
    ///
    /// If it is not all in memory, or is absent and cannot be brought in.
    pub fn load<W: Word>(&self, address: GuestAddress) -> Result<W, MemoryError> {
        let mut bytes = W::Bytes::default();
        self.read_bytes(address, bytes.as_mut())?;
        Ok(W::from_bytes(bytes))
    }

    /// Writes a value, at once if it is aligned to its length.
    ///
    /// # Errors
    ///
    /// If it is not all in memory, or is absent and cannot be brought in, or there is no frame for it.
    pub fn store<W: Word>(&self, address: GuestAddress, value: W) -> Result<(), MemoryError> {
        self.write_bytes(address, value.to_bytes().as_ref())
    }

    /// Exchanges a value for another if it is what was expected, else returns what it is.
    ///
    /// # Errors
    ///
    /// If it is not aligned, or it is not in memory, or it is absent and cannot be brought in, or there is no frame for it.
    pub fn compare_exchange<W: Word>(
        &self,
        address: GuestAddress,
        expected: W,
        new: W,
    ) -> Result<Result<(), W>, MemoryError> {
        let bytes = size_of::<W>() as u64;
        if !address.get().is_multiple_of(bytes) {
            return Err(MemoryError::Misaligned { address, bytes });
        }
        let offset = address.offset() as usize;
        self.check(address, bytes)?;
        self.write_page(address, |words| W::exchange(sealed::Place { words, offset }, expected, new))
    }

    /// Reads bytes.
    ///
    /// # Errors
    ///
    /// If they are not all in memory, or some are absent and cannot be brought in.
    pub fn read_bytes(&self, address: GuestAddress, bytes: &mut [u8]) -> Result<(), MemoryError> {
        self.check(address, bytes.len() as u64)?;
        let mut rest = bytes;
        for (at, length) in pieces(address, rest.len()) {
            let (piece, later) = rest.split_at_mut(length);
            self.read_page(at, |words| words::read(words, at.offset() as usize, piece))?;
            rest = later;
        }
        Ok(())
    }

    /// Writes bytes. Readers that have older pointers to replaced pages see them as soon as they have caught up.
    ///
    /// # Errors
    ///
    /// If they are not all in memory, or some are absent and cannot be brought in, or there is no frame for them; some of
    /// them may be written then.
    pub fn write_bytes(&self, address: GuestAddress, bytes: &[u8]) -> Result<(), MemoryError> {
        self.check(address, bytes.len() as u64)?;
        let mut rest = bytes;
        for (at, length) in pieces(address, rest.len()) {
            let (piece, later) = rest.split_at(length);
            self.write_page(at, |words| words::write(words, at.offset() as usize, piece))?;
            rest = later;
        }
        Ok(())
    }

    fn read_page<T>(&self, address: GuestAddress, read: impl FnOnce(&Words) -> T) -> Result<T, MemoryError> {
        loop {
            let (region, index) = self.region(address.page())?;
            match region.as_deref() {
                Some(region) if !region.is_here(index, Held::Read) => {}
                Some(region) => return Ok(read(region.frame(index).map_or(zero_words(), Frame::words))),
                None => return Ok(read(zero_words())),
            }
            drop(region);
            self.bring_in_with_room(address.page(), Access::Read)?;
        }
    }

    fn write_page<T>(
        &self,
        address: GuestAddress,
        write: impl FnOnce(&Words) -> T,
    ) -> Result<T, MemoryError> {
        let mut write = Some(write);
        self.on_page(address, Access::Write, |region, page| {
            region.make_writable(page, self.ctx())?;
            let write = write.take().expect("a page is written once");
            let frame = region.frame(page).expect("a page that can be written has a frame");
            Ok(write(frame.words()))
        })
    }

    /// Does something with a page under the lock of its region, after bringing it in if it was refused as absent.
    pub(super) fn on_page<T>(
        &self,
        address: GuestAddress,
        access: Access,
        mut action: impl FnMut(&mut Region, usize) -> Result<T, Refusal>,
    ) -> Result<T, MemoryError> {
        let page = address.page();
        loop {
            let (mut region, index) = self.region(page)?;
            let refusal = match action(region.get_or_insert_default(), index) {
                Ok(result) => return Ok(result),
                Err(refusal) => refusal,
            };
            drop(region);
            match refusal {
                Refusal::Absent => self.bring_in_with_room(page, access)?,
                Refusal::Full => self.make_room(page)?,
            }
        }
    }

    /// Brings a page in, or waits until there is room for it.
    fn bring_in_with_room(&self, page: PageNumber, access: Access) -> Result<(), MemoryError> {
        match self.bring_in(page, access) {
            Err(MemoryError::Full { .. }) => self.make_room(page),
            done => done,
        }
    }

    fn make_room(&self, page: PageNumber) -> Result<(), MemoryError> {
        match self.pager.get() {
            Some(pager) => pager.make_room(page),
            None => Err(self.full(page).into()),
        }
    }

    /// Whether so many bytes from an address on are all in memory.
    #[must_use]
    pub fn contains(&self, address: GuestAddress, bytes: u64) -> bool {
        self.check(address, bytes).is_ok()
    }

    pub(super) fn check(&self, address: GuestAddress, bytes: u64) -> Result<(), MemoryError> {
        let offset = address.get().checked_sub(self.base().get());
        match offset.and_then(|offset| offset.checked_add(bytes)) {
            Some(end) if end <= self.bytes() => Ok(()),
            _ => Err(MemoryError::Outside { address, bytes }),
        }
    }
}

/// Where the pieces of a range begin that each lie in one page, and how long they are.
pub(super) fn pieces(address: GuestAddress, length: usize) -> impl Iterator<Item = (GuestAddress, usize)> {
    let mut done = 0;
    std::iter::from_fn(move || {
        let at = GuestAddress::new(address.get() + done as u64);
        let piece = (PAGE - at.offset() as usize).min(length - done);
        done += piece;
        (piece > 0).then_some((at, piece))
    })
}
