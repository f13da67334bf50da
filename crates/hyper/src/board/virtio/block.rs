//! [`Block`]: a disk.
//!
//! ```text
//! the device reads     0   kind       u32   what is wanted
//!                      4              u32
//!                      8   sector     u64   where
//!                     16   data             of a write
//! the device writes    0   data             of a read
//!                   last   status     u8
//! ```

use vm_memory::GuestMemory;

use virtio_bindings::virtio_blk as number;

use super::ring::{Chain, Ring, Span};
use super::{Broken, Left, Turn};
use crate::board::disk::{BlockDevice, BlockError};

/// The bytes of a sector.
const SECTOR: u64 = 512;

/// How many pieces of memory the data of a request may have.
const PIECES_MAX: u32 = 254;
/// How many bytes each of them may have.
const PIECE_BYTES_MAX: u32 = 256 << 10;
/// How many bytes the data of a request may have.
const REQUEST_BYTES_MAX: u64 = 64 << 20;
const _: () = assert!(PIECES_MAX as u64 * PIECE_BYTES_MAX as u64 <= REQUEST_BYTES_MAX);

/// How many bytes are copied at once: few enough to stay in a cache between the disk and the guest.
const COPY_BYTES: usize = 256 << 10;

/// How many ranges a request may clear.
const RANGES_MAX: u32 = 64;
/// How many sectors each of them may have.
const RANGE_SECTORS_MAX: u32 = 1 << 21;

const OK: u8 = number::VIRTIO_BLK_S_OK as u8;
const FAILED: u8 = number::VIRTIO_BLK_S_IOERR as u8;
const UNSUPPORTED: u8 = number::VIRTIO_BLK_S_UNSUPP as u8;

/// How a disk is called: what a guest finds under `/dev/disk/by-id`.
pub(in crate::board) type Serial = [u8; number::VIRTIO_BLK_ID_BYTES as usize];

/// A disk.
#[derive(Debug)]
pub(in crate::board) struct Block {
    pub(in crate::board) disk: Box<dyn BlockDevice>,
    pub(in crate::board) serial: Serial,
    copy: Vec<u8>,
}

/// Why a request is not done: the status that its driver is told.
struct Refused(u8);

impl From<BlockError> for Refused {
    fn from(_: BlockError) -> Self {
        Self(FAILED)
    }
}

/// How a request ended: done with so many bytes written, or refused; or the driver broke the rules.
type Outcome = Result<Result<u64, Refused>, Broken>;

impl Block {
    pub(in crate::board) fn new(disk: Box<dyn BlockDevice>, serial: Serial) -> Self {
        Self { disk, serial, copy: Vec::new() }
    }

    pub(super) fn features(&self) -> u64 {
        let read_only = if self.disk.is_read_only() { 1 << number::VIRTIO_BLK_F_RO } else { 0 };
        read_only
            | 1 << number::VIRTIO_BLK_F_SIZE_MAX
            | 1 << number::VIRTIO_BLK_F_SEG_MAX
            | 1 << number::VIRTIO_BLK_F_BLK_SIZE
            | 1 << number::VIRTIO_BLK_F_FLUSH
            | 1 << number::VIRTIO_BLK_F_DISCARD
            | 1 << number::VIRTIO_BLK_F_WRITE_ZEROES
    }

    /// What it tells about itself: `struct virtio_blk_config`.
    pub(super) fn about(&self) -> Vec<u8> {
        let mut about = vec![0; 60];
        let mut put = |at: usize, bytes: &[u8]| about[at..at + bytes.len()].copy_from_slice(bytes);
        put(0, &(self.disk.size() / SECTOR).to_le_bytes());
        put(8, &PIECE_BYTES_MAX.to_le_bytes());
        put(12, &PIECES_MAX.to_le_bytes());
        put(20, &(SECTOR as u32).to_le_bytes());
        for (sectors, ranges) in [(36, 40), (48, 52)] {
            put(sectors, &RANGE_SECTORS_MAX.to_le_bytes());
            put(ranges, &RANGES_MAX.to_le_bytes());
        }
        put(44, &8u32.to_le_bytes());
        put(56, &[1]);
        about
    }

    pub(super) fn serve<M: GuestMemory>(
        &mut self,
        ring: &mut Ring,
        memory: &M,
        turn: &mut Turn,
    ) -> Result<Left, Broken> {
        let mut chain = Chain::default();
        while !turn.is_over() {
            if !ring.take(memory, &mut chain)? {
                return Ok(Left::Idle);
            }
            let written = self.request(memory, &chain)?;
            ring.push(memory, &chain, written)?;
            turn.spend(chain.readable().len() + chain.writable().len());
        }
        Ok(Left::Work)
    }

    /// Does what a request asks for; how many bytes were written.
    fn request<M: GuestMemory>(&mut self, memory: &M, chain: &Chain) -> Result<u64, Broken> {
        let (mut input, mut output) = (chain.readable(), chain.writable());
        let mut header = [0; 16];
        if input.len() < header.len() as u64 || output.len() == 0 {
            return Err(Broken);
        }
        input.read(memory, &mut header)?;
        let mut status = output;
        status.skip(output.len() - 1);
        output.truncate(output.len() - 1);
        let kind = u32::from_le_bytes(*header.first_chunk().expect("a header has 16 bytes"));
        let sector = u64::from_le_bytes(*header.last_chunk().expect("a header has 16 bytes"));
        let outcome = match kind {
            number::VIRTIO_BLK_T_IN => self.read(memory, sector, output)?,
            number::VIRTIO_BLK_T_OUT => self.write(memory, sector, input)?,
            number::VIRTIO_BLK_T_FLUSH => self.disk.flush().map(|()| 0).map_err(Refused::from),
            number::VIRTIO_BLK_T_GET_ID => self.identify(memory, output)?,
            number::VIRTIO_BLK_T_DISCARD | number::VIRTIO_BLK_T_WRITE_ZEROES => {
                self.clear(memory, kind, input)?
            }
            _ => Err(Refused(UNSUPPORTED)),
        };
        let (written, said) = match outcome {
            Ok(written) => (written, OK),
            Err(Refused(said)) => (0, said),
        };
        status.write(memory, &[said])?;
        Ok(written + 1)
    }

    fn read<M: GuestMemory>(&mut self, memory: &M, sector: u64, mut target: Span<'_>) -> Outcome {
        let length = target.len();
        let Some(mut offset) = self.offset(sector, length) else { return Ok(Err(Refused(FAILED))) };
        self.copy.resize(COPY_BYTES, 0);
        while target.len() != 0 {
            let part = &mut self.copy[..target.len().min(COPY_BYTES as u64) as usize];
            if let Err(error) = self.disk.read_at(offset, part) {
                return Ok(Err(error.into()));
            }
            target.write(memory, part)?;
            offset += part.len() as u64;
        }
        Ok(Ok(length))
    }

    fn write<M: GuestMemory>(&mut self, memory: &M, sector: u64, mut source: Span<'_>) -> Outcome {
        let Some(mut offset) = self.offset(sector, source.len()) else { return Ok(Err(Refused(FAILED))) };
        if self.disk.is_read_only() {
            return Ok(Err(Refused(FAILED)));
        }
        self.copy.resize(COPY_BYTES, 0);
        while source.len() != 0 {
            let part = &mut self.copy[..source.len().min(COPY_BYTES as u64) as usize];
            source.read(memory, part)?;
            if let Err(error) = self.disk.write_at(offset, part) {
                return Ok(Err(error.into()));
            }
            offset += part.len() as u64;
        }
        Ok(Ok(0))
    }

    fn identify<M: GuestMemory>(&self, memory: &M, mut target: Span<'_>) -> Outcome {
        let part = &self.serial[..target.len().min(self.serial.len() as u64) as usize];
        target.write(memory, part)?;
        Ok(Ok(part.len() as u64))
    }

    /// Discards ranges, or writes zeroes to them.
    fn clear<M: GuestMemory>(&mut self, memory: &M, kind: u32, mut ranges: Span<'_>) -> Outcome {
        if !ranges.len().is_multiple_of(16) || ranges.len() > u64::from(RANGES_MAX) * 16 {
            return Ok(Err(Refused(UNSUPPORTED)));
        }
        if self.disk.is_read_only() {
            return Ok(Err(Refused(FAILED)));
        }
        while ranges.len() != 0 {
            let mut range = [0; 16];
            ranges.read(memory, &mut range)?;
            if let Err(refused) = self.clear_range(kind, range) {
                return Ok(Err(refused));
            }
        }
        Ok(Ok(0))
    }

    fn clear_range(&mut self, kind: u32, range: [u8; 16]) -> Result<(), Refused> {
        let [s0, s1, s2, s3, s4, s5, s6, s7, n0, n1, n2, n3, f0, f1, f2, f3] = range;
        let sector = u64::from_le_bytes([s0, s1, s2, s3, s4, s5, s6, s7]);
        let sectors = u32::from_le_bytes([n0, n1, n2, n3]);
        let flags = u32::from_le_bytes([f0, f1, f2, f3]);
        let is_zeroes = kind == number::VIRTIO_BLK_T_WRITE_ZEROES;
        let may_forget = flags & number::VIRTIO_BLK_WRITE_ZEROES_FLAG_UNMAP != 0;
        if flags & !number::VIRTIO_BLK_WRITE_ZEROES_FLAG_UNMAP != 0 || may_forget && !is_zeroes {
            return Err(Refused(UNSUPPORTED));
        }
        let bytes = u64::from(sectors) * SECTOR;
        let is_possible = sectors <= RANGE_SECTORS_MAX;
        let end = sector.checked_mul(SECTOR).and_then(|offset| offset.checked_add(bytes));
        if !is_possible || end.is_none_or(|end| end > self.disk.size()) {
            return Err(Refused(FAILED));
        }
        let offset = sector * SECTOR;
        if is_zeroes {
            self.disk.write_zeroes(offset, bytes, may_forget)?;
        } else {
            self.disk.discard(offset, bytes)?;
        }
        Ok(())
    }

    /// Where the data of a request begins on the disk, if all of it is there.
    fn offset(&self, sector: u64, bytes: u64) -> Option<u64> {
        let offset = sector.checked_mul(SECTOR)?;
        let is_there = offset.checked_add(bytes)? <= self.disk.size();
        (is_there && bytes.is_multiple_of(SECTOR) && bytes <= REQUEST_BYTES_MAX).then_some(offset)
    }
}
