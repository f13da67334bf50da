//! What is recorded of a fabric, where, and under which names.

use std::borrow::Cow;

use ironloom_core::metrics::Registry;
use ironloom_core::{Duration, Instant, MachineId, Rng, Seed};
use pcap_file::pcapng::blocks::interface_description::InterfaceDescriptionOption;
use pcap_file::pcapng::blocks::name_resolution::Record;
use pcap_file::pcapng::{Block, PcapNgReader};

use crate::capture::{Capture, CaptureConfig, FlowLog, FlowLogConfig, Recorder};
use crate::fabric::{Config, FabricMetrics, LinkId, MachineSpec, Output, Place, Point, PortMetrics};
use crate::link::LinkProfile;
use crate::{Fabric, switch};

/// Two machines at a switch, a millisecond away from it each, and the link of each.
struct Office {
    fabric: Fabric,
    web: MachineId,
    desk: MachineId,
    links: [LinkId; 2],
}

impl Office {
    fn new() -> Self {
        let mut fabric = Fabric::new(Config::default(), Seed::new(1));
        let lan = fabric.add_switch("lan", Place::Apart, switch::Config::default()).unwrap();
        let mut rng = Rng::new(Seed::new(2));
        let profile = LinkProfile { latency: Duration::from_millis(1), ..LinkProfile::default() };
        let ids = [("web", "10.0.0.1/24"), ("desk", "10.0.0.2/24")].map(|(name, address)| {
            let id = MachineId::random(&mut rng);
            let address = Some(address.parse().unwrap());
            let (down, up) = (profile, profile);
            fabric
                .add_machine(&MachineSpec { address, down, up, ..MachineSpec::new(id, name, lan) })
                .unwrap();
            id
        });
        let links = ids.map(|id| fabric.link_of(id).unwrap());
        Self { fabric, web: ids[0], desk: ids[1], links }
    }

    /// The desk asks for a page on two ports, one of which nobody listens on.
    fn browse(&mut self) -> Vec<Output> {
        self.fabric.host(self.web, |host| host.listen("0.0.0.0:80".parse().unwrap(), 8).unwrap()).unwrap();
        for port in [80, 81] {
            let to = std::net::SocketAddr::from(([10, 0, 0, 1], port));
            self.fabric.host(self.desk, |host| host.connect(to).unwrap()).unwrap();
        }
        self.fabric.run_until(Instant::from_nanos(100_000_000));
        std::iter::from_fn(|| self.fabric.poll()).collect()
    }
}

/// What a file says: the names of its interfaces, the names of addresses, and of each frame when and where it was seen.
struct File {
    interfaces: Vec<String>,
    names: Vec<(Vec<u8>, String)>,
    frames: Vec<(u64, u32)>,
}

impl File {
    fn of(recorder: Recorder<Vec<u8>>) -> Self {
        let bytes = recorder.into_capture().finish().unwrap();
        let mut file = Self { interfaces: Vec::new(), names: Vec::new(), frames: Vec::new() };
        let mut reader = PcapNgReader::new(&bytes[..]).unwrap();
        while let Some(block) = reader.next_block() {
            match block.unwrap() {
                Block::InterfaceDescription(block) => {
                    let names = block.options.iter().filter_map(|option| match option {
                        InterfaceDescriptionOption::IfName(name) => Some(name.to_string()),
                        _ => None,
                    });
                    file.interfaces.extend(names);
                }
                Block::NameResolution(block) => file.names.extend(block.records.iter().map(|record| {
                    let Record::Ipv4(record) = record else { panic!("{record:?}") };
                    (record.ip_addr.to_vec(), record.names.iter().map(Cow::to_string).collect())
                })),
                Block::EnhancedPacket(block) => {
                    file.frames.push((block.timestamp.as_nanos() as u64, block.interface_id));
                }
                other => panic!("{other:?}"),
            }
        }
        file
    }
}

fn recorder(office: &Office, filter: &str) -> Recorder<Vec<u8>> {
    let config = CaptureConfig { filter: filter.parse().unwrap(), ..CaptureConfig::default() };
    Recorder::new(Capture::new(Vec::new(), config).unwrap(), &office.fabric).unwrap()
}

const MILLISECOND: u64 = 1_000_000;

#[test]
fn a_port_shows_what_a_machine_sends_and_what_reaches_it() {
    let mut office = Office::new();
    let mut recorder = recorder(&office, "port 80");
    recorder.watch_machine(&mut office.fabric, office.web).unwrap();
    for output in office.browse() {
        recorder.take(&output).unwrap();
    }
    let file = File::of(recorder);
    assert_eq!(file.interfaces, ["web.eth0"]);
    let names = [(vec![10, 0, 0, 1], "web".to_owned()), (vec![10, 0, 0, 2], "desk".to_owned())];
    assert_eq!(file.names, names);
    // A question for the card and its answer first; then the connection request arrives, is answered at once, and
    // acknowledged after the way there and back.
    let begin = file.frames[0].0;
    assert_eq!(begin % MILLISECOND, 0);
    let times: Vec<u64> = file.frames.iter().map(|(at, _)| (at - begin) / MILLISECOND).collect();
    assert_eq!(times, [0, 0, 4]);
}

#[test]
fn a_link_shows_what_is_put_on_it_and_places_are_told_apart() {
    let mut office = Office::new();
    let mut recorder = recorder(&office, "tcp");
    recorder.watch_link(&mut office.fabric, office.links[1]).unwrap();
    recorder.watch_machine(&mut office.fabric, office.web).unwrap();
    office.fabric.tap(office.links[0], crate::fabric::Way::Forth, Point::Sent).unwrap();
    let mut others = 0;
    for output in office.browse() {
        others += u64::from(!recorder.take(&output).unwrap() && matches!(output, Output::Captured { .. }));
    }
    assert!(others > 0, "what was tapped for others is left to them");
    let file = File::of(recorder);
    assert_eq!(file.interfaces, ["lan-desk", "web.eth0"]);
    for interface in [0, 1] {
        let seen = file.frames.iter().filter(|(_, at)| *at == interface).count();
        assert_eq!(seen, 5, "three of the connection, and a refusal: {:?}", file.frames);
    }
}

#[test]
fn what_is_not_there_cannot_be_watched() {
    let mut office = Office::new();
    let mut recorder = recorder(&office, "");
    let nobody = MachineId::random(&mut Rng::new(Seed::new(9)));
    assert!(recorder.watch_machine(&mut office.fabric, nobody).is_err());
    assert!(recorder.watch_link(&mut office.fabric, LinkId::new(99)).is_err());
    let web = office.fabric.station_of(office.web).unwrap();
    assert!(recorder.watch_port(&mut office.fabric, office.links[1], web).is_err());
}

#[test]
fn ports_and_flows_are_among_the_metrics() {
    let mut office = Office::new();
    let registry = Registry::new(100);
    let scope = registry.scope("net");
    let web = office.fabric.station_of(office.web).unwrap();
    let mut port = PortMetrics::new(&office.fabric, office.links[0], web, &scope).unwrap();
    let mut all = FabricMetrics::new(&scope).unwrap();
    let mut log = FlowLog::new(FlowLogConfig::default(), &mut Rng::new(Seed::new(3)));
    log.show_in(&scope).unwrap();
    office.fabric.tap(office.links[0], crate::fabric::Way::Forth, Point::Sent).unwrap();
    office.fabric.tap(office.links[0], crate::fabric::Way::Back, Point::Sent).unwrap();
    for output in office.browse() {
        if let Output::Captured { at, frame, .. } = output {
            log.note(at, &frame);
        }
    }
    office.fabric.set_cut(office.links[0], true).unwrap();
    let connected = office.fabric.host(office.web, |host| host.connect("10.0.0.2:9".parse().unwrap()));
    connected.unwrap().unwrap();
    for _ in 0..2 {
        port.update(&office.fabric).unwrap();
        all.update(&office.fabric);
    }
    let text = registry.openmetrics();
    let has = |line: &str| assert!(text.contains(line), "`{line}` is not in:\n{text}");
    has("net_port_packets_total{port=\"0\",station=\"web\",way=\"in\"} 4\n");
    has("net_port_packets_total{port=\"0\",station=\"web\",way=\"out\"} 4\n");
    has("net_port_dropped_total{port=\"0\",reason=\"down\",station=\"web\",way=\"out\"} 1\n");
    has("net_flows 2\n");
    has("net_flows_ended_total{end=\"reset\"} 0\n");
    assert!(office.fabric.tally().events > 4);
    has(&format!("net_events_total {}\n", office.fabric.tally().events));
    log.close();
    let text = registry.openmetrics();
    let has = |line: &str| assert!(text.contains(line), "`{line}` is not in:\n{text}");
    has("net_flows 0\n");
    has("net_flows_ended_total{end=\"reset\"} 1\n");
    has("net_flows_ended_total{end=\"open\"} 1\n");
    has("net_flow_packets_total 5\n");
    office.fabric.remove_machine(office.web).unwrap();
    assert!(port.update(&office.fabric).is_err());
}
