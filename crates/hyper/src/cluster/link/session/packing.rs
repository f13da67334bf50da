//! Compressing the payloads of a frame: a block of LZ4, and before it four bytes that say how long it is unpacked.

use lz4_flex::block;

const LENGTH_BYTES: usize = 4;

/// Shorter ones are not worth the time.
const WORTH_BYTES: usize = 128;

/// Puts a compressed body into the place of the one from `start` on, if that saves at least an eighth; whether it did.
pub(super) fn pack(out: &mut Vec<u8>, start: usize, packed: &mut Vec<u8>) -> bool {
    let body = &out[start..];
    if body.len() < WORTH_BYTES {
        return false;
    }
    packed.resize(LENGTH_BYTES + block::get_maximum_output_size(body.len()), 0);
    let (length, compressed) = packed.split_at_mut(LENGTH_BYTES);
    length.copy_from_slice(&(body.len() as u32).to_le_bytes());
    let Ok(bytes) = block::compress_into(body, compressed) else { return false };
    if LENGTH_BYTES + bytes > body.len() / 8 * 7 {
        return false;
    }
    out.truncate(start);
    out.extend_from_slice(&packed[..LENGTH_BYTES + bytes]);
    true
}

/// Unpacks a body of at most so many bytes; `false` if it is none.
pub(super) fn unpack(body: &[u8], bytes_max: usize, unpacked: &mut Vec<u8>) -> bool {
    let Some((length, compressed)) = body.split_first_chunk::<LENGTH_BYTES>() else { return false };
    let bytes = u32::from_le_bytes(*length) as usize;
    if bytes > bytes_max {
        return false;
    }
    unpacked.resize(bytes, 0);
    block::decompress_into(compressed, unpacked).is_ok_and(|written| written == bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(body: &[u8], is_packed: bool) {
        let mut out = [b"before", body].concat();
        let mut room = Vec::new();
        assert_eq!(pack(&mut out, 6, &mut room), is_packed);
        assert!(out.starts_with(b"before"));
        if !is_packed {
            return assert_eq!(&out[6..], body);
        }
        assert!(out.len() < body.len());
        assert!(!unpack(&out[6..], body.len() - 1, &mut room), "it is too long");
        assert!(unpack(&out[6..], body.len(), &mut room));
        assert_eq!(room, body);
    }

    #[test]
    fn what_repeats_is_packed_and_nothing_else() {
        check(&[7; 4_096], true);
        check(&b"all work and no play ".repeat(100), true);
        check(&[7; WORTH_BYTES - 1], false);
        let mut noise = [0; 4_096];
        blake3::Hasher::new().finalize_xof().fill(&mut noise);
        check(&noise, false);
    }

    #[test]
    fn what_was_not_packed_is_not_unpacked() {
        let mut room = Vec::new();
        for lie in
            [&b""[..], b"\x01\0\0", b"\0\0\0\0", b"\x10\0\0\0\xff\xff\xff\xff\xff", b"\xff\xff\xff\xff\0"]
        {
            assert!(!unpack(lie, 1 << 20, &mut room), "{lie:?}");
        }
        assert!(room.capacity() <= 1 << 20);
    }
}
