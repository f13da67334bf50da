//! Source to bytecode.

use std::ffi::CStr;
use std::ptr;

use mlua::ffi;

/// Bytecode for a source; what is wrong with the source is in the bytecode, and loading it says so.
///
/// Without `lines`, errors in it do not say where they are, and it takes less memory.
pub(crate) fn compile(source: &[u8], lines: bool) -> Vec<u8> {
    // SAFETY: the options have no pointers.
    unsafe { compile_with(source, options(lines)) }
}

/// As [`compile`], without short cuts to functions that a state does not have: they would be called all the same.
///
/// A name is a function's, behind that of its table and a dot.
pub(crate) fn compile_without(source: &[u8], names: &[&CStr]) -> Vec<u8> {
    let mut pointers: Vec<_> = names.iter().map(|name| name.as_ptr()).collect();
    pointers.push(ptr::null());
    let mut options = options(true);
    options.disabledBuiltins = pointers.as_ptr();
    // SAFETY: the pointers live until the compiler returns, and end in null.
    unsafe { compile_with(source, options) }
}

fn options(lines: bool) -> ffi::lua_CompileOptions {
    let mut options = ffi::lua_CompileOptions::default();
    options.optimizationLevel = 1;
    options.debugLevel = lines.into();
    options
}

/// # Safety
///
/// What the options point to is valid.
unsafe fn compile_with(source: &[u8], options: ffi::lua_CompileOptions) -> Vec<u8> {
    // SAFETY: the source is a slice; as promised.
    unsafe { ffi::luau_compile(source, options) }
}
