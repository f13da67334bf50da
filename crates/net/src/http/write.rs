//! Writes heads and bodies: [`Writer`].

use crate::Payload;

use super::WriteError;
use super::output::Output;

/// A body that is being written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Writing {
    /// So many bytes are left.
    Sized(u64),
    /// In chunks.
    Chunked,
    /// Until the connection ends.
    UntilEnd,
    /// It was announced, but nobody wants to see it.
    Hidden,
}

/// What is written, and how the body that is being written ends.
#[derive(Debug, Default)]
pub(super) struct Writer {
    pub(super) output: Output,
    pub(super) writing: Option<Writing>,
}

impl Writer {
    /// Writes a part of the body.
    pub(super) fn body(&mut self, part: &Payload) -> Result<(), WriteError> {
        let bytes = part.len() as u64;
        match &mut self.writing {
            None => return Err(WriteError::NotBegun),
            Some(Writing::Hidden) => return Ok(()),
            Some(Writing::Sized(left)) => {
                *left =
                    left.checked_sub(bytes).ok_or_else(|| WriteError::TooLong { excess: bytes - *left })?;
                self.output.put(part);
            }
            Some(Writing::UntilEnd) => self.output.put(part),
            Some(Writing::Chunked) if part.is_empty() => (),
            Some(Writing::Chunked) => {
                let tail = self.output.tail();
                hexadecimal(tail, bytes);
                tail.extend_from_slice(b"\r\n");
                self.output.put(part);
                self.output.tail().extend_from_slice(b"\r\n");
            }
        }
        Ok(())
    }

    /// Ends the body. The fields are written if it has chunks, otherwise there is no place for them.
    pub(super) fn finish(&mut self, trailer: &[(&str, &str)]) -> Result<(), WriteError> {
        check(trailer)?;
        match self.writing {
            None => return Err(WriteError::NotBegun),
            Some(Writing::Sized(missing)) if missing > 0 => return Err(WriteError::TooShort { missing }),
            Some(Writing::Chunked) => {
                let tail = self.output.tail();
                tail.extend_from_slice(b"0\r\n");
                fields(tail, trailer);
                tail.extend_from_slice(b"\r\n");
            }
            Some(_) => (),
        }
        self.writing = None;
        Ok(())
    }
}

/// Whether fields can be written: they change nothing about the message.
#[inline]
pub(super) fn check(fields: &[(&str, &str)]) -> Result<(), WriteError> {
    for (name, value) in fields {
        // All bytes are looked at, without a branch for each: nearly always all of them are right.
        let is_token = name.bytes().fold(!name.is_empty(), |all, byte| all & is_token_byte(byte));
        if !value.bytes().fold(is_token, |all, byte| all & is_value_byte(byte)) {
            return Err(WriteError::Field { name: (*name).to_owned() });
        }
        let is_own = match name.len() {
            4 => name.eq_ignore_ascii_case("host") || name.eq_ignore_ascii_case("date"),
            10 => name.eq_ignore_ascii_case("connection"),
            14 => name.eq_ignore_ascii_case("content-length"),
            17 => name.eq_ignore_ascii_case("transfer-encoding"),
            _ => false,
        };
        if is_own {
            return Err(WriteError::OwnField { name: (*name).to_owned() });
        }
    }
    Ok(())
}

#[inline]
pub(super) fn fields(tail: &mut Vec<u8>, fields: &[(&str, &str)]) {
    for (name, value) in fields {
        tail.extend_from_slice(name.as_bytes());
        tail.extend_from_slice(b": ");
        tail.extend_from_slice(value.as_bytes());
        tail.extend_from_slice(b"\r\n");
    }
}

#[inline]
pub(super) fn length(tail: &mut Vec<u8>, length: u64) {
    tail.extend_from_slice(b"content-length: ");
    decimal(tail, length);
    tail.extend_from_slice(b"\r\n");
}

/// Writes a number in decimal digits.
#[inline]
pub(super) fn decimal(tail: &mut Vec<u8>, number: u64) {
    let mut digits = [0; 20];
    let (mut at, mut left) = (digits.len(), number);
    loop {
        at -= 1;
        digits[at] = b'0' + (left % 10) as u8;
        left /= 10;
        if left == 0 {
            break;
        }
    }
    tail.extend_from_slice(&digits[at..]);
}

fn hexadecimal(tail: &mut Vec<u8>, number: u64) {
    let count = (64 - number.leading_zeros()).div_ceil(4).max(1);
    let digits = (0..count).rev().map(|digit| b"0123456789abcdef"[(number >> (4 * digit) & 0xF) as usize]);
    tail.extend(digits);
}

/// Whether a byte can be part of a method or a field's name.
pub(super) const fn is_token_byte(byte: u8) -> bool {
    const MAP: [bool; 256] = {
        let mut map = [false; 256];
        let mut byte = 0u8;
        while byte < 128 {
            map[byte as usize] = byte.is_ascii_alphanumeric()
                || matches!(
                    byte,
                    b'!' | b'#'
                        | b'$'
                        | b'%'
                        | b'&'
                        | b'\''
                        | b'*'
                        | b'+'
                        | b'-'
                        | b'.'
                        | b'^'
                        | b'_'
                        | b'`'
                        | b'|'
                        | b'~'
                );
            byte += 1;
        }
        map
    };
    MAP[byte as usize]
}

/// Whether a byte can be part of a field's value.
const fn is_value_byte(byte: u8) -> bool {
    (byte >= b' ') & (byte != 0x7F) | (byte == b'\t')
}
