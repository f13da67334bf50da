//! [`Libraries`]: what scripts find, and how it gets into a state.
//!
//! A table that nobody looks for is never made: of the memory of a machine that sleeps, most would be libraries.

use std::ffi::{CStr, c_int};
use std::ptr;
use std::sync::Arc;

use mlua::ffi::{self, lua_State};

use super::addresses;
use super::costs;
use super::entry::{Function, push};
use super::ground::{Ground, collected};
use crate::luau::Bytecode;

/// What a state offers to scripts beside Luau's own libraries.
#[derive(Debug)]
pub(crate) struct Libraries<H: 'static> {
    /// Tables of functions.
    pub(crate) tables: Vec<(&'static CStr, &'static [Function<H>])>,
    /// Functions that have no table. They take the place of Luau's, if it has one of the name.
    pub(crate) globals: &'static [Function<H>],
    /// Methods of host objects, by tag.
    pub(crate) objects: &'static [(u8, &'static CStr, &'static [Function<H>])],
    /// Host objects: table and name, tag and value.
    pub(crate) constants: &'static [(&'static CStr, &'static CStr, u8, u64)],
    /// What of Luau's own is taken away: table (empty for globals) and name.
    pub(crate) removed: &'static [(&'static CStr, &'static CStr)],
    /// What is written in Luau, by the table that it adds to: it is run when that is made. It must not call functions of
    /// the host, which works for nobody then.
    pub(crate) preludes: Vec<(&'static CStr, Bytecode)>,
    /// Functions written in Luau that have no table.
    pub(crate) written: Vec<Written<H>>,
}

/// A function written in Luau: its name, the chunk that returns it, and functions of the host that the chunk is given and
/// scripts do not see.
pub(crate) type Written<H> = (&'static CStr, Bytecode, &'static [Function<H>]);

impl<H: 'static> Default for Libraries<H> {
    fn default() -> Self {
        Self {
            tables: Vec::new(),
            globals: &[],
            objects: &[],
            constants: &[],
            removed: &[],
            preludes: Vec::new(),
            written: Vec::new(),
        }
    }
}

impl<H: 'static> Libraries<H> {
    /// What can be made.
    fn names(&self) -> impl Iterator<Item = &'static CStr> {
        let tables = self.tables.iter().map(|(name, _)| *name);
        OWN.iter().map(|(name, _)| *name).chain(tables).chain(self.written.iter().map(|(name, ..)| *name))
    }
}

/// When tables are made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Furnished {
    /// All of them before the first script, for states that have many, or are to be the same always.
    Whole,
    /// Each when a script first looks for it.
    OnDemand,
}

/// Luau's own libraries but those that are always there: strings and vectors have methods.
const OWN: [(&CStr, unsafe extern "C-unwind" fn(*mut lua_State) -> c_int); 7] = [
    (c"coroutine", ffi::luaopen_coroutine),
    (c"table", ffi::luaopen_table),
    (c"bit32", ffi::luaopen_bit32),
    (c"buffer", ffi::luaopen_buffer),
    (c"utf8", ffi::luaopen_utf8),
    (c"math", ffi::luaopen_math),
    (c"debug", ffi::luaopen_debug),
];

/// What a state's callbacks call to make a part of the libraries that they know nothing of.
#[derive(Debug, Clone, Copy)]
pub(super) struct Maker {
    libraries: *const (),
    object: unsafe fn(*mut lua_State, *const (), u8),
}

impl Maker {
    /// One for nothing.
    pub(super) const NONE: Self = Self { libraries: ptr::null(), object: |_, _, _| {} };
}

/// Puts libraries into a new state.
///
/// # Safety
///
/// The state is new, and its own thread is given. The libraries outlive it.
///
/// # Panics
///
/// If a prelude does not run.
pub(super) unsafe fn furnish<H: 'static>(
    lua: *mut lua_State,
    libraries: &Arc<Libraries<H>>,
    furnished: Furnished,
) {
    let known: *const Libraries<H> = Arc::as_ptr(libraries);
    // SAFETY: the state is new; nothing raises, because memory is not limited and nothing is frozen yet.
    unsafe {
        (*Ground::of(lua)).maker = Maker { libraries: known.cast(), object: make_object::<H> };
        for open in [ffi::luaopen_base, ffi::luaopen_string, ffi::luaopen_vector] {
            ffi::lua_pushcclosurek(lua, open, ptr::null(), 0, None);
            ffi::lua_call(lua, 0, 0);
        }
        addresses::hide(lua);
        for name in [c"", c"string"] {
            open_table(lua, name);
            add::<H>(lua, libraries, name);
            ffi::lua_settop(lua, 0);
        }
        ffi::luaL_sandbox_(lua);
        // Looking for what is not there makes it, if it is a library.
        ffi::lua_pushcclosurek(lua, provide::<H>, c"index".as_ptr(), 0, None);
        push_metatable(lua);
        ffi::lua_setreadonly(lua, ffi::LUA_GLOBALSINDEX, 0);
        ffi::lua_setmetatable(lua, ffi::LUA_GLOBALSINDEX);
        ffi::lua_setreadonly(lua, ffi::LUA_GLOBALSINDEX, 1);
        if furnished == Furnished::Whole {
            for name in libraries.names() {
                make(lua, libraries, name);
            }
            for (tag, ..) in libraries.objects {
                object(lua, *tag);
            }
        }
        ffi::lua_settop(lua, 0);
    }
}

/// Puts a metatable in the place of the value on top: with it a table has what is behind that value as well, and hides how.
///
/// # Safety
///
/// The state is new, and its own thread is given.
pub(super) unsafe fn push_metatable(lua: *mut lua_State) {
    // SAFETY: as promised, nothing raises.
    unsafe {
        ffi::lua_createtable(lua, 0, 2);
        ffi::lua_pushvalue(lua, -2);
        ffi::lua_setfield(lua, -2, c"__index".as_ptr());
        ffi::lua_pushboolean(lua, 0);
        ffi::lua_setfield(lua, -2, c"__metatable".as_ptr());
        ffi::lua_setreadonly(lua, -1, 1);
        ffi::lua_remove(lua, -2);
    }
}

/// Makes the metatable of host objects of a kind, unless that was done before.
///
/// # Safety
///
/// The thread belongs to one of our states.
#[inline]
pub(super) unsafe fn object(lua: *mut lua_State, tag: u8) {
    // SAFETY: as promised.
    unsafe {
        let ground = Ground::of(lua);
        if (*ground).objects & 1 << tag == 0 {
            (*ground).objects |= 1 << tag;
            let Maker { libraries, object } = (*ground).maker;
            unlimited(ffi::lua_mainthread(lua), |lua| object(lua, libraries, tag));
        }
    }
}

/// The metamethod that scripts meet when a global is not there.
///
/// # Safety
///
/// Luau calls it, with the globals and a name.
unsafe extern "C-unwind" fn provide<H: 'static>(lua: *mut lua_State) -> c_int {
    let mut length = 0;
    // SAFETY: this is a call of a C function. What is made is made by the state's own thread, which never runs a script, so
    // that it belongs to no process.
    unsafe {
        if ffi::lua_type(lua, 2) != ffi::LUA_TSTRING {
            return 0;
        }
        let start = ffi::lua_tolstring(lua, 2, &raw mut length).cast::<u8>();
        let name = std::slice::from_raw_parts(start, length);
        // `unpack` is the only name of a function that a table brings with it.
        let name = if name == b"unpack" { b"table" } else { name };
        let libraries = &*(*Ground::of(lua)).maker.libraries.cast::<Libraries<H>>();
        let Some(name) = libraries.names().find(|known| known.to_bytes() == name) else { return 0 };
        unlimited(ffi::lua_mainthread(lua), |main| make(main, libraries, name));
        ffi::lua_settop(lua, 2);
        ffi::lua_rawget(lua, 1);
    }
    1
}

/// Does something with a state for which no script pays, and that cannot fail: libraries are few and small.
///
/// # Safety
///
/// It is the thread of one of our states that runs no script.
unsafe fn unlimited(lua: *mut lua_State, make: impl FnOnce(*mut lua_State)) {
    // SAFETY: as promised; callbacks that run meanwhile look at the ground by this pointer as well.
    unsafe {
        let ground = Ground::of(lua);
        let account = (*ground).account.suspend();
        let top = ffi::lua_gettop(lua);
        ffi::lua_rawcheckstack(lua, 16);
        make(lua);
        ffi::lua_settop(lua, top);
        (*ground).account.restore(&account);
    }
}

/// Makes a global, unless it is there.
///
/// # Safety
///
/// The state's own thread is given; memory is not limited, and nothing raises.
unsafe fn make<H: 'static>(lua: *mut lua_State, libraries: &Libraries<H>, name: &CStr) {
    // SAFETY: as promised.
    unsafe {
        let kind = ffi::lua_rawgetfield(lua, ffi::LUA_GLOBALSINDEX, name.as_ptr());
        ffi::lua_settop(lua, -2);
        if kind != ffi::LUA_TNIL {
            return;
        }
        // One part may need another, so this may happen in itself.
        let was_frozen = ffi::lua_getreadonly(lua, ffi::LUA_GLOBALSINDEX);
        ffi::lua_setreadonly(lua, ffi::LUA_GLOBALSINDEX, 0);
        if let Some((_, bytecode, functions)) = libraries.written.iter().find(|(known, ..)| *known == name) {
            load(lua, name, bytecode);
            functions.iter().for_each(|function| push_function(lua, function));
            run(lua, name, functions.len() as c_int, 1);
            ffi::lua_rawsetfield(lua, ffi::LUA_GLOBALSINDEX, name.as_ptr());
        } else {
            make_table(lua, libraries, name);
        }
        ffi::lua_setreadonly(lua, ffi::LUA_GLOBALSINDEX, was_frozen);
    }
}

/// As [`make`], if it is a table.
///
/// # Safety
///
/// As [`make`]; the globals are not frozen.
unsafe fn make_table<H: 'static>(lua: *mut lua_State, libraries: &Libraries<H>, name: &CStr) {
    // SAFETY: as promised.
    unsafe {
        if let Some((_, open)) = OWN.iter().find(|(own, _)| *own == name) {
            ffi::lua_pushcclosurek(lua, *open, ptr::null(), 0, None);
            ffi::lua_call(lua, 0, 0);
        }
        open_table(lua, name);
        add(lua, libraries, name);
        for (_, bytecode) in libraries.preludes.iter().filter(|(table, _)| *table == name) {
            load(lua, name, bytecode);
            run(lua, name, 0, 0);
        }
        ffi::lua_setreadonly(lua, -1, 1);
        ffi::lua_settop(lua, -2);
    }
}

/// Pushes the function of a part that is written in Luau.
///
/// # Safety
///
/// As [`make`].
unsafe fn load(lua: *mut lua_State, name: &CStr, bytecode: &Bytecode) {
    let bytecode = bytecode.as_bytes();
    // SAFETY: as promised; the bytecode is the compiler's.
    unsafe {
        let failed = ffi::luau_load(lua, c"=prelude".as_ptr(), bytecode.as_ptr().cast(), bytecode.len(), 0);
        assert!(failed == 0, "the prelude of {name:?} compiles: {}", super::state::text_of(lua, -1));
    }
}

/// Calls what was [loaded](load).
///
/// # Safety
///
/// As [`make`].
unsafe fn run(lua: *mut lua_State, name: &CStr, arguments: c_int, results: c_int) {
    // SAFETY: as promised, the function and its arguments are on top.
    unsafe {
        let failed = ffi::lua_pcall(lua, arguments, results, 0);
        assert!(failed == 0, "the prelude of {name:?} runs: {}", super::state::text_of(lua, -1));
    }
}

/// Adds to the table on top what the libraries have for it, and takes away what they do not want.
///
/// # Safety
///
/// As [`make`].
unsafe fn add<H: 'static>(lua: *mut lua_State, libraries: &Libraries<H>, name: &CStr) {
    // SAFETY: as promised.
    unsafe {
        costs::count(lua, name);
        for (_, field) in libraries.removed.iter().filter(|(table, _)| *table == name) {
            ffi::lua_pushnil(lua);
            ffi::lua_rawsetfield(lua, -2, field.as_ptr());
        }
        for (_, functions) in libraries.tables.iter().filter(|(table, _)| *table == name) {
            define(lua, functions);
        }
        if name.is_empty() {
            define(lua, libraries.globals);
        }
        for (_, field, tag, value) in libraries.constants.iter().filter(|(table, ..)| *table == name) {
            object(lua, *tag);
            let place = ffi::lua_newuserdatataggedwithmetatable(lua, size_of::<u64>(), (*tag).into());
            place.cast::<u64>().write(*value);
            ffi::lua_setfield(lua, -2, field.as_ptr());
        }
    }
}

/// Pushes a global table, which is made if there is none; the globals themselves for no name.
///
/// # Safety
///
/// As [`make`].
unsafe fn open_table(lua: *mut lua_State, name: &CStr) {
    // SAFETY: as promised.
    unsafe {
        if name.is_empty() {
            ffi::lua_pushvalue(lua, ffi::LUA_GLOBALSINDEX);
            return;
        }
        if ffi::lua_rawgetfield(lua, ffi::LUA_GLOBALSINDEX, name.as_ptr()) != ffi::LUA_TTABLE {
            ffi::lua_settop(lua, -2);
            ffi::lua_createtable(lua, 0, 0);
            ffi::lua_pushvalue(lua, -1);
            ffi::lua_rawsetfield(lua, ffi::LUA_GLOBALSINDEX, name.as_ptr());
        }
    }
}

/// Puts functions into the table on top.
///
/// # Safety
///
/// As [`make`].
unsafe fn define<H: 'static>(lua: *mut lua_State, functions: &[Function<H>]) {
    for function in functions {
        // SAFETY: as promised.
        unsafe {
            push_function(lua, function);
            ffi::lua_rawsetfield(lua, -2, function.name.as_ptr());
        }
    }
}

/// # Safety
///
/// As [`make`].
unsafe fn push_function<H>(lua: *mut lua_State, function: &Function<H>) {
    // SAFETY: as promised.
    unsafe {
        if function.is_null {
            ffi::lua_pushlightuserdata(lua, ptr::null_mut());
        } else {
            let (enter, again) = (function.enter, Some(function.again));
            ffi::lua_pushcclosurek(lua, enter, function.name.as_ptr(), 0, again);
        }
    }
}

/// Makes the metatable of host objects of a kind.
///
/// # Safety
///
/// As [`make`]; `libraries` is a `Libraries<H>`.
unsafe fn make_object<H: 'static>(lua: *mut lua_State, libraries: *const (), tag: u8) {
    // SAFETY: as promised.
    unsafe {
        let libraries = &*libraries.cast::<Libraries<H>>();
        let Some((_, name, methods)) = libraries.objects.iter().find(|(known, ..)| *known == tag) else {
            return;
        };
        ffi::lua_createtable(lua, 0, 3);
        ffi::lua_createtable(lua, 0, methods.len() as c_int);
        define(lua, methods);
        ffi::lua_setreadonly(lua, -1, 1);
        ffi::lua_setfield(lua, -2, c"__index".as_ptr());
        push(lua, name.to_bytes());
        ffi::lua_setfield(lua, -2, c"__type".as_ptr());
        push(lua, name.to_bytes());
        ffi::lua_setfield(lua, -2, c"__metatable".as_ptr());
        ffi::lua_setreadonly(lua, -1, 1);
        ffi::lua_setuserdatametatable(lua, tag.into());
        ffi::lua_setuserdatadtor(lua, tag.into(), Some(collector(tag)));
    }
}

/// What collects host objects of a kind.
fn collector(tag: u8) -> ffi::lua_Destructor {
    match tag {
        1 => collected::<1>,
        2 => collected::<2>,
        3 => collected::<3>,
        4 => collected::<4>,
        5 => collected::<5>,
        6 => collected::<6>,
        7 => collected::<7>,
        _ => unreachable!("host objects have seven kinds"),
    }
}
