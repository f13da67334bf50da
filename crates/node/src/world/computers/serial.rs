//! [`Serial`]: what a computer said on its serial port, for those who look.

use ironloom_vm::os::Tail;
use ironloom_vm::os::console::Seen;

/// How much is kept of what was said.
const KEPT_BYTES_MAX: usize = 256 << 10;

/// What a computer said on its serial port, for those who look: each is a position in it.
#[derive(Debug, Default)]
pub(super) struct Serial {
    kept: Tail,
}

impl Serial {
    /// What was said before.
    pub(super) fn holding(bytes: &[u8]) -> Self {
        let mut serial = Self::default();
        serial.push(bytes);
        serial
    }

    /// All that is kept.
    pub(super) fn bytes(&self) -> Vec<u8> {
        self.kept.bytes_from(0, usize::MAX)
    }

    pub(super) fn push(&mut self, bytes: &[u8]) {
        self.kept.push(bytes, KEPT_BYTES_MAX);
    }

    /// Where somebody begins who comes now: with what is kept.
    pub(super) const fn begin(&self) -> u64 {
        self.kept.begin()
    }

    /// What there is behind a position, which moves on; nothing if there is nothing.
    pub(super) fn see(&self, position: &mut u64, bytes_max: usize) -> Option<Seen> {
        let lost = self.kept.begin().saturating_sub(*position);
        let begin = *position + lost;
        let bytes = self.kept.bytes_from(begin, bytes_max);
        *position = begin + bytes.len() as u64;
        (lost > 0 || !bytes.is_empty()).then_some(Seen { lost, bytes })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_is_slow_is_told_what_was_lost() {
        let mut serial = Serial::default();
        serial.push(b"first\n");
        let (mut early, mut slow) = (serial.begin(), serial.begin());
        let seen = |bytes: &[u8]| Some(Seen { lost: 0, bytes: bytes.to_vec() });
        assert_eq!(serial.see(&mut early, 3), seen(b"fir"));
        assert_eq!(serial.see(&mut early, 100), seen(b"st\n"));
        assert_eq!(serial.see(&mut early, 100), None);
        serial.push(&[b'x'; KEPT_BYTES_MAX]);
        serial.push(b"last\n");
        let end = serial.see(&mut slow, usize::MAX).unwrap();
        assert!(end.bytes.ends_with(b"xlast\n"));
        assert_eq!(end.lost + end.bytes.len() as u64, 6 + KEPT_BYTES_MAX as u64 + 5);
        assert_eq!(slow, serial.kept.end());
    }
}
