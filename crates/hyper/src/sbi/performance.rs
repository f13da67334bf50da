//! Performance counters: cycles and instructions, which every hart counts anyway.

use super::SbiError;
use crate::hart::Hart;
use crate::isa::csr;

/// What there is to count, by the number of its register after `cycle`.
const CYCLES: u64 = 0;
const INSTRUCTIONS: u64 = 2;
const COUNTERS: u64 = 3;

/// Events by the numbers of the specification.
const EVENT_CYCLES: u64 = 1;
const EVENT_INSTRUCTIONS: u64 = 2;

/// Counters are as wide as registers.
const WIDTH: u64 = 63 << 12;

/// A call of the extension.
pub(super) fn call(hart: &mut Hart, function: u64, arguments: [u64; 6]) -> Result<u64, SbiError> {
    let [base, mask, _, event, ..] = arguments;
    match function {
        0 => Ok(COUNTERS),
        1 => information(base),
        2 => {
            let counter = match event {
                EVENT_CYCLES => CYCLES,
                EVENT_INSTRUCTIONS => INSTRUCTIONS,
                _ => return Err(SbiError::NotSupported),
            };
            let chosen = counter.checked_sub(base).is_some_and(|bit| bit < 64 && mask >> bit & 1 == 1);
            if chosen { Ok(counter) } else { Err(SbiError::NotSupported) }
        }
        // They always count; what they begin with is set.
        3 => {
            const SET_VALUE: u64 = 1;
            let value = arguments[3];
            if arguments[2] & SET_VALUE != 0 {
                for counter in (0..64).filter(|bit| mask >> bit & 1 == 1).map(|bit| base + bit) {
                    set(hart, counter, value)?;
                }
            }
            Ok(0)
        }
        4 => Ok(0),
        _ => Err(SbiError::NotSupported),
    }
}

fn information(counter: u64) -> Result<u64, SbiError> {
    match counter {
        CYCLES => Ok(u64::from(csr::CYCLE) | WIDTH),
        1 => Ok(u64::from(csr::TIME) | WIDTH),
        INSTRUCTIONS => Ok(u64::from(csr::INSTRET) | WIDTH),
        _ => Err(SbiError::InvalidParameter),
    }
}

fn set(hart: &mut Hart, counter: u64, value: u64) -> Result<(), SbiError> {
    match counter {
        CYCLES => hart.set_counter(csr::MCYCLE, value),
        INSTRUCTIONS => hart.set_counter(csr::MINSTRET, value),
        _ => return Err(SbiError::InvalidParameter),
    }
    Ok(())
}
