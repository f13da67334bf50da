//! A small network of machines, and the host as its neighbour.
//!
//! Where the host lets us, an interface of its own leads into the network: `ping`, `dig` and `curl` reach machines that
//! exist only in this process. They run in a network namespace, so nothing of the host's network changes. Where the
//! host does not let us, an address of the host leads to a machine's web server instead, for which nobody has to be
//! asked.
//!
//! `cargo run --release --example tap`

use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, TcpStream};
use std::sync::Arc;

use ironloom_node::core::{MachineId, Rng, Seed, WallClock};
use ironloom_node::net::dns::{Authority, AuthorityConfig, AuthorityService, DeskConfig, Registry};
use ironloom_node::net::door::{Driver, Publish, TcpDoor};
use ironloom_node::net::fabric::{Config, MachineSpec, Place, StationId};
use ironloom_node::net::http::{File, FileServer, Files};
use ironloom_node::net::link::LinkProfile;
use ironloom_node::net::{Fabric, ipnet::Ipv4Net, switch};

type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;

const WEB: Ipv4Addr = Ipv4Addr::new(10, 20, 0, 80);
const NAMES: Ipv4Addr = Ipv4Addr::new(10, 20, 0, 53);
const GATEWAY: Ipv4Addr = Ipv4Addr::new(10, 20, 0, 254);

fn main() -> Result<()> {
    let network = Network::new()?;
    #[cfg(target_os = "linux")]
    match tap::attach(&network) {
        Ok((tap, namespace)) => return tap::look_around(network, tap, &namespace),
        Err(why) => println!("no interface leads into the network: {why}\n"),
    }
    publish(network)
}

/// Machines at a switch with a door.
struct Network {
    fabric: Fabric,
    switch: StationId,
    door: StationId,
    rng: Rng,
}

impl Network {
    fn new() -> Result<Self> {
        let mut fabric = Fabric::new(Config::default(), Seed::new(7));
        let switch = fabric.add_switch("switch", Place::Apart, switch::Config::default())?;
        let door = fabric.add_door("door", Place::Beside(switch))?;
        fabric.connect(switch, door, LinkProfile::default(), LinkProfile::default())?;
        let mut network = Self { fabric, switch, door, rng: Rng::new(Seed::new(8)) };

        let page = File { content: "hello from a machine\n".into(), kind: "text/plain".to_owned() };
        let files = Files::from([("/index.html".to_owned(), page)]);
        let web = network.add("web", WEB)?;
        network.fabric.serve(web, Box::new(FileServer::new(80, Arc::new(files))))?;

        let registry = Registry::new(Authority::new(AuthorityConfig::default()));
        registry.add_zone(&"lan.".parse()?, &"names.lan.".parse()?)?;
        registry.register(&"web.lan.".parse()?, &[WEB.into()], 60)?;
        let names = network.add("names", NAMES)?;
        network.fabric.serve(names, Box::new(AuthorityService::new(registry, DeskConfig::default())))?;
        Ok(network)
    }

    fn add(&mut self, name: &str, address: Ipv4Addr) -> Result<MachineId> {
        let id = MachineId::random(&mut self.rng);
        let address = Some(Ipv4Net::new(address, 24)?);
        self.fabric.add_machine(&MachineSpec { address, ..MachineSpec::new(id, name, self.switch) })?;
        Ok(id)
    }
}

/// Lets an address of the host lead to the web server, and fetches its page from there.
fn publish(mut network: Network) -> Result<()> {
    let gateway = network.add("gateway", GATEWAY)?;
    let publish = Publish::new(([127, 0, 0, 1], 0).into(), gateway, (WEB, 80).into());
    let usage = publish.usage.clone();
    let door = TcpDoor::bind(publish)?;
    let address = door.address()?;
    let mut driver = Driver::new(network.fabric, WallClock::start())?;
    driver.open(door)?;
    let running = driver.start()?;
    println!("{address} leads to {WEB}:80");
    let mut stream = TcpStream::connect(address)?;
    stream.write_all(b"GET / HTTP/1.1\r\nhost: web.lan\r\nconnection: close\r\n\r\n")?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    running.stop()?;
    println!("{answer}\n{} bytes in, {} bytes out", usage.bytes_in.value(), usage.bytes_out.value());
    Ok(())
}

/// Lets an interface of the host lead into the network, and looks around from there.
#[cfg(target_os = "linux")]
mod tap {
    use super::{Driver, NAMES, Network, Result, WEB, WallClock};
    use ironloom_node::net::door::{Tap, TapConfig, TapCounters};

    /// A network namespace, which goes when it is dropped.
    pub(crate) struct Namespace(String);

    /// An interface for a network and a namespace for the interface, if they can be had.
    pub(crate) fn attach(network: &Network) -> Result<(Tap, Namespace)> {
        let name = format!("il{}", std::process::id());
        let tap = Tap::open(&name, TapConfig::new(network.door))?;
        run(&format!("ip netns add {name}"))?;
        let namespace = Namespace(name.clone());
        run(&format!("ip link set {name} netns {name}"))?;
        namespace.run(&format!("ip address add 10.20.0.1/24 dev {name} && ip link set {name} up"))?;
        Ok((tap, namespace))
    }

    pub(crate) fn look_around(network: Network, tap: Tap, namespace: &Namespace) -> Result<()> {
        let TapCounters { frames_in, frames_out, .. } = tap.counters();
        let mut driver = Driver::new(network.fabric, WallClock::start())?;
        driver.open(tap)?;
        let running = driver.start()?;
        for line in [
            format!("ping -n -c 3 -i 0.2 -W 1 {WEB}"),
            format!("dig @{NAMES} +time=1 +noall +answer web.lan"),
            format!("curl -sS --max-time 2 http://{WEB}/"),
        ] {
            println!("$ {line}\n{}", namespace.run(&line).unwrap_or_else(|why| why.to_string()));
        }
        running.stop()?;
        println!("{} frames came in, {} went out", frames_in.value(), frames_out.value());
        Ok(())
    }

    impl Namespace {
        fn run(&self, line: &str) -> Result<String> {
            run(&format!("ip netns exec {} sh -c '{line}'", self.0))
        }
    }

    impl Drop for Namespace {
        fn drop(&mut self) {
            let _ = run(&format!("ip netns del {}", self.0));
        }
    }

    fn run(line: &str) -> Result<String> {
        let output = std::process::Command::new("sh").args(["-c", line]).output()?;
        let said = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        output.status.success().then(|| said(&output.stdout)).ok_or_else(|| said(&output.stderr).into())
    }
}
