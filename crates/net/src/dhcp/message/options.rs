//! [`Options`]: what a message says besides its header (RFC 2132).

use std::net::Ipv4Addr;

use smoltcp::wire::{DhcpOption, DhcpOptionWriter};

/// How many addresses one option is read for.
const ADDRESSES_MAX: usize = 16;

/// What a message says besides its header. What is absent is `None` or empty.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Options {
    /// The server that is meant, or that answers (54).
    pub server: Option<Ipv4Addr>,
    /// The address that the client would like (50).
    pub requested: Option<Ipv4Addr>,
    /// By which the server knows the client, if not by its card (61).
    pub client_id: Vec<u8>,
    /// What the client calls itself (12).
    pub host_name: String,
    /// The options that the client would like, by number (55).
    pub wanted: Vec<u8>,
    /// How many bytes the client takes (57).
    pub bytes_max: Option<u16>,
    /// For how many seconds the address is the client's (51).
    pub lease: Option<u32>,
    /// After how many seconds the client should ask this server to keep it (58).
    pub renew: Option<u32>,
    /// After how many seconds the client should ask any server to keep it (59).
    pub rebind: Option<u32>,
    /// How long the network's part of the address is, as a mask (1).
    pub mask: Option<Ipv4Addr>,
    /// The address for everybody on the network (28).
    pub broadcast: Option<Ipv4Addr>,
    /// The routers, the best first (3).
    pub routers: Vec<Ipv4Addr>,
    /// The name servers, the best first (6).
    pub name_servers: Vec<Ipv4Addr>,
    /// The domain of the network (15).
    pub domain: String,
    /// How large packets on the network may be (26).
    pub mtu: Option<u16>,
    /// Why the server denies (56).
    pub reason: String,
}

/// The numbers of options.
mod number {
    pub(super) const MASK: u8 = 1;
    pub(super) const ROUTERS: u8 = 3;
    pub(super) const NAME_SERVERS: u8 = 6;
    pub(super) const HOST_NAME: u8 = 12;
    pub(super) const DOMAIN: u8 = 15;
    pub(super) const MTU: u8 = 26;
    pub(super) const BROADCAST: u8 = 28;
    pub(super) const REQUESTED: u8 = 50;
    pub(super) const LEASE: u8 = 51;
    pub(super) const KIND: u8 = 53;
    pub(super) const SERVER: u8 = 54;
    pub(super) const WANTED: u8 = 55;
    pub(super) const REASON: u8 = 56;
    pub(super) const BYTES_MAX: u8 = 57;
    pub(super) const RENEW: u8 = 58;
    pub(super) const REBIND: u8 = 59;
    pub(super) const CLIENT_ID: u8 = 61;
}

/// The message's type, if it says, and its options. If an option comes twice, the first counts.
pub(super) fn parse<'a>(all: impl Iterator<Item = DhcpOption<'a>>) -> (Option<u8>, Options) {
    let (mut kind, mut options) = (None, Options::default());
    for DhcpOption { kind: number, data } in all {
        match (number, data) {
            (number::KIND, [value]) => kind = kind.or(Some(*value)),
            (number::SERVER, _) => options.server = options.server.or(address(data)),
            (number::REQUESTED, _) => options.requested = options.requested.or(address(data)),
            (number::MASK, _) => options.mask = options.mask.or(address(data)),
            (number::BROADCAST, _) => options.broadcast = options.broadcast.or(address(data)),
            (number::LEASE, _) => options.lease = options.lease.or(long(data)),
            (number::RENEW, _) => options.renew = options.renew.or(long(data)),
            (number::REBIND, _) => options.rebind = options.rebind.or(long(data)),
            (number::BYTES_MAX, _) => options.bytes_max = options.bytes_max.or(short(data)),
            (number::MTU, _) => options.mtu = options.mtu.or(short(data)),
            // An identifier of a client has at least two bytes (RFC 2132, section 9.14).
            (number::CLIENT_ID, [_, _, ..]) => first(&mut options.client_id, || data.to_vec()),
            (number::WANTED, _) => first(&mut options.wanted, || data.to_vec()),
            (number::ROUTERS, _) => first(&mut options.routers, || addresses(data)),
            (number::NAME_SERVERS, _) => first(&mut options.name_servers, || addresses(data)),
            (number::HOST_NAME, _) if options.host_name.is_empty() => options.host_name = text(data),
            (number::DOMAIN, _) if options.domain.is_empty() => options.domain = text(data),
            (number::REASON, _) if options.reason.is_empty() => options.reason = text(data),
            _ => {}
        }
    }
    (kind, options)
}

fn first<T>(list: &mut Vec<T>, read: impl FnOnce() -> Vec<T>) {
    if list.is_empty() {
        *list = read();
    }
}

fn address(data: &[u8]) -> Option<Ipv4Addr> {
    <[u8; 4]>::try_from(data).ok().map(Ipv4Addr::from)
}

fn addresses(data: &[u8]) -> Vec<Ipv4Addr> {
    data.chunks_exact(4).take(ADDRESSES_MAX).filter_map(address).collect()
}

fn long(data: &[u8]) -> Option<u32> {
    data.try_into().ok().map(u32::from_be_bytes)
}

fn short(data: &[u8]) -> Option<u16> {
    data.try_into().ok().map(u16::from_be_bytes)
}

/// A text as far as it can be shown; some clients end theirs with a zero.
fn text(data: &[u8]) -> String {
    data.iter()
        .take_while(|byte| **byte != 0)
        .filter(|byte| byte.is_ascii_graphic())
        .map(|byte| char::from(*byte))
        .collect()
}

/// The options in bytes, the end included, as many as there is room for. The most important come first.
pub(super) fn emit(kind: u8, options: &Options, bytes_max: usize) -> Vec<u8> {
    let mut bytes = vec![0; bytes_max];
    let mut room = bytes_max - 1;
    // The last byte of the room is for the end, which comes behind whatever fits.
    let mut writer = DhcpOptionWriter::new(&mut bytes);
    let mut put = |number: u8, data: &[u8]| {
        let data = &data[..data.len().min(255)];
        if !data.is_empty()
            && room >= 2 + data.len()
            && writer.emit(DhcpOption { kind: number, data }).is_ok()
        {
            room -= 2 + data.len();
        }
    };
    let octets = |address: &Ipv4Addr| address.octets();
    put(number::KIND, &[kind]);
    put(number::SERVER, options.server.as_ref().map(octets).as_ref().map_or(&[], |octets| &octets[..]));
    for (number, value) in
        [(number::LEASE, options.lease), (number::RENEW, options.renew), (number::REBIND, options.rebind)]
    {
        put(number, value.map(u32::to_be_bytes).as_ref().map_or(&[], |bytes| &bytes[..]));
    }
    for (number, value) in [
        (number::MASK, options.mask),
        (number::REQUESTED, options.requested),
        (number::BROADCAST, options.broadcast),
    ] {
        put(number, value.map(|address| address.octets()).as_ref().map_or(&[], |octets| &octets[..]));
    }
    for (number, list) in [(number::ROUTERS, &options.routers), (number::NAME_SERVERS, &options.name_servers)]
    {
        put(number, &list.iter().take(ADDRESSES_MAX).flat_map(octets).collect::<Vec<u8>>());
    }
    for (number, value) in [(number::MTU, options.mtu), (number::BYTES_MAX, options.bytes_max)] {
        put(number, value.map(u16::to_be_bytes).as_ref().map_or(&[], |bytes| &bytes[..]));
    }
    put(number::CLIENT_ID, &options.client_id);
    put(number::WANTED, &options.wanted);
    put(number::HOST_NAME, options.host_name.as_bytes());
    put(number::DOMAIN, options.domain.as_bytes());
    put(number::REASON, options.reason.as_bytes());
    let used = bytes_max - 1 - room;
    bytes.truncate(used);
    bytes.push(END);
    bytes
}

/// Ends the options.
const END: u8 = 255;
