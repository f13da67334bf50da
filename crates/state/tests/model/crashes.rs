//! One rich scenario, with the power going at every single operation of the store.

use ironloom_core::{Rng, Seed};
use ironloom_state::{BatchId, Config, Roots, State};

use crate::program::Programs;
use crate::schedule::{End, Fault, Stage, Step, config, plan};
use crate::world::World;

/// Batches, a rollback, a return, a prune, a restart.
fn scenario() -> Vec<Step> {
    let mut rng = Rng::new(Seed::new(4)).split("scenario", 0);
    let mut steps = Vec::new();
    let mut submit = |steps: &mut Vec<Step>, count: u64| {
        for number in 0..count {
            steps.push(Step::Submit { plan: plan(&mut rng), synced: number % 3 == 2 });
        }
    };
    submit(&mut steps, 4);
    steps.push(Step::Wait { pick: 3, stage: Stage::Committed });
    submit(&mut steps, 2);
    steps.push(Step::Rollback { pick: 2, waits: false });
    steps.push(Step::Return { pick: 0 });
    submit(&mut steps, 3);
    steps.push(Step::Wait { pick: 8, stage: Stage::Durable });
    steps.push(Step::Prune { pick: 2, is_full: true });
    submit(&mut steps, 2);
    steps.push(Step::Rollback { pick: 3, waits: true });
    submit(&mut steps, 2);
    steps.push(Step::Check);
    steps.push(Step::End { how: End::Close, roots: Roots::On, fault_at_open: None });
    submit(&mut steps, 2);
    steps.push(Step::Prune { pick: 9, is_full: true });
    steps.push(Step::Check);
    steps
}

fn limits(tree_changes_max: u64) -> Config {
    Config { prune_step_rows_max: 2, tree_changes_max, resident_resources_max: 3, ..config(0) }
}

/// Lets the scenario happen; `fault` strikes in it, and of what was not synced so many commits are kept.
///
/// Returns how many operations there were, and whether the power went.
fn run(tree_changes_max: u64, fault: Option<Fault>, kept: usize) -> (u64, bool) {
    let mut world = World::new(Seed::new(1), limits(tree_changes_max));
    if let Some(fault) = fault {
        world.step(&Step::Fault(fault));
    }
    let mut is_struck = false;
    for step in scenario() {
        is_struck |= world.step_or(&step, End::CrashKeeping(kept));
    }
    let operations = world.store.operations();
    world.finish();
    (operations, is_struck)
}

#[test]
fn the_power_may_go_at_every_operation() {
    for tree_changes_max in [1, 5, 1_000] {
        let (operations, _) = run(tree_changes_max, None, 0);
        assert!(operations > 30, "{operations}");
        let mut struck = 0;
        for at in 0..operations {
            for kept in 0..6 {
                struck += u64::from(run(tree_changes_max, Some(Fault::PowerOff(at)), kept).1);
                struck += u64::from(run(tree_changes_max, Some(Fault::Fail(at)), kept).1);
            }
        }
        assert!(struck > operations, "{struck} of {operations}");
    }
}

#[test]
fn any_read_may_fail() {
    let mut world = World::new(Seed::new(1), limits(5));
    scenario().iter().for_each(|step| world.step(step));
    for at in 0..world.store.reads() {
        run(5, Some(Fault::FailRead(at)), 1);
    }
}

/// The power goes while the state is being opened after a crash, at each operation of that.
#[test]
fn the_power_may_go_while_the_state_is_opened() {
    for (steps, at) in (0..scenario().len()).flat_map(|steps| (0..8).map(move |at| (steps, at))) {
        let mut world = World::new(Seed::new(at), limits(5));
        scenario()[..steps].iter().for_each(|step| world.step(step));
        let roots = if at % 2 == 0 { Roots::On } else { Roots::Off };
        world.step(&Step::End { how: End::Crash, roots, fault_at_open: Some(Fault::PowerOff(at)) });
        world.step(&Step::End {
            how: End::Crash,
            roots: Roots::On,
            fault_at_open: Some(Fault::PowerOff(at)),
        });
        scenario()[steps..].iter().for_each(|step| world.step(step));
        world.finish();
    }
}

/// A store that was never written to has nothing, whatever went wrong when it was first opened.
#[test]
fn the_power_may_go_when_a_store_is_first_opened() {
    for at in 0..4 {
        let store = ironloom_state::FaultyStore::new(Seed::new(at));
        store.power_off_after(at);
        let opened = State::open(store.clone(), Programs, config(0));
        let found = store.crash();
        drop(opened);
        let state = State::open(found, Programs, config(0)).unwrap();
        assert_eq!(state.tip(), BatchId::GENESIS);
    }
}
