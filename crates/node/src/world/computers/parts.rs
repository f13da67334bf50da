//! [`Parts`]: what a computer is made of, each time that it is switched on.

use bytes::Bytes;
use ironloom_core::{Instant, Seed};
use ironloom_hyper::board::{Attachment, BlockDevice, BoardConfig, BoardError};
use ironloom_hyper::computer::{ComputerError, Kernel};
use ironloom_hyper::{Computer, ComputerConfig, PAGE_BYTES};
use ironloom_net::topology::TopologyError;

use super::card::Card;
use super::kept::OnceName;
use crate::description::Wrong;
use crate::{ComputerTable, Content};

/// What its disk is called.
const SERIAL: &str = "disk";

/// A content, and its name once it is stored.
pub(super) type Named<'a> = (&'a Bytes, &'a OnceName);

/// What a computer is made of, each time that it is switched on.
#[derive(Debug)]
pub(super) struct Parts {
    harts: u16,
    memory_bytes: u64,
    kernel: Bytes,
    initramfs: Option<Bytes>,
    command_line: String,
    seed: Seed,
    /// Where the kernel and the initial file system are stored, once they are.
    names: [OnceName; 2],
}

impl Parts {
    /// What a description says.
    pub(super) fn new(table: &ComputerTable, place: &str, seed: Seed) -> Result<Self, Wrong> {
        let Some(kernel) = &table.kernel else {
            return Err(TopologyError::Missing { place: place.to_owned(), what: "a kernel" }.into());
        };
        let bytes = |content, field| bytes_of(content, place, field).map(Bytes::copy_from_slice);
        let initramfs = table.initramfs.as_ref().map(|initramfs| bytes(initramfs, "initramfs"));
        Ok(Self::again(table, (bytes(kernel, "kernel")?, initramfs.transpose()?), seed))
    }

    /// What a description said, whose contents are here.
    pub(super) fn again(
        table: &ComputerTable,
        (kernel, initramfs): (Bytes, Option<Bytes>),
        seed: Seed,
    ) -> Self {
        Self {
            harts: table.harts_there(),
            memory_bytes: table.memory_bytes(),
            kernel,
            initramfs,
            command_line: table.command_line_there().to_owned(),
            seed,
            names: [(); 2].map(|()| OnceName::new()),
        }
    }

    pub(super) const fn seed(&self) -> Seed {
        self.seed
    }

    /// The kernel and the initial file system, with where they are stored.
    pub(super) fn contents(&self) -> (Named<'_>, Option<Named<'_>>) {
        let [kernel, initramfs] = &self.names;
        ((&self.kernel, kernel), self.initramfs.as_ref().map(|content| (content, initramfs)))
    }

    /// A computer that is off, at whose beginning it is this time.
    pub(super) fn assemble(&self, now: Instant, card: Option<&Card>) -> Result<Computer, ComputerError> {
        let pages = self.memory_bytes.div_ceil(PAGE_BYTES);
        let config = ComputerConfig::new(self.memory_bytes).harts(self.harts);
        let board = BoardConfig { seed: self.seed, epoch_nanos: now.as_nanos(), ..config.board };
        // A fork has room as well, and so has a commit that is being stored.
        let frames_max = config.frames_max.max(pages.saturating_mul(3));
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
