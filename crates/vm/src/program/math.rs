//! `math.random` and `math.randomseed` from a seed.

use ironloom_core::{Rng, Seed};

use super::host::Host;
use crate::luau::{Call, Function, Stop};

/// What takes the place of Luau's.
pub(super) const FUNCTIONS: &[Function<Host>] =
    &[Function::new(c"random", random), Function::new(c"randomseed", randomseed)];

/// `math.random()`, `math.random(high)`, `math.random(low, high)`.
fn random(call: &mut Call<'_>, host: &mut Host) -> Result<u32, Stop> {
    let (low, high) = match call.arguments() {
        0 => return Ok(call.give(host.rng.fraction())),
        1 => (1, call.integer(1)?),
        _ => (call.integer(1)?, call.integer(2)?),
    };
    let count = high.checked_sub(low).and_then(|span| u64::try_from(span).ok()).map(|span| span + 1);
    let count = count.filter(|count| *count <= 1 << 53);
    let count = count.ok_or_else(|| Stop::raise("the interval is empty or too large"))?;
    // Below 2^53, so that it fits.
    let drawn = low + host.rng.below(count) as i64;
    Ok(call.give(drawn))
}

fn randomseed(call: &mut Call<'_>, host: &mut Host) -> Result<u32, Stop> {
    host.rng = Rng::new(Seed::new(call.integer(1)?.cast_unsigned()));
    Ok(0)
}
