//! Values to JSON.

use std::io::Write as _;

use super::{DEPTH_MAX, ENCODED_BYTES_MAX};
use crate::luau::{Call, Kind, Stop};

/// The text of the value at a place.
pub(super) fn value(call: &mut Call<'_>, place: u32, is_pretty: bool) -> Result<Vec<u8>, Stop> {
    let mut encoder = Encoder { text: Vec::new(), depth: 0, is_pretty };
    encoder.value(call, place)?;
    Ok(encoder.text)
}

struct Encoder {
    text: Vec<u8>,
    depth: u32,
    is_pretty: bool,
}

impl Encoder {
    fn value(&mut self, call: &mut Call<'_>, place: u32) -> Result<(), Stop> {
        match call.kind(place) {
            _ if self.text.len() > ENCODED_BYTES_MAX => {
                Err(Stop::raise(format!("the text has more than {ENCODED_BYTES_MAX} bytes")))
            }
            Kind::Nil => self.put("null"),
            Kind::Boolean => self.put(if call.truth(place) { "true" } else { "false" }),
            Kind::Number => self.number(call.number(place)?),
            Kind::String => self.string(call.bytes(place)?),
            Kind::Table if self.depth == DEPTH_MAX => {
                Err(Stop::raise(format!("a value is inside of more than {DEPTH_MAX} others, or of itself")))
            }
            Kind::Table => self.table(call, place),
            _ if call.is_null(place) => self.put("null"),
            kind => Err(Stop::raise(format!("JSON has no {}", name(kind)))),
        }
    }

    fn put(&mut self, text: &str) -> Result<(), Stop> {
        self.text.extend_from_slice(text.as_bytes());
        Ok(())
    }

    fn number(&mut self, number: f64) -> Result<(), Stop> {
        let size = number.abs();
        let written = match size {
            _ if !number.is_finite() => return Err(Stop::raise("JSON has no number that is not finite")),
            // Beyond these Rust writes many zeros where an exponent is shorter.
            _ if size != 0.0 && !(1e-6..1e21).contains(&size) => write!(self.text, "{number:e}"),
            _ => write!(self.text, "{number}"),
        };
        written.expect("a vector takes what is written to it");
        Ok(())
    }

    fn string(&mut self, bytes: &[u8]) -> Result<(), Stop> {
        let text = std::str::from_utf8(bytes).map_err(|_| Stop::raise("a string is not UTF-8"))?;
        self.text.push(b'"');
        let mut rest = text.as_bytes();
        while let Some(at) = rest.iter().position(|byte| matches!(byte, 0..0x20 | b'"' | b'\\')) {
            self.text.extend_from_slice(&rest[..at]);
            self.escape(rest[at]);
            rest = &rest[at + 1..];
        }
        self.text.extend_from_slice(rest);
        self.text.push(b'"');
        Ok(())
    }

    fn escape(&mut self, byte: u8) {
        let short = match byte {
            b'\n' => b'n',
            b'\r' => b'r',
            b'\t' => b't',
            0x08 => b'b',
            0x0c => b'f',
            b'"' | b'\\' => byte,
            _ => {
                return write!(self.text, "\\u{byte:04x}").expect("a vector takes what is written to it");
            }
        };
        self.text.extend_from_slice(&[b'\\', short]);
    }

    fn table(&mut self, call: &mut Call<'_>, place: u32) -> Result<(), Stop> {
        let top = call.top();
        let length = call.length(place);
        let (mut names, mut entries, mut cursor) = (Vec::new(), 0, 0);
        while let Some((key, _)) = call.entry(place, &mut cursor) {
            entries += 1;
            if length == 0 && call.kind(key) == Kind::String {
                names.push(call.bytes(key)?);
            }
            call.forget_above(top);
        }
        self.depth += 1;
        if entries == length {
            self.array(call, place, length)?;
        } else if names.len() == entries as usize {
            names.sort_unstable();
            self.object(call, place, &names)?;
        } else {
            return Err(Stop::raise("a table is neither an array without holes nor has names only"));
        }
        self.depth -= 1;
        Ok(())
    }

    fn array(&mut self, call: &mut Call<'_>, place: u32, length: u32) -> Result<(), Stop> {
        let top = call.top();
        self.text.push(b'[');
        for number in 1..=length {
            self.begin_entry(number == 1);
            let item = call.item(place, number);
            self.value(call, item)?;
            call.forget_above(top);
        }
        self.finish(length == 0, b']');
        Ok(())
    }

    fn object(&mut self, call: &mut Call<'_>, place: u32, names: &[&[u8]]) -> Result<(), Stop> {
        let top = call.top();
        self.text.push(b'{');
        for (index, name) in names.iter().enumerate() {
            self.begin_entry(index == 0);
            self.string(name)?;
            self.text.extend_from_slice(if self.is_pretty { b": " } else { b":" });
            let item = call.field_named(place, name);
            self.value(call, item)?;
            call.forget_above(top);
        }
        self.finish(names.is_empty(), b'}');
        Ok(())
    }

    fn begin_entry(&mut self, is_first: bool) {
        if !is_first {
            self.text.push(b',');
        }
        self.indent(self.depth);
    }

    fn finish(&mut self, is_empty: bool, end: u8) {
        if !is_empty {
            self.indent(self.depth - 1);
        }
        self.text.push(end);
    }

    fn indent(&mut self, depth: u32) {
        if self.is_pretty {
            self.text.push(b'\n');
            self.text.resize(self.text.len() + 2 * depth as usize, b' ');
        }
    }
}

const fn name(kind: Kind) -> &'static str {
    match kind {
        Kind::Function => "functions",
        Kind::Object => "handles",
        Kind::Buffer => "buffers",
        _ => "values of this type",
    }
}
