//! Where a block ends: branches, jumps, and what the hart does itself.

use crate::hart::core::{Core, extend};
use crate::hart::raw::{Cursor, Leave, Link};

/// Goes on at another block, if it is known and may run.
#[inline(always)]
fn enter(core: &mut Core, target: Cursor, count: u32) -> Leave {
    let fuel = core.fuel - i64::from(count);
    if fuel < 0 {
        return Leave::Next;
    }
    core.fuel = fuel;
    core.first = Some(target);
    (target.op().run)(core, target)
}

/// Goes to an address within this page or the one after it.
#[inline(always)]
fn go(core: &mut Core, cursor: Cursor, which: usize, distance: i32) -> Leave {
    core.pc = core.pc.wrapping_add(extend(distance));
    let Link { target, count, .. } = cursor.link(which);
    match target {
        Some(target) => enter(core, target, count),
        None => look(core, cursor, which),
    }
}

/// Looks for the block at [`Core::pc`], by the cache.
#[inline(always)]
fn jump(core: &mut Core) -> Leave {
    match core.jumps.find(core.pc, core.code_context) {
        Some((target, count)) => enter(core, target, count),
        None => Leave::Next,
    }
}

/// The same for a jump that always leads to the same place; remembered if that is in the same page.
#[inline(never)]
fn look(core: &mut Core, cursor: Cursor, which: usize) -> Leave {
    let Some((target, count)) = core.jumps.find(core.pc, core.code_context) else { return Leave::Next };
    let link = cursor.link(which);
    if link.bytes != 0 {
        cursor.set_link(which, Link { target: Some(target), count, ..link });
    }
    enter(core, target, count)
}

macro_rules! branches {
    ($($name:ident |$a:ident, $b:ident| $taken:expr;)*) => {$(
        pub(in crate::hart) fn $name(core: &mut Core, cursor: Cursor) -> Leave {
            let op = cursor.op();
            let ($a, $b) = (core.registers[op.rs1 as usize], core.registers[op.rs2 as usize]);
            if $taken {
                go(core, cursor, 1, op.imm)
            } else {
                let length = i32::from(op.rd);
                go(core, cursor, 0, i32::from(op.at) * 2 + length)
            }
        }
    )*};
}

branches! {
    beq |a, b| a == b;
    bne |a, b| a != b;
    blt |a, b| (a as i64) < (b as i64);
    bge |a, b| (a as i64) >= (b as i64);
    bltu |a, b| a < b;
    bgeu |a, b| a >= b;
}

/// `jal`: `rs1` has the instruction's length.
pub(in crate::hart) fn jal(core: &mut Core, cursor: Cursor) -> Leave {
    let op = cursor.op();
    let after = u64::from(op.at) * 2 + u64::from(op.rs1);
    core.registers[op.rd as usize] = core.pc.wrapping_add(after);
    go(core, cursor, 1, op.imm)
}

/// `jalr`: `rs2` has the instruction's length.
pub(in crate::hart) fn jalr(core: &mut Core, cursor: Cursor) -> Leave {
    let op = cursor.op();
    let target = core.address(op) & !1;
    let after = u64::from(op.at) * 2 + u64::from(op.rs2);
    core.registers[op.rd as usize] = core.pc.wrapping_add(after);
    core.pc = target;
    jump(core)
}

/// The end of a block that ends where it is too long, or with its page.
pub(in crate::hart) fn onward(core: &mut Core, cursor: Cursor) -> Leave {
    let distance = cursor.op().imm;
    go(core, cursor, 0, distance)
}

/// What the hart carries out itself.
pub(in crate::hart) fn system(core: &mut Core, cursor: Cursor) -> Leave {
    core.at = Some(cursor);
    Leave::System
}
