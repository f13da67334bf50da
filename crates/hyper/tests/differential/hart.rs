//! This side: a hart in machine mode, with memory and nothing else.

use std::sync::Arc;

use ironloom_hyper::hart::{Exit, Hart, HartConfig};
use ironloom_hyper::isa::{Assembler, csr, registers::T0};
use ironloom_hyper::{GuestAddress, Memory, MemoryConfig};

use crate::generator::BASE;

const MEMORY_BYTES: u64 = 8 << 20;
/// Where the hart begins: it turns floating registers on, and then is a process.
const START: u64 = BASE + MEMORY_BYTES - 0x1000;
/// Where the stacks of compiled programs begin.
pub(crate) const STACK: u64 = START - 0x1000;
/// `mstatus.FS`, and no interrupts.
const FLOATS_ON: u64 = 3 << 13;
/// Programs that run longer have lost their way.
const INSTRUCTIONS_MAX: u64 = 500_000_000;

/// What a program writes to its standard output until it exits with 0.
pub(crate) fn run(segments: &[(u64, &[u8])], entry: u64, stack: u64) -> Vec<u8> {
    let mut config = HartConfig::new(0);
    config.calls_host = true;
    let base = GuestAddress::new(BASE);
    let memory = Arc::new(Memory::new(MemoryConfig::new(base, MEMORY_BYTES)).unwrap());
    for (address, bytes) in segments {
        memory.write_bytes(GuestAddress::new(*address), bytes).unwrap();
    }
    let mut hart = Hart::new(config, memory.clone()).unwrap();
    // A supervisor's calls come to us.
    hart.hand_over(START, 0, 0);
    let mut start = Assembler::new(GuestAddress::new(START));
    start.li(T0, FLOATS_ON).csrs(csr::SSTATUS, T0).ebreak();
    let start = start.finish().unwrap();
    memory.write_bytes(start.base(), start.bytes()).unwrap();
    let ready = START + start.bytes().len() as u64 - 4;
    hart.set_breakpoint(ready);
    assert_eq!(hart.run(100), Exit::Breakpoint);
    hart.clear_breakpoint(ready);
    hart.set_pc(entry);
    hart.set_register(2, stack);
    serve(&mut hart, &memory)
}

/// Runs, and answers `write` and `exit`.
fn serve(hart: &mut Hart, memory: &Memory) -> Vec<u8> {
    let mut written = Vec::new();
    while hart.retired() < INSTRUCTIONS_MAX {
        match hart.run(1_000_000) {
            Exit::Budget => {}
            Exit::Call => match hart.register(17) {
                64 => {
                    let mut bytes = vec![0; hart.register(12) as usize];
                    memory.read_bytes(GuestAddress::new(hart.register(11)), &mut bytes).unwrap();
                    written.extend_from_slice(&bytes);
                    hart.set_register(10, bytes.len() as u64);
                }
                93 => {
                    assert_eq!(hart.register(10), 0, "the program fails");
                    return written;
                }
                other => panic!("the program makes system call {other}"),
            },
            other => panic!("the hart stops at {:#x}: {other:?}", hart.pc()),
        }
    }
    panic!("the program does not end")
}
