//! Pages of Luau, laid so that a page that is nearly empty touches one page of the host.
//!
//! Luau asks for pages of 16 and 32 KiB, one or more for each size of object. It writes a head at a page's beginning and
//! takes blocks from its end, so a page from which little was taken touches the host's memory in two places. Here one page
//! ends where the next begins, and both places are in the same 4 KiB. Of an idle machine with its own heap that is a tenth.

use std::alloc::{Layout, alloc, dealloc};
use std::ptr::NonNull;

use parking_lot::Mutex;

/// The sizes that Luau asks for: what a chunk is made of is a little more.
const SIZES: [usize; 2] = [(16 << 10) - 24, (32 << 10) - 24];
/// What lies between the beginnings of two pages.
const STRIDES: [usize; 2] = [16 << 10, 32 << 10];
/// Where in a chunk the first page begins: with its head, of 64 bytes, at the end of a page of the host.
const FIRST: usize = 4096 - 64;
/// How many bytes a chunk has, and what it begins at a multiple of.
const CHUNK: usize = 1 << 20;
/// How many pages of each size a chunk has.
const COUNTS: [u32; 2] = [(CHUNK / STRIDES[0]) as u32 - 1, (CHUNK / STRIDES[1]) as u32 - 1];

/// What is at the beginning of a chunk.
#[derive(Debug)]
struct Chunk {
    /// A bit for each page that nobody has.
    free: u64,
    /// Its place among the chunks with free pages, if it has any.
    place: usize,
}

/// Chunks of one size that have free pages.
#[derive(Debug)]
struct Pool(Vec<NonNull<Chunk>>);

// SAFETY: chunks are only looked at by whoever has the pool.
unsafe impl Send for Pool {}

static POOLS: [Mutex<Pool>; 2] = [const { Mutex::new(Pool(Vec::new())) }; 2];

/// Which of the sizes this is, if it is one.
#[inline]
pub(super) fn class(bytes: usize) -> Option<usize> {
    SIZES.iter().position(|size| *size == bytes)
}

/// A page, or nothing if the program has no memory.
pub(super) fn take(class: usize) -> Option<NonNull<u8>> {
    let mut pool = POOLS[class].lock();
    let chunk = match pool.0.last() {
        Some(chunk) => *chunk,
        None => pool.open(class)?,
    };
    // SAFETY: the chunks of a pool are there, and whoever has the lock may look at them.
    let head = unsafe { &mut *chunk.as_ptr() };
    let page = head.free.trailing_zeros();
    head.free &= head.free - 1;
    if head.free == 0 {
        pool.0.pop();
    }
    // SAFETY: the page is one of the chunk's.
    Some(unsafe { chunk.cast::<u8>().add(FIRST + page as usize * STRIDES[class]) })
}

/// Gives a page back.
///
/// # Safety
///
/// It was taken as one of this class, and nobody uses it any more.
pub(super) unsafe fn give_back(class: usize, page: NonNull<u8>) {
    let mut pool = POOLS[class].lock();
    let distance = page.addr().get() % CHUNK;
    // SAFETY: chunks begin at multiples of their size, so this is where the page's chunk begins.
    let chunk = unsafe { page.sub(distance) }.cast::<Chunk>();
    // SAFETY: as in `take`.
    let head = unsafe { &mut *chunk.as_ptr() };
    if head.free == 0 {
        head.place = pool.0.len();
        pool.0.push(chunk);
    }
    head.free |= 1 << ((distance - FIRST) / STRIDES[class]);
    if head.free.count_ones() == COUNTS[class] && pool.0.len() > 1 {
        pool.close(chunk);
    }
}

impl Pool {
    /// Adds a chunk.
    fn open(&mut self, class: usize) -> Option<NonNull<Chunk>> {
        // SAFETY: the layout has a size.
        let chunk = NonNull::new(unsafe { alloc(layout()) })?.cast::<Chunk>();
        let free = (1 << COUNTS[class]) - 1;
        // SAFETY: there is room before the first page, and nobody else knows of it.
        unsafe { chunk.write(Chunk { free, place: self.0.len() }) };
        self.0.push(chunk);
        Some(chunk)
    }

    /// Gives back a chunk all of whose pages are free.
    fn close(&mut self, chunk: NonNull<Chunk>) {
        // SAFETY: it is one of the pool's, as are all others.
        unsafe {
            let place = chunk.as_ref().place;
            self.0.swap_remove(place);
            if let Some(mut moved) = self.0.get(place).copied() {
                moved.as_mut().place = place;
            }
            dealloc(chunk.as_ptr().cast(), layout());
        }
    }
}

fn layout() -> Layout {
    Layout::from_size_align(CHUNK, CHUNK).expect("this is a power of two")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_are_apart_and_come_back() {
        for class in 0..2 {
            let count = COUNTS[class] as usize * 3;
            let mut pages: Vec<_> = (0..count).map(|_| take(class).unwrap()).collect();
            for (number, page) in pages.iter().enumerate() {
                assert_eq!(page.addr().get() % 4096, FIRST);
                // SAFETY: the page is ours and has this size.
                unsafe { page.write_bytes(number as u8, SIZES[class]) };
            }
            for (number, page) in pages.iter().enumerate() {
                // SAFETY: as above.
                let (first, last) = unsafe { (*page.as_ptr(), *page.add(SIZES[class] - 1).as_ptr()) };
                assert_eq!((first, last), (number as u8, number as u8));
            }
            let middle = pages.split_off(count / 3);
            for page in pages.into_iter().chain(middle) {
                // SAFETY: it was taken above.
                unsafe { give_back(class, page) };
            }
        }
    }
}
