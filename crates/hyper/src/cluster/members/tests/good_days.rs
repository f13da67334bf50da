//! Operations when nothing goes wrong, and one thing that does at a time.

use super::world::{Weather, World};
use super::*;

fn fair(founders: &[u8]) -> World {
    let mut world = World::new(1, hosts(founders), Weather::fair());
    world.run(millis(200));
    assert_eq!(world.running(), hosts(founders));
    world
}

#[test]
fn a_host_alone_runs_at_once_and_cannot_leave() {
    let mut world = fair(&[3]);
    world.ask(host(3), Wish::Leave);
    world.ask(host(3), Wish::Snapshot);
    world.ask(host(3), Wish::Snapshot);
    world.run(millis(200));
    let ended =
        [(Wish::Leave, Err(Denied::Last)), (Wish::Snapshot, Err(Denied::Busy)), (Wish::Snapshot, Ok(()))];
    assert_eq!(world.seat(host(3)).ended, ended);
    assert_eq!(world.running(), hosts(&[3]));
}

#[test]
fn founders_wait_for_each_other() {
    let mut world = World::new(1, hosts(&[0, 1]), Weather::fair());
    world.sleep(host(1), Duration::from_secs(5));
    world.run(Duration::from_secs(4));
    assert!(world.running().is_empty());
    world.run(Duration::from_secs(2));
    assert_eq!(world.running(), hosts(&[0, 1]));
}

#[test]
fn hosts_join_and_leave_and_the_machine_goes_on() {
    let mut world = fair(&[2, 3]);
    // One with a higher number, asking one that does not lead; one with the lowest, which leads from then on.
    for (joins, via, members) in [(5, 3, vec![2, 3, 5]), (0, 5, vec![0, 2, 3, 5])] {
        world.join(host(joins), host(via));
        world.run(millis(400));
        assert_eq!(world.running(), hosts(&members));
        assert_eq!(world.seat(host(joins)).ended, [(Wish::Join, Ok(()))]);
    }
    for (leaves, members) in [(3, vec![0, 2, 5]), (0, vec![2, 5]), (5, vec![2])] {
        world.ask(host(leaves), Wish::Leave);
        world.run(millis(400));
        assert_eq!(world.running(), hosts(&members));
        assert_eq!(world.seat(host(leaves)).members.state(), State::Left);
        assert_eq!(world.seat(host(leaves)).ended.last(), Some(&(Wish::Leave, Ok(()))));
    }
    assert_eq!(world.seat(host(2)).members.membership().epoch, Epoch::new(6));
    // Who has left may come back as another run.
    world.join(host(0), host(2));
    world.run(millis(400));
    assert_eq!(world.running(), hosts(&[0, 2]));
}

#[test]
fn a_snapshot_stops_all_for_a_short_time() {
    let mut world = fair(&[0, 1, 2]);
    world.ask(host(2), Wish::Snapshot);
    world.run(millis(300));
    assert_eq!(world.seat(host(2)).ended, [(Wish::Snapshot, Ok(()))]);
    let snapshots = &world.seat(host(0)).snapshots;
    assert_eq!(snapshots.len(), 1);
    for number in 0..3 {
        let seat = world.seat(host(number));
        assert_eq!(&seat.snapshots, snapshots);
        assert!(seat.pauses.len() == 2 && seat.pauses[1] < millis(20), "{:?}", seat.pauses);
    }
    assert_eq!(world.running(), hosts(&[0, 1, 2]));
}

#[test]
fn operations_take_turns() {
    let mut world = fair(&[0, 1, 2]);
    (0..3).for_each(|number| world.ask(host(number), if number == 1 { Wish::Leave } else { Wish::Snapshot }));
    world.join(host(4), host(0));
    world.run(Duration::from_secs(1));
    assert_eq!(world.running(), hosts(&[0, 2, 4]));
    for number in [0, 1, 2, 4] {
        assert!(matches!(world.seat(host(number)).ended[..], [(_, Ok(()))]), "{number}");
    }
}

#[test]
fn a_death_stops_all_at_once() {
    let mut world = fair(&[0, 1, 2]);
    world.kill(host(1));
    world.run(millis(600));
    world.input(host(2), Input::Lost(host(1), Why::Suspected));
    world.run(millis(3));
    for number in [0, 2] {
        let state = world.seat(host(number)).members.state();
        assert!(matches!(state, State::Stopped { host: dead, why: Why::Suspected, .. } if dead == host(1)));
    }
    assert!(world.check_restart());
}

#[test]
fn without_word_all_stop_within_the_lease() {
    let mut world = fair(&[0, 1, 2, 3]);
    world.island = Some(hosts(&[0, 3]));
    world.run(Duration::from_secs(3));
    for number in 0..4 {
        let state = world.seat(host(number)).members.state();
        assert!(matches!(state, State::Stopped { why: Why::Unheard, .. }), "{state:?}");
    }
    // Half with the lowest may, the other half may not.
    assert!(world.seat(host(3)).members.may_restart(hosts(&[0, 3])));
    assert!(!world.seat(host(1)).members.may_restart(hosts(&[1, 2])));
    assert!(world.check_restart());
}

#[test]
fn who_sleeps_longer_than_the_lease_wakes_up_stopped() {
    let mut world = fair(&[0, 1]);
    world.sleep(host(0), Duration::from_secs(10));
    world.run(Duration::from_secs(10));
    // Whatever it hears first, it does not go on.
    assert!(!world.seat(host(0)).members.may_run(world.now));
    world.run(millis(100));
    assert!(matches!(world.seat(host(0)).members.state(), State::Stopped { .. }));
}

#[test]
fn who_does_not_do_its_part_undoes_the_operation() {
    let mut world = fair(&[0, 1]);
    // It takes longer to drain, or to stand still, than it may.
    world.weather.work_max = Duration::from_secs(1_000);
    world.ask(host(1), Wish::Leave);
    world.run(Duration::from_secs(6));
    assert_eq!(world.seat(host(1)).ended, [(Wish::Leave, Err(Denied::Undone(host(1))))]);
    world.ask(host(1), Wish::Snapshot);
    world.run(Duration::from_secs(3));
    assert!(matches!(world.seat(host(1)).ended[1], (Wish::Snapshot, Err(Denied::Undone(_)))));
    assert_eq!(world.running(), hosts(&[0, 1]));
    // And the next one is as if nothing had been.
    world.weather.work_max = millis(1);
    world.ask(host(1), Wish::Leave);
    world.run(millis(500));
    assert_eq!(world.running(), hosts(&[0]));
}

#[test]
fn who_dies_while_it_joins_is_not_missed() {
    let mut world = fair(&[0, 1]);
    world.weather.work_max = millis(200);
    world.join(host(2), host(1));
    world.run(millis(5));
    world.kill(host(2));
    world.input(host(0), Input::Lost(host(2), Why::Unlinked));
    world.run(Duration::from_secs(4));
    assert_eq!(world.running(), hosts(&[0, 1]));
    assert_eq!(world.seat(host(0)).members.membership().epoch, Epoch::new(1));
}
