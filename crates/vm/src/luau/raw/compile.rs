//! Source to bytecode.

use mlua::ffi;

/// Bytecode for a source; what is wrong with the source is in the bytecode, and loading it says so.
pub(crate) fn compile(source: &[u8]) -> Vec<u8> {
    let mut options = ffi::lua_CompileOptions::default();
    options.optimizationLevel = 1;
    options.debugLevel = 1;
    // SAFETY: the source is a slice, and the options have no pointers.
    unsafe { ffi::luau_compile(source, options) }
}
