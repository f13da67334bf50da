//! Zones as text: the master files of RFC 1035, section 5, with the `$TTL` of RFC 2308.
//!
//! [`Lines`] cuts the text into entries of words, [`Parser`] makes records of them. `Display` writes a zone so that it
//! is read back as the same zone.

mod words;

use std::fmt;

use hickory_proto::rr::rdata::{A, AAAA, CNAME, MX, NS, PTR, SOA, SRV, TXT};
use hickory_proto::rr::{Name, RData, Record, RecordType};
use ironloom_core::HashState;

use super::{Zone, ZoneLimits, ZoneTextError, ZoneTextProblem};
use words::{Entry, Lines, Word};

/// How much text is read, and what is to become of it.
#[derive(Debug, Clone)]
pub struct ZoneText {
    /// How many bytes the text may have.
    pub bytes_max: usize,
    /// How many words an entry may have, its continuation lines included.
    pub words_max: usize,
    /// How much the zone may hold.
    pub zone: ZoneLimits,
    /// How the zone hashes names.
    pub hash: HashState,
}

impl Default for ZoneText {
    fn default() -> Self {
        Self {
            bytes_max: 64 << 20,
            words_max: 1_024,
            zone: ZoneLimits::default(),
            hash: HashState::default(),
        }
    }
}

impl Zone {
    /// Reads a zone from its text. The SOA must be the first record, as all tools write it.
    ///
    /// # Errors
    ///
    /// If the text is not that of a zone with this origin: in which line, and why.
    pub fn parse(origin: &Name, text: impl AsRef<[u8]>, options: &ZoneText) -> Result<Self, ZoneTextError> {
        let text = text.as_ref();
        if text.len() > options.bytes_max {
            let problem = ZoneTextProblem::TooLong { bytes: text.len(), bytes_max: options.bytes_max };
            return Err(ZoneTextError { line: 1, problem });
        }
        let mut lines = Lines::new(text, options.words_max);
        let mut parser = Parser::new(origin, options);
        while let Some(entry) = lines.next()? {
            let line = entry.line;
            parser.take(&entry).map_err(|problem| ZoneTextError { line, problem })?;
        }
        let no_start = ZoneTextProblem::NoStart { origin: parser.zone_origin };
        parser.zone.ok_or(ZoneTextError { line: lines.line(), problem: no_start })
    }
}

/// What the entries so far have said.
struct Parser<'o> {
    options: &'o ZoneText,
    zone_origin: Name,
    /// What names without a dot at their end are relative to.
    origin: Name,
    owner: Option<Name>,
    default_ttl: Option<u32>,
    last_ttl: Option<u32>,
    zone: Option<Zone>,
}

impl<'o> Parser<'o> {
    fn new(origin: &Name, options: &'o ZoneText) -> Self {
        let mut origin = origin.clone();
        origin.set_fqdn(true);
        Self {
            options,
            zone_origin: origin.clone(),
            origin,
            owner: None,
            default_ttl: None,
            last_ttl: None,
            zone: None,
        }
    }

    fn take(&mut self, entry: &Entry<'_>) -> Result<(), ZoneTextProblem> {
        let mut words = Rest(&entry.words);
        match entry.words.first() {
            Some(word) if entry.has_owner && word.text.starts_with(b"$") => self.directive(&mut words)?,
            _ => self.record(entry.has_owner, &mut words)?,
        }
        match words.0.first() {
            None => Ok(()),
            Some(word) => Err(ZoneTextProblem::Excess { word: word.show() }),
        }
    }

    fn directive(&mut self, words: &mut Rest<'_>) -> Result<(), ZoneTextProblem> {
        let word = words.next("a directive")?;
        if word.text.eq_ignore_ascii_case(b"$ORIGIN") {
            self.origin = self.name(words, "an origin")?;
        } else if word.text.eq_ignore_ascii_case(b"$TTL") {
            self.default_ttl = Some(words.seconds("a time to live")?);
        } else {
            return Err(ZoneTextProblem::Directive { word: word.show() });
        }
        Ok(())
    }

    fn record(&mut self, has_owner: bool, words: &mut Rest<'_>) -> Result<(), ZoneTextProblem> {
        if has_owner {
            self.owner = Some(self.name(words, "a name")?);
        }
        let owner = self.owner.clone().ok_or(ZoneTextProblem::NoOwner)?;
        let ttl = ttl_and_class(words)?;
        let kind = kind(words.next("a type")?)?;
        let data = self.data(kind, words)?;
        let ttl = ttl.or(self.default_ttl).or(self.last_ttl);
        if let RData::SOA(start) = data {
            return self.start(&owner, ttl, start);
        }
        let ttl = ttl.ok_or(ZoneTextProblem::NoTtl)?;
        self.last_ttl = Some(ttl);
        let no_start = || ZoneTextProblem::NoStart { origin: self.zone_origin.clone() };
        self.zone.as_mut().ok_or_else(no_start)?.insert(&owner, ttl, data)?;
        Ok(())
    }

    fn start(&mut self, owner: &Name, ttl: Option<u32>, start: SOA) -> Result<(), ZoneTextProblem> {
        if self.zone.is_some() {
            return Err(super::ZoneError::SecondStart { name: owner.clone() }.into());
        }
        if *owner != self.zone_origin {
            return Err(ZoneTextProblem::NoStart { origin: self.zone_origin.clone() });
        }
        // Before there was `$TTL`, the last number of the SOA was for all records (RFC 1035, section 3.3.13).
        let ttl = ttl.unwrap_or(start.minimum);
        self.last_ttl = Some(ttl);
        let hash = self.options.hash.clone();
        self.zone = Some(Zone::with_limits(&self.zone_origin, start, ttl, self.options.zone, hash));
        Ok(())
    }

    fn data(&self, kind: RecordType, words: &mut Rest<'_>) -> Result<RData, ZoneTextProblem> {
        Ok(match kind {
            RecordType::A => RData::A(A(words.parse("an IPv4 address")?)),
            RecordType::AAAA => RData::AAAA(AAAA(words.parse("an IPv6 address")?)),
            RecordType::CNAME => RData::CNAME(CNAME(self.name(words, "a name")?)),
            RecordType::NS => RData::NS(NS(self.name(words, "a name")?)),
            RecordType::PTR => RData::PTR(PTR(self.name(words, "a name")?)),
            RecordType::MX => {
                let preference = words.parse("a preference up to 65535")?;
                RData::MX(MX::new(preference, self.name(words, "a name")?))
            }
            RecordType::SRV => {
                let priority = words.parse("a priority up to 65535")?;
                let weight = words.parse("a weight up to 65535")?;
                let port = words.parse("a port up to 65535")?;
                RData::SRV(SRV::new(priority, weight, port, self.name(words, "a name")?))
            }
            RecordType::SOA => RData::SOA(self.soa(words)?),
            _ => RData::TXT(texts(words)?),
        })
    }

    fn soa(&self, words: &mut Rest<'_>) -> Result<SOA, ZoneTextProblem> {
        let server = self.name(words, "a name")?;
        let mailbox = self.name(words, "a mailbox as a name")?;
        let serial = words.parse("a serial number")?;
        let mut interval = || -> Result<i32, ZoneTextProblem> {
            // Times are below 2³¹ by RFC 2181, section 8.
            words.seconds("a number of seconds").map(|seconds| i32::try_from(seconds).unwrap_or(i32::MAX))
        };
        let (refresh, retry, expire) = (interval()?, interval()?, interval()?);
        Ok(SOA::new(server, mailbox, serial, refresh, retry, expire, words.seconds("a number of seconds")?))
    }

    fn name(&self, words: &mut Rest<'_>, expected: &'static str) -> Result<Name, ZoneTextProblem> {
        let word = words.next(expected)?;
        if !word.is_quoted && word.text == b"@" {
            return Ok(self.origin.clone());
        }
        let bad = || ZoneTextProblem::Value { word: word.show(), expected };
        let (labels, is_whole) = word.labels()?.ok_or_else(bad)?;
        let name = Name::from_labels(labels.iter().map(Vec::as_slice)).map_err(|_| bad())?;
        if is_whole { Ok(name) } else { name.append_domain(&self.origin).map_err(|_| bad()) }
    }
}

/// A time to live and a class, in any order; both may be absent.
fn ttl_and_class(words: &mut Rest<'_>) -> Result<Option<u32>, ZoneTextProblem> {
    let mut ttl = None;
    for _ in 0..2 {
        let Some(word) = words.0.first().filter(|word| !word.is_quoted) else {
            break;
        };
        let is_class = |class: &&[u8]| word.text.eq_ignore_ascii_case(class);
        if is_class(&&b"IN"[..]) {
            words.0 = &words.0[1..];
        } else if [&b"CH"[..], b"HS", b"CS"].iter().any(is_class) {
            return Err(ZoneTextProblem::Class { word: word.show() });
        } else if word.text.first().is_some_and(u8::is_ascii_digit) {
            ttl = Some(words.seconds("a time to live")?);
        }
    }
    Ok(ttl)
}

fn kind(word: &Word<'_>) -> Result<RecordType, ZoneTextProblem> {
    use RecordType::{A, AAAA, CNAME, MX, NS, PTR, SOA, SRV, TXT};
    let all = [A, AAAA, CNAME, MX, NS, PTR, SOA, SRV, TXT];
    let is_named = |kind: &RecordType| word.text.eq_ignore_ascii_case(<&str>::from(*kind).as_bytes());
    let found = all.into_iter().find(is_named).filter(|_| !word.is_quoted);
    found.ok_or_else(|| ZoneTextProblem::Kind { word: word.show() })
}

fn texts(words: &mut Rest<'_>) -> Result<TXT, ZoneTextProblem> {
    let mut texts = vec![words.text()?];
    while !words.0.is_empty() {
        texts.push(words.text()?);
    }
    let bytes: usize = texts.iter().map(|text| text.len() + 1).sum();
    if bytes > usize::from(u16::MAX) {
        return Err(ZoneTextProblem::Value {
            word: "…".to_owned(),
            expected: "a text of 65535 bytes or less",
        });
    }
    Ok(TXT::from_bytes(texts.iter().map(Vec::as_slice).collect()))
}

/// The words of an entry that were not read yet.
struct Rest<'a>(&'a [Word<'a>]);

impl<'a> Rest<'a> {
    fn next(&mut self, expected: &'static str) -> Result<&'a Word<'a>, ZoneTextProblem> {
        let (first, rest) = self.0.split_first().ok_or(ZoneTextProblem::Missing { expected })?;
        self.0 = rest;
        Ok(first)
    }

    fn parse<T: std::str::FromStr>(&mut self, expected: &'static str) -> Result<T, ZoneTextProblem> {
        let word = self.next(expected)?;
        let parsed = std::str::from_utf8(word.text).ok().and_then(|text| text.parse().ok());
        parsed.ok_or_else(|| ZoneTextProblem::Value { word: word.show(), expected })
    }

    fn text(&mut self) -> Result<Vec<u8>, ZoneTextProblem> {
        let expected = "a text of 255 bytes or less";
        let word = self.next(expected)?;
        let text = word.unescaped()?;
        if text.len() > 255 {
            return Err(ZoneTextProblem::Value { word: word.show(), expected });
        }
        Ok(text)
    }

    /// A time: a number of seconds, or numbers with units as in `1h30m`.
    fn seconds(&mut self, expected: &'static str) -> Result<u32, ZoneTextProblem> {
        let word = self.next(expected)?;
        seconds(word.text).ok_or_else(|| ZoneTextProblem::Value { word: word.show(), expected })
    }
}

fn seconds(text: &[u8]) -> Option<u32> {
    let (mut sum, mut number) = (0u32, None::<u32>);
    for byte in text {
        if byte.is_ascii_digit() {
            number = Some(number.unwrap_or(0).checked_mul(10)?.checked_add(u32::from(byte - b'0'))?);
            continue;
        }
        let unit = match byte.to_ascii_lowercase() {
            b's' => 1,
            b'm' => 60,
            b'h' => 3_600,
            b'd' => 86_400,
            b'w' => 604_800,
            _ => return None,
        };
        sum = sum.checked_add(number.take()?.checked_mul(unit)?)?;
    }
    match number {
        Some(number) => sum.checked_add(number),
        None => Some(sum).filter(|_| !text.is_empty()),
    }
}

/// As a master file with absolute names.
impl fmt::Display for Zone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.iter().try_for_each(|record| write_record(&record, f))
    }
}

fn write_record(record: &Record, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    let kind = record.record_type();
    write!(f, "{}\t{}\tIN\t{kind}\t", words::shown(&record.name), record.ttl)?;
    let shown = words::shown;
    match &record.data {
        RData::CNAME(CNAME(name)) | RData::NS(NS(name)) | RData::PTR(PTR(name)) => {
            writeln!(f, "{}", shown(name))
        }
        RData::MX(mx) => writeln!(f, "{} {}", mx.preference, shown(&mx.exchange)),
        RData::SRV(srv) => {
            writeln!(f, "{} {} {} {}", srv.priority, srv.weight, srv.port, shown(&srv.target))
        }
        RData::SOA(start) => {
            let (server, mailbox) = (shown(&start.mname), shown(&start.rname));
            let (serial, refresh, retry) = (start.serial, start.refresh, start.retry);
            writeln!(f, "{server} {mailbox} {serial} {refresh} {retry} {} {}", start.expire, start.minimum)
        }
        RData::TXT(txt) => {
            let texts: Vec<String> = txt.txt_data.iter().map(|text| words::quoted(text)).collect();
            writeln!(f, "{}", texts.join(" "))
        }
        other => writeln!(f, "{other}"),
    }
}

#[cfg(test)]
mod tests;
