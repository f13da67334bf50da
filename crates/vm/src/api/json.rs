//! `json`: values as JSON, and back.
//!
//! What a script cannot say in JSON is its mistake and raises: functions, numbers that are not finite, strings that are
//! not UTF-8 (encode bytes in another way first), tables that are neither arrays nor have names only, and values inside
//! of more than [`DEPTH_MAX`] others, such as those that contain themselves. A text that is no JSON comes from the world:
//! `nil, message, "EINVAL"`.
//!
//! Names are written in the order of their bytes, so that equal values are equal texts; the empty table is `[]`. Numbers
//! are written with as few digits as give the same number back.

mod decode;
mod encode;
#[cfg(test)]
mod tests;

use crate::luau::{Call, Function, Stop};

/// Inside of how many others a value may be.
pub(crate) const DEPTH_MAX: u32 = 128;

/// How long a text may be that is made: a table may name the same long string many times.
pub(crate) const ENCODED_BYTES_MAX: usize = 16 << 20;

/// The functions of the table.
pub(crate) const fn functions<H>() -> [Function<H>; 3] {
    [Function::new(c"encode", encode::<H>), Function::new(c"decode", decode::<H>), Function::null(c"null")]
}

fn encode<H>(call: &mut Call<'_>, _: &mut H) -> Result<u32, Stop> {
    let pretty = call.field(2, c"pretty");
    let text = encode::value(call, 1, call.truth(pretty))?;
    Ok(call.give(&text))
}

fn decode<H>(call: &mut Call<'_>, _: &mut H) -> Result<u32, Stop> {
    let text = call.bytes(1)?;
    match decode::value(call, text) {
        Ok(()) => Ok(1),
        Err(fault) => Ok(call.give(((), &fault.to_string(), crate::Errno::Invalid.name()))),
    }
}
