//! [`Transport`]: the registers through which a driver finds a device, sets up its rings and notifies it.

use borsh::{BorshDeserialize, BorshSerialize};
use virtio_bindings::virtio_config::{
    VIRTIO_CONFIG_S_DRIVER_OK, VIRTIO_CONFIG_S_FAILED, VIRTIO_CONFIG_S_FEATURES_OK,
    VIRTIO_CONFIG_S_NEEDS_RESET, VIRTIO_F_VERSION_1,
};
use virtio_bindings::virtio_mmio as register;
use virtio_bindings::virtio_ring::{VIRTIO_RING_F_EVENT_IDX, VIRTIO_RING_F_INDIRECT_DESC};
use virtio_queue::QueueT as _;
use vm_memory::GuestMemory;

use super::device::Device;
use super::ring::{Ring, RingState};
use super::{Broken, Left, RING_ENTRIES_MAX, Turn};
use crate::board::{BlockDevice, DeviceMemory};

const MAGIC: u32 = u32::from_le_bytes(*b"virt");
const VERSION: u32 = 2;
const VENDOR: u32 = u32::from_le_bytes(*b"loom");

const DRIVER_OK: u32 = VIRTIO_CONFIG_S_DRIVER_OK;
const FAILED: u32 = VIRTIO_CONFIG_S_FAILED;
const FEATURES_OK: u32 = VIRTIO_CONFIG_S_FEATURES_OK;
const NEEDS_RESET: u32 = VIRTIO_CONFIG_S_NEEDS_RESET;

const FEATURES: u64 =
    1 << VIRTIO_F_VERSION_1 | 1 << VIRTIO_RING_F_EVENT_IDX | 1 << VIRTIO_RING_F_INDIRECT_DESC;

/// What the registers of an empty slot say: that there is no device.
pub(in crate::board) fn read_empty(offset: u64) -> u64 {
    match offset as u32 {
        register::VIRTIO_MMIO_MAGIC_VALUE => MAGIC.into(),
        register::VIRTIO_MMIO_VERSION => VERSION.into(),
        _ => 0,
    }
}

/// The registers of a device.
#[derive(Debug)]
pub(in crate::board) struct Transport {
    device: Device,
    rings: Vec<Ring>,
    registers: Registers,
}

/// What a driver has written.
#[derive(Debug, Clone, Default, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
struct Registers {
    status: u32,
    interrupt: u32,
    features: u64,
    features_half: u32,
    offered_half: u32,
    ring: u32,
    generation: u32,
    /// The rings with work that was put off: one bit each.
    waiting: u32,
}

/// What a transport is, as it is stored.
#[derive(Debug, Clone, BorshSerialize, BorshDeserialize)]
pub(in crate::board) struct TransportState {
    rings: Vec<RingState>,
    registers: Registers,
}

impl Transport {
    pub(in crate::board) fn new(device: Device) -> Self {
        let rings = (0..device.rings()).map(|_| Ring::new()).collect();
        Self { device, rings, registers: Registers::default() }
    }

    pub(in crate::board) fn state(&self) -> TransportState {
        let rings = self.rings.iter().map(Ring::state).collect();
        TransportState { rings, registers: self.registers.clone() }
    }

    /// The transport of a device that was in this state.
    pub(in crate::board) fn restore(device: Device, state: TransportState) -> Option<Self> {
        let rings: Result<Vec<Ring>, Broken> = state.rings.into_iter().map(Ring::restore).collect();
        let rings = rings.ok().filter(|rings| rings.len() == device.rings())?;
        let is_known = state.registers.waiting >> rings.len() == 0;
        is_known.then_some(Self { device, rings, registers: state.registers })
    }

    /// The same registers before another device.
    pub(in crate::board) fn with_device(&self, device: Device) -> Self {
        Self { device, rings: self.rings.clone(), registers: self.registers.clone() }
    }

    pub(in crate::board) fn device(&self) -> &Device {
        &self.device
    }

    pub(in crate::board) fn device_mut(&mut self) -> &mut Device {
        &mut self.device
    }

    /// What a disk keeps its bytes in, if it is one.
    pub(in crate::board) fn into_disk(self) -> Option<Box<dyn BlockDevice>> {
        match self.device {
            Device::Block(block) => Some(block.disk),
            _ => None,
        }
    }

    /// Whether it interrupts.
    pub(in crate::board) fn level(&self) -> bool {
        self.registers.interrupt != 0
    }

    /// Whether work was put off.
    pub(in crate::board) fn has_work(&self) -> bool {
        self.registers.waiting != 0
    }

    /// Whether a driver is there.
    pub(in crate::board) fn is_driven(&self) -> bool {
        self.registers.status & (DRIVER_OK | NEEDS_RESET | FAILED) == DRIVER_OK
    }

    /// Reads a register; `None` if there is none of this width.
    pub(in crate::board) fn read(&self, offset: u64, width: u8) -> Option<u64> {
        if let Some(place) = offset.checked_sub(register::VIRTIO_MMIO_CONFIG.into()) {
            return read_bytes(&self.device.about(), place, width);
        }
        is_register(offset, width)?;
        let registers = &self.registers;
        let ring = self.rings.get(registers.ring as usize);
        Some(u64::from(match offset as u32 {
            register::VIRTIO_MMIO_MAGIC_VALUE => MAGIC,
            register::VIRTIO_MMIO_VERSION => VERSION,
            register::VIRTIO_MMIO_DEVICE_ID => self.device.kind(),
            register::VIRTIO_MMIO_VENDOR_ID => VENDOR,
            register::VIRTIO_MMIO_DEVICE_FEATURES => half(self.offered(), registers.offered_half),
            register::VIRTIO_MMIO_QUEUE_NUM_MAX => ring.map_or(0, |_| RING_ENTRIES_MAX.into()),
            register::VIRTIO_MMIO_QUEUE_READY => ring.is_some_and(Ring::is_ready).into(),
            register::VIRTIO_MMIO_INTERRUPT_STATUS => registers.interrupt,
            register::VIRTIO_MMIO_STATUS => registers.status,
            register::VIRTIO_MMIO_CONFIG_GENERATION => registers.generation,
            // There is no shared memory, which is said by a length of all ones.
            register::VIRTIO_MMIO_SHM_LEN_LOW..=register::VIRTIO_MMIO_SHM_BASE_HIGH => u32::MAX,
            _ => 0,
        }))
    }

    /// Writes a register; `None` if there is none of this width.
    pub(in crate::board) fn write<M: DeviceMemory>(
        &mut self,
        memory: &M,
        offset: u64,
        width: u8,
        value: u32,
        turn: &mut Turn,
    ) -> Option<()> {
        if let Some(place) = offset.checked_sub(register::VIRTIO_MMIO_CONFIG.into()) {
            self.device.hear(place, width, value);
            return matches!(width, 1 | 2 | 4 | 8).then_some(());
        }
        is_register(offset, width)?;
        let registers = &mut self.registers;
        match offset as u32 {
            register::VIRTIO_MMIO_QUEUE_NOTIFY => self.serve(value as usize, memory, turn),
            register::VIRTIO_MMIO_INTERRUPT_ACK => registers.interrupt &= !value,
            register::VIRTIO_MMIO_DEVICE_FEATURES_SEL => registers.offered_half = value,
            register::VIRTIO_MMIO_DRIVER_FEATURES_SEL => registers.features_half = value,
            register::VIRTIO_MMIO_DRIVER_FEATURES => registers.choose(value),
            register::VIRTIO_MMIO_QUEUE_SEL => registers.ring = value,
            register::VIRTIO_MMIO_STATUS => self.set_status(value),
            _ => self.set_up(memory, offset as u32, value),
        }
        Some(())
    }

    /// Serves a ring, and tells the driver what was done.
    pub(in crate::board) fn serve<M: DeviceMemory>(&mut self, ring: usize, memory: &M, turn: &mut Turn) {
        let is_ready = self.rings.get(ring).is_some_and(Ring::is_ready);
        if !self.is_driven() || !is_ready {
            return;
        }
        self.registers.waiting &= !(1 << ring);
        let left = self.device.serve(&mut self.rings, ring, memory, turn);
        let interrupts = self.rings[ring].interrupts(memory);
        match (left, interrupts) {
            (Ok(left), Ok(interrupts)) => {
                self.registers.waiting |= u32::from(left == Left::Work) << ring;
                self.registers.interrupt |= u32::from(interrupts) * register::VIRTIO_MMIO_INT_VRING;
            }
            _ => self.break_down(),
        }
    }

    /// Serves the rings whose work was put off.
    pub(in crate::board) fn proceed<M: DeviceMemory>(&mut self, memory: &M, turn: &mut Turn) {
        for ring in 0..self.rings.len() {
            if self.registers.waiting >> ring & 1 == 1 {
                self.serve(ring, memory, turn);
            }
        }
    }

    /// Notes that there is work in a ring.
    pub(in crate::board) fn put_off(&mut self, ring: usize) {
        self.registers.waiting |= 1 << ring;
    }

    /// What the device tells about itself has changed, and the driver is told, if there is one.
    pub(in crate::board) fn tell_change(&mut self) {
        self.registers.generation = self.registers.generation.wrapping_add(1);
        self.registers.interrupt |= u32::from(self.is_driven()) * register::VIRTIO_MMIO_INT_CONFIG;
    }

    fn offered(&self) -> u64 {
        FEATURES | self.device.features()
    }

    fn break_down(&mut self) {
        self.registers.status |= NEEDS_RESET;
        self.registers.interrupt |= register::VIRTIO_MMIO_INT_CONFIG;
        self.registers.waiting = 0;
    }

    fn set_status(&mut self, value: u32) {
        if value == 0 {
            self.registers = Registers { generation: self.registers.generation, ..Registers::default() };
            self.rings.iter_mut().for_each(Ring::reset);
            self.device.reset();
            return;
        }
        let before = self.registers.status;
        let mut after = before | value & 0xFF & !NEEDS_RESET;
        let newly = after & !before;
        if newly & FEATURES_OK != 0 && !self.features_are_right() {
            after &= !FEATURES_OK;
        }
        if newly & DRIVER_OK != 0 && after & FEATURES_OK == 0 {
            return self.break_down();
        }
        self.registers.status = after;
        if newly & DRIVER_OK != 0 {
            self.device.start(self.registers.features);
        }
    }

    fn features_are_right(&self) -> bool {
        let features = self.registers.features;
        features & !self.offered() == 0 && features >> VIRTIO_F_VERSION_1 & 1 == 1
    }

    /// Sets up a ring, which is done after features were agreed on and before the device is used.
    fn set_up<M: GuestMemory>(&mut self, memory: &M, offset: u32, value: u32) {
        let registers = &self.registers;
        let is_time = registers.status & (FEATURES_OK | DRIVER_OK | NEEDS_RESET) == FEATURES_OK;
        let Some(ring) = self.rings.get_mut(registers.ring as usize).filter(|_| is_time) else { return };
        if ring.is_ready() && offset != register::VIRTIO_MMIO_QUEUE_READY {
            return;
        }
        let queue = ring.queue();
        let mut is_right = true;
        match offset {
            register::VIRTIO_MMIO_QUEUE_NUM => {
                let size = u16::try_from(value).unwrap_or(0);
                is_right = queue.try_set_size(size).is_ok();
            }
            register::VIRTIO_MMIO_QUEUE_DESC_LOW => queue.set_desc_table_address(Some(value), None),
            register::VIRTIO_MMIO_QUEUE_DESC_HIGH => queue.set_desc_table_address(None, Some(value)),
            register::VIRTIO_MMIO_QUEUE_AVAIL_LOW => queue.set_avail_ring_address(Some(value), None),
            register::VIRTIO_MMIO_QUEUE_AVAIL_HIGH => queue.set_avail_ring_address(None, Some(value)),
            register::VIRTIO_MMIO_QUEUE_USED_LOW => queue.set_used_ring_address(Some(value), None),
            register::VIRTIO_MMIO_QUEUE_USED_HIGH => queue.set_used_ring_address(None, Some(value)),
            register::VIRTIO_MMIO_QUEUE_READY => {
                queue.set_event_idx(registers.features >> VIRTIO_RING_F_EVENT_IDX & 1 == 1);
                queue.set_ready(value & 1 == 1);
                is_right = value & 1 == 0 || ring.is_valid(memory);
            }
            _ => {}
        }
        if !is_right {
            self.break_down();
        }
    }
}

impl Registers {
    /// Chooses features, one half at a time, before they are agreed on.
    fn choose(&mut self, value: u32) {
        if self.status & FEATURES_OK != 0 {
            return;
        }
        match self.features_half {
            0 => self.features = self.features & !0xFFFF_FFFF | u64::from(value),
            1 => self.features = self.features & 0xFFFF_FFFF | u64::from(value) << 32,
            _ => {}
        }
    }
}

fn half(features: u64, half: u32) -> u32 {
    match half {
        0 => features as u32,
        1 => (features >> 32) as u32,
        _ => 0,
    }
}

fn is_register(offset: u64, width: u8) -> Option<()> {
    (width == 4 && offset.is_multiple_of(4)).then_some(())
}

/// Reads from what a device tells about itself; what is beyond it is zero.
fn read_bytes(bytes: &[u8], place: u64, width: u8) -> Option<u64> {
    let mut value = [0; 8];
    let target = value.get_mut(..usize::from(width)).filter(|_| width.is_power_of_two())?;
    for (at, byte) in (place..).zip(target) {
        *byte = usize::try_from(at).ok().and_then(|at| bytes.get(at)).copied().unwrap_or(0);
    }
    Some(u64::from_le_bytes(value))
}
