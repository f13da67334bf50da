//! Bare-metal test programs on one hart: ELF files that tell how they end by writing to `tohost`, as riscv-tests and
//! riscv-arch-test do. Without files a small program is assembled here and run.
//!
//! `cargo run --release --example isa_runner -- [--limit INSTRUCTIONS] [--signature FILE] FILE…`

use std::error::Error;
use std::fmt::Write as _;
use std::process::ExitCode;
use std::{env, fs};

use ironloom_node::core::Duration;
use ironloom_node::hyper::board::layout;
use ironloom_node::hyper::computer::{ComputerConfig, Firmware};
use ironloom_node::hyper::hart::Hart;
use ironloom_node::hyper::isa::{Assembler, registers::*};
use ironloom_node::hyper::load::{self, Place};
use ironloom_node::hyper::{Computer, GuestAddress};

const MEMORY_BYTES: u64 = 1 << 30;
/// How often the runner looks at `tohost`: every two thousand instructions.
const SLICE: Duration = Duration::from_micros(2);

type Result<T> = std::result::Result<T, Box<dyn Error>>;

/// A program in memory, and its places.
struct Loaded {
    computer: Computer,
    tohost: GuestAddress,
    signature: Option<(u64, u64)>,
}

fn computer() -> Result<Computer> {
    let config = ComputerConfig { firmware: Firmware::Guest, ..ComputerConfig::new(MEMORY_BYTES) };
    Ok(Computer::new(config)?)
}

fn load(file: &[u8]) -> Result<Loaded> {
    let place = Place::new(GuestAddress::new(layout::MEMORY), MEMORY_BYTES);
    let program = load::executable(file, &place)?;
    let mut computer = computer()?;
    for segment in &program.segments {
        computer.memory().write_bytes(segment.address, segment.bytes)?;
    }
    computer.start_all(program.entry.get(), 0);
    let place_of = |name| program.symbol(name).map(GuestAddress::get);
    let signature = place_of("begin_signature").zip(place_of("end_signature"));
    Ok(Loaded { computer, tohost: program.symbol("tohost").ok_or("there is no symbol `tohost`")?, signature })
}

/// Runs a program; an error says how it failed.
fn run(loaded: &mut Loaded, limit: u64) -> Result<()> {
    let Loaded { computer, tohost, .. } = loaded;
    while computer.now().as_nanos() < limit {
        computer.run_for(SLICE)?;
        match computer.memory().load::<u64>(*tohost)? {
            0 => {}
            1 => return Ok(()),
            value if value & 1 == 1 => Err(format!("test {} failed", value >> 1))?,
            // A letter for the console, or something else to be acknowledged.
            _ => computer.memory().store(*tohost, 0_u64)?,
        }
    }
    let pc = computer.hart(0).map_or(0, Hart::pc);
    Err(format!("does not end within {limit} instructions, and is at {pc:#x}").into())
}

/// What is between the two symbols, a word on each line.
fn signature(loaded: &Loaded) -> Result<String> {
    let (begin, end) = loaded.signature.ok_or("there is no signature")?;
    let mut text = String::new();
    for address in (begin..end).step_by(4) {
        writeln!(text, "{:08x}", loaded.computer.memory().load::<u32>(GuestAddress::new(address))?)?;
    }
    Ok(text)
}

/// Adds up the numbers to a hundred, and tells whether that is what it should be.
fn built_in() -> Result<Loaded> {
    let mut text = Assembler::new(GuestAddress::new(layout::MEMORY));
    let (again, tell, tohost) = (text.label(), text.label(), text.label());
    text.li(A0, 100).li(A1, 0).bind(again).add(A1, A1, A0).addi(A0, A0, -1).bnez(A0, again);
    text.li(A2, 5050).li(A3, 1).beq(A1, A2, tell).li(A3, 2 << 1 | 1);
    text.bind(tell).la(A4, tohost).sd(A3, 0, A4).j(tell).align(64).bind(tohost).dwords(&[0]);
    let program = text.finish()?;
    let mut computer = computer()?;
    computer.boot(program.bytes())?;
    Ok(Loaded { computer, tohost: program.address(tohost), signature: None })
}

fn check(loaded: Result<Loaded>, limit: u64, target: Option<&str>) -> Result<()> {
    let mut loaded = loaded?;
    run(&mut loaded, limit)?;
    target.map_or(Ok(()), |path| Ok(fs::write(path, signature(&loaded)?)?))
}

fn main() -> Result<ExitCode> {
    let (mut limit, mut target, mut files) = (100_000_000, None, Vec::new());
    let mut arguments = env::args().skip(1);
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            "--limit" => limit = arguments.next().ok_or("--limit wants a number")?.parse()?,
            "--signature" => target = Some(arguments.next().ok_or("--signature wants a file")?),
            _ => files.push(argument),
        }
    }
    let mut results = Vec::new();
    if files.is_empty() {
        results.push(("built in".to_owned(), check(built_in(), limit, None)));
    }
    for file in files {
        let result = fs::read(&file)
            .map_err(Into::into)
            .and_then(|bytes| check(load(&bytes), limit, target.as_deref()));
        results.push((file, result));
    }
    for (name, result) in &results {
        println!(
            "{}",
            result.as_ref().map_or_else(|error| format!("FAIL {name}: {error}"), |()| format!("pass {name}"))
        );
    }
    let passed = results.iter().filter(|(_, result)| result.is_ok()).count();
    println!("{passed} of {} passed", results.len());
    Ok(if passed == results.len() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
