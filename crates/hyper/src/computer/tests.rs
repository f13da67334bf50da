//! Computers with programs that need nothing but the crate.

use std::sync::Arc;

use ironloom_blob::{BlobId, BlobStore, Durability, MemoryStore};
use ironloom_core::{Duration, Rng, Seed};
use proptest::prelude::*;

use super::{Computer, ComputerConfig, ComputerError, Firmware, HartStatus, Kernel, Pause};
use crate::GuestAddress;
use crate::board::{Ending, Output, layout};
use crate::isa::{Assembler, Label, csr, registers::*};
use crate::memory::MemoryError;

const MEMORY: u64 = 4 << 20;
const POWER_OFF: u64 = 0x5555;

fn config(harts: u16) -> ComputerConfig {
    ComputerConfig::new(MEMORY).harts(harts)
}

fn assembler() -> Assembler {
    Assembler::new(GuestAddress::new(layout::MEMORY))
}

fn boot(config: ComputerConfig, program: Assembler) -> Computer {
    let mut computer = Computer::new(config).unwrap();
    computer.boot(program.finish().unwrap().bytes()).unwrap();
    computer
}

/// Ends a program: powers off, or waits for somebody else to.
fn power_off(text: &mut Assembler) {
    text.li(T6, layout::SYSCON).li(T5, POWER_OFF).sw(T5, 0, T6);
    sleep(text);
}

fn sleep(text: &mut Assembler) {
    let halt = text.here();
    text.wfi().j(halt);
}

/// All harts add to a counter, by atomics and by reserving, and mix what they see into memory of their own.
fn counting(each: u64) -> (Assembler, Label) {
    let mut text = assembler();
    let (again, retry, counters) = (text.label(), text.label(), text.label());
    text.la(S0, counters).li(T0, each).li(T1, 1);
    text.slli(S1, A0, 3).add(S1, S1, S0);
    text.bind(again).amoadd_d(T2, T1, S0);
    text.bind(retry).addi(T4, S0, 64).lr_d(T3, T4).addi(T3, T3, 1).sc_d(T5, T3, T4).bnez(T5, retry);
    text.ld(T6, 128, S1).xor(T6, T6, T2).slli(T2, T6, 1).add(T6, T6, T2).sd(T6, 128, S1);
    text.addi(T0, T0, -1).bnez(T0, again);
    sleep(&mut text);
    text.align(64).bind(counters).zeros(256);
    (text, counters)
}

fn dword(computer: &Computer, at: u64) -> u64 {
    computer.memory().load(GuestAddress::new(at)).unwrap()
}

fn serial(computer: &mut Computer) -> String {
    let mut text = Vec::new();
    while let Some(output) = computer.poll() {
        if let Output::Serial(bytes) = output {
            text.extend(bytes);
        }
    }
    String::from_utf8(text).unwrap()
}

#[test]
fn harts_that_take_turns_do_the_same_each_time() {
    for harts in [1, 2, 3, 8] {
        let run = || {
            let (text, _) = counting(2_000);
            let mut computer = boot(config(harts), text);
            computer.run_for(Duration::from_micros(150)).unwrap();
            let early = (computer.retired(), computer.memory().digest().unwrap());
            computer.run_for(Duration::from_millis(30)).unwrap();
            (early, computer.retired(), computer.memory().digest().unwrap())
        };
        assert_eq!(run(), run(), "{harts} harts");
    }
}

#[test]
fn turns_may_be_cut_anywhere() {
    for instructions_per_microsecond in [1_000, 400, 3_000] {
        cut_anywhere(&ComputerConfig { instructions_per_microsecond, ..config(1) });
    }
}

fn cut_anywhere(config: &ComputerConfig) {
    let run = |steps: &[u64]| {
        let (text, _) = counting(2_000);
        let mut computer = boot(config.clone(), text);
        for step in steps {
            computer.run_for(Duration::from_nanos(*step)).unwrap();
        }
        assert_eq!(computer.now().as_nanos(), steps.iter().sum::<u64>());
        (computer.retired(), computer.memory().digest().unwrap())
    };
    let whole = run(&[30_000]);
    assert_eq!(whole, run(&[10_000, 20_000]));
    assert_eq!(whole, run(&[1_001, 28_999]));
    assert_eq!(whole, run(&[7; 30_000 / 7].iter().copied().chain([5]).collect::<Vec<_>>()));
}

#[test]
fn nothing_is_lost_when_harts_count_together() {
    for harts in [1_u16, 2, 4] {
        for freely in [false, true] {
            let each = 20_000;
            let (text, counters) = counting(each);
            let program = text.finish().unwrap();
            let mut computer = Computer::new(config(harts)).unwrap();
            computer.boot(program.bytes()).unwrap();
            let deadline = computer.now().saturating_add(Duration::from_secs(1));
            let pause =
                if freely { computer.run_freely_until(deadline) } else { computer.run_until(deadline) };
            assert_eq!(pause.unwrap(), Pause::Deadline);
            let at = program.address(counters).get();
            let expected = each * u64::from(harts);
            assert_eq!(dword(&computer, at), expected, "atomics, {harts} harts, freely: {freely}");
            assert_eq!(dword(&computer, at + 64), expected, "reservations, {harts} harts, freely: {freely}");
        }
    }
}

#[test]
fn a_fork_goes_its_own_way_from_the_same_place() {
    let (text, _) = counting(50_000);
    let mut computer = boot(config(2), text);
    computer.run_for(Duration::from_micros(300)).unwrap();
    let mut fork = computer.fork().unwrap();
    let mut other = computer.fork().unwrap();
    other.memory().store(GuestAddress::new(layout::MEMORY + 0x10_0000), 7_u64).unwrap();
    for computer in [&mut computer, &mut fork, &mut other] {
        computer.run_for(Duration::from_millis(2)).unwrap();
    }
    assert_eq!(computer.retired(), fork.retired());
    assert_eq!(computer.memory().digest().unwrap(), fork.memory().digest().unwrap());
    assert_ne!(computer.memory().digest().unwrap(), other.memory().digest().unwrap());
    assert_eq!(dword(&computer, layout::MEMORY + 0x10_0000), 0);
}

#[test]
fn a_computer_returns_to_a_point_as_often_as_it_is_asked() {
    let (text, _) = counting(50_000);
    let mut computer = boot(config(2), text);
    computer.run_for(Duration::from_micros(300)).unwrap();
    let point = computer.point().unwrap();
    let mut seen = Vec::new();
    for _ in 0..3 {
        computer.run_for(Duration::from_millis(2)).unwrap();
        seen.push((computer.now(), computer.retired(), computer.memory().digest().unwrap()));
        computer.roll_back(&point).unwrap();
    }
    assert_eq!(seen[0], seen[1]);
    assert_eq!(seen[1], seen[2]);
}

#[test]
fn a_snapshot_goes_on_as_if_nothing_had_been() {
    let store: Arc<dyn BlobStore> = Arc::new(MemoryStore::new());
    let (text, _) = counting(50_000);
    let mut computer = boot(config(3), text);
    computer.run_for(Duration::from_micros(300)).unwrap();
    let first = computer.snapshot(&store).unwrap();
    computer.run_for(Duration::from_micros(100)).unwrap();
    let second = computer.snapshot(&store).unwrap();
    assert_ne!(first, second);
    computer.run_for(Duration::from_millis(2)).unwrap();
    for snapshot in [first, second] {
        let mut restored = Computer::restore(store.clone(), snapshot, &mut |_| panic!("no disk")).unwrap();
        restored.run_until(computer.now()).unwrap();
        assert_eq!(restored.retired(), computer.retired());
        assert_eq!(restored.memory().digest().unwrap(), computer.memory().digest().unwrap());
    }
}

#[test]
fn what_is_no_snapshot_is_refused() {
    let store: Arc<dyn BlobStore> = Arc::new(MemoryStore::new());
    let (text, _) = counting(100);
    let mut computer = boot(config(1), text);
    let snapshot = computer.snapshot(&store).unwrap();
    let content = store.get(snapshot).unwrap().to_vec();
    let mut rng = Rng::new(Seed::new(4));
    for _ in 0..2_000 {
        let mut damaged = content.clone();
        for _ in 0..=rng.below(3) {
            let at = rng.below(damaged.len() as u64) as usize;
            damaged[at] = rng.next_u64() as u8;
        }
        damaged.truncate(damaged.len() - rng.below(2) as usize * rng.below(40) as usize);
        let id = store.put(&damaged, Durability::Buffered).unwrap();
        if id != snapshot {
            // The frame's checksum finds it, or a link leads nowhere.
            assert!(Computer::restore(store.clone(), id, &mut |_| panic!("no disk")).is_err());
        }
    }
    let nothing = BlobId::of(b"nothing");
    assert!(matches!(
        Computer::restore(store, nothing, &mut |_| panic!("no disk")),
        Err(ComputerError::Store(_))
    ));
}

#[test]
fn harts_wait_without_work_and_wake_by_their_timers() {
    let mut text = assembler();
    let (handler, again) = (text.label(), text.label());
    text.la(T0, handler).csrw(csr::MTVEC, T0);
    text.li(S0, layout::ACLINT + 0x4000).li(S1, 0);
    text.bind(again)
        .li(T0, layout::ACLINT + 0xbff8)
        .ld(T1, 0, T0)
        .li(T2, 10_000)
        .add(T1, T1, T2)
        .sd(T1, 0, S0);
    text.li(T0, 1 << 7).csrw(csr::MIE, T0).wfi().addi(S1, S1, 1).li(T2, 100).bne(S1, T2, again);
    power_off(&mut text);
    text.align(4).bind(handler).mret();
    let mut computer = boot(config(1), text);
    let pause = computer.run_for(Duration::from_secs(10)).unwrap();
    assert_eq!(pause, Pause::Ended(Ending::PowerOff { code: 0 }));
    // A hundred times a millisecond, during which there is nothing to do.
    let time = computer.now().as_nanos();
    assert!((100_000_000..101_000_000).contains(&time), "it is {}", computer.now());
    assert!(computer.retired() < 3_000, "{} instructions", computer.retired());
}

/// A kernel that starts the other harts by the firmware, has them add a number, and prints what came of it.
fn kernel(harts: u64) -> Vec<u8> {
    let mut text = Assembler::new(GuestAddress::new(layout::MEMORY + (2 << 20)));
    let (start, begin, wait, done, sum) =
        (text.label(), text.label(), text.label(), text.label(), text.label());
    // The header of an `Image`: a jump over it, where it goes, how long it is, and what all have.
    text.j(start).align(8).dwords(&[2 << 20, 64 << 10]).zeros(56 - 24).bytes(b"RSC\x05").zeros(4).bind(start);
    text.bnez(A0, done).la(S0, sum);
    for hart in 1..harts {
        text.li(A7, 0x0048_534d).li(A6, 0).li(A0, hart).la(A1, begin).li(A2, 5).ecall();
    }
    text.li(T1, 5 * (harts - 1)).bind(wait).ld(T0, 0, S0).bne(T0, T1, wait);
    text.li(A7, 0x4442_434e).li(A6, 2).addi(A0, T0, i32::from(b'A')).ecall();
    text.li(A7, 0x5352_5354).li(A6, 0).li(A0, 0).li(A1, 0).ecall();
    text.bind(done);
    sleep(&mut text);
    text.bind(begin).la(S0, sum).amoadd_d(ZERO, A1, S0).li(A7, 0x0048_534d).li(A6, 1).ecall();
    sleep(&mut text);
    text.align(8).bind(sum).dwords(&[0]);
    text.finish().unwrap().bytes().to_vec()
}

#[test]
fn firmware_starts_and_stops_harts() {
    for freely in [false, true] {
        let mut computer = Computer::new(config(4)).unwrap();
        let image = kernel(4);
        computer.boot_kernel(&Kernel { image: &image, ..Kernel::default() }).unwrap();
        assert_eq!(computer.status(1), Some(HartStatus::Stopped));
        let deadline = computer.now().saturating_add(Duration::from_millis(50));
        let pause = if freely { computer.run_freely_until(deadline) } else { computer.run_until(deadline) };
        assert_eq!(pause.unwrap(), Pause::Ended(Ending::PowerOff { code: 0 }), "freely: {freely}");
        assert_eq!(serial(&mut computer), "P", "freely: {freely}"); // 65 + 15
    }
}

#[test]
fn what_does_not_fit_is_refused() {
    let mut computer = Computer::new(config(1)).unwrap();
    let zeros = vec![0; MEMORY as usize];
    let boot = |computer: &mut Computer, kernel: Kernel<'_>| computer.boot_kernel(&kernel).unwrap_err();
    let error = boot(&mut computer, Kernel { image: &zeros, ..Kernel::default() });
    assert!(matches!(error, ComputerError::Kernel(_)), "{error}");
    let image = kernel(1);
    let error = boot(&mut computer, Kernel { image: &image, initramfs: Some(&zeros), ..Kernel::default() });
    assert!(matches!(error, ComputerError::NoRoom { .. }), "{error}");
    assert!(computer.boot(&vec![0; MEMORY as usize + 1]).is_err());
    let mut computer = Computer::new(ComputerConfig { firmware: Firmware::Guest, ..config(1) }).unwrap();
    let error = boot(&mut computer, Kernel { image: &image, ..Kernel::default() });
    assert!(matches!(error, ComputerError::NoFirmware), "{error}");
}

#[test]
fn a_computer_whose_host_is_full_stands_still_until_there_is_room() {
    // Writes a page after another.
    let mut text = assembler();
    text.li(S0, layout::MEMORY + 0x1_0000).li(T0, 0x1000);
    let again = text.here();
    text.sd(S0, 0, S0).add(S0, S0, T0).j(again);
    for freely in [false, true] {
        let mut computer = boot(ComputerConfig { frames_max: 100, ..config(1) }, text.clone());
        let deadline = computer.now().saturating_add(Duration::from_millis(1));
        for _ in 0..2 {
            let run = if freely { computer.run_freely_until(deadline) } else { computer.run_until(deadline) };
            let full = matches!(run, Err(ComputerError::Memory(MemoryError::Full { frames_max: 100, .. })));
            assert!(full, "{run:?}, freely: {freely}");
        }
        assert_eq!(computer.memory().frames_used(), 100);
    }
}

#[test]
fn firmware_of_the_guest_begins_in_machine_mode() {
    let mut text = assembler();
    text.csrr(S0, csr::MHARTID).csrr(S1, csr::MISA);
    power_off(&mut text);
    let program = text.finish().unwrap();
    let mut computer = Computer::new(ComputerConfig { firmware: Firmware::Guest, ..config(2) }).unwrap();
    computer.memory().write_bytes(program.base(), program.bytes()).unwrap();
    computer.start_all(program.base().get(), 0);
    let pause = computer.run_for(Duration::from_millis(1)).unwrap();
    assert_eq!(pause, Pause::Ended(Ending::PowerOff { code: 0 }));
    assert_ne!(computer.hart(0).unwrap().register(9), 0);
}

#[test]
fn a_breakpoint_stops_before_its_instruction_each_time() {
    let mut text = assembler();
    text.li(A0, 0);
    let again = text.here();
    text.addi(A0, A0, 1).li(T0, 3).bne(A0, T0, again);
    power_off(&mut text);
    let program = text.finish().unwrap();
    let mut computer = Computer::new(config(1)).unwrap();
    computer.boot(program.bytes()).unwrap();
    computer.hart_mut(0).unwrap().set_breakpoint(program.address(again).get());
    for round in 0..3 {
        assert_eq!(computer.run_for(Duration::from_millis(1)).unwrap(), Pause::Breakpoint { hart: 0 });
        assert_eq!(computer.hart(0).unwrap().register(10), round);
    }
    assert_eq!(
        computer.run_for(Duration::from_millis(1)).unwrap(),
        Pause::Ended(Ending::PowerOff { code: 0 })
    );
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    /// Whatever a program is, running it ends, and twice is the same.
    #[test]
    fn noise_is_a_program_like_any_other(seed: u64, harts in 1_u16..4) {
        let run = || {
            let mut rng = Rng::new(Seed::new(seed));
            let mut program = vec![0; 16 << 10];
            rng.fill(&mut program);
            let mut computer = Computer::new(config(harts)).unwrap();
            computer.boot(&program).unwrap();
            for hart in 0..usize::from(harts) {
                for register in 1..32 {
                    let value = match rng.below(3) {
                        0 => layout::MEMORY + rng.below(MEMORY),
                        1 => layout::VIRTIO + rng.below(0x8000),
                        _ => rng.next_u64(),
                    };
                    computer.hart_mut(hart).unwrap().set_register(register, value);
                }
            }
            computer.run_for(Duration::from_micros(500)).unwrap();
            (computer.retired(), computer.memory().digest().unwrap())
        };
        prop_assert_eq!(run(), run());
    }
}
