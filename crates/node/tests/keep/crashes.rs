//! A program that is killed at any moment: nothing that was acknowledged is lost, and nothing is half there.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command as Program, Stdio};
use std::time::Duration as HostDuration;

use ironloom_node::core::WallClock;
use ironloom_node::core::{Rng, Seed};
use ironloom_node::prelude::*;
use ironloom_node::{Archive, NodeConfig, Task};

use super::{office, said};

/// Where the program that is killed finds its world.
const CHILD: &str = "IRONLOOM_KEPT_WORLD";

/// How often it is killed.
const KILLS: u64 = 200;

const ACCOUNTS: u64 = 5;
const TOTAL: u64 = 100 * ACCOUNTS;

const PAY: &str = "local amount = tonumber((...))
local from, to = tonumber(resource.read(1) or 100), tonumber(resource.read(2) or 100)
assert(from >= amount)
resource.write(1, tostring(from - amount))
resource.write(2, tostring(to + amount))
resource.write(3, tostring(tonumber(resource.read(3) or 0) + 1))";

/// The program that is killed: machines write files, money moves, and what is acknowledged is said aloud.
#[test]
fn child() {
    #[expect(
        clippy::disallowed_methods,
        reason = "it is how a program is told that it is the one to be killed"
    )]
    let Ok(path) = std::env::var(CHILD) else { return };
    let config = NodeConfig { commit_every: Duration::from_millis(5), ..NodeConfig::default() };
    let path = Path::new(&path);
    let world = match World::open(path) {
        Ok(world) => world,
        Err(_) => World::create(path, &office(7)).unwrap(),
    };
    let ledger = world.ledger().unwrap();
    let pay = ledger.publish(PAY).unwrap();
    let first: u64 = said(&world, "desk", "cat /root/number 2> /dev/null || echo 0").trim().parse().unwrap();
    let node = Node::start_with(world.clone(), config, WallClock::start()).unwrap();
    for left in world.machines().iter().filter(|name| name.starts_with("passing")) {
        node.destroy(left).wait().unwrap();
    }
    println!("begun");
    let mut rng = Rng::new(Seed::new(first));
    for number in first + 1.. {
        let line = format!("echo {number} > /root/number; echo {number} >> /root/numbers");
        node.exec("desk", line).wait().unwrap();
        if number % 3 == 0 {
            let name = format!("passing-{number}");
            node.create(&name, MachineTable::default().at("office")).wait().unwrap();
            node.destroy(&name).wait().unwrap();
        }
        let (from, to) = (rng.below(ACCOUNTS), rng.below(ACCOUNTS - 1));
        let to = if to >= from { to + 1 } else { to };
        let task = Task::run(pay).writes(&format!("account-{from}")).writes(&format!("account-{to}"));
        let amount = rng.below(50).to_string();
        let (_, receipts) = ledger.submit([task.writes("payments").argument(amount)]).unwrap();
        let payments = ledger.read("payments").unwrap().map_or(0, |value| number_in(&value));
        assert!(receipts[0].is_applied() || payments > 0 || number < 3);
        node.commit().wait().unwrap();
        println!("kept {number} {payments}");
    }
}

#[test]
fn nothing_acknowledged_is_lost_when_the_program_is_killed() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("world");
    let mut rng = Rng::new(Seed::new(99));
    let (mut numbers, mut payments, mut killed_while_kept) = (0, 0, 0);
    for kill in 0..KILLS {
        // One in four is killed while it opens its world, the others at work.
        let patience = HostDuration::from_millis(rng.below(120));
        let (number, paid) = run_and_kill(&path, kill % 4 != 0, patience);
        killed_while_kept += u32::from(number > 0);
        (numbers, payments) = (numbers.max(number), payments.max(paid));
        if kill % 10 == 9 {
            check(&path, numbers, payments);
        }
    }
    check(&path, numbers, payments);
    assert!(
        killed_while_kept > KILLS as u32 / 4,
        "{killed_while_kept} of {KILLS} had come to keep something"
    );
    println!("{KILLS} kills, {numbers} numbers and {payments} payments acknowledged, none lost");
}

/// Lets the program run for a while, perhaps from where it has opened its world, and kills it; the last that it
/// acknowledged.
fn run_and_kill(path: &Path, is_at_work: bool, patience: HostDuration) -> (u64, u64) {
    let mut child = Program::new(std::env::current_exe().unwrap())
        .args(["crashes::child", "--exact", "--nocapture", "--test-threads=1"])
        .env(CHILD, path)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut said = BufReader::new(child.stdout.take().unwrap());
    let mut line = String::new();
    while is_at_work && !line.contains("begun") {
        line.clear();
        assert!(said.read_line(&mut line).unwrap() > 0, "it ended by itself");
    }
    #[expect(clippy::disallowed_methods, reason = "it is killed at any moment, whatever it is about")]
    std::thread::sleep(patience);
    child.kill().unwrap(); // SIGKILL
    let status = child.wait().unwrap();
    assert!(status.code().is_none(), "it ended by itself: {status}");
    let mut last = (0, 0);
    for line in said.lines().map_while(Result::ok) {
        // What was said last may be half there.
        let mut words = line.split_whitespace().skip_while(|word| *word != "kept").skip(1);
        if let (Some(Ok(number)), Some(Ok(paid))) =
            (words.next().map(str::parse), words.next().map(str::parse))
        {
            last = (number, paid);
        }
    }
    last
}

fn check(path: &Path, numbers: u64, payments: u64) {
    let Ok(world) = World::open(path) else {
        assert_eq!(numbers, 0, "a world of which something was acknowledged is there");
        return;
    };
    assert!(world.opened().unwrap().passed.is_empty(), "{:?}", world.opened());
    let number: u64 = said(&world, "desk", "cat /root/number 2> /dev/null || echo 0").trim().parse().unwrap();
    // What is cut off between two numbers may be said in part: a number is one digit less, and never more.
    assert!(number >= numbers, "{numbers} was acknowledged, and {number} is there");
    let all = said(&world, "desk", "cat /root/numbers 2> /dev/null");
    assert!(all.split_whitespace().map(|word| word.parse::<u64>().unwrap()).eq(1..=number), "{all}");
    let ticks = said(&world, "ticker-1", "cat /var/ticks 2> /dev/null");
    let ticks: Vec<u32> = ticks.split_whitespace().map(|tick| tick.parse().unwrap()).collect();
    assert!(ticks.iter().copied().eq(1..=ticks.len() as u32), "{ticks:?}");
    // Of those who were only passing by there is one at most, and that is whole.
    let passing: Vec<String> =
        world.machines().into_iter().filter(|name| name.starts_with("passing")).collect();
    assert!(passing.len() <= 1, "{passing:?}");
    passing.iter().for_each(|name| assert_eq!(said(&world, name, "echo here"), "here\n"));
    let ledger = world.ledger().unwrap();
    let held = |account: String| ledger.read(&account).unwrap().map_or(100, |value| number_in(&value));
    assert_eq!((0..ACCOUNTS).map(|account| held(format!("account-{account}"))).sum::<u64>(), TOTAL);
    assert!(ledger.read("payments").unwrap().map_or(0, |value| number_in(&value)) >= payments);
    drop((world, ledger));
    Archive::open(path).unwrap().commits().unwrap();
}

fn number_in(value: &[u8]) -> u64 {
    std::str::from_utf8(value).unwrap().parse().unwrap()
}
