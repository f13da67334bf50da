//! [`Message`]: a message of HTTP that is there as a whole.

use ironloom_net::http::Status;

/// How many fields are read and written; a text with more is no message.
pub(super) const FIELDS_MAX: usize = 256;

/// A message that was read.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Message<'a> {
    pub(super) head: Head<'a>,
    pub(super) fields: Vec<(&'a [u8], &'a [u8])>,
    pub(super) body: &'a [u8],
}

/// What the first line says.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Head<'a> {
    Request { method: &'a [u8], target: &'a [u8] },
    Response { status: u16, reason: &'a [u8] },
}

impl<'a> Message<'a> {
    /// Reads a message, if it is one.
    pub(super) fn read(text: &'a [u8]) -> Option<Self> {
        let (first, mut rest) = line(text)?;
        let head = Head::read(first)?;
        let mut fields = Vec::new();
        loop {
            // A message that ends in its head has no body.
            let (field, behind) = line(rest).unwrap_or((rest, &[]));
            rest = behind;
            if field.is_empty() {
                return Some(Self { head, fields, body: rest });
            }
            let colon = field.iter().position(|byte| *byte == b':')?;
            let (name, value) = (&field[..colon], field[colon + 1..].trim_ascii());
            if !is_token(name) || !is_line(value) || fields.len() == FIELDS_MAX {
                return None;
            }
            fields.push((name, value));
        }
    }
}

impl<'a> Head<'a> {
    fn read(line: &'a [u8]) -> Option<Self> {
        let mut words = line.splitn(3, |byte| *byte == b' ');
        let (first, second) = (words.next()?, words.next()?);
        let third = words.next().unwrap_or_default();
        if first.starts_with(b"HTTP/1.") {
            let status = std::str::from_utf8(second).ok()?.parse().ok()?;
            return (100..=999).contains(&status).then_some(Self::Response { status, reason: third });
        }
        let is_request = is_token(first) && !second.is_empty() && third.starts_with(b"HTTP/1.");
        is_request.then_some(Self::Request { method: first, target: second })
    }
}

/// The first line without its end, and what is behind it.
fn line(text: &[u8]) -> Option<(&[u8], &[u8])> {
    let end = memchr::memchr(b'\n', text)?;
    let line = &text[..end];
    Some((line.strip_suffix(b"\r").unwrap_or(line), &text[end + 1..]))
}

/// Whether this can be a method, or the name of a field.
pub(super) fn is_token(bytes: &[u8]) -> bool {
    let is_one = |byte: &u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(byte);
    !bytes.is_empty() && bytes.iter().all(is_one)
}

/// Whether this can be a part of a line.
pub(super) fn is_line(bytes: &[u8]) -> bool {
    bytes.iter().all(|byte| (*byte >= 0x20 && *byte != 0x7f) || *byte == b'\t')
}

/// What a status is called.
pub(super) fn reason(status: u16) -> &'static str {
    match Status::new(status).map_or("", Status::reason) {
        "" => "Unknown",
        reason => reason,
    }
}

/// Writes a message, with the length of the body unless that is said among the fields.
pub(super) fn write(first: &[u8], fields: &[(&[u8], &[u8])], body: &[u8], has_length: bool) -> Vec<u8> {
    let mut text = first.to_vec();
    text.extend_from_slice(b"\r\n");
    for (name, value) in fields {
        text.extend_from_slice(&[name, &b": "[..], value, b"\r\n"].concat());
    }
    if has_length && !fields.iter().any(|(name, _)| name.eq_ignore_ascii_case(b"content-length")) {
        text.extend_from_slice(format!("Content-Length: {}\r\n", body.len()).as_bytes());
    }
    text.extend_from_slice(b"\r\n");
    text.extend_from_slice(body);
    text
}
