//! Programs without a kernel for each hart of a computer, that touch pages in ways that are known.

use ironloom_hyper::board::layout;
use ironloom_hyper::computer::Kernel;
use ironloom_hyper::isa::{Assembler, registers::*};
use ironloom_hyper::{Computer, ComputerConfig, GuestAddress, PAGE_BYTES};

const MEMORY_BYTES: u64 = 32 << 20;
const TEXT: u64 = layout::MEMORY + (2 << 20);
/// Where harts count that they are through.
const DONE: u64 = layout::MEMORY + (4 << 20);
/// Where hart 1 says that it runs.
const BEGUN: u64 = layout::MEMORY + (6 << 20);
/// Where each hart leaves its result.
const RESULTS: u64 = layout::MEMORY + (5 << 20);
/// What is in memory from the beginning, on the host with the devices.
pub(crate) const DATA: u64 = layout::MEMORY + (8 << 20);
/// How many pages that is.
pub(crate) const DATA_PAGES: u64 = 2_048;
/// What nobody has had.
const OWN: u64 = layout::MEMORY + (24 << 20);

/// What harts do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Program {
    /// Hart 1 reads a word of each page of data, over and over, so many times; hart 0 does nothing.
    Walk { rounds: u64 },
    /// Two harts change words in 64 pages each that nobody else touches, over and over, so many times.
    Private { rounds: u64 },
    /// Two harts write one word in turns, until it is so large.
    Ball { turns: u64 },
    /// Two harts add to counters of their own in the same eight pages, over and over, so many times.
    Crowd { rounds: u64 },
}

impl Program {
    /// A computer that is about to run it. The last hart that is through powers off, with a code of zero if all is as it should
    /// be.
    pub(crate) fn computer(self) -> Computer {
        let mut computer = Computer::new(ComputerConfig::new(MEMORY_BYTES).harts(2)).expect("it is made");
        computer.boot_kernel(&Kernel { image: &self.image(), ..Kernel::default() }).expect("it fits");
        if let Self::Walk { .. } = self {
            for page in 0..DATA_PAGES {
                let address = GuestAddress::new(DATA + page * PAGE_BYTES);
                computer.memory().store(address, page + 1).expect("there is memory");
            }
        }
        computer
    }

    /// What harts 0 and 1 have found out when they are through.
    const fn results(self) -> [u64; 2] {
        match self {
            Self::Walk { rounds } => [0, rounds * (DATA_PAGES * (DATA_PAGES + 1) / 2)],
            Self::Private { rounds } | Self::Crowd { rounds } => [rounds; 2],
            Self::Ball { turns } => [turns; 2],
        }
    }

    fn image(self) -> Vec<u8> {
        const HSM: u64 = 0x0048_534d;
        const RESET: u64 = 0x5352_5354;
        let mut text = Assembler::new(GuestAddress::new(TEXT));
        let (start, part, halt) = (text.label(), text.label(), text.label());
        let (wrong, end) = (text.label(), text.label());
        // Behind the jump: where it belongs from the begin of memory, how much of that it needs, flags, version, magic.
        let text_at = [2 << 20, 64 << 10];
        text.j(start).align(8).dwords(&text_at).zeros(56 - 24).bytes(b"RSC\x05").zeros(4).bind(start);
        text.li(A0, 1).la(A1, part).li(A2, 0).li(A7, HSM).li(A6, 0).ecall().li(A0, 0);
        text.bind(part).mv(S0, A0).li(S1, 0).li(T0, BEGUN);
        // Who sleeps while the other's start is under way lets time go by up to the next timer, and there is none.
        let (wait, begin) = (text.label(), text.label());
        text.beqz(S0, wait).sd(S0, 0, T0).j(begin);
        text.bind(wait).ld(T1, 0, T0).beqz(T1, wait).bind(begin);
        self.write(&mut text);
        text.slli(T0, S0, 12).li(T1, RESULTS).add(T0, T0, T1).sd(S1, 0, T0);
        text.li(T0, DONE).li(T1, 1).amoadd_d(T2, T1, T0).beqz(T2, halt);
        for (hart, result) in self.results().into_iter().enumerate() {
            text.li(T0, RESULTS + hart as u64 * PAGE_BYTES).ld(T1, 0, T0).li(T2, result).bne(T1, T2, wrong);
        }
        text.li(A1, 0).j(end).bind(wrong).li(A1, 1);
        text.bind(end).li(A0, 0).li(A7, RESET).li(A6, 0).ecall();
        text.bind(halt);
        let again = text.here();
        text.wfi().j(again);
        text.finish().expect("every label is bound").bytes().to_vec()
    }

    /// What a hart does: its number is in `s0`, and its result is to be in `s1`.
    fn write(self, text: &mut Assembler) {
        let over = text.label();
        match self {
            Self::Walk { rounds } => {
                text.beqz(S0, over).li(S2, rounds).li(S5, PAGE_BYTES);
                let round = text.here();
                text.li(S3, DATA).li(S4, DATA + DATA_PAGES * PAGE_BYTES);
                let next = text.here();
                text.ld(T0, 0, S3).add(S1, S1, T0).add(S3, S3, S5).bltu(S3, S4, next);
                text.addi(S2, S2, -1).bnez(S2, round);
            }
            Self::Private { rounds } => {
                text.li(S2, rounds).li(S5, PAGE_BYTES).li(S6, OWN).slli(T0, S0, 18).add(S6, S6, T0);
                count(text, 64);
            }
            Self::Crowd { rounds } => {
                text.li(S2, rounds).li(S5, PAGE_BYTES).li(S6, OWN).slli(T0, S0, 6).add(S6, S6, T0);
                count(text, 8);
            }
            Self::Ball { turns } => {
                text.li(S2, OWN).li(S3, turns);
                let wait = text.here();
                text.ld(S1, 0, S2).bgeu(S1, S3, over).andi(T1, S1, 1).bne(T1, S0, wait);
                text.addi(S1, S1, 1).sd(S1, 0, S2).j(wait);
            }
        }
        text.bind(over);
    }
}

/// Adds one to the word at `s6` and to those that are a page after another, `s2` times.
fn count(text: &mut Assembler, pages: u64) {
    let round = text.here();
    text.mv(S3, S6).li(T1, pages * PAGE_BYTES).add(S4, S6, T1);
    let next = text.here();
    text.ld(T0, 0, S3).addi(T0, T0, 1).sd(T0, 0, S3).add(S3, S3, S5).bltu(S3, S4, next);
    text.addi(S2, S2, -1).bnez(S2, round).ld(S1, 0, S6);
}
