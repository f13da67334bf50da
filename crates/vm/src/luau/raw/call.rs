//! [`Call`]: the arguments of a host function. What it gives back is beside this, in `give`.

use std::ffi::{CStr, c_int};
use std::marker::PhantomData;
use std::mem::MaybeUninit;
use std::{ptr, slice};

use mlua::ffi::{self, lua_State};

use super::entry::push;
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
    pub(super) lua: *mut lua_State,
    arguments: c_int,
    is_again: bool,
    lifetime: PhantomData<&'a ()>,
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

    /// The name of the chunk whose function is so many calls below this one.
    #[must_use]
    pub(crate) fn chunk_of_caller(&self, below: u32) -> Vec<u8> {
        let mut found = MaybeUninit::<ffi::lua_Debug>::zeroed();
        // SAFETY: zeros are null pointers and numbers. What is asked for is filled in, if there is such a call; the name is
        // a string that the function keeps, and is copied at once.
        unsafe {
            let is_there = ffi::lua_getinfo(self.lua, below as c_int, c"s".as_ptr(), found.as_mut_ptr()) != 0;
            let name = (*found.as_ptr()).short_src;
            if is_there && !name.is_null() { CStr::from_ptr(name).to_bytes().to_vec() } else { Vec::new() }
        }
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

    /// Whether a value is [`Null`](super::Null).
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
    pub(super) fn index(&self, place: u32) -> c_int {
        assert!(place > 0, "places are counted from 1");
        // There is always room for a few values more.
        place.min(self.top() + 1) as c_int
    }
}
