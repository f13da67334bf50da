//! JSON to values.

use thiserror::Error;

use super::DEPTH_MAX;
use crate::luau::{Call, Null};

/// What is wrong with a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("{what} at byte {at}")]
pub(super) struct Fault {
    what: &'static str,
    /// From 1.
    at: usize,
}

/// Gives the value that a text says.
pub(super) fn value(call: &mut Call<'_>, text: &[u8]) -> Result<(), Fault> {
    let text = match std::str::from_utf8(text) {
        Ok(text) => text,
        Err(error) => return Err(Fault { what: "not UTF-8", at: error.valid_up_to() + 1 }),
    };
    let mut decoder = Decoder { text, at: 0, depth: 0 };
    decoder.skip_blanks();
    decoder.value(call)?;
    decoder.skip_blanks();
    if decoder.at < text.len() { Err(decoder.fault("something follows the value")) } else { Ok(()) }
}

struct Decoder<'a> {
    text: &'a str,
    at: usize,
    depth: u32,
}

impl<'a> Decoder<'a> {
    const fn fault(&self, what: &'static str) -> Fault {
        Fault { what, at: self.at + 1 }
    }

    fn byte(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn rest(&self) -> &'a str {
        &self.text[self.at..]
    }

    fn skip_blanks(&mut self) {
        while matches!(self.byte(), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.at += 1;
        }
    }

    /// Goes past a byte and blanks, if it is the next.
    fn skip(&mut self, byte: u8) -> bool {
        let is_next = self.byte() == Some(byte);
        if is_next {
            self.at += 1;
            self.skip_blanks();
        }
        is_next
    }

    /// Gives one value.
    fn value(&mut self, call: &mut Call<'_>) -> Result<(), Fault> {
        match self.byte() {
            Some(b'{' | b'[') if self.depth == DEPTH_MAX => {
                Err(self.fault("too many values inside of others"))
            }
            Some(b'{') => self.nested(|decoder| decoder.object(call)),
            Some(b'[') => self.nested(|decoder| decoder.array(call)),
            Some(b'"') => {
                let text = self.string()?;
                call.give(&*text);
                Ok(())
            }
            Some(b'-' | b'0'..=b'9') => {
                let number = self.number()?;
                call.give(number);
                Ok(())
            }
            _ => self.word(call),
        }
    }

    fn nested(&mut self, decode: impl FnOnce(&mut Self) -> Result<(), Fault>) -> Result<(), Fault> {
        self.depth += 1;
        decode(self)?;
        self.depth -= 1;
        Ok(())
    }

    fn word(&mut self, call: &mut Call<'_>) -> Result<(), Fault> {
        let rest = self.rest();
        let length = if rest.starts_with("true") {
            call.give(true);
            4
        } else if rest.starts_with("false") {
            call.give(false);
            5
        } else if rest.starts_with("null") {
            call.give(Null);
            4
        } else {
            return Err(self.fault("a value is missing"));
        };
        self.at += length;
        Ok(())
    }

    fn array(&mut self, call: &mut Call<'_>) -> Result<(), Fault> {
        call.give_table(0, 0);
        self.at += 1;
        self.skip_blanks();
        if self.skip_end(b']') {
            return Ok(());
        }
        for number in 1.. {
            self.value(call)?;
            call.push_given(number);
            self.skip_blanks();
            if self.skip_end(b']') {
                break;
            } else if !self.skip(b',') {
                return Err(self.fault("`,` or `]` is missing"));
            }
        }
        Ok(())
    }

    fn object(&mut self, call: &mut Call<'_>) -> Result<(), Fault> {
        call.give_table(0, 0);
        self.at += 1;
        self.skip_blanks();
        if self.skip_end(b'}') {
            return Ok(());
        }
        loop {
            if self.byte() != Some(b'"') {
                return Err(self.fault("a name is missing"));
            }
            let name = self.string()?;
            call.give(&*name);
            self.skip_blanks();
            if !self.skip(b':') {
                return Err(self.fault("`:` is missing"));
            }
            self.value(call)?;
            call.set_pair();
            self.skip_blanks();
            if self.skip_end(b'}') {
                return Ok(());
            } else if !self.skip(b',') {
                return Err(self.fault("`,` or `}` is missing"));
            }
        }
    }

    /// Goes past the end of a value, but not past the blanks behind it.
    fn skip_end(&mut self, byte: u8) -> bool {
        let is_next = self.byte() == Some(byte);
        self.at += usize::from(is_next);
        is_next
    }

    fn number(&mut self) -> Result<f64, Fault> {
        let begin = self.at;
        self.at += usize::from(self.byte() == Some(b'-'));
        let first = self.byte();
        if self.digits() == 0
            || (first == Some(b'0') && self.at - begin > 1 + usize::from(self.text[begin..].starts_with('-')))
        {
            return Err(self.fault("a number is malformed"));
        }
        if self.byte() == Some(b'.') {
            self.at += 1;
            if self.digits() == 0 {
                return Err(self.fault("a number is malformed"));
            }
        }
        if let Some(b'e' | b'E') = self.byte() {
            self.at += 1;
            self.at += usize::from(matches!(self.byte(), Some(b'+' | b'-')));
            if self.digits() == 0 {
                return Err(self.fault("a number is malformed"));
            }
        }
        let number: f64 =
            self.text[begin..self.at].parse().map_err(|_| self.fault("a number is malformed"))?;
        if number.is_finite() { Ok(number) } else { Err(self.fault("a number is too large")) }
    }

    fn digits(&mut self) -> usize {
        let count = self.rest().bytes().take_while(u8::is_ascii_digit).count();
        self.at += count;
        count
    }

    /// A string, which is a piece of the text if nothing in it is escaped.
    fn string(&mut self) -> Result<std::borrow::Cow<'a, str>, Fault> {
        self.at += 1;
        let mut whole = String::new();
        loop {
            let rest = self.rest();
            let plain = rest.bytes().take_while(|byte| !matches!(byte, 0..0x20 | b'"' | b'\\')).count();
            self.at += plain;
            match self.byte() {
                Some(b'"') => {
                    self.at += 1;
                    if whole.is_empty() {
                        return Ok(rest[..plain].into());
                    }
                    whole.push_str(&rest[..plain]);
                    return Ok(whole.into());
                }
                Some(b'\\') => {
                    whole.push_str(&rest[..plain]);
                    self.at += 1;
                    whole.push(self.escaped()?);
                }
                Some(_) => return Err(self.fault("a string has a control character")),
                None => return Err(self.fault("a string does not end")),
            }
        }
    }

    /// The character that the rest of an escape means.
    fn escaped(&mut self) -> Result<char, Fault> {
        let byte = self.byte().ok_or_else(|| self.fault("a string does not end"))?;
        let character = match byte {
            b'"' | b'\\' | b'/' => char::from(byte),
            b'b' => '\u{8}',
            b'f' => '\u{c}',
            b'n' => '\n',
            b'r' => '\r',
            b't' => '\t',
            b'u' => return self.unicode(),
            _ => return Err(self.fault("an escape is unknown")),
        };
        self.at += 1;
        Ok(character)
    }

    fn unicode(&mut self) -> Result<char, Fault> {
        let first = self.hex()?;
        if !(0xd800..0xdc00).contains(&first) {
            return char::from_u32(first).ok_or_else(|| self.fault("half of a pair stands alone"));
        }
        if !self.rest().starts_with("\\u") {
            return Err(self.fault("half of a pair stands alone"));
        }
        self.at += 1;
        let second = self.hex()?;
        if !(0xdc00..0xe000).contains(&second) {
            return Err(self.fault("half of a pair stands alone"));
        }
        let number = 0x1_0000 + ((first - 0xd800) << 10) + (second - 0xdc00);
        char::from_u32(number).ok_or_else(|| self.fault("half of a pair stands alone"))
    }

    /// The number of four digits behind a `u`.
    fn hex(&mut self) -> Result<u32, Fault> {
        let digits = self.text.as_bytes().get(self.at + 1..self.at + 5).unwrap_or_default();
        let number =
            digits.iter().try_fold(0, |number, digit| Some(number * 16 + char::from(*digit).to_digit(16)?));
        match number {
            Some(number) if digits.len() == 4 => {
                self.at += 5;
                Ok(number)
            }
            _ => Err(self.fault("an escape has four digits")),
        }
    }
}
