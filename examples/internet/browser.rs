//! What the hosts do: a service that reads pages of sites that it knows by name only.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering::Relaxed};

use ironloom_node::core::{Duration, Rng};
use ironloom_node::net::dns::{self, ClientConfig, LookupId, Name, RecordType};
use ironloom_node::net::http::{self, ClientEvent};
use ironloom_node::net::{Host, Readiness, Service, SocketId};

/// What all browsers did so far.
#[derive(Default)]
pub(crate) struct Totals {
    pub(crate) read: AtomicU64,
    pub(crate) failed: AtomicU64,
    pub(crate) open: AtomicI64,
}

/// Thinks, picks a site, looks its name up, connects, reads a page, and begins again.
pub(crate) struct Browser {
    names: dns::Client,
    rng: Rng,
    totals: Arc<Totals>,
    /// How many sites there are.
    sites: u64,
    /// Which site it reads at present, what it asked for its address, and over what it reads.
    site: String,
    asked: Option<LookupId>,
    connection: Option<(SocketId, http::Client)>,
    /// How many pages it began; whoever has waited for one long enough goes by this.
    page: u64,
}

impl Browser {
    const THINK: u64 = 0;
    const PATIENCE: Duration = Duration::from_secs(2);

    /// A browser in a network where names are asked for at `resolver`, of an internet with so many sites.
    pub(crate) fn new(resolver: SocketAddr, sites: u64, rng: Rng, totals: Arc<Totals>) -> Self {
        let config = ClientConfig { timer_token: u64::MAX, ..ClientConfig::new(vec![resolver]) };
        let names = dns::Client::new(config, rng.split("names", 0));
        Self { names, rng, totals, sites, site: String::new(), asked: None, connection: None, page: 0 }
    }

    fn think(&mut self, host: &mut Host<'_>) {
        let thinks = Duration::from_millis(self.rng.range(200..3_000));
        host.set_timer(host.now().saturating_add(thinks), Self::THINK);
    }

    fn choose(&mut self, host: &mut Host<'_>) {
        self.page += 1;
        self.site = format!("site-{}.example", self.rng.below(self.sites));
        let name = Name::from_ascii(format!("{}.", self.site)).expect("it is a name");
        host.set_timer(host.now().saturating_add(Self::PATIENCE), self.page);
        self.asked = Some(self.names.look_up(host, &name, RecordType::A));
        self.connect(host);
    }

    /// Connects to the site, if its address was found.
    fn connect(&mut self, host: &mut Host<'_>) {
        while let Some((id, found)) = self.names.next_answer() {
            if self.asked != Some(id) {
                continue; // the answer comes too late
            }
            let address =
                found.ok().and_then(|records| records.iter().find_map(|record| record.data.ip_addr()));
            let Some(socket) = address.and_then(|address| host.connect((address, 80).into()).ok()) else {
                return self.finish(host, false);
            };
            let mut page = http::Client::new(&self.site, http::Config::default());
            page.request("GET", "/", &[], &Default::default()).expect("nothing else was asked");
            self.totals.open.fetch_add(1, Relaxed);
            self.connection = Some((socket, page));
        }
    }

    /// Sends the request and reads the page, as far as that is possible now.
    fn read(&mut self, host: &mut Host<'_>, readiness: Readiness) {
        let Some((socket, page)) = &mut self.connection else { return };
        let request = page.output();
        if !request.is_empty() && readiness.contains(Readiness::WRITABLE) {
            page.sent(host.send_payload(*socket, request).unwrap_or(0));
        }
        while let Ok(Some(payload)) = host.receive_payload(*socket, 64 << 10) {
            let is_last = payload.is_empty();
            if is_last || page.feed(&payload).is_err() {
                page.finish_input();
            }
            while let Some(event) = page.poll() {
                if matches!(event, ClientEvent::End(_) | ClientEvent::Refused(_)) {
                    return self.finish(host, matches!(event, ClientEvent::End(_)));
                }
            }
            if is_last {
                return self.finish(host, false);
            }
        }
        if readiness.contains(Readiness::OVER) {
            self.finish(host, false);
        }
    }

    fn finish(&mut self, host: &mut Host<'_>, is_read: bool) {
        if let Some((socket, _)) = self.connection.take() {
            host.close(socket);
            self.totals.open.fetch_add(-1, Relaxed);
        }
        (self.page, self.asked) = (self.page + 1, None);
        if is_read { &self.totals.read } else { &self.totals.failed }.fetch_add(1, Relaxed);
        self.think(host);
    }
}

impl Service for Browser {
    fn start(&mut self, host: &mut Host<'_>) {
        self.think(host);
    }

    fn ready(&mut self, host: &mut Host<'_>, socket: SocketId, readiness: Readiness) {
        if self.names.ready(host, socket, readiness) {
            self.connect(host);
        } else if self.connection.as_ref().is_some_and(|(mine, _)| *mine == socket) {
            self.read(host, readiness);
        }
    }

    fn timer(&mut self, host: &mut Host<'_>, token: u64) {
        if self.names.timer(host, token) {
            self.connect(host);
        } else if token == Self::THINK {
            self.choose(host);
        } else if token == self.page {
            self.finish(host, false);
        }
    }
}
