//! Compression, if it pays.
//!
//! Most content that does not compress is known by its sample: compressed and encrypted bytes use all values equally.
//! What passes is compressed, and kept compressed if that saves an eighth.

use std::borrow::Cow;

use super::config::Compression;
use super::record::Codec;

/// Below this, what could be saved is less than what a record costs anyway.
const BYTES_MIN: usize = 256;
/// How many words of eight bytes are looked at.
const SAMPLE_WORDS: usize = 8;
/// Of 64 random bytes 57 are different, give or take three; of 64 bytes of text 25.
const DIFFERENT_MAX: u32 = 48;

/// The bytes to store for this content.
pub(crate) fn compress(content: &[u8], compression: Compression) -> (Codec, Cow<'_, [u8]>) {
    match compression {
        Compression::Lz4 if content.len() >= BYTES_MIN && promises(content) => {
            let compressed = lz4_flex::block::compress(content);
            if compressed.len() <= content.len() - content.len() / 8 {
                return (Codec::Lz4, Cow::Owned(compressed));
            }
            (Codec::Plain, Cow::Borrowed(content))
        }
        _ => (Codec::Plain, Cow::Borrowed(content)),
    }
}

/// Whether a sample uses few enough values. It must cost little beside hashing 4 KiB.
fn promises(content: &[u8]) -> bool {
    let words = content.as_chunks::<8>().0;
    let mut seen = [0u64; 4];
    for word in words.iter().step_by(words.len() / SAMPLE_WORDS).take(SAMPLE_WORDS) {
        for byte in word {
            seen[usize::from(byte >> 6)] |= 1 << (byte & 63);
        }
    }
    seen.iter().map(|bits| bits.count_ones()).sum::<u32>() <= DIFFERENT_MAX
}

const _: () = assert!(BYTES_MIN / 8 >= SAMPLE_WORDS, "a step of zero words is none");

/// The content that was stored like this; `None` if it cannot have been.
pub(crate) fn decompress(codec: Codec, stored: &[u8], length: usize) -> Option<Vec<u8>> {
    match codec {
        Codec::Plain => (stored.len() == length).then(|| stored.to_vec()),
        Codec::Lz4 => {
            let mut content = vec![0; length];
            let written = lz4_flex::block::decompress_into(stored, &mut content).ok()?;
            (written == length).then_some(content)
        }
    }
}

#[cfg(test)]
mod tests {
    use ironloom_core::{Rng, Seed};
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn what_is_compressed_comes_back(words in prop::collection::vec(0..50u8, 0..2_000)) {
            let (codec, stored) = compress(&words, Compression::Lz4);
            prop_assert!(stored.len() <= words.len());
            prop_assert_eq!(decompress(codec, &stored, words.len()), Some(words));
        }

        #[test]
        fn arbitrary_bytes_are_refused_or_have_the_length(stored: Vec<u8>, length in 0..5_000usize) {
            if let Some(content) = decompress(Codec::Lz4, &stored, length) {
                prop_assert_eq!(content.len(), length);
            }
        }
    }

    #[test]
    fn noise_is_left_alone_and_text_is_not() {
        let mut noise = vec![0; 10_000];
        Rng::new(Seed::new(1)).fill(&mut noise);
        assert_eq!(compress(&noise, Compression::Lz4).0, Codec::Plain);
        let text = "the quick brown fox jumps over the lazy dog. ".repeat(100);
        let (codec, stored) = compress(text.as_bytes(), Compression::Lz4);
        assert_eq!(codec, Codec::Lz4);
        assert!(stored.len() < text.len() / 4);
        assert_eq!(compress(text.as_bytes(), Compression::Off).0, Codec::Plain);
    }
}
