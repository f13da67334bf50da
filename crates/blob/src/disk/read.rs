//! Reading and checking records.
//!
//! Every record that is read is checked against its sum, and the first time in the life of the process its content is
//! checked against its name. Only a range of a blob that passed both is read without the rest.

use std::io;
use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;

use super::DiskStore;
use super::compress::decompress;
use super::index::{Entry, Key, LARGE, LOST};
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

/// An entry, and the segment that it points into.
type Located<M> = (Entry, Arc<Segment<<M as Medium>::File>>);

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
        let content = self.read_whole(id)?;
        check_range(id, &range, content.len() as u64)?;
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
        match self.index.find(id) {
            Some(entry) if entry.segment == LOST => {
                let reason = "it was found damaged before, put it again".to_owned();
                Err(BlobError::Corrupt { id: *id, reason })
            }
            Some(entry) => Ok(entry),
            None => Err(BlobError::NotFound { id: *id }),
        }
    }

    /// The entry of this very blob: the index keeps 24 bytes of a name, the header of the record all 32.
    pub(super) fn known(&self, id: &BlobId) -> Result<Entry, BlobError> {
        let (entry, segment) = self.locate(id)?;
        let mut header = [0; HEADER_BYTES];
        self.read_bytes(id, &entry, &segment, entry.offset(), &mut header)?;
        self.check_header(id, &entry, &header)?;
        Ok(entry)
    }

    /// Where the record of a blob is by now.
    fn locate(&self, id: &BlobId) -> Result<Located<M>, BlobError> {
        let mut entry = self.find(id)?;
        loop {
            if let Some(segment) = self.segments.find(entry.segment) {
                return Ok((entry, segment));
            }
            // Either the record was moved since, or its segment is lost.
            let again = self.find(id)?;
            if again.is_at(&entry) {
                let reason = format!("its segment {} is missing", entry.segment);
                return Err(BlobError::Corrupt { id: *id, reason });
            }
            entry = again;
        }
    }

    fn check_header(
        &self,
        id: &BlobId,
        entry: &Entry,
        bytes: &[u8; HEADER_BYTES],
    ) -> Result<Header, BlobError> {
        let header = Header::parse(bytes);
        if header.is_some_and(|other| other.id != *id && Key::of(&other.id) == Key::of(id)) {
            // The blob there is another one, and nothing is wrong with it.
            return Err(BlobError::NotFound { id: *id });
        }
        let kind = if entry.length == LARGE { Kind::Manifest } else { Kind::Whole };
        header
            .filter(|header| header.id == *id && header.kind == kind && header.stored == entry.stored)
            .ok_or_else(|| self.damage(id, entry, "its record has no header"))
    }

    /// Reads the record of a blob, wherever it is by now, and checks everything but its name.
    pub(super) fn record(&self, id: &BlobId, kind: Kind) -> Result<Record, BlobError> {
        let (entry, segment) = self.locate(id)?;
        // What is not in the file yet is in a buffer. Nothing is set aside for what a hostile index only claims.
        let end = entry.offset() + HEADER_BYTES as u64 + u64::from(entry.stored);
        if end > segment.written() && entry.stored as usize > self.config.buffer_bytes {
            return Err(self.damage(id, &entry, "its segment ends before it does"));
        }
        let mut bytes = vec![0; HEADER_BYTES + entry.stored as usize];
        self.read_bytes(id, &entry, &segment, entry.offset(), &mut bytes)?;
        let (header, stored) = bytes.split_first_chunk().expect("it begins with a header");
        let header = self.check_header(id, &entry, header)?;
        if header.kind != kind {
            return Err(BlobError::Corrupt { id: *id, reason: format!("its record is no {kind:?}") });
        }
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

    /// Marks a blob as damaged, so that putting it again stores it again, and no collection takes it for absent.
    pub(super) fn damage(&self, id: &BlobId, entry: &Entry, reason: &str) -> BlobError {
        let reason = format!("{reason} (byte {} of segment {})", entry.offset(), entry.segment);
        if self.index.lose(&Key::of(id), entry) {
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
