//! [`Plic`]: the platform-level interrupt controller.
//!
//! Sources raise and lower levels; contexts (the machine and the supervisor mode of each hart) see the source of the
//! highest priority above their threshold, claim it, and complete it. A source that was claimed is not shown again until
//! it is completed; one whose level falls before it is claimed is forgotten.
//!
//! ```text
//! 0x000000 + 4 × source                    priority
//! 0x001000 + 4 × word                      pending
//! 0x002000 + 0x80 × context + 4 × word     enabled
//! 0x200000 + 0x1000 × context              threshold
//! 0x200004 + 0x1000 × context              claim and complete
//! ```

use borsh::{BorshDeserialize, BorshSerialize};

/// How many sources there are, with source 0, which there is not.
pub(super) const SOURCES: u32 = 96;
const WORDS: usize = SOURCES as usize / 32;

/// The highest priority.
const PRIORITY_MAX: u32 = 7;

const PENDING: u64 = 0x1000;
const ENABLED: u64 = 0x2000;
const ENABLED_BYTES: u64 = 0x80;
const CONTEXTS: u64 = 0x20_0000;
const CONTEXT_BYTES: u64 = 0x1000;

/// One bit for each source.
type Sources = [u32; WORDS];

/// What one mode of one hart wants to hear of.
#[derive(Debug, Clone, Default, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
struct Context {
    enabled: Sources,
    threshold: u32,
}

/// The controller of external interrupts.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub(super) struct Plic {
    priorities: Vec<u8>,
    /// The levels of the sources.
    levels: Sources,
    /// The sources that wait for being claimed.
    pending: Sources,
    /// The sources that were claimed and not completed.
    claimed: Sources,
    contexts: Vec<Context>,
    /// One bit for each context that is interrupted: contexts of machine modes are even.
    raised: u128,
}

impl Plic {
    /// A controller with two contexts for each hart.
    pub(super) fn new(harts: u16) -> Self {
        Self {
            priorities: vec![0; SOURCES as usize],
            levels: Sources::default(),
            pending: Sources::default(),
            claimed: Sources::default(),
            contexts: vec![Context::default(); usize::from(harts) * 2],
            raised: 0,
        }
    }

    /// Whether its parts are as many as a board of so many harts has.
    pub(super) fn is_for(&self, harts: usize) -> bool {
        self.priorities.len() == SOURCES as usize && self.contexts.len() == harts * 2
    }

    /// One bit for each context that is interrupted: of hart n, 2n for its machine mode and 2n + 1 for supervisor mode.
    pub(super) fn raised(&self) -> u128 {
        self.raised
    }

    /// Tells the level of a source; whether it was another before.
    pub(super) fn set_level(&mut self, source: u32, high: bool) -> bool {
        debug_assert!(0 < source && source < SOURCES, "there is no source {source}");
        let (word, bit) = place(source);
        if (self.levels[word] & bit != 0) == high {
            return false;
        }
        if high {
            self.levels[word] |= bit;
            self.pending[word] |= bit & !self.claimed[word];
        } else {
            self.levels[word] &= !bit;
            self.pending[word] &= !bit;
        }
        self.refresh();
        true
    }

    /// Reads a register; `None` if there is none of this width.
    pub(super) fn read(&mut self, offset: u64, width: u8) -> Option<u64> {
        is_word(offset, width)?;
        let value = match offset {
            0..PENDING => self.priorities.get(index(offset)).map_or(0, |priority| u32::from(*priority)),
            PENDING..ENABLED => self.pending.get(index(offset - PENDING)).copied().unwrap_or(0),
            ENABLED..CONTEXTS => self.enabled(offset - ENABLED).map_or(0, |word| *word),
            _ => {
                let (context, register) = self.context(offset)?;
                match register {
                    0 => self.contexts[context].threshold,
                    4 => self.claim(context),
                    _ => 0,
                }
            }
        };
        Some(u64::from(value))
    }

    /// Writes a register; `None` if there is none of this width.
    pub(super) fn write(&mut self, offset: u64, width: u8, value: u32) -> Option<()> {
        is_word(offset, width)?;
        match offset {
            0..PENDING => {
                // Source 0 is none, and stays at priority 0.
                if let (Some(priority), true) = (self.priorities.get_mut(index(offset)), offset != 0) {
                    *priority = (value & PRIORITY_MAX) as u8;
                }
            }
            PENDING..ENABLED => {}
            ENABLED..CONTEXTS => {
                let value = if offset.is_multiple_of(ENABLED_BYTES) { value & !1 } else { value };
                if let Some(word) = self.enabled(offset - ENABLED) {
                    *word = value;
                }
            }
            _ => {
                let (context, register) = self.context(offset)?;
                match register {
                    0 => self.contexts[context].threshold = value & PRIORITY_MAX,
                    4 => self.complete(context, value),
                    _ => {}
                }
            }
        }
        self.refresh();
        Some(())
    }

    fn enabled(&mut self, offset: u64) -> Option<&mut u32> {
        let context = usize::try_from(offset / ENABLED_BYTES).ok()?;
        self.contexts.get_mut(context)?.enabled.get_mut(index(offset % ENABLED_BYTES))
    }

    /// Which register of which context is at an offset.
    fn context(&self, offset: u64) -> Option<(usize, u64)> {
        let offset = offset - CONTEXTS;
        let context = usize::try_from(offset / CONTEXT_BYTES).ok()?;
        (context < self.contexts.len()).then_some((context, offset % CONTEXT_BYTES))
    }

    /// The source of the highest priority that a context would be interrupted by; of equal ones the lowest.
    fn best(&self, context: &Context) -> Option<u32> {
        let mut best = (context.threshold as u8, None);
        for word in 0..WORDS {
            let mut waiting = self.pending[word] & context.enabled[word];
            while waiting != 0 {
                let source = word as u32 * 32 + waiting.trailing_zeros();
                waiting &= waiting - 1;
                let priority = self.priorities[source as usize];
                if priority > best.0 {
                    best = (priority, Some(source));
                }
            }
        }
        best.1
    }

    fn claim(&mut self, context: usize) -> u32 {
        // A claim does not look at the threshold: software that polls sets it to the highest priority.
        let open = Context { threshold: 0, ..self.contexts[context].clone() };
        let Some(source) = self.best(&open) else { return 0 };
        let (word, bit) = place(source);
        self.pending[word] &= !bit;
        self.claimed[word] |= bit;
        self.refresh();
        source
    }

    fn complete(&mut self, context: usize, source: u32) {
        if source >= SOURCES {
            return;
        }
        let (word, bit) = place(source);
        if self.contexts[context].enabled[word] & self.claimed[word] & bit != 0 {
            self.claimed[word] &= !bit;
            self.pending[word] |= bit & self.levels[word];
        }
    }

    fn refresh(&mut self) {
        let contexts = self.contexts.iter().enumerate();
        self.raised =
            contexts.fold(0, |raised, (at, context)| raised | u128::from(self.best(context).is_some()) << at);
    }
}

fn place(source: u32) -> (usize, u32) {
    (source as usize / 32, 1 << (source % 32))
}

fn index(offset: u64) -> usize {
    usize::try_from(offset / 4).unwrap_or(usize::MAX)
}

fn is_word(offset: u64, width: u8) -> Option<()> {
    (width == 4 && offset.is_multiple_of(4)).then_some(())
}

#[cfg(test)]
mod tests;
