//! Programs of a C compiler.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::qemu;

/// Compiles `mix.c` with these options, or nothing if there is no compiler.
pub(crate) fn compile(name: &str, options: &[&str]) -> Option<PathBuf> {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/differential/mix.c");
    let program = qemu::path(name);
    let status = Command::new("riscv64-linux-gnu-gcc")
        .args([
            "-static",
            "-nostdlib",
            "-ffreestanding",
            "-fno-stack-protector",
            "-fno-math-errno",
            "-mcmodel=medany",
        ])
        .args(["-Wl,-Ttext-segment=0x80000000", "-Wl,--build-id=none", "-Wl,--no-relax"])
        .args(options)
        .arg("-o")
        .args([&program, &source])
        .arg("-lgcc")
        .status()
        .ok()?;
    assert!(status.success(), "{} does not compile", source.display());
    Some(program)
}

/// The segments of an executable that was just compiled, by address, and where it begins.
pub(crate) fn segments(program: &Path) -> (Vec<(u64, Vec<u8>)>, u64) {
    let file = fs::read(program).unwrap();
    let dword = |at: usize| u64::from_le_bytes(file[at..at + 8].try_into().unwrap());
    let half = |at: usize| u16::from_le_bytes(file[at..at + 2].try_into().unwrap());
    let (entry, headers) = (dword(24), dword(32) as usize);
    let segments = (0..usize::from(half(56)))
        .map(|number| headers + number * 56)
        .filter(|header| file[*header] == 1)
        .map(|header| {
            let (offset, address, bytes) = (dword(header + 8), dword(header + 16), dword(header + 32));
            (address, file[offset as usize..(offset + bytes) as usize].to_vec())
        })
        .collect();
    (segments, entry)
}
