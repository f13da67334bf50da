//! From an instruction to the operation that carries it out.

use super::core::SINK;
use super::ops::{access, atomic, control, float, integer};
use super::raw::{Handler, Op};
use crate::isa::{Instruction, Opcode};

/// What an instruction becomes.
#[derive(Debug, Clone, Copy)]
pub(super) enum Decoded {
    /// An operation in the middle of a block.
    Operation(Op),
    /// One that ends it.
    End(Op),
}

/// The end of a block that goes on with the bytes after it.
pub(super) fn onward(distance: i32) -> Op {
    Op { run: control::onward, imm: distance, rd: SINK, rs1: 0, rs2: 0, at: 0 }
}

/// The operation for an instruction `at` so many halfwords after the beginning of its block; if harts run `freely`
/// beside each other, with regard for them.
pub(super) fn decode(instruction: Option<Instruction>, bits: u32, at: u8, freely: bool) -> Decoded {
    let system = Decoded::End(Op { run: control::system, imm: bits as i32, rd: SINK, rs1: 0, rs2: 0, at });
    let Some(instruction) = instruction else { return system };
    let Instruction { opcode, rs1, rs2, immediate, .. } = instruction;
    let rd = if instruction.rd == 0 { SINK } else { instruction.rd };
    if let Some(run) = plain(opcode) {
        return Decoded::Operation(Op { run, imm: immediate, rd, rs1, rs2, at });
    }
    if let Some(run) = store(opcode, freely) {
        return Decoded::Operation(Op { run, imm: immediate, rd, rs1, rs2, at });
    }
    if let Some((run, operands)) = floating(opcode, freely) {
        return Decoded::Operation(operands.place(instruction, run, at));
    }
    let relative = i32::from(at) * 2 + immediate;
    if let Some(run) = branch(opcode) {
        return Decoded::End(Op { run, imm: relative, rd: instruction.length, rs1, rs2, at });
    }
    match opcode {
        Opcode::Jal => {
            Decoded::End(Op { run: control::jal, imm: relative, rd, rs1: instruction.length, rs2: 0, at })
        }
        Opcode::Jalr => {
            Decoded::End(Op { run: control::jalr, imm: immediate, rd, rs1, rs2: instruction.length, at })
        }
        _ => system,
    }
}

fn branch(opcode: Opcode) -> Option<Handler> {
    Some(match opcode {
        Opcode::Beq => control::beq,
        Opcode::Bne => control::bne,
        Opcode::Blt => control::blt,
        Opcode::Bge => control::bge,
        Opcode::Bltu => control::bltu,
        Opcode::Bgeu => control::bgeu,
        _ => return None,
    })
}

fn store(opcode: Opcode, freely: bool) -> Option<Handler> {
    let (alone, beside): (Handler, Handler) = match opcode {
        Opcode::Sb => (access::sb, access::sb_freely),
        Opcode::Sh => (access::sh, access::sh_freely),
        Opcode::Sw => (access::sw, access::sw_freely),
        Opcode::Sd => (access::sd, access::sd_freely),
        _ => return None,
    };
    Some(if freely { beside } else { alone })
}

/// Operations on integers whose operands are as the instruction has them.
#[rustfmt::skip]
fn plain(opcode: Opcode) -> Option<Handler> {
    use Opcode as O;
    Some(match opcode {
        O::Lui => integer::lui, O::Auipc => integer::auipc,
        O::Lb => access::lb, O::Lh => access::lh, O::Lw => access::lw, O::Ld => access::ld,
        O::Lbu => access::lbu, O::Lhu => access::lhu, O::Lwu => access::lwu,
        O::Addi => integer::addi, O::Slti => integer::slti, O::Sltiu => integer::sltiu,
        O::Xori => integer::xori, O::Ori => integer::ori, O::Andi => integer::andi,
        O::Slli => integer::slli, O::Srli => integer::srli, O::Srai => integer::srai,
        O::Add => integer::add, O::Sub => integer::sub, O::Sll => integer::sll, O::Slt => integer::slt,
        O::Sltu => integer::sltu, O::Xor => integer::xor, O::Srl => integer::srl, O::Sra => integer::sra,
        O::Or => integer::or, O::And => integer::and,
        O::Addiw => integer::addiw, O::Slliw => integer::slliw, O::Srliw => integer::srliw, O::Sraiw => integer::sraiw,
        O::Addw => integer::addw, O::Subw => integer::subw, O::Sllw => integer::sllw, O::Srlw => integer::srlw,
        O::Sraw => integer::sraw,
        O::Fence | O::FenceTso => atomic::fence,
        O::Mul => integer::mul, O::Mulh => integer::mulh, O::Mulhsu => integer::mulhsu, O::Mulhu => integer::mulhu,
        O::Div => integer::div, O::Divu => integer::divu, O::Rem => integer::rem, O::Remu => integer::remu,
        O::Mulw => integer::mulw, O::Divw => integer::divw, O::Divuw => integer::divuw, O::Remw => integer::remw,
        O::Remuw => integer::remuw,
        O::LrW => atomic::lr_w, O::ScW => atomic::sc_w, O::LrD => atomic::lr_d, O::ScD => atomic::sc_d,
        O::AmoswapW => atomic::amoswap_w, O::AmoaddW => atomic::amoadd_w, O::AmoxorW => atomic::amoxor_w,
        O::AmoandW => atomic::amoand_w, O::AmoorW => atomic::amoor_w, O::AmominW => atomic::amomin_w,
        O::AmomaxW => atomic::amomax_w, O::AmominuW => atomic::amominu_w, O::AmomaxuW => atomic::amomaxu_w,
        O::AmoswapD => atomic::amoswap_d, O::AmoaddD => atomic::amoadd_d, O::AmoxorD => atomic::amoxor_d,
        O::AmoandD => atomic::amoand_d, O::AmoorD => atomic::amoor_d, O::AmominD => atomic::amomin_d,
        O::AmomaxD => atomic::amomax_d, O::AmominuD => atomic::amominu_d, O::AmomaxuD => atomic::amomaxu_d,
        O::AddUw => integer::add_uw, O::Sh1add => integer::sh1add, O::Sh1addUw => integer::sh1add_uw,
        O::Sh2add => integer::sh2add, O::Sh2addUw => integer::sh2add_uw, O::Sh3add => integer::sh3add,
        O::Sh3addUw => integer::sh3add_uw, O::SlliUw => integer::slli_uw,
        O::Andn => integer::andn, O::Orn => integer::orn, O::Xnor => integer::xnor,
        O::Clz => integer::clz, O::Clzw => integer::clzw, O::Ctz => integer::ctz, O::Ctzw => integer::ctzw,
        O::Cpop => integer::cpop, O::Cpopw => integer::cpopw,
        O::Max => integer::max, O::Maxu => integer::maxu, O::Min => integer::min, O::Minu => integer::minu,
        O::SextB => integer::sext_b, O::SextH => integer::sext_h, O::ZextH => integer::zext_h,
        O::Rol => integer::rol, O::Rolw => integer::rolw, O::Ror => integer::ror, O::Rori => integer::rori,
        O::Roriw => integer::roriw, O::Rorw => integer::rorw, O::OrcB => integer::orc_b, O::Rev8 => integer::rev8,
        O::Bclr => integer::bclr, O::Bclri => integer::bclri, O::Bext => integer::bext, O::Bexti => integer::bexti,
        O::Binv => integer::binv, O::Binvi => integer::binvi, O::Bset => integer::bset, O::Bseti => integer::bseti,
        _ => return None,
    })
}

/// Where the operands of an operation on floating registers are.
#[derive(Debug, Clone, Copy)]
enum Operands {
    /// All floating.
    Float,
    /// The result is an integer.
    ToInteger,
    /// The operand is an integer.
    FromInteger,
    /// An address and an immediate; the register loaded.
    Load,
    /// An address and an immediate; the register stored.
    Store,
}

impl Operands {
    fn place(self, instruction: Instruction, run: Handler, at: u8) -> Op {
        let Instruction { rd, rs1, rs2, rs3, mode, immediate, .. } = instruction;
        let integer = if rd == 0 { SINK } else { rd };
        let [float_rd, float_rs1, float_rs2, float_rs3] = [rd, rs1, rs2, rs3].map(float::place);
        let imm = i32::from(mode) | i32::from(float_rs3) << 8;
        match self {
            Self::Float => Op { run, imm, rd: float_rd, rs1: float_rs1, rs2: float_rs2, at },
            Self::ToInteger => Op { run, imm, rd: integer, rs1: float_rs1, rs2: float_rs2, at },
            Self::FromInteger => Op { run, imm, rd: float_rd, rs1, rs2, at },
            Self::Load => Op { run, imm: immediate, rd: float_rd, rs1, rs2, at },
            Self::Store => Op { run, imm: immediate, rd, rs1, rs2: float_rs2, at },
        }
    }
}

#[rustfmt::skip]
fn floating(opcode: Opcode, freely: bool) -> Option<(Handler, Operands)> {
    use Opcode as O;
    use Operands::{Float, FromInteger, Load, Store, ToInteger};
    Some(match opcode {
        O::Flw => (access::flw, Load), O::Fld => (access::fld, Load),
        O::Fsw => (if freely { access::fsw_freely } else { access::fsw }, Store),
        O::Fsd => (if freely { access::fsd_freely } else { access::fsd }, Store),
        O::FmaddS => (float::fmadd_s, Float), O::FmsubS => (float::fmsub_s, Float),
        O::FnmsubS => (float::fnmsub_s, Float), O::FnmaddS => (float::fnmadd_s, Float),
        O::FaddS => (float::fadd_s, Float), O::FsubS => (float::fsub_s, Float), O::FmulS => (float::fmul_s, Float),
        O::FdivS => (float::fdiv_s, Float), O::FsqrtS => (float::fsqrt_s, Float),
        O::FsgnjS => (float::fsgnj_s, Float), O::FsgnjnS => (float::fsgnjn_s, Float),
        O::FsgnjxS => (float::fsgnjx_s, Float), O::FminS => (float::fmin_s, Float), O::FmaxS => (float::fmax_s, Float),
        O::FcvtWS => (float::fcvt_w_s, ToInteger), O::FcvtWuS => (float::fcvt_wu_s, ToInteger),
        O::FcvtLS => (float::fcvt_l_s, ToInteger), O::FcvtLuS => (float::fcvt_lu_s, ToInteger),
        O::FmvXW => (float::fmv_x_w, ToInteger), O::FeqS => (float::feq_s, ToInteger),
        O::FltS => (float::flt_s, ToInteger), O::FleS => (float::fle_s, ToInteger),
        O::FclassS => (float::fclass_s, ToInteger),
        O::FcvtSW => (float::fcvt_s_w, FromInteger), O::FcvtSWu => (float::fcvt_s_wu, FromInteger),
        O::FcvtSL => (float::fcvt_s_l, FromInteger), O::FcvtSLu => (float::fcvt_s_lu, FromInteger),
        O::FmvWX => (float::fmv_w_x, FromInteger),
        O::FmaddD => (float::fmadd_d, Float), O::FmsubD => (float::fmsub_d, Float),
        O::FnmsubD => (float::fnmsub_d, Float), O::FnmaddD => (float::fnmadd_d, Float),
        O::FaddD => (float::fadd_d, Float), O::FsubD => (float::fsub_d, Float), O::FmulD => (float::fmul_d, Float),
        O::FdivD => (float::fdiv_d, Float), O::FsqrtD => (float::fsqrt_d, Float),
        O::FsgnjD => (float::fsgnj_d, Float), O::FsgnjnD => (float::fsgnjn_d, Float),
        O::FsgnjxD => (float::fsgnjx_d, Float), O::FminD => (float::fmin_d, Float), O::FmaxD => (float::fmax_d, Float),
        O::FcvtSD => (float::fcvt_s_d, Float), O::FcvtDS => (float::fcvt_d_s, Float),
        O::FeqD => (float::feq_d, ToInteger), O::FltD => (float::flt_d, ToInteger), O::FleD => (float::fle_d, ToInteger),
        O::FclassD => (float::fclass_d, ToInteger),
        O::FcvtWD => (float::fcvt_w_d, ToInteger), O::FcvtWuD => (float::fcvt_wu_d, ToInteger),
        O::FcvtLD => (float::fcvt_l_d, ToInteger), O::FcvtLuD => (float::fcvt_lu_d, ToInteger),
        O::FmvXD => (float::fmv_x_d, ToInteger),
        O::FcvtDW => (float::fcvt_d_w, FromInteger), O::FcvtDWu => (float::fcvt_d_wu, FromInteger),
        O::FcvtDL => (float::fcvt_d_l, FromInteger), O::FcvtDLu => (float::fcvt_d_lu, FromInteger),
        O::FmvDX => (float::fmv_d_x, FromInteger),
        _ => return None,
    })
}
