//! All operations in one shape, each with the instruction that does it.

use super::operands::Kind::{self, Double, Integer, Single};
use crate::float::{self, Flags, Rounding};

/// An operation of three operands, of which it may ignore some.
pub(super) type Evaluate = fn(u64, u64, u64, Rounding, &mut Flags) -> u64;

/// An operation.
pub(super) struct Operation {
    /// Its instruction's name.
    pub(super) name: &'static str,
    /// What its operands are.
    pub(super) operand: Kind,
    /// What its result is.
    pub(super) result: Kind,
    /// The instruction: from f0, f1 and f2, or from x7, into f3 or x6, rounding as `frm` says.
    pub(super) word: u32,
    /// The function.
    pub(super) evaluate: Evaluate,
}

/// An instruction of the opcode OP-FP.
const fn op(function: u32, format: u32, second: u32, mode: u32, operand: Kind, result: Kind) -> u32 {
    let target = if matches!(result, Integer) { 6 } else { 3 };
    let source = if matches!(operand, Integer) { 7 } else { 0 };
    function << 27 | format << 25 | second << 20 | source << 15 | mode << 12 | target << 7 | 0x53
}

/// A fused instruction.
const fn fused(opcode: u32, format: u32) -> u32 {
    2 << 27 | format << 25 | 1 << 20 | 7 << 12 | 3 << 7 | opcode
}

/// All of them.
pub(super) const OPERATIONS: &[Operation] = &[
    Operation {
        name: "fadd.s",
        operand: Single,
        result: Single,
        word: op(0, 0, 1, 7, Single, Single),
        evaluate: |a, b, _, rounding, flags| float::add32(a as u32, b as u32, rounding, flags).into(),
    },
    Operation {
        name: "fsub.s",
        operand: Single,
        result: Single,
        word: op(1, 0, 1, 7, Single, Single),
        evaluate: |a, b, _, rounding, flags| float::sub32(a as u32, b as u32, rounding, flags).into(),
    },
    Operation {
        name: "fmul.s",
        operand: Single,
        result: Single,
        word: op(2, 0, 1, 7, Single, Single),
        evaluate: |a, b, _, rounding, flags| float::mul32(a as u32, b as u32, rounding, flags).into(),
    },
    Operation {
        name: "fdiv.s",
        operand: Single,
        result: Single,
        word: op(3, 0, 1, 7, Single, Single),
        evaluate: |a, b, _, rounding, flags| float::div32(a as u32, b as u32, rounding, flags).into(),
    },
    Operation {
        name: "fsqrt.s",
        operand: Single,
        result: Single,
        word: op(11, 0, 0, 7, Single, Single),
        evaluate: |a, _, _, rounding, flags| float::sqrt32(a as u32, rounding, flags).into(),
    },
    Operation {
        name: "fmadd.s",
        operand: Single,
        result: Single,
        word: fused(0x43, 0),
        evaluate: |a, b, c, rounding, flags| {
            float::fma32(a as u32, b as u32, c as u32, rounding, flags).into()
        },
    },
    Operation {
        name: "fmsub.s",
        operand: Single,
        result: Single,
        word: fused(0x47, 0),
        evaluate: |a, b, c, rounding, flags| {
            float::fmsub32(a as u32, b as u32, c as u32, rounding, flags).into()
        },
    },
    Operation {
        name: "fnmsub.s",
        operand: Single,
        result: Single,
        word: fused(0x4b, 0),
        evaluate: |a, b, c, rounding, flags| {
            float::fnmsub32(a as u32, b as u32, c as u32, rounding, flags).into()
        },
    },
    Operation {
        name: "fnmadd.s",
        operand: Single,
        result: Single,
        word: fused(0x4f, 0),
        evaluate: |a, b, c, rounding, flags| {
            float::fnmadd32(a as u32, b as u32, c as u32, rounding, flags).into()
        },
    },
    Operation {
        name: "fsgnj.s",
        operand: Single,
        result: Single,
        word: op(4, 0, 1, 0, Single, Single),
        evaluate: |a, b, _, _, _| float::sgnj32(a as u32, b as u32).into(),
    },
    Operation {
        name: "fsgnjn.s",
        operand: Single,
        result: Single,
        word: op(4, 0, 1, 1, Single, Single),
        evaluate: |a, b, _, _, _| float::sgnjn32(a as u32, b as u32).into(),
    },
    Operation {
        name: "fsgnjx.s",
        operand: Single,
        result: Single,
        word: op(4, 0, 1, 2, Single, Single),
        evaluate: |a, b, _, _, _| float::sgnjx32(a as u32, b as u32).into(),
    },
    Operation {
        name: "fmin.s",
        operand: Single,
        result: Single,
        word: op(5, 0, 1, 0, Single, Single),
        evaluate: |a, b, _, _, flags| float::min32(a as u32, b as u32, flags).into(),
    },
    Operation {
        name: "fmax.s",
        operand: Single,
        result: Single,
        word: op(5, 0, 1, 1, Single, Single),
        evaluate: |a, b, _, _, flags| float::max32(a as u32, b as u32, flags).into(),
    },
    Operation {
        name: "fle.s",
        operand: Single,
        result: Integer,
        word: op(20, 0, 1, 0, Single, Integer),
        evaluate: |a, b, _, _, flags| float::le32(a as u32, b as u32, flags).into(),
    },
    Operation {
        name: "flt.s",
        operand: Single,
        result: Integer,
        word: op(20, 0, 1, 1, Single, Integer),
        evaluate: |a, b, _, _, flags| float::lt32(a as u32, b as u32, flags).into(),
    },
    Operation {
        name: "feq.s",
        operand: Single,
        result: Integer,
        word: op(20, 0, 1, 2, Single, Integer),
        evaluate: |a, b, _, _, flags| float::eq32(a as u32, b as u32, flags).into(),
    },
    Operation {
        name: "fclass.s",
        operand: Single,
        result: Integer,
        word: op(28, 0, 0, 1, Single, Integer),
        evaluate: |a, _, _, _, _| float::class32(a as u32),
    },
    Operation {
        name: "fcvt.w.s",
        operand: Single,
        result: Integer,
        word: op(24, 0, 0, 7, Single, Integer),
        evaluate: |a, _, _, rounding, flags| {
            i64::from(float::to_i32_from_32(a as u32, rounding, flags)) as u64
        },
    },
    Operation {
        name: "fcvt.s.w",
        operand: Integer,
        result: Single,
        word: op(26, 0, 0, 7, Integer, Single),
        evaluate: |a, _, _, rounding, flags| float::from_i32_to_32(a as i32, rounding, flags).into(),
    },
    Operation {
        name: "fcvt.wu.s",
        operand: Single,
        result: Integer,
        word: op(24, 0, 1, 7, Single, Integer),
        evaluate: |a, _, _, rounding, flags| {
            i64::from(float::to_u32_from_32(a as u32, rounding, flags) as i32) as u64
        },
    },
    Operation {
        name: "fcvt.s.wu",
        operand: Integer,
        result: Single,
        word: op(26, 0, 1, 7, Integer, Single),
        evaluate: |a, _, _, rounding, flags| float::from_u32_to_32(a as u32, rounding, flags).into(),
    },
    Operation {
        name: "fcvt.l.s",
        operand: Single,
        result: Integer,
        word: op(24, 0, 2, 7, Single, Integer),
        evaluate: |a, _, _, rounding, flags| float::to_i64_from_32(a as u32, rounding, flags) as u64,
    },
    Operation {
        name: "fcvt.s.l",
        operand: Integer,
        result: Single,
        word: op(26, 0, 2, 7, Integer, Single),
        evaluate: |a, _, _, rounding, flags| float::from_i64_to_32(a as i64, rounding, flags).into(),
    },
    Operation {
        name: "fcvt.lu.s",
        operand: Single,
        result: Integer,
        word: op(24, 0, 3, 7, Single, Integer),
        evaluate: |a, _, _, rounding, flags| float::to_u64_from_32(a as u32, rounding, flags),
    },
    Operation {
        name: "fcvt.s.lu",
        operand: Integer,
        result: Single,
        word: op(26, 0, 3, 7, Integer, Single),
        evaluate: |a, _, _, rounding, flags| float::from_u64_to_32(a, rounding, flags).into(),
    },
    Operation {
        name: "fadd.d",
        operand: Double,
        result: Double,
        word: op(0, 1, 1, 7, Double, Double),
        evaluate: |a, b, _, rounding, flags| float::add64(a, b, rounding, flags),
    },
    Operation {
        name: "fsub.d",
        operand: Double,
        result: Double,
        word: op(1, 1, 1, 7, Double, Double),
        evaluate: |a, b, _, rounding, flags| float::sub64(a, b, rounding, flags),
    },
    Operation {
        name: "fmul.d",
        operand: Double,
        result: Double,
        word: op(2, 1, 1, 7, Double, Double),
        evaluate: |a, b, _, rounding, flags| float::mul64(a, b, rounding, flags),
    },
    Operation {
        name: "fdiv.d",
        operand: Double,
        result: Double,
        word: op(3, 1, 1, 7, Double, Double),
        evaluate: |a, b, _, rounding, flags| float::div64(a, b, rounding, flags),
    },
    Operation {
        name: "fsqrt.d",
        operand: Double,
        result: Double,
        word: op(11, 1, 0, 7, Double, Double),
        evaluate: |a, _, _, rounding, flags| float::sqrt64(a, rounding, flags),
    },
    Operation {
        name: "fmadd.d",
        operand: Double,
        result: Double,
        word: fused(0x43, 1),
        evaluate: |a, b, c, rounding, flags| float::fma64(a, b, c, rounding, flags),
    },
    Operation {
        name: "fmsub.d",
        operand: Double,
        result: Double,
        word: fused(0x47, 1),
        evaluate: |a, b, c, rounding, flags| float::fmsub64(a, b, c, rounding, flags),
    },
    Operation {
        name: "fnmsub.d",
        operand: Double,
        result: Double,
        word: fused(0x4b, 1),
        evaluate: |a, b, c, rounding, flags| float::fnmsub64(a, b, c, rounding, flags),
    },
    Operation {
        name: "fnmadd.d",
        operand: Double,
        result: Double,
        word: fused(0x4f, 1),
        evaluate: |a, b, c, rounding, flags| float::fnmadd64(a, b, c, rounding, flags),
    },
    Operation {
        name: "fsgnj.d",
        operand: Double,
        result: Double,
        word: op(4, 1, 1, 0, Double, Double),
        evaluate: |a, b, _, _, _| float::sgnj64(a, b),
    },
    Operation {
        name: "fsgnjn.d",
        operand: Double,
        result: Double,
        word: op(4, 1, 1, 1, Double, Double),
        evaluate: |a, b, _, _, _| float::sgnjn64(a, b),
    },
    Operation {
        name: "fsgnjx.d",
        operand: Double,
        result: Double,
        word: op(4, 1, 1, 2, Double, Double),
        evaluate: |a, b, _, _, _| float::sgnjx64(a, b),
    },
    Operation {
        name: "fmin.d",
        operand: Double,
        result: Double,
        word: op(5, 1, 1, 0, Double, Double),
        evaluate: |a, b, _, _, flags| float::min64(a, b, flags),
    },
    Operation {
        name: "fmax.d",
        operand: Double,
        result: Double,
        word: op(5, 1, 1, 1, Double, Double),
        evaluate: |a, b, _, _, flags| float::max64(a, b, flags),
    },
    Operation {
        name: "fle.d",
        operand: Double,
        result: Integer,
        word: op(20, 1, 1, 0, Double, Integer),
        evaluate: |a, b, _, _, flags| float::le64(a, b, flags).into(),
    },
    Operation {
        name: "flt.d",
        operand: Double,
        result: Integer,
        word: op(20, 1, 1, 1, Double, Integer),
        evaluate: |a, b, _, _, flags| float::lt64(a, b, flags).into(),
    },
    Operation {
        name: "feq.d",
        operand: Double,
        result: Integer,
        word: op(20, 1, 1, 2, Double, Integer),
        evaluate: |a, b, _, _, flags| float::eq64(a, b, flags).into(),
    },
    Operation {
        name: "fclass.d",
        operand: Double,
        result: Integer,
        word: op(28, 1, 0, 1, Double, Integer),
        evaluate: |a, _, _, _, _| float::class64(a),
    },
    Operation {
        name: "fcvt.w.d",
        operand: Double,
        result: Integer,
        word: op(24, 1, 0, 7, Double, Integer),
        evaluate: |a, _, _, rounding, flags| i64::from(float::to_i32_from_64(a, rounding, flags)) as u64,
    },
    Operation {
        name: "fcvt.d.w",
        operand: Integer,
        result: Double,
        word: op(26, 1, 0, 7, Integer, Double),
        evaluate: |a, _, _, rounding, flags| float::from_i32_to_64(a as i32, rounding, flags),
    },
    Operation {
        name: "fcvt.wu.d",
        operand: Double,
        result: Integer,
        word: op(24, 1, 1, 7, Double, Integer),
        evaluate: |a, _, _, rounding, flags| {
            i64::from(float::to_u32_from_64(a, rounding, flags) as i32) as u64
        },
    },
    Operation {
        name: "fcvt.d.wu",
        operand: Integer,
        result: Double,
        word: op(26, 1, 1, 7, Integer, Double),
        evaluate: |a, _, _, rounding, flags| float::from_u32_to_64(a as u32, rounding, flags),
    },
    Operation {
        name: "fcvt.l.d",
        operand: Double,
        result: Integer,
        word: op(24, 1, 2, 7, Double, Integer),
        evaluate: |a, _, _, rounding, flags| float::to_i64_from_64(a, rounding, flags) as u64,
    },
    Operation {
        name: "fcvt.d.l",
        operand: Integer,
        result: Double,
        word: op(26, 1, 2, 7, Integer, Double),
        evaluate: |a, _, _, rounding, flags| float::from_i64_to_64(a as i64, rounding, flags),
    },
    Operation {
        name: "fcvt.lu.d",
        operand: Double,
        result: Integer,
        word: op(24, 1, 3, 7, Double, Integer),
        evaluate: |a, _, _, rounding, flags| float::to_u64_from_64(a, rounding, flags),
    },
    Operation {
        name: "fcvt.d.lu",
        operand: Integer,
        result: Double,
        word: op(26, 1, 3, 7, Integer, Double),
        evaluate: |a, _, _, rounding, flags| float::from_u64_to_64(a, rounding, flags),
    },
    Operation {
        name: "fcvt.s.d",
        operand: Double,
        result: Single,
        word: op(8, 0, 1, 7, Double, Single),
        evaluate: |a, _, _, rounding, flags| float::convert_64_to_32(a, rounding, flags).into(),
    },
    Operation {
        name: "fcvt.d.s",
        operand: Single,
        result: Double,
        word: op(8, 1, 0, 7, Single, Double),
        evaluate: |a, _, _, _, flags| float::convert_32_to_64(a as u32, flags),
    },
];
