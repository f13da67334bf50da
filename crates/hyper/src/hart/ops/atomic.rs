//! Load-reserved, store-conditional and atomic operations.
//!
//! Harts that take turns need no atomic instruction of the host; harts that run beside each other do, and have regard for
//! what others reserved ([`Reservations`](crate::hart::reservations::Reservations)).

use std::sync::atomic::Ordering::SeqCst;

use crate::hart::core::{Core, extend};
use crate::hart::raw::{Cursor, Leave, Place, Word};
use crate::hart::reservations::Reservation;
use crate::hart::stop::{Exception, Exit, Stop, Trap};
use crate::hart::translate::{Bytes, never_a_device};
use crate::memory::Access;

/// A word that harts change together.
trait Shared: Word + Bytes + PartialEq {
    /// How it stands in a register.
    fn extended(self) -> u64;
    fn swap_if(place: Place, expected: Self, new: Self) -> bool;
}

impl Shared for u32 {
    fn extended(self) -> u64 {
        extend(self as i32)
    }
    fn swap_if(place: Place, expected: Self, new: Self) -> bool {
        place.shared_u32().compare_exchange(expected, new, SeqCst, SeqCst).is_ok()
    }
}

impl Shared for u64 {
    fn extended(self) -> u64 {
        self
    }
    fn swap_if(place: Place, expected: Self, new: Self) -> bool {
        place.shared_u64().compare_exchange(expected, new, SeqCst, SeqCst).is_ok()
    }
}

/// Where an atomic operation takes place: aligned, memory, and writable.
#[inline(always)]
fn place<W: Shared>(core: &mut Core, address: u64, misaligned: Exception) -> Result<Place, Stop> {
    if let Some(place) = core.stores.place::<W>(address, core.data_context) {
        return Ok(place);
    }
    if address & (W::BYTES - 1) != 0 {
        return Err(Trap::new(misaligned, address).into());
    }
    core.place_slowly::<W>(address).map_err(|stop| never_a_device(stop, address, Access::Write))
}

/// Changes a word by a function of what it is, and says what it was.
#[inline(always)]
fn change<W: Shared>(core: &Core, place: Place, new: impl Fn(W) -> W) -> W {
    let Some(table) = &core.reservations else {
        let old = place.load::<W>();
        place.store(new(old));
        return old;
    };
    let change = || {
        loop {
            let old = place.load::<W>();
            if W::swap_if(place, old, new(old)) {
                return old;
            }
        }
    };
    if table.is_held(place) { table.store(core.id, place, change) } else { change() }
}

macro_rules! changes {
    ($($name:ident: $word:ty, |$old:ident, $with:ident| $result:expr;)*) => {$(
        pub(in crate::hart) fn $name(core: &mut Core, cursor: Cursor) -> Leave {
            let op = cursor.op();
            let address = core.registers[op.rs1 as usize];
            let place = match place::<$word>(core, address, Exception::StoreMisaligned) {
                Ok(place) => place,
                Err(stop) => return core.stop(cursor, stop),
            };
            let $with = core.registers[op.rs2 as usize] as $word;
            let old = change::<$word>(core, place, |$old| $result);
            core.registers[op.rd as usize] = old.extended();
            proceed!(core, cursor)
        }
    )*};
}

changes! {
    amoswap_w: u32, |_old, with| with;
    amoadd_w: u32, |old, with| old.wrapping_add(with);
    amoxor_w: u32, |old, with| old ^ with;
    amoand_w: u32, |old, with| old & with;
    amoor_w: u32, |old, with| old | with;
    amomin_w: u32, |old, with| (old as i32).min(with as i32) as u32;
    amomax_w: u32, |old, with| (old as i32).max(with as i32) as u32;
    amominu_w: u32, |old, with| old.min(with);
    amomaxu_w: u32, |old, with| old.max(with);
    amoswap_d: u64, |_old, with| with;
    amoadd_d: u64, |old, with| old.wrapping_add(with);
    amoxor_d: u64, |old, with| old ^ with;
    amoand_d: u64, |old, with| old & with;
    amoor_d: u64, |old, with| old | with;
    amomin_d: u64, |old, with| (old as i64).min(with as i64) as u64;
    amomax_d: u64, |old, with| (old as i64).max(with as i64) as u64;
    amominu_d: u64, |old, with| old.min(with);
    amomaxu_d: u64, |old, with| old.max(with);
}

fn load_reserved<W: Shared>(core: &mut Core, cursor: Cursor) -> Leave {
    let op = cursor.op();
    let address = core.registers[op.rs1 as usize];
    core.release();
    // If the page is replaced when the store-conditional makes it writable, that is another place, and fails; the next
    // load-reserved then finds the page that stays.
    let place = match core.loads.place::<W>(address, core.data_context) {
        Some(place) => place,
        None => match readable::<W>(core, address) {
            Ok(place) => place,
            Err(stop) => return core.stop(cursor, stop),
        },
    };
    let value = match &core.reservations {
        Some(table) => table.reserve(core.id, place, || place.load::<W>()),
        None => place.load::<W>(),
    };
    core.reservation = Some(Reservation { place, value: value.low(), bytes: W::BYTES });
    core.registers[op.rd as usize] = value.extended();
    proceed!(core, cursor)
}

fn readable<W: Shared>(core: &mut Core, address: u64) -> Result<Place, Stop> {
    if address & (W::BYTES - 1) != 0 {
        return Err(Trap::new(Exception::LoadMisaligned, address).into());
    }
    core.load_slowly::<W>(address).map_err(|stop| match never_a_device(stop, address, Access::Read) {
        // What stores is next; a page that has to come from elsewhere comes for both.
        Stop::Exit(Exit::Page { page, access: Access::Read }) => {
            Stop::Exit(Exit::Page { page, access: Access::Write })
        }
        stop => stop,
    })?;
    Ok(core.loads.place::<W>(address, core.data_context).expect("it was just inserted"))
}

fn store_conditional<W: Shared>(core: &mut Core, cursor: Cursor) -> Leave {
    let op = cursor.op();
    let address = core.registers[op.rs1 as usize];
    let place = match place::<W>(core, address, Exception::StoreMisaligned) {
        Ok(place) => place,
        Err(stop) => return core.stop(cursor, stop),
    };
    let new = W::from_low(core.registers[op.rs2 as usize]);
    let stored = match core.reservation.take() {
        Some(held) if held.place == place && held.bytes == W::BYTES => {
            let swap = || W::swap_if(place, W::from_low(held.value), new);
            match &core.reservations {
                Some(table) => table.store_conditional(core.id, place, swap),
                None => {
                    place.store(new);
                    true
                }
            }
        }
        Some(held) => {
            core.reservation = Some(held);
            core.release();
            false
        }
        None => false,
    };
    core.registers[op.rd as usize] = u64::from(!stored);
    proceed!(core, cursor)
}

pub(in crate::hart) fn lr_w(core: &mut Core, cursor: Cursor) -> Leave {
    load_reserved::<u32>(core, cursor)
}

pub(in crate::hart) fn lr_d(core: &mut Core, cursor: Cursor) -> Leave {
    load_reserved::<u64>(core, cursor)
}

pub(in crate::hart) fn sc_w(core: &mut Core, cursor: Cursor) -> Leave {
    store_conditional::<u32>(core, cursor)
}

pub(in crate::hart) fn sc_d(core: &mut Core, cursor: Cursor) -> Leave {
    store_conditional::<u64>(core, cursor)
}

/// `fence`: on one hart everything is in order already; beside others, stores must be seen before later loads.
pub(in crate::hart) fn fence(core: &mut Core, cursor: Cursor) -> Leave {
    if core.reservations.is_some() {
        std::sync::atomic::fence(SeqCst);
    }
    proceed!(core, cursor)
}
