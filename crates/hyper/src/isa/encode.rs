//! From an [`Instruction`] to the four bytes that mean it.

use super::Instruction;
use super::table::Format;

impl Instruction {
    /// The bits of the long form, or nothing if an operand has no place in it: a register above 31, an immediate too
    /// large or odd, a field that this opcode does not have.
    ///
    /// What was decoded can be encoded; of a compressed instruction this is the long form of what it stands for.
    ///
    /// ```
    /// use ironloom_hyper::isa::{Instruction, Opcode};
    ///
    /// let addi = Instruction { rd: 10, rs1: 2, immediate: -16, ..Instruction::new(Opcode::Addi) };
    /// assert_eq!(addi.encode(), Some(0xff01_0513));
    /// assert_eq!(Instruction { immediate: 4096, ..addi }.encode(), None);
    /// ```
    #[must_use]
    pub fn encode(&self) -> Option<u32> {
        let row = self.opcode.row();
        let bits = row.pattern | self.operands(row.format);
        let back = Self::decode(bits)?;
        (Self { length: 4, ..*self } == back).then_some(bits)
    }

    /// The operands in their places. What has no place is lost, which the caller finds out by decoding.
    fn operands(&self, format: Format) -> u32 {
        let immediate = self.immediate as u32;
        let rd = u32::from(self.rd) << 7;
        let rs1 = u32::from(self.rs1) << 15;
        let rs2 = u32::from(self.rs2) << 20;
        let rs3 = u32::from(self.rs3) << 27;
        let mode = u32::from(self.mode & 7) << 12;
        let order = u32::from(self.mode & 3) << 25;
        let bits = match format {
            Format::Upper => rd | immediate & 0xffff_f000,
            Format::Jump => rd | jump(immediate),
            Format::Load
            | Format::Immediate
            | Format::FloatLoad
            | Format::BarrierPlain
            | Format::Barrier
            | Format::BarrierKind
            | Format::Csr
            | Format::CsrImmediate => rd | rs1 | immediate << 20,
            Format::Branch => rs1 | rs2 | branch(immediate),
            Format::Store | Format::FloatStore => {
                rs1 | rs2 | (immediate & 31) << 7 | (immediate >> 5 & 0x7f) << 25
            }
            Format::Shift => rd | rs1 | (immediate & 63) << 20,
            Format::ShiftWord => rd | rs1 | (immediate & 31) << 20,
            Format::Register | Format::Float | Format::FloatCompare => rd | rs1 | rs2,
            Format::Unary | Format::FloatToBits | Format::BitsToFloat => rd | rs1,
            Format::Exact => 0,
            Format::Translation => rs1 | rs2,
            Format::LoadReserved => rd | rs1 | order,
            Format::Atomic => rd | rs1 | rs2 | order,
            Format::Fused => rd | rs1 | rs2 | rs3 | mode,
            Format::FloatRounded => rd | rs1 | rs2 | mode,
            Format::FloatUnary | Format::FloatToInteger | Format::IntegerToFloat => rd | rs1 | mode,
        };
        // A register above 31 spills over what the pattern fixes; the masked bits then decode to something else.
        bits & !self.opcode.row().mask
    }
}

const fn branch(offset: u32) -> u32 {
    (offset >> 12 & 1) << 31 | (offset >> 5 & 0x3f) << 25 | (offset >> 1 & 0xf) << 8 | (offset >> 11 & 1) << 7
}

const fn jump(offset: u32) -> u32 {
    (offset >> 20 & 1) << 31 | (offset >> 1 & 0x3ff) << 21 | (offset >> 11 & 1) << 20 | offset & 0xf_f000
}
