//! What a host function gives back: values, tables, host objects.

use std::ffi::{CStr, c_int};
use std::{ptr, slice};

use mlua::ffi;

use super::Call;
use super::entry::{Function, push};
use super::libraries;
use super::thread::{Kept, Thread};

/// The value that stands for `null` of JSON. There is one, it is not nil, and it counts as true.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Null;

/// A Luau value that can be given back.
pub trait Give {
    /// Puts it behind what was given before, and says how many values it is.
    fn give(self, call: &mut Call<'_>) -> u32;
}

impl Call<'_> {
    /// Gives values, and says how many they are.
    pub fn give(&mut self, values: impl Give) -> u32 {
        values.give(self)
    }

    /// Gives a value that is there already once more.
    pub fn give_again(&mut self, place: u32) -> u32 {
        self.reserve(1);
        // SAFETY: there is room.
        unsafe { ffi::lua_pushvalue(self.lua, self.index(place)) };
        1
    }

    /// Gives an empty table with room, to be filled by [`set`](Self::set) and [`push`](Self::push).
    pub fn give_table(&mut self, items: u32, fields: u32) -> u32 {
        self.reserve(2);
        // SAFETY: there is room.
        unsafe { ffi::lua_createtable(self.lua, items as c_int, fields as c_int) };
        1
    }

    /// Sets a field of the table that was given last.
    pub fn set(&mut self, name: &CStr, value: impl Give) {
        self.reserve(1);
        value.give(self);
        self.set_given(name);
    }

    /// Puts what was given last into the table that was given before it.
    pub fn set_given(&mut self, name: &CStr) {
        // SAFETY: there is a table below the value, which is ours and therefore not frozen.
        unsafe { ffi::lua_rawsetfield(self.lua, -2, name.as_ptr()) };
    }

    /// Sets a field of the table that was given last, under a name that need not be text.
    pub fn set_named(&mut self, name: &[u8], value: impl Give) {
        self.spend(1);
        self.reserve(2);
        // SAFETY: there is room.
        unsafe { push(self.lua, name) };
        value.give(self);
        // SAFETY: the table is below the key, and ours.
        unsafe { ffi::lua_rawset(self.lua, -3) };
    }

    /// Sets an item of the table that was given last.
    pub fn push(&mut self, number: u32, value: impl Give) {
        self.reserve(1);
        value.give(self);
        self.push_given(number);
    }

    /// Puts what was given last into the array that was given before it.
    pub fn push_given(&mut self, number: u32) {
        self.spend(1);
        // SAFETY: as in `set_given`.
        unsafe { ffi::lua_rawseti_(self.lua, -2, number as c_int) };
    }

    /// Puts the key and the value that were given last into the table that was given before them; nothing if that cannot
    /// be a key.
    pub fn set_pair(&mut self) {
        self.spend(1);
        // SAFETY: the table is below both and ours, and the key is neither nil nor no number.
        unsafe {
            let is_bad = match ffi::lua_type(self.lua, -2) {
                ffi::LUA_TNIL => true,
                ffi::LUA_TNUMBER => ffi::lua_tonumber(self.lua, -2).is_nan(),
                _ => false,
            };
            if is_bad {
                ffi::lua_settop(self.lua, -3);
            } else {
                ffi::lua_rawset(self.lua, -3);
            }
        }
    }

    /// Freezes the table that was given last.
    pub fn freeze_given(&mut self) {
        // SAFETY: there is a table.
        unsafe { ffi::lua_setreadonly(self.lua, -1, 1) };
    }

    /// Gives a host object of this kind.
    pub fn give_object(&mut self, tag: u8, value: u64) -> u32 {
        self.reserve(1);
        // SAFETY: the tag has a metatable, or none; the object has room for the value.
        unsafe {
            libraries::object(self.lua, tag);
            let place = ffi::lua_newuserdatataggedwithmetatable(self.lua, size_of::<u64>(), tag.into());
            place.cast::<u64>().write(value);
        }
        1
    }

    /// Gives a host function.
    pub(crate) fn give_function<H>(&mut self, function: &Function<H>) -> u32 {
        self.reserve(1);
        let (enter, again) = (function.enter, Some(function.again));
        // SAFETY: there is room. The function works for the same host as the one that is called.
        unsafe { ffi::lua_pushcclosurek(self.lua, enter, function.name.as_ptr(), 0, again) };
        1
    }

    /// Gives bytes that `fill` writes straight into a string of Luau's: at most `length`, and it says how many.
    ///
    /// # Errors
    ///
    /// What `fill` fails with.
    pub fn give_filled<E>(
        &mut self,
        length: usize,
        fill: impl FnOnce(&mut [u8]) -> Result<usize, E>,
    ) -> Result<u32, E> {
        self.reserve(2);
        let mut buffer = std::mem::MaybeUninit::<ffi::luaL_Strbuf>::uninit();
        // SAFETY: Luau fills the buffer in; it gives room for as many bytes, which are made to have a value.
        let room = unsafe {
            let start = ffi::luaL_buffinitsize(self.lua, buffer.as_mut_ptr(), length).cast::<u8>();
            start.write_bytes(0, length);
            slice::from_raw_parts_mut(start, length)
        };
        let filled = fill(room)?.min(length);
        // SAFETY: so many bytes are there.
        unsafe { ffi::luaL_pushresultsize(buffer.as_mut_ptr(), filled) };
        Ok(1)
    }

    /// Gives a value that was kept in the same state.
    pub(crate) fn give_kept(&mut self, kept: Kept) -> u32 {
        self.reserve(1);
        // SAFETY: there is room; a reference that is not known any more is nil.
        unsafe { ffi::lua_rawgeti_(self.lua, ffi::LUA_REGISTRYINDEX, kept.0) };
        1
    }

    /// Gives what a thread of this state has returned.
    pub(crate) fn give_results(&mut self, thread: &Thread) -> u32 {
        // SAFETY: the thread has ended, and its results are all that is on its stack.
        unsafe {
            let results = ffi::lua_gettop(thread.lua);
            self.reserve(results as u32);
            ffi::lua_xmove(thread.lua, self.lua, results);
            results as u32
        }
    }

    /// Gives a function that a source is the text of, or the text of what is wrong with it: how many results that is.
    pub(crate) fn give_loaded(&mut self, bytecode: &[u8], name: &CStr) -> Result<u32, u32> {
        self.reserve(2);
        // SAFETY: the bytecode is the compiler's; environment 0 is that of the thread.
        let status =
            unsafe { ffi::luau_load(self.lua, name.as_ptr(), bytecode.as_ptr().cast(), bytecode.len(), 0) };
        if status == 0 { Ok(1) } else { Err(1) }
    }
}

impl Give for () {
    fn give(self, call: &mut Call<'_>) -> u32 {
        call.reserve(1);
        // SAFETY: there is room.
        unsafe { ffi::lua_pushnil(call.lua) };
        1
    }
}

impl Give for Null {
    fn give(self, call: &mut Call<'_>) -> u32 {
        // SAFETY: as for `bool`; nobody looks at what the pointer points to.
        unsafe { ffi::lua_pushlightuserdata(call.lua, ptr::null_mut()) };
        1
    }
}

impl Give for bool {
    fn give(self, call: &mut Call<'_>) -> u32 {
        // SAFETY: there is always room for a few values.
        unsafe { ffi::lua_pushboolean(call.lua, self.into()) };
        1
    }
}

impl Give for f64 {
    fn give(self, call: &mut Call<'_>) -> u32 {
        // SAFETY: as for `bool`.
        unsafe { ffi::lua_pushnumber(call.lua, self) };
        1
    }
}

macro_rules! numbers {
    ($($number:ty)*) => {
        $(impl Give for $number {
            fn give(self, call: &mut Call<'_>) -> u32 {
                f64::from(self).give(call)
            }
        })*
    };
}
numbers!(i32 u8 u16 u32);

macro_rules! long_numbers {
    ($($number:ty)*) => {
        $(impl Give for $number {
            /// What has more than 53 bits is rounded, as all numbers of Luau.
            fn give(self, call: &mut Call<'_>) -> u32 {
                (self as f64).give(call)
            }
        })*
    };
}
long_numbers!(i64 u64 usize);

impl Give for &[u8] {
    fn give(self, call: &mut Call<'_>) -> u32 {
        // SAFETY: as for `bool`.
        unsafe { push(call.lua, self) };
        1
    }
}

impl Give for &str {
    fn give(self, call: &mut Call<'_>) -> u32 {
        self.as_bytes().give(call)
    }
}

impl Give for &String {
    fn give(self, call: &mut Call<'_>) -> u32 {
        self.as_bytes().give(call)
    }
}

impl Give for &Vec<u8> {
    fn give(self, call: &mut Call<'_>) -> u32 {
        self.as_slice().give(call)
    }
}

impl<T: Give> Give for Option<T> {
    fn give(self, call: &mut Call<'_>) -> u32 {
        match self {
            Some(value) => value.give(call),
            None => ().give(call),
        }
    }
}

impl<A: Give, B: Give> Give for (A, B) {
    fn give(self, call: &mut Call<'_>) -> u32 {
        self.0.give(call) + self.1.give(call)
    }
}

impl<A: Give, B: Give, C: Give> Give for (A, B, C) {
    fn give(self, call: &mut Call<'_>) -> u32 {
        self.0.give(call) + self.1.give(call) + self.2.give(call)
    }
}
