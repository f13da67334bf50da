//! Instructions that the hart carries out itself, at the end of a block: traps, returns, fences, registers.

use super::Hart;
use super::csr::{Changed, Outside};
use super::status::{self, Privilege};
use super::stop::{Exception, Exit, Stop, Trap};
use crate::isa::{Instruction, Opcode, csr as number};

/// What follows an instruction that was carried out.
pub(super) enum After {
    /// The next one.
    Next,
    /// One elsewhere.
    Jump(u64),
    /// The next one, when the owner lets the hart go on.
    Exit(Exit),
}

impl Hart {
    /// Carries out an instruction.
    pub(super) fn execute(&mut self, bits: u32) -> Result<After, Stop> {
        let illegal = Stop::Trap(Trap::new(Exception::IllegalInstruction, u64::from(bits)));
        let Some(instruction) = Instruction::decode(bits) else { return Err(illegal) };
        let core = &mut self.core;
        let privilege = core.csrs.privilege;
        let mstatus = core.csrs.mstatus;
        let supervisor = |barred: u64| match privilege {
            Privilege::Machine => true,
            Privilege::Supervisor => mstatus & barred == 0,
            Privilege::User => false,
        };
        match instruction.opcode {
            Opcode::Ecall => return self.call(),
            Opcode::Ebreak => return Err(Trap::new(Exception::Breakpoint, core.pc).into()),
            Opcode::Mret if privilege == Privilege::Machine => {
                return Ok(After::Jump(self.return_from_machine()));
            }
            Opcode::Sret if supervisor(status::TSR) => return Ok(After::Jump(self.return_from_supervisor())),
            Opcode::Wfi if supervisor(status::TW) => {
                core.release();
                let awake = self.is_awake();
                return Ok(if awake { After::Next } else { After::Exit(Exit::Wait) });
            }
            Opcode::Pause => return Ok(After::Exit(Exit::Yield)),
            Opcode::FenceI => core.forget_jumps(),
            Opcode::SfenceVma | Opcode::SinvalVma if supervisor(status::TVM) => {
                self.fence_translations(instruction);
            }
            Opcode::SfenceWInval | Opcode::SfenceInvalIr if privilege != Privilege::User => {}
            Opcode::Csrrw
            | Opcode::Csrrs
            | Opcode::Csrrc
            | Opcode::Csrrwi
            | Opcode::Csrrsi
            | Opcode::Csrrci => {
                return self.exchange(instruction).map(|()| After::Next).ok_or(illegal);
            }
            _ => return Err(illegal),
        }
        Ok(After::Next)
    }

    fn call(&self) -> Result<After, Stop> {
        let cause = match self.core.csrs.privilege {
            Privilege::User => Exception::UserCall,
            Privilege::Supervisor if self.calls_host => return Ok(After::Exit(Exit::Call)),
            Privilege::Supervisor => Exception::SupervisorCall,
            Privilege::Machine => Exception::MachineCall,
        };
        Err(Trap::new(cause, 0).into())
    }

    fn fence_translations(&mut self, instruction: Instruction) {
        let identifier =
            (instruction.rs2 != 0).then(|| self.core.registers[instruction.rs2 as usize] & 0xffff);
        if instruction.rs1 == 0 {
            self.core.forget_spaces(identifier);
        } else {
            let address = self.core.registers[instruction.rs1 as usize];
            self.core.forget_page(address);
        }
    }

    fn return_from_machine(&mut self) -> u64 {
        let csrs = &mut self.core.csrs;
        let previous = status::previous(csrs.mstatus).unwrap_or(Privilege::User);
        let enabled = if csrs.mstatus & status::MPIE != 0 { status::MIE } else { 0 };
        let mut mstatus = csrs.mstatus & !(status::MIE | status::MPP) | enabled | status::MPIE;
        if previous != Privilege::Machine {
            mstatus &= !status::MPRV;
        }
        csrs.mstatus = mstatus;
        csrs.privilege = previous;
        let target = csrs.mepc;
        self.core.refresh();
        target
    }

    fn return_from_supervisor(&mut self) -> u64 {
        let csrs = &mut self.core.csrs;
        let enabled = if csrs.mstatus & status::SPIE != 0 { status::SIE } else { 0 };
        csrs.privilege =
            if csrs.mstatus & status::SPP != 0 { Privilege::Supervisor } else { Privilege::User };
        csrs.mstatus = csrs.mstatus & !(status::SIE | status::SPP | status::MPRV) | enabled | status::SPIE;
        let target = csrs.sepc;
        self.core.refresh();
        target
    }

    /// Reads a register, and writes it.
    fn exchange(&mut self, instruction: Instruction) -> Option<()> {
        let Instruction { opcode, rd, rs1, immediate, .. } = instruction;
        let register = immediate as u16;
        let by_register = matches!(opcode, Opcode::Csrrw | Opcode::Csrrs | Opcode::Csrrc);
        let operand = if by_register { self.core.registers[rs1 as usize] } else { u64::from(rs1) };
        let replaces = matches!(opcode, Opcode::Csrrw | Opcode::Csrrwi);
        let outside = self.outside();
        let mut old = 0;
        if rd != 0 || !replaces {
            old = self.core.csrs.read(register, outside).ok()?;
        }
        if replaces || rs1 != 0 {
            let base = self.base(register, old);
            let new = match opcode {
                Opcode::Csrrw | Opcode::Csrrwi => operand,
                Opcode::Csrrs | Opcode::Csrrsi => base | operand,
                _ => base & !operand,
            };
            self.write_register(register, new, outside)?;
        }
        if rd != 0 {
            self.core.registers[rd as usize] = old;
        }
        Some(())
    }

    /// What setting and clearing bits begins with: of `mip` only what software raised, not what lines show.
    fn base(&self, register: u16, old: u64) -> u64 {
        match register {
            number::MIP | number::SIP => self.core.csrs.raised,
            _ => old,
        }
    }

    fn write_register(&mut self, register: u16, value: u64, outside: Outside) -> Option<()> {
        let Changed { translation, permissions } = self.core.csrs.write(register, value, outside).ok()?;
        match register {
            number::FFLAGS => self.core.fflags = crate::float::Flags::from_bits(value as u8 & 31),
            number::FRM => self.core.frm = value as u8 & 7,
            number::FCSR => {
                self.core.fflags = crate::float::Flags::from_bits(value as u8 & 31);
                self.core.frm = (value >> 5) as u8 & 7;
            }
            _ => {}
        }
        if matches!(register, number::FFLAGS | number::FRM | number::FCSR) {
            self.core.csrs.mstatus = status::summed(self.core.csrs.mstatus | status::FS);
        }
        if permissions {
            self.core.forget_everything();
        } else if translation || register_of_status(register) {
            self.core.refresh();
        }
        Some(())
    }

    pub(super) fn outside(&self) -> Outside {
        Outside {
            hart: self.core.id,
            retired: self.retired,
            ticks: self.ticks(),
            fflags: self.core.fflags.bits(),
            frm: self.core.frm,
        }
    }
}

const fn register_of_status(register: u16) -> bool {
    matches!(register, number::SSTATUS | number::MSTATUS | number::FFLAGS | number::FRM | number::FCSR)
}
