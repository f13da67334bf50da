//! The guest in QEMU.

use std::io::{ErrorKind, Read, Write};
use std::process::{Child, Command, Stdio};

use ironloom_benches::now;

use crate::MEMORY_BYTES;
use crate::guest::Guest;
use crate::watch::{Next, Report, Watch};

const PROGRAM: &str = "qemu-system-riscv64";

/// A process that ends with its handle.
#[derive(Debug)]
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended by itself; then there is nothing left to do.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Boots the guest, runs the mix, and tells the times; or says why that cannot be.
pub(crate) fn run(guest: &Guest, harts: u16) -> Result<Report, String> {
    let start = now();
    let mut command = Command::new(PROGRAM);
    command
        .args(["-M", "virt", "-nographic", "-monitor", "none", "-serial", "stdio"])
        .args(["-smp", &harts.to_string(), "-m", &format!("{}M", MEMORY_BYTES >> 20)])
        .arg("-kernel")
        .arg(&guest.kernel)
        .arg("-initrd")
        .arg(&guest.initramfs)
        .args(["-append", guest.command_line])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped());
    let child = command.spawn().map_err(|error| match error.kind() {
        ErrorKind::NotFound => format!("{PROGRAM} is not installed"),
        _ => format!("{PROGRAM}: {error}"),
    })?;
    let mut running = Running(child);
    let mut input = running.0.stdin.take().expect("it is piped");
    let mut output = running.0.stdout.take().expect("it is piped");
    let mut watch = Watch::default();
    let mut bytes = [0; 4_096];
    loop {
        let read = output.read(&mut bytes).map_err(|error| error.to_string())?;
        if read == 0 {
            return Err(format!("{PROGRAM} ended after {:?}", now() - start));
        }
        match watch.saw(&bytes[..read], now() - start, 0) {
            Next::Wait => {}
            Next::Type(line) => {
                type_in(&mut input, line).map_err(|error| error.to_string())?;
            }
            Next::Done => return Ok(watch.into_report()),
        }
    }
}

fn type_in(input: &mut impl Write, line: &[u8]) -> std::io::Result<()> {
    input.write_all(line)?;
    input.flush()
}
