//! [`Keys`]: sorted keys that are found by their first bytes.

use super::bytes::Bytes;

/// Keys of a state are an id of 32 bytes and a number.
pub(super) type Key = Bytes<46>;

/// Keys in order. Their first eight bytes lie side by side as numbers, because a search that jumps from key to key
/// waits for memory at each jump; what has the same first bytes is compared whole.
#[derive(Clone, Default)]
pub(super) struct Keys {
    heads: Vec<u64>,
    keys: Vec<Key>,
}

impl Keys {
    pub(super) fn of(key: Key) -> Self {
        Self { heads: vec![head(key.as_slice())], keys: vec![key] }
    }

    pub(super) fn len(&self) -> usize {
        self.keys.len()
    }

    pub(super) fn at(&self, index: usize) -> &[u8] {
        self.keys[index].as_slice()
    }

    /// Where a key is, or where it belongs.
    pub(super) fn find(&self, key: &[u8]) -> Result<usize, usize> {
        let (start, end) = self.alike(key);
        match self.keys[start..end].binary_search_by(|other| other.as_slice().cmp(key)) {
            Ok(index) => Ok(start + index),
            Err(index) => Err(start + index),
        }
    }

    /// How many keys come before one or are it.
    pub(super) fn up_to(&self, key: &[u8]) -> usize {
        self.find(key).map_or_else(|index| index, |index| index + 1)
    }

    /// How many keys come before one.
    pub(super) fn before(&self, key: &[u8]) -> usize {
        self.find(key).unwrap_or_else(|index| index)
    }

    /// From where to where the keys begin as this one does.
    fn alike(&self, key: &[u8]) -> (usize, usize) {
        let head = head(key);
        let start = self.heads.partition_point(|other| *other < head);
        let count = match self.heads.get(start) {
            Some(first) if *first == head => self.heads[start..].partition_point(|other| *other == head),
            _ => 0,
        };
        (start, start + count)
    }

    pub(super) fn insert(&mut self, index: usize, key: Key) {
        self.heads.insert(index, head(key.as_slice()));
        self.keys.insert(index, key);
    }

    pub(super) fn remove(&mut self, index: usize) -> Key {
        self.heads.remove(index);
        self.keys.remove(index)
    }

    pub(super) fn pop(&mut self) -> Option<Key> {
        self.heads.pop();
        self.keys.pop()
    }

    /// Takes the keys from `at` on.
    pub(super) fn split_off(&mut self, at: usize) -> Self {
        Self { heads: split_off(&mut self.heads, at), keys: split_off(&mut self.keys, at) }
    }

    pub(super) fn append(&mut self, others: Self) {
        self.heads.extend(others.heads);
        self.keys.extend(others.keys);
    }
}

/// Like `Vec::split_off`, with as much room as there was.
pub(super) fn split_off<T>(items: &mut Vec<T>, at: usize) -> Vec<T> {
    let mut right = Vec::with_capacity(items.capacity());
    right.extend(items.drain(at..));
    right
}

/// The first eight bytes, where zeros stand for those that are missing: a smaller head is one of a smaller key.
fn head(key: &[u8]) -> u64 {
    match key.first_chunk() {
        Some(head) => u64::from_be_bytes(*head),
        None => {
            key.iter().zip((0..8).rev()).fold(0, |head, (byte, place)| head | u64::from(*byte) << (8 * place))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn heads_are_in_the_order_of_their_keys() {
        let keys: [&[u8]; 9] = [
            b"",
            b"\0",
            b"\0\0\0\0\0\0\0\0\0",
            b"\0\x01",
            b"a",
            b"a\0",
            b"abcdefgh",
            b"abcdefghi",
            b"abcdefgi",
        ];
        let heads: Vec<u64> = keys.iter().map(|key| head(key)).collect();
        assert!(heads.is_sorted(), "{heads:x?}");
        let mut all = Keys::default();
        for key in keys {
            let index = all.find(key).unwrap_err();
            all.insert(index, Key::new(key));
        }
        assert!(
            keys.iter().enumerate().all(|(index, key)| all.find(key) == Ok(index) && all.at(index) == *key)
        );
    }
}
