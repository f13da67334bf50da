//! [`Tap`]: an interface of the host (Linux) whose frames enter and leave through a door of the fabric.
//!
//! The host sees a network card. What it sends comes in here as bytes, checksums done; what leaves the fabric is cut to
//! what the interface carries and written as bytes.

use std::collections::VecDeque;
use std::io;
use std::os::fd::AsRawFd as _;

use bytes::{Bytes, BytesMut};
use ironloom_core::metrics::Counter;
use mio::Interest;
use mio::event::Event;
use mio::unix::SourceFd;
use thiserror::Error;
use tun_rs::{DeviceBuilder, Layer, SyncDevice};

use super::driver::{Door, Wait};
use super::world::World;
use crate::Frame;
use crate::fabric::{Output, StationId};
use crate::frame::Body;

/// The bytes of a frame that are not its packet: the header, and what a VLAN adds to it.
const FRAME_BYTES: usize = 18;

/// How many bytes of frames are read before another buffer is made.
const BUFFER_BYTES: usize = 64 << 10;

/// The key of the interface among what a door waits for.
const KEY: u32 = 0;

/// How an interface is attached.
#[derive(Debug, Clone)]
pub struct TapConfig {
    /// Through which door of the fabric its frames enter and leave.
    pub port: StationId,
    /// The largest packet that the interface carries.
    pub mtu: u16,
    /// How many frames are read before others have their turn.
    pub turn_frames_max: usize,
    /// How many frames are kept while the interface takes none; more are dropped.
    pub queue_frames_max: usize,
}

impl TapConfig {
    /// Frames of usual size, through a door of the fabric.
    #[must_use]
    pub const fn new(port: StationId) -> Self {
        Self { port, mtu: 1_500, turn_frames_max: 256, queue_frames_max: 1_024 }
    }
}

/// An interface cannot be attached.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum TapError {
    /// The host refused to make or to open it.
    #[error(
        "interface `{name}` cannot be opened, which needs /dev/net/tun and the right to administer networks"
    )]
    Open {
        /// Its name.
        name: String,
        /// What the host said.
        source: io::Error,
    },
}

/// What passed through an interface. Clones count together.
#[derive(Debug, Clone, Default)]
pub struct TapCounters {
    /// Frames that entered the fabric.
    pub frames_in: Counter,
    /// Frames that left it, after they were cut.
    pub frames_out: Counter,
    /// What the host sent that is no frame.
    pub malformed: Counter,
    /// Frames for which neither the interface nor the queue had room, or that came while it was down.
    pub dropped: Counter,
}

/// An interface of the host, attached to a door of the fabric.
///
/// It is in the network namespace in which this process is, or was moved from there: it stays attached.
/// When it is dropped the interface goes, unless it was there before.
pub struct Tap {
    device: SyncDevice,
    config: TapConfig,
    counters: TapCounters,
    buffer: BytesMut,
    /// A frame that is being written.
    scratch: Vec<u8>,
    queue: VecDeque<Bytes>,
    is_readable: bool,
    is_writable: bool,
}

impl Tap {
    /// Opens an interface, or makes it.
    ///
    /// # Errors
    ///
    /// If the host refuses.
    pub fn open(name: &str, config: TapConfig) -> Result<Self, TapError> {
        let refused = |source| TapError::Open { name: name.to_owned(), source };
        let builder = DeviceBuilder::new().name(name).layer(Layer::L2).mtu(config.mtu);
        let device = builder.build_sync().map_err(refused)?;
        device.set_nonblocking(true).map_err(refused)?;
        Ok(Self {
            device,
            config,
            counters: TapCounters::default(),
            buffer: BytesMut::new(),
            scratch: Vec::new(),
            queue: VecDeque::new(),
            is_readable: true,
            is_writable: true,
        })
    }

    /// What passed through it.
    #[must_use]
    pub fn counters(&self) -> TapCounters {
        self.counters.clone()
    }

    /// The next frame that the host sent; `None` if it sent no other yet.
    fn read(&mut self) -> Option<Bytes> {
        let room = usize::from(self.config.mtu) + FRAME_BYTES;
        if self.buffer.len() < room {
            self.buffer = BytesMut::zeroed(BUFFER_BYTES.max(room));
        }
        match self.device.recv(&mut self.buffer[..room]) {
            Ok(len) => Some(self.buffer.split_to(len).freeze()),
            Err(error) => {
                // Anything but an interruption, such as that the interface is gone, is told anew if it changes.
                self.is_readable = error.kind() == io::ErrorKind::Interrupted;
                None
            }
        }
    }

    /// Writes a frame, or keeps it for later.
    fn write(&mut self) {
        if !self.is_writable || !self.queue.is_empty() {
            return self.keep();
        }
        match self.device.send(&self.scratch) {
            Ok(_) => self.counters.frames_out.add(1),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                self.is_writable = false;
                self.keep();
            }
            Err(_) => self.counters.dropped.add(1),
        }
    }

    fn keep(&mut self) {
        if self.queue.len() < self.config.queue_frames_max {
            self.queue.push_back(Bytes::copy_from_slice(&self.scratch));
        } else {
            self.counters.dropped.add(1);
        }
    }

    /// Writes what was kept.
    fn flush(&mut self) {
        while let Some(frame) = self.queue.front().filter(|_| self.is_writable) {
            match self.device.send(frame) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    self.is_writable = false;
                    return;
                }
                Ok(_) => self.counters.frames_out.add(1),
                Err(_) => self.counters.dropped.add(1),
            }
            self.queue.pop_front();
        }
    }

    /// Writes a frame in pieces that the interface carries.
    fn emit(&mut self, frame: Frame) {
        let Frame { source, target, body } = frame;
        let Body::Ip(packet) = body else {
            return self.emit_one(&Frame { source, target, body });
        };
        for piece in packet.cut(self.config.mtu) {
            self.emit_one(&Frame { source, target, body: Body::Ip(piece) });
        }
    }

    fn emit_one(&mut self, frame: &Frame) {
        self.scratch.clear();
        frame.emit(&mut self.scratch);
        self.write();
    }
}

impl Door for Tap {
    fn open(&mut self, wait: &Wait<'_>) -> io::Result<()> {
        let descriptor = self.device.as_raw_fd();
        wait.register(&mut SourceFd(&descriptor), KEY, Interest::READABLE | Interest::WRITABLE)
    }

    fn ready(&mut self, event: &Event, _: u32) {
        self.is_readable |= event.is_readable() || event.is_error();
        self.is_writable |= event.is_writable();
    }

    fn take(&mut self, output: Output) -> Option<Output> {
        match output {
            Output::Frame { port, frame, .. } if port == self.config.port => {
                self.emit(frame);
                None
            }
            other => Some(other),
        }
    }

    fn turn(&mut self, world: &mut World<'_>, _: &Wait<'_>) -> bool {
        self.flush();
        for _ in 0..self.config.turn_frames_max {
            if !self.is_readable {
                return false;
            }
            let Some(bytes) = self.read() else { continue };
            let counter = match Frame::parse(bytes).map(|frame| world.inject(self.config.port, frame)) {
                Ok(Ok(())) => &self.counters.frames_in,
                // If the fabric's door is gone, what comes is lost as on a cable that leads nowhere.
                Ok(Err(_)) => &self.counters.dropped,
                Err(_) => &self.counters.malformed,
            };
            counter.add(1);
        }
        true
    }
}

impl std::fmt::Debug for Tap {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut debug = f.debug_struct("Tap");
        debug.field("config", &self.config).field("counters", &self.counters).finish_non_exhaustive()
    }
}
