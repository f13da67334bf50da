//! Addresses, which scripts do not see: they tell where the host's memory is, and differ from run to run.
//!
//! Luau shows them in the text of tables, functions and the like, scrambled by a key in a way that one can undo. So the two
//! functions that make such texts are replaced: all tables have the same text.

use std::ffi::{CStr, c_int};

use mlua::ffi::{self, lua_State};

/// What is shown behind the type of a value, of the length that scripts expect.
const NOWHERE: &CStr = c": 0x0000000000000000";

/// Replaces `tostring` and `string.format`.
///
/// # Safety
///
/// The state is new, its libraries are open, and nothing is frozen.
pub(super) unsafe fn hide(lua: *mut lua_State) {
    // SAFETY: as promised, the functions are where they belong, and nothing raises.
    unsafe {
        ffi::lua_pushcclosurek(lua, to_string, c"tostring".as_ptr(), 0, None);
        ffi::lua_setfield(lua, ffi::LUA_GLOBALSINDEX, c"tostring".as_ptr());
        ffi::lua_getfield(lua, ffi::LUA_GLOBALSINDEX, c"string".as_ptr());
        ffi::lua_getfield(lua, -1, c"format".as_ptr());
        ffi::lua_pushcclosurek(lua, format, c"format".as_ptr(), 1, None);
        ffi::lua_setfield(lua, -2, c"format".as_ptr());
        ffi::lua_settop(lua, 0);
    }
}

/// # Safety
///
/// Luau calls it.
unsafe extern "C-unwind" fn to_string(lua: *mut lua_State) -> c_int {
    // SAFETY: this is a call of a C function, which may raise.
    unsafe {
        ffi::luaL_checkany(lua, 1);
        name(lua, 1);
        ffi::luaL_tolstring_(lua, 1, std::ptr::null_mut());
    }
    1
}

/// # Safety
///
/// Luau calls it, as a closure over its own function.
unsafe extern "C-unwind" fn format(lua: *mut lua_State) -> c_int {
    // SAFETY: this is a call of a C function, which may raise.
    unsafe {
        for index in 2..=ffi::lua_gettop(lua) {
            name(lua, index);
        }
        match ffi::lua_tocfunction(lua, ffi::lua_upvalueindex(1)) {
            Some(original) => original(lua),
            None => 0,
        }
    }
}

/// Replaces a value that would be shown with its address by its text.
///
/// # Safety
///
/// This is a call of a C function, and the index is one of its arguments.
unsafe fn name(lua: *mut lua_State, index: c_int) {
    // SAFETY: as promised.
    unsafe {
        let has_address = !matches!(
            ffi::lua_type(lua, index),
            ffi::LUA_TNIL
                | ffi::LUA_TBOOLEAN
                | ffi::LUA_TNUMBER
                | ffi::LUA_TINTEGER
                | ffi::LUA_TVECTOR
                | ffi::LUA_TSTRING
        );
        if !has_address {
            return;
        }
        ffi::lua_rawcheckstack(lua, 3);
        if ffi::luaL_getmetafield_(lua, index, c"__tostring".as_ptr()) != 0 {
            ffi::lua_settop(lua, -2); // It says itself what it is.
            return;
        }
        ffi::lua_pushstring(lua, ffi::luaL_typename(lua, index));
        ffi::lua_pushliteral(lua, NOWHERE);
        ffi::lua_concat(lua, 2);
        ffi::lua_replace(lua, index);
    }
}
