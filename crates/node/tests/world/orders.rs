//! What can be asked of a world.

use ironloom_node::core::borsh;
use ironloom_node::prelude::*;
use ironloom_node::{Failure, NetworkChange};

fn town() -> World {
    World::builder(3)
        .network("lan", "10.1.0.0/24")
        .network("far", "10.2.0.0/24")
        .router("edge", |edge| edge.to("lan").to("far"))
        .machine("web", |web| web.at("far").runs("httpd -q -p 80").file("/var/www/index.html", "hello"))
        .machine("desk", |desk| desk.at("lan").count(2))
        .machine("hermit", |hermit| hermit)
        .build()
        .unwrap()
}

const READ: &str = "curl -s -m 2 http://10.2.0.2/";

#[test]
fn machines_come_go_and_are_forked() {
    let world = town();
    world
        .create("late", MachineTable::default().at("lan").file("/etc/motd", "late but there"))
        .wait()
        .unwrap();
    assert_eq!(
        world.exec("late", format!("cat /etc/motd; {READ}").as_str()).wait().unwrap().text(),
        "late but therehello"
    );
    world.fork("late", "later").wait().unwrap();
    assert_eq!(
        world.exec("later", format!("hostname; {READ}").as_str()).wait().unwrap().text(),
        "later\nhello"
    );
    let addresses = |name| world.exec(name, "ip addr").wait().unwrap().text();
    assert_ne!(addresses("late"), addresses("later"));
    let taken = world.create("late", MachineTable::default()).wait();
    assert_eq!(taken, Err(OrderError::NameTaken { name: "late".to_owned() }));
    world.destroy("late").wait().unwrap();
    let gone = world.exec("late", "true").wait().unwrap_err();
    assert_eq!(gone.to_string(), "there is no machine named `late`");
    let nowhere = world.create("lost", MachineTable::default().at("attic")).wait().unwrap_err();
    assert!(nowhere.to_string().contains("`attic`"), "{nowhere}");
    world.fork("hermit", "brother").wait().unwrap();
    assert_eq!(world.exec("brother", "hostname").wait().unwrap().text(), "brother\n");
}

#[test]
fn addresses_of_the_gone_are_given_again() {
    let world = World::builder(1).network("lan", "10.1.0.0/29").build().unwrap();
    for round in 0..50 {
        let name = format!("guest-{round}");
        world.create(&name, MachineTable::default().at("lan")).wait().unwrap();
        world.destroy(&name).wait().unwrap();
    }
    for number in 0..5 {
        world.create(&format!("guest-{number}"), MachineTable::default().at("lan")).wait().unwrap();
    }
    let full = world.create("guest-5", MachineTable::default().at("lan")).wait().unwrap_err();
    assert!(full.to_string().contains("taken"), "{full}");
}

#[test]
fn commands_have_an_end() {
    let world = town();
    let finished = world.exec("hermit", "echo out; echo err >&2; exit 3").wait().unwrap();
    assert_eq!(
        (finished.exit, &*finished.output, &*finished.errors),
        (Exit::Code(3), &b"out\n"[..], &b"err\n"[..])
    );
    let begun = world.now();
    let late =
        world.exec_within(Duration::from_secs(2), "hermit", "echo begun; sleep 100").wait().unwrap_err();
    assert!(matches!(&late, OrderError::TimedOut { output, .. } if output == b"begun\n"), "{late:?}");
    assert_eq!(world.now().saturating_since(begun).as_millis(), 2_000);
    let processes = world.exec("hermit", "ps").wait().unwrap().text();
    assert_eq!(processes.matches(" sh\n").count(), 1, "only that of this command: {processes}");
}

#[test]
fn snapshots_bring_back_what_was() {
    let world = town();
    let before = world.snapshot("web").wait().unwrap();
    world.exec("web", "rm /var/www/index.html; echo mine > /root/flag").wait().unwrap();
    assert_ne!(world.exec("desk-1", READ).wait().unwrap().text(), "hello");
    world.roll_back("web", before).wait().unwrap();
    assert_eq!(world.exec("desk-1", READ).wait().unwrap().text(), "hello");
    assert!(world.read_file("web", "/root/flag").wait().is_err());
}

#[test]
fn consoles_are_typed_at_and_seen() {
    let world = town();
    let console =
        world.open_console("hermit", Size::default(), "read line; echo you said $line").wait().unwrap();
    assert_eq!(world.type_in(console, "hello\n").wait(), Ok(6));
    world.run_for(Duration::from_millis(50));
    let seen = world.see(console, 1_000).wait().unwrap().unwrap();
    assert!(String::from_utf8(seen.bytes).unwrap().contains("you said hello"));
    world.close_console(console).wait().unwrap();
    assert_eq!(
        world.type_in(console, "more").wait().unwrap_err().to_string(),
        format!("there is no console named `{console}`")
    );
}

#[test]
fn files_go_in_and_out() {
    let world = town();
    world
        .write_file("hermit", "/tmp/secret", FileTable::from(b"\x00\xff".to_vec()).mode(0o600).owner(1000))
        .wait()
        .unwrap();
    assert_eq!(world.read_file("hermit", "/tmp/secret").wait().unwrap(), b"\x00\xff");
    assert_eq!(world.exec("hermit", "stat -c '%a %u' /tmp/secret").wait().unwrap().text(), "600 1000\n");
    let missing = world.read_file("hermit", "/tmp/none").wait().unwrap_err();
    assert!(missing.to_string().contains("/tmp/none"), "{missing}");
}

#[test]
fn the_network_is_broken_and_mended() {
    let world = town();
    let reads = |world: &World| world.exec("desk-1", READ).wait().unwrap().text() == "hello";
    assert!(reads(&world));
    for link in [LinkName::from("web"), LinkName::from(["edge", "far"]), LinkName::from(["far", "edge"])] {
        world.inject(Fault::Cut(link.clone())).wait().unwrap();
        assert!(!reads(&world), "{link:?}");
        world.inject(Fault::Mend(link)).wait().unwrap();
        // Whoever asked in vain for an address asks again after a while.
        world.run_for(Duration::from_secs(5));
        assert!(reads(&world));
    }
    let took = |world: &World| {
        let begun = world.now();
        assert!(reads(world));
        world.now().saturating_since(begun).as_millis()
    };
    let quick = took(&world);
    world.inject(Fault::delay("desk-1", Duration::from_millis(100))).wait().unwrap();
    assert!(took(&world) >= quick + 400, "two round trips");
    world.change_link("desk-1", "latency = '1 ms'".parse().unwrap()).wait().unwrap();
    assert!(took(&world) < quick + 100);
    world.inject(Fault::loss("desk-1", 1_000_000)).wait().unwrap();
    assert!(!reads(&world));
    world.inject(Fault::loss("desk-1", 0)).wait().unwrap();
    world
        .add_rule("edge", "verdict = 'reject', protocol = 'tcp', ports = 80".parse().unwrap())
        .wait()
        .unwrap();
    world.run_for(Duration::from_secs(5));
    assert!(!reads(&world));
    let no_link = world.inject(Fault::cut(["lan", "far"])).wait().unwrap_err();
    assert!(no_link.to_string().contains("lan to far"), "{no_link}");
}

#[test]
fn what_happens_is_told_and_what_nobody_hears_is_counted() {
    let world = town();
    let (events, small) = (world.subscribe(100), world.subscribe(2));
    world.inject(Fault::cut("web")).wait().unwrap();
    world.inject(Fault::kill("web")).wait().unwrap();
    world.destroy("hermit").wait().unwrap();
    let told: Vec<Event> = std::iter::from_fn(|| events.poll()).collect();
    let has = |wanted: &dyn Fn(&Event) -> bool| told.iter().any(wanted);
    let cut = NetworkChange::LinkDown("web".into());
    assert!(has(&|event| matches!(event, Event::Network { change, .. } if *change == cut)), "{told:?}");
    assert!(has(
        &|event| matches!(event, Event::Failure { machine, failure: Failure::Killed, .. } if machine == "web")
    ));
    let state = |wanted| move |event: &Event| matches!(event, Event::Machine { machine, state, .. } if machine == "hermit" && *state == wanted);
    assert!(has(&state(MachineState::Destroyed)), "{told:?}");
    assert_eq!((events.dropped(), small.dropped()), (0, told.len() as u64 - 2));
    let bytes = borsh::to_vec(&told).unwrap();
    assert_eq!(borsh::from_slice::<Vec<Event>>(&bytes).unwrap(), told, "they can be kept and sent");
}

#[test]
fn orders_can_be_kept_and_given_later() {
    let orders = [
        Order::Create { machine: "a".to_owned(), table: Box::new(MachineTable::default().at("lan")) },
        Order::Exec {
            machine: "a".to_owned(),
            command: Command::shell(READ).user(1000, 1000),
            limit: Duration::from_secs(9),
        },
        Order::AddRule {
            router: "edge".to_owned(),
            rule: Box::new("verdict = 'drop', from = '10.1.0.0/24'".parse().unwrap()),
        },
        Order::ChangeLink { link: "a".into(), plan: Box::new("down = '1 Mbps'".parse().unwrap()) },
    ];
    let bytes = borsh::to_vec(&orders.to_vec()).unwrap();
    let run = |orders: Vec<Order>| {
        let world = town();
        let outcomes: Vec<_> = orders.into_iter().map(|order| world.submit(order).wait()).collect();
        (outcomes, world.digest())
    };
    let (outcomes, digest) = run(orders.to_vec());
    assert!(
        matches!(&outcomes[1], Ok(Outcome::Finished(finished)) if finished.text() == "hello"),
        "{outcomes:?}"
    );
    let sent = borsh::to_vec(&outcomes).unwrap();
    assert_eq!(borsh::from_slice::<Vec<Result<Outcome, OrderError>>>(&sent).unwrap(), outcomes);
    assert_eq!(run(borsh::from_slice(&bytes).unwrap()), (outcomes, digest));
}
