//! [`Guest`]: the kernel and the initial file system, and what is on the disks.

use std::path::{Path, PathBuf};
use std::process::Command;

use ironloom_core::{Rng, Seed};

/// What Linux says when it waits for a line.
pub(crate) const PROMPT: &str = "ironloom# ";

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
    pub(crate) const COMMAND_LINE: &str = "console=ttyS0 panic=-1 quiet ip=dhcp";

    /// Gets the kernel, or says why that cannot be.
    pub(crate) fn new() -> Result<Self, String> {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/guest/linux.sh");
        let output = Command::new(script).output().map_err(|error| error.to_string())?;
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

/// What is on a disk at first: nothing that can be made smaller.
pub(crate) fn noise(bytes: u64) -> Vec<u8> {
    let mut noise = vec![0; bytes as usize];
    Rng::new(Seed::new(1)).fill(&mut noise);
    noise
}
