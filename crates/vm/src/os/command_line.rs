//! [`parse_command`]: a line as words, for `os.parse_cmd`.
//!
//! It knows words and quotes and nothing else; the shell has a grammar of its own.

#[cfg(test)]
mod tests;

/// The words of a line: blanks part them, within `'…'` and `"…"` blanks are part of a word.
///
/// There are no escapes. A quote that does not end reaches to the end of the line. The first word is the program; a
/// line without words has none, which scripts see as an empty program.
///
/// # Examples
///
/// ```
/// use ironloom_vm::os::parse_command;
///
/// assert_eq!(parse_command(b"cat 'my file' --pretty"), [&b"cat"[..], b"my file", b"--pretty"]);
/// assert!(parse_command(b"  ").is_empty());
/// ```
#[must_use]
pub fn parse_command(line: &[u8]) -> Vec<Vec<u8>> {
    let mut words = Vec::new();
    let mut word: Option<Vec<u8>> = None;
    let mut quote = None;
    for byte in line {
        match (quote, byte) {
            (Some(open), byte) if open == byte => quote = None,
            (None, b'\'' | b'"') => {
                quote = Some(byte);
                word.get_or_insert_default();
            }
            (None, byte) if byte.is_ascii_whitespace() || *byte == 0x0b => words.extend(word.take()),
            (_, byte) => word.get_or_insert_default().push(*byte),
        }
    }
    words.extend(word);
    words
}
