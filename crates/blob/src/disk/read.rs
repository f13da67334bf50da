//! Reading and checking records.
//!
//! Every record that is read is checked against its sum, and the first time in the life of the process its content is
//! checked against its name. Only a range of a blob that passed both is read without the rest.

use std::io;
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use bytes::Bytes;

use super::DiskStore;
use super::compress::decompress;
use super::index::{Entry, Key, LARGE};
use super::record::{Codec, HEADER_BYTES, Header, Kind};
use super::segment::{LiveChange, Segment};
use crate::medium::{Medium, MediumFile};
use crate::{BlobError, BlobId};

/// A record that was read and has the right sum.
pub(super) struct Record {
    pub(super) entry: Entry,
    pub(super) header: Header,
    pub(super) stored: Bytes,
}

impl<M: Medium> DiskStore<M> {
    pub(super) fn read(&self, id: &BlobId) -> Result<Bytes, BlobError> {
        let entry = self.find(id)?;
        if entry.length == LARGE {
            return self.read_large(id, None);
        }
        self.read_whole(id)
    }

    pub(super) fn read_range(&self, id: &BlobId, range: Range<u64>) -> Result<Bytes, BlobError> {
        let entry = self.find(id)?;
        if entry.length == LARGE {
            return self.read_large(id, Some(range));
        }
        check_range(id, &range, u64::from(entry.length))?;
        let content = self.read_whole(id)?;
        Ok(content.slice(range.start as usize..range.end as usize))
    }

    /// A blob that is stored whole.
    pub(super) fn read_whole(&self, id: &BlobId) -> Result<Bytes, BlobError> {
        let record = self.record(id, Kind::Whole)?;
        let length = record.entry.length as usize;
        let content = match record.header.codec {
            Codec::Plain if record.stored.len() == length => Some(record.stored.clone()),
            codec => decompress(codec, &record.stored, length).map(Bytes::from),
        };
        let Some(content) = content else {
            return Err(self.damage(id, &record.entry, "its record does not decompress to its length"));
        };
        if !record.entry.verified {
            if BlobId::of(&content) != *id {
                return Err(self.damage(id, &record.entry, "its content has another hash"));
            }
            self.index.set_verified(id, &record.entry);
        }
        Ok(content)
    }

    fn find(&self, id: &BlobId) -> Result<Entry, BlobError> {
        self.index.find(id).ok_or_else(|| {
            let reason = self.damaged.lock().get(id).cloned();
            reason.map_or(BlobError::NotFound { id: *id }, |reason| BlobError::Corrupt { id: *id, reason })
        })
    }

    /// Reads the record of a blob, wherever it is by now, and checks everything but its name.
    pub(super) fn record(&self, id: &BlobId, kind: Kind) -> Result<Record, BlobError> {
        let mut entry = self.find(id)?;
        let segment = loop {
            if let Some(segment) = self.segments.find(entry.segment) {
                break segment;
            }
            // Either the record was moved since, or its segment is lost.
            let again = self.find(id)?;
            if again.is_at(&entry) {
                let reason = format!("its segment {} is missing", entry.segment);
                return Err(BlobError::Corrupt { id: *id, reason });
            }
            entry = again;
        };
        let mut bytes = vec![0; HEADER_BYTES + entry.stored as usize];
        self.read_bytes(id, &entry, &segment, entry.offset(), &mut bytes)?;
        let (header, stored) = bytes.split_first_chunk().expect("it begins with a header");
        let header = Header::parse(header);
        if header.is_some_and(|other| other.id != *id && Key::of(&other.id) == Key::of(id)) {
            // The index keeps 24 bytes of a name: the blob there is another one, and nothing is wrong with it.
            return Err(BlobError::NotFound { id: *id });
        }
        let header =
            header.filter(|header| header.id == *id && header.kind == kind && header.stored == entry.stored);
        let Some(header) = header else {
            return Err(self.damage(id, &entry, "its record has no header"));
        };
        if header.sum != crc32c::crc32c(stored) {
            return Err(self.damage(id, &entry, "its record has another sum"));
        }
        let stored = Bytes::from(bytes).slice(HEADER_BYTES..);
        Ok(Record { entry, header, stored })
    }

    fn read_bytes(
        &self,
        id: &BlobId,
        entry: &Entry,
        segment: &Segment<M::File>,
        offset: u64,
        bytes: &mut [u8],
    ) -> Result<(), BlobError> {
        let in_file = offset + bytes.len() as u64 <= segment.written();
        if !in_file && self.writer.read_recent(segment.number, offset, bytes) {
            return Ok(());
        }
        match segment.file.read_at(bytes, offset) {
            Ok(()) => Ok(()),
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
                Err(self.damage(id, entry, "its segment ends before it does"))
            }
            Err(error) => Err(BlobError::Io { action: "reading a segment", source: Arc::new(error) }),
        }
    }

    /// Takes a damaged blob out of the index, so that putting it again stores it again.
    pub(super) fn damage(&self, id: &BlobId, entry: &Entry, reason: &str) -> BlobError {
        let reason = format!("{reason} (byte {} of segment {})", entry.offset(), entry.segment);
        let mut damaged = self.damaged.lock();
        if damaged.len() < self.config.damaged_max && self.index.remove(&Key::of(id), entry) {
            damaged.insert(*id, reason.clone());
            self.counts.damaged.fetch_add(1, Ordering::Relaxed);
            self.segments.count(entry, LiveChange::Left);
        }
        BlobError::Corrupt { id: *id, reason }
    }
}

pub(super) fn check_range(id: &BlobId, range: &Range<u64>, length: u64) -> Result<(), BlobError> {
    if range.start > range.end || range.end > length {
        return Err(BlobError::Range { id: *id, range: range.clone(), length });
    }
    Ok(())
}
