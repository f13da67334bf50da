//! The decoder and the disassembler against `objdump` of binutils for RISC-V, where that is installed.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::process::Command;

use ironloom_core::{Rng, Seed};
use ironloom_hyper::isa::{Instruction, Opcode};

const WORDS: usize = 60_000;
const SEED: u64 = 0x0b5d;
const ARCHITECTURE: &str = "-march=rv64gc_zba_zbb_zbs_svinval_zihintpause";

/// What `objdump` makes of these words, one line for each, or nothing if it is not here.
fn objdump(words: &[u32]) -> Option<Vec<String>> {
    let directory = Path::new(env!("CARGO_TARGET_TMPDIR"));
    let (source, object) = (directory.join("words.s"), directory.join("words.o"));
    let text = words.iter().fold(String::new(), |mut text, word| {
        writeln!(text, ".insn 4, {word:#x}").expect("a string takes everything");
        text
    });
    fs::write(&source, text).unwrap();
    let assembled = Command::new("riscv64-unknown-elf-as")
        .args([ARCHITECTURE, "-o"])
        .args([&object, &source])
        .status()
        .ok()?;
    assert!(assembled.success(), "the assembler refuses the words");
    let output = Command::new("riscv64-unknown-elf-objdump")
        .args(["-d", "-M", "no-aliases"])
        .arg(&object)
        .output()
        .ok()?;
    let lines = String::from_utf8(output.stdout).unwrap();
    Some(lines.lines().filter(|line| line.starts_with(' ')).map(plain).collect())
}

/// One line without address, bytes, comment and symbol: `addi a0,a0,1`.
fn plain(line: &str) -> String {
    let mut parts = line.split('\t').skip(2);
    let (mnemonic, operands) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
    if mnemonic == ".4byte" || operands.is_empty() {
        return mnemonic.to_owned();
    }
    let (operands, symbol) = operands.split_once(' ').unwrap_or((operands, ""));
    // Targets, which have a symbol after them, are hexadecimal without a prefix.
    match operands.rsplit_once(',') {
        Some((first, target)) if symbol.starts_with('<') => format!("{mnemonic} {first},0x{target}"),
        _ => format!("{mnemonic} {operands}"),
    }
}

/// Whether the two may differ: registers of extensions that harts do not have are shown by number, and binutils knows
/// neither fences with reserved fields nor the useless rounding modes of exact conversions.
fn is_excused(instruction: Instruction, ours: &str, theirs: &str) -> bool {
    match instruction.opcode {
        Opcode::Fence | Opcode::FenceTso | Opcode::FenceI => theirs == ".4byte",
        Opcode::FcvtDS | Opcode::FcvtDW | Opcode::FcvtDWu => {
            theirs == ".4byte" || ours.strip_suffix(",rne") == Some(theirs)
        }
        _ => ours.contains(&format!(",{:#x}", instruction.immediate)) && theirs.starts_with("csr"),
    }
}

/// Half are anything of four bytes; half are what we take for an instruction, so that rare ones occur.
fn words(rng: &mut Rng) -> Vec<u32> {
    let mut words = Vec::with_capacity(WORDS);
    while words.len() < WORDS {
        let bits = rng.next_u64() as u32 | 3;
        let longer = bits & 0x1c == 0x1c;
        if !longer && (words.len() % 2 == 0 || Instruction::decode(bits).is_some()) {
            words.push(bits);
        }
    }
    words
}

#[test]
fn words_are_shown_as_objdump_shows_them() {
    let words = words(&mut Rng::new(Seed::new(SEED)));
    let Some(theirs) = objdump(&words) else {
        println!("riscv64-unknown-elf binutils are not installed: the disassembler is not compared");
        return;
    };
    assert_eq!(words.len(), theirs.len());
    for ((address, word), theirs) in (0..).step_by(4).zip(&words).zip(&theirs) {
        let instruction = Instruction::decode(*word);
        let ours = instruction.map_or_else(|| ".4byte".to_owned(), |it| it.at(address).to_string());
        let is_same = ours == *theirs || instruction.is_some_and(|it| is_excused(it, &ours, theirs));
        assert!(is_same, "{word:#010x} of seed {SEED:#x} is {theirs}, not {ours}");
    }
}
