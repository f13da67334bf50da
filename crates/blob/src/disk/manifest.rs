//! Manifests: of which chunks a large blob is made, and its groups.
//!
//! ```text
//!  0       4         12      16         16 + 36·chunks                  … + 32·groups
//!  | ILBM  | length  | chunks | (length u32, id) …  | groups …          |
//! ```

use std::ops::Range;

use blake3::hazmat::ChainingValue;

use super::groups::{GROUP_BYTES, group_count, root};
use crate::BlobId;

const MAGIC: [u8; 4] = *b"ILBM";
const FIXED_BYTES: usize = 16;
const CHUNK_BYTES: usize = 36;

/// A piece of a large blob, stored as a blob of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Chunk {
    /// Where it ends in the blob.
    pub(crate) end: u64,
    pub(crate) id: BlobId,
}

/// What a large blob is made of.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Manifest {
    pub(crate) chunks: Vec<Chunk>,
    pub(crate) groups: Vec<ChainingValue>,
}

impl Manifest {
    /// How long the blob is.
    pub(crate) fn length(&self) -> u64 {
        self.chunks.last().map_or(0, |chunk| chunk.end)
    }

    /// The name of the blob.
    pub(crate) fn id(&self) -> BlobId {
        root(self.length(), &self.groups)
    }

    /// How much memory it takes.
    pub(crate) fn memory_bytes(&self) -> usize {
        self.chunks.len() * size_of::<Chunk>() + self.groups.len() * size_of::<ChainingValue>()
    }

    /// The chunks that overlap a range of the blob, each with the range of the blob that it is.
    pub(crate) fn overlapping(&self, range: Range<u64>) -> impl Iterator<Item = (BlobId, Range<u64>)> {
        let first = self.chunks.partition_point(|chunk| chunk.end <= range.start);
        let mut start = first.checked_sub(1).map_or(0, |before| self.chunks[before].end);
        self.chunks[first..]
            .iter()
            .map(move |chunk| (chunk.id, std::mem::replace(&mut start, chunk.end)..chunk.end))
            .take_while(move |(_, chunk)| chunk.start < range.end)
    }

    pub(crate) fn encode(&self) -> Vec<u8> {
        let bytes = FIXED_BYTES + self.chunks.len() * CHUNK_BYTES + self.groups.len() * 32;
        let mut encoded = Vec::with_capacity(bytes);
        encoded.extend_from_slice(&MAGIC);
        encoded.extend_from_slice(&self.length().to_le_bytes());
        encoded.extend_from_slice(&(self.chunks.len() as u32).to_le_bytes());
        let mut start = 0;
        for chunk in &self.chunks {
            encoded.extend_from_slice(&((chunk.end - start) as u32).to_le_bytes());
            encoded.extend_from_slice(chunk.id.as_bytes());
            start = chunk.end;
        }
        encoded.extend_from_slice(self.groups.as_flattened());
        encoded
    }

    /// Reads a manifest; `None` if these bytes are none. Whether it is that of a blob, [`id`](Self::id) tells.
    pub(crate) fn parse(bytes: &[u8]) -> Option<Self> {
        let rest = bytes.strip_prefix(&MAGIC)?;
        let (length, rest) = rest.split_first_chunk::<8>()?;
        let (count, rest) = rest.split_first_chunk::<4>()?;
        let length = u64::from_le_bytes(*length);
        let table_bytes = (u32::from_le_bytes(*count) as usize).checked_mul(CHUNK_BYTES)?;
        let (table, groups) = rest.split_at_checked(table_bytes)?;
        let (groups, rest) = groups.as_chunks::<32>();
        let mut chunks = Vec::with_capacity(table.len() / CHUNK_BYTES);
        let mut end = 0u64;
        for chunk in table.as_chunks::<CHUNK_BYTES>().0 {
            let (length, id) = chunk.split_first_chunk::<4>()?;
            end += u64::from(u32::from_le_bytes(*length));
            let id = BlobId::from_bytes(id.try_into().ok()?);
            chunks.push(Chunk { end, id });
        }
        let whole = end == length && length > GROUP_BYTES && group_count(length) == groups.len() as u64;
        (whole && rest.is_empty()).then(|| Self { chunks, groups: groups.to_vec() })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::disk::groups::groups;

    fn manifest(content: &[u8], chunk_bytes: usize) -> Manifest {
        let mut end = 0;
        let chunks = content.chunks(chunk_bytes).map(|piece| {
            end += piece.len() as u64;
            let id = BlobId::of(piece);
            Chunk { end, id }
        });
        Manifest { chunks: chunks.collect(), groups: groups(0, content).collect() }
    }

    proptest! {
        #[test]
        fn survives_and_names_its_blob(length in 16_385..100_000usize, chunk_bytes in 1_000..30_000usize) {
            let content: Vec<u8> = (0..length).map(|at| ((at * 7) >> 3) as u8).collect();
            let manifest = manifest(&content, chunk_bytes);
            prop_assert_eq!(manifest.id(), BlobId::of(&content));
            let bytes = manifest.encode();
            prop_assert_eq!(Manifest::parse(&bytes[..bytes.len() - 1]), None);
            prop_assert_eq!(Manifest::parse(&bytes), Some(manifest));
        }

        #[test]
        fn finds_the_chunks_of_a_range(start in 0..50_000u64, length in 1..20_000u64) {
            let content = vec![1; 50_000];
            let manifest = manifest(&content, 3_000);
            let range = start..(start + length).min(50_000);
            let found: Vec<Range<u64>> = manifest.overlapping(range.clone()).map(|(_, chunk)| chunk).collect();
            let all = (0..17u64).map(|chunk| chunk * 3_000..(chunk * 3_000 + 3_000).min(50_000));
            let expected: Vec<Range<u64>> =
                all.filter(|chunk| chunk.start < range.end && chunk.end > range.start).collect();
            prop_assert_eq!(found, expected);
        }

        #[test]
        fn arbitrary_bytes_are_no_harm(bytes: Vec<u8>) {
            prop_assert_eq!(Manifest::parse(&[&MAGIC[..], &bytes].concat()).map(|found| found.encode().len() - 4), None);
        }
    }
}
