//! [`Function`]: a host function as Luau calls it.

use std::ffi::{CStr, c_int};

use mlua::ffi::{self, lua_State};

use super::Call;
use super::ground::{Cause, Ground};
use crate::luau::Stop;

/// A function of the host, under the name that scripts call it by.
///
/// It is called with the script's arguments and whom it works for, and returns how many results it has
/// [given](Call::give). A function that stops with [`Stop::Wait`] is called again with the same arguments when its thread
/// goes on; see [`Call::is_again`].
#[derive(Debug)]
pub struct Function<H> {
    pub(super) name: &'static CStr,
    pub(super) enter: ffi::lua_CFunction,
    pub(super) again: ffi::lua_Continuation,
    /// Whether it is no function at all but [`Null`](super::Null).
    pub(super) is_null: bool,
    host: std::marker::PhantomData<fn(&mut H)>,
}

impl<H> Clone for Function<H> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<H> Copy for Function<H> {}

impl<H> Function<H> {
    /// A host function. It must be a function by name, and not a closure that holds anything.
    #[must_use]
    pub const fn new<F>(name: &'static CStr, _function: F) -> Self
    where
        F: Fn(&mut Call<'_>, &mut H) -> Result<u32, Stop> + Copy,
    {
        const { assert!(size_of::<F>() == 0, "a host function holds nothing") };
        Self {
            name,
            enter: enter::<H, F>,
            again: again::<H, F>,
            is_null: false,
            host: std::marker::PhantomData,
        }
    }

    /// Not a function but the value [`Null`](super::Null), under a name.
    #[must_use]
    pub const fn null(name: &'static CStr) -> Self {
        Self { is_null: true, ..Self::new(name, nothing::<H>) }
    }
}

fn nothing<H>(_: &mut Call<'_>, _: &mut H) -> Result<u32, Stop> {
    Ok(0)
}

/// # Safety
///
/// Luau calls it, inside of `State<H>::resume`.
unsafe extern "C-unwind" fn enter<H, F>(lua: *mut lua_State) -> c_int
where
    F: Fn(&mut Call<'_>, &mut H) -> Result<u32, Stop> + Copy,
{
    // SAFETY: as promised.
    unsafe { run::<H, F>(lua, false) }
}

/// # Safety
///
/// As [`enter`].
unsafe extern "C-unwind" fn again<H, F>(lua: *mut lua_State, _status: c_int) -> c_int
where
    F: Fn(&mut Call<'_>, &mut H) -> Result<u32, Stop> + Copy,
{
    // SAFETY: as promised.
    unsafe { run::<H, F>(lua, true) }
}

/// # Safety
///
/// As [`enter`].
#[inline]
unsafe fn run<H, F>(lua: *mut lua_State, is_again: bool) -> c_int
where
    F: Fn(&mut Call<'_>, &mut H) -> Result<u32, Stop> + Copy,
{
    // SAFETY: `Function::new` has checked that there is nothing in it to be initialised.
    #[expect(clippy::uninit_assumed_init, reason = "it has no bytes")]
    let function: F = unsafe { std::mem::MaybeUninit::uninit().assume_init() };
    // SAFETY: `resume` put a host of this type there, which nobody else touches while it runs.
    let host = unsafe { &mut *(*Ground::of(lua)).host.cast::<H>() };
    // SAFETY: the arguments are on the stack, and stay there until this function returns.
    let mut call = unsafe { Call::new(lua, is_again) };
    match function(&mut call, host) {
        Ok(results) => results as c_int,
        // SAFETY: the stack is that of a host function that is about to return.
        Err(stop) => unsafe { stopped(lua, call.arguments(), stop) },
    }
}

/// # Safety
///
/// A host function is about to return, and owns nothing any more.
#[cold]
unsafe fn stopped(lua: *mut lua_State, arguments: u32, stop: Stop) -> c_int {
    match stop {
        // SAFETY: there is room for a few values more, as asked for.
        Stop::Fail(errno) => unsafe {
            ffi::lua_rawcheckstack(lua, 3);
            ffi::lua_pushnil(lua);
            push(lua, errno.text().as_bytes());
            push(lua, errno.name().as_bytes());
            3
        },
        Stop::Raise(text) => {
            // SAFETY: as above; the text is dropped before the error is raised.
            unsafe {
                ffi::lua_rawcheckstack(lua, 3);
                ffi::luaL_where(lua, 1);
                push(lua, text.as_bytes());
                drop(text);
                ffi::lua_concat(lua, 2);
                ffi::lua_error(lua)
            }
        }
        // SAFETY: as promised. When it is called again it finds what it found the first time.
        Stop::Wait => unsafe {
            ffi::lua_settop(lua, arguments as c_int);
            wait(lua)
        },
        // SAFETY: as promised.
        Stop::End => unsafe { end(lua) },
    }
}

/// # Safety
///
/// As [`stopped`].
unsafe fn wait(lua: *mut lua_State) -> c_int {
    // SAFETY: the state is one of ours.
    let ground = unsafe { &mut *Ground::of(lua) };
    // SAFETY: the thread runs; raising from a host function is how errors are told.
    unsafe {
        if ground.can_stop(lua) {
            return ground.stop(lua, Cause::Host);
        }
        ffi::lua_rawcheckstack(lua, 1);
        ffi::lua_pushliteral(lua, c"cannot wait inside of a metamethod or a comparison");
        ffi::lua_error(lua)
    }
}

/// # Safety
///
/// As [`stopped`].
unsafe fn end(lua: *mut lua_State) -> c_int {
    // SAFETY: the state is one of ours.
    let ground = unsafe { &mut *Ground::of(lua) };
    // SAFETY: the thread runs. Where it cannot be stopped it is ended by what every safepoint raises from now on.
    unsafe {
        if ground.can_stop(lua) {
            return ground.stop(lua, Cause::Host);
        }
        ground.doomed = true;
        ground.account.fuel = 0;
        ffi::lua_rawcheckstack(lua, 1);
        ffi::lua_pushliteral(lua, c"this process has ended");
        ffi::lua_error(lua)
    }
}

/// Pushes a string.
///
/// # Safety
///
/// There is room on the stack, and it is a place where errors may be raised.
pub(super) unsafe fn push(lua: *mut lua_State, bytes: &[u8]) {
    // SAFETY: as promised.
    unsafe { ffi::lua_pushlstring_(lua, bytes.as_ptr().cast(), bytes.len()) };
}
