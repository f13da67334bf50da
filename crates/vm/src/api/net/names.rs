//! Questions and answers of the domain name system. Who asks whom, and how often, is in the prelude.

use ironloom_net::dns::wire_format::{DNSClass, Message, MessageType, OpCode, Query};
use ironloom_net::dns::{Name, RData, RecordType};

use crate::Errno;
use crate::luau::{Call, Stop};
use crate::machine::Machine;

/// What it costs to read a byte of an answer, in safepoints: a byte may stand for a whole name.
const ANSWER_SAFEPOINTS: u64 = 2;

/// A question as it is sent: `name`, `type`, number.
pub(super) fn question(call: &mut Call<'_>, _: &mut Machine) -> Result<u32, Stop> {
    let mut name: Name = call.text(1)?.parse().map_err(|_| Errno::UnknownHost)?;
    name.set_fqdn(true);
    let kind: RecordType = call.text(2)?.parse().map_err(|_| Errno::Invalid)?;
    let id = call.integer(3)? as u16;
    let mut message = Message::new(id, MessageType::Query, OpCode::Query);
    message.metadata.recursion_desired = true;
    let mut query = Query::query(name, kind);
    query.set_query_class(DNSClass::IN);
    message.add_query(query);
    let bytes = message.to_vec().map_err(|_| Errno::Invalid)?;
    Ok(call.give(&bytes))
}

/// What is in an answer: a table with its number, code, and records; `nil` if it is none.
pub(super) fn answer(call: &mut Call<'_>, _: &mut Machine) -> Result<u32, Stop> {
    let bytes = call.bytes(1)?;
    call.spend(ANSWER_SAFEPOINTS * bytes.len() as u64);
    let Ok(message) = Message::from_vec(bytes) else { return Err(Errno::Invalid.into()) };
    call.give_table(0, 6);
    call.set(c"id", message.metadata.id);
    call.set(c"is_answer", message.metadata.message_type == MessageType::Response);
    call.set(c"is_cut", message.metadata.truncation);
    call.set(c"code", &message.metadata.response_code.to_string());
    call.set(c"status", u16::from(message.metadata.response_code));
    call.give_table(message.answers.len() as u32, 0);
    for (number, record) in (1..).zip(&message.answers) {
        call.give_table(0, 4);
        call.set(c"name", &record.name.to_string());
        call.set(c"type", &record.record_type().to_string());
        call.set(c"ttl", record.ttl);
        match &record.data {
            RData::A(address) => call.set(c"data", &address.0.to_string()),
            RData::AAAA(address) => call.set(c"data", &address.0.to_string()),
            data => call.set(c"data", &data.to_string()),
        }
        call.push_given(number);
    }
    call.set_given(c"answers");
    Ok(1)
}
