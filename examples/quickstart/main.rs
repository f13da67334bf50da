//! The tour: a small internet comes up, a request crosses it, a machine is forked, ruined and rolled back, and the program
//! that the internet lives in is killed. What it had committed is there when it is opened again.
//!
//! `cargo run --release --example quickstart`

mod town;

use std::error::Error;
use std::io::{BufRead, BufReader, Write};
use std::ops::ControlFlow;
use std::path::Path;
use std::process::{Command as Program, Stdio};

use ironloom_node::core::{Clock, WallClock};
use ironloom_node::prelude::*;

/// What this program is started with again, to be killed.
const VICTIM: &str = "--until-killed";

type Result<T = ()> = std::result::Result<T, Box<dyn Error>>;

fn main() -> Result {
    let arguments: Vec<String> = std::env::args().collect();
    if let [_, victim, path] = &arguments[..]
        && victim == VICTIM
    {
        return live(Path::new(path));
    }
    let (directory, clock) = (tempfile::tempdir()?, WallClock::start());
    let path = directory.path().join("town");
    let world = build(&path)?;
    cross(&world)?;
    ruin(&world)?;
    world.commit().wait()?;
    drop(world);
    kill(&path)?;
    reopen(&path)?;
    repeat()?;
    println!(
        "\nAll of that took {:.1} s. README.md says where to go from here.",
        clock.now().as_nanos() as f64 / 1e9
    );
    Ok(())
}

/// A small internet comes up, in a directory of its own.
fn build(path: &Path) -> Result<World> {
    title("A small internet: three offices behind routers, a web server, a name server");
    let mut last = 0;
    let world = World::create_watched(path, &town::draw(7)?, |progress| {
        let part = 10 * progress.made / progress.of;
        if part > last {
            print!("{}{:>4} machines", if last == 0 { "  " } else { " ·" }, progress.made);
            let _ = std::io::stdout().flush(); // Who does not see it sees the next line.
            last = part;
        }
        ControlFlow::Continue(())
    })?;
    println!("\n  {} in all, switched on, and kept in {}", world.machines().len(), path.display());
    Ok(world)
}

/// A request goes from a desk to the web server, by name, through two routers and an internet's core.
fn cross(world: &World) -> Result {
    title("A request crosses it");
    show(world, "desk-2-17", "curl -s http://web.example/")?;
    show(world, "desk-2-17", "traceroute -n -q 1 web.example")?;
    show(world, "web", "cat /var/log/visits")?;
    world.inject(Fault::delay(["edge-2", "internet"], Duration::from_millis(40))).wait()?;
    println!("\n  … and when the line of office 2 takes 40 ms each way:");
    show(world, "desk-2-17", "ping -c 2 web.example | tail -n 1")
}

/// A machine is forked; the fork is ruined, looked at, and rolled back. The original never notices.
fn ruin(world: &World) -> Result {
    title("A machine is forked, ruined, and rolled back");
    world.fork("web", "twin").wait()?;
    let before = world.snapshot("twin").wait()?;
    println!("  `twin` is as `web` is now, with an address of its own. Its snapshot is {before}.");
    show(world, "twin", "rm -rf /etc /bin; echo 'was here' > /mark; ls /")?;
    world.roll_back("twin", before).wait()?;
    show(world, "twin", "ls / | wc -l; cat /mark")?;
    show(world, "web", "ls / | wc -l")
}

/// The internet goes on in another program, which commits every tenth of a second and is killed in the midst of it.
fn kill(path: &Path) -> Result {
    title("The program that it lives in is killed");
    let mut program = Program::new(std::env::current_exe()?);
    let mut victim = program.arg(VICTIM).arg(path).stdout(Stdio::piped()).spawn()?;
    let mut said = BufReader::new(victim.stdout.take().ok_or("its output is piped")?).lines();
    for line in said.by_ref().take(3) {
        println!("  it says: {}", line?);
    }
    victim.kill()?;
    println!("  kill -9: {}", victim.wait()?);
    Ok(())
}

/// What the program does that is killed: somebody writes a diary, and says aloud what is there for good.
fn live(path: &Path) -> Result {
    let node = Node::open(path)?;
    for page in 1.. {
        node.exec("desk-1-1", format!("echo page {page} >> /root/diary")).wait()?;
        let commit = node.commit().wait()?;
        println!("page {page} is kept in {commit}");
    }
    Ok(())
}

/// What was committed is there, machines run again, and the line of office 2 is as slow as it was made.
fn reopen(path: &Path) -> Result {
    title("It is opened again");
    let world = World::open(path)?;
    let opened = world.opened().ok_or("it is kept")?;
    println!("  as {} has it, at {} of its time", opened.commit, opened.at);
    world.run_for(Duration::from_secs(1));
    show(&world, "desk-1-1", "tail -n 1 /root/diary")?;
    show(&world, "desk-2-17", "curl -s http://web.example/; ping -c 1 web.example | tail -n 1")
}

fn repeat() -> Result {
    title("A run is its seed");
    let digest = |seed| -> Result<String> {
        let mut town = town::draw(seed)?;
        town.traces_frames = true;
        let world = World::new(&town)?;
        world.exec("desk-3-40", "curl -s http://web.example/").wait()?;
        Ok(world.digest().to_string())
    };
    let (first, again, other) = (digest(7)?, digest(7)?, digest(8)?);
    assert!(first == again && first != other, "a run is its seed");
    println!("  seed 7: {first}\n  seed 7: {again}\n  seed 8: {other}");
    Ok(())
}

fn title(text: &str) {
    println!("\n{text}\n");
}

/// Has a machine run a line, and shows what it writes.
fn show(world: &World, machine: &str, line: &str) -> Result {
    let finished = world.exec(machine, line).wait()?;
    let written = finished.text() + &String::from_utf8_lossy(&finished.errors);
    println!(
        "  {machine} # {line}{}",
        format!("\n{}", written.trim_end()).trim_end().replace('\n', "\n    ")
    );
    Ok(())
}
