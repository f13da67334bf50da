//! Random numbers: of the process, from the machine's seed.

use ironloom_core::{Rng, Seed};

use crate::luau::{Call, Function, Stop};
use crate::machine::Machine;

pub(super) const FUNCTIONS: &[Function<Machine>] =
    &[Function::new(c"random", random), Function::new(c"randomseed", randomseed)];

/// The random numbers of the process that runs.
fn stream(machine: &mut Machine) -> &mut Rng {
    let pid = machine.current.pid;
    let fresh = machine.rng.split("process", pid.0.into());
    machine.process_mut().random.get_or_insert_with(|| Box::new(fresh))
}

fn random(call: &mut Call<'_>, machine: &mut Machine) -> Result<u32, Stop> {
    let stream = stream(machine);
    let (low, high) = match call.arguments() {
        0 => {
            let unit = (stream.next_u64() >> 11) as f64 / (1_u64 << 53) as f64;
            return Ok(call.give(unit));
        }
        1 => (1, call.integer(1)?),
        _ => (call.integer(1)?, call.integer(2)?),
    };
    if low > high {
        return Err(Stop::raise("the interval is empty"));
    }
    let width = (high as u64).wrapping_sub(low as u64);
    let drawn = if width == u64::MAX { stream.next_u64() } else { stream.below(width + 1) };
    Ok(call.give(low.wrapping_add(drawn as i64)))
}

fn randomseed(call: &mut Call<'_>, machine: &mut Machine) -> Result<u32, Stop> {
    let seed = call.optional(1, Call::number)?.unwrap_or(0.0);
    let seed = Rng::new(Seed::new(seed.to_bits())).split("randomseed", 0);
    machine.process_mut().random = Some(Box::new(seed));
    Ok(0)
}
