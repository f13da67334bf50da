//! The HTTP service of the node: `node_server [WORKERS]`. Prints its port; serves until it is killed.

use ironloom_node::http::{Config, Response, Server, Site};
use ironloom_node::sched::{self, Kernel, ServiceConfig};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let workers = std::env::args().nth(1).map_or(Ok(1), |workers| workers.parse())?;
    let kernel = Kernel::start(sched::Config::with_workers(workers))?;
    let listener = kernel.listen(([127, 0, 0, 1], 0).into())?;
    let site = Site::new().get("/", |_| Response::of("text/plain", "Hello, World!"));
    let service = ServiceConfig { connections_max: 20_000, idle_after: None, ..ServiceConfig::default() };
    let server = Server::start(&kernel, listener, site, Config { service, ..Config::default() })?;
    println!("{}", server.address().tcp().expect("it was bound to an address of TCP").port());
    let end = kernel.block_on(server.service().process().monitor());
    Err(format!("the service ended: {end}").into())
}
