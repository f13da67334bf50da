//! The guest: Debian's kernel, its initial file system, and a job for it.

use std::path::{Path, PathBuf};
use std::process::Command;

use ironloom_hyper::computer::Kernel;
use ironloom_hyper::{Computer, ComputerConfig};

/// What is booted on every host.
pub(crate) struct Guest {
    image: Vec<u8>,
    initramfs: Vec<u8>,
}

impl Guest {
    /// The guest, if it can be had.
    pub(crate) fn get() -> Option<Self> {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/guest/linux.sh");
        let output = Command::new(script).output().ok()?;
        let text = String::from_utf8(output.stdout).ok()?;
        let mut paths = text.lines().map(PathBuf::from);
        let mut read = || std::fs::read(paths.next()?).ok();
        let guest = read().zip(read()).map(|(image, initramfs)| Self { image, initramfs });
        if guest.is_none() {
            println!("the guest's kernel cannot be had: {}", String::from_utf8_lossy(&output.stderr).trim());
        }
        guest
    }

    /// A computer like that, with nothing in its memory.
    pub(crate) fn empty(harts: u16) -> Computer {
        Computer::new(ComputerConfig::new(256 << 20).harts(harts)).unwrap()
    }

    /// A computer that will boot it and run a job.
    pub(crate) fn computer(&self, harts: u16, job: &str) -> Computer {
        let mut computer = Self::empty(harts);
        self.boot(&mut computer, &format!("console=ttyS0 panic=-1 quiet run={}", job.replace(' ', "_")));
        computer
    }

    /// Lets a computer boot it.
    pub(crate) fn boot(&self, computer: &mut Computer, command_line: &str) {
        let Self { image, initramfs } = self;
        let kernel = Kernel { image, initramfs: Some(initramfs), command_line, ..Kernel::default() };
        computer.boot_kernel(&kernel).unwrap();
    }
}
