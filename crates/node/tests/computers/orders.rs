//! What can be asked of computers.

use ironloom_node::core::borsh;
use ironloom_node::prelude::*;
use ironloom_node::{Failure, Order};

use crate::guests::{clock, echo};
use crate::{pass, say, text};

fn office() -> World {
    World::builder(3)
        .network("lan", "10.1.0.0/24")
        .machine("desk", |desk| desk.at("lan"))
        .computer("big", |big| big.at("lan").memory_mib(8).kernel(echo()))
        .build()
        .unwrap()
}

fn refusal<T: std::fmt::Debug>(reply: Reply<T>) -> String {
    reply.wait().unwrap_err().to_string()
}

#[test]
fn a_console_is_typed_at_and_seen_by_several() {
    let world = office();
    pass(&world, 5);
    let console = world.open_serial("big").wait().unwrap();
    assert_eq!(text(&world, console), ">", "what was said before is seen first");
    assert_eq!(say(&world, console, "hello"), "h1e2l3l4o5");
    let other = world.open_console("big", Size::default(), Command::default()).wait().unwrap();
    assert_eq!(text(&world, other), ">h1e2l3l4o5");
    assert_eq!((say(&world, other, "!").as_str(), text(&world, console).as_str()), ("!6", "!6"));
    assert_eq!(world.see(console, 10).wait().unwrap(), None);
    world.type_in(console, "abc").wait().unwrap();
    pass(&world, 3);
    assert_eq!(world.see(console, 2).wait().unwrap().unwrap().bytes, b"a7");
    assert!(
        refusal(world.resize(console, Size { rows: 50, columns: 132 })).contains("stty rows 50 cols 132")
    );
    world.close_console(console).wait().unwrap();
    assert_eq!(refusal(world.type_in(console, "x")), format!("there is no console named `{console}`"));
    assert!(refusal(world.see(console, 1)).contains("no console"));
    assert_eq!(text(&world, other), "a7b0c1");
    // Those of machines are others.
    let shell = world.open_console("desk", Size::default(), "cat").wait().unwrap();
    assert!(shell != console && shell != other);
    world.destroy("big").wait().unwrap();
    assert!(refusal(world.see(other, 1)).contains("no console"));
}

#[test]
fn commands_and_files_are_for_machines_with_a_system_of_ours() {
    let world = office();
    let instead = OrderError::HasConsole { computer: "big".to_owned() };
    assert!(instead.to_string().contains("open its console"), "{instead}");
    assert_eq!(world.exec("big", "true").wait().unwrap_err(), instead);
    assert_eq!(world.read_file("big", "/etc/passwd").wait().unwrap_err(), instead);
    assert_eq!(world.write_file("big", "/tmp/a", "b").wait().unwrap_err(), instead);
    assert_eq!(world.open_console("big", Size::default(), "sh").wait().unwrap_err(), instead);
    assert_eq!((world.machines(), world.computers()), (vec!["desk".to_owned()], vec!["big".to_owned()]));
}

/// Power is cut by an order, by a fault, or by the computer itself, and comes back; each time it begins anew.
#[test]
fn power_goes_and_comes_back() {
    use MachineState::{Booting, Running, Stopped};

    let world = office();
    let console = world.open_serial("big").wait().unwrap();
    let events = world.subscribe(100);
    let states = || -> Vec<MachineState> {
        std::iter::from_fn(|| events.poll())
            .filter_map(|event| match event {
                Event::Machine { machine, state, .. } if machine == "big" => Some(state),
                _ => None,
            })
            .collect()
    };
    assert_eq!(say(&world, console, "a"), ">a1");
    assert!(refusal(world.start("big")).contains("`big` is Running: stop it"));
    world.stop("big").wait().unwrap();
    assert!(refusal(world.type_in(console, "a")).contains("start it before"));
    assert!(refusal(world.suspend("big")).contains("start it first"));
    pass(&world, 5);
    world.stop("big").wait().unwrap();
    world.start("big").wait().unwrap();
    assert_eq!(say(&world, console, "b"), ">b1");
    assert_eq!(states(), [Stopped, Booting, Running]);

    world.type_in(console, "q").wait().unwrap();
    pass(&world, 5);
    assert_eq!(states(), [Stopped]);
    world.start("big").wait().unwrap();
    assert_eq!(say(&world, console, "cr"), ">c1>");
    assert_eq!(states(), [Booting, Running, Booting, Running], "it reset itself");
    assert_eq!(say(&world, console, "d"), "d1");

    world.inject(Fault::kill("big")).wait().unwrap();
    let killed = |event: &Event| matches!(event, Event::Failure { machine, failure: Failure::Killed, .. } if machine == "big");
    let told: Vec<Event> = std::iter::from_fn(|| events.poll()).collect();
    assert!(told.iter().any(killed), "{told:?}");
    world.start("big").wait().unwrap();
    assert_eq!(say(&world, console, "e"), ">e1");
}

#[test]
fn computers_come_go_and_are_forked() {
    let world = office();
    let table = ComputerTable::default().at("lan").memory_mib(8).kernel(echo());
    world.create_computer("late", table.clone()).wait().unwrap();
    let console = world.open_serial("late").wait().unwrap();
    assert_eq!(say(&world, console, "ab"), ">a1b2");
    world.fork("late", "later").wait().unwrap();
    let fork = world.open_serial("later").wait().unwrap();
    assert_eq!((say(&world, fork, "c").as_str(), say(&world, console, "d").as_str()), ("c3", "d3"));
    let taken = |name: &str| OrderError::NameTaken { name: name.to_owned() };
    assert_eq!(world.create_computer("desk", table.clone()).wait().unwrap_err(), taken("desk"));
    assert_eq!(world.create("late", MachineTable::default()).wait().unwrap_err(), taken("late"));
    assert_eq!(world.fork("late", "desk").wait().unwrap_err(), taken("desk"));
    assert!(refusal(world.create_computer("lost", table.clone().at("attic"))).contains("`attic`"));
    assert!(refusal(world.create_computer("none", ComputerTable::default())).contains("needs a kernel"));
    let mute = ComputerTable::default().at("lan").kernel(b"no kernel".to_vec());
    assert!(refusal(world.create_computer("mute", mute)).contains("kernel"));
    // Whoever was not made has neither a name nor an address.
    let address = |world: &World, name: &str| {
        world.visit(|machines| {
            machines.fabric().machines().find(|(_, its, _)| *its == name).and_then(|(.., address)| address)
        })
    };
    let last = address(&world, "later").unwrap();
    world.destroy("later").wait().unwrap();
    assert_eq!(world.computers(), ["big", "late"]);
    world.create_computer("next", table).wait().unwrap();
    assert_eq!(address(&world, "next"), Some(last));
    assert_eq!(refusal(world.stop("later")), "there is no machine named `later`");
}

#[test]
fn snapshots_bring_back_what_was() {
    let world = office();
    let console = world.open_serial("big").wait().unwrap();
    assert_eq!(say(&world, console, "abc"), ">a1b2c3");
    let three = world.snapshot("big").wait().unwrap();
    assert_eq!(say(&world, console, "de"), "d4e5");
    let five = world.snapshot("big").wait().unwrap();
    world.roll_back("big", three).wait().unwrap();
    assert_eq!(say(&world, console, "f"), "f4");
    world.roll_back("big", five).wait().unwrap();
    assert_eq!(say(&world, console, "g"), "g6");
    // Who is off was not off then, and who stands still goes on standing still.
    world.stop("big").wait().unwrap();
    let off = world.snapshot("big").wait().unwrap();
    world.roll_back("big", three).wait().unwrap();
    assert_eq!(say(&world, console, "h"), "h4");
    world.suspend("big").wait().unwrap();
    world.roll_back("big", five).wait().unwrap();
    assert_eq!(say(&world, console, "i"), "");
    world.resume("big").wait().unwrap();
    pass(&world, 2);
    assert_eq!(text(&world, console), "i6");
    world.roll_back("big", off).wait().unwrap();
    assert!(refusal(world.type_in(console, "j")).contains("Stopped"));
    let none = world.roll_back("big", ironloom_node::blob::BlobId::of(b"nothing"));
    assert!(none.wait().is_err());
}

/// A computer that is rolled back lives through the same again.
#[test]
fn what_follows_a_snapshot_is_the_same_each_time() {
    let world =
        World::builder(3).computer("big", |big| big.memory_mib(8).kernel(clock(700))).build().unwrap();
    let console = world.open_serial("big").wait().unwrap();
    pass(&world, 10);
    let snapshot = world.snapshot("big").wait().unwrap();
    let runs: Vec<(String, u64)> = (0..3)
        .map(|_| {
            world.roll_back("big", snapshot).wait().unwrap();
            text(&world, console);
            let before = world.visit_computer("big", |big| big.retired()).unwrap();
            pass(&world, 20);
            let retired = world.visit_computer("big", |big| big.retired()).unwrap() - before;
            (text(&world, console), retired)
        })
        .collect();
    assert_eq!(runs[0].0.len(), 28);
    assert!(runs.iter().all(|run| *run == runs[0]), "{runs:?}");
}

#[test]
fn orders_about_computers_can_be_kept_and_given_later() {
    let table = ComputerTable::default().at("lan").memory_mib(8).kernel(echo()).disk(vec![7; 1_000]);
    let orders = vec![
        Order::CreateComputer { computer: "late".to_owned(), table: Box::new(table) },
        Order::OpenConsole { machine: "late".to_owned(), size: Size::default(), command: Command::default() },
        Order::Type { console: 0, bytes: b"xyz".to_vec() },
        Order::Exec { machine: "late".to_owned(), command: Command::shell("true"), limit: Duration::ZERO },
    ];
    let bytes = borsh::to_vec(&orders).unwrap();
    let run = |orders: Vec<Order>| {
        let world = office();
        let outcomes: Vec<_> = orders.into_iter().map(|order| world.submit(order).wait()).collect();
        pass(&world, 3);
        (outcomes, text(&world, 0), world.digest())
    };
    let first = run(orders);
    assert_eq!(first.1, ">x1y2z3");
    assert_eq!(run(borsh::from_slice(&bytes).unwrap()), first);
    let sent = borsh::to_vec(&first.0).unwrap();
    assert_eq!(borsh::from_slice::<Vec<Result<Outcome, OrderError>>>(&sent).unwrap(), first.0);
}
