//! [`Guest`]: the kernel and the initial file system, with the mix in it.

use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

/// Where the repository is.
const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/..");
/// How the mix is compiled; products and sums are not fused, so that all machines compute the same.
const FLAGS: [&str; 4] = ["-O2", "-fno-tree-vectorize", "-ffp-contract=off", "-static"];

/// What all machines boot.
#[derive(Debug)]
pub(crate) struct Guest {
    /// The kernel.
    pub(crate) kernel: PathBuf,
    /// The initial file system.
    pub(crate) initramfs: PathBuf,
}

impl Guest {
    /// Its command line.
    pub(crate) const COMMAND_LINE: &str = "console=ttyS0 panic=-1 quiet";

    /// Gets the kernel and compiles the mix, or says why that cannot be.
    pub(crate) fn new() -> Result<Self, String> {
        let extra = TempDir::new().map_err(|error| error.to_string())?;
        compile(&extra.path().join("mix"))?;
        let mut script = Command::new(Path::new(ROOT).join("tests/guest/linux.sh"));
        let output = script.arg(extra.path()).output().map_err(|error| error.to_string())?;
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let mut lines = text.lines();
        match (output.status.success(), lines.next(), lines.next()) {
            (true, Some(kernel), Some(initramfs)) => {
                Ok(Self { kernel: kernel.into(), initramfs: initramfs.into() })
            }
            _ => Err(String::from_utf8_lossy(&output.stderr).trim().to_owned()),
        }
    }
}

fn compile(target: &Path) -> Result<(), String> {
    const COMPILER: &str = "riscv64-linux-gnu-gcc";
    let source = Path::new(ROOT).join("benches/hyper/mix.c");
    let status = Command::new(COMPILER).args(FLAGS).arg("-o").arg(target).arg(source).status();
    match status {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => Err(format!("{COMPILER} of mix.c: {status}")),
        Err(error) => Err(format!("{COMPILER} is not installed: {error}")),
    }
}
