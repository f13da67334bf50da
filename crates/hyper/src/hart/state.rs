//! [`HartState`]: everything that a hart is, to be stored, sent and put back.

use borsh::{BorshDeserialize, BorshSerialize};
use ironloom_core::Instant;
use ironloom_core::frame::Message;

use super::Hart;
use super::core::FLOATS;
use super::csr::Csrs;
use crate::float::Flags;

/// Everything that a hart is: about a kilobyte.
///
/// Reservations are not part of it, which only makes a store-conditional fail once.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct HartState {
    pc: u64,
    integers: [u64; 32],
    floats: [u64; 32],
    fflags: u8,
    frm: u8,
    retired: u64,
    traps: u64,
    now: Instant,
    csrs: Csrs,
}

impl Message for HartState {
    const KIND: u16 = 0x4c48;
    const VERSION: u16 = 1;
}

impl HartState {
    /// The hart's time.
    #[must_use]
    pub const fn now(&self) -> Instant {
        self.now
    }

    /// Whether a hart can be so; what somebody else has written may be anything.
    #[must_use]
    pub fn is_sound(&self) -> bool {
        let countable = self.retired < 1 << 61 && self.traps < 1 << 61 && self.now.as_nanos() < 1 << 62;
        let registers = self.integers[0] == 0 && self.pc & 1 == 0 && self.fflags < 32 && self.frm < 8;
        countable && registers && self.csrs.is_sound()
    }
}

impl Hart {
    /// Everything that the hart is.
    ///
    /// # Panics
    ///
    /// If an access to a device is not completed.
    #[must_use]
    pub fn state(&self) -> HartState {
        assert!(self.pending.is_none(), "an access to a device was completed");
        let registers = &self.core.registers;
        let floats = usize::from(FLOATS);
        HartState {
            pc: self.core.pc,
            integers: registers[..32].try_into().expect("32 registers"),
            floats: registers[floats..floats + 32].try_into().expect("32 registers"),
            fflags: self.core.fflags.bits(),
            frm: self.core.frm,
            retired: self.retired,
            traps: self.traps,
            now: self.now(),
            csrs: self.core.csrs.clone(),
        }
    }

    /// Becomes what a state says. Everything that was known of translations and code is forgotten.
    pub fn set_state(&mut self, state: &HartState) {
        self.core.release();
        self.pending = None;
        self.core.pc = state.pc;
        self.core.registers[..32].copy_from_slice(&state.integers);
        self.core.registers[0] = 0;
        let floats = usize::from(FLOATS);
        self.core.registers[floats..floats + 32].copy_from_slice(&state.floats);
        self.core.fflags = Flags::from_bits(state.fflags & 31);
        self.core.frm = state.frm & 7;
        self.core.csrs = state.csrs.clone();
        self.retired = state.retired;
        self.traps = state.traps;
        self.set_time(state.now);
        self.core.code_stale = true;
        self.core.forget_everything();
    }
}
