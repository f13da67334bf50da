//! A hart as its owner sees it: registers, time, interrupts, breakpoints, fences.

use std::sync::Arc;

use ironloom_core::Instant;

use super::core::FLOATS;
use super::csr::{Csrs, STCE};
use super::{Doorbell, Exit, Hart, Privilege, Reservations, TICK_NANOSECONDS, interrupt};

impl Hart {
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

    /// How many pages it has written lately and may write still, as far as it remembers.
    pub(crate) fn pages_written(&self) -> u32 {
        self.core.stores.len() as u32
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
        let set = csrs.menvcfg & STCE != 0 && csrs.mie & interrupt::STIP != 0 && csrs.stimecmp != u64::MAX;
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
        self.core.csrs = Csrs { lines: self.core.csrs.lines, ..Csrs::new() };
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
