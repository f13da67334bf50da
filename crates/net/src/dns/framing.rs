//! [`Framing`]: messages in a stream, each behind its length (RFC 1035, section 4.2.2).

use thiserror::Error;

/// How many bytes a length has.
const LENGTH_BYTES: usize = 2;

/// Takes a stream apart into messages, however it was cut on its way.
///
/// ```
/// use ironloom_net::dns::Framing;
///
/// let mut framing = Framing::new(512);
/// framing.push(&[0, 3, b'a', b'b']);
/// assert_eq!(framing.next_message(), Ok(None));
/// framing.push(b"c");
/// assert_eq!(framing.next_message(), Ok(Some(b"abc".to_vec())));
/// ```
#[derive(Debug, Clone)]
pub struct Framing {
    buffer: Vec<u8>,
    /// Where in the buffer the next message begins.
    begin: usize,
    message_bytes_max: usize,
}

/// A stream announces a message that is too long.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("a message of {bytes} bytes: message_bytes_max is {message_bytes_max}")]
pub struct MessageTooLong {
    /// How many bytes were announced.
    pub bytes: usize,
    /// How many there may be.
    pub message_bytes_max: usize,
}

impl Framing {
    /// Nothing yet, of messages that have at most so many bytes.
    #[must_use]
    pub fn new(message_bytes_max: usize) -> Self {
        Self { buffer: Vec::new(), begin: 0, message_bytes_max }
    }

    /// Takes the next bytes of the stream.
    pub fn push(&mut self, bytes: &[u8]) {
        if self.begin > 0 {
            self.buffer.drain(..self.begin);
            self.begin = 0;
        }
        self.buffer.extend_from_slice(bytes);
    }

    /// The next message, if all of it is there.
    ///
    /// # Errors
    ///
    /// If it is too long: then nothing in the stream makes sense any more.
    pub fn next_message(&mut self) -> Result<Option<Vec<u8>>, MessageTooLong> {
        let rest = &self.buffer[self.begin..];
        let Some((length, rest)) = rest.split_first_chunk::<LENGTH_BYTES>() else {
            return Ok(None);
        };
        let bytes = usize::from(u16::from_be_bytes(*length));
        if bytes > self.message_bytes_max {
            return Err(MessageTooLong { bytes, message_bytes_max: self.message_bytes_max });
        }
        let Some(message) = rest.get(..bytes) else {
            return Ok(None);
        };
        let message = message.to_vec();
        self.begin += LENGTH_BYTES + bytes;
        if self.begin == self.buffer.len() {
            // An idle stream keeps no memory.
            (self.buffer, self.begin) = (Vec::new(), 0);
        }
        Ok(Some(message))
    }
}

/// A message behind its length; `None` if it is longer than a length can say.
pub(crate) fn framed(message: &[u8]) -> Option<Vec<u8>> {
    let length = u16::try_from(message.len()).ok()?;
    Some([&length.to_be_bytes()[..], message].concat())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{Framing, MessageTooLong, framed};

    #[test]
    fn a_message_that_is_too_long_is_refused_before_it_comes() {
        let mut framing = Framing::new(512);
        framing.push(&[2, 1]);
        assert_eq!(framing.next_message(), Err(MessageTooLong { bytes: 513, message_bytes_max: 512 }));
        assert!(framed(&[0; 65_536]).is_none());
    }

    proptest! {
        #[test]
        fn messages_come_out_as_they_went_in(
            messages in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..50), 0..10),
            cuts in proptest::collection::vec(1..20usize, 1..20),
        ) {
            let stream: Vec<u8> = messages.iter().filter_map(|message| framed(message)).flatten().collect();
            let mut framing = Framing::new(512);
            let (mut rest, mut found) = (&stream[..], Vec::new());
            for cut in cuts.iter().cycle() {
                let (piece, others) = rest.split_at((*cut).min(rest.len()));
                framing.push(piece);
                while let Some(message) = framing.next_message().unwrap() {
                    found.push(message);
                }
                rest = others;
                if rest.is_empty() {
                    break;
                }
            }
            prop_assert_eq!(found, messages);
        }
    }
}
