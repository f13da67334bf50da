//! [`TraceLine`]: what a hart did, instruction by instruction, to be laid beside another emulator's.

use std::fmt;

use super::{Exit, Hart, Privilege};
use crate::isa::Instruction;

/// One step of a hart.
///
/// It shows itself as Spike's log of commits does (`spike -l --log-commits`), with the instruction's text behind:
///
/// ```
/// use std::sync::Arc;
///
/// use ironloom_hyper::hart::{Hart, HartConfig};
/// use ironloom_hyper::{GuestAddress, Memory, MemoryConfig};
///
/// let start = GuestAddress::new(0x8000_0000);
/// let memory = Arc::new(Memory::new(MemoryConfig::new(start, 1 << 20))?);
/// memory.store(start, 0x02a0_0513_u32)?;
/// let mut hart = Hart::new(HartConfig::new(0), memory)?;
/// hart.set_pc(start.get());
///
/// let (line, _) = hart.step_traced();
/// assert_eq!(line.to_string(), "core   0: 3 0x0000000080000000 (0x02a00513) x10 0x000000000000002a ; addi a0,zero,42");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TraceLine {
    /// Which hart.
    pub hart: u64,
    /// Its mode before the step.
    pub privilege: Privilege,
    /// Where it was.
    pub pc: u64,
    /// The bits of the instruction, 16 of them if it is compressed; `None` if it could not be fetched.
    pub bits: Option<u32>,
    /// The integer register that has another value now, and the value.
    pub integer: Option<(u8, u64)>,
    /// The floating register that has another value now, and the value.
    pub float: Option<(u8, u64)>,
    /// Whether it went to a trap handler instead of, or before, carrying the instruction out.
    pub trapped: bool,
}

impl Hart {
    /// Runs one instruction, or goes to one trap handler, and says what became of it.
    pub fn step_traced(&mut self) -> (TraceLine, Exit) {
        let (hart, privilege, pc) = (self.id(), self.privilege(), self.pc());
        self.core.unpark();
        let bits = self.core.fetch(pc).ok();
        let before = self.core.registers;
        let traps = self.traps;
        let exit = self.step();
        let changed = |first: usize| {
            let registers =
                (0..32_u8).map(|number| (number, self.core.registers[first + usize::from(number)]));
            registers
                .zip(&before[first..])
                .find(|((_, now), before)| now != *before)
                .map(|(change, _)| change)
        };
        let (integer, float) = (changed(0), changed(usize::from(super::FLOATS)));
        (TraceLine { hart, privilege, pc, bits, integer, float, trapped: self.traps != traps }, exit)
    }
}

impl fmt::Display for TraceLine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { hart, privilege, pc, .. } = self;
        write!(f, "core {hart:>3}: {} {pc:#018x} ", *privilege as u8)?;
        match self.bits {
            Some(bits) if bits & 3 == 3 => write!(f, "({bits:#010x})")?,
            Some(bits) => write!(f, "({bits:#06x})")?,
            None => f.write_str("(not fetched)")?,
        }
        for (letter, change) in [('x', self.integer), ('f', self.float)] {
            if let Some((number, value)) = change {
                write!(f, " {letter}{number} {value:#018x}")?;
            }
        }
        if self.trapped {
            f.write_str(" trap")?;
        }
        match self.bits.and_then(Instruction::decode) {
            Some(instruction) => write!(f, " ; {}", instruction.at(*pc)),
            None => Ok(()),
        }
    }
}
