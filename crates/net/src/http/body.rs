//! [`Body`]: reads a body, whichever way its end is told.

use bytes::Bytes;

use super::framing::Extent;
use super::gather::Gather;
use super::input::Input;
use super::{Config, Fields, Refusal, head};

/// A body that is being read.
#[derive(Debug)]
pub(super) enum Body {
    /// So many bytes are left.
    Known(u64),
    /// It comes in chunks.
    Chunked(Chunks),
    /// It goes on until the other side finishes; so many bytes came.
    UntilEnd(u64),
}

/// A part of a body.
#[derive(Debug)]
pub(super) enum Part {
    /// The next bytes.
    Bytes(Bytes),
    /// It is over; with chunks, fields can follow it.
    End(Fields),
}

/// Where in a body of chunks the reader is.
#[derive(Debug, Default)]
pub(super) struct Chunks {
    place: Place,
    /// The size of the chunk, as far as it was read, then how much of it is left.
    size: u64,
    total: u64,
    extension_bytes: u32,
}

#[derive(Debug, Default, Clone, Copy)]
enum Place {
    /// In the size, after so many digits.
    #[default]
    FirstDigit,
    Digits(u8),
    Extension,
    SizeEnd,
    Data,
    DataEnd,
    Trailer,
}

impl Body {
    /// The body of a message, if it has one.
    pub(super) fn new(extent: Extent, config: &Config) -> Result<Option<Self>, Refusal> {
        let limit = config.body_bytes_max;
        match extent {
            Extent::None => Ok(None),
            Extent::Known(length) if length > limit => Err(Refusal::BodyTooLong { limit }),
            Extent::Known(length) => Ok(Some(Self::Known(length))),
            Extent::Chunked => Ok(Some(Self::Chunked(Chunks::default()))),
            Extent::UntilEnd => Ok(Some(Self::UntilEnd(0))),
        }
    }

    /// Reads on; `None` if more has to arrive first.
    pub(super) fn next(
        &mut self,
        input: &mut Input,
        gather: &mut Gather,
        config: &Config,
    ) -> Result<Option<Part>, Refusal> {
        match self {
            Self::Known(0) => Ok(Some(Part::End(Fields::default()))),
            Self::Known(left) => Ok(take(input, left)),
            Self::Chunked(chunks) => chunks.next(input, gather, config),
            Self::UntilEnd(_) if input.is_empty() => Ok(None),
            Self::UntilEnd(total) => {
                let limit = config.body_bytes_max;
                match take(input, &mut (limit - *total)) {
                    Some(Part::Bytes(bytes)) => {
                        *total += bytes.len() as u64;
                        Ok(Some(Part::Bytes(bytes)))
                    }
                    _ => Err(Refusal::BodyTooLong { limit }),
                }
            }
        }
    }
}

impl Chunks {
    fn next(
        &mut self,
        input: &mut Input,
        gather: &mut Gather,
        config: &Config,
    ) -> Result<Option<Part>, Refusal> {
        loop {
            match self.place {
                Place::Trailer => {
                    let limit = config.trailer_bytes_max;
                    let mut fields = Fields::default();
                    let attempt = |bytes: &[u8]| head::trailer(bytes, config, &mut fields.positions);
                    let found = gather.next(input, limit, Refusal::TrailerTooLong { limit }, attempt)?;
                    return Ok(found.map(|bytes| Part::End(Fields { bytes, ..fields })));
                }
                Place::Data if self.size > 0 => return Ok(take(input, &mut self.size)),
                _ => {
                    let Some(byte) = input.front().first().copied() else {
                        return Ok(None);
                    };
                    self.place = self.step(byte, config)?;
                    input.skip(1);
                }
            }
        }
    }

    /// Reads a byte around chunks.
    fn step(&mut self, byte: u8, config: &Config) -> Result<Place, Refusal> {
        match (self.place, byte) {
            (Place::FirstDigit, _) if byte.is_ascii_hexdigit() => self.digit(0, byte),
            (Place::Digits(count), _) if byte.is_ascii_hexdigit() => self.digit(count, byte),
            (Place::Digits(_) | Place::Extension, b'\r') => Ok(Place::SizeEnd),
            (Place::Digits(_), b';') | (Place::Extension, b'\t' | b' '..=b'~' | 0x80..) => {
                self.extension(config)
            }
            (Place::SizeEnd, b'\n') => self.begin_data(config),
            (Place::Data, b'\r') => Ok(Place::DataEnd),
            (Place::DataEnd, b'\n') => Ok(Place::FirstDigit),
            (Place::Data | Place::DataEnd, _) => Err(Refusal::ChunkEnd),
            _ => Err(Refusal::ChunkSize),
        }
    }

    fn digit(&mut self, count: u8, byte: u8) -> Result<Place, Refusal> {
        let digit = (byte as char).to_digit(16).ok_or(Refusal::ChunkSize)?;
        if count == 16 {
            return Err(Refusal::ChunkSize);
        }
        // Sixteen digits fill 64 bits exactly, so nothing is shifted out.
        self.size = self.size << 4 | u64::from(digit);
        Ok(Place::Digits(count + 1))
    }

    fn extension(&mut self, config: &Config) -> Result<Place, Refusal> {
        let limit = config.chunk_extension_bytes_max;
        self.extension_bytes += 1;
        if self.extension_bytes > limit {
            Err(Refusal::ExtensionsTooLong { limit })
        } else {
            Ok(Place::Extension)
        }
    }

    fn begin_data(&mut self, config: &Config) -> Result<Place, Refusal> {
        if self.size == 0 {
            return Ok(Place::Trailer);
        }
        let limit = config.body_bytes_max;
        self.total = self.total.checked_add(self.size).ok_or(Refusal::BodyTooLong { limit })?;
        if self.total > limit { Err(Refusal::BodyTooLong { limit }) } else { Ok(Place::Data) }
    }
}

/// Takes what is there of as many bytes as are left.
fn take(input: &mut Input, left: &mut u64) -> Option<Part> {
    let len = usize::try_from(*left).unwrap_or(usize::MAX).min(input.front().len());
    if len == 0 {
        return None;
    }
    *left -= len as u64;
    Some(Part::Bytes(input.take(len)))
}
