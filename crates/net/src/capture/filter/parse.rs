//! How a [`Filter`] is read: by descent through `or`, `and`, `not` and parentheses, to a bounded depth.

use std::str::FromStr;

use thiserror::Error;

use super::{Filter, Side, Step, Test};

/// The most bytes of the text of a filter.
const TEXT_BYTES_MAX: usize = 4_096;

/// How deep parentheses and negations may be nested. Each holds at most two bits on the stack of 64, of which one is
/// there from the beginning.
const DEPTH_MAX: usize = 24;
const _: () = assert!(2 * (DEPTH_MAX + 1) < 64);

/// A text is not a filter.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum FilterError {
    /// It is too long.
    #[error("filter of {bytes} bytes: at most {limit} are read")]
    Long {
        /// How many bytes it has.
        bytes: usize,
        /// The limit.
        limit: usize,
    },
    /// Parentheses or negations are nested too deeply.
    #[error("filter is nested more than {limit} deep at {at}")]
    Deep {
        /// After how many bytes.
        at: usize,
        /// The limit.
        limit: usize,
    },
    /// Something else should stand there.
    #[error("`{found}` at {at} is not {expected}")]
    Unexpected {
        /// What stands there.
        found: String,
        /// After how many bytes.
        at: usize,
        /// What should.
        expected: &'static str,
    },
    /// Something should follow.
    #[error("filter ends where {expected} should follow")]
    Ended {
        /// What should.
        expected: &'static str,
    },
}

impl FromStr for Filter {
    type Err = FilterError;

    fn from_str(text: &str) -> Result<Self, FilterError> {
        if text.len() > TEXT_BYTES_MAX {
            return Err(FilterError::Long { bytes: text.len(), limit: TEXT_BYTES_MAX });
        }
        let mut parser = Parser { text, at: 0, steps: Vec::new() };
        if parser.peek().is_some() {
            parser.any_of(0)?;
        }
        match parser.peek() {
            None => Ok(Self { steps: parser.steps }),
            Some(_) => Err(parser.unexpected("`and` or `or`")),
        }
    }
}

struct Parser<'a> {
    text: &'a str,
    at: usize,
    steps: Vec<Step>,
}

impl<'a> Parser<'a> {
    /// The next word, and where it begins and ends.
    fn word(&self) -> Option<(&'a str, usize)> {
        let rest = &self.text[self.at..];
        let begin = self.at + (rest.len() - rest.trim_start().len());
        let rest = &self.text[begin..];
        let first = rest.chars().next()?;
        let len = match first {
            '(' | ')' | '!' => 1,
            '&' | '|' => rest.find(|c| c != first).unwrap_or(rest.len()),
            _ => rest.find(|c: char| c.is_whitespace() || "()!&|".contains(c)).unwrap_or(rest.len()),
        };
        Some((&rest[..len], begin))
    }

    fn peek(&self) -> Option<&'a str> {
        self.word().map(|(word, _)| word)
    }

    fn skip(&mut self) {
        if let Some((word, begin)) = self.word() {
            self.at = begin + word.len();
        }
    }

    /// Skips one of some words, if it is next.
    fn eat(&mut self, words: &[&str]) -> bool {
        let is_next = self.peek().is_some_and(|next| words.contains(&next));
        if is_next {
            self.skip();
        }
        is_next
    }

    fn unexpected(&self, expected: &'static str) -> FilterError {
        match self.word() {
            None => FilterError::Ended { expected },
            Some((word, at)) => FilterError::Unexpected { found: word.to_owned(), at, expected },
        }
    }

    fn any_of(&mut self, depth: usize) -> Result<(), FilterError> {
        self.all_of(depth)?;
        while self.eat(&["or", "||"]) {
            self.all_of(depth)?;
            self.steps.push(Step::Or);
        }
        Ok(())
    }

    fn all_of(&mut self, depth: usize) -> Result<(), FilterError> {
        self.one(depth)?;
        while self.eat(&["and", "&&"]) {
            self.one(depth)?;
            self.steps.push(Step::And);
        }
        Ok(())
    }

    fn one(&mut self, depth: usize) -> Result<(), FilterError> {
        if depth > DEPTH_MAX {
            return Err(FilterError::Deep { at: self.at, limit: DEPTH_MAX });
        }
        if self.eat(&["not", "!"]) {
            self.one(depth + 1)?;
            self.steps.push(Step::Not);
            return Ok(());
        }
        if self.eat(&["("]) {
            self.any_of(depth + 1)?;
            return if self.eat(&[")"]) { Ok(()) } else { Err(self.unexpected("`)`")) };
        }
        self.primitive()
    }

    fn primitive(&mut self) -> Result<(), FilterError> {
        if self.eat(&["ether"]) {
            let side = self.side();
            return if self.eat(&["host"]) { self.card(side) } else { Err(self.unexpected("`host`")) };
        }
        let protocol = self.protocol();
        let is_alone = protocol.is_some() && !self.peek().is_some_and(begins_test);
        let has_protocol = protocol.is_some();
        self.steps.extend(protocol.map(Step::Test));
        if is_alone {
            return Ok(());
        }
        let test = self.test()?;
        self.steps.push(Step::Test(test));
        if has_protocol {
            self.steps.push(Step::And);
        }
        Ok(())
    }

    fn protocol(&mut self) -> Option<Test> {
        let test = match self.peek()? {
            "arp" => Test::Arp,
            "ip" => Test::Ip,
            "ip6" => Test::Ip6,
            "icmp" => Test::Protocol(1),
            "tcp" => Test::Protocol(6),
            "udp" => Test::Protocol(17),
            _ => return None,
        };
        self.skip();
        Some(test)
    }

    fn side(&mut self) -> Side {
        if self.eat(&["src"]) {
            Side::Source
        } else if self.eat(&["dst"]) {
            Side::Target
        } else {
            Side::Either
        }
    }

    fn test(&mut self) -> Result<Test, FilterError> {
        let side = self.side();
        match self.peek() {
            Some("host") => Ok(Test::Host(side, self.value("an address")?)),
            Some("net") => Ok(Test::Net(side, self.value("a network such as 10.0.0.0/8")?)),
            Some("port") => {
                let port = self.value("a port")?;
                Ok(Test::Ports(side, port, port))
            }
            Some("portrange") => {
                let Range(first, last) = self.value("a range of ports such as 6000-6010")?;
                Ok(Test::Ports(side, first, last))
            }
            _ => {
                Err(self.unexpected("a protocol, `host`, `net`, `port`, `portrange`, `ether`, `not` or `(`"))
            }
        }
    }

    fn card(&mut self, side: Side) -> Result<(), FilterError> {
        let mac = self.parsed("an address of a card")?;
        self.steps.push(Step::Test(Test::Card(side, mac)));
        Ok(())
    }

    /// Skips the name of a test and reads its value.
    fn value<T: FromStr>(&mut self, expected: &'static str) -> Result<T, FilterError> {
        self.skip();
        self.parsed(expected)
    }

    fn parsed<T: FromStr>(&mut self, expected: &'static str) -> Result<T, FilterError> {
        let value =
            self.peek().and_then(|word| word.parse().ok()).ok_or_else(|| self.unexpected(expected))?;
        self.skip();
        Ok(value)
    }
}

fn begins_test(word: &str) -> bool {
    matches!(word, "src" | "dst" | "host" | "net" | "port" | "portrange")
}

/// Two ports with a hyphen between them.
struct Range(u16, u16);

impl FromStr for Range {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let (first, last) = text.split_once('-').ok_or(())?;
        let (first, last) = (first.parse().map_err(|_| ())?, last.parse().map_err(|_| ())?);
        if first <= last { Ok(Self(first, last)) } else { Err(()) }
    }
}
