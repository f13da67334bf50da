//! The mix: a C program, compiled for Linux on RISC-V.

use std::path::Path;
use std::process::Command;

use tempfile::TempDir;

use crate::guest::Guest;

/// How it is compiled; products and sums are not fused, so that all machines compute the same.
const FLAGS: [&str; 4] = ["-O2", "-fno-tree-vectorize", "-ffp-contract=off", "-static"];

/// A guest that has the mix, or why there cannot be one.
pub(crate) fn guest() -> Result<Guest, String> {
    let extra = TempDir::new().map_err(|error| error.to_string())?;
    compile(&extra.path().join("mix"))?;
    Guest::new("console=ttyS0 panic=-1 quiet", Some(extra.path()))
}

fn compile(target: &Path) -> Result<(), String> {
    const COMPILER: &str = "riscv64-linux-gnu-gcc";
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("hyper/mix.c");
    let status = Command::new(COMPILER).args(FLAGS).arg("-o").arg(target).arg(source).status();
    match status {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => Err(format!("{COMPILER} of mix.c: {status}")),
        Err(error) => Err(format!("{COMPILER} is not installed: {error}")),
    }
}
