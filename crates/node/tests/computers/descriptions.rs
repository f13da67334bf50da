//! Descriptions of computers, and what is told of those that make no sense.

use std::fs;

use ironloom_node::core::borsh;
use ironloom_node::hyper::Computer;
use ironloom_node::prelude::*;

use crate::guests::echo;
use crate::{pass, text};

const TOWN: &str = r#"seed = 7
[subnets.lan]
network = "10.1.0.0/24"
[switches.lan]
subnet = "lan"
[plans.dsl]
latency = "30 ms"
[machines.desk]
at = "lan"
count = 2
[computers.big]
at = "lan"
address = "10.1.0.10"
plan = "dsl"
harts = 2
memory = "8 MiB"
kernel = { from = "parts/kernel" }
command_line = "quiet"
disk = "1 MiB"
[computers.spare]
kernel = { from = "parts/kernel" }
initramfs = { from = "parts/kernel" }
disk = { from = "parts/disk" }
is_off = true
"#;

/// A town in a directory with the files that it names.
fn built(text: &str) -> Result<World, DescriptionError> {
    let directory = tempfile::tempdir().unwrap();
    fs::create_dir(directory.path().join("parts")).unwrap();
    fs::write(directory.path().join("parts/kernel"), echo()).unwrap();
    fs::write(directory.path().join("parts/disk"), [7; 700]).unwrap();
    fs::write(directory.path().join("parts/text"), "no kernel").unwrap();
    let path = directory.path().join("world.toml");
    fs::write(&path, text).unwrap();
    World::new(&Description::load(&path)?)
}

fn check(from: &str, to: &str, parts: &[&str]) {
    assert!(TOWN.contains(from), "{from}");
    let complaint = built(&TOWN.replacen(from, to, 1)).expect_err(to).to_string();
    parts.iter().for_each(|part| assert!(complaint.contains(part), "`{part}` is not in: {complaint}"));
}

#[test]
fn the_town_itself_is_in_order() {
    let world = built(TOWN).unwrap();
    assert_eq!(world.computers(), ["big", "spare"]);
    let console = world.open_serial("big").wait().unwrap();
    pass(&world, 5);
    assert_eq!(text(&world, console), ">");
    world.start("spare").wait().unwrap();
    let mut disks = world.visit_computer("spare", Computer::take_disks).unwrap();
    let (mut bytes, disk) = ([1; 2], &mut disks[0]);
    disk.read_at(699, &mut bytes).unwrap();
    assert_eq!((disk.size(), bytes), (1_024, [7, 0]));
    assert_eq!(world.visit_computer("big", |big| big.take_disks()[0].size()), Some(1 << 20));
}

#[test]
fn what_makes_no_sense_is_told_with_its_line() {
    check("at = \"lan\"\naddress", "at = \"lam\"\naddress", &["line 12", "computers.big.at", "is it `lan`?"]);
    check("plan = \"dsl\"", "plan = \"dls\"", &["line 14", "computers.big.plan", "there are dsl"]);
    check("\"10.1.0.10\"", "\"10.2.0.10\"", &["line 13", "10.2.0.10 is not in 10.1.0.0/24"]);
    check("harts = 2", "harts = 65", &["line 15", "computers.big.harts", "1 to 64 harts"]);
    check("memory = \"8 MiB\"", "memory = \"4 KiB\"", &["line 16", "computers.big.memory"]);
    check("memory = \"8 MiB\"", "memory = \"8\"", &["line 16", "`256 KiB`"]);
    check(
        "kernel = { from = \"parts/kernel\" }\nc",
        "kernel = { from = \"parts/text\" }\nc",
        &["line 17", "kernel"],
    );
    check("kernel = { from = \"parts/kernel\" }\nc", "c", &["line 11", "computers.big", "needs a kernel"]);
    check("kernel = { from = \"parts/kernel\" }\nc", "kernel = { form = \"a\" }\nc", &["line 17", "form"]);
    check("\"parts/disk\"", "\"parts/disc\"", &["line 23", "parts/disc"]);
    check("disk = \"1 MiB\"", "disk = 7", &["line 19", "1 GiB"]);
    check(
        "[computers.spare]\nkernel = { from = \"parts/kernel\" }",
        "[computers.spare]",
        &["line 20", "a kernel"],
    );
    check("[computers.spare]\nk", "[computers.spare]\nsize = 3\nk", &["line 21", "size"]);
    check("[computers.spare]", "[computers.desk-2]", &["line 20", "`desk-2`", "already"]);
    check("[computers.spare]", "[computers.desk]", &["line 20", "`desk`", "already"]);
}

#[test]
fn what_was_not_read_is_not_there() {
    let world = World::builder(1).computer("big", |big| big.kernel_from("vmlinux")).build();
    let complaint = world.unwrap_err().to_string();
    assert!(
        complaint.contains("computers.big.kernel") && complaint.contains("Description::load"),
        "{complaint}"
    );
}

#[test]
fn a_description_with_computers_is_a_value() {
    let drawn = World::builder(1)
        .computer("big", |big| big.harts(4).kernel(echo()).initramfs(*b"files").disk(*b"bytes").off())
        .describe()
        .unwrap();
    let bytes = borsh::to_vec(&drawn).unwrap();
    assert_eq!(borsh::from_slice::<Description>(&bytes).unwrap(), drawn);
}
