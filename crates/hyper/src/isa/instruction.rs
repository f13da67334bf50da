//! [`Instruction`]: what a few bytes of memory mean.

use super::Opcode;

/// One decoded instruction.
///
/// Fields that an opcode does not have are zero.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Instruction {
    /// What it does.
    pub opcode: Opcode,
    /// The register that it writes, integer or floating, by the opcode.
    pub rd: u8,
    /// The first register that it reads. For `csrrwi` and its like the immediate of five bits.
    pub rs1: u8,
    /// The second register that it reads.
    pub rs2: u8,
    /// The third register of a fused multiply-add.
    pub rs3: u8,
    /// The rounding mode of a floating operation; of atomics `aq` (2) and `rl` (1).
    pub mode: u8,
    /// How many bytes it takes: 2 or 4.
    pub length: u8,
    /// The immediate, extended by its sign; for `lui` and `auipc` already shifted; for shifts the amount; for those of
    /// Zicsr the number of the register; for `fence` its twelve bits.
    pub immediate: i32,
}

impl Instruction {
    /// An instruction of four bytes whose operands are all zero.
    #[must_use]
    pub const fn new(opcode: Opcode) -> Self {
        Self { opcode, rd: 0, rs1: 0, rs2: 0, rs3: 0, mode: 0, length: 4, immediate: 0 }
    }
}
