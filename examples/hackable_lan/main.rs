//! A small company on a network: a web server, a database, a workstation, and a firewall between them and the world.
//! Somebody outside knows only a name, and gets in. All of them are machines whose programs are Luau scripts; the
//! firewall is a router of the network, which does what it was told, and that was not enough.
//!
//! `cargo run --release --example hackable_lan`

use std::error::Error;
use std::net::Ipv4Addr;

use ironloom_node::blob::tree::Attributes;
use ironloom_node::core::{Duration, Instant, Seed};
use ironloom_node::net::dns::{Authority, AuthorityConfig, AuthorityService, DeskConfig, Registry};
use ironloom_node::net::fabric::StationId;
use ironloom_node::net::router::firewall::Chain;
use ironloom_node::net::topology::{Network, Topology};
use ironloom_node::vm::os::console::Size;
use ironloom_node::vm::{Command, Config, ConsoleId, Image, MachineSpec, Machines};

const USER: u32 = 1_000;
const HOSTS: &str = "10.1.0.80 web\n10.2.0.5 db\n";
const PAGE: &str = r#"<h1>Loom & Sons, fine cloth</h1>
<form method="post" action="/cgi/staff">Whom do you want to speak to? <input name="name"></form>
"#;
const STAFF: &str =
    "Anna, orders, extension 12\nBruno, looms, extension 15\nHannah, accounts, extension 11\n";
const BACKUP: &str =
    "# site.conf of last year. TODO: delete\ndatabase db:5432, user web, password tangerine-7\n";
const CUSTOMERS: &str = "Ada, 12 Mill Lane, 400 m of linen\nEdsger, 3 Weir Road, 20 m of silk\n\
                         Grace, 7 Harbour Street, 60 m of felt\n";
const ORDERS: &str = "linen\nsilk\nfelt\n";

/// A file with its mode.
type File<'a> = (&'a str, u16, &'a str);

/// Makes a machine with these files, and starts its program on a console.
fn install(
    machines: &mut Machines,
    (name, at, address): (&str, StationId, [u8; 4]),
    files: &[File<'_>],
    command: &Command,
) -> Result<ConsoleId, Box<dyn Error>> {
    let mut tree = Image::base().tree().fork();
    for (path, mode, text) in files {
        let directory = path.rsplit_once('/').map_or("/", |(directory, _)| directory);
        if tree.stat(directory).is_err() {
            tree.mkdir(directory, Attributes::new(0o755, Instant::ZERO))?;
        }
        tree.put(*path, text.as_bytes(), Attributes::new(*mode, Instant::ZERO))?;
    }
    let [a, b, c, _] = address;
    let mut spec =
        MachineSpec::new(name, &Image::new(tree)).at(at, format!("{}/24", Ipv4Addr::from(address)).parse()?);
    spec.gateway = Some(Ipv4Addr::new(a, b, c, 1));
    let machine = machines.create(&spec)?;
    Ok(machines.open_console(machine, Size::default(), command)?)
}

/// Puts the company and the intruder on the network; their consoles.
fn inhabit(
    machines: &mut Machines,
    at: impl Fn(&str) -> StationId,
) -> Result<[(&'static str, ConsoleId); 4], Box<dyn Error>> {
    let website: [File<'_>; 5] = [
        ("/etc/hosts", 0o644, HOSTS),
        ("/var/www/index.html", 0o644, PAGE),
        ("/var/www/staff.txt", 0o644, STAFF),
        ("/var/www/cgi/staff.luau", 0o644, include_str!("staff.luau")),
        ("/var/backups/site.conf", 0o644, BACKUP),
    ];
    let database: [File<'_>; 4] = [
        ("/bin/database", 0o755, include_str!("database.luau")),
        ("/etc/database", 0o600, "web tangerine-7\nanna seven-lemons\n"),
        ("/var/db/customers", 0o600, CUSTOMERS),
        ("/var/db/orders", 0o600, ORDERS),
    ];
    let desk = [("/etc/hosts", 0o644, HOSTS), ("/bin/work", 0o755, include_str!("workstation.luau"))];
    let intruder = [
        ("/etc/resolv.conf", 0o644, "nameserver 198.51.100.53\n"),
        ("/bin/intrude", 0o755, include_str!("intruder.luau")),
    ];
    let (servers, office) = (at("servers"), at("office"));
    let httpd = Command::new("/bin/httpd").argument("-q").argument("-p").argument("8080").user(USER, USER);
    let work = Command::new("/bin/work").user(USER, USER);
    Ok([
        ("web", install(machines, ("web", servers, [10, 1, 0, 80]), &website, &httpd)?),
        (
            "database",
            install(machines, ("db", office, [10, 2, 0, 5]), &database, &Command::new("/bin/database"))?,
        ),
        ("desk", install(machines, ("desk", office, [10, 2, 0, 10]), &desk, &work)?),
        (
            "intruder",
            install(
                machines,
                ("attic", at("outside"), [198, 51, 100, 66]),
                &intruder,
                &Command::new("/bin/intrude"),
            )?,
        ),
    ])
}

/// Shows what was written on the consoles since this was asked last, line by line, with the time and who it was.
fn tell(machines: &mut Machines, consoles: &[(&str, ConsoleId)]) {
    for (name, console) in consoles {
        while let Ok(Some(seen)) = machines.see(*console, 64 << 10) {
            for line in String::from_utf8_lossy(&seen.bytes).lines() {
                let seconds = machines.now().as_nanos() as f64 / 1e9;
                println!("{seconds:7.3}  {name:>8}  {}", line.trim_end());
            }
        }
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let (config, seed) = (Config::default(), Seed::new(7));
    let topology: Topology = include_str!("network.toml").parse()?;
    let Network { mut fabric, stations, machines: fixed, .. } =
        topology.build(config.network.clone(), seed)?;
    let names = Registry::new(Authority::new(AuthorityConfig::default()));
    names.add_zone(&"loom.example.".parse()?, &"ns.loom.example.".parse()?)?;
    names.register(&"www.loom.example.".parse()?, &["203.0.113.1".parse()?], 300)?;
    fabric.serve(fixed["names"].id, Box::new(AuthorityService::new(names, DeskConfig::default())))?;

    let mut machines = Machines::on(fabric, config, seed);
    let consoles = inhabit(&mut machines, |name| stations[name])?;
    println!("A company behind a firewall, and somebody outside. In seconds:\n");
    let (_, intruder) = consoles[3];
    let midnight = machines.now().saturating_add(Duration::from_secs(120));
    machines.run_while(midnight, |machines| {
        tell(machines, &consoles);
        machines.is_console_open(intruder).unwrap_or(false)
    });

    println!("\nThe firewall did what it was told. Its rules, and the packets that each decided about:\n");
    let firewall = machines.fabric_mut().router(stations["firewall"])?.firewall();
    for ((_, rule, traffic), words) in firewall.rules(Chain::Forward).zip([
        "what belongs to something that was allowed",
        "to the web server, port 8080",
        "from the web server to the database, port 5432",
        "from the office",
        "everything else",
    ]) {
        println!("{:>6}  {:?}: {words}", traffic.packets, rule.verdict);
    }
    println!("\nThe third rule was for the web server, and not for whoever talks through it.");
    Ok(())
}
