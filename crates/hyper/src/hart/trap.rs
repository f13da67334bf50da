//! Going to a trap handler.

use super::Hart;
use super::status::{self, Privilege};
use super::stop::Trap;

/// The bit of `xcause` that says that it was an interrupt.
const INTERRUPT: u64 = 1 << 63;

impl Hart {
    /// Takes an exception that the instruction at `pc` raised.
    pub(super) fn take_exception(&mut self, trap: Trap, pc: u64) {
        let cause = trap.cause as u64;
        let csrs = &self.core.csrs;
        let to_supervisor = csrs.privilege != Privilege::Machine && csrs.medeleg >> cause & 1 != 0;
        self.enter_handler(cause, trap.value, pc, to_supervisor);
    }

    /// Takes an interrupt before the instruction at `pc`.
    pub(super) fn take_interrupt(&mut self, number: u64, to_supervisor: bool) {
        let pc = self.core.pc;
        self.enter_handler(INTERRUPT | number, 0, pc, to_supervisor);
    }

    fn enter_handler(&mut self, cause: u64, value: u64, pc: u64, to_supervisor: bool) {
        self.core.release();
        self.traps += 1;
        let csrs = &mut self.core.csrs;
        let vector = if to_supervisor {
            csrs.scause = cause;
            csrs.stval = value;
            csrs.sepc = pc;
            let enabled = if csrs.mstatus & status::SIE != 0 { status::SPIE } else { 0 };
            let previous = if csrs.privilege == Privilege::User { 0 } else { status::SPP };
            csrs.mstatus = csrs.mstatus & !(status::SIE | status::SPIE | status::SPP) | enabled | previous;
            csrs.privilege = Privilege::Supervisor;
            csrs.stvec
        } else {
            csrs.mcause = cause;
            csrs.mtval = value;
            csrs.mepc = pc;
            let enabled = if csrs.mstatus & status::MIE != 0 { status::MPIE } else { 0 };
            let previous = (csrs.privilege as u64) << 11;
            csrs.mstatus = csrs.mstatus & !(status::MIE | status::MPIE | status::MPP) | enabled | previous;
            csrs.privilege = Privilege::Machine;
            csrs.mtvec
        };
        let vectored = vector & 1 != 0 && cause & INTERRUPT != 0;
        let offset = if vectored { (cause & !INTERRUPT) * 4 } else { 0 };
        self.core.pc = (vector & !3).wrapping_add(offset);
        self.core.refresh();
    }
}
