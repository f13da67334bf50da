//! [`Slot`] and [`Attachment`]: where virtio devices are on a board, and what can be there.

use std::fmt;

use borsh::{BorshDeserialize, BorshSerialize};
use ironloom_core::Rng;
use ironloom_net::{Frame, Mac};

use super::virtio::{Device, Transport, Turn, balloon, block, console, entropy, net, transport};
use super::{BalloonSize, BlockDevice, Board, BoardError, DeviceMemory, NetCounters, Output, layout};

/// A place for a virtio device.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, BorshSerialize, BorshDeserialize)]
pub struct Slot(u8);

impl Slot {
    /// Its number, from 0.
    #[must_use]
    pub const fn number(self) -> u8 {
        self.0
    }
}

impl fmt::Display for Slot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "slot {}", self.0)
    }
}

/// A device that is put into a slot.
#[derive(Debug)]
#[non_exhaustive]
pub enum Attachment {
    /// A disk.
    Disk {
        /// What it keeps its bytes in.
        device: Box<dyn BlockDevice>,
        /// How it is called; the first 20 bytes count.
        serial: String,
    },
    /// A network card.
    Net {
        /// Its address.
        mac: Mac,
        /// The largest packet that the network carries.
        mtu: u16,
    },
    /// A console.
    Console,
    /// Chance, from the seed of the machine.
    Entropy,
    /// A balloon, for memory that the guest does without. It is empty until [somebody wants](super::Input::Balloon) it to
    /// be filled, which may be before the machine begins.
    Balloon,
}

impl Board {
    /// Puts a device into the next free slot. That is done before the machine begins: nobody looks for devices later.
    ///
    /// # Errors
    ///
    /// If no slot is free.
    pub fn attach(&mut self, attachment: Attachment) -> Result<Slot, BoardError> {
        let at = self.slots.iter().position(Option::is_none).ok_or(BoardError::Slots)?;
        let config = &self.config;
        let device = match attachment {
            Attachment::Disk { device, serial } => {
                let mut name = block::Serial::default();
                name.iter_mut().zip(serial.bytes()).for_each(|(target, byte)| *target = byte);
                Device::Block(block::Block::new(device, name))
            }
            Attachment::Net { mac, mtu } => {
                Device::Net(net::Net::new(mac, mtu, config.frames_max, config.frame_bytes_max))
            }
            Attachment::Console => {
                Device::Console(console::Console::new(config.input_bytes_max, config.output_bytes_max))
            }
            Attachment::Entropy => {
                Device::Entropy(entropy::Entropy::new(Rng::new(config.seed).split("entropy", at as u64)))
            }
            Attachment::Balloon => {
                Device::Balloon(balloon::Balloon::new(layout::MEMORY, config.memory_bytes))
            }
        };
        self.slots[at] = Some(Transport::new(device));
        Ok(Slot(at as u8))
    }

    /// What the network card in a slot did not carry.
    #[must_use]
    pub fn net_counters(&self, slot: Slot) -> Option<NetCounters> {
        match self.slots.get(usize::from(slot.0))?.as_ref()?.device() {
            Device::Net(net) => Some(net.counters()),
            _ => None,
        }
    }

    /// The network cards, with their addresses.
    ///
    /// ```
    /// use ironloom_hyper::board::{Attachment, Board, BoardConfig};
    /// use ironloom_net::Mac;
    ///
    /// let mut board = Board::new(BoardConfig::new(1 << 20))?;
    /// board.attach(Attachment::Entropy)?;
    /// let slot = board.attach(Attachment::Net { mac: Mac::local(7), mtu: 1_500 })?;
    /// assert_eq!(board.cards().collect::<Vec<_>>(), [(slot, Mac::local(7))]);
    /// # Ok::<(), ironloom_hyper::board::BoardError>(())
    /// ```
    pub fn cards(&self) -> impl Iterator<Item = (Slot, Mac)> {
        self.slots.iter().zip(0..).filter_map(|(slot, at)| match slot.as_ref()?.device() {
            Device::Net(net) => Some((Slot(at), net.mac())),
            _ => None,
        })
    }

    /// Takes out all disks, in the order of their slots: for a computer that is off, and will be another when it is on
    /// again.
    pub(crate) fn take_disks(&mut self) -> Vec<Box<dyn BlockDevice>> {
        let is_disk =
            |slot: &Option<Transport>| matches!(slot.as_ref().map(Transport::device), Some(Device::Block(_)));
        let slots = self.slots.iter_mut().filter(|slot| is_disk(slot));
        slots.filter_map(|slot| slot.take()?.into_disk()).collect()
    }

    /// How large the balloon in a slot is, and is to be.
    #[must_use]
    pub fn balloon(&self, slot: Slot) -> Option<BalloonSize> {
        match self.slots.get(usize::from(slot.0))?.as_ref()?.device() {
            Device::Balloon(balloon) => Some(balloon.size()),
            _ => None,
        }
    }

    /// The slots that have a device.
    pub(super) fn occupied(&self) -> impl Iterator<Item = Slot> {
        self.slots.iter().zip(0..).filter_map(|(slot, at)| slot.as_ref().map(|_| Slot(at)))
    }

    fn turn(&self) -> Turn {
        Turn::new(self.config.turn_requests_max, self.config.turn_bytes_max)
    }

    pub(super) fn read_slot(&mut self, offset: u64, width: u8) -> Option<u64> {
        let (slot, offset) = (offset / layout::VIRTIO_BYTES, offset % layout::VIRTIO_BYTES);
        match &self.slots[slot as usize] {
            Some(transport) => transport.read(offset, width),
            None => Some(transport::read_empty(offset)),
        }
    }

    pub(super) fn write_slot<M: DeviceMemory>(
        &mut self,
        memory: &M,
        offset: u64,
        width: u8,
        value: u32,
    ) -> Option<()> {
        let (slot, offset) = (offset / layout::VIRTIO_BYTES, offset % layout::VIRTIO_BYTES);
        let mut turn = self.turn();
        match &mut self.slots[slot as usize] {
            Some(transport) => transport.write(memory, offset, width, value, &mut turn),
            None => Some(()),
        }
    }

    /// Does what devices have put off.
    pub(super) fn proceed<M: DeviceMemory>(&mut self, memory: &M) {
        let turn = self.turn();
        for transport in self.slots.iter_mut().flatten().filter(|transport| transport.has_work()) {
            transport.proceed(memory, &mut turn.clone());
        }
    }

    pub(super) fn receive_console<M: DeviceMemory>(&mut self, memory: &M, slot: Slot, bytes: &[u8]) -> usize {
        let mut turn = self.turn();
        let Some(transport) = &mut self.slots[usize::from(slot.0)] else { return 0 };
        let Device::Console(console) = transport.device_mut() else { return 0 };
        let taken = console.receive(bytes);
        transport.serve(console::INPUT, memory, &mut turn);
        taken
    }

    pub(super) fn receive_frame<M: DeviceMemory>(&mut self, memory: &M, slot: Slot, frame: &Frame) -> usize {
        let mut turn = self.turn();
        let Some(transport) = &mut self.slots[usize::from(slot.0)] else { return 0 };
        let Device::Net(net) = transport.device_mut() else { return 0 };
        let taken = usize::from(net.receive(frame));
        transport.serve(net::INPUT, memory, &mut turn);
        taken
    }

    /// Wants so many bytes to be in a balloon; how many that makes.
    pub(super) fn want_balloon(&mut self, slot: Slot, bytes: u64) -> usize {
        let Some(transport) = &mut self.slots[usize::from(slot.0)] else { return 0 };
        let Device::Balloon(balloon) = transport.device_mut() else { return 0 };
        balloon.want(bytes);
        let wanted = balloon.size().wanted;
        transport.tell_change();
        wanted as usize
    }

    /// What virtio devices have to say to the world. A guest that had to wait goes on when time goes by.
    pub(super) fn poll_slots(&mut self) -> Option<Output> {
        for (at, transport) in self.slots.iter_mut().enumerate() {
            let Some(transport) = transport else { continue };
            let slot = Slot(at as u8);
            let (output, ring, was_full) = match transport.device_mut() {
                Device::Console(console) => match console.take_output() {
                    Some((bytes, was_full)) => (Output::Console(slot, bytes), console::OUTPUT, was_full),
                    None => continue,
                },
                Device::Net(net) => match net.take_frame() {
                    Some((frame, was_full)) => (Output::Frame(slot, frame), net::OUTPUT, was_full),
                    None => continue,
                },
                Device::Block(_) | Device::Entropy(_) | Device::Balloon(_) => continue,
            };
            if was_full {
                transport.put_off(ring);
            }
            return Some(output);
        }
        None
    }
}
