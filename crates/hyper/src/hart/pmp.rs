//! [`Pmp`]: physical memory protection, by regions that firmware lays down.
//!
//! Regions have a grain of 4 KiB, which the architecture leaves to the hart: so a page is never allowed in part, and what
//! was allowed once is remembered by the TLBs.

use borsh::{BorshDeserialize, BorshSerialize};

use super::status::Privilege;
use crate::memory::Access;
use crate::{GuestAddress, isa::csr};

/// How many regions there are.
const REGIONS: usize = 16;

/// The grain of regions: pages, as a power of two of four bytes.
const GRAIN: u32 = 10;

const READ: u8 = 1;
const WRITE: u8 = 2;
const EXECUTE: u8 = 4;
const MODE: u8 = 3 << 3;
const OFF: u8 = 0;
const TOP_OF_RANGE: u8 = 1 << 3;
const NATURAL: u8 = 3 << 3;
const LOCKED: u8 = 1 << 7;

/// Addresses have 56 bits, of which registers hold those from the third on.
const ADDRESS: u64 = (1 << 54) - 1;

/// The regions.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub(crate) struct Pmp {
    config: [u8; REGIONS],
    address: [u64; REGIONS],
}

impl Pmp {
    pub(crate) const fn new() -> Self {
        Self { config: [0; REGIONS], address: [0; REGIONS] }
    }

    /// Opens everything to everybody.
    pub(crate) const fn open(&mut self) {
        self.config[0] = NATURAL | READ | WRITE | EXECUTE;
        self.address[0] = ADDRESS;
    }

    /// Whether the page of an address may be accessed.
    pub(crate) fn allows(&self, address: GuestAddress, access: Access, privilege: Privilege) -> bool {
        let word = address.get() >> 2;
        for region in 0..REGIONS {
            if !self.covers(region, word) {
                continue;
            }
            let config = self.config[region];
            if privilege == Privilege::Machine && config & LOCKED == 0 {
                return true;
            }
            let needed = match access {
                Access::Read => READ,
                Access::Write => WRITE,
                Access::Fetch => EXECUTE,
            };
            return config & needed != 0;
        }
        privilege == Privilege::Machine
    }

    fn covers(&self, region: usize, word: u64) -> bool {
        let address = self.address[region];
        match self.config[region] & MODE {
            TOP_OF_RANGE => {
                let bottom = if region == 0 { 0 } else { self.address[region - 1] };
                let grain = !((1 << GRAIN) - 1);
                (bottom & grain..address & grain).contains(&word)
            }
            NATURAL => {
                let address = address | ((1 << (GRAIN - 1)) - 1);
                let size = address ^ address.wrapping_add(1); // ones up to and with the lowest zero
                (address ^ word) & !size == 0
            }
            _ => false,
        }
    }

    /// Whether the registers hold what can be written to them.
    pub(super) fn is_sound(&self) -> bool {
        let known = READ | WRITE | EXECUTE | MODE | LOCKED;
        let is_config =
            |byte: &u8| byte & !known == 0 && byte & (READ | WRITE) != WRITE && byte & MODE != 2 << 3;
        self.config.iter().all(is_config) && self.address.iter().all(|address| address & !ADDRESS == 0)
    }

    pub(crate) fn read(&self, number: u16) -> Option<u64> {
        if let Some(first) = config_register(number) {
            let Some(bytes) = self.config.get(first..first + 8) else { return Some(0) };
            return Some(bytes.iter().rev().fold(0, |word, byte| word << 8 | u64::from(*byte)));
        }
        let region = address_register(number)?;
        let Some(address) = self.address.get(region) else { return Some(0) };
        Some(match self.config[region] & MODE {
            NATURAL => address | ((1 << (GRAIN - 1)) - 1),
            _ => address & !((1 << GRAIN) - 1),
        })
    }

    pub(crate) fn write(&mut self, number: u16, value: u64) -> Option<()> {
        if let Some(first) = config_register(number) {
            for (region, byte) in (first..first + 8).zip(value.to_le_bytes()) {
                self.configure(region, byte);
            }
            return Some(());
        }
        let region = address_register(number)?;
        if region < REGIONS && !self.is_locked(region) {
            self.address[region] = value & ADDRESS;
        }
        Some(())
    }

    fn configure(&mut self, region: usize, byte: u8) {
        let Some(config) = self.config.get_mut(region) else { return };
        if *config & LOCKED != 0 {
            return;
        }
        let mut wanted = byte & (READ | WRITE | EXECUTE | MODE | LOCKED);
        if wanted & (READ | WRITE) == WRITE {
            wanted &= !WRITE; // reserved
        }
        if wanted & MODE == 2 << 3 {
            wanted = wanted & !MODE | *config & MODE; // four bytes are finer than the grain
        }
        *config = wanted;
    }

    /// Whether an address is locked, by its region or as the bottom of the next.
    fn is_locked(&self, region: usize) -> bool {
        let next = self.config.get(region + 1).copied().unwrap_or(OFF);
        self.config[region] & LOCKED != 0 || next & LOCKED != 0 && next & MODE == TOP_OF_RANGE
    }
}

/// The first region of a register of eight configurations; on 64 bits only even ones exist.
fn config_register(number: u16) -> Option<usize> {
    let index = number.checked_sub(csr::PMPCFG0).filter(|index| *index < 16 && index % 2 == 0)?;
    Some(usize::from(index) * 4)
}

fn address_register(number: u16) -> Option<usize> {
    number.checked_sub(csr::PMPADDR0).filter(|index| *index < 64).map(usize::from)
}
