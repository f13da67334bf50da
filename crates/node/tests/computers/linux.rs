//! Debian's Linux in a world, with a machine that answers it.
//!
//! The kernel and its initial file system come from `tests/guest/linux.sh`; where they cannot be had, a line says so.

use std::path::{Path, PathBuf};
use std::process;

use ironloom_node::prelude::*;

/// What Linux says when it waits for a line.
const PROMPT: &str = "ironloom# ";

/// The kernel and its initial file system, if they can be had.
fn files() -> Option<(Vec<u8>, Vec<u8>)> {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/guest/linux.sh");
    let output = process::Command::new(script).output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    let mut paths = text.lines().map(PathBuf::from);
    let read = |path: Option<PathBuf>| std::fs::read(path?).ok();
    let files = read(paths.next()).zip(read(paths.next()));
    if files.is_none() {
        println!("skipped: no kernel for the guest: {}", String::from_utf8_lossy(&output.stderr).trim());
    }
    files
}

/// What Linux says until it waits for a line.
fn until_prompt(world: &World, console: u64, limit: Duration) -> String {
    let mut said = String::new();
    let is_said = world.run_until(limit, |world| {
        said.push_str(&crate::text(world, console));
        said.contains(PROMPT)
    });
    assert!(is_said, "it does not end: {said}");
    // The shell asks the terminal where it is, behind its prompt.
    said.split(PROMPT).next().unwrap_or_default().replace('\r', "")
}

fn run(world: &World, console: u64, line: &str) -> String {
    world.type_in(console, format!("{line}\n")).wait().unwrap();
    let said = until_prompt(world, console, Duration::from_secs(60));
    said.split_once('\n').map(|(_, rest)| rest.to_owned()).unwrap_or_default()
}

#[test]
fn linux_and_a_machine_speak_over_the_network_of_their_world() {
    let Some((image, initramfs)) = files() else { return };
    let world = World::builder(7)
        .network("lan", "10.1.0.0/24")
        .machine("web", |web| {
            web.at("lan")
                .address([10, 1, 0, 10])
                .runs("httpd -q -p 80")
                .file("/var/www/index.html", "woven\n")
        })
        .computer("big", |big| {
            let big = big.at("lan").address([10, 1, 0, 9]).harts(2).disk(*b"from the host\n");
            big.kernel(image).initramfs(initramfs).command_line("console=ttyS0 panic=-1 quiet")
        })
        .build()
        .unwrap();
    let console = world.open_serial("big").wait().unwrap();
    until_prompt(&world, console, Duration::from_secs(120));
    run(&world, console, "stty cols 500");
    run(&world, console, "ip link set eth0 up; ip addr add 10.1.0.9/24 dev eth0");
    assert_eq!(run(&world, console, "wget -q -O - http://10.1.0.10/"), "woven\n");
    assert_eq!(run(&world, console, "head -n 1 /dev/vda; nproc"), "from the host\n2\n");

    // The other way round: a page of Linux for the machine.
    run(&world, console, "mkdir /tmp/www; echo spun > /tmp/www/index.html; httpd -h /tmp/www");
    assert_eq!(world.exec("web", "curl -s http://10.1.0.9/").wait().unwrap().text(), "spun\n");

    // A fork takes the address that the world gave it, and both are on the network.
    world.fork("big", "small").wait().unwrap();
    let twin = world.open_serial("small").wait().unwrap();
    run(
        &world,
        twin,
        "echo forked > /tmp/www/index.html; ip addr flush dev eth0; ip addr add 10.1.0.2/24 dev eth0",
    );
    assert_eq!(world.exec("web", "curl -s http://10.1.0.2/").wait().unwrap().text(), "forked\n");
    assert_eq!(world.exec("web", "curl -s http://10.1.0.9/").wait().unwrap().text(), "spun\n");
}
