//! [`Csrs`]: the control and status registers of a hart, and what may be read and written of them.

use borsh::{BorshDeserialize, BorshSerialize};

use super::pmp::Pmp;
use super::status::{self, Privilege};

/// Interrupts by their bits in `mip` and `mie`.
pub mod interrupt {
    /// Supervisor software: another hart wants something.
    pub const SSIP: u64 = 1 << 1;
    /// Machine software.
    pub const MSIP: u64 = 1 << 3;
    /// Supervisor timer.
    pub const STIP: u64 = 1 << 5;
    /// Machine timer.
    pub const MTIP: u64 = 1 << 7;
    /// Supervisor external: a device.
    pub const SEIP: u64 = 1 << 9;
    /// Machine external.
    pub const MEIP: u64 = 1 << 11;
}

use interrupt::{MEIP, MSIP, MTIP, SEIP, SSIP, STIP};

/// The interrupts that a supervisor may be given.
pub(super) const SUPERVISOR: u64 = SSIP | STIP | SEIP;
const ALL: u64 = SUPERVISOR | MSIP | MTIP | MEIP;

/// The exceptions that can be delegated: all but `ecall` from machine mode.
const DELEGABLE: u64 = 0xb3ff;

/// `menvcfg`: `fence` of devices implies memory, `stimecmp` is there, the hart keeps accessed and dirty bits itself.
pub(super) const FIOM: u64 = 1;
pub(super) const ADUE: u64 = 1 << 61;
pub(super) const STCE: u64 = 1 << 63;

/// RV64 with A, C, D, F, I, M, S, U (and B, which stands for Zba, Zbb and Zbs).
const MISA: u64 = 2 << 62 | 1 | 1 << 1 | 1 << 2 | 1 << 3 | 1 << 5 | 1 << 8 | 1 << 12 | 1 << 18 | 1 << 20;

/// What `satp` says of how addresses are translated.
pub(super) const SATP_BARE: u64 = 0;
pub(super) const SATP_SV39: u64 = 8;

/// The registers that are not kept elsewhere.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub(crate) struct Csrs {
    pub(crate) privilege: Privilege,
    pub(crate) mstatus: u64,
    pub(crate) medeleg: u64,
    pub(crate) mideleg: u64,
    pub(crate) mie: u64,
    /// Interrupts that software made pending.
    pub(crate) raised: u64,
    /// Interrupts that lines from outside make pending.
    pub(crate) lines: u64,
    pub(crate) mtvec: u64,
    pub(crate) mscratch: u64,
    pub(crate) mepc: u64,
    pub(crate) mcause: u64,
    pub(crate) mtval: u64,
    pub(crate) mcounteren: u64,
    pub(crate) menvcfg: u64,
    pub(crate) stvec: u64,
    pub(crate) sscratch: u64,
    pub(crate) sepc: u64,
    pub(crate) scause: u64,
    pub(crate) stval: u64,
    pub(crate) scounteren: u64,
    pub(crate) senvcfg: u64,
    pub(crate) satp: u64,
    pub(crate) stimecmp: u64,
    pub(crate) pmp: Pmp,
    /// What `mcycle` and `minstret` are ahead of the instructions that the hart has retired.
    pub(crate) cycle_ahead: u64,
    pub(crate) instret_ahead: u64,
}

/// A register that does not exist, or may not be touched like this from here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Refused;

/// What has to be done because a register was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Changed {
    /// The translation of addresses may differ.
    pub(crate) translation: bool,
    /// What is known of translations must be forgotten.
    pub(crate) permissions: bool,
}

/// What registers show that is not kept among them.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Outside {
    /// The hart's number.
    pub(crate) hart: u64,
    /// Instructions retired.
    pub(crate) retired: u64,
    /// Ticks of the clock.
    pub(crate) ticks: u64,
    pub(crate) fflags: u8,
    pub(crate) frm: u8,
}

impl Csrs {
    /// As after a reset, in machine mode.
    pub(crate) const fn new() -> Self {
        Self {
            privilege: Privilege::Machine,
            mstatus: status::FIXED,
            medeleg: 0,
            mideleg: 0,
            mie: 0,
            raised: 0,
            lines: 0,
            mtvec: 0,
            mscratch: 0,
            mepc: 0,
            mcause: 0,
            mtval: 0,
            mcounteren: 0,
            menvcfg: 0,
            stvec: 0,
            sscratch: 0,
            sepc: 0,
            scause: 0,
            stval: 0,
            scounteren: 0,
            senvcfg: 0,
            satp: 0,
            stimecmp: u64::MAX,
            pmp: Pmp::new(),
            cycle_ahead: 0,
            instret_ahead: 0,
        }
    }

    /// As firmware leaves a hart for a supervisor: everything delegated, all memory open, counters and timer to be used.
    pub(crate) fn hand_over(&mut self) {
        self.privilege = Privilege::Supervisor;
        self.medeleg = DELEGABLE & !(1 << 9);
        self.mideleg = SUPERVISOR;
        self.mcounteren = 0xffff_ffff;
        self.menvcfg = ADUE | STCE;
        self.pmp.open();
    }

    /// Whether all hold what can be written to them; what somebody else has stored may be anything.
    pub(super) fn is_sound(&self) -> bool {
        let masks = [
            (self.medeleg, DELEGABLE),
            (self.mideleg, SUPERVISOR),
            (self.mie, ALL),
            (self.raised, ALL),
            (self.mcounteren, 0xffff_ffff),
            (self.scounteren, 0xffff_ffff),
            (self.menvcfg, FIOM | ADUE | STCE),
            (self.senvcfg, FIOM),
            (self.mepc | self.sepc, !1),
            (self.mtvec | self.stvec, !2),
        ];
        masks.into_iter().all(|(value, mask)| value & !mask == 0)
            && status::is_sound(self.mstatus)
            && matches!(self.satp >> 60, SATP_BARE | SATP_SV39)
            && self.pmp.is_sound()
    }

    /// The interrupts that are pending.
    pub(crate) fn pending(&self, ticks: u64) -> u64 {
        let mut pending = self.raised | self.lines;
        if self.menvcfg & STCE != 0 {
            pending &= !STIP;
            if ticks >= self.stimecmp {
                pending |= STIP;
            }
        }
        pending
    }

    /// The interrupt to be taken now, and whether a supervisor takes it.
    pub(crate) fn interrupt(&self, ticks: u64) -> Option<(u64, bool)> {
        let pending = self.pending(ticks) & self.mie;
        if pending == 0 {
            return None;
        }
        let machine = match self.privilege {
            Privilege::Machine => self.mstatus & status::MIE != 0,
            _ => true,
        };
        let supervisor = match self.privilege {
            Privilege::Machine => false,
            Privilege::Supervisor => self.mstatus & status::SIE != 0,
            Privilege::User => true,
        };
        let for_machine = if machine { pending & !self.mideleg } else { 0 };
        let for_supervisor = if supervisor { pending & self.mideleg } else { 0 };
        let (chosen, to_supervisor) =
            if for_machine != 0 { (for_machine, false) } else { (for_supervisor, true) };
        [MEIP, MSIP, MTIP, SEIP, SSIP, STIP]
            .into_iter()
            .find(|bit| chosen & bit != 0)
            .map(|bit| (u64::from(bit.trailing_zeros()), to_supervisor))
    }

    /// Whether `wfi` has something to wake for.
    pub(crate) fn is_awake(&self, ticks: u64) -> bool {
        self.pending(ticks) & self.mie != 0
    }

    /// Reads a register.
    pub(crate) fn read(&self, number: u16, outside: Outside) -> Result<u64, Refused> {
        use crate::isa::csr as n;
        self.admit(number, false)?;
        let pending = self.pending(outside.ticks);
        Ok(match number {
            n::FFLAGS => u64::from(outside.fflags),
            n::FRM => u64::from(outside.frm),
            n::FCSR => u64::from(outside.frm) << 5 | u64::from(outside.fflags),
            n::CYCLE | n::MCYCLE => outside.retired.wrapping_add(self.cycle_ahead),
            n::TIME => outside.ticks,
            n::INSTRET | n::MINSTRET => outside.retired.wrapping_add(self.instret_ahead),
            n::SSTATUS => self.mstatus & status::SUPERVISOR,
            n::SIE => self.mie & self.mideleg,
            n::STVEC => self.stvec,
            n::SCOUNTEREN => self.scounteren,
            n::SENVCFG => self.senvcfg,
            n::SSCRATCH => self.sscratch,
            n::SEPC => self.sepc,
            n::SCAUSE => self.scause,
            n::STVAL => self.stval,
            n::SIP => pending & self.mideleg,
            n::STIMECMP => self.stimecmp,
            n::SATP => self.satp,
            n::MVENDORID | n::MARCHID | n::MIMPID | n::MCONFIGPTR | n::MCOUNTINHIBIT => 0,
            n::MHARTID => outside.hart,
            n::MSTATUS => self.mstatus,
            n::MISA => MISA,
            n::MEDELEG => self.medeleg,
            n::MIDELEG => self.mideleg,
            n::MIE => self.mie,
            n::MTVEC => self.mtvec,
            n::MCOUNTEREN => self.mcounteren,
            n::MENVCFG => self.menvcfg,
            n::MSCRATCH => self.mscratch,
            n::MEPC => self.mepc,
            n::MCAUSE => self.mcause,
            n::MTVAL => self.mtval,
            n::MIP => pending,
            // Counters of events and triggers: there are none, which reads as zero.
            _ if is_event_counter(number) || is_trigger(number) => 0,
            _ => self.pmp.read(number).ok_or(Refused)?,
        })
    }

    /// Writes a register, as far as it can be written.
    pub(crate) fn write(&mut self, number: u16, value: u64, outside: Outside) -> Result<Changed, Refused> {
        use crate::isa::csr as n;
        self.admit(number, true)?;
        let mut changed = Changed::default();
        match number {
            n::SSTATUS => return Ok(self.write_status(value, status::SUPERVISOR_WRITABLE)),
            n::MSTATUS => return Ok(self.write_status(value, status::WRITABLE)),
            n::SIE => self.mie = self.mie & !self.mideleg | value & self.mideleg & ALL,
            n::MIE => self.mie = value & ALL,
            n::SIP => {
                let mask = self.mideleg & SSIP;
                self.raised = self.raised & !mask | value & mask;
            }
            n::MIP => self.raised = self.raised & !SUPERVISOR | value & SUPERVISOR,
            n::STVEC => self.stvec = trap_vector(value),
            n::MTVEC => self.mtvec = trap_vector(value),
            n::SCOUNTEREN => self.scounteren = value & 0xffff_ffff,
            n::MCOUNTEREN => self.mcounteren = value & 0xffff_ffff,
            n::SENVCFG => self.senvcfg = value & FIOM,
            n::MENVCFG => {
                self.menvcfg = value & (FIOM | ADUE | STCE);
                changed.permissions = true;
            }
            n::SSCRATCH => self.sscratch = value,
            n::MSCRATCH => self.mscratch = value,
            n::SEPC => self.sepc = value & !1,
            n::MEPC => self.mepc = value & !1,
            n::SCAUSE => self.scause = value,
            n::MCAUSE => self.mcause = value,
            n::STVAL => self.stval = value,
            n::MTVAL => self.mtval = value,
            n::STIMECMP => self.stimecmp = value,
            n::SATP => changed.translation = self.write_satp(value),
            // What harts can do is fixed, and so is that their counters run.
            // The floating registers are the hart's business; the others are as they are.
            n::FFLAGS | n::FRM | n::FCSR | n::MISA | n::MCOUNTINHIBIT => {}
            n::MEDELEG => self.medeleg = value & DELEGABLE,
            n::MIDELEG => self.mideleg = value & SUPERVISOR,
            // The instruction that writes is not counted on top of what it writes.
            n::MCYCLE => self.cycle_ahead = value.wrapping_sub(outside.retired + 1),
            n::MINSTRET => self.instret_ahead = value.wrapping_sub(outside.retired + 1),
            _ if is_event_counter(number) || is_trigger(number) => {}
            _ => {
                self.pmp.write(number, value).ok_or(Refused)?;
                changed.permissions = true;
            }
        }
        Ok(changed)
    }

    /// Whether a register may be touched from here.
    fn admit(&self, number: u16, write: bool) -> Result<(), Refused> {
        use crate::isa::csr as n;
        let needed = number >> 8 & 3;
        let read_only = number >> 10 == 3;
        if (self.privilege as u16) < needed || write && read_only {
            return Err(Refused);
        }
        match number {
            n::FFLAGS | n::FRM | n::FCSR if self.mstatus & status::FS == 0 => Err(Refused),
            n::SATP if self.privilege == Privilege::Supervisor && self.mstatus & status::TVM != 0 => {
                Err(Refused)
            }
            n::STIMECMP if self.privilege != Privilege::Machine => {
                let open = self.menvcfg & STCE != 0 && self.mcounteren & 2 != 0;
                if open { Ok(()) } else { Err(Refused) }
            }
            n::CYCLE..=0xc1f => {
                let bit = 1 << (number - n::CYCLE);
                let open = match self.privilege {
                    Privilege::Machine => true,
                    Privilege::Supervisor => self.mcounteren & bit != 0,
                    Privilege::User => self.mcounteren & self.scounteren & bit != 0,
                };
                if open { Ok(()) } else { Err(Refused) }
            }
            _ => Ok(()),
        }
    }

    fn write_status(&mut self, value: u64, writable: u64) -> Changed {
        let before = self.mstatus;
        let mut after = before & !writable | value & writable;
        if status::previous(after).is_none() {
            after = after & !status::MPP | before & status::MPP; // no such mode: it stays as it was
        }
        self.mstatus = status::summed(after);
        let differs = before ^ self.mstatus;
        Changed {
            translation: differs & (status::SUM | status::MPRV | status::MPP) != 0,
            permissions: differs & status::MXR != 0,
        }
    }

    /// Whether the mode is one that there is; else nothing is written.
    fn write_satp(&mut self, value: u64) -> bool {
        let mode = value >> 60;
        if mode != SATP_BARE && mode != SATP_SV39 {
            return false;
        }
        self.satp = value;
        true
    }
}

/// Direct or vectored; the base is a multiple of four.
const fn trap_vector(value: u64) -> u64 {
    if value & 2 != 0 { value & !3 } else { value }
}

const fn is_event_counter(number: u16) -> bool {
    matches!(number, 0xc03..=0xc1f | 0xb03..=0xb1f | 0x323..=0x33f)
}

const fn is_trigger(number: u16) -> bool {
    matches!(number, 0x7a0..=0x7a3)
}
