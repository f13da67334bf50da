//! [`Parts`]: what a computer is made of, each time that it is switched on.

use ironloom_core::{Instant, Seed};
use ironloom_hyper::board::{Attachment, BlockDevice, BoardConfig, BoardError};
use ironloom_hyper::computer::{ComputerError, Kernel};
use ironloom_hyper::{Computer, ComputerConfig, PAGE_BYTES};
use ironloom_net::topology::TopologyError;

use super::card::Card;
use crate::description::Wrong;
use crate::{ComputerTable, Content};

/// What its disk is called.
const SERIAL: &str = "disk";

/// What a computer is made of, each time that it is switched on.
#[derive(Debug)]
pub(super) struct Parts {
    harts: u16,
    memory_bytes: u64,
    kernel: Vec<u8>,
    initramfs: Option<Vec<u8>>,
    command_line: String,
    seed: Seed,
}

impl Parts {
    /// What a description says.
    pub(super) fn new(table: &ComputerTable, place: &str, seed: Seed) -> Result<Self, Wrong> {
        let Some(kernel) = &table.kernel else {
            return Err(TopologyError::Missing { place: place.to_owned(), what: "a kernel" }.into());
        };
        let initramfs = table.initramfs.as_ref();
        Ok(Self {
            harts: table.harts_there(),
            memory_bytes: table.memory_bytes(),
            kernel: bytes_of(kernel, place, "kernel")?.to_vec(),
            initramfs: initramfs
                .map(|it| bytes_of(it, place, "initramfs").map(<[u8]>::to_vec))
                .transpose()?,
            command_line: table.command_line_there().to_owned(),
            seed,
        })
    }

    /// A computer that is off, at whose beginning it is this time.
    pub(super) fn assemble(&self, now: Instant, card: Option<&Card>) -> Result<Computer, ComputerError> {
        let pages = self.memory_bytes.div_ceil(PAGE_BYTES);
        let config = ComputerConfig::new(self.memory_bytes).harts(self.harts);
        let board = BoardConfig { seed: self.seed, epoch_nanos: now.as_nanos(), ..config.board };
        // Forks and what they write have room as well.
        let frames_max = config.frames_max.max(pages.saturating_mul(2));
        let mut computer = Computer::new(ComputerConfig { board, frames_max, ..config })?;
        if let Some(card) = card {
            computer.attach(Attachment::Net { mac: card.own, mtu: card.mtu })?;
        }
        computer.attach(Attachment::Entropy)?;
        Ok(computer)
    }

    /// Lets a computer that is off begin.
    pub(super) fn boot(&self, computer: &mut Computer) -> Result<(), ComputerError> {
        let kernel = Kernel {
            image: &self.kernel,
            initramfs: self.initramfs.as_deref(),
            command_line: &self.command_line,
            ..Kernel::default()
        };
        computer.boot_kernel(&kernel).map(|_| ())
    }

    /// What is wrong with these parts, by the field that is to be changed.
    pub(super) fn wrong(place: &str, error: ComputerError) -> Wrong {
        let field = match &error {
            ComputerError::Board(BoardError::Harts { .. }) => "harts",
            ComputerError::Board(BoardError::Disk(_)) => "disk",
            ComputerError::Kernel(_) => "kernel",
            _ => "memory",
        };
        Wrong::Computer { place: format!("{place}.{field}"), error }
    }
}

/// Puts a disk into a computer.
pub(super) fn insert(computer: &mut Computer, device: Box<dyn BlockDevice>) -> Result<(), ComputerError> {
    computer.attach(Attachment::Disk { device, serial: SERIAL.into() }).map(|_| ())
}

/// What is in a part, if it was read.
pub(super) fn bytes_of<'a>(content: &'a Content, place: &str, field: &str) -> Result<&'a [u8], Wrong> {
    match content {
        Content::Bytes(bytes) => Ok(bytes),
        Content::Host(_) => {
            let reason = "it is not read yet: use `Description::load` or `read_files`";
            Err(Wrong::value(format!("{place}.{field}"), reason))
        }
    }
}
