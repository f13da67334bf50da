//! An internet: ten thousand hosts in a hundred networks behind NATs look each other's names up and read each other's
//! pages, while links fail. The same seed prints the same digest.
//!
//! `cargo run --release --example internet`, or with a seed and how many seconds: `… --example internet 7 10`

use std::error::Error;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering::Relaxed};

use ironloom_node::core::{Clock, Duration, Instant, MachineId, Rng, Seed, WallClock};
use ironloom_node::net::dns::{self, Authority, AuthorityService, ClientConfig, LookupId, Name, RecordType};
use ironloom_node::net::dns::{Registry, Resolver, ResolverService, Upstream, View, Zone};
use ironloom_node::net::fabric::{CloudLink, Config, LinkId, MachineSpec, Place, RouterLink, StationId};
use ironloom_node::net::http::{self, ClientEvent, File, FileServer, Files};
use ironloom_node::net::link::{LinkProfile, Loss};
use ironloom_node::net::router::firewall::Protocol;
use ironloom_node::net::router::nat::{SourceRule, TargetRule};
use ironloom_node::net::{Fabric, Host, Readiness, Service, SocketId, router, switch};

const SITES: u8 = 100;
const HOSTS_PER_SITE: u8 = 100;
const NAME_SERVER: &str = "198.51.100.53";
const THREADS: u16 = 2;

/// What all browsers did so far.
#[derive(Default)]
struct Totals {
    read: AtomicU64,
    failed: AtomicU64,
    open: AtomicI64,
}

/// Thinks, picks a site, looks its name up, connects, reads a page, and begins again.
struct Browser {
    names: dns::Client,
    rng: Rng,
    totals: Arc<Totals>,
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

    fn think(&mut self, host: &mut Host<'_>) {
        let thinks = Duration::from_millis(self.rng.range(200..3_000));
        host.set_timer(host.now().saturating_add(thinks), Self::THINK);
    }

    fn choose(&mut self, host: &mut Host<'_>) {
        self.page += 1;
        self.site = format!("site-{}.example", self.rng.below(u64::from(SITES)));
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

/// The network, and what is needed to disturb it.
struct Internet {
    fabric: Fabric,
    rng: Rng,
    cloud: StationId,
    files: Arc<Files>,
    totals: Arc<Totals>,
    uplinks: Vec<LinkId>,
}

impl Internet {
    fn new(seed: Seed) -> Result<Self, Box<dyn Error>> {
        let config =
            Config { shards: THREADS, group_latency_min: Duration::from_millis(1), ..Config::default() };
        let mut fabric = Fabric::new(config, seed);
        let cloud = fabric.add_cloud("internet", Place::Apart)?;
        let page = File { content: vec![b'x'; 8 << 10].into(), kind: "text/plain".to_owned() };
        let files = Arc::new(Files::from([("/index.html".to_owned(), page)]));
        let (rng, totals) = (Rng::new(seed).split("internet", 0), Arc::default());
        let mut internet = Self { fabric, rng, cloud, files, totals, uplinks: Vec::new() };
        internet.name_server()?;
        for site in 0..SITES {
            internet.site(site)?;
        }
        Ok(internet)
    }

    /// A cable to the cloud: somewhere between a neighbour and another continent.
    fn far(&mut self) -> LinkProfile {
        let latency = Duration::from_micros(self.rng.range(2_000..40_000));
        let (jitter, loss) = (Duration::from_micros(200), Loss::Even { ppm: 1_000 });
        LinkProfile { latency, jitter, loss, rate: Some(1_000_000_000), ..LinkProfile::default() }
    }

    fn host(
        &mut self,
        name: &str,
        at: StationId,
        address: &str,
        gateway: &str,
    ) -> Result<MachineId, Box<dyn Error>> {
        let id = MachineId::random(&mut self.rng);
        let (address, gateway) = (Some(address.parse()?), Some(gateway.parse()?));
        self.fabric.add_machine(&MachineSpec { address, gateway, ..MachineSpec::new(id, name, at) })?;
        Ok(id)
    }

    /// One machine that knows the address of every site.
    fn name_server(&mut self) -> Result<(), Box<dyn Error>> {
        let sites: String = (0..SITES).map(|site| format!("site-{site} A 203.0.{site}.1\n")).collect();
        let text = format!("$TTL 300\n@ SOA ns host 1 2 3 4 60\n@ NS ns\nns A {NAME_SERVER}\n{sites}");
        let mut authority = Authority::new(dns::AuthorityConfig::default());
        authority.add(Zone::parse(&"example.".parse()?, text, &dns::ZoneText::default())?)?;
        let lan = self.fabric.add_switch("names", Place::Apart, switch::Config::default())?;
        let far = self.far();
        let uplink = CloudLink {
            forth: far,
            back: far,
            ..CloudLink::new(self.cloud, lan, "198.51.100.1/24".parse()?)
        };
        self.fabric.connect_cloud(&uplink)?;
        let id = self.host("ns", lan, &format!("{NAME_SERVER}/24"), "198.51.100.1")?;
        let service = AuthorityService::new(Registry::new(authority), dns::DeskConfig::default());
        Ok(self.fabric.serve(id, Box::new(service))?)
    }

    /// A network of a hundred hosts that share one address: a resolver, a web server, and those who browse.
    fn site(&mut self, site: u8) -> Result<(), Box<dyn Error>> {
        let router =
            self.fabric.add_router(&format!("nat-{site}"), Place::Apart, router::Config::default())?;
        let lan = self.fabric.add_switch(
            &format!("lan-{site}"),
            Place::Beside(router),
            switch::Config::default(),
        )?;
        self.fabric.connect_router(&RouterLink::new(router, lan, "192.168.0.1/16".parse()?))?;
        let (far, outside) = (self.far(), format!("203.0.{site}.1/31"));
        let uplink = CloudLink {
            address: Some(outside.parse()?),
            forth: far,
            back: far,
            ..CloudLink::new(self.cloud, router, format!("203.0.{site}.0/31").parse()?)
        };
        let link = self.fabric.connect_cloud(&uplink)?;
        let port = self.fabric.port_of(link, router).expect("it was just connected");
        self.uplinks.push(link);
        let nat = self.fabric.router(router)?.nat_mut();
        nat.add_source(SourceRule::masquerade("192.168.0.0/16".parse()?, port))?;
        nat.add_target(TargetRule {
            target: format!("203.0.{site}.1/32").parse()?,
            protocol: Some(Protocol::TCP),
            ports: 80..=80,
            input: None,
            to: "192.168.0.3".parse()?,
            to_port: None,
        })?;
        for number in 2..HOSTS_PER_SITE + 2 {
            let name = format!("host-{site}-{number}");
            let id = self.host(&name, lan, &format!("192.168.0.{number}/16"), "192.168.0.1")?;
            let service = self.service(number, u64::from(site) << 8 | u64::from(number));
            self.fabric.serve(id, service)?;
        }
        Ok(())
    }

    fn service(&self, number: u8, id: u64) -> Box<dyn Service> {
        let rng = self.rng.split("host", id);
        match number {
            2 => {
                let roots = vec![(Name::root(), NAME_SERVER.parse().expect("it is an address"))];
                let view = View { upstream: Upstream::Recurse { roots }, ..View::default() };
                let resolver = Resolver::new(dns::ResolverConfig::default(), vec![view], rng);
                Box::new(ResolverService::new(resolver, dns::DeskConfig::default()))
            }
            3 => Box::new(FileServer::new(80, Arc::clone(&self.files))),
            _ => {
                let servers = vec!["192.168.0.2:53".parse().expect("it is an address")];
                let config = ClientConfig { timer_token: u64::MAX, ..ClientConfig::new(servers) };
                let names = dns::Client::new(config, rng.split("names", 0));
                let (site, totals) = (String::new(), Arc::clone(&self.totals));
                Box::new(Browser { names, rng, totals, site, asked: None, connection: None, page: 0 })
            }
        }
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1).map(|argument| argument.parse::<u64>());
    let seed = Seed::new(arguments.next().transpose()?.unwrap_or(1));
    let seconds = arguments.next().transpose()?.unwrap_or(5);
    let clock = WallClock::start();
    let mut internet = Internet::new(seed)?;
    println!(
        "{} hosts in {SITES} networks, built in {} ms",
        internet.fabric.machines().count(),
        clock.now().as_nanos() / 1_000_000
    );
    println!("second   pages  failed    open  links down     frames  events/s  x real time");

    let (mut down, mut before, mut tally) = (Vec::<LinkId>::new(), clock.now(), internet.fabric.tally());
    for tick in 1..=10 * seconds {
        // Every tenth of a second a network is cut off, for half a second.
        let link = *internet.rng.choose(&internet.uplinks).expect("there are sites");
        if !down.contains(&link) {
            internet.fabric.set_cut(link, true)?;
            down.push(link);
        }
        if down.len() > 5 {
            internet.fabric.set_cut(down.remove(0), false)?;
        }
        internet.fabric.run_until_on(Instant::from_nanos(tick * 100_000_000), usize::from(THREADS));
        if tick % 10 == 0 {
            let (totals, now) = (&internet.totals, internet.fabric.tally());
            let took = clock.now().saturating_since(before).as_nanos().max(1);
            println!(
                "{:6} {:7} {:7} {:7} {:11} {:10} {:7.1} M {:12.1}",
                tick / 10,
                totals.read.load(Relaxed),
                totals.failed.load(Relaxed),
                totals.open.load(Relaxed),
                down.len(),
                now.events - now.wakes,
                (now.events - tally.events) as f64 * 1_000.0 / took as f64,
                1e9 / took as f64,
            );
            (before, tally) = (clock.now(), now);
        }
    }
    println!("digest {:032x}", internet.fabric.digest().expect("it keeps one"));
    Ok(())
}
