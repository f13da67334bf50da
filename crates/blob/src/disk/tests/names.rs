//! Names that are almost those of stored blobs: the index keeps 24 bytes of a name, and the record all 32.

use super::{Store, fresh, noise, open};
use crate::link::Linked;
use crate::{BlobError, BlobId, BlobStore, Durability, PinError};

/// A name that the index cannot tell from this one.
fn twin(id: BlobId) -> BlobId {
    let mut bytes = *id.as_bytes();
    bytes[31] ^= 1;
    BlobId::from_bytes(bytes)
}

/// A whole blob, one in chunks and one with links, each with its length.
fn put_all_kinds(store: &Store) -> Vec<(BlobId, u64)> {
    let linked = Linked::encode(&[BlobId::of(b"elsewhere")], b"");
    let contents = [b"precious".to_vec(), noise(1, 60_000), linked];
    let put = |content: &Vec<u8>| (store.put(content, Durability::Synced).unwrap(), content.len() as u64);
    contents.iter().map(put).collect()
}

/// Whoever asks for made-up names must neither be told that they are there, nor do harm to those that are.
#[test]
fn a_name_that_shares_its_beginning_with_a_blob_is_absent_and_does_no_harm() {
    let (medium, mut store) = fresh();
    let blobs = put_all_kinds(&store);
    for round in 0..3 {
        for (id, length) in &blobs {
            let twin = twin(*id);
            assert!(!store.has(twin).unwrap());
            assert_eq!(store.len(twin).unwrap(), None);
            for found in [store.get(twin), store.get_range(twin, 0..1), store.get_range(twin, 0..1 << 40)] {
                assert!(matches!(&found, Err(BlobError::NotFound { id }) if *id == twin), "{found:?}");
            }
            assert!(store.has(*id).unwrap());
            assert_eq!(store.len(*id).unwrap(), Some(*length));
            assert_eq!(store.get(*id).unwrap().len() as u64, *length);
        }
        if round == 1 {
            drop(store);
            store = open(&medium);
        }
    }
}

/// A pin to a blob that was never stored would keep another one, until that is put in another place.
#[test]
fn a_name_that_shares_its_beginning_with_a_blob_cannot_be_pinned() {
    let (_, store) = fresh();
    for (id, _) in put_all_kinds(&store) {
        let pin = "pin".parse().unwrap();
        let pinned = store.set_pin(&pin, None, Some(twin(id)));
        assert!(matches!(&pinned, Err(PinError::Blob(BlobError::NotFound { .. }))), "{pinned:?}");
        assert_eq!(store.pin(&pin).unwrap(), None);
    }
}
