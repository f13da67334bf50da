//! [`State`]: a Luau state, and what the host does with it.

use std::ffi::{CStr, c_int, c_void};
use std::marker::PhantomData;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::ptr::{self, NonNull};
use std::sync::Arc;

use mlua::ffi::{self, lua_State};

use super::allocator::{Account, allocate};
use super::entry::push;
use super::ground::{Active, Cause, Dropped, Fuel, Ground, begins, ends, interrupt};
use super::libraries::{Furnished, Libraries, furnish, push_metatable};
use super::thread::{Kept, Outcome, Thread};

/// A function that was loaded once, to be run by many threads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Prototype(c_int);

/// A Luau state whose host functions work for an `H`.
#[derive(Debug)]
pub(crate) struct State<H: 'static> {
    lua: NonNull<lua_State>,
    ground: NonNull<Ground>,
    /// The metatable of environments.
    environment: c_int,
    /// Whether garbage is collected while scripts run.
    collects: bool,
    /// What it is furnished with, some of it later.
    _libraries: Arc<Libraries<H>>,
    host: PhantomData<fn(&mut H)>,
}

// SAFETY: a state is used through `&mut`, and holds nothing that belongs to a thread of the host.
unsafe impl<H: 'static> Send for State<H> {}

impl<H: 'static> State<H> {
    /// A state whose scripts find these libraries, which they cannot change.
    ///
    /// # Panics
    ///
    /// If the program has no memory, or a prelude does not run.
    pub(crate) fn new(libraries: Arc<Libraries<H>>, furnished: Furnished) -> Self {
        Self::with(libraries, furnished, |account| (allocate, account.cast()))
    }

    /// As [`new`](Self::new), with an allocator and what it is called with, made for the account of the state.
    pub(super) fn with(
        libraries: Arc<Libraries<H>>,
        furnished: Furnished,
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
            furnish(lua.as_ptr(), &libraries, furnished);
            let environment = shared_metatable(lua.as_ptr());
            Self { lua, ground, environment, collects: true, _libraries: libraries, host: PhantomData }
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

impl<H: 'static> Drop for State<H> {
    fn drop(&mut self) {
        // SAFETY: nothing of the state is used after this. Its objects are collected, which the ground must see.
        unsafe {
            ffi::lua_close(self.lua.as_ptr());
            drop(Box::from_raw(self.ground.as_ptr()));
        }
    }
}

/// What environments of processes have in common: the globals are behind them.
///
/// # Safety
///
/// The state is new, and its own thread is given.
unsafe fn shared_metatable(lua: *mut lua_State) -> c_int {
    // SAFETY: as promised, nothing raises.
    unsafe {
        ffi::lua_pushvalue(lua, ffi::LUA_GLOBALSINDEX);
        push_metatable(lua);
        let reference = ffi::lua_ref(lua, -1);
        ffi::lua_settop(lua, 0);
        reference
    }
}

/// The text at an index, if there is one.
///
/// # Safety
///
/// The index is one of this stack, or above it.
pub(super) unsafe fn text_of(lua: *mut lua_State, index: c_int) -> String {
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

const _: () = assert!(size_of::<Active>() == 16);
