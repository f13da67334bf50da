//! [`Code`]: the blocks that a hart has decoded.
//!
//! A block begins where a jump led and ends with a branch, a jump, an instruction that the hart carries out itself, the
//! page, or after [`BLOCK_MAX`] instructions. It is kept under its physical address and the version of its page: when a
//! page was written since, all of its blocks go together, and with them the links among them.

use ironloom_core::Map;

use super::core::Core;
use super::decode::{Decoded, decode, onward};
use super::fetch::FetchPage;
use super::fuse::fuse;
use super::raw::{Block, Cursor, Link, Slot, halfword};
use super::stop::Stop;
use crate::PAGE_BYTES;
use crate::isa::Instruction;

/// How many instructions a block has at most.
const BLOCK_MAX: u32 = 64;

/// How many slots may be kept before all blocks are dropped: 16 bytes each.
const SLOTS_MAX: usize = 1 << 20;

/// The blocks of a hart.
#[derive(Debug, Default)]
pub(crate) struct Code {
    blocks: Map<u64, Block>,
    pages: Map<u64, Page>,
    slots: usize,
    /// A block that is not kept: cut short, or across the end of a page.
    temporary: Option<Block>,
}

/// The blocks of a page, by their offsets.
#[derive(Debug, Default)]
struct Page {
    version: u32,
    offsets: Vec<u16>,
}

/// A block that can be entered.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Found {
    pub(crate) target: Cursor,
    pub(crate) count: u32,
    /// Whether it may be remembered.
    pub(crate) kept: bool,
}

impl Code {
    /// The block at [`Core::pc`], with at most so many instructions.
    pub(crate) fn find(&mut self, core: &mut Core, instructions_max: u64) -> Result<Found, Stop> {
        let page = core.fetch_page(core.pc)?;
        self.follow(core, page);
        let offset = core.pc % PAGE_BYTES;
        let key = page.number.get() * PAGE_BYTES + offset;
        if let Some(block) = self.blocks.get(&key) {
            let target = block.first();
            let count = target.header().count;
            if u64::from(count) <= instructions_max {
                return Ok(Found { target, count, kept: true });
            }
        }
        let kept = instructions_max >= u64::from(BLOCK_MAX);
        let (block, whole) = build(core, page, instructions_max.min(u64::from(BLOCK_MAX)) as u32)?;
        if kept && whole {
            return Ok(self.keep(core, page, offset as u16, block));
        }
        let target = self.temporary.insert(block).first();
        Ok(Found { target, count: target.header().count, kept: false })
    }

    fn keep(&mut self, core: &mut Core, page: FetchPage, offset: u16, block: Block) -> Found {
        if self.slots + block.len() > SLOTS_MAX {
            self.clear(core);
        }
        self.slots += block.len();
        let entry = self.pages.entry(page.number.get()).or_default();
        entry.version = page.version;
        entry.offsets.push(offset);
        let key = page.number.get() * PAGE_BYTES + u64::from(offset);
        let target = block.first();
        self.blocks.insert(key, block);
        Found { target, count: target.header().count, kept: true }
    }

    /// Drops the blocks of a page that was written since they were made.
    fn follow(&mut self, core: &mut Core, page: FetchPage) {
        let number = page.number.get();
        let Some(known) = self.pages.get_mut(&number) else { return };
        if known.version == page.version {
            return;
        }
        core.jumps.clear();
        for offset in known.offsets.drain(..) {
            if let Some(block) = self.blocks.remove(&(number * PAGE_BYTES + u64::from(offset))) {
                self.slots -= block.len();
            }
        }
        self.pages.remove(&number);
    }

    /// Drops everything.
    pub(crate) fn clear(&mut self, core: &mut Core) {
        core.jumps.clear();
        core.first = None;
        core.at = None;
        self.blocks = Map::default();
        self.pages = Map::default();
        self.slots = 0;
    }
}

/// Decodes a block; whether it lies within its page.
fn build(core: &mut Core, page: FetchPage, instructions_max: u32) -> Result<(Block, bool), Stop> {
    const NO_LINK: Link = Link { target: None, count: 0, bytes: 0 };
    let start = core.pc % PAGE_BYTES;
    let freely = core.reservations.is_some();
    let mut bytes = 0_u64;
    let mut count = 0;
    let mut whole = true;
    let mut reach = [0_i64; 2];
    let mut opcodes = Vec::with_capacity(BLOCK_MAX as usize);
    let mut slots = vec![Slot::link(NO_LINK)];
    loop {
        if count == instructions_max || start + bytes >= PAGE_BYTES {
            slots.push(Slot::op(onward(bytes as i32)));
            reach[0] = bytes as i64;
            break;
        }
        let low = u32::from(halfword(page.host, start + bytes));
        let bits = if low & 3 != 3 {
            low
        } else if start + bytes + 2 < PAGE_BYTES {
            low | u32::from(halfword(page.host, start + bytes + 2)) << 16
        } else if count > 0 {
            // It lies across the end of the page: a block of its own, later.
            slots.push(Slot::op(onward(bytes as i32)));
            reach[0] = bytes as i64;
            break;
        } else {
            whole = false;
            core.fetch(core.pc)?
        };
        let length = if low & 3 != 3 { 2 } else { 4 };
        let at = (bytes / 2) as u8;
        bytes += length;
        count += 1;
        let instruction = Instruction::decode(bits);
        opcodes.push(instruction.map(|instruction| instruction.opcode));
        match decode(instruction, bits, at, freely) {
            Decoded::Operation(op) => slots.push(Slot::op(op)),
            Decoded::End(op) => {
                reach = [bytes as i64, i64::from(op.imm)];
                slots.push(Slot::op(op));
                break;
            }
        }
    }
    slots[0] = Slot::link(Link { target: None, count, bytes: bytes as u32 });
    for distance in reach {
        // Only what stays in the page may be linked: it goes when this block goes.
        let inside = whole && (0..PAGE_BYTES as i64).contains(&(start as i64 + distance));
        slots.push(Slot::link(Link { bytes: u32::from(inside), ..NO_LINK }));
    }
    fuse(&mut slots, &opcodes, freely);
    Ok((Block::new(slots), whole))
}
