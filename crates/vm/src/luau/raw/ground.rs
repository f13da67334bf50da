//! [`Ground`]: what a state's callbacks find.

use std::ffi::c_int;

use mlua::ffi::{self, lua_State};

use super::allocator::Account;
use super::libraries::Maker;

/// How much a thread may do before it is somebody else's turn, in safepoints: ends of loops, calls and returns.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Fuel {
    /// After so many it is stopped where that is possible.
    pub(crate) slice: u32,
    /// After so many more it is ended where it cannot be stopped.
    pub(crate) grace: u32,
}

/// A thread that `lua_resume` is running.
#[derive(Debug, Clone, Copy)]
pub(super) struct Active {
    pub(super) lua: *mut lua_State,
    /// Whether all threads below it could be stopped when they resumed the one above.
    can_stop: bool,
}

/// Why threads were stopped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Cause {
    /// Its fuel was spent.
    Spent,
    /// It waits, or its process has ended: the host knows.
    Host,
}

/// A host object that a script let go of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Dropped {
    /// Which kind of object.
    pub(crate) tag: u8,
    /// What was in it.
    pub(crate) value: u64,
}

/// What a state's callbacks find. It has a place of its own in memory and is only reached by pointer.
#[derive(Debug)]
pub(super) struct Ground {
    pub(super) account: Account,
    pub(super) grace: i64,
    pub(super) cause: Cause,
    /// Whether the thread that runs is to be ended as soon as possible.
    pub(super) doomed: bool,
    pub(super) active: Vec<Active>,
    /// The threads that were stopped, outermost first.
    pub(super) stopped: Vec<*mut lua_State>,
    /// Whom host functions work for, while `resume` runs.
    pub(super) host: *mut (),
    pub(super) dropped: Vec<Dropped>,
    /// What makes the parts of the libraries that are missing.
    pub(super) maker: Maker,
    /// The kinds of host objects that have their metatable, a bit for each.
    pub(super) objects: u8,
}

impl Ground {
    pub(super) const fn new() -> Self {
        Self {
            // Preludes run before there is anybody to limit.
            account: Account::UNLIMITED,
            grace: 0,
            cause: Cause::Spent,
            doomed: false,
            active: Vec::new(),
            stopped: Vec::new(),
            host: std::ptr::null_mut(),
            dropped: Vec::new(),
            maker: Maker::NONE,
            objects: 0,
        }
    }

    /// The ground of a state.
    ///
    /// # Safety
    ///
    /// The state is one of ours.
    #[inline]
    pub(super) unsafe fn of(lua: *mut lua_State) -> *mut Self {
        // SAFETY: each of our states has its ground there from the start.
        unsafe { (*ffi::lua_callbacks(lua)).userdata.cast() }
    }

    /// Whether the thread can be stopped here, and all those that wait for it.
    ///
    /// # Safety
    ///
    /// The thread belongs to the state of this ground.
    pub(super) unsafe fn can_stop(&self, lua: *mut lua_State) -> bool {
        // SAFETY: as promised.
        let here = unsafe { ffi::lua_isyieldable(lua) } != 0;
        here && self.active.last().is_none_or(|active| active.can_stop)
    }

    /// Stops the thread that runs; what this returns is what a C function returns.
    ///
    /// # Safety
    ///
    /// It runs, and can be stopped.
    pub(super) unsafe fn stop(&mut self, lua: *mut lua_State, cause: Cause) -> c_int {
        self.cause = cause;
        self.stopped.clear();
        self.stopped.extend(self.active.iter().map(|active| active.lua));
        // SAFETY: as promised.
        unsafe { ffi::lua_break(lua) }
    }
}

/// Is called at each safepoint.
///
/// # Safety
///
/// Luau calls it.
pub(super) unsafe extern "C-unwind" fn interrupt(lua: *mut lua_State, collector: c_int) {
    if collector >= 0 {
        return;
    }
    // SAFETY: the state is one of ours, and nobody else looks at the ground while Luau runs.
    let ground = unsafe { &mut *Ground::of(lua) };
    ground.account.fuel -= 1;
    if ground.account.fuel <= 0 {
        // SAFETY: the thread runs.
        unsafe { spent(lua, ground) };
    }
}

/// Stops a thread whose fuel is spent, or ends it if that is impossible and its grace is over.
///
/// # Safety
///
/// The thread runs, on this ground.
#[cold]
unsafe fn spent(lua: *mut lua_State, ground: &mut Ground) {
    if ground.account.kept_fuel.is_some() {
        // SAFETY: at a safepoint all that the thread uses is on its stack.
        unsafe { collect(lua, ground) };
        if ground.account.fuel > 0 {
            return;
        }
    }
    // SAFETY: as promised.
    if unsafe { ground.can_stop(lua) } {
        // SAFETY: as just seen.
        unsafe { ground.stop(lua, Cause::Spent) };
    } else if ground.doomed || ground.account.fuel < -ground.grace {
        ground.doomed = true;
        // SAFETY: a safepoint may raise. Whatever catches this meets the next safepoint.
        unsafe {
            ffi::lua_rawcheckstack(lua, 1);
            ffi::lua_pushliteral(lua, c"this process may not go on: it cannot be stopped where it is");
            ffi::lua_error(lua)
        }
    }
}

/// Collects all that nobody can reach, because there is not much room left. The thread pays for it.
///
/// # Safety
///
/// The thread runs, on this ground, and is at a safepoint.
unsafe fn collect(lua: *mut lua_State, ground: &mut Ground) {
    ground.account.fuel = ground.account.fuel_left();
    ground.account.kept_fuel = None;
    ground.account.charge(ground.account.used);
    let ground: *mut Ground = ground;
    // SAFETY: as promised. What is freed is counted on this ground, which is only used by its pointer meanwhile.
    unsafe {
        let was_paced = ffi::lua_gc(lua, ffi::LUA_GCISRUNNING, 0) != 0;
        ffi::lua_gc(lua, ffi::LUA_GCCOLLECT, 0);
        if !was_paced {
            ffi::lua_gc(lua, ffi::LUA_GCSTOP, 0); // As before: collecting once starts it.
        }
        (*ground).account.relax();
    }
}

/// A thread begins to run: the host's, or a coroutine of the script.
///
/// # Safety
///
/// Luau calls it.
pub(super) unsafe extern "C-unwind" fn begins(lua: *mut lua_State) {
    // SAFETY: as in `interrupt`.
    let ground = unsafe { &mut *Ground::of(lua) };
    let can_stop = match ground.active.last() {
        None => true,
        // SAFETY: it is still running, and waits for this one.
        Some(below) => below.can_stop && unsafe { ffi::lua_isyieldable(below.lua) } != 0,
    };
    ground.active.push(Active { lua, can_stop });
}

/// A thread stopped running.
///
/// # Safety
///
/// Luau calls it.
pub(super) unsafe extern "C-unwind" fn ends(lua: *mut lua_State) {
    // SAFETY: as in `interrupt`.
    let ground = unsafe { &mut *Ground::of(lua) };
    let active = ground.active.pop();
    debug_assert_eq!(active.map(|active| active.lua), Some(lua), "threads end in the order of a stack");
}

/// A host object was collected.
///
/// # Safety
///
/// Luau calls it, with an object that `Call::give_object` made.
pub(super) unsafe extern "C" fn collected<const TAG: u8>(lua: *mut lua_State, object: *mut std::ffi::c_void) {
    // SAFETY: as in `interrupt`; the object has room for its value.
    unsafe {
        let value = *object.cast::<u64>();
        (*Ground::of(lua)).dropped.push(Dropped { tag: TAG, value });
    }
}
