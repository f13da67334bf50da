//! The table from which instructions are decoded, encoded and named: one row for each opcode.
//!
//! A row names the bits that make an instruction what it is, as the manual prints them:
//!
//! ```text
//!  31          20 19   15 14    12 11  7 6     0
//! +--------------+-------+--------+-----+-------+
//! |    upper     |  rs1  | funct3 | rd  | major |
//! +--------------+-------+--------+-----+-------+
//! ```
//!
//! Which of these bits are fixed follows from the [`Format`], and the rest are operands.

use super::Opcode::{self, *};

/// How the operands of an instruction lie in its bits, and how they are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Format {
    /// `rd, imm[31:12]`.
    Upper,
    /// `rd, target`.
    Jump,
    /// `rd, imm(rs1)`.
    Load,
    /// `rs1, rs2, target`.
    Branch,
    /// `rs2, imm(rs1)`.
    Store,
    /// `rd, rs1, imm`.
    Immediate,
    /// `rd, rs1, amount` of six bits.
    Shift,
    /// `rd, rs1, amount` of five bits.
    ShiftWord,
    /// `rd, rs1, rs2`.
    Register,
    /// `rd, rs1`.
    Unary,
    /// `before, after`: sets of accesses. `rd` and `rs1` are ignored.
    Barrier,
    /// A fence whose twelve bits are part of what it is. `rd` and `rs1` are ignored.
    BarrierKind,
    /// A fence that has no operands. All that could be one is ignored.
    BarrierPlain,
    /// No operands.
    Exact,
    /// `rs1, rs2`: an address and an address space.
    Translation,
    /// `rd, csr, rs1`.
    Csr,
    /// `rd, csr, imm` of five bits.
    CsrImmediate,
    /// `rd, (rs1)` with order.
    LoadReserved,
    /// `rd, rs2, (rs1)` with order.
    Atomic,
    /// `rd, imm(rs1)` into a floating register.
    FloatLoad,
    /// `rs2, imm(rs1)` of a floating register.
    FloatStore,
    /// `rd, rs1, rs2, rs3, mode`.
    Fused,
    /// `rd, rs1, rs2, mode`.
    FloatRounded,
    /// `rd, rs1, rs2`, never rounded.
    Float,
    /// `rd, rs1, rs2` with an integer `rd`.
    FloatCompare,
    /// `rd, rs1, mode`.
    FloatUnary,
    /// `rd, rs1, mode` with an integer `rd`.
    FloatToInteger,
    /// `rd, rs1, mode` with an integer `rs1`.
    IntegerToFloat,
    /// `rd, rs1` with an integer `rd`.
    FloatToBits,
    /// `rd, rs1` with an integer `rs1`.
    BitsToFloat,
}

impl Format {
    /// The bits that are not operands.
    const fn mask(self) -> u32 {
        const MAJOR: u32 = 0x7f;
        const FUNCT3: u32 = 0x7000;
        const RD: u32 = 0xf80;
        const RS1: u32 = 0xf_8000;
        const FUNCT7: u32 = 0xfe00_0000;
        const UPPER: u32 = 0xfff0_0000;
        match self {
            Self::Upper | Self::Jump => MAJOR,
            Self::Load
            | Self::Branch
            | Self::Store
            | Self::Immediate
            | Self::Barrier
            | Self::BarrierPlain
            | Self::Csr
            | Self::CsrImmediate
            | Self::FloatLoad
            | Self::FloatStore => MAJOR | FUNCT3,
            Self::Shift => MAJOR | FUNCT3 | 0xfc00_0000,
            Self::Register | Self::ShiftWord | Self::Float | Self::FloatCompare => MAJOR | FUNCT3 | FUNCT7,
            Self::Unary | Self::BarrierKind | Self::FloatToBits | Self::BitsToFloat => MAJOR | FUNCT3 | UPPER,
            Self::Exact => MAJOR | RD | FUNCT3 | RS1 | UPPER,
            Self::Translation => MAJOR | RD | FUNCT3 | FUNCT7,
            Self::LoadReserved => MAJOR | FUNCT3 | 0xf9f0_0000,
            Self::Atomic => MAJOR | FUNCT3 | 0xf800_0000,
            Self::Fused => MAJOR | 0x0600_0000,
            Self::FloatRounded => MAJOR | FUNCT7,
            Self::FloatUnary | Self::FloatToInteger | Self::IntegerToFloat => MAJOR | UPPER,
        }
    }
}

/// What is known of one opcode.
#[derive(Debug, Clone, Copy)]
pub(super) struct Row {
    /// The opcode, which is also the place of the row.
    pub(super) opcode: Opcode,
    /// What assemblers call it.
    pub(super) mnemonic: &'static str,
    /// Its operands.
    pub(super) format: Format,
    /// The bits under the mask.
    pub(super) pattern: u32,
    /// Which bits make it this instruction.
    pub(super) mask: u32,
}

const fn row(
    opcode: Opcode,
    mnemonic: &'static str,
    format: Format,
    major: u32,
    funct3: u32,
    upper: u32,
) -> Row {
    Row { opcode, mnemonic, format, pattern: upper << 20 | funct3 << 12 | major, mask: format.mask() }
}

impl Opcode {
    /// The row of this opcode.
    pub(super) const fn row(self) -> &'static Row {
        &TABLE[self as usize]
    }

    /// Every opcode, in the order of their declaration.
    pub fn all() -> impl Iterator<Item = Self> {
        TABLE.iter().map(|row| row.opcode)
    }

    /// The bits that make a word this instruction, and the mask of where they are. The rest are operands.
    #[must_use]
    pub const fn pattern(self) -> (u32, u32) {
        (self.row().pattern, self.row().mask)
    }

    /// What assemblers call it: `amoswap.w`, without order and rounding mode.
    #[must_use]
    pub const fn mnemonic(self) -> &'static str {
        self.row().mnemonic
    }
}

const _: () = {
    let mut place = 0;
    while place < ROWS {
        let row = &TABLE[place];
        assert!(row.opcode as usize == place, "rows stand in the order of the opcodes");
        assert!(row.pattern & !row.mask == 0, "a pattern has bits that are operands");
        place += 1;
    }
};

use Format::*;

/// How many opcodes there are.
pub(super) const ROWS: usize = 205;

#[rustfmt::skip]
pub(super) static TABLE: [Row; ROWS] = [
    // RV64I
    row(Lui, "lui", Upper, 0x37, 0, 0x000),
    row(Auipc, "auipc", Upper, 0x17, 0, 0x000),
    row(Jal, "jal", Jump, 0x6f, 0, 0x000),
    row(Jalr, "jalr", Load, 0x67, 0, 0x000),
    row(Beq, "beq", Branch, 0x63, 0, 0x000),
    row(Bne, "bne", Branch, 0x63, 1, 0x000),
    row(Blt, "blt", Branch, 0x63, 4, 0x000),
    row(Bge, "bge", Branch, 0x63, 5, 0x000),
    row(Bltu, "bltu", Branch, 0x63, 6, 0x000),
    row(Bgeu, "bgeu", Branch, 0x63, 7, 0x000),
    row(Lb, "lb", Load, 0x03, 0, 0x000),
    row(Lh, "lh", Load, 0x03, 1, 0x000),
    row(Lw, "lw", Load, 0x03, 2, 0x000),
    row(Ld, "ld", Load, 0x03, 3, 0x000),
    row(Lbu, "lbu", Load, 0x03, 4, 0x000),
    row(Lhu, "lhu", Load, 0x03, 5, 0x000),
    row(Lwu, "lwu", Load, 0x03, 6, 0x000),
    row(Sb, "sb", Store, 0x23, 0, 0x000),
    row(Sh, "sh", Store, 0x23, 1, 0x000),
    row(Sw, "sw", Store, 0x23, 2, 0x000),
    row(Sd, "sd", Store, 0x23, 3, 0x000),
    row(Addi, "addi", Immediate, 0x13, 0, 0x000),
    row(Slti, "slti", Immediate, 0x13, 2, 0x000),
    row(Sltiu, "sltiu", Immediate, 0x13, 3, 0x000),
    row(Xori, "xori", Immediate, 0x13, 4, 0x000),
    row(Ori, "ori", Immediate, 0x13, 6, 0x000),
    row(Andi, "andi", Immediate, 0x13, 7, 0x000),
    row(Slli, "slli", Shift, 0x13, 1, 0x000),
    row(Srli, "srli", Shift, 0x13, 5, 0x000),
    row(Srai, "srai", Shift, 0x13, 5, 0x400),
    row(Add, "add", Register, 0x33, 0, 0x000),
    row(Sub, "sub", Register, 0x33, 0, 0x400),
    row(Sll, "sll", Register, 0x33, 1, 0x000),
    row(Slt, "slt", Register, 0x33, 2, 0x000),
    row(Sltu, "sltu", Register, 0x33, 3, 0x000),
    row(Xor, "xor", Register, 0x33, 4, 0x000),
    row(Srl, "srl", Register, 0x33, 5, 0x000),
    row(Sra, "sra", Register, 0x33, 5, 0x400),
    row(Or, "or", Register, 0x33, 6, 0x000),
    row(And, "and", Register, 0x33, 7, 0x000),
    row(Addiw, "addiw", Immediate, 0x1b, 0, 0x000),
    row(Slliw, "slliw", ShiftWord, 0x1b, 1, 0x000),
    row(Srliw, "srliw", ShiftWord, 0x1b, 5, 0x000),
    row(Sraiw, "sraiw", ShiftWord, 0x1b, 5, 0x400),
    row(Addw, "addw", Register, 0x3b, 0, 0x000),
    row(Subw, "subw", Register, 0x3b, 0, 0x400),
    row(Sllw, "sllw", Register, 0x3b, 1, 0x000),
    row(Srlw, "srlw", Register, 0x3b, 5, 0x000),
    row(Sraw, "sraw", Register, 0x3b, 5, 0x400),
    row(Fence, "fence", Barrier, 0x0f, 0, 0x000),
    row(FenceTso, "fence.tso", BarrierKind, 0x0f, 0, 0x833),
    row(Pause, "pause", Exact, 0x0f, 0, 0x010),
    row(FenceI, "fence.i", BarrierPlain, 0x0f, 1, 0x000),
    row(Ecall, "ecall", Exact, 0x73, 0, 0x000),
    row(Ebreak, "ebreak", Exact, 0x73, 0, 0x001),
    // Privileged
    row(Sret, "sret", Exact, 0x73, 0, 0x102),
    row(Mret, "mret", Exact, 0x73, 0, 0x302),
    row(Wfi, "wfi", Exact, 0x73, 0, 0x105),
    row(SfenceVma, "sfence.vma", Translation, 0x73, 0, 0x120),
    row(SinvalVma, "sinval.vma", Translation, 0x73, 0, 0x160),
    row(SfenceWInval, "sfence.w.inval", Exact, 0x73, 0, 0x180),
    row(SfenceInvalIr, "sfence.inval.ir", Exact, 0x73, 0, 0x181),
    // Zicsr
    row(Csrrw, "csrrw", Csr, 0x73, 1, 0x000),
    row(Csrrs, "csrrs", Csr, 0x73, 2, 0x000),
    row(Csrrc, "csrrc", Csr, 0x73, 3, 0x000),
    row(Csrrwi, "csrrwi", CsrImmediate, 0x73, 5, 0x000),
    row(Csrrsi, "csrrsi", CsrImmediate, 0x73, 6, 0x000),
    row(Csrrci, "csrrci", CsrImmediate, 0x73, 7, 0x000),
    // M
    row(Mul, "mul", Register, 0x33, 0, 0x020),
    row(Mulh, "mulh", Register, 0x33, 1, 0x020),
    row(Mulhsu, "mulhsu", Register, 0x33, 2, 0x020),
    row(Mulhu, "mulhu", Register, 0x33, 3, 0x020),
    row(Div, "div", Register, 0x33, 4, 0x020),
    row(Divu, "divu", Register, 0x33, 5, 0x020),
    row(Rem, "rem", Register, 0x33, 6, 0x020),
    row(Remu, "remu", Register, 0x33, 7, 0x020),
    row(Mulw, "mulw", Register, 0x3b, 0, 0x020),
    row(Divw, "divw", Register, 0x3b, 4, 0x020),
    row(Divuw, "divuw", Register, 0x3b, 5, 0x020),
    row(Remw, "remw", Register, 0x3b, 6, 0x020),
    row(Remuw, "remuw", Register, 0x3b, 7, 0x020),
    // A
    row(LrW, "lr.w", LoadReserved, 0x2f, 2, 0x100),
    row(ScW, "sc.w", Atomic, 0x2f, 2, 0x180),
    row(AmoswapW, "amoswap.w", Atomic, 0x2f, 2, 0x080),
    row(AmoaddW, "amoadd.w", Atomic, 0x2f, 2, 0x000),
    row(AmoxorW, "amoxor.w", Atomic, 0x2f, 2, 0x200),
    row(AmoandW, "amoand.w", Atomic, 0x2f, 2, 0x600),
    row(AmoorW, "amoor.w", Atomic, 0x2f, 2, 0x400),
    row(AmominW, "amomin.w", Atomic, 0x2f, 2, 0x800),
    row(AmomaxW, "amomax.w", Atomic, 0x2f, 2, 0xa00),
    row(AmominuW, "amominu.w", Atomic, 0x2f, 2, 0xc00),
    row(AmomaxuW, "amomaxu.w", Atomic, 0x2f, 2, 0xe00),
    row(LrD, "lr.d", LoadReserved, 0x2f, 3, 0x100),
    row(ScD, "sc.d", Atomic, 0x2f, 3, 0x180),
    row(AmoswapD, "amoswap.d", Atomic, 0x2f, 3, 0x080),
    row(AmoaddD, "amoadd.d", Atomic, 0x2f, 3, 0x000),
    row(AmoxorD, "amoxor.d", Atomic, 0x2f, 3, 0x200),
    row(AmoandD, "amoand.d", Atomic, 0x2f, 3, 0x600),
    row(AmoorD, "amoor.d", Atomic, 0x2f, 3, 0x400),
    row(AmominD, "amomin.d", Atomic, 0x2f, 3, 0x800),
    row(AmomaxD, "amomax.d", Atomic, 0x2f, 3, 0xa00),
    row(AmominuD, "amominu.d", Atomic, 0x2f, 3, 0xc00),
    row(AmomaxuD, "amomaxu.d", Atomic, 0x2f, 3, 0xe00),
    // F
    row(Flw, "flw", FloatLoad, 0x07, 2, 0x000),
    row(Fsw, "fsw", FloatStore, 0x27, 2, 0x000),
    row(FmaddS, "fmadd.s", Fused, 0x43, 0, 0x000),
    row(FmsubS, "fmsub.s", Fused, 0x47, 0, 0x000),
    row(FnmsubS, "fnmsub.s", Fused, 0x4b, 0, 0x000),
    row(FnmaddS, "fnmadd.s", Fused, 0x4f, 0, 0x000),
    row(FaddS, "fadd.s", FloatRounded, 0x53, 0, 0x000),
    row(FsubS, "fsub.s", FloatRounded, 0x53, 0, 0x080),
    row(FmulS, "fmul.s", FloatRounded, 0x53, 0, 0x100),
    row(FdivS, "fdiv.s", FloatRounded, 0x53, 0, 0x180),
    row(FsqrtS, "fsqrt.s", FloatUnary, 0x53, 0, 0x580),
    row(FsgnjS, "fsgnj.s", Float, 0x53, 0, 0x200),
    row(FsgnjnS, "fsgnjn.s", Float, 0x53, 1, 0x200),
    row(FsgnjxS, "fsgnjx.s", Float, 0x53, 2, 0x200),
    row(FminS, "fmin.s", Float, 0x53, 0, 0x280),
    row(FmaxS, "fmax.s", Float, 0x53, 1, 0x280),
    row(FcvtWS, "fcvt.w.s", FloatToInteger, 0x53, 0, 0xc00),
    row(FcvtWuS, "fcvt.wu.s", FloatToInteger, 0x53, 0, 0xc01),
    row(FcvtLS, "fcvt.l.s", FloatToInteger, 0x53, 0, 0xc02),
    row(FcvtLuS, "fcvt.lu.s", FloatToInteger, 0x53, 0, 0xc03),
    row(FmvXW, "fmv.x.w", FloatToBits, 0x53, 0, 0xe00),
    row(FeqS, "feq.s", FloatCompare, 0x53, 2, 0xa00),
    row(FltS, "flt.s", FloatCompare, 0x53, 1, 0xa00),
    row(FleS, "fle.s", FloatCompare, 0x53, 0, 0xa00),
    row(FclassS, "fclass.s", FloatToBits, 0x53, 1, 0xe00),
    row(FcvtSW, "fcvt.s.w", IntegerToFloat, 0x53, 0, 0xd00),
    row(FcvtSWu, "fcvt.s.wu", IntegerToFloat, 0x53, 0, 0xd01),
    row(FcvtSL, "fcvt.s.l", IntegerToFloat, 0x53, 0, 0xd02),
    row(FcvtSLu, "fcvt.s.lu", IntegerToFloat, 0x53, 0, 0xd03),
    row(FmvWX, "fmv.w.x", BitsToFloat, 0x53, 0, 0xf00),
    // D
    row(Fld, "fld", FloatLoad, 0x07, 3, 0x000),
    row(Fsd, "fsd", FloatStore, 0x27, 3, 0x000),
    row(FmaddD, "fmadd.d", Fused, 0x43, 0, 0x020),
    row(FmsubD, "fmsub.d", Fused, 0x47, 0, 0x020),
    row(FnmsubD, "fnmsub.d", Fused, 0x4b, 0, 0x020),
    row(FnmaddD, "fnmadd.d", Fused, 0x4f, 0, 0x020),
    row(FaddD, "fadd.d", FloatRounded, 0x53, 0, 0x020),
    row(FsubD, "fsub.d", FloatRounded, 0x53, 0, 0x0a0),
    row(FmulD, "fmul.d", FloatRounded, 0x53, 0, 0x120),
    row(FdivD, "fdiv.d", FloatRounded, 0x53, 0, 0x1a0),
    row(FsqrtD, "fsqrt.d", FloatUnary, 0x53, 0, 0x5a0),
    row(FsgnjD, "fsgnj.d", Float, 0x53, 0, 0x220),
    row(FsgnjnD, "fsgnjn.d", Float, 0x53, 1, 0x220),
    row(FsgnjxD, "fsgnjx.d", Float, 0x53, 2, 0x220),
    row(FminD, "fmin.d", Float, 0x53, 0, 0x2a0),
    row(FmaxD, "fmax.d", Float, 0x53, 1, 0x2a0),
    row(FcvtSD, "fcvt.s.d", FloatUnary, 0x53, 0, 0x401),
    row(FcvtDS, "fcvt.d.s", FloatUnary, 0x53, 0, 0x420),
    row(FeqD, "feq.d", FloatCompare, 0x53, 2, 0xa20),
    row(FltD, "flt.d", FloatCompare, 0x53, 1, 0xa20),
    row(FleD, "fle.d", FloatCompare, 0x53, 0, 0xa20),
    row(FclassD, "fclass.d", FloatToBits, 0x53, 1, 0xe20),
    row(FcvtWD, "fcvt.w.d", FloatToInteger, 0x53, 0, 0xc20),
    row(FcvtWuD, "fcvt.wu.d", FloatToInteger, 0x53, 0, 0xc21),
    row(FcvtLD, "fcvt.l.d", FloatToInteger, 0x53, 0, 0xc22),
    row(FcvtLuD, "fcvt.lu.d", FloatToInteger, 0x53, 0, 0xc23),
    row(FmvXD, "fmv.x.d", FloatToBits, 0x53, 0, 0xe20),
    row(FcvtDW, "fcvt.d.w", IntegerToFloat, 0x53, 0, 0xd20),
    row(FcvtDWu, "fcvt.d.wu", IntegerToFloat, 0x53, 0, 0xd21),
    row(FcvtDL, "fcvt.d.l", IntegerToFloat, 0x53, 0, 0xd22),
    row(FcvtDLu, "fcvt.d.lu", IntegerToFloat, 0x53, 0, 0xd23),
    row(FmvDX, "fmv.d.x", BitsToFloat, 0x53, 0, 0xf20),
    // Zba
    row(AddUw, "add.uw", Register, 0x3b, 0, 0x080),
    row(Sh1add, "sh1add", Register, 0x33, 2, 0x200),
    row(Sh1addUw, "sh1add.uw", Register, 0x3b, 2, 0x200),
    row(Sh2add, "sh2add", Register, 0x33, 4, 0x200),
    row(Sh2addUw, "sh2add.uw", Register, 0x3b, 4, 0x200),
    row(Sh3add, "sh3add", Register, 0x33, 6, 0x200),
    row(Sh3addUw, "sh3add.uw", Register, 0x3b, 6, 0x200),
    row(SlliUw, "slli.uw", Shift, 0x1b, 1, 0x080),
    // Zbb
    row(Andn, "andn", Register, 0x33, 7, 0x400),
    row(Orn, "orn", Register, 0x33, 6, 0x400),
    row(Xnor, "xnor", Register, 0x33, 4, 0x400),
    row(Clz, "clz", Unary, 0x13, 1, 0x600),
    row(Clzw, "clzw", Unary, 0x1b, 1, 0x600),
    row(Ctz, "ctz", Unary, 0x13, 1, 0x601),
    row(Ctzw, "ctzw", Unary, 0x1b, 1, 0x601),
    row(Cpop, "cpop", Unary, 0x13, 1, 0x602),
    row(Cpopw, "cpopw", Unary, 0x1b, 1, 0x602),
    row(Max, "max", Register, 0x33, 6, 0x0a0),
    row(Maxu, "maxu", Register, 0x33, 7, 0x0a0),
    row(Min, "min", Register, 0x33, 4, 0x0a0),
    row(Minu, "minu", Register, 0x33, 5, 0x0a0),
    row(SextB, "sext.b", Unary, 0x13, 1, 0x604),
    row(SextH, "sext.h", Unary, 0x13, 1, 0x605),
    row(ZextH, "zext.h", Unary, 0x3b, 4, 0x080),
    row(Rol, "rol", Register, 0x33, 1, 0x600),
    row(Rolw, "rolw", Register, 0x3b, 1, 0x600),
    row(Ror, "ror", Register, 0x33, 5, 0x600),
    row(Rori, "rori", Shift, 0x13, 5, 0x600),
    row(Roriw, "roriw", ShiftWord, 0x1b, 5, 0x600),
    row(Rorw, "rorw", Register, 0x3b, 5, 0x600),
    row(OrcB, "orc.b", Unary, 0x13, 5, 0x287),
    row(Rev8, "rev8", Unary, 0x13, 5, 0x6b8),
    // Zbs
    row(Bclr, "bclr", Register, 0x33, 1, 0x480),
    row(Bclri, "bclri", Shift, 0x13, 1, 0x480),
    row(Bext, "bext", Register, 0x33, 5, 0x480),
    row(Bexti, "bexti", Shift, 0x13, 5, 0x480),
    row(Binv, "binv", Register, 0x33, 1, 0x680),
    row(Binvi, "binvi", Shift, 0x13, 1, 0x680),
    row(Bset, "bset", Register, 0x33, 1, 0x280),
    row(Bseti, "bseti", Shift, 0x13, 1, 0x280),
];
