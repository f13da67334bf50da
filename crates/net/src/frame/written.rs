//! How frames and payloads are written down, as borsh values.

use std::io;

use bytes::Bytes;
use ironloom_core::borsh::io::{Read, Write};
use ironloom_core::borsh::{BorshDeserialize, BorshSerialize};

use super::{Frame, Payload};

/// As it is on a wire.
impl BorshSerialize for Frame {
    fn serialize<W: Write>(&self, writer: &mut W) -> io::Result<()> {
        self.to_bytes().as_ref().serialize(writer)
    }
}

impl BorshDeserialize for Frame {
    fn deserialize_reader<R: Read>(reader: &mut R) -> io::Result<Self> {
        let bytes = Vec::<u8>::deserialize_reader(reader)?;
        Self::parse(bytes.into()).map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))
    }
}

/// In the pieces that it has: where those end may be where segments do.
impl BorshSerialize for Payload {
    fn serialize<W: Write>(&self, writer: &mut W) -> io::Result<()> {
        let pieces = self.pieces();
        let count = u32::try_from(pieces.len()).map_err(|_| io::ErrorKind::InvalidInput)?;
        count.serialize(writer)?;
        pieces.iter().try_for_each(|piece| piece.as_ref().serialize(writer))
    }
}

impl BorshDeserialize for Payload {
    fn deserialize_reader<R: Read>(reader: &mut R) -> io::Result<Self> {
        let pieces = Vec::<Vec<u8>>::deserialize_reader(reader)?;
        Ok(pieces.into_iter().map(Bytes::from).collect())
    }
}

#[cfg(test)]
mod tests {
    use ironloom_core::borsh;
    use proptest::prelude::*;

    use super::*;
    use crate::frame::tests::any;

    proptest! {
        #[test]
        fn what_is_written_is_read(frame in any::frame(), payload in any::payload(100)) {
            let written = borsh::to_vec(&frame).unwrap();
            prop_assert_eq!(Frame::try_from_slice(&written).unwrap(), frame);
            let read = Payload::try_from_slice(&borsh::to_vec(&payload).unwrap()).unwrap();
            prop_assert_eq!(read.pieces(), payload.pieces());
        }

        #[test]
        fn what_is_no_frame_is_an_error(bytes: Vec<u8>) {
            let _ = Frame::try_from_slice(&bytes);
            let _ = Payload::try_from_slice(&bytes);
        }
    }

    #[test]
    fn a_frame_that_is_cut_short_is_an_error() {
        for bytes in [&b""[..], b"\xff\xff\xff\xff", b"\x03\0\0\0abc"] {
            Frame::try_from_slice(bytes).unwrap_err();
        }
    }
}
