//! Linux's disk and network in our machine beside QEMU: `cargo bench --bench hyper_virtio`.
//!
//! Both boot the same kernel with the same initial file system on one hart, and run the same lines of shell; all times
//! are the host's. Disks are read and written with `O_DIRECT`: noise is read, noise is copied to a second disk, zeroes are
//! written. The network carries a page from outside to Linux's `wget`, and a file from Linux's `httpd` to the outside: for
//! our machine that is a machine of its fabric, for QEMU (`-netdev user`) a thread of this process.
//! Where the kernel cannot be had, or QEMU is not installed, a line says so.

mod guest;
#[path = "virtio/network.rs"]
mod network;
#[path = "virtio/ours.rs"]
mod ours;
#[path = "virtio/qemu.rs"]
mod qemu;

use std::time::Duration;

use guest::Guest;
use ironloom_benches::{Goal, OURS, Suite, Unit};
use ironloom_core::{Rng, Seed};
use ours::{Kind, Ours};
use qemu::Qemu;

/// The bytes of the machines' memory; Linux lends half of it to files.
const MEMORY_BYTES: u64 = 1 << 30;
/// The bytes of a disk.
const DISK_BYTES: u64 = 512 << 20;
/// The bytes of the page that Linux fetches, and of the file that it serves.
const PAGE_BYTES: u64 = 256 << 20;

/// What Linux says when it waits for a line.
const PROMPT: &str = "ironloom# ";

/// What QEMU is called in the tables.
const QEMU: &str = "qemu";
/// What our machine is called if its disks are volumes.
const VOLUME: &str = "ironloom, volume";

/// What is done with disks.
const DISKS: [(&str, &str); 3] = [
    ("read", "dd if=/dev/vda of=/dev/null bs=1M iflag=direct 2>/dev/null"),
    ("copy", "dd if=/dev/vda of=/dev/vdb bs=1M iflag=direct oflag=direct 2>/dev/null"),
    ("write", "dd if=/dev/zero of=/dev/vda bs=1M count=512 oflag=direct 2>/dev/null"),
];

/// A machine with Linux, and somebody at its console.
trait Machine {
    /// Lets Linux run a line; how long that took, and what it said.
    fn run(&mut self, line: &str) -> (Duration, String);

    /// Where Linux finds the page.
    fn page(&self) -> String;

    /// Fetches the file `/file` from Linux's port 80; how long that took, and how many bytes came.
    fn fetch(&mut self) -> (Duration, u64);
}

fn main() {
    let mut suite = Suite::from_args();
    let guest = match Guest::new("console=ttyS0 panic=-1 quiet ip=dhcp", None) {
        Ok(guest) => guest,
        Err(reason) => return println!("skipped: {reason}"),
    };
    disks(&mut suite, &guest);
    network(&mut suite, &guest);
    suite.finish();
}

fn disks(suite: &mut Suite, guest: &Guest) {
    if !suite.selects("hyper::virtio/disk") {
        return;
    }
    let mut found = vec![(OURS, drive(&mut Ours::new(guest, Kind::Memory)))];
    found.push((VOLUME, drive(&mut Ours::new(guest, Kind::Volume))));
    match Qemu::new(guest) {
        Ok(mut qemu) => found.push((QEMU, drive(&mut qemu))),
        Err(reason) => println!("skipped: {reason}"),
    }
    for (number, (name, _)) in DISKS.iter().enumerate() {
        let title = format!("hyper::virtio/disk-{name} (bytes)");
        let mut compare = suite.compare_values(&title, Unit::PerSecond, [Goal::PerSecond(1e9)]);
        for (machine, times) in &found {
            compare.found(machine, DISK_BYTES as f64 / times[number].as_secs_f64());
        }
    }
}

/// Has a machine do everything with its disks.
fn drive(machine: &mut dyn Machine) -> Vec<Duration> {
    let run = |(_, line): &(&str, &str)| {
        let (took, said) = machine.run(&format!("{line} && echo done"));
        assert!(said.contains("done\r\n"), "{said}");
        took
    };
    DISKS.iter().map(run).collect()
}

fn network(suite: &mut Suite, guest: &Guest) {
    if !suite.selects("hyper::virtio/network") {
        return;
    }
    let mut found = vec![(OURS, talk(&mut Ours::new(guest, Kind::Memory)))];
    match Qemu::new(guest) {
        Ok(mut qemu) => found.push((QEMU, talk(&mut qemu))),
        Err(reason) => println!("skipped: {reason}"),
    }
    for (number, name) in ["receive", "send"].iter().enumerate() {
        let title = format!("hyper::virtio/network-{name} (bits)");
        let mut compare = suite.compare_values(&title, Unit::PerSecond, [Goal::PerSecond(2e9)]);
        for (machine, times) in &found {
            compare.found(machine, PAGE_BYTES as f64 * 8.0 / times[number].as_secs_f64());
        }
    }
}

/// Has a machine receive the page, and send the file.
fn talk(machine: &mut dyn Machine) -> [Duration; 2] {
    let line = format!("wget -q -O /dev/null {} && echo received", machine.page());
    let (received, said) = machine.run(&line);
    assert!(said.contains("received\r\n"), "{said}");
    let (_, said) = machine.run(&format!(
        "dd if=/dev/zero of=/tmp/file bs=1M count={} 2>/dev/null && httpd -h /tmp && echo served",
        PAGE_BYTES >> 20
    ));
    assert!(said.contains("served\r\n"), "{said}");
    let (sent, bytes) = machine.fetch();
    assert!(bytes > PAGE_BYTES, "only {bytes} bytes came");
    [received, sent]
}

/// What is on a disk at first: nothing that can be made smaller.
fn noise(bytes: u64) -> Vec<u8> {
    let mut noise = vec![0; bytes as usize];
    Rng::new(Seed::new(1)).fill(&mut noise);
    noise
}
