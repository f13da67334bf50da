//! A program for a RISC-V computer without an operating system, written in Rust with the assembler of the crate: two
//! harts count to a million together, and the first says what came of it. Needs nothing but the crate.
//!
//! `cargo run --release --example bare_metal`

use std::error::Error;

use ironloom_node::core::Duration;
use ironloom_node::hyper::board::{Output, layout};
use ironloom_node::hyper::computer::Pause;
use ironloom_node::hyper::isa::{Assembler, Program, registers::*};
use ironloom_node::hyper::{Computer, ComputerConfig, GuestAddress};

const EACH: u64 = 500_000;
const POWER_OFF: u64 = 0x5555;

/// Both harts add to a counter, one at a time; the first waits for the sum and prints it.
fn program() -> Result<Program, Box<dyn Error>> {
    let mut text = Assembler::new(GuestAddress::new(layout::MEMORY));
    let (again, wait, digit, print, halt) =
        (text.label(), text.label(), text.label(), text.label(), text.label());
    let (counter, buffer) = (text.label(), text.label());

    text.la(S0, counter).li(T0, EACH).li(T1, 1);
    text.bind(again).amoadd_d(ZERO, T1, S0).addi(T0, T0, -1).bnez(T0, again);
    text.bnez(A0, halt); // a0 has the hart's number: the second is done

    text.li(T2, 2 * EACH).bind(wait).ld(T0, 0, S0).bne(T0, T2, wait);

    text.la(S1, buffer).li(T3, 10); // digits from the last to the first, below the buffer's end
    text.bind(digit).remu(T4, T0, T3).addi(T4, T4, i32::from(b'0')).addi(S1, S1, -1).sb(T4, 0, S1);
    text.divu(T0, T0, T3).bnez(T0, digit);

    text.li(S2, layout::UART);
    text.bind(print).lbu(T4, 0, S1).sb(T4, 0, S2).addi(S1, S1, 1).li(T5, u64::from(b'\n')).bne(T4, T5, print);
    text.li(T6, layout::SYSCON).li(T5, POWER_OFF).sw(T5, 0, T6);
    text.bind(halt).wfi().j(halt);

    text.align(8).bind(counter).dwords(&[0, 0, 0, 0]).bind(buffer).bytes(b"\n");
    Ok(text.finish()?)
}

fn main() -> Result<(), Box<dyn Error>> {
    let program = program()?;
    let mut computer = Computer::new(ComputerConfig::new(16 << 20).harts(2))?;
    computer.boot(program.bytes())?;

    // Time goes by only here, and by what the instructions take: run it twice, and it is the same to the bit.
    let pause = computer.run_for(Duration::from_secs(1))?;
    while let Some(output) = computer.poll() {
        if let Output::Serial(bytes) = output {
            print!("the computer says: {}", String::from_utf8_lossy(&bytes));
        }
    }
    assert!(matches!(pause, Pause::Ended(_)), "it powers itself off");
    println!("{} instructions, {} of its time", computer.retired(), computer.now());
    println!("its memory has the digest {}", computer.memory().digest()?);
    Ok(())
}
