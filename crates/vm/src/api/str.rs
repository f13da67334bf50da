//! `str`: small things with text. All of it is about bytes; nothing here is a pattern.

#[cfg(test)]
mod tests;

use crate::luau::{Call, Function, Kind, Stop};

/// How long a text may be that is made of a table, which may name the same long string many times.
const SERIALIZED_BYTES_MAX: usize = 16 << 20;

/// The functions of the table.
pub(crate) const fn functions<H>() -> [Function<H>; 7] {
    [
        Function::new(c"split", split::<H>),
        Function::new(c"trim", trim::<H>),
        Function::new(c"starts_with", starts_with::<H>),
        Function::new(c"ends_with", ends_with::<H>),
        Function::new(c"lines", lines::<H>),
        Function::new(c"serialize_table", serialize_table::<H>),
        Function::new(c"parse_table", parse_table::<H>),
    ]
}

/// `str.split(text, separator?)`: the parts between separators, empty ones too; without a separator the words.
fn split<H>(call: &mut Call<'_>, _: &mut H) -> Result<u32, Stop> {
    let text = call.bytes(1)?;
    match call.optional(2, Call::bytes)? {
        Some([]) => Err(Stop::raise("the separator is empty")),
        Some(separator) => Ok(give_all(call, Parts { rest: Some(text), separator })),
        None => {
            let words = text.split(u8::is_ascii_whitespace).filter(|word| !word.is_empty());
            Ok(give_all(call, words))
        }
    }
}

/// `str.trim(text)`: without the blanks at both ends.
fn trim<H>(call: &mut Call<'_>, _: &mut H) -> Result<u32, Stop> {
    let text = call.bytes(1)?;
    Ok(call.give(text.trim_ascii()))
}

fn starts_with<H>(call: &mut Call<'_>, _: &mut H) -> Result<u32, Stop> {
    let is_so = call.bytes(1)?.starts_with(call.bytes(2)?);
    Ok(call.give(is_so))
}

fn ends_with<H>(call: &mut Call<'_>, _: &mut H) -> Result<u32, Stop> {
    let is_so = call.bytes(1)?.ends_with(call.bytes(2)?);
    Ok(call.give(is_so))
}

/// `str.lines(text)`: the lines without their ends, LF or CR LF; an end at the end begins no line.
fn lines<H>(call: &mut Call<'_>, _: &mut H) -> Result<u32, Stop> {
    let text = call.bytes(1)?;
    let lines = text
        .split_inclusive(|byte| *byte == b'\n')
        .map(|line| line.strip_suffix(b"\n").map_or(line, |line| line.strip_suffix(b"\r").unwrap_or(line)));
    Ok(give_all(call, lines))
}

/// `str.serialize_table(t)`: a line `name=value` for each entry, in the order of the names. Nothing is escaped.
fn serialize_table<H>(call: &mut Call<'_>, _: &mut H) -> Result<u32, Stop> {
    if call.kind(1) != Kind::Table {
        return Err(Stop::raise("argument 1 is to be a table"));
    }
    let (top, mut cursor, mut bytes) = (call.top(), 0, 0);
    let mut entries = Vec::new();
    while let Some((key, value)) = call.entry(1, &mut cursor) {
        let entry = (plain(call, key)?, plain(call, value)?);
        bytes += entry.0.len() + entry.1.len() + 2;
        if bytes > SERIALIZED_BYTES_MAX {
            return Err(Stop::raise(format!("the text has more than {SERIALIZED_BYTES_MAX} bytes")));
        }
        entries.push(entry);
        call.forget_above(top);
    }
    entries.sort_unstable();
    let mut text = Vec::with_capacity(bytes);
    for (name, value) in entries {
        text.extend_from_slice(&name);
        text.push(b'=');
        text.extend_from_slice(&value);
        text.push(b'\n');
    }
    Ok(call.give(&text))
}

/// `str.parse_table(s)`: what is before the first `=` of each line, and what is behind it, as texts.
fn parse_table<H>(call: &mut Call<'_>, _: &mut H) -> Result<u32, Stop> {
    let text = call.bytes(1)?;
    call.give_table(0, 0);
    for line in text.split(|byte| *byte == b'\n') {
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        if let Some(at) = line.iter().position(|byte| *byte == b'=') {
            call.set_named(&line[..at], &line[at + 1..]);
        }
    }
    Ok(1)
}

/// What a plain value is as text.
fn plain(call: &Call<'_>, place: u32) -> Result<Vec<u8>, Stop> {
    match call.kind(place) {
        Kind::Boolean => Ok(call.truth(place).to_string().into_bytes()),
        Kind::String | Kind::Number => Ok(call.bytes(place)?.to_vec()),
        _ => Err(Stop::raise("a name or value is neither text, nor a number, nor a boolean")),
    }
}

/// Gives an array of texts.
fn give_all<'a>(call: &mut Call<'_>, texts: impl Iterator<Item = &'a [u8]>) -> u32 {
    call.give_table(0, 0);
    for (text, number) in texts.zip(1..) {
        call.push(number, text);
    }
    1
}

/// What is between separators.
struct Parts<'a> {
    rest: Option<&'a [u8]>,
    separator: &'a [u8],
}

impl<'a> Iterator for Parts<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<&'a [u8]> {
        let rest = self.rest?;
        match memchr::memmem::find(rest, self.separator) {
            Some(at) => {
                self.rest = Some(&rest[at + self.separator.len()..]);
                Some(&rest[..at])
            }
            None => self.rest.take(),
        }
    }
}
