//! Kernels as Linux for RISC-V makes them: an `Image`.
//!
//! ```text
//!  0  code       8 bytes: instructions that jump to the kernel's beginning
//!  8  offset     8 bytes: how far after the beginning of memory it goes
//! 16  size       8 bytes: what it takes in memory, zeros after the file included
//! 24  flags      8 bytes: bit 0 is set in big-endian ones
//! 32  version    4 bytes, and 12 that are reserved
//! 48  magic      8 bytes: "RISCV\0\0\0"; deprecated, and not asked for
//! 56  magic      4 bytes: "RSC\x05"
//! 60  offset     4 bytes: of a PE header, as every kernel is also an EFI program
//! ```

use super::{LoadError, Place, Program, Segment};

/// The bytes of the header.
const HEADER_BYTES: usize = 64;
/// What all kernels have at byte 56.
const MAGIC: &[u8] = b"RSC\x05";
/// What a kernel's address must be a multiple of: it maps itself by large pages.
const ALIGNMENT: u64 = 2 << 20;

/// Reads a kernel.
///
/// It goes as far after the beginning of memory as it says, and begins to run with its first byte.
///
/// # Errors
///
/// If it is none, is compressed, or does not fit.
pub fn kernel<'a>(file: &'a [u8], place: &Place) -> Result<Program<'a>, LoadError> {
    let header: &[u8; HEADER_BYTES] = match file.first_chunk() {
        Some(header) if header.ends_with_magic() => header,
        _ => return Err(compressed(file)),
    };
    if header.word(24) & 1 != 0 {
        return Err(LoadError::BigEndian);
    }
    let outside = LoadError::Outside { address: place.base, bytes: header.word(8) };
    let address = place.base.checked_add(header.word(8)).ok_or(outside)?;
    if !address.get().is_multiple_of(ALIGNMENT) {
        return Err(LoadError::Misaligned { address });
    }
    // Old kernels say zero, and a file may have a signature behind what the kernel knows of.
    let bytes = header.word(16).max(file.len() as u64);
    place.check(address, bytes)?;
    let segment = Segment { address, bytes: file, zeros: bytes - file.len() as u64 };
    Ok(Program { entry: address, segments: vec![segment], symbols: Vec::new() })
}

/// Why something that has no kernel's header is no kernel.
fn compressed(file: &[u8]) -> LoadError {
    const FORMATS: [(&[u8], &str); 5] = [
        (b"\x1f\x8b", "gzip"),
        (b"\xfd7zXZ\0", "xz"),
        (b"\x28\xb5\x2f\xfd", "zstd"),
        (b"BZh", "bzip2"),
        (b"\x02\x21\x4c\x18", "lz4"),
    ];
    let format = FORMATS.iter().find(|(magic, _)| file.starts_with(magic));
    format.map_or(LoadError::Unknown, |(_, format)| LoadError::Compressed { format })
}

/// The fields of a header.
trait Header {
    /// Whether it is one.
    fn ends_with_magic(&self) -> bool;
    /// The eight bytes at an offset.
    fn word(&self, offset: usize) -> u64;
}

impl Header for [u8; HEADER_BYTES] {
    fn ends_with_magic(&self) -> bool {
        &self[56..60] == MAGIC
    }

    fn word(&self, offset: usize) -> u64 {
        let bytes = self[offset..].first_chunk().expect("offsets are those of the header");
        u64::from_le_bytes(*bytes)
    }
}
