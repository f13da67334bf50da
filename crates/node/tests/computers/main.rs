//! Computers of a world: with small programs that need no system, and with Linux.

mod asker;
mod descriptions;
mod determinism;
mod guests;
mod kept;
mod linux;
mod network;
mod orders;
mod windows;

use ironloom_node::prelude::*;

/// What is new on a console, as text.
fn text(world: &World, console: u64) -> String {
    let seen = world.see(console, u32::MAX).wait().unwrap();
    String::from_utf8_lossy(&seen.map(|seen| seen.bytes).unwrap_or_default()).into_owned()
}

/// Lets some milliseconds of virtual time go by.
fn pass(world: &World, millis: u64) {
    world.run_for(Duration::from_millis(millis));
}

/// Types something, and what is said to it.
fn say(world: &World, console: u64, typed: &str) -> String {
    assert_eq!(world.type_in(console, typed).wait(), Ok(typed.len() as u64));
    pass(world, 3);
    text(world, console)
}
