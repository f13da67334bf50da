//! The same seed is the same run, on any number of workers.

use ironloom_node::core::trace::Digest;
use ironloom_node::core::{Rng, Seed};
use ironloom_node::for_seeds;
use ironloom_node::prelude::*;
use parking_lot::Mutex;

/// Serves pages that say how often they were read.
const SERVER: &str = r#"#!/bin/lua
local count = 0
http.serve(80, function(request)
	count += 1
	return `page {count}: {math.random(1000)}`
end)
"#;

/// Reads pages of servers that it knows by name.
const READER: &str = r#"#!/bin/lua
while true do
	os.sleep(0.05 + math.random() / 2)
	local page = http.get(`http://server-{math.random(8)}.example/`, { timeout = 1 })
	fs.append("/var/log/pages", if page then `{page.status} {page.body}\n` else "none\n")
end
"#;

/// Works, writes, and keeps little.
const WRITER: &str = r#"#!/bin/lua
for round = 1, 1000 do
	local sum = 0
	for i = 1, math.random(20000) do sum += i % 7 end
	fs.write(`/tmp/{round % 5}`, string.rep(tostring(sum), 50))
	os.spawn("sh", { "-c", "cat /tmp/* | wc -c >> /var/log/sizes" })
	os.wait()
	os.sleep(math.random() / 2)
end
"#;

/// Asks others whether they are there.
const PINGER: &str = r#"#!/bin/lua
while true do
	local answer = net.ping(`10.{math.random(4)}.0.{math.random(2, 70)}`, { timeout = 0.3 })
	fs.append("/var/log/pings", if answer then `{answer.kind} {answer.seconds}\n` else "lost\n")
	os.sleep(0.1)
end
"#;

/// 300 machines in four offices, with servers and names in the middle.
fn describe(seed: u64, workers: u16) -> Description {
    let mut builder = World::builder(seed)
        .workers(workers)
        .tracing_frames()
        .cloud("internet", "100.64.0.0/16")
        .network("middle", "198.51.100.0/24")
        .names("example", "middle", [198, 51, 100, 53])
        .plan("line", "down = '100 Mbps', up = '20 Mbps', latency = '3 ms', jitter = '1 ms', loss = '0.5 %'")
        .router("core", |core| core.to("middle").to("internet"))
        .image("server", |image| image.file("/bin/job", SERVER).runs("job"))
        .image("reader", |image| image.file("/bin/job", READER).runs("job"))
        .image("writer", |image| image.file("/bin/job", WRITER).runs("job"))
        .image("pinger", |image| image.file("/bin/job", PINGER).runs("job"))
        .machine("server", |server| server.at("middle").image("server").count(8));
    for office in 1..=4 {
        let name = format!("office-{office}");
        builder = builder
            .network(&name, &format!("10.{office}.0.0/16"))
            .router(&format!("edge-{office}"), |edge| edge.to(&name).to("internet").plan("line"));
        for (kind, count) in [("reader", 30), ("writer", 21), ("pinger", 22)] {
            let machines = format!("{kind}-{office}");
            builder = builder.machine(&machines, |machine| {
                machine.at(&*name).image(kind).count(count).in_cell().memory_bytes(4 << 20)
            });
        }
    }
    builder.describe().unwrap()
}

/// Lets a world run for two seconds while links fail, machines are killed, forked, rolled back and destroyed.
fn run(seed: u64, workers: u16) -> Digest {
    let world = World::new(&describe(seed, workers)).unwrap();
    let mut rng = Rng::new(Seed::new(seed)).split("faults", 0);
    let names = world.machines();
    assert_eq!(names.len(), 300);
    let mut broken: Vec<LinkName> = Vec::new();
    for round in 0..20u32 {
        world.run_for(Duration::from_millis(100));
        let victim = rng.choose(&names).unwrap().clone();
        let edge = format!("edge-{}", rng.range(1..5));
        let link = LinkName::Between(edge, "internet".to_owned());
        // Some of what is asked for cannot be done, as it was done already; that is part of the run as well.
        let _ = match round % 7 {
            0 => world.inject(Fault::Cut(link.clone())).wait(),
            1 => world.inject(Fault::Kill(victim)).wait(),
            2 => world.inject(Fault::delay(&*victim, Duration::from_millis(40))).wait(),
            3 => world.fork(&victim, &format!("{victim}-{round}")).wait().map(|_| ()),
            4 => world.destroy(&victim).wait(),
            5 => world.exec(&victim, "ls -l /var/log; ps").wait().map(|_| ()),
            _ => world.snapshot(&victim).wait().and_then(|was| world.roll_back(&victim, was).wait()),
        };
        broken.push(link);
        if round % 3 == 2 {
            world.inject(Fault::Mend(broken.remove(0))).wait().unwrap();
        }
    }
    world.digest()
}

/// Few seeds, as each is three runs; `IRONLOOM_SEEDS=200` compares as many.
#[test]
fn the_same_seed_is_the_same_run_on_any_number_of_workers() {
    let digests = Mutex::new(Vec::new());
    for_seeds(0..3, |seed| {
        let alone = run(seed, 1);
        for workers in [2, 8] {
            assert_eq!(run(seed, workers), alone, "seed {seed} on {workers} workers");
        }
        digests.lock().push(alone);
    });
    let mut digests = digests.into_inner();
    let seeds = digests.len();
    digests.sort_unstable();
    digests.dedup();
    assert_eq!(digests.len(), seeds, "another seed is another run");
}

/// The machines of that world do what they are there for; else there would be little to compare.
#[test]
fn its_machines_are_busy() {
    let world = World::new(&describe(1, 2)).unwrap();
    world.run_for(Duration::from_secs(2));
    let log = |name: &str, path: &str| {
        let bytes = world.read_file(name, path).wait().unwrap_or_default();
        String::from_utf8(bytes).unwrap()
    };
    assert!(
        log("reader-3-7", "/var/log/pages").contains("200 page "),
        "{}",
        log("reader-3-7", "/var/log/pages")
    );
    assert!(log("pinger-2-2", "/var/log/pings").contains("reply"), "{}", log("pinger-2-2", "/var/log/pings"));
    assert!(!log("writer-1-1", "/var/log/sizes").is_empty());
}

const WRITTEN: &str = r#"seed = 11
workers = 2
window = "2 ms"
traces_frames = true
pacing = { windows_per_second = 60 }

[names]
zones = ["example"]
at = "lan"
address = "10.1.0.53"
records = { "gate.example" = "10.1.0.1" }

[subnets.lan]
network = "10.1.0.0/24"
[switches.lan]
subnet = "lan"
[clouds.internet]
network = "203.0.113.0/24"
[plans.dsl]
down = "50 Mbps"
latency = "30 ms"

[routers.edge]
interfaces = [{ to = "lan" }, { to = "internet", masquerade = true, plan = "dsl" }]
forwards = [{ port = 80, to = "10.1.0.10" }]
rules = [{ verdict = "drop", protocol = "icmp", local = true }]

[images.site]
files = { "/var/www/index.html" = "hello", "/bin/hello" = { text = "print('hi')", mode = 0o700 } }
users = { anna = { uid = 1001 }, bruno = { uid = 1002, password = "tangerine" } }
runs = ["httpd -q -p 80"]

[machines.web]
at = "lan"
address = "10.1.0.10"
image = "site"
memory = "8 MiB"
name = "www.example"
[machines.desk]
at = "lan"
count = 3
plan = "dsl"
heap = "cell"
[machines.spare]
is_off = true
"#;

fn drawn() -> Description {
    World::builder(11)
        .workers(2)
        .window(Duration::from_millis(2))
        .tracing_frames()
        .pacing(Pacing::WindowsPerSecond(60))
        .network("lan", "10.1.0.0/24")
        .names("example", "lan", [10, 1, 0, 53])
        .record("gate.example", [10, 1, 0, 1])
        .cloud("internet", "203.0.113.0/24")
        .plan("dsl", "down = '50 Mbps', latency = '30 ms'")
        .router("edge", |edge| {
            edge.to("lan")
                .hidden_to("internet")
                .plan("dsl")
                .forward(80, [10, 1, 0, 10])
                .rule("verdict = 'drop', protocol = 'icmp', local = true")
        })
        .image("site", |site| {
            site.file("/var/www/index.html", "hello")
                .file("/bin/hello", FileTable::from("print('hi')").mode(0o700))
                .user("anna", 1001)
                .login("bruno", 1002, "tangerine")
                .runs("httpd -q -p 80")
        })
        .machine("web", |web| {
            let web = web.at("lan").address([10, 1, 0, 10]).image("site");
            web.memory_bytes(8 << 20).name("www.example")
        })
        .machine("desk", |desk| desk.at("lan").count(3).plan("dsl").in_cell())
        .machine("spare", MachineTable::off)
        .describe()
        .unwrap()
}

/// What is drawn and what is written down are the same value, and the same world.
#[test]
fn what_is_drawn_and_what_is_written_are_one_world() {
    let (written, drawn): (Description, _) = (WRITTEN.parse().unwrap(), drawn());
    assert_eq!(written, drawn);
    let borsh = ironloom_node::core::borsh::to_vec(&drawn).unwrap();
    assert_eq!(ironloom_node::core::borsh::from_slice::<Description>(&borsh).unwrap(), written);

    let digest = |description: &Description| {
        let world = World::new(description).unwrap();
        let page =
            world.exec("desk-2", "curl -s http://www.example/; dig +short gate.example").wait().unwrap();
        assert!(page.text().contains("hello") && page.text().contains("10.1.0.1"), "{page:?}");
        let who = world.exec("web", "grep -c bruno /etc/passwd; hello").wait().unwrap();
        assert_eq!(who.text(), "1\nhi\n");
        world.run_for(Duration::from_secs(3));
        world.digest()
    };
    assert_eq!(digest(&written), digest(&drawn));
    let mut other = drawn;
    other.seed = 12;
    assert_ne!(digest(&written), digest(&other));
}
