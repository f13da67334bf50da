//! [`State`]: a Luau state, and what the host does with it.

use std::ffi::{CStr, c_int, c_void};
use std::marker::PhantomData;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::ptr::{self, NonNull};

use mlua::ffi::{self, lua_State};

use super::addresses;
use super::allocator::{Account, allocate};
use super::costs;
use super::entry::{Function, push};
use super::ground::{Active, Cause, Dropped, Fuel, Ground, begins, collected, ends, interrupt};
use super::thread::{Kept, Outcome, Thread};

/// What a state offers to scripts beside Luau's own libraries.
pub(crate) struct Libraries<'a, H> {
    /// Tables of functions.
    pub(crate) tables: &'a [(&'static CStr, &'a [Function<H>])],
    /// Functions that have no table. They take the place of Luau's, if it has one of the name.
    pub(crate) globals: &'a [Function<H>],
    /// Methods of host objects, by tag.
    pub(crate) objects: &'a [(u8, &'static CStr, &'a [Function<H>])],
    /// Host objects: table and name, tag and value.
    pub(crate) constants: &'a [(&'static CStr, &'static CStr, u8, u64)],
    /// What of Luau's own is taken away: table (empty for globals) and name.
    pub(crate) removed: &'a [(&'static CStr, &'static CStr)],
    /// Sources, compiled, that add to the tables: each is run before everything is frozen. They must not call functions of
    /// the host, which works for nobody yet.
    pub(crate) preludes: &'a [(&'static CStr, &'a [u8])],
}

/// A function that was loaded once, to be run by many threads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Prototype(c_int);

/// A Luau state whose host functions work for an `H`.
#[derive(Debug)]
pub(crate) struct State<H> {
    lua: NonNull<lua_State>,
    ground: NonNull<Ground>,
    /// The metatable of environments.
    environment: c_int,
    /// Whether garbage is collected while scripts run.
    collects: bool,
    host: PhantomData<fn(&mut H)>,
}

// SAFETY: a state is used through `&mut`, and holds nothing that belongs to a thread of the host.
unsafe impl<H> Send for State<H> {}

impl<H> State<H> {
    /// A state with everything that its scripts will find, frozen.
    ///
    /// # Panics
    ///
    /// If the program has no memory, or a prelude does not run.
    pub(crate) fn new(libraries: &Libraries<'_, H>) -> Self {
        Self::with(libraries, |account| (allocate, account.cast()))
    }

    /// As [`new`](Self::new), with an allocator and what it is called with, made for the account of the state.
    pub(super) fn with(
        libraries: &Libraries<'_, H>,
        allocator: impl FnOnce(*mut Account) -> (ffi::lua_Alloc, *mut c_void),
    ) -> Self {
        let ground = NonNull::from(Box::leak(Box::new(Ground::new())));
        // SAFETY: the account is in the ground, which is freed after the state. Nothing here is limited, so nothing raises.
        unsafe {
            let (allocate, data) = allocator(&raw mut (*ground.as_ptr()).account);
            let lua = ffi::lua_newstate(allocate, data);
            let lua = NonNull::new(lua).expect("the program has memory for another state");
            let callbacks = ffi::lua_callbacks(lua.as_ptr());
            (*callbacks).userdata = ground.as_ptr().cast();
            (*callbacks).interrupt = Some(interrupt);
            (*callbacks).preresume = Some(begins);
            (*callbacks).postresume = Some(ends);
            let mut state = Self { lua, ground, environment: 0, collects: true, host: PhantomData };
            state.furnish(libraries);
            state
        }
    }

    /// # Safety
    ///
    /// The state is new.
    unsafe fn furnish(&mut self, libraries: &Libraries<'_, H>) {
        let lua = self.lua.as_ptr();
        // SAFETY: the state is new; nothing raises, because memory is not limited and nothing is frozen yet.
        unsafe {
            for open in [
                ffi::luaopen_base,
                ffi::luaopen_coroutine,
                ffi::luaopen_table,
                ffi::luaopen_string,
                ffi::luaopen_bit32,
                ffi::luaopen_buffer,
                ffi::luaopen_utf8,
                ffi::luaopen_math,
                ffi::luaopen_debug,
                ffi::luaopen_vector,
            ] {
                ffi::lua_pushcclosurek(lua, open, ptr::null(), 0, None);
                ffi::lua_call(lua, 0, 0);
            }
            addresses::hide(lua);
            costs::count(lua);
            for (table, name) in libraries.removed {
                self.open_table(table);
                ffi::lua_pushnil(lua);
                ffi::lua_setfield(lua, -2, name.as_ptr());
                ffi::lua_settop(lua, 0);
            }
            for (table, functions) in libraries.tables {
                self.open_table(table);
                self.define(functions);
                ffi::lua_settop(lua, 0);
            }
            self.open_table(c"");
            self.define(libraries.globals);
            ffi::lua_settop(lua, 0);
            for (tag, name, methods) in libraries.objects {
                self.define_object(*tag, name, methods);
            }
            for (table, name, tag, value) in libraries.constants {
                self.open_table(table);
                let size = size_of::<u64>();
                let object = ffi::lua_newuserdatataggedwithmetatable(lua, size, (*tag).into());
                object.cast::<u64>().write(*value);
                ffi::lua_setfield(lua, -2, name.as_ptr());
                ffi::lua_settop(lua, 0);
            }
            for (name, bytecode) in libraries.preludes {
                let loaded = ffi::luau_load(lua, name.as_ptr(), bytecode.as_ptr().cast(), bytecode.len(), 0);
                assert!(loaded == 0, "the prelude {name:?} compiles: {}", self.text(-1));
                ffi::lua_call(lua, 0, 0);
                ffi::lua_settop(lua, 0);
            }
            ffi::luaL_sandbox_(lua);
            self.environment = self.shared_metatable();
            ffi::lua_gc(lua, ffi::LUA_GCCOLLECT, 0);
        }
    }

    /// Pushes a global table, which is made if there is none; the globals themselves for no name.
    ///
    /// # Safety
    ///
    /// As [`furnish`](Self::furnish).
    unsafe fn open_table(&mut self, name: &CStr) {
        let lua = self.lua.as_ptr();
        // SAFETY: as promised.
        unsafe {
            if name.is_empty() {
                ffi::lua_pushvalue(lua, ffi::LUA_GLOBALSINDEX);
                return;
            }
            if ffi::lua_getfield(lua, ffi::LUA_GLOBALSINDEX, name.as_ptr()) != ffi::LUA_TTABLE {
                ffi::lua_settop(lua, -2);
                ffi::lua_createtable(lua, 0, 0);
                ffi::lua_pushvalue(lua, -1);
                ffi::lua_setfield(lua, ffi::LUA_GLOBALSINDEX, name.as_ptr());
            }
        }
    }

    /// Puts functions into the table on top.
    ///
    /// # Safety
    ///
    /// As [`furnish`](Self::furnish).
    unsafe fn define(&mut self, functions: &[Function<H>]) {
        let lua = self.lua.as_ptr();
        for function in functions {
            // SAFETY: as promised.
            unsafe {
                if function.is_null {
                    ffi::lua_pushlightuserdata(lua, ptr::null_mut());
                } else {
                    let (enter, again) = (function.enter, Some(function.again));
                    ffi::lua_pushcclosurek(lua, enter, function.name.as_ptr(), 0, again);
                }
                ffi::lua_setfield(lua, -2, function.name.as_ptr());
            }
        }
    }

    /// Makes the metatable of host objects of a kind.
    ///
    /// # Safety
    ///
    /// As [`furnish`](Self::furnish).
    unsafe fn define_object(&mut self, tag: u8, name: &CStr, methods: &[Function<H>]) {
        let lua = self.lua.as_ptr();
        // SAFETY: as promised.
        unsafe {
            ffi::lua_createtable(lua, 0, 3);
            ffi::lua_createtable(lua, 0, methods.len() as c_int);
            self.define(methods);
            ffi::lua_setreadonly(lua, -1, 1);
            ffi::lua_setfield(lua, -2, c"__index".as_ptr());
            push(lua, name.to_bytes());
            ffi::lua_setfield(lua, -2, c"__type".as_ptr());
            push(lua, name.to_bytes());
            ffi::lua_setfield(lua, -2, c"__metatable".as_ptr());
            ffi::lua_setreadonly(lua, -1, 1);
            ffi::lua_setuserdatametatable(lua, tag.into());
            ffi::lua_settop(lua, 0);
            ffi::lua_setuserdatadtor(lua, tag.into(), Some(collector(tag)));
        }
    }

    /// What environments of processes have in common: they show what is behind, and hide how.
    ///
    /// # Safety
    ///
    /// As [`furnish`](Self::furnish).
    unsafe fn shared_metatable(&mut self) -> c_int {
        let lua = self.lua.as_ptr();
        // SAFETY: as promised.
        unsafe {
            ffi::lua_createtable(lua, 0, 2);
            ffi::lua_pushvalue(lua, ffi::LUA_GLOBALSINDEX);
            ffi::lua_setfield(lua, -2, c"__index".as_ptr());
            ffi::lua_pushboolean(lua, 0);
            ffi::lua_setfield(lua, -2, c"__metatable".as_ptr());
            ffi::lua_setreadonly(lua, -1, 1);
            let reference = ffi::lua_ref(lua, -1);
            ffi::lua_settop(lua, 0);
            reference
        }
    }

    /// Loads what the compiler made, to be run by many threads.
    ///
    /// # Errors
    ///
    /// What is wrong with the source.
    pub(crate) fn load(&mut self, bytecode: &[u8], name: &CStr) -> Result<Prototype, String> {
        let lua = self.lua.as_ptr();
        // SAFETY: the bytecode is the compiler's. Memory is not limited here.
        unsafe {
            ffi::lua_setmemcat(lua, 0);
            let status = ffi::luau_load(lua, name.as_ptr(), bytecode.as_ptr().cast(), bytecode.len(), 0);
            if status != 0 {
                let text = self.text(-1);
                ffi::lua_settop(lua, 0);
                return Err(text);
            }
            let reference = ffi::lua_ref(lua, -1);
            ffi::lua_settop(lua, 0);
            Ok(Prototype(reference))
        }
    }

    /// Forgets a prototype. What threads are running of it stays.
    pub(crate) fn unload(&mut self, prototype: Prototype) {
        // SAFETY: it is a reference of this state.
        unsafe { ffi::lua_unref(self.lua.as_ptr(), prototype.0) };
    }

    /// A thread with globals of its own that will run a prototype with these arguments.
    ///
    /// What it takes is counted under `category`, of which there are 256.
    pub(crate) fn spawn(&mut self, prototype: Prototype, arguments: &[&[u8]], category: u8) -> Thread {
        let lua = self.lua.as_ptr();
        // SAFETY: memory is not limited here, so nothing raises. The thread is kept by the registry.
        unsafe {
            ffi::lua_setmemcat(lua, category.into());
            let thread = ffi::lua_newthread(lua);
            let reference = ffi::lua_ref(lua, -1);
            ffi::lua_createtable(thread, 0, 0);
            ffi::lua_rawgeti_(lua, ffi::LUA_REGISTRYINDEX, self.environment);
            ffi::lua_xmove(lua, thread, 1);
            ffi::lua_setmetatable(thread, -2);
            ffi::lua_replace(thread, ffi::LUA_GLOBALSINDEX);
            ffi::lua_setsafeenv(thread, ffi::LUA_GLOBALSINDEX, 1);
            ffi::lua_rawgeti_(lua, ffi::LUA_REGISTRYINDEX, prototype.0);
            ffi::lua_xmove(lua, thread, 1);
            ffi::lua_clonefunction(thread, -1);
            ffi::lua_remove(thread, -2);
            ffi::lua_rawcheckstack(thread, arguments.len() as c_int + 1);
            for argument in arguments {
                push(thread, argument);
            }
            ffi::lua_settop(lua, 0);
            ffi::lua_setmemcat(lua, 0);
            Thread::new(thread, reference, arguments.len() as u32)
        }
    }

    /// A thread with the globals of another one that will call a function which was kept.
    pub(crate) fn spawn_kept(&mut self, main: &Thread, function: Kept, arguments: &[&[u8]]) -> Thread {
        // SAFETY: as in `spawn`; the new thread has the category of the one that it is made from.
        unsafe {
            ffi::lua_rawcheckstack(main.lua, 2);
            let thread = ffi::lua_newthread(main.lua);
            let reference = ffi::lua_ref(main.lua, -1);
            ffi::lua_settop(main.lua, -2);
            ffi::lua_rawcheckstack(thread, arguments.len() as c_int + 2);
            ffi::lua_rawgeti_(thread, ffi::LUA_REGISTRYINDEX, function.0);
            for argument in arguments {
                push(thread, argument);
            }
            Thread::new(thread, reference, arguments.len() as u32)
        }
    }

    /// Lets go of a value that was kept.
    pub(crate) fn forget(&mut self, kept: Kept) {
        // SAFETY: it is a reference of this state.
        unsafe { ffi::lua_unref(self.lua.as_ptr(), kept.0) };
    }

    /// Lets go of a thread, which nobody runs any more.
    #[expect(clippy::needless_pass_by_value, reason = "nobody may use it after this")]
    pub(crate) fn release(&mut self, thread: Thread) {
        // SAFETY: it is a thread of this state; it is collected with all that it held.
        unsafe { ffi::lua_unref(self.lua.as_ptr(), thread.reference) };
    }

    /// Runs a thread until it ends, waits or has spent its fuel. Says what became of it, and how much fuel it took.
    ///
    /// The state has no more than `memory` bytes meanwhile.
    ///
    /// # Panics
    ///
    /// If a host function does. The state must not be used after that.
    pub(crate) fn resume(
        &mut self,
        thread: &mut Thread,
        host: &mut H,
        fuel: Fuel,
        memory: usize,
    ) -> (Outcome, u32) {
        let ground = self.ground.as_ptr();
        // SAFETY: only callbacks look at the ground while Luau runs, and only one at a time.
        unsafe {
            (*ground).account.fuel = fuel.slice.into();
            (*ground).grace = fuel.grace.into();
            (*ground).doomed = false;
            (*ground).host = ptr::from_mut(host).cast();
            (*ground).account.limit = memory;
            if self.collects {
                (*ground).account.relax();
            }
        }
        let ran = catch_unwind(AssertUnwindSafe(|| self.run(thread)));
        // SAFETY: Luau does not run any more.
        let spent = unsafe {
            (*ground).account.limit = usize::MAX;
            (*ground).host = ptr::null_mut();
            (*ground).active.clear();
            let left = (*ground).account.fuel_left();
            (*ground).account.kept_fuel = None;
            (*ground).account.pressure = usize::MAX;
            i64::from(fuel.slice) - left
        };
        match ran {
            Ok(outcome) => (outcome, u32::try_from(spent).unwrap_or(u32::MAX)),
            Err(panic) => std::panic::resume_unwind(panic),
        }
    }

    fn run(&mut self, thread: &mut Thread) -> Outcome {
        let ground = self.ground.as_ptr();
        loop {
            let innermost = thread.inner.last().copied().unwrap_or(thread.lua);
            let arguments = std::mem::take(&mut thread.arguments) as c_int;
            // SAFETY: the thread is new, or was stopped, or its innermost coroutine has just come back.
            let status = unsafe { ffi::lua_resume_(innermost, ptr::null_mut(), arguments) };
            if status == ffi::LUA_BREAK {
                // SAFETY: Luau does not run.
                let ground = unsafe { &mut *ground };
                thread.inner.extend(ground.stopped.drain(..).skip(1));
                return match ground.cause {
                    _ if ground.doomed => Outcome::Doomed,
                    Cause::Host => Outcome::Stopped,
                    Cause::Spent => Outcome::Spent,
                };
            }
            if thread.inner.pop().is_some() {
                continue; // Whoever resumed that coroutine goes on with what came of it.
            }
            // SAFETY: as above.
            if unsafe { (*ground).doomed } {
                return Outcome::Doomed;
            }
            return match status {
                ffi::LUA_OK => Outcome::Finished,
                ffi::LUA_YIELD => Outcome::Yielded,
                ffi::LUA_ERRMEM => Outcome::OutOfMemory,
                _ => Outcome::Failed(self.error_of(thread)),
            };
        }
    }

    /// The error that is on top of a thread that failed.
    fn error_of(&self, thread: &Thread) -> String {
        // SAFETY: the error is on top. What is not text is not asked to become it: that would run the script.
        unsafe {
            match ffi::lua_type(thread.lua, -1) {
                ffi::LUA_TSTRING => text_of(thread.lua, -1),
                ffi::LUA_TNUMBER => ffi::lua_tonumber(thread.lua, -1).to_string(),
                kind => {
                    let name = CStr::from_ptr(ffi::lua_typename(thread.lua, kind));
                    format!("(error object is a {})", name.to_string_lossy())
                }
            }
        }
    }

    fn text(&self, index: c_int) -> String {
        // SAFETY: whatever is there, or nothing.
        unsafe { text_of(self.lua.as_ptr(), index) }
    }

    /// How many bytes the state has.
    pub(crate) fn used(&self) -> usize {
        // SAFETY: Luau does not run.
        unsafe { (*self.ground.as_ptr()).account.used }
    }

    /// How many bytes of a category are in use.
    pub(crate) fn category_bytes(&self, category: u8) -> usize {
        // SAFETY: there are 256.
        unsafe { ffi::lua_totalbytes(self.lua.as_ptr(), category.into()) }
    }

    /// Collects all that nobody can reach.
    pub(crate) fn collect(&mut self) {
        // SAFETY: no thread runs.
        unsafe { ffi::lua_gc(self.lua.as_ptr(), ffi::LUA_GCCOLLECT, 0) };
    }

    /// Collects nothing from now on.
    pub(crate) fn stop_collector(&mut self) {
        self.collects = false;
        self.stop_pacing();
    }

    /// Collects from now on only when it is told to, or when memory ends: Luau's own pace depends on the clock.
    pub(crate) fn stop_pacing(&mut self) {
        // SAFETY: no thread runs.
        unsafe { ffi::lua_gc(self.lua.as_ptr(), ffi::LUA_GCSTOP, 0) };
    }

    /// The host objects that scripts let go of since this was asked last.
    pub(crate) fn take_dropped(&mut self) -> Vec<Dropped> {
        // SAFETY: Luau does not run.
        unsafe { std::mem::take(&mut (*self.ground.as_ptr()).dropped) }
    }
}

impl<H> Drop for State<H> {
    fn drop(&mut self) {
        // SAFETY: nothing of the state is used after this. Its objects are collected, which the ground must see.
        unsafe {
            ffi::lua_close(self.lua.as_ptr());
            drop(Box::from_raw(self.ground.as_ptr()));
        }
    }
}

/// The text at an index, if there is one.
///
/// # Safety
///
/// The index is one of this stack, or above it.
unsafe fn text_of(lua: *mut lua_State, index: c_int) -> String {
    let mut length = 0;
    // SAFETY: a string stays in its place; nothing else is looked at.
    unsafe {
        if ffi::lua_type(lua, index) != ffi::LUA_TSTRING {
            return String::new();
        }
        let start = ffi::lua_tolstring(lua, index, &raw mut length);
        String::from_utf8_lossy(std::slice::from_raw_parts(start.cast(), length)).into_owned()
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

const _: () = assert!(size_of::<Active>() == 16);
