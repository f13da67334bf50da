//! Debian's Linux with a disk and a network card.
//!
//! The kernel and its initial file system come from `tests/guest/linux.sh`; where they cannot be had, a line says so.

use std::path::{Path, PathBuf};
use std::process::Command;

use ironloom_core::Duration;
use ironloom_hyper::board::{Attachment, Ending, Input, Output, Slot};
use ironloom_hyper::computer::{Kernel, Pause};
use ironloom_hyper::{Computer, ComputerConfig};
use ironloom_net::fabric::{self, StationId};
use ironloom_net::{Fabric, Mac};

#[path = "spread/outside.rs"]
mod outside;

use outside::{network, volume};

const PROMPT: &str = "ironloom# ";

/// How much time goes by between two looks at who has something to say to whom.
const STEP: Duration = Duration::from_micros(100);

/// The kernel and its initial file system, if they can be had.
fn files() -> Option<(Vec<u8>, Vec<u8>)> {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/guest/linux.sh");
    let output = Command::new(script).output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    let mut paths = text.lines().map(PathBuf::from);
    let read = |path: Option<PathBuf>| std::fs::read(path?).ok();
    let files = read(paths.next()).zip(read(paths.next()));
    if files.is_none() {
        println!("the guest's kernel cannot be had: {}", String::from_utf8_lossy(&output.stderr).trim());
    }
    files
}

/// A computer at a network.
struct Guest {
    computer: Computer,
    fabric: Fabric,
    door: StationId,
    card: Slot,
    text: String,
    read: usize,
}

impl Guest {
    fn new(disk: Attachment, harts: u16) -> Option<Self> {
        let (image, initramfs) = files()?;
        let mut computer = Computer::new(ComputerConfig::new(256 << 20).harts(harts)).unwrap();
        computer.attach(disk).unwrap();
        let card = computer.attach(Attachment::Net { mac: Mac::local(7), mtu: 1_500 }).unwrap();
        computer.attach(Attachment::Entropy).unwrap();
        let command_line = "console=ttyS0 panic=-1 quiet ip=dhcp";
        let kernel = Kernel { image: &image, initramfs: Some(&initramfs), command_line, ..Kernel::default() };
        computer.boot_kernel(&kernel).unwrap();
        let (fabric, door) = network();
        Some(Self { computer, fabric, door, card, text: String::new(), read: 0 })
    }

    /// Lets a step of time go by, on the computer and on the network.
    fn step(&mut self) -> Pause {
        let until = self.computer.now().saturating_add(STEP);
        let pause = self.computer.run_until(until).unwrap();
        self.fabric.run_until(until);
        while let Some(output) = self.computer.poll() {
            match output {
                Output::Serial(bytes) => self.text.push_str(&String::from_utf8_lossy(&bytes)),
                Output::Frame(_, frame) => {
                    self.fabric.handle(until, fabric::Input::Frame { port: self.door, frame }).unwrap();
                }
                other => panic!("nobody says {other:?}"),
            }
        }
        while let Some(output) = self.fabric.poll() {
            if let fabric::Output::Frame { frame, .. } = output {
                self.computer.handle(Input::Frame(self.card, &frame));
            }
        }
        pause
    }

    /// Lets time go by until the guest says something; what it said before that.
    fn until(&mut self, wanted: &str, limit: Duration) -> String {
        let deadline = self.computer.now().saturating_add(limit);
        loop {
            if let Some(at) = self.text[self.read..].find(wanted) {
                let said = self.text[self.read..self.read + at].to_owned();
                self.read += at + wanted.len();
                return said;
            }
            let pause = self.step();
            assert!(
                pause == Pause::Deadline && self.computer.now() < deadline,
                "{pause:?} at {} without {wanted:?} in:\n{}",
                self.computer.now(),
                self.text
            );
        }
    }

    /// Lets the guest run a line; what it prints.
    fn run(&mut self, line: &str) -> String {
        self.computer.type_in(line.as_bytes());
        self.computer.type_in(b"\n");
        self.until("\n", Duration::from_secs(10));
        self.until(PROMPT, Duration::from_secs(60)).replace('\r', "")
    }
}

/// The last two lines, which are sums, must be the same; what is before them is the end of a long line that was typed.
fn assert_same(sums: &str) {
    let mut lines = sums.lines().rev();
    let (last, before) = (lines.next().unwrap_or_default(), lines.next().unwrap_or_default());
    assert!(last.len() >= 32 && last == before, "{sums}");
}

#[test]
fn linux_mounts_a_disk_and_speaks_to_the_network() {
    use_devices(1);
}

#[test]
fn linux_with_two_harts_does_so_too() {
    use_devices(2);
}

#[test]
fn linux_with_four_harts_does_so_too() {
    use_devices(4);
}

/// Boots, uses every device, and powers off.
fn use_devices(harts: u16) {
    let Some(volume) = volume() else { return };
    let disk = Attachment::Disk { device: Box::new(volume), serial: "loom-0".into() };
    let Some(mut guest) = Guest::new(disk, harts) else { return };
    let booted = guest.until(PROMPT, Duration::from_secs(60));
    assert!(booted.contains("udhcpc: eth0 has 10.0.0.100"), "{booted}");
    assert_eq!(guest.run("nproc"), format!("{harts}\n"));
    assert_eq!(guest.run("cat /sys/block/vda/serial; echo; cat /sys/block/vda/size"), "loom-0\n65536\n");
    use_disk(&mut guest);
    assert_eq!(guest.run("wget -q -O - http://10.0.0.80/"), "a page of the fabric\n");
    let sums = guest
        .run("wget -q -O - http://10.0.0.80/large | md5sum; yes x | tr -d '\\n' | head -c 1048576 | md5sum");
    assert_same(&sums);
    assert_eq!(guest.run("head -c 8 /dev/hwrng | wc -c"), "8\n");
    guest.computer.type_in(b"umount /mnt; poweroff -f\n");
    while guest.step() == Pause::Deadline {
        assert!(guest.computer.now().as_nanos() < 120_000_000_000, "{}", guest.text);
    }
    assert_eq!(guest.computer.ended(), Some(Ending::PowerOff { code: 0 }));
}

/// Reads the file that the disk came with, and writes one that is still there when it is mounted again.
fn use_disk(guest: &mut Guest) {
    assert_eq!(guest.run("mount -t ext4 /dev/vda /mnt && cat /mnt/greeting"), "hello from the host\n");
    let line = "seq 20000 > /mnt/numbers; md5sum /mnt/numbers; umount /mnt; mount /dev/vda /mnt; md5sum /mnt/numbers";
    let sums = guest.run(line);
    assert_same(&sums);
}
