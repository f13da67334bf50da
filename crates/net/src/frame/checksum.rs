//! The checksum of the internet protocols: the complement of the one's complement sum of 16-bit words (RFC 1071).

use smoltcp::wire::checksum::{combine, data};

/// How many bytes are summed at once; the sum of more could overflow.
const CHUNK: usize = 1 << 15;

/// What a sum is that includes a right checksum.
pub(super) const RIGHT: u16 = 0xFFFF;

/// The sum of some bytes: the first of several parts must have an even number of them.
#[inline]
pub(super) fn sum(bytes: &[u8]) -> u16 {
    if bytes.len() <= CHUNK {
        return data(bytes);
    }
    bytes.chunks(CHUNK).fold(0, |so_far, chunk| combine(&[so_far, data(chunk)]))
}

/// The sum of what two sums are of.
#[inline]
pub(super) fn add(one: u16, other: u16) -> u16 {
    combine(&[one, other])
}

/// The checksum after some of the bytes it is of have changed (RFC 1624, equation 3).
pub(super) fn adjust(checksum: u16, before: &[u8], after: &[u8]) -> u16 {
    !add(add(!checksum, !sum(before)), sum(after))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The sum of RFC 1071, word by word.
    fn naive(bytes: &[u8]) -> u16 {
        let words =
            bytes.chunks(2).map(|word| u64::from(word[0]) << 8 | u64::from(*word.get(1).unwrap_or(&0)));
        let mut total: u64 = words.sum();
        while total > 0xFFFF {
            total = (total & 0xFFFF) + (total >> 16);
        }
        u16::try_from(total).unwrap()
    }

    #[test]
    fn any_number_of_bytes_is_summed() {
        for len in [0, 1, 2, 3, 20, CHUNK, CHUNK + 1, 300_001] {
            let bytes: Vec<u8> =
                (0..len).map(|at| if len > CHUNK { 0xFF } else { at as u8 ^ 0xA5 }).collect();
            assert_eq!(sum(&bytes), naive(&bytes), "of {len} bytes");
        }
    }

    #[test]
    fn an_adjusted_checksum_is_that_of_the_new_bytes() {
        let mut bytes = *b"\x45\x00\x00\x54\x00\x00\x40\x00\x40\x01";
        let before = !sum(&bytes);
        bytes[4..8].copy_from_slice(&[1, 2, 0xFF, 0xFE]);
        assert_eq!(adjust(before, &[0, 0, 0x40, 0], &[1, 2, 0xFF, 0xFE]), !sum(&bytes));
    }
}
