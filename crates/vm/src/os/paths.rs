//! Paths as texts: nothing is looked up.

/// The path that `path` means for somebody at `base`, without `.`, `..` and doubled slashes.
///
/// Symbolic links are not known here, so `..` takes back the name before it, whatever that is. It does not lead out of
/// the root.
///
/// ```
/// use ironloom_vm::os::resolve;
///
/// assert_eq!(resolve(b"/home/ann", b"../bob//notes"), b"/home/bob/notes");
/// assert_eq!(resolve(b"/home/ann", b"/etc/./hosts"), b"/etc/hosts");
/// assert_eq!(resolve(b"/home/ann", b""), b"/home/ann");
/// assert_eq!(resolve(b"", b"../.."), b"/");
/// ```
#[must_use]
pub fn resolve(base: &[u8], path: &[u8]) -> Vec<u8> {
    let base = if path.first() == Some(&b'/') { b"" } else { base };
    let mut resolved = Vec::with_capacity(base.len() + path.len() + 1);
    for name in base.split(|byte| *byte == b'/').chain(path.split(|byte| *byte == b'/')) {
        match name {
            b"" | b"." => {}
            b".." => {
                let end = resolved.iter().rposition(|byte| *byte == b'/');
                resolved.truncate(end.unwrap_or(0));
            }
            name => {
                resolved.push(b'/');
                resolved.extend_from_slice(name);
            }
        }
    }
    if resolved.is_empty() {
        resolved.push(b'/');
    }
    resolved
}
