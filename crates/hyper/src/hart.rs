//! [`Hart`]: a RISC-V processor core, RV64GC with Zba, Zbb, Zbs, Sstc, Svadu and Svinval, in modes M, S and U.
//!
//! A hart is a function of its registers and its memory. It knows no device, no other hart and no clock of the host: what
//! it wants of them is an [`Exit`], and its owner answers.

mod away;
mod clock;
mod code;
mod context;
mod core;
mod csr;
mod decode;
mod doorbell;
mod fetch;
mod filter;
mod fuse;
mod jumps;
mod ops;
mod outside;
mod pmp;
mod raw;
mod reservations;
mod spaces;
mod state;
mod status;
mod stop;
mod system;
mod trace;
mod translate;
mod trap;

use std::collections::BTreeSet;
use std::sync::Arc;

pub use clock::TICK_NANOSECONDS;
pub use csr::interrupt;
pub use doorbell::Doorbell;
pub use state::HartState;
pub use status::Privilege;
pub use stop::{Exception, Exit, Trap};
pub use trace::TraceLine;

pub(crate) use reservations::{HARTS_MAX, Reservations};

use self::clock::HartClock;
use self::code::{Code, Found};
use self::core::{Core, FLOATS, extend};
use self::raw::Leave;
use self::stop::Stop;
use self::system::After;
use crate::isa::{Instruction, Opcode};
use crate::memory::{Memory, MemoryError};

/// How many instructions a chain of blocks may have before the hart looks up.
const CHAIN_MAX: u64 = 2_048;

/// What a hart is made with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HartConfig {
    /// Its number.
    pub id: u64,
    /// How many instructions it runs in a microsecond of its time.
    pub instructions_per_microsecond: u64,
    /// Whether `ecall` in supervisor mode goes to the host ([`Exit::Call`]) instead of to firmware in machine mode.
    pub calls_host: bool,
}

impl HartConfig {
    /// A hart of 1 GHz that begins in machine mode.
    #[must_use]
    pub const fn new(id: u64) -> Self {
        Self { id, instructions_per_microsecond: 1_000, calls_host: false }
    }
}

/// A RISC-V processor core.
///
/// ```
/// use std::sync::Arc;
///
/// use ironloom_hyper::hart::{Exit, Hart, HartConfig};
/// use ironloom_hyper::{GuestAddress, Memory, MemoryConfig};
///
/// let memory = Arc::new(Memory::new(MemoryConfig::new(GuestAddress::new(0x8000_0000), 1 << 20))?);
/// let start = GuestAddress::new(0x8000_0000);
/// memory.store(start, 0x02a0_0513_u32)?; // li a0, 42
/// memory.store(start.checked_add(4).unwrap(), 0x1050_0073_u32)?; // wfi
///
/// let mut hart = Hart::new(HartConfig::new(0), memory)?;
/// hart.set_pc(start.get());
/// assert_eq!(hart.run(1_000), Exit::Wait);
/// assert_eq!(hart.register(10), 42);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Hart {
    core: Box<Core>,
    code: Code,
    clock: HartClock,
    /// How many instructions it has retired.
    retired: u64,
    /// How many traps it has taken, each of which takes the time of an instruction: else a handler that traps at once
    /// would keep it busy for ever.
    traps: u64,
    calls_host: bool,
    bell: Arc<Doorbell>,
    /// What an access to a device does when it is completed.
    pending: Option<Instruction>,
    breakpoints: BTreeSet<u64>,
    /// The address at which the harness was told of a breakpoint, which it runs past.
    passed: Option<u64>,
}

impl Hart {
    /// A hart at address 0, in machine mode.
    ///
    /// # Errors
    ///
    /// If the memory has as many readers as it can.
    pub fn new(config: HartConfig, memory: Arc<Memory>) -> Result<Self, MemoryError> {
        let core = Core::new(config.id, memory)?;
        Ok(Self {
            core,
            code: Code::default(),
            clock: HartClock::new(config.instructions_per_microsecond.max(1)),
            retired: 0,
            traps: 0,
            calls_host: config.calls_host,
            bell: Arc::new(Doorbell::default()),
            pending: None,
            breakpoints: BTreeSet::new(),
            passed: None,
        })
    }

    /// Gives up what it has reserved: others may have stored there since it ran.
    pub fn release(&mut self) {
        self.core.release();
    }

    /// Runs so many instructions at most.
    ///
    /// If others may change memory before it runs again, it has to be [released](Self::release) after that.
    ///
    /// # Panics
    ///
    /// If an access to a device was not [completed](Self::complete).
    pub fn run(&mut self, instructions: u64) -> Exit {
        assert!(self.pending.is_none(), "an access to a device was completed");
        let end = self.steps().saturating_add(instructions);
        self.core.unpark();
        loop {
            if self.core.code_stale {
                self.core.code_stale = false;
                self.code.clear(&mut self.core);
                self.core.forget_jumps();
            }
            if self.bell.is_rung() {
                self.core.csrs.raised |= self.bell.answer();
                return Exit::Bell;
            }
            if self.steps() >= end {
                return Exit::Budget;
            }
            if let Some((number, to_supervisor)) = self.core.csrs.interrupt(self.ticks()) {
                self.take_interrupt(number, to_supervisor);
                continue;
            }
            if self.is_at_breakpoint() {
                return Exit::Breakpoint;
            }
            if let Some(exit) = self.chain(end) {
                self.core.release();
                return exit;
            }
        }
    }

    /// Runs blocks until one ends where the hart has to look up.
    fn chain(&mut self, end: u64) -> Option<Exit> {
        let limit = self.limit(end);
        let found = match self.core.jumps.find(self.core.pc, self.core.code_context) {
            Some((target, count)) if u64::from(count) <= limit => Found { target, count, kept: false },
            _ => match self.code.find(&mut self.core, limit) {
                Ok(found) => found,
                Err(stop) => return self.answer(stop, self.core.pc),
            },
        };
        if found.kept {
            let (pc, context) = (self.core.pc, self.core.code_context);
            self.core.jumps.insert(pc, context, found.target, found.count);
        }
        self.core.fuel = limit as i64 - i64::from(found.count);
        self.core.first = Some(found.target);
        let leave = (found.target.op().run)(&mut self.core, found.target);
        self.retired += limit - self.core.fuel as u64;
        match leave {
            Leave::Next => None,
            Leave::Stop => {
                let pc = self.settle();
                let stop = self.core.stopped.take().expect("who stops says why");
                self.answer(stop, pc)
            }
            Leave::System => {
                let at = self.core.at.expect("who leaves says where").op();
                let pc = self.settle();
                self.system(pc, at.imm as u32)
            }
        }
    }

    /// Instructions and traps: what makes its time go by.
    const fn steps(&self) -> u64 {
        self.retired + self.traps
    }

    /// How many instructions may run before something has to be looked at.
    fn limit(&self, end: u64) -> u64 {
        if !self.breakpoints.is_empty() {
            return 1;
        }
        let mut limit = (end - self.steps()).min(CHAIN_MAX);
        let ticks = self.ticks();
        let deadline = self.core.csrs.stimecmp;
        if deadline > ticks && deadline != u64::MAX {
            limit = limit.min(self.clock.instructions_until(deadline, self.steps()));
        }
        limit
    }

    /// Takes back what was counted of the current block from the operation that stopped on; its address.
    fn settle(&mut self) -> u64 {
        let (Some(first), Some(at)) = (self.core.first, self.core.at) else { return self.core.pc };
        let not_run = first.header().count - at.since(first);
        self.retired -= u64::from(not_run);
        self.core.pc.wrapping_add(u64::from(at.op().at) * 2)
    }

    /// Carries out an instruction that ended a block.
    fn system(&mut self, pc: u64, bits: u32) -> Option<Exit> {
        self.core.pc = pc;
        let length = if bits & 3 == 3 { 4 } else { 2 };
        match self.execute(bits) {
            Ok(After::Next) => self.core.pc = pc.wrapping_add(length),
            Ok(After::Jump(target)) => self.core.pc = target,
            Ok(After::Exit(exit)) => {
                self.core.pc = pc.wrapping_add(length);
                self.retired += 1;
                return Some(exit);
            }
            Err(stop) => return self.answer(stop, pc),
        }
        self.retired += 1;
        None
    }

    /// Takes a trap, or says what the owner has to do before the instruction at `pc` is tried again.
    fn answer(&mut self, stop: Stop, pc: u64) -> Option<Exit> {
        self.core.pc = pc;
        match stop {
            Stop::Trap(mut trap) => {
                if trap.cause == Exception::IllegalInstruction && trap.value == 0 {
                    trap.value = self.core.fetch(pc).map_or(0, u64::from);
                }
                self.take_exception(trap, pc);
                None
            }
            Stop::Exit(exit) => {
                if matches!(exit, Exit::Read { .. } | Exit::Write { .. }) {
                    // It was fetched a moment ago; should its page have gone since, it is tried again.
                    let Ok(bits) = self.core.fetch(pc) else { return None };
                    self.pending = Instruction::decode(bits);
                }
                Some(exit)
            }
        }
    }

    /// Completes an access to a device: what was read, or anything for what was written; `None` if there is no device.
    ///
    /// # Panics
    ///
    /// If the hart did not come back with [`Exit::Read`] or [`Exit::Write`].
    pub fn complete(&mut self, value: Option<u64>) {
        let instruction = self.pending.take().expect("an access to a device is pending");
        let Some(value) = value else {
            let address =
                self.core.registers[instruction.rs1 as usize].wrapping_add(extend(instruction.immediate));
            let cause =
                if is_load(instruction.opcode) { Exception::LoadAccess } else { Exception::StoreAccess };
            let pc = self.core.pc;
            return self.take_exception(Trap::new(cause, address), pc);
        };
        let (rd, value) = match instruction.opcode {
            Opcode::Lb => (instruction.rd, extend(value as i8)),
            Opcode::Lh => (instruction.rd, extend(value as i16)),
            Opcode::Lw => (instruction.rd, extend(value as i32)),
            Opcode::Lbu => (instruction.rd, u64::from(value as u8)),
            Opcode::Lhu => (instruction.rd, u64::from(value as u16)),
            Opcode::Lwu => (instruction.rd, u64::from(value as u32)),
            Opcode::Ld => (instruction.rd, value),
            Opcode::Flw => (FLOATS + instruction.rd, crate::float::box32(value as u32)),
            Opcode::Fld => (FLOATS + instruction.rd, value),
            opcode => match away::change_of(opcode) {
                Some((_, 4)) => (instruction.rd, extend(value as i32)),
                Some(_) => (instruction.rd, value),
                None => (0, 0),
            },
        };
        if rd != 0 {
            self.core.registers[rd as usize] = value;
        }
        self.core.pc = self.core.pc.wrapping_add(u64::from(instruction.length));
        self.retired += 1;
    }

    fn is_at_breakpoint(&mut self) -> bool {
        if self.breakpoints.is_empty() || !self.breakpoints.contains(&self.core.pc) {
            self.passed = None;
            return false;
        }
        if self.passed.take() == Some(self.core.pc) {
            return false;
        }
        self.passed = Some(self.core.pc);
        true
    }
}

fn is_load(opcode: Opcode) -> bool {
    use Opcode::{Fld, Flw, Lb, Lbu, Ld, Lh, Lhu, Lw, Lwu};
    matches!(opcode, Lb | Lh | Lw | Ld | Lbu | Lhu | Lwu | Flw | Fld)
}

impl Drop for Hart {
    fn drop(&mut self) {
        self.core.release();
        self.core.memory.dismiss(self.core.reader);
    }
}
