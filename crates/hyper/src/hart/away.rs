//! What a hart would do with a page that another host holds, so that it can be done there.
//!
//! Nothing of this is on the way of an instruction whose page is here: the hart came back with
//! [`Exit::Page`](super::Exit::Page), and the instruction is looked at once more.

use super::core::FLOATS;
use super::{Hart, Reservations};
use crate::isa::{Instruction, Opcode};
use crate::memory::{Access, Act, Change};
use crate::{GuestAddress, PageNumber};
use std::sync::Arc;

impl Hart {
    /// The one access to a word of this page that the hart came back for, where it is and how many bytes it has.
    ///
    /// [`complete`](Self::complete) lets the hart go on with what came of it, [`relent`](Self::relent) has it try again.
    /// `None` if it needs the page for anything else: to run what is there, to walk through tables, to reserve, or for a
    /// word that is not aligned. The hart must not have parked since it came back.
    pub(crate) fn access_to(&mut self, page: PageNumber) -> Option<(GuestAddress, u8, Act)> {
        let bits = self.core.fetch(self.core.pc).ok()?;
        let instruction = Instruction::decode(bits)?;
        let (act, width) = self.act_of(&instruction)?;
        let base = self.core.registers[instruction.rs1 as usize];
        let address = match act {
            Act::Change(..) => base,
            _ => base.wrapping_add(super::extend(instruction.immediate)),
        };
        if !address.is_multiple_of(u64::from(width)) {
            return None;
        }
        let access = if act == Act::Load { Access::Read } else { Access::Write };
        let physical = self.core.translate(address, access).ok()?;
        if physical.page() != page {
            return None;
        }
        self.pending = Some(instruction);
        Some((physical, width, act))
    }

    /// Nothing came of an access: the instruction is tried again.
    pub(crate) fn relent(&mut self) {
        self.pending = None;
    }

    /// Where it keeps its reservations, if it runs beside other harts.
    pub(crate) fn reservations(&self) -> Option<Arc<Reservations>> {
        self.core.reservations.clone()
    }

    fn act_of(&self, instruction: &Instruction) -> Option<(Act, u8)> {
        use Opcode::{Fld, Flw, Fsd, Fsw, Lb, Lbu, Ld, Lh, Lhu, Lw, Lwu, Sb, Sd, Sh, Sw};
        let with = self.core.registers[instruction.rs2 as usize];
        let floating = self.core.registers[(FLOATS + instruction.rs2) as usize];
        Some(match instruction.opcode {
            Lb | Lbu => (Act::Load, 1),
            Lh | Lhu => (Act::Load, 2),
            Lw | Lwu | Flw => (Act::Load, 4),
            Ld | Fld => (Act::Load, 8),
            Sb => (Act::Store(with), 1),
            Sh => (Act::Store(with), 2),
            Sw => (Act::Store(with), 4),
            Sd => (Act::Store(with), 8),
            Fsw => (Act::Store(floating), 4),
            Fsd => (Act::Store(floating), 8),
            opcode => {
                let (change, width) = change_of(opcode)?;
                (Act::Change(change, with), width)
            }
        })
    }
}

/// What an atomic operation does, and to how many bytes.
pub(super) const fn change_of(opcode: Opcode) -> Option<(Change, u8)> {
    Some(match opcode {
        Opcode::AmoswapW => (Change::Swap, 4),
        Opcode::AmoaddW => (Change::Add, 4),
        Opcode::AmoxorW => (Change::Xor, 4),
        Opcode::AmoandW => (Change::And, 4),
        Opcode::AmoorW => (Change::Or, 4),
        Opcode::AmominW => (Change::Min, 4),
        Opcode::AmomaxW => (Change::Max, 4),
        Opcode::AmominuW => (Change::MinUnsigned, 4),
        Opcode::AmomaxuW => (Change::MaxUnsigned, 4),
        Opcode::AmoswapD => (Change::Swap, 8),
        Opcode::AmoaddD => (Change::Add, 8),
        Opcode::AmoxorD => (Change::Xor, 8),
        Opcode::AmoandD => (Change::And, 8),
        Opcode::AmoorD => (Change::Or, 8),
        Opcode::AmominD => (Change::Min, 8),
        Opcode::AmomaxD => (Change::Max, 8),
        Opcode::AmominuD => (Change::MinUnsigned, 8),
        Opcode::AmomaxuD => (Change::MaxUnsigned, 8),
        _ => return None,
    })
}
