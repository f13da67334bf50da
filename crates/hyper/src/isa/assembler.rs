//! [`Assembler`]: guest programs written in Rust.

mod constant;
mod methods;
#[cfg(test)]
mod tests;

use thiserror::Error;

use super::{Instruction, Opcode, Register};
use crate::GuestAddress;

/// Writes a program, instruction by instruction, at a base address.
///
/// Every instruction is a method named as the manual names it, with its operands in the order of assembly text, and so
/// are the usual pseudo-instructions. What has no method, such as an atomic with an order, is given to
/// [`emit`](Self::emit). Mistakes are kept and told by [`finish`](Self::finish), so that calls chain.
///
/// ```
/// use ironloom_hyper::GuestAddress;
/// use ironloom_hyper::isa::{Assembler, registers::*};
///
/// let mut program = Assembler::new(GuestAddress::new(0x8000_0000));
/// let (again, table) = (program.label(), program.label());
/// program.li(A0, 10).la(A1, table);
/// program.bind(again).addi(A0, A0, -1).bnez(A0, again);
/// program.ld(A2, 8, A1).ret();
/// program.align(8).bind(table).dwords(&[1, 2, 3]);
///
/// let program = program.finish()?;
/// assert_eq!(program.address(table).get() % 8, 0);
/// assert_eq!(program.bytes()[..4], 0x00a0_0513_u32.to_le_bytes());
/// # Ok::<(), ironloom_hyper::isa::AssemblyError>(())
/// ```
#[derive(Debug, Clone)]
pub struct Assembler {
    base: GuestAddress,
    bytes: Vec<u8>,
    /// Where each label is, as an offset.
    labels: Vec<Option<u64>>,
    fixups: Vec<Fixup>,
    mistake: Option<AssemblyError>,
}

/// A place in a program that may be named before it is reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Label(usize);

/// A finished program.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Program {
    base: GuestAddress,
    bytes: Vec<u8>,
    labels: Vec<GuestAddress>,
}

/// Why a program could not be assembled.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum AssemblyError {
    /// An operand does not fit its instruction.
    #[error("an operand of {instruction:?} at offset {offset:#x} does not fit")]
    Operand {
        /// What was to be written.
        instruction: Instruction,
        /// Where.
        offset: u64,
    },
    /// A label was used but never bound.
    #[error("label {label} is used but not bound")]
    Unbound {
        /// Which label, in the order of their making.
        label: usize,
    },
    /// A label was bound twice.
    #[error("label {label} is bound twice")]
    BoundTwice {
        /// Which label, in the order of their making.
        label: usize,
    },
    /// A jump or branch cannot reach its target.
    #[error("the instruction at offset {offset:#x} does not reach its label, which is {distance} bytes away")]
    OutOfReach {
        /// Where the instruction is.
        offset: u64,
        /// How far it would have to jump.
        distance: i64,
    },
}

/// A place that needs the address of a label.
#[derive(Debug, Clone, Copy)]
struct Fixup {
    offset: u64,
    label: Label,
    kind: FixupKind,
}

#[derive(Debug, Clone, Copy)]
enum FixupKind {
    /// The immediate of one branch or jump.
    Near,
    /// The immediates of an `auipc` and of what follows it.
    Far,
    /// A double word that holds the address.
    Address,
}

impl Assembler {
    /// An empty program that will be loaded at `base`.
    #[must_use]
    pub const fn new(base: GuestAddress) -> Self {
        Self { base, bytes: Vec::new(), labels: Vec::new(), fixups: Vec::new(), mistake: None }
    }

    /// A label that is not yet anywhere.
    pub fn label(&mut self) -> Label {
        self.labels.push(None);
        Label(self.labels.len() - 1)
    }

    /// A label that is here.
    pub fn here(&mut self) -> Label {
        let label = self.label();
        self.bind(label);
        label
    }

    /// Puts a label here.
    pub fn bind(&mut self, label: Label) -> &mut Self {
        let here = self.offset();
        match self.labels.get_mut(label.0) {
            Some(place @ None) => *place = Some(here),
            Some(Some(_)) => self.fail(AssemblyError::BoundTwice { label: label.0 }),
            None => self.fail(AssemblyError::Unbound { label: label.0 }),
        }
        self
    }

    /// How many bytes there are so far.
    #[must_use]
    pub const fn offset(&self) -> u64 {
        self.bytes.len() as u64
    }

    /// Writes one instruction in its long form.
    pub fn emit(&mut self, instruction: Instruction) -> &mut Self {
        match instruction.encode() {
            Some(bits) => self.word(bits),
            None => {
                self.fail(AssemblyError::Operand { instruction, offset: self.offset() });
                self.word(0)
            }
        }
    }

    /// Writes bytes as they are.
    pub fn bytes(&mut self, bytes: &[u8]) -> &mut Self {
        self.bytes.extend_from_slice(bytes);
        self
    }

    /// Writes two bytes: a compressed instruction, or what is none.
    pub fn half(&mut self, value: u16) -> &mut Self {
        self.bytes(&value.to_le_bytes())
    }

    /// Writes four bytes: an instruction, or what is none.
    pub fn word(&mut self, value: u32) -> &mut Self {
        self.bytes(&value.to_le_bytes())
    }

    /// Writes double words.
    pub fn dwords(&mut self, values: &[u64]) -> &mut Self {
        values.iter().fold(self, |program, value| program.bytes(&value.to_le_bytes()))
    }

    /// Writes a double word that holds the address of a label.
    pub fn address_of(&mut self, label: Label) -> &mut Self {
        self.fix(label, FixupKind::Address);
        self.dwords(&[0])
    }

    /// Writes zeros.
    pub fn zeros(&mut self, count: usize) -> &mut Self {
        self.bytes.resize(self.bytes.len() + count, 0);
        self
    }

    /// Writes zeros up to the next address that `bytes` divides. By 0 every address is aligned.
    pub fn align(&mut self, bytes: u64) -> &mut Self {
        let here = self.base.get().wrapping_add(self.offset());
        let missing = here.checked_next_multiple_of(bytes).map_or(0, |next| next - here);
        self.zeros(missing as usize)
    }

    /// A branch between two registers, or a jump, to a label.
    fn near(&mut self, instruction: Instruction, label: Label) -> &mut Self {
        self.fix(label, FixupKind::Near);
        self.emit(instruction)
    }

    /// An `auipc` and what adds the rest of the way to the label.
    fn far(&mut self, register: Register, rest: Instruction, label: Label) -> &mut Self {
        self.fix(label, FixupKind::Far);
        self.emit(Instruction { rd: register.number(), ..Instruction::new(Opcode::Auipc) }).emit(rest)
    }

    fn fix(&mut self, label: Label, kind: FixupKind) {
        self.fixups.push(Fixup { offset: self.offset(), label, kind });
    }

    fn fail(&mut self, mistake: AssemblyError) {
        self.mistake.get_or_insert(mistake);
    }

    /// The program, with every label in its place.
    ///
    /// # Errors
    ///
    /// The first mistake that was made: an operand that does not fit, a label without a place or out of reach.
    pub fn finish(mut self) -> Result<Program, AssemblyError> {
        if let Some(mistake) = self.mistake {
            return Err(mistake);
        }
        for fixup in std::mem::take(&mut self.fixups) {
            self.resolve(fixup)?;
        }
        let base = self.base.get();
        // A label that nobody used may be without a place; it is at the base.
        let labels = self
            .labels
            .iter()
            .map(|place| GuestAddress::new(base.wrapping_add(place.unwrap_or(0))))
            .collect();
        Ok(Program { base: self.base, bytes: self.bytes, labels })
    }

    fn resolve(&mut self, fixup: Fixup) -> Result<(), AssemblyError> {
        let Fixup { offset, label, kind } = fixup;
        let target =
            self.labels.get(label.0).copied().flatten().ok_or(AssemblyError::Unbound { label: label.0 })?;
        let distance = target as i64 - offset as i64;
        let reached = match kind {
            FixupKind::Near => self.set_immediate(offset, distance),
            FixupKind::Far => {
                let low = distance << 52 >> 52;
                self.set_immediate(offset, distance - low).and_then(|()| self.set_immediate(offset + 4, low))
            }
            FixupKind::Address => {
                let at = offset as usize;
                self.bytes[at..at + 8].copy_from_slice(&self.base.get().wrapping_add(target).to_le_bytes());
                Some(())
            }
        };
        reached.ok_or(AssemblyError::OutOfReach { offset, distance })
    }

    fn set_immediate(&mut self, offset: u64, immediate: i64) -> Option<()> {
        let place = self.bytes[offset as usize..].first_chunk_mut::<4>()?;
        let instruction = Instruction::decode(u32::from_le_bytes(*place))?;
        let immediate = i32::try_from(immediate).ok()?;
        *place = Instruction { immediate, ..instruction }.encode()?.to_le_bytes();
        Some(())
    }
}

impl Program {
    /// Where it is to be loaded.
    #[must_use]
    pub const fn base(&self) -> GuestAddress {
        self.base
    }

    /// What is to be loaded there.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Where a label of the assembler is that wrote this program. One that was never bound is at the base.
    #[must_use]
    pub fn address(&self, label: Label) -> GuestAddress {
        self.labels.get(label.0).copied().unwrap_or(self.base)
    }
}
