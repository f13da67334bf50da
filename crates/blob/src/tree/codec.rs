//! Reading and writing the parts of which nodes are made.
//!
//! A *number* is an unsigned LEB128: seven bits a byte, lowest first, the high bit set on all but the last. Only the
//! shortest form is a number, so that one value has one encoding. A *short* is a byte of length and so many bytes.

use super::NodeError;

/// Bytes that are read from the front. Nothing is allocated on the word of a length.
#[derive(Debug, Clone, Copy)]
pub(super) struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    pub(super) const fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }

    pub(super) fn take(&mut self, length: usize) -> Result<&'a [u8], NodeError> {
        let (taken, rest) = self.rest.split_at_checked(length).ok_or(NodeError::Cut)?;
        self.rest = rest;
        Ok(taken)
    }

    fn chunk<const N: usize>(&mut self) -> Result<[u8; N], NodeError> {
        let (taken, rest) = self.rest.split_first_chunk().ok_or(NodeError::Cut)?;
        self.rest = rest;
        Ok(*taken)
    }

    pub(super) fn byte(&mut self) -> Result<u8, NodeError> {
        Ok(self.chunk::<1>()?[0])
    }

    pub(super) fn u16(&mut self) -> Result<u16, NodeError> {
        Ok(u16::from_le_bytes(self.chunk()?))
    }

    pub(super) fn u64(&mut self) -> Result<u64, NodeError> {
        Ok(u64::from_le_bytes(self.chunk()?))
    }

    pub(super) fn number(&mut self) -> Result<u64, NodeError> {
        let mut value = 0;
        for shift in (0..u64::BITS).step_by(7) {
            let byte = self.byte()?;
            let bits = u64::from(byte & 0x7f);
            if bits << shift >> shift != bits || (byte == 0 && shift > 0) {
                return Err(NodeError::Number);
            }
            value |= bits << shift;
            if byte < 0x80 {
                return Ok(value);
            }
        }
        Err(NodeError::Number)
    }

    pub(super) fn number_u32(&mut self) -> Result<u32, NodeError> {
        self.number()?.try_into().map_err(|_| NodeError::Number)
    }

    pub(super) fn short(&mut self) -> Result<&'a [u8], NodeError> {
        let length = self.byte()?;
        self.take(length.into())
    }

    pub(super) fn finish(self) -> Result<(), NodeError> {
        match self.rest.len() {
            0 => Ok(()),
            bytes => Err(NodeError::Trailing { bytes }),
        }
    }
}

pub(super) fn put_number(mut value: u64, out: &mut Vec<u8>) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

pub(super) fn put_short(bytes: &[u8], out: &mut Vec<u8>) {
    out.push(bytes.len().try_into().expect("names and media types are short"));
    out.extend_from_slice(bytes);
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn numbers_are_read_back(bits in 0..64u32, value: u64) {
            let value = value >> bits;
            let mut out = Vec::new();
            put_number(value, &mut out);
            let mut reader = Reader::new(&out);
            prop_assert_eq!(reader.number(), Ok(value));
            prop_assert_eq!(reader.finish(), Ok(()));
        }

        #[test]
        fn a_number_has_one_encoding(bytes in prop::collection::vec(any::<u8>(), 0..12)) {
            let mut reader = Reader::new(&bytes);
            if let Ok(value) = reader.number() {
                let mut out = Vec::new();
                put_number(value, &mut out);
                prop_assert_eq!(&bytes[..bytes.len() - reader.rest.len()], &out);
            }
        }
    }

    #[test]
    fn numbers_beyond_64_bits_are_refused() {
        let mut bytes = [0xff; 10];
        bytes[9] = 0x01;
        assert_eq!(Reader::new(&bytes).number(), Ok(u64::MAX));
        bytes[9] = 0x02;
        assert_eq!(Reader::new(&bytes).number(), Err(NodeError::Number));
    }
}
