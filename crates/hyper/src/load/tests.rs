//! Tests of the loaders, on files that are made here.

use proptest::prelude::*;

use super::{LoadError, Place, Program, executable, kernel, program};
use crate::GuestAddress;

const BASE: u64 = 0x8000_0000;
const RAM: u64 = 64 << 20;

fn place() -> Place {
    Place::new(GuestAddress::new(BASE), RAM)
}

/// A segment: virtual address, physical address, bytes of the file, bytes in memory.
#[derive(Clone, Copy)]
struct Part(u64, u64, &'static [u8], u64);

/// An executable of this type, entered at this address, with these parts and one symbol `tohost`.
fn elf(kind: u16, entry: u64, parts: &[Part], tohost: u64) -> Vec<u8> {
    let data_at = 64 + 56 * parts.len() as u64;
    let data: Vec<u8> = parts.iter().flat_map(|part| part.2).copied().collect();
    let names = b"\0tohost\0";
    let names_at = data_at + data.len() as u64;
    let symbols_at = names_at + names.len() as u64;
    let sections_at = symbols_at + 48;
    let mut file = b"\x7fELF\x02\x01\x01\0\0\0\0\0\0\0\0\0".to_vec();
    file.extend([kind, 243].map(u16::to_le_bytes).concat());
    file.extend(1_u32.to_le_bytes());
    file.extend([entry, 64, sections_at].map(u64::to_le_bytes).concat());
    file.extend(0_u32.to_le_bytes());
    file.extend([64, 56, parts.len() as u16, 64, 3, 0].map(u16::to_le_bytes).concat());
    let mut offset = data_at;
    for Part(virtual_address, address, bytes, memory_bytes) in parts {
        file.extend([1_u32, 7].map(u32::to_le_bytes).concat());
        let length = bytes.len() as u64;
        let words = [offset, *virtual_address, *address, length, *memory_bytes, 8];
        file.extend(words.map(u64::to_le_bytes).concat());
        offset += length;
    }
    file.extend(&data);
    file.extend(names);
    file.extend([0; 24]);
    // The name's offset, the kind of symbol, the section; then its value and size.
    file.extend([1, 0, 0, 0, 0x10, 0, 1, 0]);
    file.extend([tohost, 8].map(u64::to_le_bytes).concat());
    file.extend([0; 64]);
    for (kind, at, length, link, entry_bytes) in [(2_u32, symbols_at, 48, 2_u32, 24), (3, names_at, 8, 0, 0)]
    {
        file.extend([0, kind].map(u32::to_le_bytes).concat());
        file.extend([0, 0, at, length].map(u64::to_le_bytes).concat());
        file.extend([link, 1].map(u32::to_le_bytes).concat());
        file.extend([1, entry_bytes].map(u64::to_le_bytes).concat());
    }
    file
}

const EXECUTABLE: u16 = 2;
const ANYWHERE: u16 = 3;

fn two_parts() -> Vec<u8> {
    let parts = [Part(BASE + 0x1000, BASE + 0x1000, b"data", 16), Part(BASE, BASE, b"code", 4)];
    elf(EXECUTABLE, BASE + 2, &parts, BASE + 0x1008)
}

#[test]
fn an_executable_is_segments_in_order_an_entry_and_names() {
    let file = two_parts();
    let program = executable(&file, &place()).unwrap();
    let found: Vec<_> = program.segments.iter().map(|s| (s.address.get(), s.bytes, s.zeros)).collect();
    assert_eq!(found, [(BASE, &b"code"[..], 0), (BASE + 0x1000, &b"data"[..], 12)]);
    assert_eq!(program.entry.get(), BASE + 2);
    assert_eq!(program.symbol("tohost").unwrap().get(), BASE + 0x1008);
    assert_eq!(program.symbol("fromhost"), None);
    assert_eq!(program.end().get(), BASE + 0x1010);
}

#[test]
fn what_can_run_anywhere_goes_where_it_is_told() {
    let file = elf(ANYWHERE, 0x10, &[Part(0, 0, b"position-independent", 0x40)], 0x20);
    let place = Place { anywhere: GuestAddress::new(BASE + 0x20_0000), ..place() };
    let program = executable(&file, &place).unwrap();
    assert_eq!(program.entry.get(), BASE + 0x20_0010);
    assert_eq!(program.segments[0].address.get(), BASE + 0x20_0000);
    assert_eq!(program.symbol("tohost").unwrap().get(), BASE + 0x20_0020);
}

#[test]
fn virtual_addresses_become_physical_ones() {
    let high = 0xffff_ffff_8000_0000;
    let file = elf(EXECUTABLE, high + 4, &[Part(high, BASE, b"kernel", 0x1000)], high + 0x800);
    let program = executable(&file, &place()).unwrap();
    assert_eq!(program.entry.get(), BASE + 4);
    assert_eq!(program.symbol("tohost").unwrap().get(), BASE + 0x800);
}

#[track_caller]
fn check_refused(file: &[u8], message: &str) {
    let error = program(file, &place()).unwrap_err();
    assert_eq!(error.to_string(), message);
}

#[test]
fn executables_that_do_not_fit_are_refused() {
    let one = |part| elf(EXECUTABLE, BASE, &[part], 0);
    check_refused(&one(Part(0, 0x1000, b"code", 4)), "4 bytes at 0x1000 are not all inside of memory");
    check_refused(
        &one(Part(BASE, BASE, b"code", RAM + 1)),
        "67108865 bytes at 0x80000000 are not all inside of memory",
    );
    check_refused(
        &one(Part(BASE, u64::MAX, b"code", u64::MAX)),
        "18446744073709551615 bytes at 0xffffffffffffffff are not all inside of memory",
    );
    check_refused(
        &one(Part(BASE, BASE, b"code", 3)),
        "the segment at 0x80000000 has 4 bytes for a room of 3",
    );
    check_refused(&elf(EXECUTABLE, BASE, &[], 0), "it has nothing to load");
    let twice = [Part(BASE, BASE, b"code", 8), Part(BASE + 7, BASE + 7, b"data", 4)];
    check_refused(&elf(EXECUTABLE, BASE, &twice, 0), "the segments at 0x80000000 and 0x80000007 overlap");
    let many: Vec<_> = (0..65).map(|at| Part(BASE + at, BASE + at, b"x", 1)).collect();
    check_refused(&elf(EXECUTABLE, BASE, &many, 0), "it has more than 64 segments");
}

#[test]
fn executables_that_cannot_begin_are_refused() {
    let part = [Part(BASE, BASE, b"code", 4)];
    check_refused(
        &elf(EXECUTABLE, BASE + 1, &part, 0),
        "its first instruction is at 0x80000001, where it has none",
    );
    check_refused(
        &elf(EXECUTABLE, BASE + 4, &part, 0),
        "its first instruction is at 0x80000004, where it has none",
    );
    check_refused(
        &elf(1, BASE, &part, 0),
        "it is not an executable for RISC-V with 64 bits: type 1, machine 243",
    );
    let mut narrow = two_parts();
    narrow[4] = 1;
    assert!(matches!(executable(&narrow, &place()), Err(LoadError::Foreign { .. })));
    assert!(matches!(executable(&two_parts()[..80], &place()), Err(LoadError::Malformed(_))));
    let mut interpreted = two_parts();
    interpreted[64] = 3;
    assert!(matches!(executable(&interpreted, &place()), Err(LoadError::Dynamic)));
}

/// The header of a kernel and some code.
fn image(offset: u64, size: u64, flags: u64) -> Vec<u8> {
    let mut file = vec![0x6f; 8];
    file.extend([offset, size, flags].map(u64::to_le_bytes).concat());
    file.extend([2, 0, 0, 0].map(u32::to_le_bytes).concat());
    file.extend(b"RISCV\0\0\0RSC\x05\0\0\0\0");
    file.extend([0x13; 1_000]);
    file
}

#[test]
fn a_kernel_is_one_segment_with_room_behind() {
    let file = image(2 << 20, 0x2000, 0);
    let program = kernel(&file, &place()).unwrap();
    assert_eq!(program.entry.get(), BASE + (2 << 20));
    assert_eq!(program.segments[0].bytes, file);
    assert_eq!(program.segments[0].zeros, 0x2000 - file.len() as u64);
    assert_eq!(program.end().get(), BASE + (2 << 20) + 0x2000);
}

#[test]
fn a_kernel_that_does_not_tell_its_size_is_as_large_as_its_file() {
    let file = image(0, 0, 0);
    let program = program(&file, &place()).unwrap();
    assert_eq!((program.segments[0].zeros, program.segments[0].len()), (0, file.len() as u64));
}

#[test]
fn kernels_that_cannot_run_are_refused() {
    check_refused(&image(2 << 20, 0x2000, 1), "the kernel is big-endian");
    check_refused(
        &image(0x1000, 0x2000, 0),
        "the kernel would be at 0x80001000, which is no multiple of 2 MiB",
    );
    check_refused(&image(2 << 20, RAM, 0), "67108864 bytes at 0x80200000 are not all inside of memory");
    check_refused(
        &image(u64::MAX, 0, 0),
        "18446744073709551615 bytes at 0x80000000 are not all inside of memory",
    );
    check_refused(b"\x1f\x8b\x08", "it is compressed with gzip");
    check_refused(b"", "it is neither an ELF executable nor a RISC-V kernel image");
    check_refused(&image(0, 0, 0)[..63], "it is neither an ELF executable nor a RISC-V kernel image");
}

/// What every program promises.
fn check_promises(program: &Program<'_>, place: &Place) {
    let mut end = place.base.get();
    assert!(!program.segments.is_empty());
    for segment in &program.segments {
        assert!(segment.address.get() >= end && !segment.is_empty());
        end = segment.address.get().checked_add(segment.len()).unwrap();
    }
    assert!(end <= place.base.get() + place.bytes);
    assert_eq!(program.end().get(), end);
}

proptest! {
    #[test]
    fn damaged_files_are_read_or_refused(
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
        cut in any::<prop::sample::Index>(),
        is_kernel in any::<bool>(),
    ) {
        let mut file = if is_kernel { image(2 << 20, 0x2000, 0) } else { two_parts() };
        let length = file.len();
        for (index, byte) in changes {
            file[index.index(length)] = byte;
        }
        for file in [&file[..], &file[..cut.index(length)]] {
            if let Ok(program) = program(file, &place()) {
                check_promises(&program, &place());
            }
        }
    }
}
