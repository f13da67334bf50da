//! Runs a script with some tables, for tests.

use std::sync::Arc;

use crate::luau::{Bytecode, Call, Fuel, Function, Furnished, Libraries, Outcome, State, Stop};

fn say(call: &mut Call<'_>, said: &mut Vec<String>) -> Result<u32, Stop> {
    said.push(call.text(1)?.into_owned());
    Ok(0)
}

/// What a script says with `say(text)`, given the arguments `...`.
#[track_caller]
pub(super) fn run(
    tables: &[(&'static std::ffi::CStr, &'static [Function<Vec<String>>])],
    source: &str,
    arguments: &[&[u8]],
) -> Vec<String> {
    let globals = const { &[Function::new(c"say", say)] };
    let libraries = Libraries { tables: tables.to_vec(), globals, ..Libraries::default() };
    let mut state = State::new(Arc::new(libraries), Furnished::Whole);
    let bytecode = Bytecode::compile(source.as_bytes(), 1 << 20).unwrap();
    let prototype = state.load(bytecode.as_bytes(), c"=test").unwrap();
    let mut thread = state.spawn(prototype, arguments, 1);
    let mut said = Vec::new();
    let fuel = Fuel { slice: 100_000_000, grace: 0 };
    let (outcome, _) = state.resume(&mut thread, &mut said, fuel, 64 << 20);
    state.release(thread);
    assert_eq!(outcome, Outcome::Finished, "{source}");
    said
}
