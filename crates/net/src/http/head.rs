//! Reads heads: their first lines, and where their fields are.

use std::mem::MaybeUninit;

use super::config::FIELDS_MAX;
use super::fields::{Position, Positions};
use super::framing::{Extent, Facts};
use super::gather::Attempt;
use super::{Config, Method, Refusal, Request, Response, Status, Version};

/// How many empty lines before a request are left out: some clients send one after a body.
const EMPTY_LINES_MAX: usize = 2;

/// Reads the head of a request; it lacks its bytes then.
#[inline]
pub(super) fn request(bytes: &[u8], config: &Config, may_be_0_9: bool, into: &mut Request) -> Attempt {
    let Some(skipped) = empty_lines(bytes)? else {
        return Ok(None);
    };
    let line = &bytes[skipped..];
    let mut found = [const { MaybeUninit::uninit() }; FIELDS_MAX];
    let mut request = httparse::Request::new(&mut []);
    let len = match request.parse_with_uninit_headers(line, &mut found[..config.fields_max()]) {
        Ok(httparse::Status::Complete(len)) => len,
        Ok(httparse::Status::Partial) => return Ok(None),
        Err(httparse::Error::Token) if may_be_0_9 => return request_0_9(line, skipped, into),
        Err(error) => return Err(refusal(error, config)),
    };
    let (method, target) = (request.method.unwrap_or(""), request.path.unwrap_or(""));
    let version = if request.version == Some(1) { Version::Http11 } else { Version::Http10 };
    let end_of_line = method.len() + 1 + target.len() + " HTTP/1.1".len();
    if line.get(end_of_line) != Some(&b'\r') || !line[..len].ends_with(b"\r\n") {
        return Err(Refusal::LineEnd);
    }
    check_target(method, target)?;
    let facts = fields(bytes, request.headers, &mut into.fields.positions)?;
    facts.check_request(version)?;
    into.method = Method::of(method);
    into.method_at = offset(skipped);
    into.method_len = offset(method.len());
    into.target_len = offset(target.len());
    into.version = version;
    into.extent = facts.request_extent(version)?;
    into.keeps_alive = facts.keeps_alive(version);
    into.expects_continue = facts.expects_continue && version == Version::Http11;
    Ok(Some(skipped + len))
}

/// Reads the head of a response to a request, which may have been of the method HEAD; it lacks its bytes then.
pub(super) fn response(bytes: &[u8], config: &Config, is_to_head: bool, into: &mut Response) -> Attempt {
    if bytes[0] != b'H' {
        return Err(Refusal::FirstLine);
    }
    let mut found = [const { MaybeUninit::uninit() }; FIELDS_MAX];
    let mut response = httparse::Response::new(&mut []);
    let parser = httparse::ParserConfig::default();
    let found = &mut found[..config.fields_max()];
    let len = match parser.parse_response_with_uninit_headers(&mut response, bytes, found) {
        Ok(httparse::Status::Complete(len)) => len,
        Ok(httparse::Status::Partial) => return Ok(None),
        Err(error) => return Err(refusal(error, config)),
    };
    let first_line = bytes.split(|byte| *byte == b'\n').next().unwrap_or_default();
    if !first_line.ends_with(b"\r") || !bytes[..len].ends_with(b"\r\n") {
        return Err(Refusal::LineEnd);
    }
    into.status = response.code.and_then(Status::new).ok_or(Refusal::FirstLine)?;
    into.version = if response.version == Some(1) { Version::Http11 } else { Version::Http10 };
    let facts = fields(bytes, response.headers, &mut into.fields.positions)?;
    let extent = facts.response_extent(into.version)?;
    into.extent = if is_to_head || !into.status.allows_body() { Extent::None } else { extent };
    into.keeps_alive = facts.keeps_alive(into.version);
    Ok(Some(len))
}

/// Reads the fields after a body, up to and including the empty line.
pub(super) fn trailer(bytes: &[u8], config: &Config, into: &mut Positions) -> Attempt {
    let mut found = [httparse::EMPTY_HEADER; FIELDS_MAX];
    match httparse::parse_headers(bytes, &mut found[..config.fields_max()]) {
        Ok(httparse::Status::Complete((len, headers))) => {
            if !bytes[..len].ends_with(b"\r\n") {
                return Err(Refusal::LineEnd);
            }
            fields(bytes, headers, into)?;
            let is_framing = |header: &httparse::Header<'_>| {
                let names =
                    ["content-length", "transfer-encoding", "host", "connection", "expect", "trailer", "te"];
                names.iter().any(|name| header.name.eq_ignore_ascii_case(name))
            };
            if headers.iter().any(is_framing) {
                return Err(Refusal::TrailerField);
            }
            Ok(Some(len))
        }
        Ok(httparse::Status::Partial) => Ok(None),
        Err(error) => Err(refusal(error, config)),
    }
}

/// How many bytes of empty lines there are in front; `None` if there is nothing else yet.
#[inline]
fn empty_lines(bytes: &[u8]) -> Result<Option<usize>, Refusal> {
    let mut skipped = 0;
    loop {
        match bytes[skipped..] {
            [] | [b'\r'] => return Ok(None),
            [b'\r', b'\n', ..] if skipped < EMPTY_LINES_MAX * 2 => skipped += 2,
            [b'\r', b'\n', ..] => return Err(Refusal::FirstLine),
            [b'\r' | b'\n', ..] => return Err(Refusal::LineEnd),
            _ => return Ok(Some(skipped)),
        }
    }
}

/// Reads a request of one line: `GET` and a path.
#[cold]
fn request_0_9(line: &[u8], skipped: usize, into: &mut Request) -> Attempt {
    let Some(rest) = line.strip_prefix(b"GET /") else {
        return Err(Refusal::FirstLine);
    };
    let path_len = rest.iter().position(|byte| !matches!(byte, b'!'..=b'~')).unwrap_or(rest.len());
    match rest[path_len..] {
        [] | [b'\r'] => return Ok(None),
        [b'\r', b'\n', ..] => (),
        _ => return Err(Refusal::FirstLine),
    }
    *into = Request {
        method: Method::Get,
        method_at: offset(skipped),
        method_len: 3,
        target_len: offset(path_len + 1),
        version: Version::Http09,
        ..Request::unread()
    };
    Ok(Some(skipped + "GET /".len() + path_len + 2))
}

fn check_target(method: &str, target: &str) -> Result<(), Refusal> {
    let is_absolute = || {
        let starts =
            |scheme: &str| target.get(..scheme.len()).is_some_and(|start| start.eq_ignore_ascii_case(scheme));
        starts("http://") || starts("https://")
    };
    if method == "CONNECT" {
        Err(Refusal::Connect)
    } else if target.starts_with('/') || target == "*" && method == "OPTIONS" || is_absolute() {
        Ok(())
    } else {
        Err(Refusal::Target)
    }
}

/// Notes where the fields are, and what they say about the message.
#[inline]
fn fields(
    bytes: &[u8],
    headers: &[httparse::Header<'_>],
    positions: &mut Positions,
) -> Result<Facts, Refusal> {
    let mut facts = Facts::default();
    for header in headers {
        let name = header.name.as_ptr().addr() - bytes.as_ptr().addr();
        let after_colon = name + header.name.len() + 1;
        let value = match header.value {
            [] => after_colon,
            value => value.as_ptr().addr() - bytes.as_ptr().addr(),
        };
        // What was read allows for a line feed alone; whether that was used shows behind the value.
        let mut end = value + header.value.len();
        while let Some(b' ' | b'\t') = bytes.get(end) {
            end += 1;
        }
        if bytes.get(end) != Some(&b'\r') {
            return Err(Refusal::LineEnd);
        }
        positions.push(Position {
            name: offset(name),
            name_len: offset(header.name.len()),
            value: offset(value),
            value_len: offset(header.value.len()),
        });
        facts.note(header.name.as_bytes(), header.value)?;
    }
    Ok(facts)
}

/// A place within a head.
#[inline]
fn offset(at: usize) -> u16 {
    u16::try_from(at).expect("a head is no longer than its limit, which is a u16")
}

fn refusal(error: httparse::Error, config: &Config) -> Refusal {
    match error {
        httparse::Error::HeaderName => Refusal::FieldName,
        httparse::Error::HeaderValue => Refusal::FieldValue,
        httparse::Error::NewLine => Refusal::LineEnd,
        httparse::Error::TooManyHeaders => Refusal::TooManyFields { limit: config.fields_max() },
        httparse::Error::Version => Refusal::Version,
        httparse::Error::Status | httparse::Error::Token => Refusal::FirstLine,
    }
}
