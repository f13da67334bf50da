//! Questions as they come in, and replies as they go out: the edge between bytes and records.
//!
//! The formats are `hickory-proto`'s; what is decided here is how much of a message is looked at. A message whose
//! header promises more than a question may hold is refused before anything of it is decoded.

use hickory_proto::ProtoError;
use hickory_proto::op::{Edns, Header, HeaderCounts, Message, MessageType, Metadata, OpCode, Query};
use hickory_proto::op::{ResponseCode, emit_message_parts};
use hickory_proto::rr::{DNSClass, Name, RData, Record};
use hickory_proto::serialize::binary::{BinDecodable as _, BinDecoder, BinEncodable, BinEncoder};

/// How many bytes a header has.
const HEADER_BYTES: usize = 12;

/// How many bytes a reply over UDP may have for who did not say how many it takes (RFC 1035, section 4.2.1).
const UDP_BYTES_PLAIN: u16 = 512;

/// What a message travels over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Transport {
    /// Datagrams: a reply may have to be cut short.
    Udp,
    /// A stream of messages, each behind its length.
    Tcp,
}

/// How large messages may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MessageLimits {
    /// How many bytes a question may have.
    pub request_bytes_max: usize,
    /// How many records a question may carry besides what it asks.
    pub request_records_max: u16,
    /// How many bytes a reply over UDP may have, even if who asks takes more: datagrams that are cut into fragments
    /// are easily lost.
    pub udp_bytes_max: u16,
}

impl Default for MessageLimits {
    fn default() -> Self {
        Self { request_bytes_max: 4_096, request_records_max: 8, udp_bytes_max: 1_232 }
    }
}

/// A question that can be answered.
#[derive(Debug, Clone)]
pub(crate) struct Request {
    pub(crate) metadata: Metadata,
    pub(crate) query: Query,
    /// Whether who asks speaks EDNS; then it is answered with it.
    pub(crate) has_edns: bool,
    /// How many bytes the reply may have.
    pub(crate) reply_bytes_max: u16,
}

/// A message that is not a question to be answered.
#[derive(Debug)]
pub(crate) enum Unanswerable {
    /// It gets no reply: it is none that deserves one, or cannot be told from one.
    Silent,
    /// It gets this reply.
    Refused(Vec<u8>),
}

impl Request {
    /// Reads a question.
    pub(crate) fn read(
        bytes: &[u8],
        transport: Transport,
        limits: &MessageLimits,
    ) -> Result<Self, Unanswerable> {
        let mut decoder = BinDecoder::new(bytes);
        let Ok(Header { metadata, counts, .. }) = Header::read(&mut decoder) else {
            return Err(Unanswerable::Silent);
        };
        if metadata.message_type == MessageType::Response {
            // Two servers that answer each other's answers would never stop.
            return Err(Unanswerable::Silent);
        }
        let refuse = |code| Unanswerable::Refused(bare(&metadata, code));
        if metadata.op_code != OpCode::Query {
            return Err(refuse(ResponseCode::NotImp));
        }
        let malformed = || refuse(ResponseCode::FormErr);
        let is_sound = is_sound(&counts, limits) && bytes.len() <= limits.request_bytes_max;
        let query = is_sound.then(|| Query::read(&mut decoder)).and_then(Result::ok).ok_or_else(malformed)?;
        let records =
            Message::read_records(&mut decoder, usize::from(counts.additionals), true, OpCode::Query);
        let (_, edns, _) = records.map_err(|_| malformed())?;
        let (udp_bytes_max, has_edns) = match &edns {
            Some(edns) => (edns.max_payload().clamp(UDP_BYTES_PLAIN, limits.udp_bytes_max.max(512)), true),
            None => (UDP_BYTES_PLAIN, false),
        };
        let reply_bytes_max = if transport == Transport::Tcp { u16::MAX } else { udp_bytes_max };
        let request = Self { metadata, query, has_edns, reply_bytes_max };
        if edns.is_some_and(|edns| edns.version() > 0) {
            return Err(Unanswerable::Refused(Reply::new(ResponseCode::BADVERS).write(&request).bytes));
        }
        Ok(request)
    }
}

/// Whether the header is that of a question.
fn is_sound(counts: &HeaderCounts, limits: &MessageLimits) -> bool {
    counts.queries == 1
        && counts.answers == 0
        && counts.authorities == 0
        && counts.additionals <= limits.request_records_max
}

/// A reply that is a header only.
fn bare(request: &Metadata, code: ResponseCode) -> Vec<u8> {
    let mut metadata = Metadata::response_from_request(request);
    metadata.response_code = code;
    let counts = HeaderCounts::default();
    let mut bytes = Vec::with_capacity(HEADER_BYTES);
    let header = Header { metadata, counts };
    header.emit(&mut BinEncoder::new(&mut bytes)).expect("a header always fits");
    bytes
}

/// What is said to a question, borrowed from where it is kept.
#[derive(Debug)]
pub(crate) struct Reply<'a> {
    pub(crate) code: ResponseCode,
    pub(crate) is_authoritative: bool,
    pub(crate) is_recursive: bool,
    pub(crate) answers: Vec<Row<'a>>,
    pub(crate) authorities: Vec<Row<'a>>,
    pub(crate) additionals: Vec<Row<'a>>,
}

/// One record of a reply.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Row<'a> {
    pub(crate) name: &'a Name,
    pub(crate) ttl: u32,
    pub(crate) data: &'a RData,
}

/// A reply in bytes.
#[derive(Debug)]
pub(crate) struct Written {
    pub(crate) bytes: Vec<u8>,
    /// Whether the reply did not fit, so that who asks must ask again over TCP.
    pub(crate) is_truncated: bool,
}

impl Reply<'_> {
    /// A reply that says nothing but a code.
    pub(crate) fn new(code: ResponseCode) -> Self {
        Self {
            code,
            is_authoritative: false,
            is_recursive: false,
            answers: Vec::new(),
            authorities: Vec::new(),
            additionals: Vec::new(),
        }
    }

    /// The reply to a question, no larger than it may be. If it is too large it goes without the additional records
    /// first, which nobody must have. If that is not enough it goes without any, and says so (RFC 2181, section 9).
    pub(crate) fn write(&self, request: &Request) -> Written {
        let mut metadata = Metadata::response_from_request(&request.metadata);
        metadata.response_code = self.code;
        metadata.authoritative = self.is_authoritative;
        metadata.recursion_available = self.is_recursive;
        let whole = self.emit(request, &metadata, &self.answers, &self.authorities, &self.additionals);
        let is_referral = self.answers.is_empty() && !self.is_authoritative;
        let bytes = whole.or_else(|error| {
            // A referral is of no use without the addresses of those to whom it refers (RFC 9471).
            let is_optional = !is_referral && !self.additionals.is_empty();
            if is_optional {
                self.emit(request, &metadata, &self.answers, &self.authorities, &[])
            } else {
                Err(error)
            }
        });
        if let Ok(bytes) = bytes {
            return Written { bytes, is_truncated: false };
        }
        metadata.truncation = request.reply_bytes_max < u16::MAX;
        if !metadata.truncation {
            // Not even a stream carries it.
            metadata.response_code = ResponseCode::ServFail;
        }
        let bytes = self.emit(request, &metadata, &[], &[], &[]);
        let bytes = bytes.unwrap_or_else(|_| bare(&request.metadata, ResponseCode::ServFail));
        Written { bytes, is_truncated: metadata.truncation }
    }

    fn emit(
        &self,
        request: &Request,
        metadata: &Metadata,
        answers: &[Row<'_>],
        authorities: &[Row<'_>],
        additionals: &[Row<'_>],
    ) -> Result<Vec<u8>, ProtoError> {
        let mut bytes = Vec::with_capacity(256);
        let mut encoder = BinEncoder::new(&mut bytes);
        encoder.set_max_size(request.reply_bytes_max);
        let edns = request.has_edns.then(edns);
        let header = emit_message_parts(
            metadata,
            &mut std::iter::once(&request.query),
            &mut answers.iter(),
            &mut authorities.iter(),
            &mut additionals.iter(),
            edns.as_ref(),
            None,
            &mut encoder,
        )?;
        // The encoder leaves out what does not fit, and says so in the header.
        if header.metadata.truncation && !metadata.truncation {
            return Err(ProtoError::MaxBufferSizeExceeded(usize::from(request.reply_bytes_max)));
        }
        Ok(bytes)
    }
}

/// What is said of the messages that are taken here.
pub(crate) fn edns() -> Edns {
    let mut edns = Edns::new();
    edns.set_max_payload(MessageLimits::default().udp_bytes_max);
    edns
}

impl<'a> From<&'a Record> for Row<'a> {
    fn from(record: &'a Record) -> Self {
        Self { name: &record.name, ttl: record.ttl, data: &record.data }
    }
}

impl BinEncodable for Row<'_> {
    fn emit(&self, encoder: &mut BinEncoder<'_>) -> Result<(), ProtoError> {
        self.name.emit(encoder)?;
        self.data.record_type().emit(encoder)?;
        DNSClass::IN.emit(encoder)?;
        encoder.emit_u32(self.ttl)?;
        let place = encoder.place::<u16>()?;
        self.data.emit(encoder)?;
        let len = encoder.len_since_place(&place);
        let len =
            u16::try_from(len).map_err(|_| ProtoError::Message("more record data than a record can hold"))?;
        place.replace(encoder, len)
    }
}
