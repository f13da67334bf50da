//! The network of our machine: who lends it an address, who has the page, and who fetches the file.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use ironloom_core::{MachineId, Rng, Seed};
use ironloom_net::dhcp::{RangePool, Server, ServerConfig, ServerService};
use ironloom_net::fabric::{Config, MachineSpec, Place, StationId};
use ironloom_net::http::{File, FileServer, Files};
use ironloom_net::link::LinkProfile;
use ironloom_net::{Fabric, Host, Readiness, Service, SocketId};

use crate::PAGE_BYTES;

/// How many bytes are received at once.
const RECEIVED_BYTES_MAX: usize = 256 << 10;

/// A network with a door.
pub(crate) struct Network {
    pub(crate) fabric: Fabric,
    pub(crate) door: StationId,
    /// The machine that fetches the file.
    client: MachineId,
}

impl Network {
    pub(crate) fn new() -> Self {
        let mut fabric = Fabric::new(Config { digest: false, ..Config::default() }, Seed::new(7));
        let lan = fabric.add_switch("lan", Place::Apart, <_>::default()).expect("there is room");
        let door = fabric.add_door("door", Place::Beside(lan)).expect("there is room");
        fabric.connect(lan, door, LinkProfile::default(), LinkProfile::default()).expect("there is room");
        let mut rng = Rng::new(Seed::new(8));
        let mut add = |fabric: &mut Fabric, name: &str, address: &str| {
            let id = MachineId::random(&mut rng);
            let address = Some(address.parse().expect("it is an address"));
            let spec = MachineSpec { address, ..MachineSpec::new(id, name, lan) };
            fabric.add_machine(&spec).expect("there is room");
            id
        };
        let pool = RangePool::new([10, 0, 0, 100].into(), [10, 0, 0, 199].into());
        let config = ServerConfig::new([10, 0, 0, 1].into(), "10.0.0.0/24".parse().expect("it is a network"));
        let dhcp = add(&mut fabric, "dhcp", "10.0.0.1/24");
        let service = ServerService::new(Server::new(config, pool));
        fabric.serve(dhcp, Box::new(service)).expect("it is there");
        let content = vec![b'x'; PAGE_BYTES as usize].into();
        let page = File { content, kind: "text/plain".to_owned() };
        let files = Files::from([("/page".to_owned(), page)]);
        let web = add(&mut fabric, "web", "10.0.0.80/24");
        fabric.serve(web, Box::new(FileServer::new(80, Arc::new(files)))).expect("it is there");
        let client = add(&mut fabric, "client", "10.0.0.90/24");
        Self { fabric, door, client }
    }

    /// Begins to fetch the file.
    pub(crate) fn fetch(&mut self) -> Arc<Fetched> {
        let fetched = Arc::<Fetched>::default();
        let client = Client { asked: false, fetched: Arc::clone(&fetched) };
        self.fabric.serve(self.client, Box::new(client)).expect("it is there");
        fetched
    }
}

/// How far a fetch is.
#[derive(Debug, Default)]
pub(crate) struct Fetched {
    /// How many bytes came, those of the head included.
    pub(crate) bytes: AtomicU64,
    /// Whether these were all.
    pub(crate) is_over: AtomicBool,
}

struct Client {
    asked: bool,
    fetched: Arc<Fetched>,
}

impl Service for Client {
    fn start(&mut self, host: &mut Host<'_>) {
        host.connect(SocketAddr::from(([10, 0, 0, 100], 80))).expect("there is a route");
    }

    fn ready(&mut self, host: &mut Host<'_>, socket: SocketId, _: Readiness) {
        if !self.asked {
            self.asked = host.send(socket, b"GET /file HTTP/1.0\r\n\r\n").is_ok_and(|sent| sent != 0);
        }
        loop {
            match host.receive_payload(socket, RECEIVED_BYTES_MAX) {
                Ok(Some(payload)) if payload.is_empty() => {
                    self.fetched.is_over.store(true, Ordering::Relaxed);
                    return host.close(socket);
                }
                Ok(Some(payload)) => {
                    self.fetched.bytes.fetch_add(payload.len() as u64, Ordering::Relaxed);
                }
                Ok(None) => return,
                Err(error) => panic!("nothing comes: {error}"),
            }
        }
    }
}
