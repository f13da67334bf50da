//! An internet: ten thousand hosts in a hundred networks behind NATs look each other's names up and read each other's
//! pages, while links fail. The same seed prints the same digest.
//!
//! `cargo run --release --example internet`, or with a seed and how many seconds: `… --example internet 7 10`

mod browser;

use std::error::Error;
use std::fmt::Write as _;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

use browser::{Browser, Totals};
use ironloom_node::core::{Clock, Duration, Instant, Rng, Seed, WallClock};
use ironloom_node::net::dns::{self, Authority, AuthorityService, Name, Registry, Zone};
use ironloom_node::net::dns::{Resolver, ResolverService, Upstream, View};
use ironloom_node::net::fabric::{Config, LinkId};
use ironloom_node::net::http::{File, FileServer, Files};
use ironloom_node::net::topology::{Network, Topology};
use ironloom_node::net::{Port, Service};

const SITES: u64 = 100;
const THREADS: u16 = 2;

/// A name server somewhere, and networks of a hundred hosts that share one address: a resolver, a web server, and those
/// who browse.
fn describe(rng: &mut Rng) -> String {
    let mut text = r#"
        [clouds.internet]
        interfaces = [{ to = "names" }]
        [subnets.names]
        network = "198.51.100.0/24"
        [switches.names]
        subnet = "names"
        [machines.ns]
        at = "names"
        address = "198.51.100.53"
    "#
    .to_owned();
    for site in 0..SITES {
        let latency = rng.range(2..40);
        let _ = write!(
            text,
            r#"
            [subnets.lan-{site}]
            network = "192.168.0.0/16"
            [switches.lan-{site}]
            subnet = "lan-{site}"
            [routers.nat-{site}]
            forwards = [{{ protocol = "tcp", port = 80, to = "192.168.0.3" }}]
            [[routers.nat-{site}.interfaces]]
            to = "lan-{site}"
            [[routers.nat-{site}.interfaces]]
            to = "internet"
            address = "203.0.{site}.1/31"
            peer = "203.0.{site}.0/31"
            masquerade = true
            plan = {{ down = "1 Gbps", up = "1 Gbps", latency = "{latency} ms", jitter = "100 us", loss = "0.1 %" }}
            [machines.resolver-{site}]
            at = "lan-{site}"
            address = "192.168.0.2"
            [machines.web-{site}]
            at = "lan-{site}"
            address = "192.168.0.3"
            [machines.desk-{site}]
            at = "lan-{site}"
            count = 98
            "#
        );
    }
    text
}

/// Gives every machine something to do, by its name.
fn inhabit(network: &mut Network, rng: &Rng, totals: &Arc<Totals>) -> Result<(), Box<dyn Error>> {
    let page = File { content: vec![b'x'; 8 << 10].into(), kind: "text/plain".to_owned() };
    let files = Arc::new(Files::from([("/index.html".to_owned(), page)]));
    let sites: String = (0..SITES).map(|site| format!("site-{site} A 203.0.{site}.1\n")).collect();
    let zone = format!("$TTL 300\n@ SOA ns host 1 2 3 4 60\n@ NS ns\nns A 198.51.100.53\n{sites}");
    let zone = Zone::parse(&"example.".parse()?, zone, &dns::ZoneText::default())?;
    let mut authority = Authority::new(dns::AuthorityConfig::default());
    authority.add(zone)?;
    let names = Registry::new(authority);
    for (name, machine) in &network.machines {
        let rng = rng.split(name, 0);
        let service: Box<dyn Service> = match name.split('-').next() {
            Some("ns") => Box::new(AuthorityService::new(names.clone(), dns::DeskConfig::default())),
            Some("resolver") => {
                let roots = vec![(Name::root(), "198.51.100.53".parse()?)];
                let view = View { upstream: Upstream::Recurse { roots }, ..View::default() };
                let resolver = Resolver::new(dns::ResolverConfig::default(), vec![view], rng);
                Box::new(ResolverService::new(resolver, dns::DeskConfig::default()))
            }
            Some("web") => Box::new(FileServer::new(80, Arc::clone(&files))),
            _ => Box::new(Browser::new("192.168.0.2:53".parse()?, SITES, rng, Arc::clone(totals))),
        };
        network.fabric.serve(machine.id, service)?;
    }
    Ok(())
}

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1).map(|argument| argument.parse::<u64>());
    let seed = Seed::new(arguments.next().transpose()?.unwrap_or(1));
    let seconds = arguments.next().transpose()?.unwrap_or(5);
    let (clock, mut rng, totals) = (WallClock::start(), Rng::new(seed), Arc::default());

    let config = Config { shards: THREADS, group_latency_min: Duration::from_millis(1), ..Config::default() };
    let mut network = describe(&mut rng).parse::<Topology>()?.build(config, seed)?;
    inhabit(&mut network, &rng, &totals)?;
    let built = clock.now();
    println!("{} machines, built in {} ms", network.machines.len(), built.as_nanos() / 1_000_000);
    let fabric = &mut network.fabric;
    let routers = network.stations.iter().filter(|(name, _)| name.starts_with("nat-"));
    let uplinks: Vec<LinkId> =
        routers.filter_map(|(_, router)| fabric.link_at(*router, Port::new(1))).collect();

    println!("second    read  failed    open  links down      frames  events/s  x real time");
    let (mut down, mut then, mut before) = (Vec::new(), built, fabric.tally());
    for tick in 1..=10 * seconds {
        // Every tenth of a second a network is cut off, for three tenths.
        let link = *rng.choose(&uplinks).ok_or("there are no sites")?;
        if !down.contains(&link) {
            fabric.set_cut(link, true)?;
            down.push(link);
        }
        if down.len() > 3 {
            fabric.set_cut(down.remove(0), false)?;
        }
        fabric.run_until_on(Instant::from_nanos(tick * 100_000_000), usize::from(THREADS));
        if tick % 10 == 0 {
            let (now, tally) = (clock.now(), fabric.tally());
            let took = now.saturating_since(then).as_nanos().max(1) as f64;
            println!(
                "{:6} {:7} {:7} {:7} {:11} {:11} {:7.1} M {:12.1}",
                tick / 10,
                totals.read.load(Relaxed),
                totals.failed.load(Relaxed),
                totals.open.load(Relaxed),
                down.len(),
                tally.events - tally.wakes,
                (tally.events - before.events) as f64 * 1e3 / took,
                1e9 / took,
            );
            (then, before) = (now, tally);
        }
    }
    println!("digest {:032x}", fabric.digest().ok_or("no digest was kept")?);
    Ok(())
}
