//! Bare-metal test programs on one hart: ELF files that tell how they end by writing to `tohost`, as riscv-tests and
//! riscv-arch-test do. Without files a small program is assembled here and run.
//!
//! `cargo run --release --example isa_runner -- [--limit INSTRUCTIONS] [--signature FILE] FILE…`

use std::error::Error;
use std::fmt::Write as _;
use std::process::ExitCode;
use std::sync::Arc;
use std::{env, fs};

use ironloom_hyper::hart::{Exit, Hart, HartConfig};
use ironloom_hyper::isa::{Assembler, registers::*};
use ironloom_hyper::{GuestAddress, Memory, MemoryConfig};

const BASE: u64 = 0x8000_0000;
const MEMORY_BYTES: u64 = 1 << 30;
/// How often the runner looks at `tohost`, in instructions.
const SLICE: u64 = 2_000;

/// A program and what is known of its places.
#[derive(Default)]
struct Program {
    entry: u64,
    segments: Vec<(u64, Vec<u8>)>,
    tohost: Option<u64>,
    signature: (Option<u64>, Option<u64>),
}

/// Reads as much of an ELF file as test programs need.
fn read(file: &[u8]) -> Option<Program> {
    let number = |at: usize, bytes: usize| -> Option<u64> {
        let field = file.get(at..at.checked_add(bytes)?)?;
        Some(field.iter().rev().fold(0, |value, byte| value << 8 | u64::from(*byte)))
    };
    let place = |at: usize| number(at, 8).map(|value| value as usize);
    if file.get(..5)? != b"\x7fELF\x02" {
        return None;
    }
    let mut program = Program { entry: number(24, 8)?, ..Program::default() };
    for index in 0..number(56, 2)? as usize {
        let header = place(32)?.checked_add(index * 56)?;
        if number(header, 4)? == 1 {
            let (offset, bytes) = (place(header + 8)?, place(header + 32)?);
            let content = file.get(offset..offset.checked_add(bytes)?)?;
            program.segments.push((number(header + 24, 8)?, content.to_vec()));
        }
    }
    let sections = number(60, 2)? as usize;
    let section = |index: usize| place(40).and_then(|table| table.checked_add(index * 64));
    let name = |table: usize, offset: u64| -> Option<&[u8]> {
        file.get(table.checked_add(offset as usize)?..)?.split(|byte| *byte == 0).next()
    };
    let names = section(number(62, 2)? as usize).and_then(|header| place(header + 24));
    for header in (0..sections).filter_map(section) {
        if names.and_then(|table| name(table, number(header, 4)?)) == Some(b".tohost") {
            program.tohost = program.tohost.or(number(header + 16, 8));
        }
        if number(header + 4, 4)? != 2 {
            continue;
        }
        let strings = place(section(number(header + 40, 4)? as usize)? + 24)?;
        for symbol in
            (0..place(header + 32)? / 24).filter_map(|index| place(header + 24)?.checked_add(index * 24))
        {
            let value = number(symbol + 8, 8);
            match name(strings, number(symbol, 4)?)? {
                b"tohost" => program.tohost = value,
                b"begin_signature" => program.signature.0 = value,
                b"end_signature" => program.signature.1 = value,
                _ => {}
            }
        }
    }
    Some(program)
}

/// Runs a program; an error says how it failed.
fn run(program: &Program, limit: u64) -> Result<Arc<Memory>, Box<dyn Error>> {
    let memory = Arc::new(Memory::new(MemoryConfig::new(GuestAddress::new(BASE), MEMORY_BYTES))?);
    for (address, bytes) in &program.segments {
        memory.write_bytes(GuestAddress::new(*address), bytes)?;
    }
    let tohost = GuestAddress::new(program.tohost.ok_or("there is no symbol and no section for `tohost`")?);
    let mut hart = Hart::new(HartConfig::new(0), memory.clone())?;
    hart.set_pc(program.entry);
    while hart.retired() < limit {
        match hart.run(SLICE) {
            Exit::Wait if hart.alarm().is_none() => Err(format!("waits for ever at {:#x}", hart.pc()))?,
            Exit::Wait => hart.set_time(hart.alarm().unwrap_or(hart.now())),
            Exit::Page { page, .. } => memory.bring_in(page)?,
            Exit::Read { .. } | Exit::Write { .. } => hart.complete(None), // there are no devices
            _ => {}
        }
        match memory.load::<u64>(tohost)? {
            0 => {}
            1 => return Ok(memory),
            value if value & 1 == 1 => Err(format!("test {} failed", value >> 1))?,
            // A letter for the console, or something else to be acknowledged.
            _ => memory.store(tohost, 0_u64)?,
        }
    }
    Err(format!("does not end within {limit} instructions, and is at {:#x}", hart.pc()).into())
}

/// What is between the two symbols, a word on each line.
fn signature(program: &Program, memory: &Memory) -> Result<String, Box<dyn Error>> {
    let (Some(begin), Some(end)) = program.signature else { return Err("there is no signature".into()) };
    let mut text = String::new();
    for address in (begin..end).step_by(4) {
        writeln!(text, "{:08x}", memory.load::<u32>(GuestAddress::new(address))?)?;
    }
    Ok(text)
}

/// Adds up the numbers to a hundred, and tells whether that is what it should be.
fn built_in() -> Result<Program, Box<dyn Error>> {
    let mut assembler = Assembler::new(GuestAddress::new(BASE));
    let (again, fail, tell, tohost) =
        (assembler.label(), assembler.label(), assembler.label(), assembler.label());
    assembler.li(A0, 100).li(A1, 0).bind(again).add(A1, A1, A0).addi(A0, A0, -1).bnez(A0, again);
    assembler.li(A2, 5050).li(A3, 1).beq(A1, A2, tell).bind(fail).li(A3, 2 << 1 | 1);
    assembler.bind(tell).la(A4, tohost).sd(A3, 0, A4).j(tell).align(64).bind(tohost).dwords(&[0]);
    let program = assembler.finish()?;
    let segments = vec![(BASE, program.bytes().to_vec())];
    Ok(Program { entry: BASE, segments, tohost: Some(program.address(tohost).get()), ..Program::default() })
}

fn check(program: Option<Program>, limit: u64, target: Option<&str>) -> Result<(), Box<dyn Error>> {
    let program = program.ok_or("is no ELF file of 64 bits")?;
    let memory = run(&program, limit)?;
    target.map_or(Ok(()), |path| Ok(fs::write(path, signature(&program, &memory)?)?))
}

fn main() -> Result<ExitCode, Box<dyn Error>> {
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
        results.push(("built in".to_owned(), check(Some(built_in()?), limit, None)));
    }
    for file in files {
        let result = fs::read(&file)
            .map_err(Into::into)
            .and_then(|bytes| check(read(&bytes), limit, target.as_deref()));
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
