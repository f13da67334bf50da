//! [`Jumps`]: which block an address leads to.

use super::raw::Cursor;

const ENTRIES: usize = 2_048;

/// What is known of a jump's target: its block and how many instructions that has.
#[derive(Debug, Clone, Copy)]
struct Entry {
    pc: u64,
    context: u32,
    count: u32,
    target: Option<Cursor>,
}

const NONE: Entry = Entry { pc: 1, context: 0, count: 0, target: None };

/// A cache from virtual addresses, in a context, to blocks.
#[derive(Debug)]
pub(crate) struct Jumps {
    entries: [Entry; ENTRIES],
}

impl Jumps {
    pub(crate) const fn new() -> Self {
        Self { entries: [NONE; ENTRIES] }
    }

    #[inline(always)]
    const fn index(pc: u64) -> usize {
        ((pc >> 1) ^ (pc >> 12)) as usize & (ENTRIES - 1)
    }

    #[inline(always)]
    pub(crate) fn find(&self, pc: u64, context: u32) -> Option<(Cursor, u32)> {
        let entry = &self.entries[Self::index(pc)];
        if entry.pc != pc || entry.context != context {
            return None;
        }
        entry.target.map(|target| (target, entry.count))
    }

    pub(crate) const fn insert(&mut self, pc: u64, context: u32, target: Cursor, count: u32) {
        self.entries[Self::index(pc)] = Entry { pc, context, count, target: Some(target) };
    }

    pub(crate) fn clear(&mut self) {
        self.entries.fill(NONE);
    }
}
