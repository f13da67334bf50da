//! Which translations hold: contexts, and forgetting what does not hold any more.

use super::core::Core;
use super::raw::CONTEXT_SHIFT;
use super::status::{self, Privilege};

impl Core {
    /// Follows a change of mode, of `mstatus` or of `satp`.
    pub(super) fn refresh(&mut self) {
        let privilege = self.data_privilege();
        let mode = match privilege {
            Privilege::User => 0,
            Privilege::Supervisor if self.csrs.mstatus & status::SUM != 0 => 1,
            Privilege::Supervisor => 2,
            Privilege::Machine => 3,
        };
        // Making a number for a space may take those of all others away: so there is one before any is used.
        let space = self.space();
        let data_space = if privilege == Privilege::Machine { 0 } else { space };
        let code_space = if self.csrs.privilege == Privilege::Machine { 0 } else { space };
        self.data_context = (data_space << 2 | mode) << CONTEXT_SHIFT;
        self.code_context = self.code_epoch << 9 | (code_space as u32) << 2 | self.csrs.privilege as u32;
        self.float_ready = self.csrs.mstatus & status::FS == status::FS;
    }

    fn space(&mut self) -> u64 {
        let satp = self.csrs.satp;
        if let Some(number) = self.spaces.number(satp) {
            return number;
        }
        self.forget_translations();
        self.spaces.restart();
        self.spaces.number(satp).expect("all numbers are free again")
    }

    /// Forgets all translations, in every mode.
    pub(super) fn forget_everything(&mut self) {
        self.forget_translations();
        self.spaces.restart();
        self.refresh();
    }

    fn forget_translations(&mut self) {
        self.loads.clear();
        self.stores.clear();
        self.superpages.clear();
        self.forget_jumps();
    }

    /// Forgets which blocks addresses lead to.
    pub(super) fn forget_jumps(&mut self) {
        self.fetched.clear();
        self.code_epoch += 1;
        if self.code_epoch == 1 << 23 {
            self.code_epoch = 0;
            self.jumps.clear();
            self.pages.clear();
        }
        self.code_context = self.code_context & 0x1ff | self.code_epoch << 9;
    }

    /// Forgets the translations of all spaces, or of those with an identifier.
    pub(super) fn forget_spaces(&mut self, identifier: Option<u64>) {
        match identifier {
            Some(identifier) => self.spaces.renew_identifier(identifier),
            None => self.spaces.renew(),
        }
        self.refresh();
    }

    /// Forgets the translations of an address, at a cost that does not depend on how many there are.
    ///
    /// Unless it lies in a superpage of which parts may be known: then everything is forgotten.
    pub(super) fn forget_page(&mut self, address: u64) {
        if self.superpages.may_contain(address >> 21 << 1)
            || self.superpages.may_contain(address >> 30 << 1 | 1)
        {
            self.superpages.clear();
            return self.forget_spaces(None);
        }
        self.loads.forget(address);
        self.stores.forget(address);
        if self.fetched.may_contain(address >> 12) {
            self.forget_jumps();
        }
    }
}
