//! [`Core`]: what operations see of a hart.

use std::sync::Arc;

use super::csr::Csrs;
use super::fetch::FetchPages;
use super::filter::Filter;
use super::jumps::Jumps;
use super::raw::{Cursor, Leave, Op, Place, Tlb};
use super::reservations::{Reservation, Reservations};
use super::spaces::Spaces;
use super::status;
use super::stop::{Exception, Stop, Trap};
use crate::float::Flags;
use crate::memory::{Memory, MemoryError, ReaderId};

/// Where results go that belong into register 0.
pub(crate) const SINK: u8 = 32;

/// Where the floating registers begin in [`Core::registers`].
pub(crate) const FLOATS: u8 = 64;

/// A number with a sign as it stands in a register.
#[inline(always)]
pub(super) fn extend(number: impl Into<i64>) -> u64 {
    number.into() as u64
}

/// The state of a hart as operations use it; what is touched most stands first.
#[derive(Debug)]
#[repr(C)]
pub(crate) struct Core {
    /// Registers 0 to 31, the sink of register 0, and the floating registers from [`FLOATS`] on. As many as a byte can
    /// name, so that no access needs a check.
    pub(crate) registers: [u64; 256],
    /// The virtual address at which the current block begins.
    pub(crate) pc: u64,
    /// How many more instructions may run before the chain of blocks comes back.
    pub(crate) fuel: i64,
    /// The context of loads and stores in the tags of the TLBs.
    pub(crate) data_context: u64,
    /// The first operation of the current block.
    pub(crate) first: Option<Cursor>,
    /// The operation that stopped.
    pub(crate) at: Option<Cursor>,
    /// Whether operations on floating registers may run as they are: they are on, and known to be dirty.
    pub(crate) float_ready: bool,
    /// The exceptions of floating point that were raised.
    pub(crate) fflags: Flags,
    /// The dynamic rounding mode.
    pub(crate) frm: u8,
    /// The reservation of the last load-reserved.
    pub(crate) reservation: Option<Reservation>,
    /// The code context: what block a jump leads to depends on it.
    pub(crate) code_context: u32,
    pub(crate) jumps: Jumps,
    pub(crate) loads: Tlb,
    pub(crate) stores: Tlb,
    /// What the walk through tables knows: physical pages.
    pub(crate) tables: Tlb,
    /// Why the last chain stopped.
    pub(crate) stopped: Option<Stop>,
    pub(crate) csrs: Csrs,
    pub(crate) memory: Arc<Memory>,
    pub(crate) reader: ReaderId,
    /// Whether it has promised to use no page.
    pub(crate) parked: bool,
    /// Reservations of all harts, where they run freely beside each other.
    pub(crate) reservations: Option<Arc<Reservations>>,
    /// The hart's number.
    pub(crate) id: u64,
    /// Superpages of which the TLBs may know parts; see [`Core::forget_page`].
    pub(crate) superpages: Filter,
    /// Pages of virtual addresses that blocks were fetched from since jumps were forgotten.
    pub(crate) fetched: Filter,
    /// Whether decoded blocks may be of another past: after memory was set back.
    pub(crate) code_stale: bool,
    /// How often jumps were forgotten.
    pub(crate) code_epoch: u32,
    pub(crate) spaces: Spaces,
    /// Where fetches found their pages.
    pub(crate) pages: FetchPages,
}

impl Core {
    pub(super) fn new(id: u64, memory: Arc<Memory>) -> Result<Box<Self>, MemoryError> {
        let reader = memory.register()?;
        let mut core = Box::new(Self {
            registers: [0; 256],
            pc: 0,
            fuel: 0,
            data_context: 0,
            first: None,
            at: None,
            float_ready: false,
            fflags: Flags::default(),
            frm: 0,
            reservation: None,
            code_context: 0,
            jumps: Jumps::new(),
            loads: Tlb::new(),
            stores: Tlb::new(),
            tables: Tlb::new(),
            stopped: None,
            csrs: Csrs::new(),
            memory,
            reader,
            parked: false,
            reservations: None,
            id,
            superpages: Filter::new(),
            fetched: Filter::new(),
            code_stale: false,
            code_epoch: 0,
            spaces: Spaces::new(),
            pages: FetchPages::new(),
        });
        core.refresh();
        core.park();
        Ok(core)
    }

    /// The address that an operation accesses: a register and an immediate.
    #[inline(always)]
    pub(super) fn address(&self, op: &Op) -> u64 {
        self.registers[op.rs1 as usize].wrapping_add(extend(op.imm))
    }

    /// Notes why an operation cannot be carried out.
    #[cold]
    pub(super) fn stop(&mut self, cursor: Cursor, stop: Stop) -> Leave {
        self.at = Some(cursor);
        self.stopped = Some(stop);
        Leave::Stop
    }

    /// Gives a reservation back.
    pub(super) fn release(&mut self) {
        if let Some(held) = self.reservation.take()
            && let Some(table) = &self.reservations
        {
            table.release(self.id, held.place);
        }
    }

    /// Whether a hart holds a reservation at a place, or may.
    #[inline(always)]
    pub(super) fn is_reserved(&self, place: Place) -> bool {
        self.reservations.as_ref().is_some_and(|table| table.is_held(place))
    }

    /// Sees to it that floating registers may be used: stops if they are off, else notes that they are dirty, and runs the
    /// operation again.
    #[cold]
    #[inline(never)]
    pub(super) fn prepare_float(&mut self, cursor: Cursor) -> Leave {
        if self.csrs.mstatus & status::FS == 0 {
            return self.stop(cursor, Trap::new(Exception::IllegalInstruction, 0).into());
        }
        self.csrs.mstatus = status::summed(self.csrs.mstatus | status::FS);
        self.float_ready = true;
        (cursor.op().run)(self, cursor)
    }
}
