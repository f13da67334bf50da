//! Worlds whose time goes by as a clock's does.

use std::sync::Arc;

use ironloom_node::core::{Clock, Instant, VirtualClock, WallClock};
use ironloom_node::prelude::*;
use ironloom_node::{NodeConfig, Shortage};

const TICKER: &str = "#!/bin/lua\nwhile true do fs.append('/tmp/ticks', '.') os.sleep(0.01) end";

fn ticking(pacing: Pacing) -> World {
    let builder = World::builder(1).pacing(pacing).window(Duration::from_millis(10));
    builder.machine("loom", |loom| loom.file("/bin/tick", TICKER).runs("tick")).build().unwrap()
}

fn ticks(datacenter: &impl Datacenter) -> u64 {
    datacenter.read_file("loom", "/tmp/ticks").wait().map_or(0, |bytes| bytes.len() as u64)
}

#[test]
fn a_node_is_awaited_from_tokio() {
    let node = Node::start(ticking(Pacing::Clock)).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let finished = runtime.block_on(async {
        let events = node.subscribe(10);
        let finished = node.exec("loom", "sleep 0.05; echo done").await.unwrap();
        while !matches!(events.next().await, Event::Process { .. }) {}
        finished
    });
    assert_eq!(finished.text(), "done\n");
    node.stop();
    assert!(!node.is_running());
    assert_eq!(node.exec("loom", "true").wait(), Err(OrderError::Stopped));
}

#[test]
fn time_goes_by_as_the_clock_does() {
    let (world, clock) = (ticking(Pacing::Clock), WallClock::start());
    let node = Node::start(world.clone()).unwrap();
    node.exec("loom", "sleep 0.3").wait().unwrap();
    assert!(clock.now() >= Instant::ZERO.saturating_add(Duration::from_millis(300)));
    drop(node);
    let at = world.now();
    assert!(at <= clock.now().saturating_add(Duration::from_millis(10)), "it is not ahead of its clock");
    world.run_for(Duration::from_secs(1));
    assert_eq!(world.now(), at.saturating_add(Duration::from_secs(1)), "it goes on in virtual time");
}

#[test]
fn without_a_pace_it_is_as_fast_as_it_can() {
    let clock = WallClock::start();
    let node = Node::start(ticking(Pacing::Free)).unwrap();
    node.exec_within(Duration::from_secs(600), "loom", "sleep 300").wait().unwrap();
    assert!(ticks(&node) >= 29_000);
    let seconds = clock.now().as_nanos() / 1_000_000_000;
    assert!(seconds < 150, "five minutes took {seconds} s");
}

/// The clock is told the time, so what comes of it is known to the window.
#[test]
fn a_clock_that_jumps_is_followed_as_far_as_that_makes_sense() {
    let clock = Arc::new(VirtualClock::default());
    let config = NodeConfig { lag_max: Duration::from_secs(2), ..NodeConfig::default() };
    let node = Node::start_with(ticking(Pacing::WindowsPerSecond(100)), config, Arc::clone(&clock)).unwrap();
    let world = node.ready().unwrap();
    let events = node.subscribe(1_000_000);
    let at = |millis| Instant::ZERO.saturating_add(Duration::from_millis(millis));
    // An order wakes the node, which then looks at the clock.
    let reach = |millis: u64| {
        while world.now() < at(millis) {
            node.read_file("loom", "/etc/passwd").wait().unwrap();
        }
        assert_eq!(world.now(), at(millis));
    };
    clock.advance_to(at(500));
    reach(500);
    assert_eq!(node.late_report().skipped, 0);
    let before = ticks(&node);
    clock.advance_to(at(3_600_500));
    reach(2_500);
    assert_eq!(node.late_report().skipped, 359_800, "all of the hour but two seconds");
    assert!(ticks(&node) - before <= 201, "nobody ran more often than that");
    let shortages: Vec<Shortage> = std::iter::from_fn(|| events.poll())
        .filter_map(|event| if let Event::Resource { shortage, .. } = event { Some(shortage) } else { None })
        .collect();
    assert!(shortages.contains(&Shortage::Skipped { windows: 359_800 }));
    clock.advance_to(at(3_600_600));
    reach(2_600);
}

#[test]
fn late_windows_are_explained() {
    let busy = "#!/bin/lua\nwhile true do local sum = 0 for i = 1, 100 do sum += i end end";
    let world = World::builder(1)
        .pacing(Pacing::WindowsPerSecond(1_000))
        .machine("idle", |idle| idle.count(3))
        .machine("busy", |machine| machine.file("/bin/spin", busy).runs("spin"))
        .build()
        .unwrap();
    let config = NodeConfig { late_after: Duration::ZERO, ..NodeConfig::default() };
    let node = Node::start_with(world, config, WallClock::start()).unwrap();
    let events = node.subscribe(10_000);
    let late = std::iter::from_fn(|| events.wait_for(Duration::from_secs(30)))
        .find_map(|event| match event {
            Event::Resource { shortage: Shortage::Late(late), .. } => Some(late),
            _ => None,
        })
        .expect("no window is over in no time");
    assert_eq!(late.busiest.as_deref(), Some("busy"));
    assert!(late.safepoints > 0);
    assert!(late.network.saturating_add(late.machines).saturating_add(late.settling) <= late.took);
    assert!(late.machines > late.settling, "{late:?}");
    let report = node.late_report();
    assert!(report.late > 0 && report.late <= report.windows && report.worst.is_some(), "{report:?}");
}

#[test]
fn a_node_that_is_given_up_while_its_world_is_built_stops() {
    let clock = WallClock::start();
    let town = World::builder(1).machine("desk", |desk| desk.count(500_000).in_cell()).describe().unwrap();
    let node = Node::launch(town).unwrap();
    let waiting = node.exec("desk-1", "true");
    drop(node);
    assert_eq!(waiting.wait(), Err(OrderError::Stopped), "whoever waits is told");
    let seconds = clock.now().as_nanos() / 1_000_000_000;
    assert!(seconds < 5, "it took {seconds} s, and did not build half a million machines");
}

#[test]
fn nodes_that_start_and_stop_at_once_do_not_hang() {
    let world = ticking(Pacing::Clock);
    for round in 0..100 {
        let node = Node::start(world.clone()).unwrap();
        let reply = node.exec("loom", "true");
        if round % 2 == 0 {
            node.stop();
        }
        drop(node);
        // It was done or it was not, but nobody waits for ever.
        assert!(matches!(reply.wait(), Ok(_) | Err(OrderError::Stopped)));
    }
}

#[test]
fn what_is_wrong_with_a_launched_world_is_told() {
    let mut town = World::builder(1).describe().unwrap();
    town.workers = 0;
    let node = Node::launch(town).unwrap();
    assert!(node.ready().unwrap_err().to_string().contains("somebody has to work"));
    assert!(node.ready().unwrap_err().to_string().contains("stopped"));
}

#[test]
fn more_orders_than_may_wait_are_refused() {
    let clock = Arc::new(VirtualClock::default());
    let config = NodeConfig { orders_max: 8, ..NodeConfig::default() };
    let node = Node::start_with(ticking(Pacing::Clock), config, clock).unwrap();
    let world = node.ready().unwrap();
    // Nobody takes orders while somebody has the world.
    let results: Vec<_> = world.visit(|_| (0..100).map(|_| node.exec("loom", "true")).collect());
    drop(node);
    let results: Vec<_> = results.into_iter().map(Reply::wait).collect();
    let busy = Err(OrderError::Busy { orders_max: 8 });
    assert!(results.iter().filter(|result| **result == busy).count() >= 90, "{results:?}");
}
