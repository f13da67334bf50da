//! OpenSBI from Debian in machine mode, and Debian's Linux above it: nothing of the firmware is ours.
//!
//! Both come from `tests/guest/linux.sh`; where they cannot be had, a line says so.

use std::path::Path;
use std::process::Command;

use ironloom_core::Duration;
use ironloom_hyper::Computer;
use ironloom_hyper::board::{Ending, Output};
use ironloom_hyper::computer::{ComputerConfig, Firmware, Kernel, Pause};

/// Longer than any boot takes, in the computer's time.
const PATIENCE: Duration = Duration::from_secs(30);

#[test]
fn opensbi_boots_linux_with_two_harts() {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/guest/linux.sh");
    let output = Command::new(script).output().unwrap();
    if !output.status.success() {
        println!("skipped, the guest cannot be had: {}", String::from_utf8_lossy(&output.stderr).trim());
        return;
    }
    let text = String::from_utf8(output.stdout).unwrap();
    let files: Vec<_> = text.lines().map(|path| std::fs::read(path).unwrap()).collect();
    let config = ComputerConfig { firmware: Firmware::Guest, ..ComputerConfig::new(256 << 20) };
    let mut computer = Computer::new(config.harts(2)).unwrap();
    let kernel = Kernel {
        image: &files[0],
        initramfs: Some(&files[1]),
        command_line: "console=ttyS0 panic=-1 run=nproc;poweroff_-f",
        firmware: Some(&files[2]),
    };
    computer.boot_kernel(&kernel).unwrap();
    let mut said = Vec::new();
    let ending = loop {
        let pause = computer.run_for(Duration::from_millis(20)).unwrap();
        while let Some(output) = computer.poll() {
            if let Output::Serial(bytes) = output {
                said.extend(bytes);
            }
        }
        match pause {
            Pause::Ended(ending) => break ending,
            _ => {
                assert!(
                    computer.now().as_nanos() < PATIENCE.as_nanos(),
                    "{}",
                    String::from_utf8_lossy(&said)
                );
            }
        }
    };
    let said = String::from_utf8_lossy(&said);
    assert!(said.contains("OpenSBI v"), "{said}");
    assert!(said.contains("SBI implementation ID=0x1 "), "{said}");
    assert!(said.contains("\n2\r\n"), "two harts are online: {said}");
    assert_eq!(ending, Ending::PowerOff { code: 0 }, "{said}");
}
