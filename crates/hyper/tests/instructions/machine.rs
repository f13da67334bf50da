//! A hart with memory, a program, and handlers that stop it.

use std::sync::Arc;

use ironloom_hyper::hart::{Exit, Hart, HartConfig, Privilege};
use ironloom_hyper::isa::{Assembler, Label, csr, registers::*};
use ironloom_hyper::{GuestAddress, Memory, MemoryConfig};

pub(crate) const BASE: u64 = 0x8000_0000;
pub(crate) const MEMORY_BYTES: u64 = 4 << 20;
/// Where machine mode handles traps; the supervisor's handler is [`SUPERVISOR`].
pub(crate) const HANDLER: u64 = BASE;
pub(crate) const SUPERVISOR: u64 = BASE + 0x100;
/// Where programs are.
pub(crate) const CODE: u64 = BASE + 0x1000;
/// Where tests put what they like.
pub(crate) const DATA: u64 = BASE + 0x10_0000;

/// `mstatus`: the mode to return to, and the floating registers on.
pub(crate) const MPP: u64 = 3 << 11;
pub(crate) const FLOATS: u64 = 3 << 13;

/// A hart that ran a program.
#[derive(Debug)]
pub(crate) struct Machine {
    pub(crate) hart: Hart,
    pub(crate) memory: Arc<Memory>,
    labels: Vec<u64>,
}

/// How a program ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum End {
    /// It came to its end, in machine mode.
    Done,
    /// It trapped to machine mode.
    Trap { cause: u64, value: u64, pc: u64 },
    /// It trapped to supervisor mode.
    Delegated { cause: u64, value: u64, pc: u64 },
}

impl Machine {
    /// A machine whose hart waits at the beginning of a program, which begins in machine mode with all memory open.
    pub(crate) fn new(write: impl FnOnce(&mut Assembler) -> Vec<Label>) -> Self {
        let memory = Arc::new(Memory::new(MemoryConfig::new(GuestAddress::new(BASE), MEMORY_BYTES)).unwrap());
        for (address, enabled) in [(HANDLER, csr::MIE), (SUPERVISOR, csr::SIE)] {
            let mut handler = Assembler::new(GuestAddress::new(address));
            // Whatever is pending must not wake it.
            handler.csrw(enabled, ZERO).wfi();
            memory.write_bytes(GuestAddress::new(address), handler.finish().unwrap().bytes()).unwrap();
        }
        let mut program = Assembler::new(GuestAddress::new(CODE));
        program.li(T6, HANDLER).csrw(csr::MTVEC, T6).li(T6, SUPERVISOR).csrw(csr::STVEC, T6);
        program.li(T6, u64::MAX >> 10).csrw(csr::PMPADDR0, T6).open(31);
        program.li(T6, FLOATS).csrs(csr::MSTATUS, T6);
        let labels = write(&mut program);
        program.csrw(csr::MIE, ZERO).wfi();
        let program = program.finish().unwrap();
        memory.write_bytes(program.base(), program.bytes()).unwrap();
        let mut hart = Hart::new(HartConfig::new(0), memory.clone()).unwrap();
        hart.set_pc(CODE);
        let labels = labels.into_iter().map(|label| program.address(label).get()).collect();
        Self { hart, memory, labels }
    }

    /// A machine that ran a program to its end.
    pub(crate) fn run(write: impl FnOnce(&mut Assembler)) -> Self {
        Self::run_with(|program| {
            write(program);
            Vec::new()
        })
    }

    /// The same, of whose program some places are to be known.
    pub(crate) fn run_with(write: impl FnOnce(&mut Assembler) -> Vec<Label>) -> Self {
        let mut machine = Self::new(write);
        machine.go();
        machine
    }

    /// Runs to the end or to a handler.
    pub(crate) fn go(&mut self) {
        loop {
            match self.hart.run(10_000_000) {
                Exit::Wait => return,
                Exit::Page { page, access } => self.memory.bring_in(page, access).unwrap(),
                Exit::Read { .. } | Exit::Write { .. } => self.hart.complete(None),
                other => panic!("{other:?} at {:#x}", self.hart.pc()),
            }
        }
    }

    pub(crate) fn end(&self) -> End {
        let csr = |number| self.hart.csr(number).unwrap();
        let at = self.hart.pc();
        if (HANDLER..SUPERVISOR).contains(&at) {
            assert_eq!(self.hart.privilege(), Privilege::Machine);
            End::Trap { cause: csr(csr::MCAUSE), value: csr(csr::MTVAL), pc: csr(csr::MEPC) }
        } else if (SUPERVISOR..CODE).contains(&at) {
            assert_eq!(self.hart.privilege(), Privilege::Supervisor);
            End::Delegated { cause: csr(csr::SCAUSE), value: csr(csr::STVAL), pc: csr(csr::SEPC) }
        } else {
            End::Done
        }
    }

    /// The address of a label that the writer gave back.
    pub(crate) fn label(&self, index: usize) -> u64 {
        self.labels[index]
    }

    pub(crate) fn load(&self, address: u64) -> u64 {
        self.memory.load(GuestAddress::new(address)).unwrap()
    }
}

/// What tests write often.
pub(crate) trait Idioms {
    /// Sets the first region of physical memory protection.
    fn open(&mut self, config: u64) -> &mut Self;
    /// Goes on in a lower mode, at the next instruction.
    fn enter(&mut self, mode: u64) -> &mut Self;
    /// Sets a register.
    fn set(&mut self, csr: u16, value: u64) -> &mut Self;
}

impl Idioms for Assembler {
    fn open(&mut self, config: u64) -> &mut Self {
        self.set(csr::PMPCFG0, config)
    }

    fn enter(&mut self, mode: u64) -> &mut Self {
        let next = self.label();
        self.li(T6, MPP).csrc(csr::MSTATUS, T6).li(T6, mode << 11).csrs(csr::MSTATUS, T6);
        self.la(T6, next).csrw(csr::MEPC, T6).mret().bind(next)
    }

    fn set(&mut self, csr: u16, value: u64) -> &mut Self {
        self.li(T6, value).csrw(csr, T6)
    }
}

/// The two lower modes as `mstatus` writes them.
pub(crate) const U: u64 = 0;
pub(crate) const S: u64 = 1;
