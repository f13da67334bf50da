//! The town of the tour, as on a whiteboard.

use ironloom_node::prelude::*;

/// Greets everybody, and writes down who came. How many that were outlives it.
const GREETER: &str = "#!/bin/lua
local kept = os.restored() or { visits = 0 }
http.serve(80, function(request)
    kept.visits += 1
    os.checkpoint(kept)
    fs.append('/var/log/visits', `visitor {kept.visits} asks for {request.path}\\n`)
    return `Welcome. You are visitor {kept.visits}.\\n`
end)
";

/// Three offices of forty desks, each behind a router that hides their addresses, on an internet with a web server.
pub(super) fn draw(seed: u64) -> Result<Description, DescriptionError> {
    let mut town = World::builder(seed)
        .cloud("internet", "203.0.113.0/24")
        .network("servers", "198.51.100.0/24")
        .router("core", |core| core.to("servers").to("internet"))
        .names("example", "servers", [198, 51, 100, 53])
        .plan("dsl", "down = '50 Mbps', up = '10 Mbps', latency = '8 ms'")
        .machine("web", |web| web.at("servers").file("/bin/greeter", GREETER).runs("greeter"));
    for office in 1..=3 {
        let lan = format!("office-{office}");
        town = town
            .network(&lan, &format!("10.{office}.0.0/24"))
            .router(&format!("edge-{office}"), |edge| edge.to(&lan).hidden_to("internet").plan("dsl"))
            .machine(&format!("desk-{office}"), |desk| desk.at(&lan).count(40).in_cell());
    }
    town.describe()
}
