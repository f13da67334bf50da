//! A host joins a computer that runs, and its harts and memory come online in Linux.

use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use ironloom_core::{Duration, Instant};
use ironloom_hyper::board::{Attachment, Ending, Slot};
use ironloom_hyper::computer::{Host, HostEvent, Pause};
use ironloom_hyper::{Computer, ComputerConfig};

use crate::console::Console;
use crate::guest::Guest;
use crate::hosts::Hosts;
use crate::linux::{members, sleep};

const HARTS: u16 = 4;
/// The guest finds four harts and starts two of them.
const COMMAND_LINE: &str = "console=ttyS0 panic=-1 quiet maxcpus=2";

const MEMORY: u64 = 384 << 20;
/// What the guest does without until there is room for it.
const GIVEN: u64 = 240 << 20;
/// What it is to do without again in the end.
const AGAIN: u64 = 160 << 20;
/// How many frames each of the first hosts has: 80 MiB.
const FRAMES: u64 = 20_480;
/// How many the one has that joins: 224 MiB.
const MORE_FRAMES: u64 = 57_344;

/// How many times a megabyte is written to a file, which is more than the first hosts together have room for.
const TIMES: u64 = 168;
const _: () = assert!((TIMES << 20) > 2 * FRAMES * 4_096);

/// Lets nobody wait for a host any more when it falls over.
struct Silence(Arc<AtomicBool>);

impl Drop for Silence {
    fn drop(&mut self) {
        self.0.store(std::thread::panicking(), Ordering::SeqCst);
    }
}

fn computer(frames_max: u64) -> (Computer, Slot) {
    let config = ComputerConfig { frames_max, ..ComputerConfig::new(MEMORY).harts(HARTS) };
    let mut computer = Computer::new(config).unwrap();
    let slot = computer.attach(Attachment::Balloon).unwrap();
    (computer, slot)
}

/// Lets time go by until something is so that hosts do by their own time, of which none goes by in a guest that is idle.
fn wait(console: &mut Console<'_>, what: &str, is_so: impl Fn() -> bool) {
    console.wait(what, |_| {
        sleep(Duration::from_millis(1));
        is_so()
    });
}

/// Whether a hart of a host is elsewhere by now.
fn has_moved(host: &Host) -> bool {
    std::iter::from_fn(|| host.poll()).any(|event| matches!(event, HostEvent::Moved { .. }))
}

/// Whether the guest said the sum that a script prints on this host.
fn assert_sum(said: &str, script: &str) {
    let output = Command::new("sh").args(["-c", script]).output().unwrap();
    let printed = String::from_utf8(output.stdout).unwrap();
    let sum = printed.split_whitespace().next().expect("it prints a sum");
    assert!(said.starts_with(sum), "{said} instead of {sum}");
}

/// How much the guest does without by now.
fn given(console: &Console<'_>, slot: Slot) -> u64 {
    console.computer.board().balloon(slot).unwrap().given
}

/// Boots on the first hosts, lets the third one join, and uses what it has brought.
fn grow(console: &mut Console<'_>, slot: Slot, hosts: &[Arc<Host>], join: impl Fn()) {
    console.boot();
    console.wait("a full balloon", |console| given(console, slot) == GIVEN);
    assert_eq!(console.line("nproc; cat /sys/devices/system/cpu/offline"), "2\n2-3\n");
    let total = console.meminfo("MemTotal");
    assert!(total < (MEMORY - GIVEN) / 1_024, "{total} KiB");

    join();
    let newcomer = hosts[2].id();
    wait(console, "another host", || hosts.iter().all(|host| host.hosts().contains(newcomer)));
    for (hart, from) in [(2, 0), (3, 1)] {
        hosts[from].move_hart(hart, newcomer).unwrap();
    }
    for host in &hosts[..2] {
        wait(console, "its hart", || has_moved(host));
    }
    let online = console.line("for n in 2 3; do echo 1 > /sys/devices/system/cpu/cpu$n/online; done; nproc");
    assert_eq!(online, "4\n");
    for hart in 2..4 {
        let script = format!("seq {hart} 20000 | sha256sum");
        assert_sum(&console.line(&format!("taskset -c {hart} sh -c '{script}'")), &script);
    }

    console.computer.set_balloon(slot, 0);
    console.wait("an empty balloon", |console| given(console, slot) == 0);
    assert_eq!(console.meminfo("MemTotal"), total + GIVEN / 1_024);
    console.line("mount -t tmpfs -o size=100% none /mnt; seq 100000 250000 > /mnt/part");
    console.line(&format!("for n in $(seq {TIMES}); do cat /mnt/part; done > /mnt/all"));
    let script = format!("for n in $(seq {TIMES}); do seq 100000 250000; done | md5sum");
    assert_sum(&console.line("md5sum < /mnt/all"), &script);
}

/// Gives memory up again, by a hart on the host that has joined: the devices, which are elsewhere, have to get the pages.
fn shrink(console: &mut Console<'_>, slot: Slot, devices: &Host) {
    let asked = devices.counters().asked_ahead;
    let before = console.meminfo("MemTotal");
    console.line("rm /mnt/all; irq=$(grep virtio0 /proc/interrupts | cut -d: -f1)");
    assert_eq!(
        console
            .line("echo 2 > /proc/irq/$((irq))/smp_affinity_list; cat /proc/irq/$((irq))/smp_affinity_list"),
        "2\n"
    );
    console.computer.set_balloon(slot, AGAIN);
    console.wait("a balloon", |console| given(console, slot) == AGAIN);
    assert_eq!(console.meminfo("MemTotal"), before - AGAIN / 1_024);
    let together = devices.counters().asked_ahead - asked;
    assert!(together > AGAIN / 4_096 / 2, "{together} pages were asked for together");
    assert_sum(&console.line("md5sum < /mnt/part"), "seq 100000 250000 | md5sum");
}

#[test]
fn harts_and_memory_of_a_host_that_joins_come_online() {
    let Some(guest) = Guest::get() else { return };
    let mut slots = Vec::new();
    let founders = (0..2).map(|_| {
        let (mut computer, slot) = computer(FRAMES);
        guest.boot(&mut computer, COMMAND_LINE);
        computer.set_balloon(slot, GIVEN);
        slots.push(slot);
        computer
    });
    let mut hosts = Hosts::join(founders.collect(), members);
    let newcomer = hosts.add(computer(MORE_FRAMES).0, members);
    let silent = hosts.silence(newcomer);
    silent.store(true, Ordering::SeqCst); // until the others have gone on for a while
    let parts = hosts.hosts.clone();
    let first_is_over = hosts.silence(0);
    let (first, others) = hosts.computers.split_first_mut().unwrap();
    std::thread::scope(|scope| {
        let forever = Instant::ZERO.saturating_add(Duration::from_secs(3_600));
        let threads: Vec<_> = others
            .iter_mut()
            .map(|computer| scope.spawn(move || computer.run_freely_until(forever).unwrap()))
            .collect();
        let _silence = Silence(first_is_over);
        let mut console = Console::new(first, Computer::run_freely_until);
        grow(&mut console, slots[0], &parts, || silent.store(false, Ordering::SeqCst));
        shrink(&mut console, slots[0], &parts[0]);
        let end = Pause::Ended(Ending::PowerOff { code: 0 });
        assert_eq!(console.power_off(), end);
        for thread in threads {
            assert_eq!(thread.join().unwrap(), end);
        }
    });
    for host in &parts {
        println!("{}: {:?} {:?}", host.id(), host.room_counters(), host.counters());
    }
    for hart in 2..4 {
        let retired = hosts.computers[newcomer].hart(hart).unwrap().retired();
        assert!(retired > 1_000_000, "hart {hart} ran where it was brought to: {retired} instructions");
    }
}
