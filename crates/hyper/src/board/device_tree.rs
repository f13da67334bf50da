//! The device tree: what a board tells firmware and kernels about itself.
//!
//! [`Board::device_tree`] writes one; [`DeviceTree`] reads one that somebody else has made, as far as is needed to trust
//! its lengths.

use ironloom_core::Rng;
use vm_fdt::FdtWriter;

use super::{Board, layout, plic, syscon};

mod reader;

pub use reader::{DeviceTree, DeviceTreeError, Item};
pub use vm_fdt::Error as WriteError;

/// The instructions of a hart, as kernels read them.
pub const ISA: &str = "rv64imafdc_zicntr_zicsr_zifencei_zihintpause_zba_zbb_zbs_sstc_svadu_svinval";

/// The instructions of a hart besides those that every computer has.
pub const ISA_BASE: &str = "rv64i";

/// The bytes of chance that a kernel is given.
const SEED_BYTES: usize = 64;

const SYSCON_PHANDLE: u32 = 1;
const PLIC_PHANDLE: u32 = 2;
const HART_PHANDLES: u32 = 0x100;

/// External interrupts of the two modes, and the software and timer interrupts of machine mode.
const SUPERVISOR_EXTERNAL: u32 = 9;
const MACHINE_EXTERNAL: u32 = 11;
const MACHINE_SOFTWARE: u32 = 3;
const MACHINE_TIMER: u32 = 7;

/// What a kernel is told that the board does not know.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Boot {
    /// The command line of the kernel.
    pub command_line: String,
    /// Where the initial file system is: its first address, and the first after it.
    pub initrd: Option<(u64, u64)>,
}

impl Board {
    /// What the board tells about itself, as a flattened device tree.
    ///
    /// ```
    /// use ironloom_hyper::board::device_tree::{Boot, DeviceTree};
    /// use ironloom_hyper::board::{Board, BoardConfig};
    ///
    /// let board = Board::new(BoardConfig::new(64 << 20))?;
    /// let boot = Boot { command_line: "console=ttyS0".into(), initrd: None };
    /// let bytes = board.device_tree(&boot)?;
    /// let tree = DeviceTree::parse(&bytes)?;
    /// assert_eq!(tree.property("/chosen", "bootargs"), Some(&b"console=ttyS0\0"[..]));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// If the command line has a zero byte within it.
    pub fn device_tree(&self, boot: &Boot) -> Result<Vec<u8>, WriteError> {
        let mut tree = FdtWriter::new()?;
        let root = tree.begin_node("")?;
        tree.property_u32("#address-cells", 2)?;
        tree.property_u32("#size-cells", 2)?;
        tree.property_string("compatible", "riscv-virtio")?;
        tree.property_string("model", "ironloom,virt")?;
        self.describe_boot(&mut tree, boot)?;
        self.describe_memory(&mut tree)?;
        self.describe_harts(&mut tree)?;
        self.describe_devices(&mut tree)?;
        describe_endings(&mut tree)?;
        tree.end_node(root)?;
        tree.finish()
    }

    fn describe_boot(&self, tree: &mut FdtWriter, boot: &Boot) -> Result<(), WriteError> {
        let serial = format!("/soc/serial@{:x}", layout::UART);
        let aliases = tree.begin_node("aliases")?;
        tree.property_string("serial0", &serial)?;
        tree.end_node(aliases)?;
        let chosen = tree.begin_node("chosen")?;
        tree.property_string("bootargs", &boot.command_line)?;
        tree.property_string("stdout-path", &serial)?;
        if let Some((first, end)) = boot.initrd {
            tree.property_u64("linux,initrd-start", first)?;
            tree.property_u64("linux,initrd-end", end)?;
        }
        let chance: [u8; SEED_BYTES] = Rng::new(self.config.seed).split("rng-seed", 0).bytes();
        tree.property("rng-seed", &chance)?;
        tree.end_node(chosen)
    }

    fn describe_memory(&self, tree: &mut FdtWriter) -> Result<(), WriteError> {
        let memory = tree.begin_node(&format!("memory@{:x}", layout::MEMORY))?;
        tree.property_string("device_type", "memory")?;
        tree.property_array_u64("reg", &[layout::MEMORY, self.config.memory_bytes])?;
        tree.end_node(memory)
    }

    fn describe_harts(&self, tree: &mut FdtWriter) -> Result<(), WriteError> {
        let harts = tree.begin_node("cpus")?;
        tree.property_u32("#address-cells", 1)?;
        tree.property_u32("#size-cells", 0)?;
        tree.property_u32("timebase-frequency", layout::TICKS_PER_SECOND)?;
        for hart in 0..u32::from(self.config.harts) {
            describe_hart(tree, hart)?;
        }
        tree.end_node(harts)
    }

    fn describe_devices(&self, tree: &mut FdtWriter) -> Result<(), WriteError> {
        let soc = tree.begin_node("soc")?;
        tree.property_u32("#address-cells", 2)?;
        tree.property_u32("#size-cells", 2)?;
        tree.property_string("compatible", "simple-bus")?;
        tree.property_null("ranges")?;
        self.describe_interrupts(tree)?;
        let syscon = begin_device(tree, "test", layout::SYSCON, layout::SYSCON_BYTES)?;
        tree.property_string_list(
            "compatible",
            ["sifive,test1", "sifive,test0", "syscon"].map(String::from).into(),
        )?;
        tree.property_phandle(SYSCON_PHANDLE)?;
        tree.end_node(syscon)?;
        let rtc = begin_device(tree, "rtc", layout::RTC, layout::RTC_BYTES)?;
        tree.property_string("compatible", "google,goldfish-rtc")?;
        interrupt(tree, layout::RTC_SOURCE)?;
        tree.end_node(rtc)?;
        let uart = begin_device(tree, "serial", layout::UART, layout::UART_BYTES)?;
        tree.property_string("compatible", "ns16550a")?;
        tree.property_u32("clock-frequency", 3_686_400)?;
        interrupt(tree, layout::UART_SOURCE)?;
        tree.end_node(uart)?;
        for slot in self.occupied() {
            let first = layout::VIRTIO + layout::VIRTIO_BYTES * u64::from(slot.number());
            let node = begin_device(tree, "virtio_mmio", first, layout::VIRTIO_BYTES)?;
            tree.property_string("compatible", "virtio,mmio")?;
            interrupt(tree, layout::VIRTIO_SOURCE + u32::from(slot.number()))?;
            tree.end_node(node)?;
        }
        tree.end_node(soc)
    }

    fn describe_interrupts(&self, tree: &mut FdtWriter) -> Result<(), WriteError> {
        let to_harts = |kinds: [u32; 2]| -> Vec<u32> {
            let harts = 0..u32::from(self.config.harts);
            harts.flat_map(|hart| kinds.map(|kind| [HART_PHANDLES + hart, kind])).flatten().collect()
        };
        let aclint = begin_device(tree, "clint", layout::ACLINT, layout::ACLINT_BYTES)?;
        tree.property_string_list("compatible", ["sifive,clint0", "riscv,clint0"].map(String::from).into())?;
        tree.property_array_u32("interrupts-extended", &to_harts([MACHINE_SOFTWARE, MACHINE_TIMER]))?;
        tree.end_node(aclint)?;
        let controller = begin_device(tree, "plic", layout::PLIC, layout::PLIC_BYTES)?;
        tree.property_string_list(
            "compatible",
            ["sifive,plic-1.0.0", "riscv,plic0"].map(String::from).into(),
        )?;
        tree.property_null("interrupt-controller")?;
        tree.property_u32("#interrupt-cells", 1)?;
        tree.property_u32("#address-cells", 0)?;
        tree.property_array_u32("interrupts-extended", &to_harts([MACHINE_EXTERNAL, SUPERVISOR_EXTERNAL]))?;
        tree.property_u32("riscv,ndev", plic::SOURCES - 1)?;
        tree.property_phandle(PLIC_PHANDLE)?;
        tree.end_node(controller)
    }
}

fn describe_hart(tree: &mut FdtWriter, hart: u32) -> Result<(), WriteError> {
    let node = tree.begin_node(&format!("cpu@{hart:x}"))?;
    tree.property_string("device_type", "cpu")?;
    tree.property_u32("reg", hart)?;
    tree.property_string("status", "okay")?;
    tree.property_string("compatible", "riscv")?;
    tree.property_string("mmu-type", "riscv,sv39")?;
    tree.property_string("riscv,isa", ISA)?;
    tree.property_string("riscv,isa-base", ISA_BASE)?;
    let mut parts = ISA.strip_prefix("rv64").expect("the constant begins so").split('_');
    let letters = parts.next().unwrap_or_default().chars().map(String::from);
    let extensions: Vec<String> = letters.chain(parts.map(String::from)).collect();
    tree.property_string_list("riscv,isa-extensions", extensions)?;
    let controller = tree.begin_node("interrupt-controller")?;
    tree.property_string("compatible", "riscv,cpu-intc")?;
    tree.property_null("interrupt-controller")?;
    tree.property_u32("#interrupt-cells", 1)?;
    tree.property_u32("#address-cells", 0)?;
    tree.property_phandle(HART_PHANDLES + hart)?;
    tree.end_node(controller)?;
    tree.end_node(node)
}

fn describe_endings(tree: &mut FdtWriter) -> Result<(), WriteError> {
    for (name, value) in [("poweroff", syscon::PASS), ("reboot", syscon::RESET)] {
        let node = tree.begin_node(name)?;
        tree.property_string("compatible", &format!("syscon-{name}"))?;
        tree.property_u32("regmap", SYSCON_PHANDLE)?;
        tree.property_u32("offset", 0)?;
        tree.property_u32("value", value)?;
        tree.end_node(node)?;
    }
    Ok(())
}

fn begin_device(
    tree: &mut FdtWriter,
    name: &str,
    first: u64,
    bytes: u64,
) -> Result<vm_fdt::FdtWriterNode, WriteError> {
    let node = tree.begin_node(&format!("{name}@{first:x}"))?;
    tree.property_array_u64("reg", &[first, bytes])?;
    Ok(node)
}

fn interrupt(tree: &mut FdtWriter, source: u32) -> Result<(), WriteError> {
    tree.property_u32("interrupt-parent", PLIC_PHANDLE)?;
    tree.property_u32("interrupts", source)
}

#[cfg(test)]
mod tests;
