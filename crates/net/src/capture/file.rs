//! [`Capture`]: a pcapng file that is being written.

use std::borrow::Cow;
use std::io::{self, BufWriter, Write};
use std::net::IpAddr;
use std::time;

use ironloom_core::{Instant, local_id};
use pcap_file::pcapng::blocks::enhanced_packet::{EnhancedPacketBlock, EnhancedPacketOption};
use pcap_file::pcapng::blocks::interface_description::{
    InterfaceDescriptionBlock, InterfaceDescriptionOption,
};
use pcap_file::pcapng::blocks::name_resolution::{Ipv4Record, Ipv6Record, NameResolutionBlock, Record};
use pcap_file::pcapng::blocks::section_header::{SectionHeaderBlock, SectionHeaderOption};
use pcap_file::pcapng::{Block, PcapNgBlock as _, PcapNgWriter};
use pcap_file::{DataLink, Endianness, PcapError};
use thiserror::Error;

use super::Filter;
use crate::Mac;
use crate::frame::{Body, Frame};

/// How many bytes are collected before they are written.
const BUFFER_BYTES: usize = 1 << 16;

/// The most bytes of a name or a comment; the rest is left out.
const TEXT_BYTES_MAX: usize = 1_024;

/// What a block has besides the bytes of the frame, and what an option has besides its value.
const BLOCK_BYTES: usize = 32;
const OPTION_BYTES: usize = 4;

/// Times are in units of 10⁻⁹ s.
const NANOSECONDS: u8 = 9;

local_id! {
    /// A place where a capture looks, in the order in which they were added.
    pub struct InterfaceId(u32) = "interface";
}

/// What a capture takes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CaptureConfig {
    /// Which frames.
    pub filter: Filter,
    /// How many bytes of a frame.
    pub frame_bytes_max: u32,
    /// How many bytes are written in all.
    pub bytes_max: u64,
    /// In how many places it can look.
    pub interfaces_max: u32,
}

impl Default for CaptureConfig {
    fn default() -> Self {
        let filter = Filter::default();
        Self { filter, frame_bytes_max: 256 * 1024, bytes_max: 1 << 30, interfaces_max: 65_536 }
    }
}

/// A place where a capture looks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Interface<'a> {
    /// What Wireshark calls it: `vm-17.eth0`.
    pub name: &'a str,
    /// What else there is to say, or nothing.
    pub description: &'a str,
    /// The address of the card, if it is one.
    pub mac: Option<Mac>,
    /// The most bytes of a packet on the wire: larger segments are cut, and packets that allow it.
    pub mtu: u16,
}

/// What a capture has done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct CaptureCounts {
    /// The frames that were written, pieces counted singly.
    pub frames: u64,
    /// The bytes that were written, headers of blocks included.
    pub bytes: u64,
    /// The frames that the filter did not let pass.
    pub filtered: u64,
    /// The frames, pieces counted singly, for which there was no room.
    pub beyond: u64,
}

/// A frame was not written down.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum CaptureError {
    /// There would be too many bytes.
    #[error("capture is full: bytes_max is {limit}")]
    Full {
        /// The limit.
        limit: u64,
    },
    /// There would be too many interfaces.
    #[error("capture looks in {limit} places already, which is interfaces_max")]
    Interfaces {
        /// The limit.
        limit: u32,
    },
    /// It is of another capture.
    #[error("capture has no {interface}")]
    Unknown {
        /// The interface.
        interface: InterfaceId,
    },
    /// The file cannot be written.
    #[error("capture cannot be written")]
    Write(#[from] io::Error),
    /// The format does not allow it.
    #[error("capture cannot be written")]
    Format(#[source] PcapError),
}

impl From<PcapError> for CaptureError {
    fn from(error: PcapError) -> Self {
        match error {
            PcapError::IoError(error) => Self::Write(error),
            error => Self::Format(error),
        }
    }
}

/// A pcapng file that is being written.
///
/// What is written is collected: [`finish`](Self::finish) writes the rest.
///
/// ```
/// use ironloom_core::Instant;
/// use ironloom_net::capture::{Capture, CaptureConfig, Interface};
/// use ironloom_net::frame::{Body, Frame};
/// use ironloom_net::Mac;
///
/// let config = CaptureConfig { filter: "not arp".parse().unwrap(), ..CaptureConfig::default() };
/// let mut capture = Capture::new(Vec::new(), config).unwrap();
/// let eth0 = Interface { name: "web.eth0", description: "", mac: None, mtu: 1_500 };
/// let eth0 = capture.add(&eth0).unwrap();
///
/// let body = Body::Other { ethertype: 0x88B5, bytes: b"hello"[..].into() };
/// let frame = Frame { source: Mac::local(1), target: Mac::BROADCAST, body };
/// capture.write(Instant::from_nanos(1_500), eth0, &frame).unwrap();
/// capture.write_dropped(Instant::from_nanos(1_700), eth0, &frame, "link is down").unwrap();
///
/// assert_eq!(capture.counts().frames, 2);
/// let file = capture.finish().unwrap();
/// assert_eq!(file.len() % 4, 0);
/// ```
pub struct Capture<W: Write> {
    writer: PcapNgWriter<BufWriter<W>>,
    config: CaptureConfig,
    /// The MTU of each interface.
    mtus: Vec<u16>,
    counts: CaptureCounts,
    /// Where a frame becomes bytes.
    bytes: Vec<u8>,
}

impl<W: Write> Capture<W> {
    /// Begins a file.
    ///
    /// # Errors
    ///
    /// If it cannot be written.
    pub fn new(writer: W, config: CaptureConfig) -> Result<Self, CaptureError> {
        let application = SectionHeaderOption::UserApplication(Cow::Borrowed("Ironloom"));
        let endianness = Endianness::native();
        let header =
            SectionHeaderBlock { endianness, options: vec![application], ..SectionHeaderBlock::default() };
        let writer = BufWriter::with_capacity(BUFFER_BYTES, writer);
        let writer = PcapNgWriter::with_section_header(writer, header)?;
        Ok(Self { writer, config, mtus: Vec::new(), counts: CaptureCounts::default(), bytes: Vec::new() })
    }

    /// Adds a place to look.
    ///
    /// # Errors
    ///
    /// If there are too many, or the file cannot be written.
    pub fn add(&mut self, interface: &Interface<'_>) -> Result<InterfaceId, CaptureError> {
        let limit = self.config.interfaces_max;
        let id = u32::try_from(self.mtus.len()).ok().filter(|id| *id < limit);
        let id = id.ok_or(CaptureError::Interfaces { limit })?;
        let name = Cow::Borrowed(shortened(interface.name));
        let mut options = vec![
            InterfaceDescriptionOption::IfName(name),
            InterfaceDescriptionOption::IfTsResol(NANOSECONDS),
        ];
        if !interface.description.is_empty() {
            let description = Cow::Borrowed(shortened(interface.description));
            options.push(InterfaceDescriptionOption::IfDescription(description));
        }
        if let Some(mac) = interface.mac {
            options.push(InterfaceDescriptionOption::IfMacAddr(Cow::Owned(mac.bytes().to_vec())));
        }
        let snaplen = self.config.frame_bytes_max;
        let block = InterfaceDescriptionBlock { linktype: DataLink::ETHERNET, snaplen, options };
        self.write_block(&block.into_block())?;
        self.mtus.push(interface.mtu);
        Ok(InterfaceId::new(id))
    }

    /// Says what an address is called, for frames that follow.
    ///
    /// # Errors
    ///
    /// If the file cannot be written.
    pub fn name(&mut self, address: IpAddr, name: &str) -> Result<(), CaptureError> {
        let names = vec![Cow::Borrowed(shortened(name))];
        let record = match address {
            IpAddr::V4(address) => {
                Record::Ipv4(Ipv4Record { ip_addr: Cow::Owned(address.octets().to_vec()), names })
            }
            IpAddr::V6(address) => {
                Record::Ipv6(Ipv6Record { ip_addr: Cow::Owned(address.octets().to_vec()), names })
            }
        };
        self.write_block(&NameResolutionBlock { records: vec![record], options: Vec::new() }.into_block())
    }

    /// Writes a frame that was seen at an interface, if the filter lets it pass.
    ///
    /// # Errors
    ///
    /// If there is no room for it, no such interface, or the file cannot be written.
    pub fn write(&mut self, now: Instant, interface: InterfaceId, frame: &Frame) -> Result<(), CaptureError> {
        self.write_frame(now, interface, frame, None)
    }

    /// Writes a frame that got no further, and why.
    ///
    /// # Errors
    ///
    /// As [`write`](Self::write).
    pub fn write_dropped(
        &mut self,
        now: Instant,
        interface: InterfaceId,
        frame: &Frame,
        why: &str,
    ) -> Result<(), CaptureError> {
        self.write_frame(now, interface, frame, Some(shortened(why)))
    }

    /// What it has done.
    #[must_use]
    pub const fn counts(&self) -> CaptureCounts {
        self.counts
    }

    /// Writes what is left, and gives the writer back.
    ///
    /// # Errors
    ///
    /// If the file cannot be written.
    pub fn finish(self) -> Result<W, CaptureError> {
        Ok(self.writer.into_inner().into_inner().map_err(io::IntoInnerError::into_error)?)
    }

    fn write_frame(
        &mut self,
        now: Instant,
        interface: InterfaceId,
        frame: &Frame,
        comment: Option<&str>,
    ) -> Result<(), CaptureError> {
        let mtu = *self.mtus.get(interface.number() as usize).ok_or(CaptureError::Unknown { interface })?;
        if !self.config.filter.matches(frame) {
            self.counts.filtered += 1;
            return Ok(());
        }
        match &frame.body {
            Body::Ip(packet) if !packet.fits_whole(mtu) => {
                for piece in packet.cut(mtu) {
                    self.bytes.clear();
                    frame.emit_with(&piece, &mut self.bytes);
                    self.write_bytes(now, interface, comment)?;
                }
            }
            _ => {
                self.bytes.clear();
                frame.emit(&mut self.bytes);
                self.write_bytes(now, interface, comment)?;
            }
        }
        Ok(())
    }

    /// Writes the frame that was made into bytes.
    fn write_bytes(
        &mut self,
        now: Instant,
        interface: InterfaceId,
        comment: Option<&str>,
    ) -> Result<(), CaptureError> {
        let kept = self.bytes.len().min(self.config.frame_bytes_max as usize);
        let comment_bytes = comment.map_or(0, |text| 2 * OPTION_BYTES + text.len().next_multiple_of(4));
        let block_bytes = (BLOCK_BYTES + kept.next_multiple_of(4) + comment_bytes) as u64;
        let limit = self.config.bytes_max;
        if self.counts.bytes + block_bytes > limit {
            self.counts.beyond += 1;
            return Err(CaptureError::Full { limit });
        }
        let comment = comment.map(|text| EnhancedPacketOption::Comment(Cow::Borrowed(text)));
        let block = EnhancedPacketBlock {
            interface_id: interface.number(),
            timestamp: time::Duration::from_nanos(now.as_nanos()),
            original_len: u32::try_from(self.bytes.len()).unwrap_or(u32::MAX),
            data: Cow::Borrowed(&self.bytes[..kept]),
            options: comment.into_iter().collect(),
        };
        self.counts.bytes += self.writer.write_block(&Block::EnhancedPacket(block))? as u64;
        self.counts.frames += 1;
        Ok(())
    }

    fn write_block(&mut self, block: &Block<'_>) -> Result<(), CaptureError> {
        let limit = self.config.bytes_max;
        if self.counts.bytes >= limit {
            return Err(CaptureError::Full { limit });
        }
        self.counts.bytes += self.writer.write_block(block)? as u64;
        Ok(())
    }
}

impl<W: Write> std::fmt::Debug for Capture<W> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Capture").field("counts", &self.counts).finish_non_exhaustive()
    }
}

/// The beginning of a text that is not too long.
fn shortened(text: &str) -> &str {
    &text[..text.floor_char_boundary(TEXT_BYTES_MAX)]
}
