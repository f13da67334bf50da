//! Linux on the other side of an interface.

use std::process::{Command, Stdio};

use ironloom_core::WallClock;

use super::{Entries, Town, replay};
use crate::door::{Driver, Tap, TapConfig, TapCounters};

/// A network namespace of this test, which goes with it.
struct Namespace(String);

impl Namespace {
    fn new(name: &str) -> Option<Self> {
        let name = format!("{name}-{}", std::process::id());
        run(&["ip", "netns", "add", &name]).then_some(Self(name))
    }

    /// Runs a command within; what it printed, if it succeeded.
    fn run(&self, command: &[&str]) -> Result<String, String> {
        let output = Command::new("ip").args(["netns", "exec", &self.0]).args(command).output().unwrap();
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        if output.status.success() { Ok(text) } else { Err(text + &String::from_utf8_lossy(&output.stderr)) }
    }
}

impl Drop for Namespace {
    fn drop(&mut self) {
        run(&["ip", "netns", "del", &self.0]);
    }
}

fn run(command: &[&str]) -> bool {
    let silent = || Stdio::null();
    let child = Command::new(command[0]).args(&command[1..]).stdout(silent()).stderr(silent()).status();
    child.is_ok_and(|status| status.success())
}

/// An interface with the address 10.77.0.100 in a namespace of its own; `None` where that cannot be.
fn attach(town: &Town, kind: &str) -> Option<(Tap, Namespace)> {
    let name = format!("il{kind}{}", std::process::id());
    let tap = match Tap::open(&name, TapConfig::new(town.port)) {
        Ok(tap) => tap,
        Err(error) => {
            println!("skipped: {error}");
            return None;
        }
    };
    let Some(namespace) = Namespace::new(&format!("ironloom-{kind}")) else {
        println!("skipped: no network namespace can be made with `ip netns`");
        return None;
    };
    assert!(run(&["ip", "link", "set", &name, "netns", &namespace.0]));
    namespace.run(&["ip", "address", "add", "10.77.0.100/24", "dev", &name]).unwrap();
    namespace.run(&["ip", "link", "set", &name, "up"]).unwrap();
    Some((tap, namespace))
}

#[test]
fn linux_reaches_machines_with_ping() {
    let mut town = Town::new(3);
    // One of them has a stack, the others are answered for.
    town.fabric.host(town.machines[1], |_| ()).unwrap();
    let Some((tap, namespace)) = attach(&town, "ping") else { return };
    let TapCounters { frames_in, frames_out, malformed, dropped } = tap.counters();
    let entries = Entries::default();
    let mut driver = Driver::new(town.fabric, WallClock::start()).unwrap();
    driver.set_journal(Box::new(entries.clone()));
    driver.open(tap).unwrap();
    let running = driver.start().unwrap();
    for (target, bytes) in
        [("10.77.0.1", "56"), ("10.77.0.2", "56"), ("10.77.0.2", "1400"), ("10.77.0.3", "0")]
    {
        let ping = ["ping", "-n", "-c", "3", "-i", "0.01", "-W", "5", "-s", bytes, target];
        let said = namespace.run(&ping).unwrap();
        assert!(said.contains(" 0% packet loss"), "{said}");
    }
    assert!(namespace.run(&["ping", "-n", "-c", "1", "-W", "1", "10.77.0.9"]).is_err());
    let mut driver = running.stop().unwrap();
    assert!(frames_in.value() >= 15 && frames_out.value() >= 15);
    assert_eq!(malformed.value(), 0);
    println!("{} in, {} out, {} dropped", frames_in.value(), frames_out.value(), dropped.value());
    let mut fresh = Town::new(3);
    fresh.fabric.host(fresh.machines[1], |_| ()).unwrap();
    let driven = std::mem::replace(driver.fabric(), Town::new(0).fabric);
    replay(driven, fresh.fabric, &entries);
}
