//! What `/proc/net` shows, in the rows that Linux writes.
//!
//! Whoever reads it needs the machine's network, which is lent: so it is written down before the file is read, and is
//! forgotten when the machine runs next. Of addresses of version 6 nothing is shown.

use std::fmt::Write as _;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use ironloom_net::stack::{SocketFacts, SocketState};

use crate::luau::Stop;
use crate::os::{NetworkView, resolve};

use super::Machine;

/// The rows of the tables of the network.
#[derive(Debug, Default)]
pub(crate) struct NetworkTables {
    neighbours: String,
    routes: String,
    tcp: String,
    udp: String,
    interfaces: String,
}

impl NetworkTables {
    /// The rows of a table.
    pub(super) fn rows(&self, table: NetworkView) -> &str {
        match table {
            NetworkView::Interfaces => &self.interfaces,
            NetworkView::Neighbours => &self.neighbours,
            NetworkView::Routes => &self.routes,
            NetworkView::Tcp => &self.tcp,
            NetworkView::Udp => &self.udp,
        }
    }
}

impl Machine {
    /// If a path leads to what `/proc` shows of the network, writes that down.
    ///
    /// # Errors
    ///
    /// [`Stop::Wait`] until the network is lent.
    pub(crate) fn look_at_network(&mut self, path: &[u8]) -> Result<(), Stop> {
        let may_be_meant = path.len() <= 256 && (path.starts_with(b"/proc") || !path.starts_with(b"/"));
        if !may_be_meant || !resolve(&self.process().cwd, path).starts_with(b"/proc/net/") {
            return Ok(());
        }
        let (_, sockets) = self.list_sockets()?;
        let mut tables = NetworkTables::default();
        let mut names = vec!["lo"];
        for neighbour in self.neighbours()? {
            let _ = writeln!(
                tables.neighbours,
                "{:<16} 0x1         0x2         {}     *        {}",
                neighbour.address, neighbour.mac, neighbour.interface
            );
        }
        for route in self.routes()? {
            route_row(&mut tables.routes, &route);
        }
        names.extend(self.has_network.then_some("eth0"));
        for name in names {
            // Cards do not count.
            let _ = writeln!(tables.interfaces, "{name:>6}:{}", "       0".repeat(16));
        }
        for (facts, pid) in sockets {
            let uid = pid.and_then(|pid| self.table.get(pid)).map_or(0, |process| process.who.uid);
            let is_tcp = facts.state != SocketState::Datagrams;
            let table = if is_tcp { &mut tables.tcp } else { &mut tables.udp };
            socket_row(table, &facts, uid);
        }
        self.table.network = Some(Box::new(tables));
        Ok(())
    }
}

/// An address of version 4 as these tables write it: the number that its bytes are in the memory of a small computer.
fn hex(address: Ipv4Addr) -> u32 {
    u32::from_le_bytes(address.octets())
}

fn route_row(table: &mut String, route: &super::network::RouteRow) {
    let (ipnet::IpNet::V4(network), gateway) = (route.network, route.gateway) else { return };
    let (gateway, flags) = match gateway {
        Some(IpAddr::V4(gateway)) => (hex(gateway), 3),
        _ => (0, 1),
    };
    let (destination, mask) = (hex(network.network()), hex(network.netmask()));
    let interface = route.interface;
    let _ = writeln!(
        table,
        "{interface}\t{destination:08X}\t{gateway:08X}\t{flags:04X}\t0\t0\t0\t{mask:08X}\t0\t0\t0"
    );
}

fn socket_row(table: &mut String, facts: &SocketFacts, uid: u32) {
    let nobody = SocketAddr::from(([0, 0, 0, 0], 0));
    let (SocketAddr::V4(local), SocketAddr::V4(remote)) = (facts.local, facts.remote.unwrap_or(nobody))
    else {
        return;
    };
    let number = table.lines().count();
    let state = match facts.state {
        SocketState::Established => 1,
        SocketState::SynSent => 2,
        SocketState::SynReceived => 3,
        SocketState::FinWait1 => 4,
        SocketState::FinWait2 => 5,
        SocketState::TimeWait => 6,
        SocketState::Datagrams if facts.remote.is_some() => 1,
        SocketState::Closed | SocketState::Datagrams => 7,
        SocketState::CloseWait => 8,
        SocketState::LastAck => 9,
        SocketState::Listen => 10,
        SocketState::Closing => 11,
    };
    let (local_address, local_port) = (hex(*local.ip()), local.port());
    let (remote_address, remote_port) = (hex(*remote.ip()), remote.port());
    let unread = facts.unread_bytes;
    let _ = write!(
        table,
        "{number:4}: {local_address:08X}:{local_port:04X} {remote_address:08X}:{remote_port:04X} {state:02X} \
         00000000:{unread:08X} 00:00000000 00000000 {uid:5}        0 0"
    );
    table.push_str(if facts.state == SocketState::Datagrams { " 2 0 0\n" } else { " 1 0\n" });
}
