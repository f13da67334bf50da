//! Debian's Linux on a RISC-V computer that is simulated here, at your terminal. Ctrl-] leads back. Without a terminal a
//! short session shows what there is to see.
//!
//! The kernel and an initial file system with busybox come from Debian: `tests/guest/linux.sh` gets them, once.
//!
//! `cargo run --release --example linux -- [HARTS]`

use std::error::Error;
use std::io::{IsTerminal as _, Read as _, Write as _, stdin, stdout};
use std::process::{Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration as HostDuration;

use ironloom_node::core::{Clock as _, Duration, WallClock};
use ironloom_node::hyper::board::{Attachment, Output};
use ironloom_node::hyper::computer::{Kernel, Pause};
use ironloom_node::hyper::{Computer, ComputerConfig};

const SESSION: [&str; 5] = [
    "uname -a",
    "grep -m 2 -E 'hart|isa' /proc/cpuinfo",
    "free -m | head -n 2",
    "dd if=/dev/hwrng bs=16 count=1 2>/dev/null | md5sum",
    "poweroff -f",
];
const MEMORY: u64 = 256 << 20;
const LEAVE: u8 = 0x1d; // Ctrl-]

type Result<T> = std::result::Result<T, Box<dyn Error>>;

/// The paths of the kernel and its initial file system, if they can be had.
fn guest() -> Result<Option<[String; 2]>> {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/guest/linux.sh");
    let output = Command::new("bash").arg(script).stderr(Stdio::inherit()).output()?;
    let text = String::from_utf8(output.stdout)?;
    let mut lines = text.lines().map(String::from);
    Ok(if output.status.success() { lines.next().zip(lines.next()).map(Into::into) } else { None })
}

fn boot(harts: u16, paths: &[String; 2]) -> Result<Computer> {
    let mut computer = Computer::new(ComputerConfig::new(MEMORY).harts(harts))?;
    computer.attach(Attachment::Entropy)?;
    computer.boot_kernel(&Kernel {
        image: &std::fs::read(&paths[0])?,
        initramfs: Some(&std::fs::read(&paths[1])?),
        command_line: "console=ttyS0 panic=-1",
    })?;
    Ok(computer)
}

/// Shows what the computer has written since, and returns it.
fn show(computer: &mut Computer) -> Result<Vec<u8>> {
    let mut shown = Vec::new();
    while let Some(output) = computer.poll() {
        if let Output::Serial(bytes) = output {
            stdout().write_all(&bytes)?;
            shown.extend(bytes);
        }
    }
    stdout().flush()?;
    Ok(shown)
}

/// Types lines, each when the shell asks for it.
fn dictate(mut computer: Computer) -> Result<()> {
    let (mut lines, mut seen) = (SESSION.iter(), Vec::new());
    let began = WallClock::start();
    loop {
        let pause = computer.run_for(Duration::from_millis(10))?;
        seen.extend(show(&mut computer)?);
        if let Pause::Ended(ending) = pause {
            let (millions, time) = (computer.retired() / 1_000_000, began.now());
            println!(
                "\n{ending:?} after {millions} million instructions in {time}, {} of its own time",
                computer.now()
            );
            return Ok(());
        }
        if seen.windows(10).any(|text| text == b"ironloom# ") {
            seen.clear();
            computer.type_in(format!("{}\n", lines.next().ok_or("the session is over")?).as_bytes());
        }
    }
}

/// What is typed, as it is typed.
#[expect(
    clippy::disallowed_methods,
    reason = "a terminal can only be waited for by a thread, which ends with us"
)]
fn keyboard() -> Receiver<Vec<u8>> {
    let (sender, receiver) = channel();
    std::thread::spawn(move || {
        let mut bytes = [0; 4096];
        while let Ok(count) = stdin().read(&mut bytes) {
            if count == 0 || sender.send(bytes[..count].to_vec()).is_err() {
                break;
            }
        }
    });
    receiver
}

/// Lets a person type. The computer's time is the clock's, as far as it can keep up.
fn converse(mut computer: Computer) -> Result<()> {
    let (clock, keys) = (WallClock::start(), keyboard());
    loop {
        let step = computer.now().saturating_add(Duration::from_millis(5));
        let pause = computer.run_until(step.min(clock.now().max(computer.now())))?;
        show(&mut computer)?;
        if let Pause::Ended(_) = pause {
            return Ok(());
        }
        let behind = computer.now() < clock.now();
        let wait = HostDuration::from_millis(if behind { 0 } else { 5 });
        let Ok(typed) = keys.recv_timeout(wait) else { continue };
        let end = typed.iter().position(|byte| *byte == LEAVE);
        computer.type_in(&typed[..end.unwrap_or(typed.len())]);
        if end.is_some() {
            return Ok(());
        }
    }
}

/// What `stty` of the host says of the terminal, or does with it.
fn stty(arguments: &[&str]) -> Result<String> {
    let output = Command::new("stty").args(arguments).stdin(Stdio::inherit()).output()?;
    Ok(String::from_utf8(output.stdout)?.trim().to_owned())
}

fn main() -> Result<()> {
    let harts = std::env::args().nth(1).map_or(Ok(2), |text| text.parse())?;
    let Some(paths) = guest()? else {
        println!("skipped: Debian's kernel cannot be had here, and this is about nothing else");
        return Ok(());
    };
    let computer = boot(harts, &paths)?;
    if !stdin().is_terminal() {
        return dictate(computer);
    }
    let before = stty(&["-g"])?;
    println!("A computer of its own, with {harts} harts. Ctrl-] leads back.");
    stty(&["raw", "-echo"])?;
    let conversed = converse(computer);
    stty(&[before.as_str()])?;
    println!();
    conversed
}
