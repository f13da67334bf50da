//! [`Hart`]: a RISC-V processor core, RV64GC with Zba, Zbb, Zbs, Sstc, Svadu and Svinval, in modes M, S and U.
//!
//! A hart is a function of its registers and its memory. It knows no device, no other hart and no clock of the host: what
//! it wants of them is an [`Exit`], and its owner answers.

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
mod pmp;
mod raw;
mod reservations;
mod spaces;
mod state;
mod status;
mod stop;
mod system;
mod translate;
mod trap;

use std::collections::BTreeSet;
use std::sync::Arc;

use ironloom_core::Instant;

pub use clock::TICK_NANOSECONDS;
pub use csr::interrupt;
pub use doorbell::Doorbell;
pub use state::HartState;
pub use status::Privilege;
pub use stop::{Exception, Exit, Trap};

pub(crate) use reservations::{HARTS_MAX, Reservations};

use self::clock::HartClock;
use self::code::{Code, Found};
use self::core::{Core, FLOATS};
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
    pub fn run(&mut self, instructions: u64) -> Exit {
        assert!(self.pending.is_none(), "an access to a device was completed");
        let end = self.steps().saturating_add(instructions);
        self.core.unpark();
        let mut traps = 0;
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
            let before = self.retired;
            if let Some(exit) = self.chain(end) {
                self.core.release();
                return exit;
            }
            // A handler that traps itself retires nothing; such a hart must come back as well.
            if self.retired == before {
                traps += 1;
                if traps >= instructions {
                    self.core.release();
                    return Exit::Budget;
                }
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
            let address = self.core.registers[instruction.rs1 as usize]
                .wrapping_add(instruction.immediate as i64 as u64);
            let cause =
                if is_load(instruction.opcode) { Exception::LoadAccess } else { Exception::StoreAccess };
            let pc = self.core.pc;
            return self.take_exception(Trap::new(cause, address), pc);
        };
        let (rd, value) = match instruction.opcode {
            Opcode::Lb => (instruction.rd, value as i8 as i64 as u64),
            Opcode::Lh => (instruction.rd, value as i16 as i64 as u64),
            Opcode::Lw => (instruction.rd, value as i32 as i64 as u64),
            Opcode::Lbu => (instruction.rd, u64::from(value as u8)),
            Opcode::Lhu => (instruction.rd, u64::from(value as u16)),
            Opcode::Lwu => (instruction.rd, u64::from(value as u32)),
            Opcode::Ld => (instruction.rd, value),
            Opcode::Flw => (FLOATS + instruction.rd, crate::float::box32(value as u32)),
            Opcode::Fld => (FLOATS + instruction.rd, value),
            _ => (0, 0),
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

    /// Runs one instruction, or goes to one trap handler.
    pub fn step(&mut self) -> Exit {
        self.run(1)
    }

    /// Stops before the instruction at an address, each time that it comes there. Slow while there are any.
    pub fn set_breakpoint(&mut self, address: u64) {
        self.breakpoints.insert(address);
    }

    /// Stops no longer at an address.
    pub fn clear_breakpoint(&mut self, address: u64) {
        self.breakpoints.remove(&address);
    }

    /// Runs beside other harts from now on, with regard for what they reserve; or alone again.
    pub(crate) fn share(&mut self, reservations: Option<Arc<Reservations>>) {
        self.core.release();
        if self.core.reservations.is_some() != reservations.is_some() {
            self.core.code_stale = true; // stores are other operations then
        }
        self.core.reservations = reservations;
    }

    /// Forgets what memory revoked.
    pub(crate) fn catch_up(&mut self) {
        self.core.catch_up();
    }

    /// Says that the hart does not run for a while, so that nobody waits for it to catch up.
    pub(crate) fn park(&mut self) {
        self.core.park();
    }

    /// What wakes the hart from outside.
    #[must_use]
    pub fn doorbell(&self) -> Arc<Doorbell> {
        self.bell.clone()
    }

    /// Says what time it is. Until it is said again the hart's instructions make it go by.
    pub const fn set_time(&mut self, now: Instant) {
        self.clock.set(now, self.steps());
    }

    /// The hart's time.
    #[must_use]
    pub const fn now(&self) -> Instant {
        Instant::from_nanos(self.clock.now(self.steps()))
    }

    pub(crate) const fn nanoseconds_per_instruction(&self) -> u64 {
        self.clock.per_instruction()
    }

    /// The hart's time in ticks of the timebase.
    pub(crate) const fn ticks(&self) -> u64 {
        self.clock.ticks(self.steps())
    }

    /// Instructions and traps: what makes its time go by.
    const fn steps(&self) -> u64 {
        self.retired + self.traps
    }

    /// How many instructions it has retired.
    #[must_use]
    pub const fn retired(&self) -> u64 {
        self.retired
    }

    /// Sets the lines of interrupts from outside: bits of [`interrupt`].
    pub fn set_lines(&mut self, lines: u64) {
        self.core.csrs.lines = lines;
    }

    /// Makes interrupts pending that stay so until software takes them back.
    pub fn raise(&mut self, interrupts: u64) {
        self.core.csrs.raised |= interrupts;
    }

    /// Takes notice of the bell, if it was rung.
    pub fn answer_bell(&mut self) {
        let raised = self.bell.answer();
        self.core.csrs.raised |= raised;
    }

    /// Whether an interrupt is pending that ends `wfi`.
    #[must_use]
    pub fn is_awake(&self) -> bool {
        self.core.csrs.is_awake(self.ticks())
    }

    /// When the hart's own timer rings, if it is set and would wake it.
    #[must_use]
    pub fn alarm(&self) -> Option<Instant> {
        let csrs = &self.core.csrs;
        let set =
            csrs.menvcfg & csr::STCE != 0 && csrs.mie & interrupt::STIP != 0 && csrs.stimecmp != u64::MAX;
        set.then(|| Instant::from_nanos(csrs.stimecmp.saturating_mul(TICK_NANOSECONDS)))
    }

    /// Sets the hart's own timer to ring at a tick.
    pub const fn set_timer(&mut self, tick: u64) {
        self.core.csrs.stimecmp = tick;
    }

    /// Sets a counter of machine mode.
    pub(crate) fn set_counter(&mut self, number: u16, value: u64) {
        let mut outside = self.outside();
        outside.retired = outside.retired.wrapping_sub(1); // nothing that counts follows
        let privilege = std::mem::replace(&mut self.core.csrs.privilege, Privilege::Machine);
        let _ = self.core.csrs.write(number, value, outside);
        self.core.csrs.privilege = privilege;
    }

    /// An integer register.
    ///
    /// # Panics
    ///
    /// If there is no such register.
    #[must_use]
    pub const fn register(&self, number: u8) -> u64 {
        assert!(number < 32, "registers have numbers below 32");
        self.core.registers[number as usize]
    }

    /// Sets an integer register; register 0 stays zero.
    ///
    /// # Panics
    ///
    /// If there is no such register.
    pub const fn set_register(&mut self, number: u8, value: u64) {
        assert!(number < 32, "registers have numbers below 32");
        if number != 0 {
            self.core.registers[number as usize] = value;
        }
    }

    /// A floating register's bits.
    ///
    /// # Panics
    ///
    /// If there is no such register.
    #[must_use]
    pub const fn float_register(&self, number: u8) -> u64 {
        assert!(number < 32, "registers have numbers below 32");
        self.core.registers[(FLOATS + number) as usize]
    }

    /// Its number.
    #[must_use]
    pub const fn id(&self) -> u64 {
        self.core.id
    }

    /// Where it is.
    #[must_use]
    pub const fn pc(&self) -> u64 {
        self.core.pc
    }

    /// Goes on elsewhere: at an even address, as no instruction is at an odd one.
    pub const fn set_pc(&mut self, pc: u64) {
        self.core.pc = pc & !1;
    }

    /// Its mode.
    #[must_use]
    pub const fn privilege(&self) -> Privilege {
        self.core.csrs.privilege
    }

    /// A control and status register as machine mode reads it, if there is one.
    #[must_use]
    pub fn csr(&self, number: u16) -> Option<u64> {
        let mut csrs = self.core.csrs.clone();
        csrs.privilege = Privilege::Machine;
        csrs.read(number, self.outside()).ok()
    }

    /// As firmware leaves it to a kernel: in supervisor mode at `pc`, everything delegated.
    pub fn hand_over(&mut self, pc: u64, a0: u64, a1: u64) {
        self.core.csrs = csr::Csrs { lines: self.core.csrs.lines, ..csr::Csrs::new() };
        self.core.csrs.hand_over();
        self.core.forget_everything();
        self.set_pc(pc);
        self.set_register(10, a0);
        self.set_register(11, a1);
    }

    /// Forgets all translations, or those of an address; for the fences that other harts ask for.
    pub fn fence(&mut self, addresses: Option<std::ops::Range<u64>>) {
        /// Ranges of more pages are forgotten with everything else.
        const PAGES_MAX: u64 = 64;
        match addresses {
            Some(range) if range.end.saturating_sub(range.start) <= PAGES_MAX << 12 => {
                let mut page = range.start & !0xfff;
                while page < range.end {
                    self.core.forget_page(page);
                    page = page.saturating_add(0x1000);
                }
            }
            _ => self.core.forget_spaces(None),
        }
    }

    /// Looks at the bytes of instructions again, as `fence.i` does.
    pub fn fence_instructions(&mut self) {
        self.core.forget_jumps();
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
