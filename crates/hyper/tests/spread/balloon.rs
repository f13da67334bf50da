//! Linux on one host gives memory up and takes it back.

use ironloom_hyper::board::{Attachment, Ending, Slot};
use ironloom_hyper::computer::Pause;
use ironloom_hyper::{Computer, PAGE_BYTES};

use crate::console::Console;
use crate::guest::Guest;

const COMMAND_LINE: &str = "console=ttyS0 panic=-1 quiet";

/// How much the guest does without.
const GIVEN: u64 = 96 << 20;
/// A file of that many MiB, which does not fit then.
const FILE: u64 = 112;

/// A computer that will boot Linux, and has a balloon.
fn computer(guest: &Guest, harts: u16) -> (Computer, Slot) {
    let mut computer = Guest::empty(harts);
    let slot = computer.attach(Attachment::Balloon).unwrap();
    guest.boot(&mut computer, COMMAND_LINE);
    (computer, slot)
}

/// Lets the guest give up so much, or take it back.
fn fill(console: &mut Console<'_>, slot: Slot, bytes: u64) {
    assert_eq!(console.computer.set_balloon(slot, bytes), bytes);
    let size = |console: &Console<'_>| console.computer.board().balloon(slot).unwrap().given;
    console.wait("its balloon", |console| size(console) == bytes);
}

/// Lets the guest fill memory and free it.
fn use_memory(console: &mut Console<'_>) {
    let line = format!(
        "dd if=/dev/zero of=/mnt/file bs=1M count={FILE} 2>/dev/null; stat -c %s /mnt/file; rm /mnt/file"
    );
    assert_eq!(console.line(&line), format!("{}\n", FILE << 20));
}

#[test]
fn linux_gives_memory_and_takes_it_back() {
    let Some(guest) = Guest::get() else { return };
    let (mut computer, slot) = computer(&guest, 2);
    let mut console = Console::new(&mut computer, Computer::run_until);
    console.boot();
    console.line("mount -t tmpfs -o size=100% none /mnt");
    use_memory(&mut console);
    let (total, free) = (console.meminfo("MemTotal"), console.meminfo("MemAvailable"));
    let frames = console.computer.memory().frames_used();
    assert!(frames > (FILE << 20) / PAGE_BYTES, "what was used takes room until it is given up");

    fill(&mut console, slot, GIVEN);
    assert_eq!(console.meminfo("MemTotal"), total - GIVEN / 1_024);
    let left = console.meminfo("MemAvailable");
    assert!(left < free - GIVEN / 1_024 * 9 / 10, "{left} KiB of {free} KiB are left");
    let after = console.computer.memory().frames_used();
    println!("{frames} frames, then {after}");
    assert!(after < frames - GIVEN / PAGE_BYTES / 2, "most of it had been used: {frames} frames, {after}");

    let forks = [(); 2].map(|()| console.computer.fork().unwrap());
    let digests = forks.map(|mut fork| {
        let mut console = Console::new(&mut fork, Computer::run_until);
        fill(&mut console, slot, 0);
        assert_eq!(console.meminfo("MemTotal"), total);
        use_memory(&mut console);
        console.computer.memory().digest().unwrap()
    });
    assert_eq!(digests[0], digests[1], "forks with a balloon do the same");
    assert_eq!(console.power_off(), Pause::Ended(Ending::PowerOff { code: 0 }));
}

#[test]
fn linux_boots_with_a_balloon_that_is_to_be_full() {
    let Some(guest) = Guest::get() else { return };
    let (mut computer, slot) = computer(&guest, 2);
    computer.set_balloon(slot, GIVEN);
    let mut console = Console::new(&mut computer, Computer::run_freely_until);
    console.boot();
    console.wait("its balloon", |console| console.computer.board().balloon(slot).unwrap().given == GIVEN);
    let total = console.meminfo("MemTotal");
    assert!(total < ((256 << 20) - GIVEN) / 1_024, "{total} KiB");
    fill(&mut console, slot, GIVEN / 2);
    fill(&mut console, slot, 0);
    assert_eq!(console.meminfo("MemTotal"), total + GIVEN / 1_024);
    console.line("mount -t tmpfs -o size=100% none /mnt");
    use_memory(&mut console);
    assert_eq!(console.power_off(), Pause::Ended(Ending::PowerOff { code: 0 }));
}
