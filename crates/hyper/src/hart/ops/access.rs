//! Loads and stores.

use crate::float::box32;
use crate::hart::core::{Core, extend};
use crate::hart::raw::{Cursor, Leave, Op, Word};
use crate::hart::translate::Bytes;

macro_rules! loads {
    ($($name:ident: $word:ty, |$value:ident| $result:expr;)*) => {$(
        pub(in crate::hart) fn $name(core: &mut Core, cursor: Cursor) -> Leave {
            if !$name::step(core, cursor.op()) {
                return load_elsewhere::<$word>(core, cursor, |$value| $result);
            }
            proceed!(core, cursor)
        }

        pub(in crate::hart) mod $name {
            use super::*;

            /// Whether it was done: the TLB knew the page.
            #[inline(always)]
            pub(in crate::hart) fn step(core: &mut Core, op: &Op) -> bool {
                let address = core.address(op);
                let Some($value) = core.loads.load::<$word>(address, core.data_context) else { return false };
                core.registers[op.rd as usize] = $result;
                true
            }
        }
    )*};
}

/// Loads what the TLB does not know. Apart, so that what is usual needs no stack.
#[cold]
#[inline(never)]
fn load_elsewhere<W: Word + Bytes>(core: &mut Core, cursor: Cursor, extend: impl Fn(W) -> u64) -> Leave {
    let op = cursor.op();
    let address = core.address(op);
    match core.load_slowly::<W>(address) {
        Ok(value) => core.registers[op.rd as usize] = extend(value),
        Err(stop) => return core.stop(cursor, stop),
    }
    proceed!(core, cursor)
}

/// Stores what the TLB does not know.
#[cold]
#[inline(never)]
fn store_elsewhere<W: Word + Bytes>(core: &mut Core, cursor: Cursor) -> Leave {
    let op = cursor.op();
    let address = core.address(op);
    let value = W::from_low(core.registers[op.rs2 as usize]);
    if let Err(stop) = core.store_slowly::<W>(address, value) {
        return core.stop(cursor, stop);
    }
    proceed!(core, cursor)
}

loads! {
    lb: u8, |value| extend(value as i8);
    lh: u16, |value| extend(value as i16);
    lw: u32, |value| extend(value as i32);
    ld: u64, |value| value;
    lbu: u8, |value| u64::from(value);
    lhu: u16, |value| u64::from(value);
    lwu: u32, |value| u64::from(value);
}

macro_rules! stores {
    ($($name:ident, $freely:ident: $word:ty;)*) => {$(
        pub(in crate::hart) fn $name(core: &mut Core, cursor: Cursor) -> Leave {
            if !$name::step(core, cursor.op()) {
                return store_elsewhere::<$word>(core, cursor);
            }
            proceed!(core, cursor)
        }

        pub(in crate::hart) mod $name {
            use super::*;

            /// Whether it was done: the TLB knew the page.
            #[inline(always)]
            pub(in crate::hart) fn step(core: &mut Core, op: &Op) -> bool {
                let address = core.address(op);
                let value = core.registers[op.rs2 as usize] as $word;
                core.stores.store::<$word>(address, core.data_context, value)
            }
        }

        /// The same beside other harts that run at the same time: with regard for what they reserved.
        pub(in crate::hart) fn $freely(core: &mut Core, cursor: Cursor) -> Leave {
            let op = cursor.op();
            let address = core.address(op);
            match core.stores.place::<$word>(address, core.data_context) {
                Some(place) if !core.is_reserved(place) => place.store(core.registers[op.rs2 as usize] as $word),
                _ => return store_elsewhere::<$word>(core, cursor),
            }
            proceed!(core, cursor)
        }
    )*};
}

stores! {
    sb, sb_freely: u8;
    sh, sh_freely: u16;
    sw, sw_freely: u32;
    sd, sd_freely: u64;
}

/// `flw`: a number of 32 bits in a register of 64.
pub(in crate::hart) fn flw(core: &mut Core, cursor: Cursor) -> Leave {
    if !core.float_ready {
        return core.prepare_float(cursor);
    }
    let op = cursor.op();
    let address = core.address(op);
    let Some(value) = core.loads.load::<u32>(address, core.data_context) else {
        return load_elsewhere::<u32>(core, cursor, box32);
    };
    core.registers[op.rd as usize] = box32(value);
    proceed!(core, cursor)
}

macro_rules! after_float {
    ($($name:ident: $then:ident;)*) => {$(
        pub(in crate::hart) fn $name(core: &mut Core, cursor: Cursor) -> Leave {
            if !core.float_ready {
                return core.prepare_float(cursor);
            }
            $then(core, cursor)
        }
    )*};
}

// Stores of floating registers take their bits, whatever they mean.
after_float! {
    fld: ld;
    fsw: sw;
    fsd: sd;
    fsw_freely: sw_freely;
    fsd_freely: sd_freely;
}
