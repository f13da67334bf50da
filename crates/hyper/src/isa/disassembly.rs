//! Instructions as text, as `objdump -M no-aliases` writes them.

use std::fmt;

use super::csr;
use super::table::Format;
use super::{FloatRegister, Instruction, Register};

/// An instruction at an address, so that it shows where its jumps lead.
///
/// ```
/// use ironloom_hyper::isa::Instruction;
///
/// let jump = Instruction::decode(0xff9f_f0ef).unwrap();
/// assert_eq!(jump.to_string(), "jal ra,pc-0x8");
/// assert_eq!(jump.at(0x8000_0008).to_string(), "jal ra,0x80000000");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Disassembly {
    instruction: Instruction,
    address: Option<u64>,
}

impl Instruction {
    /// Its text at this address.
    #[must_use]
    pub const fn at(self, address: u64) -> Disassembly {
        Disassembly { instruction: self, address: Some(address) }
    }
}

impl fmt::Display for Instruction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Disassembly { instruction: *self, address: None }.fmt(f)
    }
}

impl fmt::Display for Disassembly {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let row = self.instruction.opcode.row();
        f.write_str(row.mnemonic)?;
        match row.format {
            Format::Exact | Format::BarrierKind | Format::BarrierPlain => Ok(()),
            Format::LoadReserved | Format::Atomic => self.atomic(f),
            Format::Barrier | Format::Translation | Format::Csr | Format::CsrImmediate => self.system(f),
            Format::FloatLoad
            | Format::FloatStore
            | Format::Fused
            | Format::FloatRounded
            | Format::Float
            | Format::FloatCompare
            | Format::FloatUnary
            | Format::FloatToInteger
            | Format::IntegerToFloat
            | Format::FloatToBits
            | Format::BitsToFloat => self.floating(f, row.format),
            _ => self.integer(f, row.format),
        }
    }
}

impl Disassembly {
    fn integer(&self, f: &mut fmt::Formatter<'_>, format: Format) -> fmt::Result {
        let Instruction { immediate, .. } = self.instruction;
        let (rd, rs1, rs2) = self.registers();
        match format {
            Format::Upper => write!(f, " {rd},{:#x}", immediate as u32 >> 12),
            Format::Jump => write!(f, " {rd},{}", self.target()),
            Format::Branch => write!(f, " {rs1},{rs2},{}", self.target()),
            Format::Load => write!(f, " {rd},{immediate}({rs1})"),
            Format::Store => write!(f, " {rs2},{immediate}({rs1})"),
            Format::Immediate => write!(f, " {rd},{rs1},{immediate}"),
            Format::Shift | Format::ShiftWord => write!(f, " {rd},{rs1},{immediate:#x}"),
            Format::Unary => write!(f, " {rd},{rs1}"),
            _ => write!(f, " {rd},{rs1},{rs2}"),
        }
    }

    fn atomic(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (rd, rs1, rs2) = self.registers();
        f.write_str(["", ".rl", ".aq", ".aqrl"][usize::from(self.instruction.mode & 3)])?;
        if self.instruction.opcode.row().format == Format::LoadReserved {
            write!(f, " {rd},({rs1})")
        } else {
            write!(f, " {rd},{rs2},({rs1})")
        }
    }

    fn system(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Instruction { immediate, .. } = self.instruction;
        let (rd, rs1, rs2) = self.registers();
        match self.instruction.opcode.row().format {
            Format::Csr => write!(f, " {rd},{},{rs1}", csr::Name(immediate as u16)),
            Format::CsrImmediate => {
                write!(f, " {rd},{},{}", csr::Name(immediate as u16), self.instruction.rs1)
            }
            Format::Translation => write!(f, " {rs1},{rs2}"),
            _ => write!(f, " {},{}", Accesses(immediate >> 4), Accesses(immediate)),
        }
    }

    fn floating(&self, f: &mut fmt::Formatter<'_>, format: Format) -> fmt::Result {
        let Instruction { immediate, mode, .. } = self.instruction;
        let (rd, rs1, _) = self.registers();
        let (fd, fs1, fs2) = self.float_registers();
        let fs3 = FloatRegister::new(self.instruction.rs3);
        match format {
            Format::FloatLoad => write!(f, " {fd},{immediate}({rs1})"),
            Format::FloatStore => write!(f, " {fs2},{immediate}({rs1})"),
            Format::Fused => write!(f, " {fd},{fs1},{fs2},{fs3}{}", Mode(mode)),
            Format::FloatRounded => write!(f, " {fd},{fs1},{fs2}{}", Mode(mode)),
            Format::FloatCompare => write!(f, " {rd},{fs1},{fs2}"),
            Format::FloatUnary => write!(f, " {fd},{fs1}{}", Mode(mode)),
            Format::FloatToInteger => write!(f, " {rd},{fs1}{}", Mode(mode)),
            Format::IntegerToFloat => write!(f, " {fd},{rs1}{}", Mode(mode)),
            Format::FloatToBits => write!(f, " {rd},{fs1}"),
            Format::BitsToFloat => write!(f, " {fd},{rs1}"),
            _ => write!(f, " {fd},{fs1},{fs2}"),
        }
    }

    fn registers(&self) -> (Register, Register, Register) {
        let Instruction { rd, rs1, rs2, .. } = self.instruction;
        (Register::new(rd), Register::new(rs1), Register::new(rs2))
    }

    fn float_registers(&self) -> (FloatRegister, FloatRegister, FloatRegister) {
        let Instruction { rd, rs1, rs2, .. } = self.instruction;
        (FloatRegister::new(rd), FloatRegister::new(rs1), FloatRegister::new(rs2))
    }

    fn target(&self) -> Target {
        let offset = self.instruction.immediate;
        self.address.map_or(Target::Relative(offset), |address| {
            Target::Absolute(address.wrapping_add_signed(i64::from(offset)))
        })
    }
}

enum Target {
    Relative(i32),
    Absolute(u64),
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Relative(offset) if *offset < 0 => write!(f, "pc-{:#x}", offset.unsigned_abs()),
            Self::Relative(offset) => write!(f, "pc+{offset:#x}"),
            Self::Absolute(address) => write!(f, "{address:#x}"),
        }
    }
}

/// A set of accesses that a fence orders.
struct Accesses(i32);

impl fmt::Display for Accesses {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0 & 15 == 0 {
            return f.write_str("none");
        }
        ["w", "r", "o", "i"]
            .iter()
            .enumerate()
            .rev()
            .filter(|(bit, _)| self.0 >> bit & 1 == 1)
            .try_for_each(|(_, letter)| f.write_str(letter))
    }
}

/// A rounding mode. The one that the register `frm` holds goes without saying.
struct Mode(u8);

impl fmt::Display for Mode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(
            [",rne", ",rtz", ",rdn", ",rup", ",rmm", ",unknown", ",unknown", ""][usize::from(self.0 & 7)],
        )
    }
}
