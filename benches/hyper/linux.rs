//! Linux in our machine beside Linux in QEMU: `cargo bench --bench hyper_linux`.
//!
//! Both boot the same kernel with the same initial file system on as many harts, and run the same program, `mix.c`.
//! All times are the host's: from the start to the first prompt, and from one line of the program to the next.
//! Where the kernel cannot be had, or a compiler for RISC-V or QEMU is not installed, a line says so.

mod guest;
#[path = "linux/machine.rs"]
mod machine;
#[path = "linux/mix.rs"]
mod mix;
#[path = "linux/ours.rs"]
mod ours;
#[path = "linux/qemu.rs"]
mod qemu;
#[path = "linux/watch.rs"]
mod watch;

use ironloom_benches::{Goal, OURS, Suite, Unit};
use ours::Mode;
use watch::Report;

/// The bytes of the machine's memory.
const MEMORY_BYTES: u64 = 256 << 20;
/// What QEMU is called in the tables.
const QEMU: &str = "qemu";
/// What our machine is called where its harts run beside each other, on threads.
const FREELY: &str = "ironloom, freely";

fn main() {
    let mut suite = Suite::from_args();
    let guest = match mix::guest() {
        Ok(guest) => guest,
        Err(reason) => return println!("skipped: {reason}"),
    };
    machine::benches(&mut suite, &guest);
    let harts: &[u16] = if suite.is_quick() { &[1] } else { &[1, 2] };
    for harts in harts.iter().copied() {
        let name = format!("hyper::linux/harts={harts}");
        if !suite.selects(&name) {
            continue;
        }
        let mut reports = vec![(OURS, ours::run(&guest, harts, Mode::Lockstep))];
        if harts > 1 {
            reports.push((FREELY, ours::run(&guest, harts, Mode::Free)));
        }
        match qemu::run(&guest, harts) {
            Ok(report) => reports.push((QEMU, report)),
            Err(reason) => println!("skipped: {reason}"),
        }
        compare(&mut suite, &name, &reports);
    }
    suite.finish();
}

/// Records the times of all machines, and that they computed the same.
fn compare(suite: &mut Suite, name: &str, reports: &[(&str, Report)]) {
    let mut shell = suite.compare_values(&format!("{name}/shell"), Unit::Nanos, [Goal::Times(2.0, QEMU)]);
    for (machine, report) in reports {
        shell.found(machine, report.shell.as_nanos() as f64);
    }
    let first = &reports[0].1;
    for (number, kernel) in first.kernels.iter().enumerate() {
        // The goal is one for the whole mix: at least 0.28 times as fast.
        let goals = (kernel.name == "all").then_some(Goal::Times(1.0 / 0.28, QEMU));
        let title = format!("{name}/mix-{}", kernel.name);
        let mut comparison = suite.compare_values(&title, Unit::Nanos, goals);
        for (machine, report) in reports {
            let theirs = &report.kernels[number];
            assert_eq!(
                (&theirs.name, &theirs.checksum),
                (&kernel.name, &kernel.checksum),
                "{machine} differs"
            );
            comparison.found(machine, theirs.took.as_nanos() as f64);
        }
    }
    let mix = first.kernels.last().expect("a report ends with the sum of all kernels");
    suite
        .compare_values(&format!("{name}/instructions"), Unit::PerSecond, [Goal::PerSecond(400e6)])
        .found(OURS, mix.instructions as f64 / mix.took.as_secs_f64());
    suite
        .compare_values(&format!("{name}/boot-instructions"), Unit::PerSecond, [])
        .found(OURS, first.shell_instructions as f64 / first.shell.as_secs_f64());
}
