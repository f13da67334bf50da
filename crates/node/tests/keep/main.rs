//! Datacenters that are kept: what comes back, what is told of the rest, and what no bad day takes.

mod bad_days;
mod coming_back;
mod crashes;
mod full;
mod history;

use ironloom_node::prelude::*;

/// Counts seconds, at the same moments whoever was there before it.
const TICKER: &str = "#!/bin/lua
local kept = os.restored() or { ticks = 0, at = math.floor(os.time()) }
while true do
    kept.at += 1
    os.sleep(kept.at + 0.0005 - os.time())
    kept.ticks += 1
    fs.append('/var/ticks', kept.ticks .. ' ')
    os.checkpoint(kept)
end
";

/// Answers how often it was asked.
const SERVER: &str = "#!/bin/lua
local kept = os.restored() or { asked = 0 }
http.serve(80, function(request)
    kept.asked += 1
    os.checkpoint(kept)
    return `{kept.asked}`
end)
";

/// Asks a server whose name it knows once a second, and writes down whether it was answered when the next comes.
const READER: &str = "#!/bin/lua
local kept = os.restored() or { at = math.floor(os.time()) }
while true do
    kept.at += 1
    os.sleep(kept.at + 0.2005 - os.time())
    local page = http.get('http://server.example/', { timeout = 0.5 })
    os.sleep(kept.at + 0.8005 - os.time())
    fs.append('/var/pages', if page then page.status .. ' ' else 'none ')
    os.checkpoint(kept)
end
";

/// A small office with machines of both kinds of heap, names and a router.
fn office(seed: u64) -> Description {
    World::builder(seed)
        .network("office", "10.1.0.0/24")
        .network("middle", "198.51.100.0/24")
        .names("example", "middle", [198, 51, 100, 53])
        .router("edge", |edge| edge.to("office").to("middle"))
        .image("ticker", |image| image.file("/bin/ticker", TICKER).runs("ticker"))
        .image("reader", |image| image.file("/bin/reader", READER).runs("reader"))
        .machine("server", |server| server.at("middle").file("/bin/server", SERVER).runs("server"))
        .machine("reader", |reader| reader.at("office").image("reader").count(3))
        .machine("ticker", |ticker| ticker.at("office").image("ticker").count(10).in_cell())
        .machine("desk", |desk| desk.at("office"))
        .machine("spare", |spare| spare.at("office").off())
        .describe()
        .unwrap()
}

fn said(datacenter: &impl Datacenter, machine: &str, line: &str) -> String {
    datacenter.exec(machine, line).wait().unwrap().text()
}
