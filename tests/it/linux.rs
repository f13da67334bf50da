//! A computer with Debian's Linux, machines with Luau, and the host, on one network.
//!
//! The kernel and its initial file system come from `tests/guest/linux.sh`; where they cannot be had, a line says so.

mod outside;
mod world;

use std::io::{Read as _, Write as _};
use std::net::TcpStream;

use ironloom_node::core::{Duration, WallClock};
use ironloom_node::hyper::computer::Pause;
use ironloom_node::net::door::{Driver, Publish, Tap, TapConfig, TapCounters, TcpDoor};
use ironloom_node::vm::Command;

use outside::{Namespace, Server};
use world::World;

/// How long a wait for Linux may take, by its own clock.
const LIMIT: Duration = Duration::from_secs(120);

#[test]
fn linux_speaks_to_luau_machines_and_to_the_host() {
    let Some(mut world) = World::new() else { return };
    world.until_prompt(LIMIT);
    assert!(world.text().contains("udhcpc: eth0 has 10.0.0.100"), "{}", world.text());
    // So wide that the shell does not wrap what is typed.
    world.run("stty cols 500");

    // A page of a Luau machine for Linux, and one of Linux for a Luau machine.
    assert_eq!(world.run("wget -q -O - http://10.0.0.2/hello"), "Luau answers GET /hello\n");
    assert_eq!(
        world.run("wget -q -O - http://10.0.0.2/long | md5sum"),
        world.run("yes 'a line' | head -n 50000 | md5sum")
    );
    world.run("mkdir /tmp/www && echo 'a page of Linux' > /tmp/www/index.html");
    world.run("yes 'another line' | head -n 50000 > /tmp/www/long && httpd -h /tmp/www");
    let fetch = "local r = assert(http.get('http://10.0.0.100/')) io.write(r.status, ' ', r.body)";
    let fetch = Command::new("/bin/lua").argument("-e").argument(fetch);
    assert_eq!(world.run_luau(&fetch), "200 a page of Linux\n");

    let world = the_host_reaches_linux(world);
    let mut world = linux_reaches_the_host(world);

    world.type_in("poweroff -f\n");
    assert!(matches!(world.until_ended(LIMIT), Pause::Ended(_)), "{}", world.text());
    assert_eq!(world.dropped(), 0);
}

/// The host fetches pages of Linux from a port of its own.
fn the_host_reaches_linux(world: World) -> World {
    let gateway = world.gateway();
    let any = "127.0.0.1:0".parse().unwrap();
    let publish = Publish::new(any, gateway, ([10, 0, 0, 100], 80).into());
    let usage = publish.usage.clone();
    let door = TcpDoor::bind(publish).unwrap();
    let address = door.address().unwrap();
    let clock = WallClock::starting_at(world.now());
    let mut driver = Driver::new(world, clock).unwrap();
    driver.open(door).unwrap();
    let running = driver.start().unwrap();
    let get = |path: &str| {
        let mut stream = TcpStream::connect(address).unwrap();
        stream.set_read_timeout(Some(std::time::Duration::from_secs(60))).unwrap();
        write!(stream, "GET {path} HTTP/1.0\r\n\r\n").unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    };
    let page = get("/");
    assert!(page.starts_with("HTTP/1.") && page.ends_with("\r\n\r\na page of Linux\n"), "{page}");
    let long = get("/long");
    assert_eq!(long.split_once("\r\n\r\n").unwrap().1, "another line\n".repeat(50_000));
    let mut driver = running.stop().unwrap();
    assert_eq!(usage.connections.value(), 2);
    std::mem::replace(driver.driven(), World::nowhere())
}

/// Linux fetches pages from a server of the host, on the other side of an interface.
fn linux_reaches_the_host(world: World) -> World {
    let name = format!("illinux{}", std::process::id());
    let tap = match Tap::open(&name, TapConfig::new(world.outdoors())) {
        Ok(tap) => tap,
        Err(error) => {
            println!("skipped: {error}");
            return world;
        }
    };
    let Some(namespace) = Namespace::new("ironloom-linux") else { return world };
    namespace.adopt(&name, "10.0.0.200/24");
    let page = "a page of the host\n".repeat(10_000);
    let Some(_server) = Server::start(&namespace, &page) else { return world };
    let TapCounters { frames_in, malformed, .. } = tap.counters();
    let clock = WallClock::starting_at(world.now());
    let mut driver = Driver::new(world, clock).unwrap();
    driver.open(tap).unwrap();
    // The server may need a while until it listens.
    let fetch = "until wget -q -O /tmp/page http://10.0.0.200:8000/page 2>/dev/null; do sleep 0.2; done; md5sum < /tmp/page";
    let sum = run(&mut driver, fetch);
    assert_eq!(sum, run(&mut driver, "yes 'a page of the host' | head -n 10000 | md5sum"));
    assert!(frames_in.value() > 0);
    assert_eq!(malformed.value(), 0);
    std::mem::replace(driver.driven(), World::nowhere())
}

/// Lets Linux run a line while the world keeps step with a clock.
fn run(driver: &mut Driver<World>, line: &str) -> String {
    driver.driven().begin(line);
    let deadline = driver.driven().now().saturating_add(LIMIT);
    loop {
        if let Some(said) = driver.driven().finished() {
            return said;
        }
        driver.turn(Duration::from_millis(1)).unwrap();
        let world = driver.driven();
        assert!(world.now() < deadline, "no end of {line:?} in:\n{}", world.text());
    }
}
