//! From virtual addresses to memory: the walk through Sv39's tables, and what the TLBs are filled with.

use super::core::Core;
use super::csr::{ADUE, SATP_SV39};
use super::raw::{Place, Word};
use super::status::{self, Privilege};
use super::stop::{Exception, Exit, Refusal, Stop, Trap};
use crate::memory::{Access, Denied, Grant, HostPage, Revocation};
use crate::{GuestAddress, PAGE_BYTES};

const VALID: u64 = 1;
const READABLE: u64 = 1 << 1;
const WRITABLE: u64 = 1 << 2;
const EXECUTABLE: u64 = 1 << 3;
const USER: u64 = 1 << 4;
const ACCESSED: u64 = 1 << 6;
const DIRTY: u64 = 1 << 7;
/// Bits that must be zero without Svnapot and Svpbmt.
const RESERVED: u64 = 0x3ff << 54;
const LEVELS: u32 = 3;

impl Core {
    /// The mode in which loads and stores are checked.
    pub(super) fn data_privilege(&self) -> Privilege {
        let csrs = &self.csrs;
        if csrs.privilege == Privilege::Machine && csrs.mstatus & status::MPRV != 0 {
            status::previous(csrs.mstatus).unwrap_or(Privilege::User)
        } else {
            csrs.privilege
        }
    }

    /// Where an access to a virtual address goes.
    pub(super) fn translate(&mut self, address: u64, access: Access) -> Result<GuestAddress, Stop> {
        let privilege = if access == Access::Fetch { self.csrs.privilege } else { self.data_privilege() };
        let physical = if privilege == Privilege::Machine || self.csrs.satp >> 60 != SATP_SV39 {
            GuestAddress::new(address)
        } else {
            self.walk(address, access, privilege)?
        };
        if self.csrs.pmp.allows(physical, access, privilege) {
            Ok(physical)
        } else {
            Err(Trap::new(access_fault(access), address).into())
        }
    }

    fn walk(&mut self, address: u64, access: Access, privilege: Privilege) -> Result<GuestAddress, Stop> {
        let fault = Stop::Trap(Trap::new(page_fault(access), address));
        if (address as i64) << 25 >> 25 != address as i64 {
            return Err(fault); // the bits above the 39th must be copies of it
        }
        let mut table = (self.csrs.satp & ((1 << 44) - 1)) * PAGE_BYTES;
        for level in (0..LEVELS).rev() {
            let index = address >> (12 + 9 * level) & 0x1ff;
            let at = GuestAddress::new(table + index * 8);
            let entry = self.table_entry(at, address, access)?;
            if entry & VALID == 0 || entry & (READABLE | WRITABLE) == WRITABLE || entry & RESERVED != 0 {
                return Err(fault);
            }
            let number = entry >> 10 & ((1 << 44) - 1);
            if entry & (READABLE | EXECUTABLE) == 0 {
                if entry & (ACCESSED | DIRTY | USER) != 0 {
                    return Err(fault); // reserved in entries that lead to tables
                }
                table = number * PAGE_BYTES;
                continue;
            }
            let inside = (1 << (12 + 9 * level)) - 1;
            let page = number * PAGE_BYTES;
            if page & inside & !0xfff != 0 || !self.permits(entry, access, privilege) {
                return Err(fault);
            }
            if !self.mark(at, entry, access, address)? {
                return Err(fault);
            }
            if level > 0 {
                self.superpages.insert(address >> (12 + 9 * level) << 1 | u64::from(level - 1));
            }
            return Ok(GuestAddress::new((page & !inside) | (address & inside)));
        }
        Err(fault)
    }

    fn permits(&self, entry: u64, access: Access, privilege: Privilege) -> bool {
        let status = self.csrs.mstatus;
        let owner = match (privilege, entry & USER != 0) {
            (Privilege::User, user) => user,
            (_, true) => access != Access::Fetch && status & status::SUM != 0,
            (_, false) => true,
        };
        let needed = match access {
            Access::Read if status & status::MXR != 0 => READABLE | EXECUTABLE,
            Access::Read => READABLE,
            Access::Write => WRITABLE,
            Access::Fetch => EXECUTABLE,
        };
        owner && entry & needed != 0
    }

    /// Notes in an entry that its page was used: whether that is done, or the kernel's business.
    fn mark(&mut self, at: GuestAddress, entry: u64, access: Access, address: u64) -> Result<bool, Stop> {
        let wanted = if access == Access::Write { ACCESSED | DIRTY } else { ACCESSED };
        if entry & wanted == wanted {
            return Ok(true);
        }
        if self.csrs.menvcfg & ADUE == 0 {
            return Ok(false);
        }
        let place = self.table_place(at, address, access)?;
        // Another hart may have changed the entry since: then the walk's result is as if it had come first, but the mark
        // must not bring the old entry back.
        let _ = place.shared_u64().compare_exchange(
            entry,
            entry | wanted,
            std::sync::atomic::Ordering::SeqCst,
            std::sync::atomic::Ordering::Relaxed,
        );
        Ok(true)
    }

    /// An entry of a table.
    fn table_entry(&mut self, at: GuestAddress, address: u64, access: Access) -> Result<u64, Stop> {
        if let Some(entry) = self.tables.load::<u64>(at.get(), 0) {
            return Ok(entry);
        }
        self.admit_table(at, Access::Read, address, access)?;
        let fault = Trap::new(access_fault(access), address);
        let host = self.granted(at, Access::Read).map_err(|refusal| refusal.or_trap(fault))?;
        self.tables.insert(at.get(), 0, host);
        Ok(self.tables.load::<u64>(at.get(), 0).expect("it was just inserted"))
    }

    /// The place of an entry that is to be changed.
    fn table_place(&mut self, at: GuestAddress, address: u64, access: Access) -> Result<Place, Stop> {
        self.admit_table(at, Access::Write, address, access)?;
        let fault = Trap::new(access_fault(access), address);
        let host = self.granted(at, Access::Write).map_err(|refusal| refusal.or_trap(fault))?;
        self.tables.insert(at.get(), 0, host);
        Ok(self.tables.place::<u64>(at.get(), 0).expect("it was just inserted"))
    }

    fn admit_table(&self, at: GuestAddress, how: Access, address: u64, access: Access) -> Result<(), Stop> {
        if self.csrs.pmp.allows(at, how, Privilege::Supervisor) {
            Ok(())
        } else {
            Err(Trap::new(access_fault(access), address).into())
        }
    }

    /// The host's page for an access that is allowed.
    pub(super) fn granted(&mut self, at: GuestAddress, access: Access) -> Result<HostPage, Refusal> {
        Ok(self.grant(at, access)?.host)
    }

    /// A page for an access that is allowed, once everybody knows of it who has to.
    pub(super) fn grant(&mut self, at: GuestAddress, access: Access) -> Result<Grant, Refusal> {
        let grant = self.memory.grant(at.page(), access).map_err(|denied| match denied {
            Denied::Absent { page } => Refusal::Exit(Exit::Page { page, access }),
            Denied::Full { page, frames_max } => Refusal::Exit(Exit::Full { page, frames_max }),
            Denied::Outside { .. } => Refusal::Outside,
        })?;
        if let Some(revision) = grant.revoked {
            self.catch_up();
            if self.reservations.is_some() && !self.memory.is_settled(revision) {
                return Err(Refusal::Exit(Exit::Settle(revision)));
            }
        }
        Ok(grant)
    }

    /// Forgets what memory revoked since the last time.
    pub(super) fn catch_up(&mut self) {
        let memory = self.memory.clone();
        memory.catch_up(self.reader, &mut |revocation| self.forget(revocation));
    }

    /// Promises to use no page until it is unparked.
    pub(super) fn park(&mut self) {
        if !self.parked {
            self.parked = true;
            self.memory.park(self.reader);
        }
    }

    /// Is about to use pages, perhaps after a rest.
    pub(super) fn unpark(&mut self) {
        if !self.parked {
            return self.catch_up();
        }
        self.parked = false;
        let memory = self.memory.clone();
        memory.unpark(self.reader, &mut |revocation| self.forget(revocation));
    }

    fn forget(&mut self, revocation: Revocation) {
        match revocation {
            Revocation::Page(host) => self.forget_host(host),
            Revocation::Gone(host) => {
                self.forget_host(host);
                if self.reservation.is_some_and(|held| held.place.is_in(host)) {
                    self.release();
                }
            }
            Revocation::Writes(host) => {
                self.stores.forget_host(host);
                self.tables.forget_host(host);
            }
            Revocation::Everything => {
                self.loads.clear();
                self.stores.clear();
                self.tables.clear();
                self.pages.clear();
                self.code_stale = true;
            }
        }
    }

    fn forget_host(&mut self, host: HostPage) {
        self.loads.forget_host(host);
        self.stores.forget_host(host);
        self.tables.forget_host(host);
        self.pages.clear();
    }

    /// Loads a word the long way: translation, page, device, or byte by byte.
    #[cold]
    #[inline(never)]
    pub(super) fn load_slowly<W: Word + Bytes>(&mut self, address: u64) -> Result<W, Stop> {
        if address & (W::BYTES - 1) != 0 {
            return self.load_misaligned::<W>(address);
        }
        let physical = self.translate(address, Access::Read)?;
        let device = Exit::Read { address: physical, width: W::BYTES as u8 };
        let host = self.granted(physical, Access::Read).map_err(|refusal| refusal.or_device(device))?;
        self.loads.insert(address, self.data_context, host);
        Ok(self.loads.load::<W>(address, self.data_context).expect("it was just inserted"))
    }

    fn load_misaligned<W: Word + Bytes>(&mut self, address: u64) -> Result<W, Stop> {
        let mut bytes = 0_u64;
        for index in 0..W::BYTES {
            let at = address.wrapping_add(index);
            let byte = match self.loads.load::<u8>(at, self.data_context) {
                Some(byte) => byte,
                None => {
                    self.load_slowly::<u8>(at).map_err(|stop| never_a_device(stop, address, Access::Read))?
                }
            };
            bytes |= u64::from(byte) << (8 * index);
        }
        Ok(W::from_low(bytes))
    }

    /// Stores a word the long way.
    #[cold]
    #[inline(never)]
    pub(super) fn store_slowly<W: Word + Bytes>(&mut self, address: u64, value: W) -> Result<(), Stop> {
        if address & (W::BYTES - 1) != 0 {
            return self.store_misaligned(address, value);
        }
        let place = self.place_slowly::<W>(address).map_err(|stop| match stop {
            Stop::Exit(Exit::Write { address, width, .. }) => {
                Stop::Exit(Exit::Write { address, width, value: value.low() })
            }
            stop => stop,
        })?;
        self.store_at(place, value);
        Ok(())
    }

    /// Stores at a place that may be written, with regard for what others reserved.
    #[inline(always)]
    pub(super) fn store_at<W: Word>(&self, place: Place, value: W) {
        match &self.reservations {
            Some(table) if table.is_held(place) => table.store(self.id, place, || place.store(value)),
            _ => place.store(value),
        }
    }

    /// Where an aligned word can be written.
    pub(super) fn place_slowly<W: Word>(&mut self, address: u64) -> Result<Place, Stop> {
        if let Some(place) = self.stores.place::<W>(address, self.data_context) {
            return Ok(place);
        }
        let physical = self.translate(address, Access::Write)?;
        let device = Exit::Write { address: physical, width: W::BYTES as u8, value: 0 };
        let host = self.granted(physical, Access::Write).map_err(|refusal| refusal.or_device(device))?;
        self.stores.insert(address, self.data_context, host);
        Ok(self.stores.place::<W>(address, self.data_context).expect("it was just inserted"))
    }

    /// Both ends are made sure of before the first byte is written, so that a trap leaves nothing half done.
    fn store_misaligned<W: Word + Bytes>(&mut self, address: u64, value: W) -> Result<(), Stop> {
        for at in [address, address.wrapping_add(W::BYTES - 1)] {
            self.place_slowly::<u8>(at).map_err(|stop| never_a_device(stop, address, Access::Write))?;
        }
        for index in 0..W::BYTES {
            let at = address.wrapping_add(index);
            let byte = (value.low() >> (8 * index)) as u8;
            let place =
                self.place_slowly::<u8>(at).map_err(|stop| never_a_device(stop, address, Access::Write))?;
            self.store_at(place, byte);
        }
        Ok(())
    }
}

/// A word as the low bytes of a longer one.
pub(super) trait Bytes {
    fn low(self) -> u64;
    fn from_low(bytes: u64) -> Self;
}

macro_rules! bytes {
    ($($word:ty)*) => {$(
        impl Bytes for $word {
            fn low(self) -> u64 {
                u64::from(self)
            }
            fn from_low(bytes: u64) -> Self {
                bytes as $word
            }
        }
    )*};
}

bytes! { u8 u16 u32 u64 }

/// Devices take words that are aligned, or none.
pub(super) fn never_a_device(stop: Stop, address: u64, access: Access) -> Stop {
    match stop {
        Stop::Exit(Exit::Read { .. } | Exit::Write { .. }) => Trap::new(access_fault(access), address).into(),
        stop => stop,
    }
}

pub(super) const fn page_fault(access: Access) -> Exception {
    match access {
        Access::Read => Exception::LoadPage,
        Access::Write => Exception::StorePage,
        Access::Fetch => Exception::FetchPage,
    }
}

pub(super) const fn access_fault(access: Access) -> Exception {
    match access {
        Access::Read => Exception::LoadAccess,
        Access::Write => Exception::StoreAccess,
        Access::Fetch => Exception::FetchAccess,
    }
}
