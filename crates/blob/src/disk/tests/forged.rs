//! Contents that look like records, in segments that are damaged: whoever stores bytes must not store other blobs.

use ironloom_core::Seed;

use super::{fresh, noise, open};
use crate::disk::record::{Codec, Header, Kind, Shape};
use crate::{BlobId, BlobStore, Durability, FaultyMedium};

/// A record that claims to hold the blob `id`.
fn forge(id: BlobId, body: &[u8]) -> Vec<u8> {
    let shape = Shape { length: body.len() as u64, links: false };
    let mut record = Header::new(id, Kind::Whole, Codec::Plain, shape, body).encode().to_vec();
    record.extend_from_slice(body);
    record
}

/// A crash tears the header off a blob in which a record of another blob lies, and recovery finds that one.
#[test]
fn a_record_in_a_torn_blob_does_not_take_the_place_of_a_synced_one() {
    for seed in 0..60 {
        let medium = FaultyMedium::new(Seed::new(seed));
        let store = open(&medium);
        let content = noise(1, 600);
        let id = store.put(&content, Durability::Synced).unwrap();
        let forged = [noise(2, 64), forge(id, &noise(9, 600)), noise(3, 3_000)].concat();
        store.put(&forged, Durability::Buffered).unwrap();
        medium.power_off_after(0);
        drop(store);
        medium.crash();
        assert_eq!(open(&medium).get(id).unwrap(), content, "seed {seed}");
    }
}

/// One flipped bit in the header of a blob, and recovery reads what lies in it: neither a false content nor a false
/// length may cost others.
#[test]
fn a_record_in_a_damaged_blob_hides_nothing_and_replaces_nothing() {
    let (medium, store) = fresh();
    let first = store.put(&noise(5, 300), Durability::Synced).unwrap();
    let extent = Header {
        stored: 3_000,
        ..Header::new(
            BlobId::from_bytes([7; 32]),
            Kind::Whole,
            Codec::Plain,
            Shape { length: 3_000, links: false },
            &[0; 8],
        )
    };
    let real = forge(BlobId::of(b"real"), b"real");
    let forged = [
        noise(2, 64),
        real,
        vec![0; 4],
        forge(first, &noise(9, 304)),
        extent.encode().to_vec(),
        noise(3, 100),
    ]
    .concat();
    store.put(&forged, Durability::Synced).unwrap();
    let ids: Vec<BlobId> =
        (10..20).map(|number| store.put(&noise(number, 300), Durability::Synced).unwrap()).collect();
    let large = store.put(&noise(30, 60_000), Durability::Synced).unwrap();
    drop(store);
    assert!(medium.delete("index"));
    // The header of the second record.
    assert!(medium.damage("00000001.seg", |content| content[64 + 64 + 304] ^= 1));
    let store = open(&medium);
    assert_eq!(store.get(first).unwrap(), noise(5, 300));
    for (number, id) in (10..).zip(&ids) {
        assert_eq!(store.get(*id).unwrap(), noise(number, 300));
    }
    assert_eq!(store.get(large).unwrap(), noise(30, 60_000));
    assert_eq!(store.get(BlobId::of(b"real")).unwrap(), &b"real"[..], "what has its name is what it says");
}
