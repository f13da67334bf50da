//! What functions of Luau's libraries cost that work long without a safepoint.
//!
//! A safepoint in a loop is some nanoseconds of work, but one call of `table.sort` may be a second of it. So what such a
//! function is given is counted before it begins. What these functions allocate is counted by the allocator, what patterns
//! do by their own safepoints.

use std::ffi::{CStr, c_int};

use mlua::ffi::{self, lua_State};

use super::ground::Ground;

/// Functions that look at every item, or byte, of what they are given: their table, their name, and how many of them are
/// as much work as a safepoint.
const LINEAR: &[(&CStr, &CStr, ffi::lua_CFunction)] = &[
    (c"table", c"insert", linear::<4>),
    (c"table", c"remove", linear::<4>),
    (c"table", c"move", linear::<4>),
    (c"table", c"find", linear::<8>),
    (c"table", c"clear", linear::<16>),
    (c"table", c"maxn", linear::<8>),
    (c"table", c"concat", linear::<2>),
    (c"table", c"foreach", linear::<8>),
    (c"table", c"foreachi", linear::<8>),
    (c"table", c"clone", linear::<8>),
    (c"table", c"sort", sorting),
    (c"string", c"find", searching),
    (c"string", c"match", searching),
    (c"string", c"gmatch", searching),
    (c"string", c"gsub", searching),
    (c"string", c"split", linear::<16>),
    (c"string", c"reverse", linear::<64>),
    (c"string", c"lower", linear::<64>),
    (c"string", c"upper", linear::<64>),
    (c"string", c"unpack", linear::<128>),
    (c"utf8", c"len", linear::<16>),
    (c"utf8", c"offset", linear::<32>),
    (c"utf8", c"codepoint", linear::<32>),
    (c"utf8", c"codes", linear::<128>),
    (c"buffer", c"fill", linear::<128>),
    (c"buffer", c"copy", linear::<128>),
    (c"", c"tonumber", linear::<32>),
];

/// Replaces the functions of the table on top, which has this name; the globals have none.
///
/// # Safety
///
/// The table is not frozen.
pub(super) unsafe fn count(lua: *mut lua_State, table: &CStr) {
    for (_, name, wrapper) in LINEAR.iter().filter(|(known, ..)| *known == table) {
        // SAFETY: as promised, nothing raises. What is not there stays so.
        unsafe {
            if ffi::lua_rawgetfield(lua, -1, name.as_ptr()) == ffi::LUA_TFUNCTION {
                ffi::lua_pushcclosurek(lua, *wrapper, name.as_ptr(), 1, None);
                ffi::lua_rawsetfield(lua, -2, name.as_ptr());
            } else {
                ffi::lua_settop(lua, -2);
            }
        }
    }
}

/// # Safety
///
/// Luau calls it, as a closure over its own function.
unsafe extern "C-unwind" fn linear<const UNIT: usize>(lua: *mut lua_State) -> c_int {
    // SAFETY: as promised.
    unsafe {
        charge(lua, length(lua, 1) / UNIT);
        original(lua)
    }
}

/// # Safety
///
/// As [`linear`].
unsafe extern "C-unwind" fn sorting(lua: *mut lua_State) -> c_int {
    // SAFETY: as promised.
    unsafe {
        let items = length(lua, 1);
        charge(lua, items * (items.checked_ilog2().unwrap_or(0) as usize + 1));
        original(lua)
    }
}

/// # Safety
///
/// As [`linear`].
unsafe extern "C-unwind" fn searching(lua: *mut lua_State) -> c_int {
    // SAFETY: as promised.
    unsafe {
        let bytes = length(lua, 1);
        charge(lua, bytes / 64);
        // What looks for the end of a pair passes no safepoint, and may begin at every byte.
        if pattern_has_pairs(lua) {
            charge(lua, (bytes / 8).saturating_mul(bytes / 8));
        }
        original(lua)
    }
}

/// Whether the second argument has a `%b`.
///
/// # Safety
///
/// This is a call of a C function.
unsafe fn pattern_has_pairs(lua: *mut lua_State) -> bool {
    let mut length = 0;
    // SAFETY: a string stays in its place for as long as the call.
    unsafe {
        if ffi::lua_type(lua, 2) != ffi::LUA_TSTRING {
            return false;
        }
        let start = ffi::lua_tolstring(lua, 2, &raw mut length).cast::<u8>();
        std::slice::from_raw_parts(start, length).windows(2).any(|pair| pair == b"%b")
    }
}

/// How many items or bytes the arguments from this one on have together; a handful are looked at.
///
/// # Safety
///
/// This is a call of a C function.
unsafe fn length(lua: *mut lua_State, index: c_int) -> usize {
    let mut sum = 0;
    // SAFETY: any index up to the top may be asked for, and a length runs no script.
    unsafe {
        for index in index..=ffi::lua_gettop(lua).min(4) {
            if matches!(ffi::lua_type(lua, index), ffi::LUA_TTABLE | ffi::LUA_TSTRING | ffi::LUA_TBUFFER) {
                sum += ffi::lua_objlen(lua, index) as usize;
            }
        }
    }
    sum
}

/// # Safety
///
/// The state is one of ours.
unsafe fn charge(lua: *mut lua_State, safepoints: usize) {
    // SAFETY: as promised; only callbacks look at the ground, none of which runs.
    unsafe { (*Ground::of(lua)).account.fuel -= safepoints as i64 };
}

/// # Safety
///
/// This is a call of a closure over a C function, which uses no upvalues.
unsafe fn original(lua: *mut lua_State) -> c_int {
    // SAFETY: the function finds the arguments where it expects them.
    unsafe {
        match ffi::lua_tocfunction(lua, ffi::lua_upvalueindex(1)) {
            Some(function) => function(lua),
            None => 0,
        }
    }
}
