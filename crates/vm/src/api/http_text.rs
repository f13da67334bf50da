//! The functions of `http` that only deal with text: messages that are there as a whole.
//!
//! They are for messages in datagrams and files: what follows the head is the body, however long the head says it is,
//! and lines may end in LF alone. Streams are read by `ironloom-net`'s strict machines.

mod message;
#[cfg(test)]
mod tests;

use message::{FIELDS_MAX, Head, Message, is_line, is_token};

use crate::Errno;
use crate::luau::{Call, Function, Kind, Stop};

/// The functions of the table.
pub(crate) const fn functions<H>() -> [Function<H>; 5] {
    [
        Function::new(c"build_request", build_request::<H>),
        Function::new(c"parse_request", parse_request::<H>),
        Function::new(c"build_response", build_response::<H>),
        Function::new(c"parse_response", parse_response::<H>),
        Function::new(c"normalize_request_path", normalize_request_path::<H>),
    ]
}

/// The path of a target: without blanks around it, without query and fragment, and with a `/` at its beginning.
pub(crate) fn path_of(target: &[u8]) -> Vec<u8> {
    let target = target.trim_ascii();
    let end = target.iter().position(|byte| matches!(byte, b'?' | b'#')).unwrap_or(target.len());
    let path = &target[..end];
    if path.starts_with(b"/") { path.to_vec() } else { [b"/", path].concat() }
}

/// `http.build_request(method, path, body?, headers?)`. A body goes with methods that take one.
fn build_request<H>(call: &mut Call<'_>, _: &mut H) -> Result<u32, Stop> {
    let (method, target) = (call.bytes(1)?, call.bytes(2)?);
    let body = call.optional(3, Call::bytes)?.unwrap_or_default();
    let fields = fields(call, 4)?;
    if !is_token(method) || !is_line(target) || target.contains(&b' ') || target.is_empty() {
        return Err(Stop::raise("the method or path has bytes that cannot be sent"));
    }
    let body = if matches!(method, b"GET" | b"HEAD" | b"DELETE") { &[][..] } else { body };
    let first = [method, b" ", target, b" HTTP/1.0"].concat();
    let text = message::write(&first, &fields, body, !body.is_empty());
    Ok(call.give(&text))
}

/// `http.build_response(status, body?, headers?)`.
fn build_response<H>(call: &mut Call<'_>, _: &mut H) -> Result<u32, Stop> {
    let status = call.integer(1)?;
    let body = call.optional(2, Call::bytes)?.unwrap_or_default();
    let fields = fields(call, 3)?;
    let status = u16::try_from(status).ok().filter(|status| (100..=999).contains(status));
    let status = status.ok_or_else(|| Stop::raise("a status is a number from 100 to 999"))?;
    let first = format!("HTTP/1.0 {status} {}", message::reason(status));
    let text = message::write(first.as_bytes(), &fields, body, true);
    Ok(call.give(&text))
}

/// `http.parse_request(data)`: `{method, path, headers, body}`.
fn parse_request<H>(call: &mut Call<'_>, _: &mut H) -> Result<u32, Stop> {
    let Some(Message { head: Head::Request { method, target }, fields, body }) =
        Message::read(call.bytes(1)?)
    else {
        return refuse(call, "not a request of HTTP");
    };
    call.give_table(0, 4);
    call.set(c"method", method);
    call.set(c"path", target);
    give_fields(call, &fields, body);
    Ok(1)
}

/// `http.parse_response(data)`: `{status, reason, headers, body}`.
fn parse_response<H>(call: &mut Call<'_>, _: &mut H) -> Result<u32, Stop> {
    let Some(Message { head: Head::Response { status, reason }, fields, body }) =
        Message::read(call.bytes(1)?)
    else {
        return refuse(call, "not a response of HTTP");
    };
    call.give_table(0, 4);
    call.set(c"status", status);
    call.set(c"reason", reason);
    give_fields(call, &fields, body);
    Ok(1)
}

fn normalize_request_path<H>(call: &mut Call<'_>, _: &mut H) -> Result<u32, Stop> {
    let path = path_of(call.bytes(1)?);
    Ok(call.give(&path))
}

fn refuse(call: &mut Call<'_>, message: &str) -> Result<u32, Stop> {
    Ok(call.give(((), message, Errno::Invalid.name())))
}

/// Sets `headers` and `body` of the table that was given last.
fn give_fields(call: &mut Call<'_>, fields: &[(&[u8], &[u8])], body: &[u8]) {
    call.give_table(fields.len() as u32, 0);
    for ((name, value), number) in fields.iter().zip(1..) {
        call.give_table(2, 0);
        call.push(1, *name);
        call.push(2, *value);
        call.push_given(number);
    }
    call.set_given(c"headers");
    call.set(c"body", body);
}

/// A name and its value.
type Field<'a> = (&'a [u8], &'a [u8]);

/// The fields that a script names: an array of `{name, value}`, or a table of values by name, which is sorted.
///
/// # Errors
///
/// If they cannot be sent.
pub(crate) fn fields<'a>(call: &mut Call<'a>, place: u32) -> Result<Vec<Field<'a>>, Stop> {
    let mut fields = Vec::new();
    if call.is_nil(place) {
        return Ok(fields);
    } else if call.kind(place) != Kind::Table {
        return Err(Stop::raise("headers are a table"));
    }
    // What is fetched stays on the stack, for numbers become text there.
    if call.length(place) > 0 {
        for number in 1..=call.length(place) {
            let pair = call.item(place, number);
            let (name, value) = (call.item(pair, 1), call.item(pair, 2));
            add(&mut fields, (text(call, name)?, text(call, value)?))?;
        }
    } else {
        let mut cursor = 0;
        while let Some((name, value)) = call.entry(place, &mut cursor) {
            add(&mut fields, (text(call, name)?, text(call, value)?))?;
        }
        fields.sort_unstable();
    }
    let can_be_sent = fields.iter().all(|(name, value)| is_token(name) && is_line(value));
    if can_be_sent { Ok(fields) } else { Err(Stop::raise("a header has bytes that cannot be sent")) }
}

fn add<'a>(fields: &mut Vec<(&'a [u8], &'a [u8])>, field: (&'a [u8], &'a [u8])) -> Result<(), Stop> {
    if fields.len() == FIELDS_MAX {
        return Err(Stop::raise(format!("there are more than {FIELDS_MAX} headers")));
    }
    fields.push(field);
    Ok(())
}

fn text<'a>(call: &Call<'a>, place: u32) -> Result<&'a [u8], Stop> {
    call.bytes(place).map_err(|_| Stop::raise("the name and value of a header are text"))
}
