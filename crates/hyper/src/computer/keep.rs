//! Forks, points to return to, and snapshots of computers.
//!
//! A fork and a point share memory and disks with the computer, and each copies what it writes. A snapshot is a linked
//! blob: its links are the image of memory and those of the disks, its body a frame with the rest.

use std::sync::Arc;

use borsh::{BorshDeserialize, BorshSerialize};
use ironloom_blob::link::Linked;
use ironloom_blob::{BlobId, BlobStore, Durability};
use ironloom_core::frame::{self, Frame, Message};
use ironloom_core::{Duration, Instant};

use super::config::Firmware;
use super::seat::Seat;
use super::{Computer, ComputerConfig, ComputerError, HartStatus};
use crate::PAGE_BYTES;
use crate::board::{Board, BoardState, Ending, OpenDisk};
use crate::hart::{Hart, HartState};
use crate::memory::{Memory, MemoryPoint};

/// How many bytes the state of harts and devices may take in a snapshot.
const STATE_BYTES_MAX: usize = 64 << 20;

/// A computer as it was at a moment, to be returned to.
#[derive(Debug)]
pub struct ComputerPoint {
    memory: MemoryPoint,
    board: Board,
    rest: Rest,
}

/// What a computer is besides its memory and its devices.
#[derive(Debug, Clone, BorshSerialize, BorshDeserialize)]
pub(super) struct Rest {
    pub(super) harts: Vec<(HartStatus, HartState)>,
    pub(super) now: Instant,
    pub(super) ended: Option<Ending>,
    pub(super) console: Vec<u8>,
}

/// What a snapshot holds beside the image of memory.
#[derive(Debug, BorshSerialize, BorshDeserialize)]
pub(super) struct Kept {
    firmware: Firmware,
    instructions_per_microsecond: u64,
    slice: Duration,
    pub(super) board: BoardState,
    rest: Rest,
}

impl Message for Kept {
    const KIND: u16 = 0x4c43;
    const VERSION: u16 = 1;
}

/// Stores what a computer is whose memory is stored already.
pub(super) fn put(
    store: &dyn BlobStore,
    config: &ComputerConfig,
    image: BlobId,
    board: BoardState,
    rest: Rest,
) -> Result<BlobId, ComputerError> {
    let mut links = vec![image];
    links.extend(board.disks().filter_map(|disk| disk.snapshot));
    let kept = Kept {
        firmware: config.firmware,
        instructions_per_microsecond: config.instructions_per_microsecond,
        slice: config.slice,
        board,
        rest,
    };
    put_linked(store, &links, &kept)
}

/// Stores a frame with links.
pub(super) fn put_linked(
    store: &dyn BlobStore,
    links: &[BlobId],
    message: &(impl Message + BorshSerialize),
) -> Result<BlobId, ComputerError> {
    let mut body = Vec::new();
    frame::encode(message, STATE_BYTES_MAX, &mut body)?;
    Ok(store.put(&Linked::encode(links, &body), Durability::Buffered)?)
}

/// What [`put_linked`] stored: the first link, and the message.
pub(super) fn get_linked<M: Message + BorshDeserialize>(
    store: &dyn BlobStore,
    snapshot: BlobId,
) -> Result<(BlobId, M), ComputerError> {
    let content = store.get(snapshot)?;
    let unsound = |reason: &str| ComputerError::Unsound { snapshot, reason: reason.into() };
    let linked = Linked::parse(&content).map_err(|_| unsound("it is no linked blob"))?;
    let image = linked.links().next().ok_or_else(|| unsound("it has no image of memory"))?;
    let (frame, _) =
        Frame::split(linked.body(), STATE_BYTES_MAX)?.ok_or_else(|| unsound("it is cut short"))?;
    Ok((image, frame.decode()?))
}

impl Computer {
    /// Another computer that is the same now and goes its own way from here. What both do not write they share.
    ///
    /// # Errors
    ///
    /// If a disk cannot be forked, or other hosts have parts of the computer.
    pub fn fork(&self) -> Result<Self, ComputerError> {
        self.check_whole()?;
        let board = self.board.fork()?;
        let mut fork = Self::with_board(self.config.clone(), Arc::new(self.memory.fork()), board)?;
        fork.become_rest(&self.rest());
        Ok(fork)
    }

    /// The computer as it is now, to be [returned to](Self::roll_back).
    ///
    /// # Errors
    ///
    /// If a disk cannot be forked, or other hosts have parts of the computer.
    pub fn point(&self) -> Result<ComputerPoint, ComputerError> {
        self.check_whole()?;
        Ok(ComputerPoint { board: self.board.fork()?, memory: self.memory.point(), rest: self.rest() })
    }

    /// Becomes what it was; the point stays, to be returned to again.
    ///
    /// # Errors
    ///
    /// If the point is one of another computer, a disk cannot be forked, or other hosts have parts of the computer.
    pub fn roll_back(&mut self, point: &ComputerPoint) -> Result<(), ComputerError> {
        self.check_whole()?;
        let board = point.board.fork()?;
        self.memory.roll_back(&point.memory)?;
        self.board = board;
        self.said.clear();
        self.become_rest(&point.rest);
        Ok(())
    }

    /// Stores the computer and returns the name of the snapshot. Of memory only what was written since the last one is
    /// read and stored.
    ///
    /// The owner keeps the snapshot pinned for as long as he wants to restore it, and for as long as this computer runs.
    ///
    /// # Errors
    ///
    /// If the store fails, a disk cannot be stored, or other hosts have parts of the computer.
    pub fn snapshot(&mut self, store: &Arc<dyn BlobStore>) -> Result<BlobId, ComputerError> {
        self.check_whole()?;
        let board = self.board.snapshot()?;
        let image = self.memory.snapshot(store)?;
        put(&**store, &self.config, image, board, self.rest())
    }

    /// The computer that a snapshot holds. Its memory comes in as it is touched, into as many pages of the host as a new
    /// computer may fill; `open` finds its disks.
    ///
    /// # Errors
    ///
    /// If there is no such snapshot, or it is not sound, or a disk cannot be opened.
    pub fn restore(
        store: Arc<dyn BlobStore>,
        snapshot: BlobId,
        open: &mut OpenDisk<'_>,
    ) -> Result<Self, ComputerError> {
        let unsound = |reason: &str| ComputerError::Unsound { snapshot, reason: reason.into() };
        let (image, kept) = get_linked(&*store, snapshot)?;
        let Kept { firmware, instructions_per_microsecond, slice, board, rest } = kept;
        let board = Board::restore(board, open)?;
        if rest.harts.len() != usize::from(board.config().harts) {
            return Err(unsound("it has another number of harts than its board"));
        }
        if !rest.harts.iter().all(|(_, hart)| hart.is_sound()) {
            return Err(unsound("a hart is as none can be"));
        }
        let new = ComputerConfig::new(board.config().memory_bytes);
        // A large one has room for all of its memory, and for a fork's.
        let pages = board.config().memory_bytes.div_ceil(PAGE_BYTES);
        let config = ComputerConfig {
            board: board.config().clone(),
            firmware,
            instructions_per_microsecond,
            slice,
            frames_max: new.frames_max.max(pages.saturating_mul(2)),
        };
        config.check()?;
        if !config.has_room_for(rest.console.len()) {
            return Err(unsound("more waits in its debug console than may"));
        }
        let memory = Memory::restore(store, image, config.memory())?;
        let mut computer = Self::with_board(config, Arc::new(memory), board)?;
        computer.become_rest(&rest);
        Ok(computer)
    }

    pub(super) fn with_board(
        config: ComputerConfig,
        memory: Arc<Memory>,
        board: Board,
    ) -> Result<Self, ComputerError> {
        let seats = (0..u64::from(config.board.harts))
            .map(|id| Ok(Seat::new(Hart::new(config.hart(id), memory.clone())?)))
            .collect::<Result<_, ComputerError>>()?;
        Ok(Self {
            config,
            memory,
            board,
            seats,
            now: Instant::ZERO,
            ended: None,
            console: std::collections::VecDeque::new(),
            said: Vec::new(),
            freely: false,
            host: None,
        })
    }

    /// Whether all of the computer is here.
    pub(super) const fn check_whole(&self) -> Result<(), ComputerError> {
        if self.host.is_some() { Err(ComputerError::Apart) } else { Ok(()) }
    }

    pub(super) fn rest(&self) -> Rest {
        Rest {
            harts: self.seats.iter().map(|seat| (seat.status, seat.hart.state())).collect(),
            now: self.now,
            ended: self.ended,
            console: self.console.iter().copied().collect(),
        }
    }

    fn become_rest(&mut self, rest: &Rest) {
        for (number, (seat, (status, state))) in self.seats.iter_mut().zip(&rest.harts).enumerate() {
            seat.status = *status;
            seat.hart.set_state(state);
            seat.hart.set_lines(self.board.pending(number as u16));
        }
        self.now = rest.now;
        self.ended = rest.ended;
        self.console = rest.console.iter().copied().collect();
    }
}
