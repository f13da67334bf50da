//! Executables in ELF: for bare metal, at fixed addresses or position-independent, always static.

use elf::ElfBytes;
use elf::abi::{EM_RISCV, ET_DYN, ET_EXEC, PT_INTERP, PT_LOAD, SHN_UNDEF, SHT_SYMTAB};
use elf::endian::LittleEndian;
use elf::file::Class;
use elf::segment::ProgramHeader;

use super::{LoadError, Place, Program, Segment, Symbol};
use crate::GuestAddress;

/// What every ELF file begins with.
const MAGIC: &[u8] = b"\x7fELF";
/// The byte that tells how wide addresses are, and its value for 64 bits.
const CLASS: (usize, u8) = (4, 2);
/// The byte that tells the byte order, and its value for the lowest byte first.
const ORDER: (usize, u8) = (5, 1);

/// The bytes of the longest name that is kept, and the zero after it.
const NAME_BYTES_MAX: usize = 4_096;

/// Whether the file claims to be in ELF.
pub(super) fn is_one(file: &[u8]) -> bool {
    file.starts_with(MAGIC)
}

/// Reads an executable.
///
/// Its segments go to their physical addresses, and so do its entry and its symbols where they lie in a segment.
///
/// # Errors
///
/// If it is none for RISC-V with 64 bits, is damaged, or does not fit.
pub fn executable<'a>(file: &'a [u8], place: &Place) -> Result<Program<'a>, LoadError> {
    if !is_one(file) {
        return Err(LoadError::Unknown);
    }
    if [CLASS, ORDER].iter().any(|(at, value)| file.get(*at) != Some(value)) {
        return Err(LoadError::Foreign { kind: 0, machine: 0 });
    }
    let elf = ElfBytes::<LittleEndian>::minimal_parse(file)?;
    let (kind, machine) = (elf.ehdr.e_type, elf.ehdr.e_machine);
    if elf.ehdr.class != Class::ELF64 || machine != EM_RISCV || !matches!(kind, ET_EXEC | ET_DYN) {
        return Err(LoadError::Foreign { kind, machine });
    }
    let moved = if kind == ET_DYN { place.anywhere.get() } else { 0 };
    let headers = load_headers(&elf, place)?;
    let mut segments = Vec::with_capacity(headers.len());
    for header in &headers {
        segments.push(segment(&elf, header, moved, place)?);
    }
    segments.sort_by_key(|segment| segment.address);
    check_overlaps(&segments)?;
    let entry = physical(&headers, elf.ehdr.e_entry, moved);
    let runs = |segment: &Segment<'_>| {
        let offset = entry.get().checked_sub(segment.address.get());
        offset.is_some_and(|offset| offset < segment.len())
    };
    if !entry.get().is_multiple_of(2) || !segments.iter().any(runs) {
        return Err(LoadError::NoEntry { entry });
    }
    let symbols = symbols(&elf, &headers, moved)?;
    Ok(Program { entry, segments, symbols })
}

/// The headers of all segments that go to memory.
fn load_headers(elf: &ElfBytes<'_, LittleEndian>, place: &Place) -> Result<Vec<ProgramHeader>, LoadError> {
    let mut headers = Vec::new();
    for header in elf.segments().into_iter().flatten() {
        match header.p_type {
            PT_INTERP => return Err(LoadError::Dynamic),
            PT_LOAD if header.p_memsz == 0 && header.p_filesz == 0 => {}
            PT_LOAD if headers.len() == place.segments_max => {
                return Err(LoadError::TooManySegments { limit: place.segments_max });
            }
            PT_LOAD => headers.push(header),
            _ => {}
        }
    }
    if headers.is_empty() { Err(LoadError::Empty) } else { Ok(headers) }
}

fn segment<'a>(
    elf: &ElfBytes<'a, LittleEndian>,
    header: &ProgramHeader,
    moved: u64,
    place: &Place,
) -> Result<Segment<'a>, LoadError> {
    let address = GuestAddress::new(header.p_paddr.wrapping_add(moved));
    let (file_bytes, memory_bytes) = (header.p_filesz, header.p_memsz);
    if file_bytes > memory_bytes {
        return Err(LoadError::Overfull { address, file_bytes, memory_bytes });
    }
    place.check(address, memory_bytes)?;
    let bytes = elf.segment_data(header)?;
    Ok(Segment { address, bytes, zeros: memory_bytes - file_bytes })
}

/// That no byte of memory is told twice what to be: who wins would depend on the order.
fn check_overlaps(segments: &[Segment<'_>]) -> Result<(), LoadError> {
    for pair in segments.windows(2) {
        let (lower, upper) = (pair[0].address, pair[1].address);
        if upper.get() - lower.get() < pair[0].len() {
            return Err(LoadError::Overlap { lower, upper });
        }
    }
    Ok(())
}

/// Where an address as the linker knows it ends up: segments may be loaded elsewhere than where they run later.
fn physical(headers: &[ProgramHeader], address: u64, moved: u64) -> GuestAddress {
    let holder = headers.iter().find_map(|header| {
        let offset = address.checked_sub(header.p_vaddr).filter(|offset| *offset < header.p_memsz)?;
        Some(header.p_paddr.wrapping_add(offset))
    });
    GuestAddress::new(holder.unwrap_or(address).wrapping_add(moved))
}

/// The names that the executable defines; those that are no text, or longer than names are, are left out.
fn symbols<'a>(
    elf: &ElfBytes<'a, LittleEndian>,
    headers: &[ProgramHeader],
    moved: u64,
) -> Result<Vec<Symbol<'a>>, LoadError> {
    let Some(sections) = elf.section_headers() else { return Ok(Vec::new()) };
    let Some(section) = sections.iter().find(|section| section.sh_type == SHT_SYMTAB) else {
        return Ok(Vec::new());
    };
    let Some((table, _)) = elf.symbol_table()? else { return Ok(Vec::new()) };
    let (names, _) = elf.section_data(&sections.get(section.sh_link as usize)?)?;
    let defined = table.iter().filter(|symbol| symbol.st_shndx != SHN_UNDEF && symbol.st_name != 0);
    let named = defined.filter_map(|symbol| {
        let name = name(names, symbol.st_name)?;
        Some(Symbol { name, address: physical(headers, symbol.st_value, moved) })
    });
    Ok(named.collect())
}

/// The text from an offset to the next zero.
///
/// It is not looked for further than [`NAME_BYTES_MAX`]: else a file could have every one of its names end at its end.
fn name(names: &[u8], offset: u32) -> Option<&str> {
    let rest = names.get(offset as usize..)?;
    let end = rest.iter().take(NAME_BYTES_MAX).position(|byte| *byte == 0)?;
    str::from_utf8(&rest[..end]).ok()
}
