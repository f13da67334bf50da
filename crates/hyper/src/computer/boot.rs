//! Laying out memory for what is to run: raw programs, and kernels with their initial file system and device tree.

use super::{Computer, ComputerError, Firmware};
use crate::board::device_tree::Boot;
use crate::computer::seat::HartStatus;
use crate::load::{self, Place};
use crate::{GuestAddress, PAGE_BYTES};

/// A kernel to be booted.
#[derive(Debug, Clone, Copy, Default)]
pub struct Kernel<'a> {
    /// The kernel: Linux's `Image`, or an ELF file.
    pub image: &'a [u8],
    /// Its initial file system, if it has one.
    pub initramfs: Option<&'a [u8]>,
    /// Its command line.
    pub command_line: &'a str,
    /// What begins instead of the kernel, in machine mode at the beginning of memory, such as OpenSBI's `fw_jump.bin`: for
    /// computers whose [`Firmware`] is the guest's.
    pub firmware: Option<&'a [u8]>,
}

/// Where things were laid.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MemoryPlan {
    /// Where the kernel begins.
    pub kernel: GuestAddress,
    /// Where the device tree is.
    pub device_tree: GuestAddress,
    /// Where the initial file system is, if there is one.
    pub initramfs: Option<GuestAddress>,
}

impl Computer {
    /// Lays a program at the beginning of memory and lets all harts begin there, in machine mode, with their numbers in `a0`.
    ///
    /// # Errors
    ///
    /// If it does not fit.
    pub fn boot(&mut self, program: &[u8]) -> Result<(), ComputerError> {
        let start = self.memory.base();
        self.lay("a program", start, program)?;
        self.start_all(start.get(), 0);
        Ok(())
    }

    /// Lets all harts begin at an address in machine mode, with their numbers in `a0`.
    pub fn start_all(&mut self, pc: u64, a1: u64) {
        for (number, seat) in self.seats.iter_mut().enumerate() {
            seat.hart.set_pc(pc);
            seat.hart.set_register(10, number as u64);
            seat.hart.set_register(11, a1);
            seat.status = HartStatus::Running;
        }
    }

    /// Lays a kernel, its initial file system and a device tree, and lets the first hart begin; with firmware of the
    /// guest's, all of them.
    ///
    /// # Errors
    ///
    /// If it is no kernel, or memory has no room for it.
    pub fn boot_kernel(&mut self, kernel: &Kernel<'_>) -> Result<MemoryPlan, ComputerError> {
        let (base, bytes) = (self.memory.base(), self.memory.bytes());
        let program = load::program(kernel.image, &Place::new(base, bytes))?;
        for segment in &program.segments {
            self.memory.write_bytes(segment.address, segment.bytes)?;
        }
        // The device tree and the initial file system lie at the end, where the kernel does not reach.
        let (bottom, mut top) = (program.end().get(), base.get() + bytes);
        let mut initramfs = None;
        if let Some(content) = kernel.initramfs {
            top = self.lay_below("the initial file system", bottom, top, content)?;
            initramfs = Some(GuestAddress::new(top));
        }
        let end = |at: GuestAddress| at.get() + kernel.initramfs.map_or(0, <[u8]>::len) as u64;
        let tree = self.board.device_tree(&Boot {
            command_line: kernel.command_line.into(),
            initrd: initramfs.map(|at| (at.get(), end(at))),
        })?;
        let tree = self.lay_below("the device tree", bottom, top, &tree)?;
        match self.config.firmware {
            Firmware::Host => {
                let first = &mut self.seats[0];
                first.hart.hand_over(program.entry.get(), 0, tree);
                first.status = HartStatus::Running;
            }
            Firmware::Guest => {
                self.lay("firmware", base, kernel.firmware.ok_or(ComputerError::NoFirmware)?)?;
                self.start_all(base.get(), tree);
            }
        }
        Ok(MemoryPlan { kernel: program.entry, device_tree: GuestAddress::new(tree), initramfs })
    }

    /// Lays bytes as high as they fit below `top`, at the beginning of a page; where that is.
    fn lay_below(
        &self,
        what: &'static str,
        bottom: u64,
        top: u64,
        bytes: &[u8],
    ) -> Result<u64, ComputerError> {
        let length = bytes.len() as u64;
        let place = top.checked_sub(length).map(|at| at & !(PAGE_BYTES - 1)).filter(|at| *at >= bottom);
        let room = top.saturating_sub(bottom);
        let place = place.ok_or(ComputerError::NoRoom { what, bytes: length, room })?;
        self.lay(what, GuestAddress::new(place), bytes)?;
        Ok(place)
    }

    fn lay(&self, what: &'static str, at: GuestAddress, bytes: &[u8]) -> Result<(), ComputerError> {
        let room = (self.memory.base().get() + self.memory.bytes()).saturating_sub(at.get());
        if bytes.len() as u64 > room {
            return Err(ComputerError::NoRoom { what, bytes: bytes.len() as u64, room });
        }
        Ok(self.memory.write_bytes(at, bytes)?)
    }
}
