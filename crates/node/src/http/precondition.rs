//! Whether a client has already what it asks for.

/// Whether an entity tag is among those that a field `if-none-match` lists, whichever way they were made.
pub(super) fn lists(field: &[u8], tag: &str) -> bool {
    field.split(|byte| *byte == b',').map(<[u8]>::trim_ascii).any(|listed| {
        let strong = listed.strip_prefix(b"W/").unwrap_or(listed);
        listed == b"*" || strong == tag.as_bytes()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_are_found_in_lists() {
        assert!(lists(b"\"a\", W/\"b\"", "\"b\""));
        assert!(lists(b" * ", "\"b\""));
        assert!(!lists(b"\"a\",b", "\"b\""));
        assert!(!lists(b"", "\"b\""));
    }
}
