//! [`Call`]: the arguments of a host function, and its results.

use std::ffi::{CStr, c_int};
use std::marker::PhantomData;
use std::{ptr, slice};

use mlua::ffi::{self, lua_State};

use super::entry::{Function, push};
use super::ground::{Dropped, Ground};
use super::thread::{Kept, Thread};
use crate::luau::Stop;

/// What a Luau value is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// There is no such argument, or it is nil.
    Nil,
    /// `true` or `false`.
    Boolean,
    /// A number.
    Number,
    /// Bytes.
    String,
    /// A table.
    Table,
    /// A function.
    Function,
    /// A host object.
    Object,
    /// A buffer.
    Buffer,
    /// A thread, a vector, or anything else.
    Other,
}

/// A call of a host function: its arguments, and where its results go.
///
/// Values are named by their place: arguments from 1 on, then what [`field`](Self::field) and [`item`](Self::item) fetch.
/// What a place holds is valid for as long as the call.
#[derive(Debug)]
pub struct Call<'a> {
    lua: *mut lua_State,
    arguments: c_int,
    is_again: bool,
    lifetime: PhantomData<&'a ()>,
}

/// The value that stands for `null` of JSON. There is one, it is not nil, and it counts as true.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Null;

/// A Luau value that can be given back.
pub trait Give {
    /// Puts it behind what was given before, and says how many values it is.
    fn give(self, call: &mut Call<'_>) -> u32;
}

impl<'a> Call<'a> {
    /// # Safety
    ///
    /// This is a call of a host function, which the lifetime does not outlast.
    pub(super) unsafe fn new(lua: *mut lua_State, is_again: bool) -> Self {
        // SAFETY: as promised.
        let arguments = unsafe { ffi::lua_gettop(lua) };
        Self { lua, arguments, is_again, lifetime: PhantomData }
    }

    /// Whether this call was made before, and waited.
    #[must_use]
    pub const fn is_again(&self) -> bool {
        self.is_again
    }

    /// How many arguments there are.
    #[must_use]
    pub const fn arguments(&self) -> u32 {
        self.arguments as u32
    }

    /// What a value is.
    #[must_use]
    pub fn kind(&self, place: u32) -> Kind {
        // SAFETY: the place is there, or just above the top.
        match unsafe { ffi::lua_type(self.lua, self.index(place)) } {
            ffi::LUA_TNONE | ffi::LUA_TNIL => Kind::Nil,
            ffi::LUA_TBOOLEAN => Kind::Boolean,
            ffi::LUA_TNUMBER | ffi::LUA_TINTEGER => Kind::Number,
            ffi::LUA_TSTRING => Kind::String,
            ffi::LUA_TTABLE => Kind::Table,
            ffi::LUA_TFUNCTION => Kind::Function,
            ffi::LUA_TUSERDATA => Kind::Object,
            ffi::LUA_TBUFFER => Kind::Buffer,
            _ => Kind::Other,
        }
    }

    /// Whether there is nothing at a place.
    #[must_use]
    pub fn is_nil(&self, place: u32) -> bool {
        self.kind(place) == Kind::Nil
    }

    /// Whether a value is [`Null`].
    #[must_use]
    pub fn is_null(&self, place: u32) -> bool {
        // SAFETY: as in `kind`; what the pointer points to is not looked at.
        unsafe {
            ffi::lua_type(self.lua, self.index(place)) == ffi::LUA_TLIGHTUSERDATA
                && ffi::lua_tolightuserdata(self.lua, self.index(place)).is_null()
        }
    }

    /// Whether a value counts as true.
    #[must_use]
    pub fn truth(&self, place: u32) -> bool {
        // SAFETY: as in `kind`.
        unsafe { ffi::lua_toboolean(self.lua, self.index(place)) != 0 }
    }

    /// A number, or a text that is one.
    ///
    /// # Errors
    ///
    /// If it is something else.
    pub fn number(&self, place: u32) -> Result<f64, Stop> {
        let mut is_number = 0;
        // SAFETY: as in `kind`.
        let number = unsafe { ffi::lua_tonumberx(self.lua, self.index(place), &raw mut is_number) };
        if is_number != 0 { Ok(number) } else { Err(self.mistake(place, "number")) }
    }

    /// A whole number, cut off at the decimal point.
    ///
    /// # Errors
    ///
    /// If it is no number, or not finite.
    pub fn integer(&self, place: u32) -> Result<i64, Stop> {
        let number = self.number(place)?;
        if number.is_finite() { Ok(number as i64) } else { Err(self.mistake(place, "whole number")) }
    }

    /// Bytes: a string, a buffer, or a number as text.
    ///
    /// # Errors
    ///
    /// If it is something else.
    pub fn bytes(&self, place: u32) -> Result<&'a [u8], Stop> {
        let index = self.index(place);
        let mut length = 0;
        let start = match self.kind(place) {
            // SAFETY: it is a string, or becomes one in its place, where it stays for as long as the call.
            Kind::String | Kind::Number => unsafe {
                ffi::lua_tolstring(self.lua, index, &raw mut length).cast::<u8>()
            },
            // SAFETY: it is a buffer; only scripts write into it, and none runs during this call.
            Kind::Buffer => unsafe {
                ffi::lua_tobuffer(self.lua, index, &raw mut length).cast_const().cast()
            },
            _ => ptr::null(),
        };
        if start.is_null() {
            return Err(self.mistake(place, "string"));
        }
        self.charge_bytes(length);
        // SAFETY: Luau says so, and strings do not move.
        Ok(unsafe { slice::from_raw_parts(start, length) })
    }

    fn charge_bytes(&self, bytes: usize) {
        // SAFETY: the ground is used by whoever was called last: this call.
        unsafe { (*Ground::of(self.lua)).account.charge(bytes) };
    }

    /// Text, with what is not UTF-8 replaced.
    ///
    /// # Errors
    ///
    /// If it is no text.
    pub fn text(&self, place: u32) -> Result<std::borrow::Cow<'a, str>, Stop> {
        Ok(String::from_utf8_lossy(self.bytes(place)?))
    }

    /// What `read` makes of a value; nothing if there is none.
    ///
    /// # Errors
    ///
    /// As `read`.
    pub fn optional<T>(
        &self,
        place: u32,
        read: impl FnOnce(&Self, u32) -> Result<T, Stop>,
    ) -> Result<Option<T>, Stop> {
        if self.is_nil(place) { Ok(None) } else { read(self, place).map(Some) }
    }

    /// What is in a host object of this kind.
    ///
    /// # Errors
    ///
    /// If it is something else.
    pub fn object(&self, place: u32, tag: u8) -> Result<u64, Stop> {
        // SAFETY: as in `kind`.
        let object = unsafe { ffi::lua_touserdatatagged(self.lua, self.index(place), tag.into()) };
        if object.is_null() {
            return Err(self.mistake(place, "handle"));
        }
        // SAFETY: objects with tags of ours are made in `give_object` alone, and hold a value.
        Ok(unsafe { *object.cast::<u64>() })
    }

    /// Changes what is in a host object of this kind, if it is one.
    pub fn set_object(&mut self, place: u32, tag: u8, value: u64) {
        // SAFETY: as in `object`.
        unsafe {
            let object = ffi::lua_touserdatatagged(self.lua, self.index(place), tag.into());
            if !object.is_null() {
                object.cast::<u64>().write(value);
            }
        }
    }

    /// The kind of a host object, if it is one.
    #[must_use]
    pub fn object_tag(&self, place: u32) -> Option<u8> {
        // SAFETY: as in `kind`.
        let tag = unsafe { ffi::lua_userdatatag(self.lua, self.index(place)) };
        u8::try_from(tag).ok().filter(|tag| *tag != 0 && self.kind(place) == Kind::Object)
    }

    /// The place of a field of a table; there is nil if there is no such field, or no table.
    #[must_use]
    pub fn field(&mut self, table: u32, name: &CStr) -> u32 {
        self.reserve(1);
        // SAFETY: there is room, and it is a table if it is read. What is raw runs no script.
        unsafe {
            if self.kind(table) == Kind::Table {
                ffi::lua_rawgetfield(self.lua, self.index(table), name.as_ptr());
            } else {
                ffi::lua_pushnil(self.lua);
            }
        }
        self.top()
    }

    /// The place of a field of a table whose name need not be text; there is nil if there is no such field, or no table.
    #[must_use]
    pub fn field_named(&mut self, table: u32, name: &[u8]) -> u32 {
        self.spend(1);
        self.reserve(1);
        // SAFETY: as in `field`; the name's place becomes the value's.
        unsafe {
            if self.kind(table) == Kind::Table {
                push(self.lua, name);
                ffi::lua_rawget(self.lua, self.index(table));
            } else {
                ffi::lua_pushnil(self.lua);
            }
        }
        self.top()
    }

    /// The place of an item of an array; there is nil if there is no such item, or no table.
    #[must_use]
    pub fn item(&mut self, table: u32, number: u32) -> u32 {
        self.spend(1);
        self.reserve(1);
        // SAFETY: as in `field`.
        unsafe {
            if self.kind(table) == Kind::Table {
                ffi::lua_rawgeti_(self.lua, self.index(table), number as c_int);
            } else {
                ffi::lua_pushnil(self.lua);
            }
        }
        self.top()
    }

    /// How many items an array has.
    #[must_use]
    pub fn length(&self, table: u32) -> u32 {
        if self.kind(table) != Kind::Table {
            return 0;
        }
        // SAFETY: it is a table, and this runs no script.
        unsafe { ffi::lua_objlen(self.lua, self.index(table)) as u32 }
    }

    /// The places of the next key and value of a table, from the cursor on, which begins at 0.
    pub fn entry(&mut self, table: u32, cursor: &mut u32) -> Option<(u32, u32)> {
        self.spend(1);
        if self.kind(table) != Kind::Table {
            return None;
        }
        self.reserve(2);
        // SAFETY: it is a table; there is room for two values.
        let next = unsafe { ffi::lua_rawiter(self.lua, self.index(table), *cursor as c_int) };
        *cursor = u32::try_from(next).ok()?;
        let top = self.top();
        Some((top - 1, top))
    }

    /// The place of the value that was put on the stack last.
    #[must_use]
    pub fn top(&self) -> u32 {
        // SAFETY: this is a call.
        unsafe { ffi::lua_gettop(self.lua) as u32 }
    }

    /// Forgets all values above a place: what was fetched, or given.
    ///
    /// # Panics
    ///
    /// If that is an argument.
    pub fn forget_above(&mut self, place: u32) {
        assert!(place >= self.arguments(), "arguments stay");
        // SAFETY: it is not above the top, or becomes so with nils.
        unsafe { ffi::lua_settop(self.lua, place as c_int) };
    }

    /// Makes room for so many values more; a few there always are.
    pub fn reserve(&mut self, values: u32) {
        // SAFETY: this raises if there is no memory.
        unsafe { ffi::lua_rawcheckstack(self.lua, values as c_int + 4) };
    }

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

    /// Puts the name and the value that were given last into the table that was given before them.
    pub fn set_pair(&mut self) {
        self.spend(1);
        // SAFETY: there is a table below both, which is ours; the name is a string.
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

    /// Puts the key and the value that were given last into the table that was given before them.
    pub(crate) fn put_given(&mut self) {
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

    /// A thread that will call the function at this place with the arguments behind it.
    ///
    /// # Errors
    ///
    /// If it is no function.
    pub(crate) fn thread(&mut self, function: u32) -> Result<Thread, Stop> {
        if self.kind(function) != Kind::Function {
            return Err(self.mistake(function, "function"));
        }
        let values = self.arguments() + 1 - function;
        self.reserve(1 + values);
        // SAFETY: there is room here and there; the registry keeps the thread.
        unsafe {
            let thread = ffi::lua_newthread(self.lua);
            let reference = ffi::lua_ref(self.lua, -1);
            ffi::lua_rawcheckstack(thread, values as c_int + 1);
            for place in function..=self.arguments() {
                ffi::lua_xpush(self.lua, thread, self.index(place));
            }
            ffi::lua_settop(self.lua, -2);
            Ok(Thread::new(thread, reference, values - 1))
        }
    }

    /// Keeps a value for later.
    pub(crate) fn keep(&mut self, place: u32) -> Kept {
        // SAFETY: there is a value, or nil.
        Kept(unsafe { ffi::lua_ref(self.lua, self.index(place)) })
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

    /// Collects all that nobody can reach.
    pub(crate) fn collect(&mut self) {
        // SAFETY: what this call uses is on the stack. Nothing is collected by itself after this.
        unsafe {
            ffi::lua_gc(self.lua, ffi::LUA_GCCOLLECT, 0);
            ffi::lua_gc(self.lua, ffi::LUA_GCSTOP, 0);
        }
    }

    /// The host objects that scripts let go of since this was asked last.
    pub(crate) fn take_dropped(&mut self) -> Vec<Dropped> {
        // SAFETY: the ground is used by whoever was called last: this call.
        unsafe { std::mem::take(&mut (*Ground::of(self.lua)).dropped) }
    }

    /// Counts what the host did for the script as if the script had passed so many safepoints itself.
    ///
    /// Bytes that are read from a script, memory that is given to it, and items that are fetched from its tables or put
    /// into those that it is given are counted as they are.
    pub fn spend(&mut self, safepoints: u64) {
        // SAFETY: as in `take_dropped`.
        unsafe { (*Ground::of(self.lua)).account.spend(safepoints) };
    }

    /// How much the memory of a category is, in bytes.
    pub(crate) fn category_bytes(&self, category: u8) -> usize {
        // SAFETY: there are 256.
        unsafe { ffi::lua_totalbytes(self.lua, category.into()) }
    }

    /// What to tell a script whose argument is of the wrong kind.
    #[cold]
    fn mistake(&self, place: u32, wanted: &str) -> Stop {
        let index = self.index(place);
        // SAFETY: as in `kind`.
        let found = unsafe { CStr::from_ptr(ffi::luaL_typename(self.lua, index)) }.to_string_lossy();
        if place > self.arguments() && found != "no value" {
            return Stop::Raise(format!("an option is to be a {wanted}, not {found}"));
        }
        let found = if found == "no value" { "nil".into() } else { found };
        Stop::Raise(format!("argument {place} is to be a {wanted}, not {found}"))
    }

    /// A place as Luau has it; the place above all others if it is none, where there is nothing.
    fn index(&self, place: u32) -> c_int {
        assert!(place > 0, "places are counted from 1");
        // There is always room for a few values more.
        place.min(self.top() + 1) as c_int
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
