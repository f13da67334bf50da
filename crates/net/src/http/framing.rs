//! [`Facts`]: what the fields of a head say about where its message ends, and about the connection.

use super::{Refusal, Version};

/// Where the body of a message ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Extent {
    /// There is none.
    None,
    /// After so many bytes.
    Known(u64),
    /// After a chunk of no bytes.
    Chunked,
    /// When the other side finishes.
    UntilEnd,
}

/// What the fields of a head say that matters to the connection.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Facts {
    length: Option<u64>,
    has_coding: bool,
    has_unknown_coding: bool,
    chunked: u8,
    ends_in_chunked: bool,
    hosts: u8,
    host_is_valid: bool,
    wants_close: bool,
    wants_keep: bool,
    pub(super) expects_continue: bool,
    expects_other: bool,
}

impl Facts {
    /// Takes notice of a field.
    #[inline]
    pub(super) fn note(&mut self, name: &[u8], value: &[u8]) -> Result<(), Refusal> {
        // Most names are left out by their length.
        match name.len() {
            4 if name.eq_ignore_ascii_case(b"host") => {
                self.hosts = self.hosts.saturating_add(1);
                self.host_is_valid = value.iter().all(|byte| is_host_byte(*byte));
            }
            6 if name.eq_ignore_ascii_case(b"expect") => {
                if value.eq_ignore_ascii_case(b"100-continue") {
                    self.expects_continue = true;
                } else {
                    self.expects_other = true;
                }
            }
            10 if name.eq_ignore_ascii_case(b"connection") => self.note_connection(value),
            14 if name.eq_ignore_ascii_case(b"content-length") => self.note_length(value)?,
            17 if name.eq_ignore_ascii_case(b"transfer-encoding") => self.note_coding(value),
            _ => (),
        }
        Ok(())
    }

    /// Where the body of a request ends.
    pub(super) fn request_extent(&self, version: Version) -> Result<Extent, Refusal> {
        match (self.coding(version)?, self.length) {
            (true, _) => Ok(Extent::Chunked),
            (false, None | Some(0)) => Ok(Extent::None),
            (false, Some(length)) => Ok(Extent::Known(length)),
        }
    }

    /// Where the body of a response ends that can have one.
    pub(super) fn response_extent(&self, version: Version) -> Result<Extent, Refusal> {
        match (self.coding(version)?, self.length) {
            (true, _) => Ok(Extent::Chunked),
            (false, None) => Ok(Extent::UntilEnd),
            (false, Some(0)) => Ok(Extent::None),
            (false, Some(length)) => Ok(Extent::Known(length)),
        }
    }

    /// What only requests must satisfy.
    pub(super) fn check_request(&self, version: Version) -> Result<(), Refusal> {
        let has_host = self.hosts == 1 && self.host_is_valid;
        if !has_host && (version == Version::Http11 || self.hosts > 0) {
            return Err(Refusal::Host);
        }
        if self.expects_other { Err(Refusal::Expectation) } else { Ok(()) }
    }

    /// Whether another message may follow on the connection.
    pub(super) const fn keeps_alive(&self, version: Version) -> bool {
        match version {
            Version::Http11 => !self.wants_close,
            Version::Http10 => self.wants_keep && !self.wants_close,
            Version::Http09 => false,
        }
    }

    /// Whether the body comes in chunks.
    fn coding(&self, version: Version) -> Result<bool, Refusal> {
        if !self.has_coding {
            return Ok(false);
        }
        if version != Version::Http11 {
            return Err(Refusal::CodingInOldVersion);
        }
        if self.length.is_some() {
            return Err(Refusal::LengthAndCoding);
        }
        if !self.ends_in_chunked || self.chunked != 1 {
            return Err(Refusal::CodingNotLast);
        }
        if self.has_unknown_coding { Err(Refusal::CodingUnknown) } else { Ok(true) }
    }

    fn note_connection(&mut self, value: &[u8]) {
        for option in value.split(|byte| *byte == b',').map(<[u8]>::trim_ascii) {
            self.wants_close |= option.eq_ignore_ascii_case(b"close");
            self.wants_keep |= option.eq_ignore_ascii_case(b"keep-alive");
        }
    }

    fn note_length(&mut self, value: &[u8]) -> Result<(), Refusal> {
        let second = decimal(value).ok_or(Refusal::Length)?;
        match self.length {
            Some(first) if first != second => Err(Refusal::LengthsDiffer { first, second }),
            _ => {
                self.length = Some(second);
                Ok(())
            }
        }
    }

    fn note_coding(&mut self, value: &[u8]) {
        self.has_coding = true;
        for coding in value.split(|byte| *byte == b',') {
            self.ends_in_chunked = coding.trim_ascii().eq_ignore_ascii_case(b"chunked");
            self.chunked = self.chunked.saturating_add(u8::from(self.ends_in_chunked));
            self.has_unknown_coding |= !self.ends_in_chunked;
        }
    }
}

/// A number that consists of decimal digits and fits into 64 bits.
pub(super) fn decimal(text: &[u8]) -> Option<u64> {
    if text.is_empty() {
        return None;
    }
    text.iter().try_fold(0u64, |number, byte| {
        let digit = byte.is_ascii_digit().then(|| u64::from(byte - b'0'))?;
        number.checked_mul(10)?.checked_add(digit)
    })
}

/// Whether a byte can be part of a host and its port.
pub(super) const fn is_host_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric()
        || matches!(
            byte,
            b'-' | b'.'
                | b'_'
                | b'~'
                | b'%'
                | b'!'
                | b'$'
                | b'&'
                | b'\''
                | b'('
                | b')'
                | b'*'
                | b'+'
                | b';'
                | b'='
                | b'['
                | b']'
                | b':'
        )
}
