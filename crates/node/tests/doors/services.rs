//! Services in Rust.

use std::os::unix::net::UnixStream;
use std::process::Command as HostCommand;

use ironloom_node::http::Site;
use ironloom_node::prelude::*;
use ironloom_node::sched::{Context, Stream};

use super::stage::{Stage, ask, connect, is_turned_away};

fn curl(rest: &[&str]) -> String {
    let output = HostCommand::new("curl").args(["-sS", "-m", "50"]).args(rest).output().unwrap();
    assert!(output.status.success(), "{rest:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn a_site_answers_by_tcp_and_by_a_path() {
    let stage = Stage::new();
    let site = || Site::new().get("/", |_| "from Rust");
    let address = stage.listen("site", Listener::tcp("127.0.0.1:0").to_site(site()).connections_max(100));
    assert_eq!(curl(&[&format!("http://{address}/")]), "from Rust");
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("site");
    drop(std::os::unix::net::UnixListener::bind(&path).unwrap());
    stage.node.listen("path", Listener::unix(&path).to_site(site())).unwrap();
    assert_eq!(curl(&["--unix-socket", path.to_str().unwrap(), "http://site/"]), "from Rust");
    let counts = stage.until("site", |counts| counts.active == 0);
    assert_eq!((counts.accepted, counts.bytes_in), (1, None));
    assert!(stage.noted("\"GET /\" 200 9 ").contains(" site 127.0.0.1:"));
    stage.node.drain("path", Duration::from_secs(1)).wait().unwrap();
    assert!(!path.exists() && UnixStream::connect(&path).is_err());
}

#[test]
fn a_site_whose_handler_asks_a_machine() {
    let stage = Stage::new();
    let world = stage.node.ready().unwrap();
    // A handle of the node in its own site would keep it from ending.
    let site = Site::new().get("/machines", move |_| world.machines().join(" "));
    let address = stage.listen("site", Listener::tcp("127.0.0.1:0").to_site(site));
    assert_eq!(curl(&[&format!("http://{address}/machines")]), "desk web");
}

#[test]
fn who_may_not_come_is_not_served() {
    let stage = Stage::new();
    let at = || Listener::tcp("127.0.0.1:0");
    let closed = stage.listen("closed", at().to_site(Site::new().get("/", |_| "secret")).allow("10.0.0.0/8"));
    assert!(is_turned_away(connect(closed)));
    assert_eq!(stage.until("closed", |counts| counts.turned_away == 1).accepted, 0);

    let shout = async |_: Context<()>, mut stream: Stream| {
        while let Some(line) = stream.read_line(1_000).await? {
            stream.write(&line.to_ascii_uppercase()).await?;
        }
        stream.hang_up().await
    };
    let shouts = stage.listen("shouts", at().to_service(shout).connections_per_address_max(1));
    assert_eq!(ask(shouts, b"quiet\n"), b"QUIET");
    assert!(stage.noted(" shouts 127.0.0.1:").contains(" in - out - "));
    stage.until("shouts", |counts| counts.active == 0);
    let open = connect(shouts);
    stage.until("shouts", |counts| counts.active == 1);
    assert!(is_turned_away(connect(shouts)));
    assert_eq!(stage.until("shouts", |counts| counts.turned_away == 1).accepted, 2);
    assert!(stage.noted("shouts refused").contains("has 1 connections already"));
    drop(open);
}
