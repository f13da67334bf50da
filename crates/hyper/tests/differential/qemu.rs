//! The other side: `qemu-riscv64`, which runs programs as processes.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::generator::{BASE, Case, DATA};

/// A file of tests, by name.
pub(crate) fn path(name: &str) -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).join(name)
}

/// What a program writes to its standard output, or nothing if `qemu-riscv64` is not installed.
pub(crate) fn run(program: &Path) -> Option<Vec<u8>> {
    let output = Command::new("qemu-riscv64").args(["-cpu", "rv64"]).arg(program).output().ok()?;
    assert!(
        output.status.success(),
        "{}: {} {}",
        program.display(),
        output.status,
        String::from_utf8_lossy(&output.stderr)
    );
    Some(output.stdout)
}

/// Writes a generated program as an executable of Linux.
pub(crate) fn write(case: &Case, name: &str) -> PathBuf {
    let mut image = case.program.bytes().to_vec();
    image.resize((DATA - BASE) as usize, 0);
    image.extend_from_slice(&case.data);
    let path = path(name);
    fs::write(&path, elf(&image)).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    path
}

/// One segment at [`BASE`] that may be read, written and run.
fn elf(image: &[u8]) -> Vec<u8> {
    const HEADER_BYTES: u64 = 0x1000;
    let mut bytes = b"\x7fELF\x02\x01\x01\0\0\0\0\0\0\0\0\0".to_vec();
    let length = image.len() as u64;
    let halves = |values: &[u16]| values.iter().flat_map(|value| value.to_le_bytes()).collect::<Vec<_>>();
    let words = |values: &[u32]| values.iter().flat_map(|value| value.to_le_bytes()).collect::<Vec<_>>();
    let dwords = |values: &[u64]| values.iter().flat_map(|value| value.to_le_bytes()).collect::<Vec<_>>();
    bytes.extend(halves(&[2, 243])); // executable, RISC-V
    bytes.extend(words(&[1]));
    bytes.extend(dwords(&[BASE, 64, 0])); // entry, segments, no sections
    bytes.extend(words(&[5])); // compressed, doubles in registers
    bytes.extend(halves(&[64, 56, 1, 0, 0, 0]));
    bytes.extend(words(&[1, 7])); // load; read, write, run
    bytes.extend(dwords(&[HEADER_BYTES, BASE, BASE, length, length, 0x1000]));
    bytes.resize(HEADER_BYTES as usize, 0);
    bytes.extend_from_slice(image);
    bytes
}
