//! Listeners of descriptions.

use std::net::TcpListener;

use ironloom_node::doors::ListenError;
use ironloom_node::prelude::*;
use ironloom_node::{NodeError, core};

use super::stage::ask;

const TOWN: &str = r#"
machines.desk.count = 2
[machines.web]
at = "lan"
runs = ["httpd -q -p 80"]
files = { "/var/www/index.html" = "hello" }
[subnets.office]
network = "10.1.0.0/24"
[switches.lan]
subnet = "office"
[listeners.shop]
at = "127.0.0.1:0"
to = "web:80"
allow = ["127.0.0.0/8", "::1/128"]
connections_max = 10
connections_per_address_max = 5
[listeners.echo]
at = "127.0.0.1:0"
machine = "desk-2"
runs = "tr a-z A-Z"
"#;

fn check(node: &Node) {
    let listeners = node.listeners();
    let at = |number: usize| listeners[number].address.tcp().unwrap();
    assert_eq!((&*listeners[0].name, &*listeners[1].name), ("echo", "shop"));
    assert_eq!(ask(at(0), b"hello"), b"HELLO");
    let page = ask(at(1), b"GET / HTTP/1.0\r\n\r\n");
    assert!(page.ends_with(b"\r\n\r\nhello"), "{}", String::from_utf8_lossy(&page));
}

#[test]
fn a_node_listens_where_its_description_says() {
    let description: Description = TOWN.parse().unwrap();
    let world = World::new(&description).unwrap();
    assert_eq!(world.exec("desk-1", "echo in virtual time").wait().unwrap().text(), "in virtual time\n");
    for _ in 0..2 {
        // A world that was stopped can be started again.
        check(&Node::start(world.clone()).unwrap());
    }
    let launched = Node::launch(description.clone()).unwrap();
    launched.ready().unwrap();
    check(&launched);
    let bytes = core::borsh::to_vec(&description).unwrap();
    assert_eq!(core::borsh::from_slice::<Description>(&bytes).unwrap(), description);
}

#[test]
fn what_is_wrong_is_told_with_its_line() {
    let wrong = |from: &str, to: &str| {
        assert!(TOWN.contains(from), "{from}");
        let description: Description = TOWN.replacen(from, to, 1).parse().unwrap();
        World::new(&description).unwrap_err().to_string()
    };
    let check = |error: String, expected: &str| assert!(error.starts_with(expected), "{error}");
    check(
        wrong("web:80", "wev:80"),
        "line 13: listeners.shop.to: there is no machine named `wev`: is it `web`? there are desk-1, desk-2, web",
    );
    check(wrong("desk-2\"", "desk\""), "line 19: listeners.echo.machine: there is no machine named `desk`");
    check(wrong("web:80", "web"), "line 13: listeners.shop.to: `web` is no port of a machine");
    check(wrong("web:80", "web:0"), "line 13: listeners.shop.to: `web:0` is no port of a machine");
    check(wrong("::1/128", "home"), "line 14: listeners.shop.allow[1]: `home` is no network");
    check(wrong("at = \"127.0.0.1:0\"", "at = \"here\""), "line 12: listeners.shop.at: `here` is no address");
    check(wrong("runs = \"tr a-z A-Z\"", ""), "line 17: listeners.echo: say `to");
    check(
        wrong("machine = \"desk-2\"", "machine = \"desk-2\"\nto = \"web:80\""),
        "line 17: listeners.echo: say `to",
    );
    let unknown = TOWN.replace("connections_max = 10", "connections = 10").parse::<Description>();
    assert!(unknown.unwrap_err().to_string().contains("connections_max"));
}

#[test]
fn a_place_that_is_taken_is_told_by_who_starts_the_node() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let at = taken.local_addr().unwrap().to_string();
    let describe = || {
        let builder = World::builder(1).machine("desk", |desk| desk);
        builder.listener("echo", &at, |echo| echo.to_command("desk", "cat")).describe().unwrap()
    };
    let world = World::new(&describe()).unwrap();
    let error = Node::start(world.clone()).unwrap_err();
    assert!(error.to_string().starts_with("listener `echo`: somebody listens at 127.0.0.1:"), "{error}");
    let launched = Node::launch(describe()).unwrap();
    let told = launched.ready().unwrap_err();
    assert!(matches!(told, NodeError::Listen { error: ListenError::InUse { .. }, .. }), "{told}");
    assert!(matches!(launched.exec("desk", "true").wait(), Err(OrderError::Stopped)));
    drop(taken);
    // Nothing happened to the world.
    assert_eq!(world.exec("desk", "echo well").wait().unwrap().text(), "well\n");
    let node = Node::start(world).unwrap();
    assert_eq!(ask(at.parse().unwrap(), b"hello"), b"hello");
    drop(node);
}

#[test]
fn what_is_drawn_wrongly_is_told_too() {
    let drawn = World::builder(1)
        .machine("desk", |desk| desk)
        .listener("echo", "unix:", |echo| echo.to_command("desk", "cat"))
        .build();
    let error = drawn.unwrap_err().to_string();
    assert!(
        error.starts_with("listeners.echo.at: `unix:` is no address to listen at: write `127"),
        "{error}"
    );
    let error = World::builder(1).listener("echo", "[::1]:7", |echo| echo.to_port("web", 7)).build();
    assert_eq!(
        error.unwrap_err().to_string(),
        "listeners.echo.to: there is no machine named `web`: there are none"
    );
}
