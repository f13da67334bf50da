//! The bits of `mstatus`, and [`Privilege`].

use borsh::{BorshDeserialize, BorshSerialize};

/// What a hart may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, BorshSerialize, BorshDeserialize)]
#[borsh(use_discriminant = true)]
#[repr(u8)]
pub enum Privilege {
    /// A program.
    User = 0,
    /// A kernel.
    Supervisor = 1,
    /// Firmware.
    Machine = 3,
}

pub(crate) const SIE: u64 = 1 << 1;
pub(crate) const MIE: u64 = 1 << 3;
pub(crate) const SPIE: u64 = 1 << 5;
pub(crate) const MPIE: u64 = 1 << 7;
pub(crate) const SPP: u64 = 1 << 8;
pub(crate) const MPP: u64 = 3 << 11;
pub(crate) const FS: u64 = 3 << 13;
pub(crate) const MPRV: u64 = 1 << 17;
pub(crate) const SUM: u64 = 1 << 18;
pub(crate) const MXR: u64 = 1 << 19;
pub(crate) const TVM: u64 = 1 << 20;
pub(crate) const TW: u64 = 1 << 21;
pub(crate) const TSR: u64 = 1 << 22;
const UXL: u64 = 2 << 32;
const SXL: u64 = 2 << 34;
const SD: u64 = 1 << 63;

/// What is as it is: registers have 64 bits in every mode.
pub(crate) const FIXED: u64 = UXL | SXL;

/// What a supervisor sees.
pub(crate) const SUPERVISOR: u64 = SUPERVISOR_WRITABLE | UXL | SD;
pub(crate) const SUPERVISOR_WRITABLE: u64 = SIE | SPIE | SPP | FS | SUM | MXR;
pub(crate) const WRITABLE: u64 = SUPERVISOR_WRITABLE | MIE | MPIE | MPP | MPRV | TVM | TW | TSR;

/// With the bit that sums up whether floating registers are dirty.
pub(crate) const fn summed(status: u64) -> u64 {
    if status & FS == FS { status | SD } else { status & !SD }
}

/// Whether a hart's status can be so.
pub(crate) fn is_sound(status: u64) -> bool {
    status & !(WRITABLE | SD) == FIXED && previous(status).is_some() && summed(status) == status
}

/// The mode before the trap to machine mode, if it is one.
pub(crate) const fn previous(status: u64) -> Option<Privilege> {
    match (status & MPP) >> 11 {
        0 => Some(Privilege::User),
        1 => Some(Privilege::Supervisor),
        3 => Some(Privilege::Machine),
        _ => None,
    }
}
