//! Runs that are written down and played again.

mod bad_days;
mod in_real_time;
mod in_virtual_time;
mod kept;

use ironloom_node::prelude::*;

/// Reads pages of the others now and then, by chance, and notes them.
const READER: &str = r#"#!/bin/lua
while true do
	os.sleep(0.02 + math.random() / 5)
	local page = http.get(`http://desk-{math.random(5)}.example/`, { timeout = 0.2 })
	fs.append("/var/log/pages", if page then `{page.status} {page.body}\n` else "none\n")
end
"#;

/// Answers with chance.
const SERVER: &str = "http.serve(80, function() return `page {math.random(1000)}\\n` end)";

/// Sends back what comes, line by line, with chance.
const ECHO: &str = r#"#!/bin/lua
local listener = assert(net.tcp_listen(7))
while true do
	local conn = listener:accept()
	task.spawn(function()
		while true do
			local bytes = conn:read(65536)
			if not bytes or #bytes == 0 then break end
			fs.append("/var/log/said", `{#bytes} {math.random(1000)}\n`)
			conn:write(bytes)
		end
		conn:close()
	end)
end"#;

/// An office whose desks read each other's pages.
pub(crate) fn office(seed: u64) -> Description {
    World::builder(seed)
        .tracing_frames()
        .network("lan", "10.1.0.0/24")
        .names("example", "lan", [10, 1, 0, 53])
        .machine("desk", |desk| {
            let desk = desk.at("lan").count(5).plan("line");
            desk.file("/bin/reader", READER).file("/bin/server", SERVER).runs("server").runs("reader")
        })
        .machine("echo", |echo| {
            echo.at("lan").address([10, 1, 0, 7]).file("/bin/echoes", ECHO).runs("echoes")
        })
        .plan("line", "latency = '1 ms', jitter = '1 ms', loss = '1 %'")
        .describe()
        .unwrap()
}

/// Plays a log again, and sees that it is the same run as that of a world.
#[track_caller]
pub(crate) fn is_played_as(log: &ironloom_node::Log, world: &World) {
    let played = World::replay(log).unwrap().finish().unwrap();
    assert_eq!((played.now(), played.digest()), (world.now(), world.digest()));
    assert_eq!(played.machines(), world.machines());
}
