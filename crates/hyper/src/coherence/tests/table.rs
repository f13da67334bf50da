//! The document says what the code does.

use crate::coherence::transitions;

#[test]
fn the_document_has_the_table() {
    let document = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/hyper-cluster.md"));
    assert!(document.contains(&transitions()), "docs/hyper-cluster.md should contain:\n{}", transitions());
}
