//! Laying out memory for what is to run: raw programs, and kernels with their initial file system and device tree.

use super::{Computer, ComputerError, Firmware};
use crate::board::device_tree::Boot;
use crate::board::layout;
use crate::computer::seat::HartStatus;
use crate::{GuestAddress, PAGE_BYTES};

/// Kernels begin so far after the beginning of memory: what is before belongs to firmware.
const KERNEL_OFFSET: u64 = 2 << 20;

/// A kernel to be booted.
#[derive(Debug, Clone, Copy)]
pub struct Kernel<'a> {
    /// The kernel: Linux's `Image`.
    pub image: &'a [u8],
    /// Its initial file system, if it has one.
    pub initramfs: Option<&'a [u8]>,
    /// Its command line.
    pub command_line: &'a str,
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

    /// Lays a kernel, its initial file system and a device tree, and lets the first hart begin.
    ///
    /// # Errors
    ///
    /// If it is no kernel, or memory has no room for it.
    pub fn boot_kernel(&mut self, kernel: &Kernel<'_>) -> Result<MemoryPlan, ComputerError> {
        let base = self.memory.base().get();
        let end = base + self.memory.bytes();
        let start = base + KERNEL_OFFSET;
        self.lay("the kernel", GuestAddress::new(start), kernel.image)?;
        // The device tree and the initial file system lie at the end, where the kernel does not reach.
        let mut top = end;
        let initramfs = match kernel.initramfs {
            Some(bytes) => {
                top = self.below("the initial file system", top, bytes.len() as u64)?;
                self.lay("the initial file system", GuestAddress::new(top), bytes)?;
                Some(GuestAddress::new(top))
            }
            None => None,
        };
        let tree = self.board.device_tree(&Boot {
            command_line: kernel.command_line.into(),
            initrd: initramfs
                .zip(kernel.initramfs)
                .map(|(at, bytes)| (at.get(), at.get() + bytes.len() as u64)),
        })?;
        let at = self.below("the device tree", top, tree.len() as u64)?;
        self.lay("the device tree", GuestAddress::new(at), &tree)?;
        match self.config.firmware {
            Firmware::Host => {
                let first = &mut self.seats[0];
                first.hart.hand_over(start, 0, at);
                first.status = HartStatus::Running;
            }
            Firmware::Guest => self.start_all(base, at),
        }
        Ok(MemoryPlan { kernel: GuestAddress::new(start), device_tree: GuestAddress::new(at), initramfs })
    }

    /// A place for so many bytes below an address, at the beginning of a page.
    fn below(&self, what: &'static str, top: u64, bytes: u64) -> Result<u64, ComputerError> {
        let bottom = layout::MEMORY + KERNEL_OFFSET;
        let place = top.checked_sub(bytes).map(|at| at & !(PAGE_BYTES - 1)).filter(|at| *at > bottom);
        place.ok_or(ComputerError::NoRoom { what, bytes, room: top.saturating_sub(bottom) })
    }

    fn lay(&self, what: &'static str, at: GuestAddress, bytes: &[u8]) -> Result<(), ComputerError> {
        let room = (self.memory.base().get() + self.memory.bytes()).saturating_sub(at.get());
        if bytes.len() as u64 > room {
            return Err(ComputerError::NoRoom { what, bytes: bytes.len() as u64, room });
        }
        Ok(self.memory.write_bytes(at, bytes)?)
    }
}
