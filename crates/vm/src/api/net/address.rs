//! Addresses and ports, as scripts say them.

use std::net::{IpAddr, SocketAddr};

use crate::Errno;
use crate::api::options;
use crate::luau::{Call, Kind, Stop};
use crate::machine::Machine;

/// Ports below this are root's.
const PRIVILEGED: u16 = 1024;

/// A port; 0 is any.
pub(super) fn port(call: &Call<'_>, place: u32) -> Result<u16, Stop> {
    u16::try_from(call.integer(place)?).map_err(|_| Errno::Invalid.into())
}

/// A port to listen on.
pub(super) fn own_port(call: &Call<'_>, machine: &Machine, place: u32) -> Result<u16, Stop> {
    let port = if call.is_nil(place) { 0 } else { port(call, place)? };
    if (1..PRIVILEGED).contains(&port) && !machine.process().who.is_root() {
        return Err(Errno::Access.into());
    }
    Ok(port)
}

/// An address in digits. Names are looked up before this.
pub(super) fn address(call: &Call<'_>, place: u32) -> Result<IpAddr, Stop> {
    call.text(place)?.parse().map_err(|_| Errno::UnknownHost.into())
}

/// An address and a port.
pub(super) fn remote(call: &Call<'_>, place: u32) -> Result<SocketAddr, Stop> {
    let (address, port) = (address(call, place)?, port(call, place + 1)?);
    if port == 0 { Err(Errno::Invalid.into()) } else { Ok((address, port).into()) }
}

/// The address to listen on: any, unless a table of options says which.
pub(super) fn local(call: &mut Call<'_>, options: u32, port: u16) -> Result<SocketAddr, Stop> {
    let host = match call.kind(options) {
        Kind::Table => options::bytes(call, options, c"host")?,
        _ => None,
    };
    let Some(host) = host else { return Ok((IpAddr::from([0, 0, 0, 0]), port).into()) };
    let host = String::from_utf8_lossy(&host);
    let host = if host == "localhost" { "127.0.0.1" } else { &host };
    let address: IpAddr = host.parse().map_err(|_| Errno::AddressNotAvailable)?;
    Ok((address, port).into())
}
