//! The bytes of a page, reached by whole words so that others may reach them at the same time.
//!
//! A word is read or written at once; less than a word is written by exchanging the word that it is in. So nothing that
//! another hart writes beside it is lost, and no byte is ever seen half written.

use std::sync::atomic::Ordering::Relaxed;

use super::raw::{PAGE, WORDS, Words};

/// The bytes of a word.
pub(super) const WORD: usize = 8;

const _: () = assert!(PAGE == WORD * WORDS);

/// Copies a whole page.
pub(super) fn copy(source: &Words, target: &Words) {
    for (target, source) in target.iter().zip(source) {
        target.store(source.load(Relaxed), Relaxed);
    }
}

/// Makes a page zeroes.
pub(super) fn clear(target: &Words) {
    target.iter().for_each(|word| word.store(0, Relaxed));
}

/// Reads bytes of a page, which must have them.
pub(super) fn read(source: &Words, offset: usize, bytes: &mut [u8]) {
    let (head, rest) = split(offset, bytes.len());
    let (first, middle) = bytes.split_at_mut(head);
    if head > 0 {
        let word = source[offset / WORD].load(Relaxed).to_le_bytes();
        first.copy_from_slice(&word[offset % WORD..][..head]);
    }
    let source = &source[rest..];
    let (chunks, last) = middle.as_chunks_mut::<WORD>();
    for (chunk, word) in chunks.iter_mut().zip(source) {
        *chunk = word.load(Relaxed).to_le_bytes();
    }
    if !last.is_empty() {
        let word = source[chunks.len()].load(Relaxed).to_le_bytes();
        last.copy_from_slice(&word[..last.len()]);
    }
}

/// Writes bytes of a page, which must have room for them.
pub(super) fn write(target: &Words, offset: usize, bytes: &[u8]) {
    let (head, rest) = split(offset, bytes.len());
    let (first, middle) = bytes.split_at(head);
    if head > 0 {
        merge(target, offset, first);
    }
    let (chunks, last) = middle.as_chunks::<WORD>();
    for (word, chunk) in target[rest..].iter().zip(chunks) {
        word.store(u64::from_le_bytes(*chunk), Relaxed);
    }
    if !last.is_empty() {
        merge(target, (rest + chunks.len()) * WORD, last);
    }
}

/// How many bytes come before the first whole word, and which word that is.
fn split(offset: usize, length: usize) -> (usize, usize) {
    let head = (offset.next_multiple_of(WORD) - offset).min(length);
    (head, offset.div_ceil(WORD))
}

/// Writes a part of a word, and leaves the rest of it to whoever writes that at the same time.
fn merge(target: &Words, offset: usize, bytes: &[u8]) {
    update(target, offset, |word| word[offset % WORD..][..bytes.len()].copy_from_slice(bytes));
}

fn update(target: &Words, offset: usize, change: impl Fn(&mut [u8; WORD])) {
    let changed = |word: u64| {
        let mut bytes = word.to_le_bytes();
        change(&mut bytes);
        Some(u64::from_le_bytes(bytes))
    };
    let found = target[offset / WORD].fetch_update(Relaxed, Relaxed, changed);
    debug_assert!(found.is_ok(), "the change is made whatever is there");
}

/// Exchanges a value of up to a word, which lies within one word, if it is what was expected; else says what it is.
pub(super) fn compare_exchange<const N: usize>(
    target: &Words,
    offset: usize,
    expected: [u8; N],
    new: [u8; N],
) -> Result<(), [u8; N]> {
    use std::sync::atomic::Ordering::SeqCst;
    let place = offset % WORD;
    let found = |word: u64| -> [u8; N] {
        let bytes = word.to_le_bytes();
        std::array::from_fn(|index| bytes[place + index])
    };
    let exchange = |word: u64| {
        let mut bytes = word.to_le_bytes();
        bytes[place..][..N].copy_from_slice(&new);
        (found(word) == expected).then(|| u64::from_le_bytes(bytes))
    };
    target[offset / WORD].fetch_update(SeqCst, SeqCst, exchange).map(drop).map_err(found)
}

/// Copies a page out, and says whether any of it is not zero.
pub(super) fn copy_out(source: &Words, bytes: &mut [u8; PAGE]) -> bool {
    let mut any = 0;
    for (chunk, word) in bytes.as_chunks_mut::<WORD>().0.iter_mut().zip(source) {
        let word = word.load(Relaxed);
        any |= word;
        *chunk = word.to_le_bytes();
    }
    any != 0
}
