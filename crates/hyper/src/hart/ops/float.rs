//! Operations on floating registers: F and D.
//!
//! The immediate holds the rounding mode, and for fused operations the third register above it.

use crate::float::{self, Rounding, box32, unbox32};
use crate::hart::core::{Core, FLOATS, extend};
use crate::hart::raw::{Cursor, Leave};
use crate::hart::stop::{Exception, Trap};

/// The rounding mode of an operation: its own, or the dynamic one.
#[inline(always)]
fn rounding(core: &Core, mode: i32) -> Option<Rounding> {
    let mode = if mode & 7 == 7 { core.frm } else { mode as u8 & 7 };
    Rounding::from_bits(mode)
}

macro_rules! checked {
    ($core:ident, $cursor:ident) => {
        if !$core.float_ready {
            return $core.prepare_float($cursor);
        }
    };
    ($core:ident, $cursor:ident, $mode:expr) => {{
        checked!($core, $cursor);
        match rounding($core, $mode) {
            Some(rounding) => rounding,
            None => return $core.stop($cursor, Trap::new(Exception::IllegalInstruction, 0).into()),
        }
    }};
}

/// Operations of two numbers that round.
macro_rules! rounded {
    ($($name:ident: $function:ident, $unpack:ident, $pack:ident;)*) => {$(
        pub(in crate::hart) fn $name(core: &mut Core, cursor: Cursor) -> Leave {
            let op = cursor.op();
            let rounding = checked!(core, cursor, op.imm);
            let (a, b) = (core.registers[op.rs1 as usize], core.registers[op.rs2 as usize]);
            let result = float::$function($unpack(a), $unpack(b), rounding, &mut core.fflags);
            core.registers[op.rd as usize] = $pack(result);
            proceed!(core, cursor)
        }
    )*};
}

/// Bits that are a number as they are.
#[inline(always)]
const fn whole(bits: u64) -> u64 {
    bits
}

rounded! {
    fadd_s: add32, unbox32, box32;
    fsub_s: sub32, unbox32, box32;
    fmul_s: mul32, unbox32, box32;
    fdiv_s: div32, unbox32, box32;
    fadd_d: add64, whole, whole;
    fsub_d: sub64, whole, whole;
    fmul_d: mul64, whole, whole;
    fdiv_d: div64, whole, whole;
}

const SIGN32: u32 = 1 << 31;
const SIGN64: u64 = 1 << 63;

/// Fused multiply and add, with the signs of the product and of the addend as given.
macro_rules! fused {
    ($($name:ident: $function:ident, $unpack:ident, $pack:ident, $product:expr, $addend:expr;)*) => {$(
        pub(in crate::hart) fn $name(core: &mut Core, cursor: Cursor) -> Leave {
            let op = cursor.op();
            let rounding = checked!(core, cursor, op.imm);
            let third = (op.imm >> 8) as u8;
            let a = $unpack(core.registers[op.rs1 as usize]) ^ $product;
            let b = $unpack(core.registers[op.rs2 as usize]);
            let c = $unpack(core.registers[third as usize]) ^ $addend;
            let result = float::$function(a, b, c, rounding, &mut core.fflags);
            core.registers[op.rd as usize] = $pack(result);
            proceed!(core, cursor)
        }
    )*};
}

fused! {
    fmadd_s: fma32, unbox32, box32, 0, 0;
    fmsub_s: fma32, unbox32, box32, 0, SIGN32;
    fnmsub_s: fma32, unbox32, box32, SIGN32, 0;
    fnmadd_s: fma32, unbox32, box32, SIGN32, SIGN32;
    fmadd_d: fma64, whole, whole, 0, 0;
    fmsub_d: fma64, whole, whole, 0, SIGN64;
    fnmsub_d: fma64, whole, whole, SIGN64, 0;
    fnmadd_d: fma64, whole, whole, SIGN64, SIGN64;
}

/// Operations of one register that round: roots and conversions.
macro_rules! converted {
    ($($name:ident |$core:ident, $a:ident, $rounding:ident| $result:expr;)*) => {$(
        pub(in crate::hart) fn $name($core: &mut Core, cursor: Cursor) -> Leave {
            let op = cursor.op();
            let $rounding = checked!($core, cursor, op.imm);
            let $a = $core.registers[op.rs1 as usize];
            $core.registers[op.rd as usize] = $result;
            proceed!($core, cursor)
        }
    )*};
}

converted! {
    fsqrt_s |core, a, rounding| box32(float::sqrt32(unbox32(a), rounding, &mut core.fflags));
    fsqrt_d |core, a, rounding| float::sqrt64(a, rounding, &mut core.fflags);
    fcvt_s_d |core, a, rounding| box32(float::convert_64_to_32(a, rounding, &mut core.fflags));
    fcvt_w_s |core, a, rounding| extend(float::to_i32_from_32(unbox32(a), rounding, &mut core.fflags));
    fcvt_wu_s |core, a, rounding| extend(float::to_u32_from_32(unbox32(a), rounding, &mut core.fflags) as i32);
    fcvt_l_s |core, a, rounding| float::to_i64_from_32(unbox32(a), rounding, &mut core.fflags) as u64;
    fcvt_lu_s |core, a, rounding| float::to_u64_from_32(unbox32(a), rounding, &mut core.fflags);
    fcvt_w_d |core, a, rounding| extend(float::to_i32_from_64(a, rounding, &mut core.fflags));
    fcvt_wu_d |core, a, rounding| extend(float::to_u32_from_64(a, rounding, &mut core.fflags) as i32);
    fcvt_l_d |core, a, rounding| float::to_i64_from_64(a, rounding, &mut core.fflags) as u64;
    fcvt_lu_d |core, a, rounding| float::to_u64_from_64(a, rounding, &mut core.fflags);
    fcvt_s_w |core, a, rounding| box32(float::from_i32_to_32(a as i32, rounding, &mut core.fflags));
    fcvt_s_wu |core, a, rounding| box32(float::from_u32_to_32(a as u32, rounding, &mut core.fflags));
    fcvt_s_l |core, a, rounding| box32(float::from_i64_to_32(a as i64, rounding, &mut core.fflags));
    fcvt_s_lu |core, a, rounding| box32(float::from_u64_to_32(a, rounding, &mut core.fflags));
    fcvt_d_w |core, a, rounding| float::from_i32_to_64(a as i32, rounding, &mut core.fflags);
    fcvt_d_wu |core, a, rounding| float::from_u32_to_64(a as u32, rounding, &mut core.fflags);
    fcvt_d_l |core, a, rounding| float::from_i64_to_64(a as i64, rounding, &mut core.fflags);
    fcvt_d_lu |core, a, rounding| float::from_u64_to_64(a, rounding, &mut core.fflags);
    fcvt_d_s |core, a, _rounding| float::convert_32_to_64(unbox32(a), &mut core.fflags);
}

/// Operations that do not round.
macro_rules! exact {
    ($($name:ident |$core:ident, $a:ident, $b:ident| $result:expr;)*) => {$(
        pub(in crate::hart) fn $name($core: &mut Core, cursor: Cursor) -> Leave {
            checked!($core, cursor);
            let op = cursor.op();
            let ($a, $b) = ($core.registers[op.rs1 as usize], $core.registers[op.rs2 as usize]);
            $core.registers[op.rd as usize] = $result;
            proceed!($core, cursor)
        }
    )*};
}

exact! {
    fsgnj_s |core, a, b| box32(unbox32(a) & !SIGN32 | unbox32(b) & SIGN32);
    fsgnjn_s |core, a, b| box32(unbox32(a) & !SIGN32 | !unbox32(b) & SIGN32);
    fsgnjx_s |core, a, b| box32(unbox32(a) ^ unbox32(b) & SIGN32);
    fmin_s |core, a, b| box32(float::min32(unbox32(a), unbox32(b), &mut core.fflags));
    fmax_s |core, a, b| box32(float::max32(unbox32(a), unbox32(b), &mut core.fflags));
    feq_s |core, a, b| u64::from(float::eq32(unbox32(a), unbox32(b), &mut core.fflags));
    flt_s |core, a, b| u64::from(float::lt32(unbox32(a), unbox32(b), &mut core.fflags));
    fle_s |core, a, b| u64::from(float::le32(unbox32(a), unbox32(b), &mut core.fflags));
    fclass_s |core, a, _b| float::class32(unbox32(a));
    fmv_x_w |core, a, _b| extend(a as i32);
    fmv_w_x |core, a, _b| box32(a as u32);
    fsgnj_d |core, a, b| a & !SIGN64 | b & SIGN64;
    fsgnjn_d |core, a, b| a & !SIGN64 | !b & SIGN64;
    fsgnjx_d |core, a, b| a ^ b & SIGN64;
    fmin_d |core, a, b| float::min64(a, b, &mut core.fflags);
    fmax_d |core, a, b| float::max64(a, b, &mut core.fflags);
    feq_d |core, a, b| u64::from(float::eq64(a, b, &mut core.fflags));
    flt_d |core, a, b| u64::from(float::lt64(a, b, &mut core.fflags));
    fle_d |core, a, b| u64::from(float::le64(a, b, &mut core.fflags));
    fclass_d |core, a, _b| float::class64(a);
    fmv_x_d |core, a, _b| a;
    fmv_d_x |core, a, _b| a;
}

/// Where a floating register stands among all.
pub(in crate::hart) const fn place(register: u8) -> u8 {
    FLOATS + register
}
