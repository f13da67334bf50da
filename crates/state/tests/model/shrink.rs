//! Making a schedule that fails as small as it gets.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::schedule::Schedule;
use crate::world::World;

/// Runs a schedule; if it fails, panics with the seed and with as few of the steps as fail too.
pub(crate) fn run(number: u64, schedule: &Schedule) {
    let Err(reason) = attempt(schedule) else { return };
    let (mut small, mut why) = (schedule.clone(), reason.clone());
    let mut at = small.steps.len();
    while at > 0 {
        at -= 1;
        let mut smaller = small.clone();
        smaller.steps.remove(at);
        if let Err(reason) = attempt(&smaller) {
            (small, why) = (smaller, reason);
            at = at.min(small.steps.len());
        }
    }
    let steps: Vec<String> = small.steps.iter().map(|step| format!("{step:?}")).collect();
    panic!(
        "seed {number} fails: {reason}\nrun it: MODEL_SEED={number} cargo test -p ironloom-state --test model seeded\n\
         smallest ({why}):\n{}\n{:?}",
        steps.join("\n"),
        small.config
    );
}

fn attempt(schedule: &Schedule) -> Result<(), String> {
    catch_unwind(AssertUnwindSafe(|| drop(World::run(schedule)))).map_err(|panic| text(&*panic))
}

fn text(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("without a message").to_owned()
}
