//! Somebody looks on: two web pages are asked for in a small office, what is on port 80 is written to a file that
//! Wireshark opens, and who talked to whom is printed.
//!
//! `cargo run --release --example capture`

use std::error::Error;
use std::fs::File;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;

use ironloom_node::core::metrics::Registry;
use ironloom_node::core::{Instant, Rng, Seed};
use ironloom_node::net::capture::{Capture, CaptureConfig, FlowLog, FlowLogConfig, Recorder};
use ironloom_node::net::fabric::{self, Output, PortMetrics};
use ironloom_node::net::http::{self, ClientEvent, FileServer, Files};
use ironloom_node::net::topology::Topology;

const OFFICE: &str = r#"
    [subnets.office]
    network = "10.1.0.0/24"

    [switches.lan]
    subnet = "office"

    [machines.web]
    at = "lan"
    plan = { down = "1 Gbps", up = "1 Gbps", latency = "1 ms" }

    [machines.desk]
    at = "lan"
    plan = { down = "50 Mbps", up = "10 Mbps", latency = "15 ms", loss = "1 %" }
"#;

fn main() -> Result<(), Box<dyn Error>> {
    let mut network = OFFICE.parse::<Topology>()?.build(fabric::Config::default(), Seed::new(7))?;
    let (web, desk) = (network.machines["web"], network.machines["desk"]);
    let fabric = &mut network.fabric;

    // A capture has a filter; a recorder taps the places that it watches, and names them.
    let path = std::env::temp_dir().join("ironloom-capture.pcapng");
    let config = CaptureConfig { filter: "tcp port 80".parse()?, ..CaptureConfig::default() };
    let mut recorder = Recorder::new(Capture::new(File::create(&path)?, config)?, fabric)?;
    recorder.watch_machine(fabric, desk.id)?;
    let mut flows = FlowLog::new(FlowLogConfig::default(), &mut Rng::new(Seed::new(8)));

    // A page of 40 KB, and somebody who asks for it, and for another on a port where nobody listens.
    let page = http::File { content: vec![b'x'; 40_000].into(), kind: "text/plain".to_owned() };
    let files = Files::from([("/index.html".to_owned(), page)]);
    fabric.serve(web.id, Box::new(FileServer::new(80, Arc::new(files))))?;
    let address = web.address.ok_or("the server has no address")?;
    let socket = fabric.host(desk.id, |host| host.connect((address, 80).into()))??;
    fabric.host(desk.id, |host| host.connect((address, 81).into()))??;

    let mut client = http::Client::new("web", http::Config::default());
    client.request("GET", "/", &[("accept", "text/plain")], &Default::default())?;
    let mut received = 0;
    for tick in 1..=1_000 {
        fabric.run_until(Instant::from_nanos(tick * 5_000_000));
        fabric.host(desk.id, |host| {
            let request = client.output();
            client.sent(host.send_payload(socket, request).unwrap_or(0));
            while let Ok(Some(bytes)) = host.receive_payload(socket, 64 << 10) {
                received += bytes.len();
                let _ = client.feed(&bytes);
                while let Some(event) = client.poll() {
                    if matches!(event, ClientEvent::End(_)) {
                        host.close(socket);
                    }
                }
            }
        })?;
        while let Some(output) = fabric.poll() {
            recorder.take(&output)?;
            if let Output::Captured { at, frame, .. } = &output {
                flows.note(*at, frame);
            }
        }
    }
    println!("{received} bytes were received, with the head of the answer");

    println!("\nwho talked to whom, in packets/bytes there and back:");
    flows.close();
    while let Some(flow) = flows.next_flow() {
        println!("  {flow}");
    }

    println!("\nwhat a scrape of the metrics would see of the desk's port:");
    let registry = Registry::new(100);
    let link = fabric.link_of(desk.id)?;
    let station = fabric.station_of(desk.id).ok_or("the desk is gone")?;
    PortMetrics::new(fabric, link, station, &registry.scope("net"))?.update(fabric)?;
    registry
        .openmetrics()
        .lines()
        .filter(|line| line.starts_with("net"))
        .for_each(|line| println!("  {line}"));

    let counts = recorder.counts();
    recorder.into_capture().finish()?;
    println!("\n{} frames in {}, {} were not of port 80", counts.frames, path.display(), counts.filtered);
    show(&path);
    Ok(())
}

/// What somebody else reads of the file.
fn show(path: &Path) {
    match Command::new("tshark").args(["-Nn", "-r"]).arg(path).output() {
        Ok(said) => {
            println!("what tshark says of the first of them:");
            String::from_utf8_lossy(&said.stdout).lines().take(8).for_each(|line| println!("  {line}"));
        }
        Err(_) => println!("tshark is not installed; Wireshark opens the file too"),
    }
}
