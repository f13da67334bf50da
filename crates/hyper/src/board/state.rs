//! [`BoardState`]: a board as it is stored; and forks of boards.

use borsh::{BorshDeserialize, BorshSerialize};
use ironloom_blob::BlobId;
use ironloom_core::Rng;

use super::aclint::Aclint;
use super::plic::Plic;
use super::rtc::Rtc;
use super::uart::Uart;
use super::virtio::balloon::Balloon;
use super::virtio::block::{Block, Serial};
use super::virtio::console::Console;
use super::virtio::entropy::Entropy;
use super::virtio::net::{Net, NetState};
use super::virtio::transport::TransportState;
use super::virtio::{Device, Transport};
use super::{BlockDevice, BlockError, Board, BoardConfig, BoardError, Ending, Lines, layout};

/// The version of what is stored.
const VERSION: u16 = 1;

/// A board as it is stored: all but the bytes of its disks.
///
/// Its encoding is that of borsh. One that somebody else has written is looked at when a board is
/// [restored](Board::restore) from it.
#[derive(Debug, Clone, BorshSerialize, BorshDeserialize)]
pub struct BoardState {
    version: u16,
    config: BoardConfig,
    aclint: Aclint,
    plic: Plic,
    uart: Uart,
    rtc: Rtc,
    ending: Option<Ending>,
    slots: Vec<Option<SlotState>>,
}

#[derive(Debug, Clone, BorshSerialize, BorshDeserialize)]
struct SlotState {
    transport: TransportState,
    device: DeviceState,
}

#[derive(Debug, Clone, BorshSerialize, BorshDeserialize)]
enum DeviceState {
    Disk(DiskState),
    Net(NetState),
    Console(Console),
    Entropy(Rng),
    Balloon(Balloon),
}

/// Finds the disk that was stored so.
pub type OpenDisk<'a> = dyn FnMut(&DiskState) -> Result<Box<dyn BlockDevice>, BoardError> + 'a;

/// Makes another disk that is the same now.
type CopyDisk = fn(&(dyn BlockDevice + 'static)) -> Result<Box<dyn BlockDevice>, BlockError>;

/// What is stored of a disk.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct DiskState {
    /// How it is called, filled up with zeroes.
    pub serial: Serial,
    /// How many bytes it has.
    pub size: u64,
    /// Where its bytes are stored, if they are stored with the board.
    pub snapshot: Option<BlobId>,
}

impl BoardState {
    /// What is stored of the disks.
    pub fn disks(&self) -> impl Iterator<Item = &DiskState> {
        self.slots.iter().flatten().filter_map(|slot| match &slot.device {
            DeviceState::Disk(disk) => Some(disk),
            _ => None,
        })
    }
}

impl Board {
    /// Stores the board, and its disks if they are of a kind that is.
    ///
    /// # Errors
    ///
    /// If a disk cannot be stored.
    pub fn snapshot(&mut self) -> Result<BoardState, BoardError> {
        let slots = self.slots.iter_mut().map(|slot| slot.as_mut().map(SlotState::of).transpose());
        Ok(BoardState {
            version: VERSION,
            slots: slots.collect::<Result<_, BoardError>>()?,
            config: self.config.clone(),
            aclint: self.aclint.clone(),
            plic: self.plic.clone(),
            uart: self.uart.clone(),
            rtc: self.rtc.clone(),
            ending: self.ending,
        })
    }

    /// The board that was stored. `open` finds the disks, which must have as many bytes as they had.
    ///
    /// # Errors
    ///
    /// If the state is of another version or contradicts itself, or a disk cannot be opened.
    pub fn restore(state: BoardState, open: &mut OpenDisk<'_>) -> Result<Self, BoardError> {
        let BoardState { version, config, aclint, plic, mut uart, rtc, ending, slots } = state;
        if version != VERSION {
            return Err(BoardError::Version { found: version, expected: VERSION });
        }
        config.check()?;
        let harts = usize::from(config.harts);
        let malformed = |what| BoardError::Malformed { what };
        if aclint.harts() != harts || !plic.is_for(harts) {
            return Err(malformed("it has another number of harts than it says"));
        }
        if slots.len() != layout::SLOTS {
            return Err(malformed("it has another number of slots than boards have"));
        }
        uart.limit(config.input_bytes_max, config.output_bytes_max);
        let mut board = Self {
            slots: Default::default(),
            aclint,
            plic,
            uart,
            rtc,
            ending,
            lines: Lines::default(),
            config,
        };
        for (at, slot) in slots.into_iter().enumerate() {
            let restored = slot.map(|slot| slot.restore(&board.config, open)).transpose()?;
            board.slots[at] = restored;
        }
        board.rewire();
        Ok(board)
    }

    /// Another board that is the same now and goes its own way from here; its disks are forks of this one's.
    ///
    /// # Errors
    ///
    /// If a disk cannot be forked.
    pub fn fork(&self) -> Result<Self, BoardError> {
        self.copy(BlockDevice::fork)
    }

    /// The same, which is only to be stored.
    pub(crate) fn capture(&self) -> Result<Self, BoardError> {
        self.copy(BlockDevice::capture)
    }

    fn copy(&self, disk: CopyDisk) -> Result<Self, BoardError> {
        let mut slots: [Option<Transport>; layout::SLOTS] = Default::default();
        for (target, source) in slots.iter_mut().zip(&self.slots) {
            *target = source.as_ref().map(|source| source.copy(disk)).transpose()?;
        }
        Ok(Self {
            slots,
            aclint: self.aclint.clone(),
            plic: self.plic.clone(),
            uart: self.uart.clone(),
            rtc: self.rtc.clone(),
            ending: self.ending,
            lines: self.lines.clone(),
            config: self.config.clone(),
        })
    }
}

impl SlotState {
    fn of(transport: &mut Transport) -> Result<Self, BoardError> {
        let device = match transport.device_mut() {
            Device::Block(block) => DeviceState::Disk(DiskState {
                serial: block.serial,
                size: block.disk.size(),
                snapshot: block.disk.snapshot()?,
            }),
            Device::Net(net) => DeviceState::Net(net.state()),
            Device::Console(console) => DeviceState::Console(console.clone()),
            Device::Entropy(entropy) => DeviceState::Entropy(entropy.rng.clone()),
            Device::Balloon(balloon) => DeviceState::Balloon(balloon.clone()),
        };
        Ok(Self { transport: transport.state(), device })
    }

    fn restore(self, config: &BoardConfig, open: &mut OpenDisk<'_>) -> Result<Transport, BoardError> {
        let malformed = |what| BoardError::Malformed { what };
        let device = match self.device {
            DeviceState::Disk(state) => {
                let disk = open(&state)?;
                if disk.size() != state.size {
                    return Err(malformed("a disk has another number of bytes than it had"));
                }
                Device::Block(Block::new(disk, state.serial))
            }
            DeviceState::Net(state) => Net::restore(state, config.frames_max, config.frame_bytes_max)
                .map(Device::Net)
                .ok_or(malformed("a network card holds what is no frame"))?,
            DeviceState::Console(mut console) => {
                console.limit(config.input_bytes_max, config.output_bytes_max);
                Device::Console(console)
            }
            DeviceState::Entropy(rng) => Device::Entropy(Entropy::new(rng)),
            DeviceState::Balloon(balloon) if balloon.is_sound(layout::MEMORY, config.memory_bytes) => {
                Device::Balloon(balloon)
            }
            DeviceState::Balloon(_) => return Err(malformed("a balloon holds what is not in memory")),
        };
        Transport::restore(device, self.transport).ok_or(malformed("a ring cannot be as it is said to be"))
    }
}

impl Transport {
    fn copy(&self, disk: CopyDisk) -> Result<Self, BoardError> {
        let device = match self.device() {
            Device::Block(block) => Device::Block(Block::new(disk(&*block.disk)?, block.serial)),
            Device::Net(net) => Device::Net(net.clone()),
            Device::Console(console) => Device::Console(console.clone()),
            Device::Entropy(entropy) => Device::Entropy(entropy.clone()),
            Device::Balloon(balloon) => Device::Balloon(balloon.clone()),
        };
        Ok(self.with_device(device))
    }
}
