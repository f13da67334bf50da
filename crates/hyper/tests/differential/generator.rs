//! Random programs whose result does not depend on where they run: every register, some memory and the floating status,
//! computed by instructions in a row, short branches and small loops, and written out at the end.

use ironloom_core::{Rng, Seed};
use ironloom_hyper::GuestAddress;
use ironloom_hyper::isa::registers::{A0, A1, A2, A7, S1, SP, T4, T5, T6, ZERO};
use ironloom_hyper::isa::{Assembler, FloatRegister, Instruction, Opcode, Program, Register, csr};

/// Where programs are loaded, in both worlds.
pub(crate) const BASE: u64 = 0x8000_0000;
/// The data that a program works on and writes out: memory, then 32 registers, 32 floating ones, and `fcsr`.
pub(crate) const DATA: u64 = BASE + 0x10_0000;
/// The memory among that.
pub(crate) const MEMORY_BYTES: usize = 2048;
/// All of it.
pub(crate) const RESULT_BYTES: usize = MEMORY_BYTES + 65 * 8;

/// Registers that hold addresses and counters and that random instructions leave alone: the data, the data for
/// compressed loads and stores, a counter of loops, an address for atomics, and the data once more.
const RESERVED: [Register; 5] = [SP, S1, T4, T5, T6];

/// What kinds of instructions a program is made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Integers, products, bits and loads and stores.
    Integer,
    /// Atomics among integers.
    Atomic,
    /// Singles and doubles.
    Float,
    /// Compressed instructions.
    Compressed,
    /// All of it.
    Mixed,
}

impl Kind {
    /// All kinds.
    pub(crate) const ALL: [Self; 5] =
        [Self::Integer, Self::Atomic, Self::Float, Self::Compressed, Self::Mixed];

    fn has(self, other: Self) -> bool {
        self == other || self == Self::Mixed
    }
}

/// One program and its data.
#[derive(Debug)]
pub(crate) struct Case {
    /// The instructions, at [`BASE`].
    pub(crate) program: Program,
    /// What lies at [`DATA`] when it starts.
    pub(crate) data: Vec<u8>,
}

/// The program of this seed.
pub(crate) fn generate(seed: u64, kind: Kind, length: usize) -> Case {
    let mut rng = Rng::new(Seed::new(seed));
    let data = data(&mut rng);
    let mut writer = Writer { rng, kind, program: Assembler::new(GuestAddress::new(BASE)) };
    writer.prologue();
    while writer.program.offset() < length as u64 * 4 {
        writer.step();
    }
    writer.epilogue();
    Case { program: writer.program.finish().expect("generated operands fit"), data }
}

fn data(rng: &mut Rng) -> Vec<u8> {
    let memory = (0..MEMORY_BYTES / 8).map(|_| rng.next_u64()).collect::<Vec<_>>();
    let integers = (0..32).map(|_| integer(rng)).collect::<Vec<_>>();
    let floats = (0..32).map(|_| float(rng)).collect::<Vec<_>>();
    let status = rng.below(5) << 5;
    [memory, integers, floats, vec![status]].concat().into_iter().flat_map(u64::to_le_bytes).collect()
}

/// Numbers at the edges as often as any others.
fn integer(rng: &mut Rng) -> u64 {
    let edges = [0, 1, 2, 31, 63, 64, 0x7f, 0xff, 0x7fff, 0x7fff_ffff, 0x8000_0000, 0xffff_ffff, 1 << 63];
    let random = rng.next_u64() >> rng.below(64);
    let chosen = match rng.below(3) {
        0 => edges[rng.below(edges.len() as u64) as usize],
        _ => random,
    };
    if rng.below(3) == 0 { chosen.wrapping_neg() } else { chosen }
}

/// Singles and doubles of all classes, and singles in a box that is none.
fn float(rng: &mut Rng) -> u64 {
    let sign = rng.next_u64() << 63;
    let fraction = rng.next_u64() >> 12;
    let near_one = 0x3f0 + rng.below(32);
    let double = match rng.below(8) {
        0 => 0,
        1 => 0x7ff << 52,
        2 => 0x7ff << 52 | fraction | 1,
        3 => fraction,
        4 => rng.below(0x7ff) << 52 | fraction,
        5 => rng.below(1000).cast_signed().wrapping_neg().unsigned_abs().wrapping_mul(1 << 40) | 0x3ff << 52,
        _ => near_one << 52 | fraction & !(u64::MAX >> rng.below(64).min(40) >> 12),
    };
    let single = match rng.below(8) {
        0 => 0,
        1 => 0xff << 23,
        2 => 0xff << 23 | rng.next_u64() & 0x7f_ffff,
        3 => rng.next_u64() & 0x7f_ffff,
        4 => rng.next_u64() & 0x7fff_ffff,
        _ => (0x70 + rng.below(32)) << 23 | rng.next_u64() & 0x7f_ffff,
    } | sign >> 32;
    match rng.below(5) {
        0 | 1 => sign | double,
        2 | 3 => 0xffff_ffff_0000_0000 | single,
        _ => rng.next_u64() << 32 | single,
    }
}

struct Writer {
    rng: Rng,
    kind: Kind,
    program: Assembler,
}

impl Writer {
    fn prologue(&mut self) {
        let program = &mut self.program;
        program.li(T6, DATA);
        let floats = MEMORY_BYTES as i32 + 256;
        // Offsets of twelve bits do not reach that far, so the pointer moves.
        program.li(T5, floats as u64).add(T5, T5, T6).ld(T4, 256, T5).csrw(csr::FCSR, T4);
        for (register, place) in FloatRegister::all().zip(0..) {
            program.fld(register, place * 8, T5);
        }
        program.addi(T5, T5, -256);
        for (register, place) in Register::all().zip(0..) {
            if !RESERVED.contains(&register) {
                program.ld(register, place * 8, T5);
            }
        }
        program.mv(SP, T6).mv(S1, T6).mv(T5, T6).li(T4, 0);
    }

    fn epilogue(&mut self) {
        let program = &mut self.program;
        program.li(T4, MEMORY_BYTES as u64).add(T5, T4, T6);
        for (register, place) in Register::all().zip(0..) {
            program.sd(register, place * 8, T5);
        }
        program.addi(T5, T5, 256);
        for (register, place) in FloatRegister::all().zip(0..) {
            program.fsd(register, place * 8, T5);
        }
        program.csrr(T4, csr::FCSR).sd(T4, 256, T5);
        program.li(A0, 1).li(A1, DATA).li(A2, RESULT_BYTES as u64).li(A7, 64).ecall();
        program.li(A0, 0).li(A7, 93).ecall();
    }

    fn step(&mut self) {
        match self.rng.below(24) {
            0 => self.skip(),
            1 => self.repeat(),
            2 => self.jump(),
            _ => self.plain(),
        }
    }

    /// One instruction, or a few that belong together, without a jump.
    fn plain(&mut self) {
        let kind = self.kind;
        match self.rng.below(10) {
            0 => self.load_or_store(),
            1..=5 if kind.has(Kind::Float) => self.floating(),
            3..=6 if kind.has(Kind::Compressed) => self.compressed(),
            7..=8 if kind.has(Kind::Atomic) => self.atomic(),
            _ => self.integer(),
        }
    }

    fn integer(&mut self) {
        let instruction = self.instruction(|opcode| {
            matches!(opcode, Opcode::Lui | Opcode::Auipc | Opcode::Fence)
                || (Opcode::Addi..=Opcode::Sraw).contains(&opcode)
                || (Opcode::Mul..=Opcode::Remuw).contains(&opcode)
                // qemu before 8.0 counts the zeros of all 64 bits.
                || (Opcode::AddUw..=Opcode::Bseti).contains(&opcode) && opcode != Opcode::Ctzw
        });
        self.program.emit(instruction);
    }

    fn floating(&mut self) {
        match self.rng.below(16) {
            0 => self.float_status(),
            1 => {
                // Fresh numbers, for whatever is computed for long becomes a NaN.
                let value = float(&mut self.rng);
                let register = FloatRegister::new(self.rng.below(32) as u8);
                self.program.li(T5, value).fmv_d_x(register, T5);
            }
            _ => {
                let mut instruction = self.instruction(|opcode| {
                    (Opcode::FmaddS..=Opcode::FmvWX).contains(&opcode)
                        || (Opcode::FmaddD..=Opcode::FmvDX).contains(&opcode)
                });
                if instruction.mode == 5 || instruction.mode == 6 {
                    instruction.mode = 7;
                }
                self.program.emit(instruction);
            }
        }
    }

    fn float_status(&mut self) {
        let rd = self.target();
        let mode = self.rng.below(5) as u8;
        let flags = self.rng.below(32) as u8;
        match self.rng.below(5) {
            0 => self.program.csrrwi(rd, csr::FRM, mode),
            1 => self.program.csrrwi(rd, csr::FFLAGS, flags),
            2 => self.program.csrrsi(rd, csr::FFLAGS, flags),
            3 => self.program.csrrci(rd, csr::FFLAGS, flags),
            _ => self.program.frcsr(rd),
        };
    }

    fn load_or_store(&mut self) {
        let is_float = self.kind.has(Kind::Float);
        let mut instruction = self.instruction(|opcode| {
            (Opcode::Lb..=Opcode::Sd).contains(&opcode)
                || is_float && matches!(opcode, Opcode::Flw | Opcode::Fld | Opcode::Fsw | Opcode::Fsd)
        });
        instruction.rs1 = T6.number();
        instruction.immediate &= MEMORY_BYTES as i32 - 1;
        // Aligned half of the time, so that loads meet what was stored.
        if self.rng.below(2) == 0 {
            instruction.immediate &= !7;
        }
        instruction.immediate = instruction.immediate.min(MEMORY_BYTES as i32 - 8);
        self.program.emit(instruction);
    }

    fn atomic(&mut self) {
        let offset = self.rng.below(MEMORY_BYTES as u64 / 8) as i32 * 8;
        self.program.addi(T5, T6, offset);
        if self.rng.below(4) == 0 {
            let (rd, result) = (self.target(), self.target());
            let source = Register::new(self.rng.below(32) as u8);
            match self.rng.below(2) {
                0 => self.program.lr_w(rd, T5).add(rd, rd, source).sc_w(result, rd, T5),
                _ => self.program.lr_d(rd, T5).add(rd, rd, source).sc_d(result, rd, T5),
            };
            return;
        }
        let mut instruction = self.instruction(|opcode| {
            (Opcode::AmoswapW..=Opcode::AmomaxuW).contains(&opcode)
                || (Opcode::AmoswapD..=Opcode::AmomaxuD).contains(&opcode)
        });
        instruction.rs1 = T5.number();
        self.program.emit(instruction);
    }

    /// A half word that neither jumps nor leaves its registers.
    fn compressed(&mut self) {
        loop {
            let half = self.rng.next_u64() as u16;
            let Some(instruction) = (half & 3 != 3).then(|| Instruction::decode(half.into())).flatten()
            else {
                continue;
            };
            let is_pointed = instruction.rs1 == SP.number() || instruction.rs1 == S1.number();
            let is_float = matches!(instruction.opcode, Opcode::Fld | Opcode::Fsd);
            let is_allowed = match instruction.opcode {
                Opcode::Jal | Opcode::Jalr | Opcode::Beq | Opcode::Bne | Opcode::Ebreak => false,
                Opcode::Fld | Opcode::Fsd | Opcode::Lw | Opcode::Ld | Opcode::Sw | Opcode::Sd => is_pointed,
                _ => true,
            };
            if is_allowed && (is_float || !RESERVED.contains(&Register::new(instruction.rd))) {
                self.program.half(half);
                return;
            }
        }
    }

    /// A branch over a few instructions.
    fn skip(&mut self) {
        let end = self.program.label();
        let [one, other] = [(); 2].map(|()| Register::new(self.rng.below(32) as u8));
        match self.rng.below(6) {
            0 => self.program.beq(one, other, end),
            1 => self.program.bne(one, other, end),
            2 => self.program.blt(one, other, end),
            3 => self.program.bge(one, other, end),
            4 => self.program.bltu(one, other, end),
            _ => self.program.bgeu(one, other, end),
        };
        self.several();
        self.program.bind(end);
    }

    /// A loop of a few turns.
    fn repeat(&mut self) {
        let turns = 1 + self.rng.below(5);
        let again = self.program.li(T4, turns).here();
        self.several();
        self.program.addi(T4, T4, -1).bnez(T4, again);
    }

    /// A jump over a few instructions, with or without a link, near or through a register.
    fn jump(&mut self) {
        let end = self.program.label();
        let link = if self.rng.below(2) == 0 { ZERO } else { self.target() };
        match self.rng.below(2) {
            0 => self.program.jal(link, end),
            _ => self.program.la(T5, end).jalr(link, 0, T5),
        };
        self.several();
        self.program.bind(end);
    }

    fn several(&mut self) {
        for _ in 0..=self.rng.below(4) {
            self.plain();
        }
    }

    /// A register that may be written.
    fn target(&mut self) -> Register {
        loop {
            let register = Register::new(self.rng.below(32) as u8);
            if !RESERVED.contains(&register) {
                return register;
            }
        }
    }

    /// An instruction with one of these opcodes and with any operands, whose `rd` may be written.
    fn instruction(&mut self, is_wanted: impl Fn(Opcode) -> bool) -> Instruction {
        let opcodes = Opcode::all().filter(|opcode| is_wanted(*opcode)).collect::<Vec<_>>();
        let opcode = opcodes[self.rng.below(opcodes.len() as u64) as usize];
        let (pattern, mask) = opcode.pattern();
        loop {
            let word = pattern | self.rng.next_u64() as u32 & !mask;
            let instruction = Instruction::decode(word).expect("a pattern and operands are an instruction");
            let is_safe = !RESERVED.contains(&Register::new(instruction.rd));
            if instruction.opcode == opcode && is_safe {
                return instruction;
            }
        }
    }
}
