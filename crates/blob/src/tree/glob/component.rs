//! [`Component`]: a pattern for one name, or for any number of directories.

use std::ops::RangeInclusive;

use super::PatternError;
use crate::tree::TreePath;

#[derive(Debug, Clone)]
pub(super) enum Component {
    /// `**`
    AnyDepth,
    Name(NamePattern),
}

/// A pattern for one name.
#[derive(Debug, Clone)]
pub(super) struct NamePattern(Vec<Token>);

#[derive(Debug, Clone)]
enum Token {
    Byte(u8),
    AnyByte,
    AnyBytes,
    Class { is_negated: bool, ranges: Vec<RangeInclusive<u8>> },
}

impl Component {
    pub(super) fn parse(part: &[u8]) -> Result<Self, PatternError> {
        if part == b"**" {
            return Ok(Self::AnyDepth);
        }
        let unfinished = || PatternError::Unfinished { component: TreePath::from(part) };
        let mut tokens = Vec::new();
        let mut rest = part;
        while let Some((byte, after)) = rest.split_first() {
            rest = after;
            tokens.push(match byte {
                b'?' => Token::AnyByte,
                b'*' => Token::AnyBytes,
                b'\\' => {
                    let (byte, after) = rest.split_first().ok_or_else(unfinished)?;
                    rest = after;
                    Token::Byte(*byte)
                }
                b'[' => {
                    let (class, after) = parse_class(rest).ok_or_else(unfinished)?;
                    rest = after;
                    class
                }
                byte => Token::Byte(*byte),
            });
        }
        tokens.dedup_by(|next, previous| matches!((next, previous), (Token::AnyBytes, Token::AnyBytes)));
        Ok(Self::Name(NamePattern(tokens)))
    }

    /// The only name that it matches, if there is only one.
    pub(super) fn plain_name(&self) -> Option<Vec<u8>> {
        let Self::Name(NamePattern(tokens)) = self else {
            return None;
        };
        let byte = |token: &Token| match token {
            Token::Byte(byte) => Some(*byte),
            _ => None,
        };
        tokens.iter().map(byte).collect()
    }
}

/// What is behind a `[`, to its `]`. A `]` at the start stands for itself.
fn parse_class(bytes: &[u8]) -> Option<(Token, &[u8])> {
    let (is_negated, mut rest) = match bytes {
        [b'!' | b'^', rest @ ..] => (true, rest),
        _ => (false, bytes),
    };
    let mut ranges = Vec::new();
    loop {
        rest = match rest {
            [b']', after @ ..] if !ranges.is_empty() => {
                return Some((Token::Class { is_negated, ranges }, after));
            }
            [first, b'-', last, after @ ..] if *last != b']' => {
                ranges.push(*first..=*last);
                after
            }
            [byte, after @ ..] => {
                ranges.push(*byte..=*byte);
                after
            }
            [] => return None,
        };
    }
}

impl NamePattern {
    /// Goes back to the last `*` only, which is enough: what an earlier one could take, the last one can.
    pub(super) fn matches(&self, name: &[u8]) -> bool {
        let (mut token, mut byte) = (0, 0);
        let mut retry = None;
        loop {
            match self.0.get(token) {
                Some(Token::AnyBytes) => {
                    retry = Some((token + 1, byte));
                    token += 1;
                    continue;
                }
                Some(one) if name.get(byte).is_some_and(|byte| one.takes(*byte)) => {
                    token += 1;
                    byte += 1;
                    continue;
                }
                None if byte == name.len() => return true,
                _ => {}
            }
            let Some((after_star, taken)) = retry.filter(|(_, taken)| *taken < name.len()) else {
                return false;
            };
            retry = Some((after_star, taken + 1));
            (token, byte) = (after_star, taken + 1);
        }
    }
}

impl Token {
    fn takes(&self, byte: u8) -> bool {
        match self {
            Self::Byte(own) => *own == byte,
            Self::AnyByte => true,
            Self::AnyBytes => unreachable!("it takes many"),
            Self::Class { is_negated, ranges } => {
                ranges.iter().any(|range| range.contains(&byte)) != *is_negated
            }
        }
    }
}
