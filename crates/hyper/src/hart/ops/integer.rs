//! Arithmetic and logic on integers: RV64I, M, Zba, Zbb and Zbs.

use crate::hart::core::{Core, extend};
use crate::hart::raw::{Cursor, Leave, Op};

/// Operations by the function that gets their operands. Each also has a `step` that does not go on, for pairs.
macro_rules! operations {
    ($operands:ident: $($name:ident |$($value:ident),+| $result:expr;)*) => {$(
        pub(in crate::hart) fn $name(core: &mut Core, cursor: Cursor) -> Leave {
            $name::step(core, cursor.op());
            proceed!(core, cursor)
        }

        pub(in crate::hart) mod $name {
            use super::*;

            #[inline(always)]
            pub(in crate::hart) fn step(core: &mut Core, op: &Op) -> bool {
                let ($($value,)+) = $operands(core, op);
                core.registers[op.rd as usize] = $result;
                true
            }
        }
    )*};
}

/// Two registers.
#[inline(always)]
fn registers(core: &Core, op: &Op) -> (u64, u64) {
    (core.registers[op.rs1 as usize], core.registers[op.rs2 as usize])
}

/// A register and the immediate.
#[inline(always)]
fn immediate(core: &Core, op: &Op) -> (u64, u64) {
    (core.registers[op.rs1 as usize], extend(op.imm))
}

/// One register.
#[inline(always)]
fn register(core: &Core, op: &Op) -> (u64,) {
    (core.registers[op.rs1 as usize],)
}

/// The immediate.
#[inline(always)]
fn constant(_: &Core, op: &Op) -> (u64,) {
    (extend(op.imm),)
}

/// The operation's address and the immediate, whose sum may be more than an `imm` holds.
#[inline(always)]
fn relative(core: &Core, op: &Op) -> (u64, u64) {
    (core.pc.wrapping_add(u64::from(op.at) * 2), extend(op.imm))
}

/// The low half of a register.
#[inline(always)]
const fn word(a: u64) -> i32 {
    a as i32
}

operations! { constant:
    lui |value| value;
}

operations! { relative:
    auipc |pc, b| pc.wrapping_add(b);
}

operations! { immediate:
    addi |a, b| a.wrapping_add(b);
    slti |a, b| u64::from((a as i64) < (b as i64));
    sltiu |a, b| u64::from(a < b);
    xori |a, b| a ^ b;
    ori |a, b| a | b;
    andi |a, b| a & b;
    slli |a, b| a << (b & 63);
    srli |a, b| a >> (b & 63);
    srai |a, b| ((a as i64) >> (b & 63)) as u64;
    addiw |a, b| extend(word(a).wrapping_add(b as i32));
    slliw |a, b| extend(word(a) << (b & 31));
    srliw |a, b| extend((a as u32 >> (b & 31)) as i32);
    sraiw |a, b| extend(word(a) >> (b & 31));
    slli_uw |a, b| u64::from(a as u32) << (b & 63);
    rori |a, b| a.rotate_right(b as u32 & 63);
    roriw |a, b| extend((a as u32).rotate_right(b as u32 & 31) as i32);
    bclri |a, b| a & !(1 << (b & 63));
    bexti |a, b| a >> (b & 63) & 1;
    binvi |a, b| a ^ 1 << (b & 63);
    bseti |a, b| a | 1 << (b & 63);
}

operations! { registers:
    add |a, b| a.wrapping_add(b);
    sub |a, b| a.wrapping_sub(b);
    sll |a, b| a << (b & 63);
    slt |a, b| u64::from((a as i64) < (b as i64));
    sltu |a, b| u64::from(a < b);
    xor |a, b| a ^ b;
    srl |a, b| a >> (b & 63);
    sra |a, b| ((a as i64) >> (b & 63)) as u64;
    or |a, b| a | b;
    and |a, b| a & b;
    addw |a, b| extend(word(a).wrapping_add(word(b)));
    subw |a, b| extend(word(a).wrapping_sub(word(b)));
    sllw |a, b| extend(word(a) << (b & 31));
    srlw |a, b| extend((a as u32 >> (b & 31)) as i32);
    sraw |a, b| extend(word(a) >> (b & 31));
    mul |a, b| a.wrapping_mul(b);
    mulh |a, b| ((i128::from(a as i64) * i128::from(b as i64)) >> 64) as u64;
    mulhsu |a, b| ((i128::from(a as i64) * i128::from(b)) >> 64) as u64;
    mulhu |a, b| ((u128::from(a) * u128::from(b)) >> 64) as u64;
    mulw |a, b| extend(word(a).wrapping_mul(word(b)));
    div |a, b| if b == 0 { u64::MAX } else { (a as i64).wrapping_div(b as i64) as u64 };
    divu |a, b| a.checked_div(b).unwrap_or(u64::MAX);
    rem |a, b| if b == 0 { a } else { (a as i64).wrapping_rem(b as i64) as u64 };
    remu |a, b| a.checked_rem(b).unwrap_or(a);
    divw |a, b| if word(b) == 0 { u64::MAX } else { extend(word(a).wrapping_div(word(b))) };
    divuw |a, b| extend((a as u32).checked_div(b as u32).unwrap_or(u32::MAX) as i32);
    remw |a, b| if word(b) == 0 { extend(word(a)) } else { extend(word(a).wrapping_rem(word(b))) };
    remuw |a, b| extend((a as u32).checked_rem(b as u32).unwrap_or(a as u32) as i32);
    add_uw |a, b| u64::from(a as u32).wrapping_add(b);
    sh1add |a, b| (a << 1).wrapping_add(b);
    sh2add |a, b| (a << 2).wrapping_add(b);
    sh3add |a, b| (a << 3).wrapping_add(b);
    sh1add_uw |a, b| (u64::from(a as u32) << 1).wrapping_add(b);
    sh2add_uw |a, b| (u64::from(a as u32) << 2).wrapping_add(b);
    sh3add_uw |a, b| (u64::from(a as u32) << 3).wrapping_add(b);
    andn |a, b| a & !b;
    orn |a, b| a | !b;
    xnor |a, b| !(a ^ b);
    max |a, b| (a as i64).max(b as i64) as u64;
    maxu |a, b| a.max(b);
    min |a, b| (a as i64).min(b as i64) as u64;
    minu |a, b| a.min(b);
    rol |a, b| a.rotate_left(b as u32 & 63);
    ror |a, b| a.rotate_right(b as u32 & 63);
    rolw |a, b| extend((a as u32).rotate_left(b as u32 & 31) as i32);
    rorw |a, b| extend((a as u32).rotate_right(b as u32 & 31) as i32);
    bclr |a, b| a & !(1 << (b & 63));
    bext |a, b| a >> (b & 63) & 1;
    binv |a, b| a ^ 1 << (b & 63);
    bset |a, b| a | 1 << (b & 63);
}

operations! { register:
    clz |a| u64::from(a.leading_zeros());
    clzw |a| u64::from((a as u32).leading_zeros());
    ctz |a| u64::from(a.trailing_zeros());
    ctzw |a| u64::from((a as u32).trailing_zeros());
    cpop |a| u64::from(a.count_ones());
    cpopw |a| u64::from((a as u32).count_ones());
    sext_b |a| extend(a as i8);
    sext_h |a| extend(a as i16);
    zext_h |a| u64::from(a as u16);
    orc_b |a| a.to_le_bytes().iter().rev().fold(0, |all, byte| all << 8 | if *byte == 0 { 0 } else { 0xff });
    rev8 |a| a.swap_bytes();
}
