//! Computers and machines on one network.

use ironloom_node::prelude::*;

use crate::asker::asker;
use crate::{pass, text};

const WEB: [u8; 4] = [10, 1, 0, 10];
const FIRST: [u8; 4] = [10, 1, 0, 17]; // `b`, as a letter
const SECOND: [u8; 4] = [10, 1, 0, 18]; // `c`

fn town() -> World {
    World::builder(5)
        .network("lan", "10.1.0.0/24")
        .names("example", "lan", [10, 1, 0, 53])
        .machine("web", |web| web.at("lan").address(WEB))
        .computer("first", |first| first.at("lan").address(FIRST).kernel(asker(FIRST, WEB, 5_000)))
        .computer("second", |second| second.at("lan").address(SECOND).kernel(asker(SECOND, FIRST, 7_000)))
        .build()
        .unwrap()
}

/// What was heard: the kind, by whom, at which millisecond.
fn heard(said: &str) -> Vec<(u8, u8, u8)> {
    said.as_bytes().chunks(4).map(|four| (four[0], four[1], four[2] - b'0')).collect()
}

/// A machine answers in the window in which it is asked. A computer is asked in one window, answers in the next, and is
/// heard in the one after: nobody hears within a window what was sent in it.
#[test]
fn what_is_sent_in_a_window_is_heard_after_it() {
    let world = town();
    let consoles = ["first", "second"].map(|name| world.open_serial(name).wait().unwrap());
    pass(&world, 4);
    let [mut first, second] = consoles.map(|console| heard(&text(&world, console)));
    first.sort_unstable();
    assert_eq!(first, [(b'1', b'c', 1), (b'2', b'k', 1)], "the other's question, and the machine's answer");
    assert_eq!(second, [(b'2', b'b', 2)], "the answer to that");
}

#[test]
fn links_of_computers_are_cut_delayed_and_mended() {
    let world = town();
    let console = world.open_serial("first").wait().unwrap();
    pass(&world, 20);
    assert!(text(&world, console).contains("2k"));
    world.inject(Fault::cut("first")).wait().unwrap();
    pass(&world, 2);
    text(&world, console);
    pass(&world, 30);
    assert_eq!(text(&world, console), "", "nobody is heard over a link that is cut");
    world.inject(Fault::mend("first")).wait().unwrap();
    pass(&world, 20);
    assert!(text(&world, console).contains("2k"));
    world.change_link("first", "latency = '50 ms'".parse().unwrap()).wait().unwrap();
    pass(&world, 10);
    text(&world, console);
    pass(&world, 80);
    assert!(!text(&world, console).contains("2k"), "the answer is still under way");
    pass(&world, 40);
    assert!(text(&world, console).contains("2k"));
}

/// A machine finds a computer by its name, which is withdrawn when the computer is gone, and its address is given again.
#[test]
fn computers_have_names_and_addresses() {
    let world = town();
    let name = "dig +short first.example";
    assert_eq!(world.exec("web", name).wait().unwrap().text(), "10.1.0.17\n");
    world.destroy("first").wait().unwrap();
    let again = ComputerTable::default().at("lan").address(FIRST).kernel(asker(FIRST, WEB, 5_000));
    assert_eq!(world.exec("web", name).wait().unwrap().text(), "");
    world.create_computer("third", again.name("other.example")).wait().unwrap();
    assert_eq!(world.exec("web", "dig +short other.example").wait().unwrap().text(), "10.1.0.17\n");
    let console = world.open_serial("third").wait().unwrap();
    pass(&world, 5);
    assert!(text(&world, console).contains("2k"));
}

/// The guest of a fork goes on with the address of the card that it found, and its frames are carried nevertheless, as far
/// as they are from its own address.
#[test]
fn a_fork_is_another_machine_of_the_network() {
    let world = town();
    pass(&world, 3);
    world.fork("first", "twin").wait().unwrap();
    let [first, twin] = ["first", "twin"].map(|name| world.open_serial(name).wait().unwrap());
    text(&world, first);
    pass(&world, 30);
    assert!(text(&world, first).contains("2k"), "who was forked goes on");
    assert_eq!(text(&world, twin), "", "what is sent from the address of another is dropped");
    // The machine asks for the fork's address, so the fork hears the question.
    let seen = world.exec("web", "ping -c 1 -W 1 10.1.0.2").wait().unwrap();
    assert!(text(&world, twin).contains("1k"), "{seen:?}");
}
