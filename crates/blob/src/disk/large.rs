//! Large blobs: cut into chunks, and put together again.

use std::collections::VecDeque;
use std::io::{self, Read};
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use bytes::Bytes;
use fastcdc::v2020::FastCDC;
use ironloom_core::Map;
use parking_lot::Mutex;

use super::DiskStore;
use super::config::ChunkConfig;
use super::groups::{GROUP_BYTES, group, group_count, groups, root};
use super::manifest::{Chunk, Manifest};
use super::read::check_range;
use super::record::{Codec, Header, Kind, Shape};
use crate::medium::Medium;
use crate::{BlobError, BlobId, link};

/// Manifests that were checked, up to a limit; the oldest leave first.
#[derive(Debug, Default)]
pub(super) struct LargeCache {
    manifests: Map<BlobId, Arc<Manifest>>,
    order: VecDeque<BlobId>,
    bytes: usize,
}

impl LargeCache {
    fn insert(&mut self, id: BlobId, manifest: Arc<Manifest>, bytes_max: usize) {
        self.bytes += manifest.memory_bytes();
        if let Some(replaced) = self.manifests.insert(id, manifest) {
            self.bytes -= replaced.memory_bytes();
        } else {
            self.order.push_back(id);
        }
        while self.bytes > bytes_max {
            let Some(oldest) = self.order.pop_front() else {
                return;
            };
            let removed = self.manifests.remove(&oldest);
            self.bytes -= removed.map_or(0, |removed| removed.memory_bytes());
        }
    }
}

/// A large blob while it is being put. Its chunks are known to collections until it is dropped.
struct LargePut<'a, M: Medium> {
    store: &'a DiskStore<M>,
    number: u64,
    chunk_ids: Arc<Mutex<Vec<BlobId>>>,
    chunks: Vec<Chunk>,
    links: bool,
}

impl<M: Medium> Drop for LargePut<'_, M> {
    fn drop(&mut self) {
        self.store.unfinished.lock().remove(&self.number);
    }
}

impl<'a, M: Medium> LargePut<'a, M> {
    fn begin(store: &'a DiskStore<M>) -> Self {
        let number = store.counts.large_puts.fetch_add(1, Ordering::Relaxed);
        let chunk_ids = Arc::default();
        store.unfinished.lock().insert(number, Arc::clone(&chunk_ids));
        Self { store, number, chunk_ids, chunks: Vec::new(), links: false }
    }

    fn chunk(&mut self, content: &[u8]) -> Result<(), BlobError> {
        let id = BlobId::of(content);
        if self.chunks.is_empty() {
            self.links = link::is_linked(content);
        }
        let start = self.chunks.last().map_or(0, |last| last.end);
        let end = start + content.len() as u64;
        self.chunks.push(Chunk { end, id });
        // It is made known first: a collection that begins in between then finds it.
        self.chunk_ids.lock().push(id);
        let _gate = self.store.gate.read();
        if !self.store.has_for_put(&id)? {
            self.store.store_whole(&id, content)?;
        }
        Ok(())
    }

    fn finish(mut self, groups: Vec<[u8; 32]>) -> Result<(BlobId, u64), BlobError> {
        let manifest = Manifest { chunks: std::mem::take(&mut self.chunks), groups };
        let (id, length) = (manifest.id(), manifest.length());
        let _gate = self.store.gate.read();
        let seen = self.store.index.find(&id);
        if !self.store.has_for_put(&id)? {
            let stored = manifest.encode();
            let links = self.links;
            let header = Header::new(id, Kind::Manifest, Codec::Plain, Shape { length, links }, &stored);
            self.store.store(&header, &stored, seen)?;
            // From here on the manifest keeps the chunks, and this must be so for a collection that runs as well.
            for chunk in &manifest.chunks {
                self.store.index.touch(&chunk.id);
            }
            self.store.keep(id, manifest);
        }
        Ok((id, length))
    }
}

impl<M: Medium> DiskStore<M> {
    pub(super) fn put_large(&self, content: &[u8]) -> Result<BlobId, BlobError> {
        let length = content.len() as u64;
        self.check_length(length)?;
        self.count_put(length);
        let groups: Vec<[u8; 32]> = groups(0, content).collect();
        let id = root(length, &groups);
        {
            let _gate = self.gate.read();
            if self.has_for_put(&id)? {
                return Ok(id);
            }
        }
        let mut put = LargePut::begin(self);
        let ChunkConfig { bytes_min, bytes_average, bytes_max } = self.config.chunks;
        for cut in FastCDC::new(content, bytes_min, bytes_average, bytes_max) {
            put.chunk(&content[cut.offset..cut.offset + cut.length])?;
        }
        let (stored, _) = put.finish(groups)?;
        assert_eq!(stored, id, "the groups are those of the content");
        Ok(id)
    }

    /// Puts what a stream gives, with two windows of it in memory.
    pub(super) fn put_from(&self, source: &mut dyn Read) -> Result<(BlobId, u64), BlobError> {
        let whole_max = self.config.whole_bytes_max;
        let mut window = Vec::new();
        let is_all = fill(source, &mut window, whole_max + 1)?;
        if is_all && window.len() <= whole_max {
            return Ok((self.put_whole(&window)?, window.len() as u64));
        }
        let window_bytes = (whole_max + 1).max(4 * self.config.chunks.bytes_max + GROUP_BYTES as usize);
        let mut put = LargePut::begin(self);
        // The window begins at `base` in the blob; it has been cut into chunks up to `cut`.
        let (mut table, mut base, mut cut) = (Vec::new(), 0, 0);
        loop {
            let is_end = fill(source, &mut window, window_bytes)?;
            let end = base + window.len() as u64;
            self.check_length(end)?;
            add_groups(&mut table, base, &window, is_end);
            cut += self.cut_window(&mut put, &window[cut..], is_end)?;
            if is_end {
                self.count_put(end);
                return put.finish(table);
            }
            let is_grouped = (table.len() as u64 * GROUP_BYTES - base) as usize;
            let done = cut.min(is_grouped);
            window.drain(..done);
            base += done as u64;
            cut -= done;
        }
    }

    /// Stores the chunks of a window that do not depend on what follows it; returns where they end.
    fn cut_window(&self, put: &mut LargePut<'_, M>, window: &[u8], is_end: bool) -> Result<usize, BlobError> {
        let ChunkConfig { bytes_min, bytes_average, bytes_max } = self.config.chunks;
        let mut end = 0;
        for cut in FastCDC::new(window, bytes_min, bytes_average, bytes_max) {
            if !is_end && window.len() - cut.offset < bytes_max {
                break;
            }
            end = cut.offset + cut.length;
            put.chunk(&window[cut.offset..end])?;
        }
        Ok(end)
    }

    fn check_length(&self, length: u64) -> Result<(), BlobError> {
        let blob_bytes_max = self.config.blob_bytes_max;
        if length > blob_bytes_max {
            return Err(BlobError::TooLong { length, blob_bytes_max });
        }
        Ok(())
    }

    /// Whether the manifest and all of its chunks are there, and will be. A rebuilt index may know one without others.
    pub(super) fn has_large_for_put(&self, id: &BlobId) -> Result<bool, BlobError> {
        let manifest = match self.manifest(id) {
            Ok(manifest) => manifest,
            Err(error @ BlobError::Io { .. }) => return Err(error),
            Err(_) => return Ok(false),
        };
        let mut chunks = manifest.chunks.iter();
        Ok(chunks.all(|chunk| {
            let found = self.index.touch(&chunk.id);
            found.is_some_and(|entry| self.segments.contains(entry.segment))
        }))
    }

    fn keep(&self, id: BlobId, manifest: Manifest) -> Arc<Manifest> {
        let manifest = Arc::new(manifest);
        let mut cache = self.manifests.lock();
        cache.insert(id, Arc::clone(&manifest), self.config.manifest_bytes_max);
        manifest
    }

    /// What a large blob is made of, checked against its name.
    pub(super) fn manifest(&self, id: &BlobId) -> Result<Arc<Manifest>, BlobError> {
        if let Some(manifest) = self.manifests.lock().manifests.get(id) {
            return Ok(Arc::clone(manifest));
        }
        let record = self.record(id, Kind::Manifest)?;
        match Manifest::parse(&record.stored) {
            Some(manifest) if manifest.id() == *id => Ok(self.keep(*id, manifest)),
            _ => Err(self.damage(id, &record.entry, "its manifest belongs to another blob")),
        }
    }

    /// A range of a large blob, or all of it. Every group that the range touches is checked.
    pub(super) fn read_large(&self, id: &BlobId, range: Option<Range<u64>>) -> Result<Bytes, BlobError> {
        let manifest = self.manifest(id)?;
        let length = manifest.length();
        let range = range.unwrap_or(0..length);
        check_range(id, &range, length)?;
        if range.is_empty() {
            return Ok(Bytes::new());
        }
        let first = range.start / GROUP_BYTES;
        let aligned = first * GROUP_BYTES..(group_count(range.end) * GROUP_BYTES).min(length);
        let mut content = Vec::new();
        content
            .try_reserve_exact((aligned.end - aligned.start) as usize)
            .map_err(|_| too_long(&range, self.config.blob_bytes_max))?;
        for (chunk_id, chunk) in manifest.overlapping(aligned.clone()) {
            let bytes = self.read_chunk(id, &chunk_id, chunk.end - chunk.start)?;
            let start = aligned.start.max(chunk.start) - chunk.start;
            let end = aligned.end.min(chunk.end) - chunk.start;
            content.extend_from_slice(&bytes[start as usize..end as usize]);
        }
        let expected = &manifest.groups[first as usize..];
        for (number, found) in groups(first, &content).enumerate() {
            if found != expected[number] {
                return Err(self.damaged_part(id, first + number as u64, &manifest));
            }
        }
        let start = (range.start - aligned.start) as usize;
        Ok(Bytes::from(content).slice(start..start + (range.end - range.start) as usize))
    }

    /// A chunk, of which only the sum is checked: the groups of the blob check the rest.
    fn read_chunk(&self, id: &BlobId, chunk: &BlobId, length: u64) -> Result<Bytes, BlobError> {
        let corrupt = |reason: String| BlobError::Corrupt { id: *id, reason };
        let record = self.record(chunk, Kind::Whole).map_err(|error| match error {
            BlobError::Io { .. } => error,
            error => corrupt(format!("of its chunks, {error}")),
        })?;
        if u64::from(record.entry.length) != length {
            return Err(corrupt(format!("its chunk {chunk} is not {length} bytes long")));
        }
        match record.header.codec {
            Codec::Plain if record.stored.len() as u64 == length => Ok(record.stored),
            // Whoever stores compressed chunks pays for their hash as well: it is the lesser part.
            _ => self.read_whole(chunk).map_err(|error| corrupt(error.to_string())),
        }
    }

    /// Finds the chunk that a wrong group comes from, so that putting the blob again mends it.
    fn damaged_part(&self, id: &BlobId, number: u64, manifest: &Manifest) -> BlobError {
        let bytes = number * GROUP_BYTES..(number + 1) * GROUP_BYTES;
        let chunks = manifest.overlapping(bytes);
        let damaged = chunks.filter_map(|(chunk, _)| self.read_whole(&chunk).err()).last();
        let reason =
            damaged.map_or_else(|| "its chunks are not its own".to_owned(), |error| error.to_string());
        BlobError::Corrupt { id: *id, reason }
    }
}

fn too_long(range: &Range<u64>, blob_bytes_max: u64) -> BlobError {
    let length = range.end - range.start;
    BlobError::TooLong { length, blob_bytes_max }
}

/// Adds the groups that a window completes; its first byte is at `base`.
fn add_groups(table: &mut Vec<[u8; 32]>, base: u64, window: &[u8], is_end: bool) {
    loop {
        let start = (table.len() as u64 * GROUP_BYTES - base) as usize;
        let rest = window.get(start..).unwrap_or_default();
        let piece = &rest[..rest.len().min(GROUP_BYTES as usize)];
        if piece.is_empty() || (piece.len() < GROUP_BYTES as usize && !is_end) {
            return;
        }
        table.push(group(table.len() as u64, piece));
    }
}

/// Reads until the buffer has so many bytes, or the stream ends; returns whether it ended.
fn fill(source: &mut dyn Read, buffer: &mut Vec<u8>, length: usize) -> Result<bool, BlobError> {
    let wanted = length.saturating_sub(buffer.len());
    let read = source.take(wanted as u64).read_to_end(buffer).map_err(reading)?;
    Ok(read < wanted)
}

fn reading(error: io::Error) -> BlobError {
    BlobError::Io { action: "reading the stream to store", source: Arc::new(error) }
}
