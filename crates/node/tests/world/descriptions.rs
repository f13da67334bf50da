//! Descriptions that make no sense are refused with the line, the name, and what there is.

use std::fs;

use ironloom_node::prelude::*;

const TOWN: &str = r#"seed = 7
[subnets.lan]
network = "10.1.0.0/24"
[switches.lan]
subnet = "lan"
[plans.dsl]
latency = "30 ms"
[images.site]
files = { "/etc/motd" = "hello" }
[images.shop]
from = "site"
runs = ["httpd"]
[machines.web]
at = "lan"
address = "10.1.0.10"
image = "shop"
[machines.desk]
at = "lan"
plan = "dsl"
count = 3
"#;

fn complaint(from: &str, to: &str) -> String {
    assert!(TOWN.contains(from), "{from}");
    let text = TOWN.replacen(from, to, 1);
    let made = text.parse::<Description>().and_then(|description| World::new(&description));
    made.expect_err(to).to_string()
}

fn check(from: &str, to: &str, parts: &[&str]) {
    let complaint = complaint(from, to);
    parts.iter().for_each(|part| assert!(complaint.contains(part), "`{part}` is not in: {complaint}"));
}

#[test]
fn the_town_itself_is_in_order() {
    let world = World::new(&TOWN.parse().unwrap()).unwrap();
    assert_eq!(world.machines(), ["desk-1", "desk-2", "desk-3", "web"]);
}

#[test]
fn names_that_nothing_has_are_told_with_what_there_is() {
    check("at = \"lan\"\naddress = \"10.1.0.10\"", "at = \"lam\"", &["line 14", "`lam`", "is it `lan`?"]);
    check("plan = \"dsl\"", "plan = \"dls\"", &["line 19", "machines.desk.plan", "`dls`", "there are dsl"]);
    check("image = \"shop\"", "image = \"shed\"", &["line 16", "`shed`", "there are base, shop, site"]);
    check(
        "from = \"site\"",
        "from = \"sight\"",
        &["line 11", "images.shop.from", "`sight`", "there are base, shop, site"],
    );
    check("subnet = \"lan\"", "subnet = \"wan\"", &["line 5", "switches.lan.subnet", "there are lan"]);
}

#[test]
fn what_makes_no_sense_is_told_with_its_line() {
    check("from = \"site\"", "from = \"shop\"", &["line 11", "laid over itself"]);
    check("\"/etc/motd\"", "\"etc/motd\"", &["line 9", "begins with `/`"]);
    check("\"hello\"", "{ from = \"motd\" }", &["line 9", "Description::load"]);
    check("\"hello\"", "{ text = \"a\", from = \"b\" }", &["line 9", "`text` or `from`"]);
    check("\"hello\"", "{ texd = \"a\" }", &["line 9", "texd"]);
    check("\"10.1.0.10\"", "\"10.2.0.10\"", &["line 15", "10.2.0.10 is not in 10.1.0.0/24"]);
    check("latency = \"30 ms\"", "latency = \"30\"", &["line 7", "`30 ms`"]);
    check("count = 3", "count = 300", &["line 17", "machines.desk", "all 254 addresses"]);
    check(
        "[machines.desk]",
        "[machines.desc]\nat = \"lan\"\n[machines.\"web-1\"]\nat = 3\n[machines.desk]",
        &["line 20"],
    );
    check("seed = 7", "seed = 7\nwindow = \"0 ms\"", &["line 2", "a window takes time"]);
    check("seed = 7", "seed = 7\nworkers = 0", &["line 2", "somebody has to work"]);
    check("seed = 7", "seed = 7\npacing = { windows_per_second = 0 }", &["line 2", "time has to go by"]);
    check("seed = 7", "seed = 7\nspeed = 3", &["line 2", "speed"]);
    check("[images.site]", "[images.base]\n[images.site]", &["line 8", "there already"]);
}

#[test]
fn what_is_drawn_wrongly_is_told_at_the_end() {
    let complaint = |builder: ironloom_node::Builder| builder.describe().unwrap_err().to_string();
    let of_network = complaint(World::builder(1).network("lan", "10.1.0.0/33"));
    assert!(
        of_network.contains("subnets.lan.network") && of_network.contains("`10.1.0.0/33`"),
        "{of_network}"
    );
    let of_rule = complaint(World::builder(1).router("edge", |edge| edge.rule("verdict = 'explode'")));
    assert!(of_rule.contains("routers.edge.rules") && of_rule.contains("`explode`"), "{of_rule}");
    let of_plan = complaint(World::builder(1).plan("dsl", "latency = '30'").plan("other", "nonsense"));
    assert!(of_plan.contains("plans.dsl") && of_plan.contains("`30 ms`"), "the first is told: {of_plan}");
    let of_record = complaint(World::builder(1).record("www", [10, 0, 0, 1]));
    assert!(of_record.contains("say `names` first"), "{of_record}");
}

#[test]
fn files_of_the_host_are_beside_the_description() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("world.toml");
    fs::create_dir(directory.path().join("site")).unwrap();
    fs::write(directory.path().join("site/page"), "from the host").unwrap();
    let text =
        "[machines.web]\nfiles.\"/srv/deep/page\" = { from = \"site/page\", mode = 0o640, owner = 1000 }\n";
    fs::write(&path, text).unwrap();
    let world = World::new(&Description::load(&path).unwrap()).unwrap();
    let shown = world.exec("web", "cat /srv/deep/page; stat -c '%a %u' /srv/deep/page").wait().unwrap();
    assert_eq!(shown.text(), "from the host640 1000\n", "{shown:?}");

    fs::write(&path, text.replace("site/page", "site/pagan")).unwrap();
    let complaint = Description::load(&path).unwrap_err().to_string();
    assert!(complaint.contains("line 2") && complaint.contains("pagan"), "{complaint}");
    let complaint = Description::load(directory.path().join("none.toml")).unwrap_err().to_string();
    assert!(complaint.contains("none.toml"), "{complaint}");
}

/// The description in the manual says what is possible, so it has to be possible, and what it says of an error is so.
#[test]
fn the_description_in_the_manual_is_built() {
    let manual = include_str!("../../../../docs/node.md");
    let (_, rest) = manual.split_once("```toml\n").unwrap();
    let (text, rest) = rest.split_once("```").unwrap();
    let world = World::new(&text.parse().unwrap()).unwrap();
    assert_eq!(world.machines().len(), 22);
    let page = world.exec("desk-20", "curl -s http://www.example/").wait().unwrap();
    assert_eq!(page.text(), "hello");
    let (_, rest) = rest.split_once("```text\n").unwrap();
    let (wanted, _) = rest.split_once("\n```").unwrap();
    let wrong = text.replace("[machines.web]\nat = \"office\"", "[machines.web]\nat = \"ofice\"");
    assert_eq!(World::new(&wrong.parse().unwrap()).unwrap_err().to_string(), wanted);
}
