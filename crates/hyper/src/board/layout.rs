//! Where the devices of a board are: the places of QEMU's `virt` board, which firmware and kernels know.

/// The device that powers off and resets.
pub const SYSCON: u64 = 0x10_0000;
/// The bytes of its registers.
pub const SYSCON_BYTES: u64 = 0x1000;

/// The clock that tells the time of day.
pub const RTC: u64 = 0x10_1000;
/// The bytes of its registers.
pub const RTC_BYTES: u64 = 0x1000;
/// The source of its interrupt.
pub const RTC_SOURCE: u32 = 11;

/// The software and timer interrupts of harts.
pub const ACLINT: u64 = 0x200_0000;
/// The bytes of its registers.
pub const ACLINT_BYTES: u64 = 0x1_0000;

/// The controller of external interrupts.
pub const PLIC: u64 = 0xC00_0000;
/// The bytes of its registers.
pub const PLIC_BYTES: u64 = 0x60_0000;

/// The serial port.
pub const UART: u64 = 0x1000_0000;
/// The bytes of its registers.
pub const UART_BYTES: u64 = 0x100;
/// The source of its interrupt.
pub const UART_SOURCE: u32 = 10;

/// The first slot for a virtio device.
pub const VIRTIO: u64 = 0x1000_1000;
/// The bytes of a slot.
pub const VIRTIO_BYTES: u64 = 0x1000;
/// How many slots there are.
pub const SLOTS: usize = 8;
/// The source of the interrupt of the first slot; the others follow.
pub const VIRTIO_SOURCE: u32 = 1;

/// Where memory begins.
pub const MEMORY: u64 = 0x8000_0000;

/// The nanoseconds of one tick of the timer, which counts at 10 MHz.
pub const TICK_NANOS: u64 = 100;
/// The ticks of one second.
pub const TICKS_PER_SECOND: u32 = 10_000_000;

const _: () = assert!(TICK_NANOS * TICKS_PER_SECOND as u64 == 1_000_000_000);
const _: () = assert!(VIRTIO == UART + 0x1000);
const _: () = assert!(SLOTS as u32 + VIRTIO_SOURCE <= UART_SOURCE);
