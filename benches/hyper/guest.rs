//! [`Guest`]: the kernel and the initial file system that all machines boot.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use ironloom_hyper::Computer;
use ironloom_hyper::computer::Kernel;

/// What all machines boot.
#[derive(Debug)]
pub(crate) struct Guest {
    /// The kernel.
    pub(crate) kernel: PathBuf,
    /// The initial file system.
    pub(crate) initramfs: PathBuf,
    /// What the kernel is told.
    pub(crate) command_line: &'static str,
}

impl Guest {
    /// Gets the kernel, or says why that cannot be; the files in `extra` are added to the initial file system.
    pub(crate) fn new(command_line: &'static str, extra: Option<&Path>) -> Result<Self, String> {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/guest/linux.sh");
        let output = Command::new(script).args(extra).output().map_err(|error| error.to_string())?;
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let mut lines = text.lines();
        match (output.status.success(), lines.next(), lines.next()) {
            (true, Some(kernel), Some(initramfs)) => {
                Ok(Self { kernel: kernel.into(), initramfs: initramfs.into(), command_line })
            }
            _ => Err(String::from_utf8_lossy(&output.stderr).trim().to_owned()),
        }
    }

    /// Puts the kernel into our machine's memory.
    pub(crate) fn boot(&self, computer: &mut Computer) {
        let image = fs::read(&self.kernel).expect("the script has made it");
        let initramfs = fs::read(&self.initramfs).expect("the script has made it");
        let (initramfs, command_line) = (Some(&initramfs[..]), self.command_line);
        let kernel = Kernel { image: &image, initramfs, command_line, ..Kernel::default() };
        computer.boot_kernel(&kernel).expect("the kernel fits");
    }
}
