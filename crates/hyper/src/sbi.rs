//! The firmware that the host plays: RISC-V's Supervisor Binary Interface, version 2.0.
//!
//! A call is a function of the hart's registers and of what the computer is; what it does to other harts and to devices
//! is an [`Effect`], which the computer carries where it belongs.

mod performance;

use std::ops::Range;

use crate::GuestAddress;
use crate::board::Ending;
use crate::hart::{Hart, interrupt};
use crate::memory::Memory;

/// The version of the interface: 2.0.
const VERSION: u64 = 2 << 24;

/// How many bytes of the debug console are carried in one call.
const CONSOLE_BYTES_MAX: u64 = 4_096;

const BASE: u64 = 0x10;
const TIMER: u64 = 0x5449_4d45;
const INTERRUPT: u64 = 0x0073_5049;
const FENCE: u64 = 0x5246_4e43;
const HARTS: u64 = 0x0048_534d;
const RESET: u64 = 0x5352_5354;
const PERFORMANCE: u64 = 0x0050_4d55;
const CONSOLE: u64 = 0x4442_434e;

/// Why a call fails, by the numbers of the specification.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(i64)]
pub enum SbiError {
    /// It failed.
    Failed = -1,
    /// There is no such function.
    NotSupported = -2,
    /// An argument makes no sense.
    InvalidParameter = -3,
    /// An address is none of memory.
    InvalidAddress = -5,
    /// The hart runs already.
    AlreadyAvailable = -6,
    /// It was started already.
    AlreadyStarted = -7,
}

/// What a call does besides returning a value.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Effect {
    /// Harts get a software interrupt.
    Interrupt(Harts),
    /// Harts forget translations: all, or those of some addresses.
    Fence(Harts, Option<Range<u64>>),
    /// Harts look at their instructions again.
    FenceInstructions(Harts),
    /// A hart begins.
    Start {
        /// Which.
        hart: u64,
        /// Where.
        pc: u64,
        /// What it finds in `a1`.
        argument: u64,
    },
    /// The hart that called stops, and does not return.
    Stop,
    /// The hart that called waits for an interrupt.
    Suspend,
    /// The hart that called waits for an interrupt, and then begins anew.
    SuspendAnew {
        /// Where.
        pc: u64,
        /// What it finds in `a1`.
        argument: u64,
    },
    /// The computer ends.
    End(Ending),
    /// Bytes go to the debug console.
    Write(Vec<u8>),
    /// Bytes of the debug console go to memory, at most so many. The call returns how many they were.
    Read {
        /// Where.
        address: GuestAddress,
        /// How many at most.
        bytes: u64,
    },
}

/// Harts, one bit each.
pub type Harts = u64;

/// What a call sees of the computer.
#[derive(Debug)]
pub struct View<'a> {
    /// The memory.
    pub memory: &'a Memory,
    /// How many harts there are.
    pub harts: u64,
    /// The state of each hart: those that run or wait, one bit each.
    pub started: Harts,
}

/// Carries out the call that a hart makes, and leaves what it returns in its registers.
pub fn call(hart: &mut Hart, view: &View<'_>) -> Option<Effect> {
    let mut effect = None;
    let result = dispatch(hart, view, &mut effect);
    let (error, value) = match result {
        Ok(value) => (0, value),
        Err(error) => (error as i64 as u64, 0),
    };
    if !matches!(effect, Some(Effect::Stop | Effect::SuspendAnew { .. })) {
        hart.set_register(10, error);
        hart.set_register(11, value);
    }
    effect
}

fn dispatch(hart: &mut Hart, view: &View<'_>, effect: &mut Option<Effect>) -> Result<u64, SbiError> {
    let [extension, function] = [hart.register(17), hart.register(16)];
    let arguments: [u64; 6] = std::array::from_fn(|index| hart.register(10 + index as u8));
    let [a0, a1, a2, ..] = arguments;
    match (extension, function) {
        (BASE, 0) => Ok(VERSION),
        (BASE, 1 | 2 | 4..=6) => Ok(0), // who we are: nobody with a number
        (BASE, 3) => Ok(u64::from(is_supported(a0))),
        (TIMER, 0) => {
            hart.set_timer(a0);
            Ok(0)
        }
        (INTERRUPT, 0) => {
            *effect = Some(Effect::Interrupt(chosen(view, a0, a1)?));
            Ok(0)
        }
        (FENCE, 0) => {
            *effect = Some(Effect::FenceInstructions(chosen(view, a0, a1)?));
            Ok(0)
        }
        (FENCE, 1 | 2) => {
            let harts = chosen(view, a0, a1)?;
            let start = a2;
            let size = arguments[3];
            let everything = start == 0 && size == 0 || size == u64::MAX;
            let range = (!everything).then(|| start..start.saturating_add(size));
            *effect = Some(Effect::Fence(harts, range));
            Ok(0)
        }
        (HARTS, _) => manage(view, function, arguments, effect),
        (RESET, 0) => reset(a0, a1, effect),
        (CONSOLE, _) => converse(view, function, arguments, effect),
        (PERFORMANCE, _) => performance::call(hart, function, arguments),
        _ => Err(SbiError::NotSupported),
    }
}

const fn is_supported(extension: u64) -> bool {
    matches!(extension, BASE | TIMER | INTERRUPT | FENCE | HARTS | RESET | CONSOLE | PERFORMANCE)
}

/// The harts of a mask and the number of its first bit; all if that is -1.
const fn chosen(view: &View<'_>, mask: u64, first: u64) -> Result<Harts, SbiError> {
    let all = if view.harts == 64 { u64::MAX } else { (1 << view.harts) - 1 };
    if first == u64::MAX {
        return Ok(all);
    }
    if first >= view.harts || (mask << first) >> first != mask || (mask << first) & !all != 0 {
        return Err(SbiError::InvalidParameter);
    }
    Ok(mask << first)
}

/// Starting, stopping and suspending harts.
fn manage(
    view: &View<'_>,
    function: u64,
    [a0, a1, a2, ..]: [u64; 6],
    effect: &mut Option<Effect>,
) -> Result<u64, SbiError> {
    const RETENTIVE: u64 = 0;
    const NON_RETENTIVE: u64 = 0x8000_0000;
    match function {
        0 => {
            let started = a0 < view.harts && view.started >> a0 & 1 == 1;
            if a0 >= view.harts {
                return Err(SbiError::InvalidParameter);
            }
            if started {
                return Err(SbiError::AlreadyAvailable);
            }
            if !view.memory.contains(GuestAddress::new(a1), 4) {
                return Err(SbiError::InvalidAddress);
            }
            *effect = Some(Effect::Start { hart: a0, pc: a1, argument: a2 });
            Ok(0)
        }
        1 => {
            *effect = Some(Effect::Stop);
            Ok(0)
        }
        2 if a0 < view.harts => Ok(if view.started >> a0 & 1 == 1 { 0 } else { 1 }),
        3 if a0 == RETENTIVE => {
            *effect = Some(Effect::Suspend);
            Ok(0)
        }
        3 if a0 == NON_RETENTIVE => {
            if !view.memory.contains(GuestAddress::new(a1), 4) {
                return Err(SbiError::InvalidAddress);
            }
            *effect = Some(Effect::SuspendAnew { pc: a1, argument: a2 });
            Ok(0)
        }
        2 | 3 => Err(SbiError::InvalidParameter),
        _ => Err(SbiError::NotSupported),
    }
}

fn reset(kind: u64, reason: u64, effect: &mut Option<Effect>) -> Result<u64, SbiError> {
    let ending = match kind {
        0 => Ending::PowerOff { code: u16::from(reason != 0) },
        1 | 2 => Ending::Reset,
        _ => return Err(SbiError::InvalidParameter),
    };
    *effect = Some(Effect::End(ending));
    Ok(0)
}

/// The debug console.
fn converse(
    view: &View<'_>,
    function: u64,
    [a0, a1, a2, ..]: [u64; 6],
    effect: &mut Option<Effect>,
) -> Result<u64, SbiError> {
    let bytes = a0.min(CONSOLE_BYTES_MAX);
    let address = GuestAddress::new(a1);
    match function {
        0 | 1 if a2 != 0 || !view.memory.contains(address, bytes) => Err(SbiError::InvalidParameter),
        0 => {
            let mut text = vec![0; bytes as usize];
            view.memory.read_bytes(address, &mut text).map_err(|_| SbiError::Failed)?;
            *effect = Some(Effect::Write(text));
            Ok(bytes)
        }
        1 => {
            *effect = Some(Effect::Read { address, bytes });
            Ok(0)
        }
        2 => {
            *effect = Some(Effect::Write(vec![a0 as u8]));
            Ok(0)
        }
        _ => Err(SbiError::NotSupported),
    }
}

/// The interrupt by which harts ask for each other's attention.
pub(crate) const ATTENTION: u64 = interrupt::SSIP;
