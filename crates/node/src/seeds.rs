//! [`for_seeds`]: a simulation for many seeds.

use std::ops::Range;
use std::panic::{self, AssertUnwindSafe};
use std::path::Path;

/// One seed, and no other.
const SEED: &str = "IRONLOOM_SEED";

/// So many seeds, in place of as many as the program says.
const SEEDS: &str = "IRONLOOM_SEEDS";

/// Runs a simulation for each of these seeds, one after another. If one fails it says with which command that one alone is run
/// again, and fails.
///
/// The environment may ask for others: `IRONLOOM_SEED=17` for that one alone, `IRONLOOM_SEEDS=200` for so many from the first
/// on.
///
/// ```
/// use ironloom_node::prelude::*;
///
/// ironloom_node::for_seeds(0..3, |seed| {
///     let world = World::builder(seed)
///         .network("lan", "10.1.0.0/24")
///         .plan("radio", "loss = '20 %', latency = '5 ms'")
///         .machine("desk", |desk| desk.at("lan").plan("radio").count(2))
///         .build()
///         .unwrap();
///     let pinged = world.exec("desk-1", "ping -c 20 -i 0.1 10.1.0.3").wait().unwrap();
///     assert_eq!(pinged.exit.code(), 0, "somebody answered");
/// });
/// ```
///
/// # Panics
///
/// If the simulation does.
pub fn for_seeds(seeds: Range<u64>, run: impl Fn(u64)) {
    let seeds = match (asked(SEED), asked(SEEDS)) {
        (Some(seed), _) => seed..seed.saturating_add(1),
        (None, Some(count)) => seeds.start..seeds.start.saturating_add(count),
        (None, None) => seeds,
    };
    for seed in seeds {
        if let Err(panic) = panic::catch_unwind(AssertUnwindSafe(|| run(seed))) {
            tell(seed);
            panic::resume_unwind(panic);
        }
    }
}

#[expect(clippy::print_stderr, reason = "it stands beside what the panic printed")]
fn tell(seed: u64) {
    let thread = std::thread::current();
    let program = std::env::current_exe().unwrap_or_default();
    let package = variable("CARGO_PKG_NAME");
    eprintln!("seed {seed} failed; again: {}", command(seed, &program, package.as_deref(), thread.name()));
}

/// The command that runs one seed alone, as far as that can be found out.
fn command(seed: u64, program: &Path, package: Option<&str>, thread: Option<&str>) -> String {
    let file = program.file_name().unwrap_or_default().to_string_lossy();
    let folder = program.parent().and_then(Path::file_name).unwrap_or_default();
    let package = package.map_or_else(String::new, |package| format!(" -p {package}"));
    // Programs that are tests have the number of their build behind their name, and each test has a thread.
    if folder == "deps"
        && let Some((target, _)) = file.rsplit_once('-')
    {
        let is_library = package.trim_start_matches(" -p ").replace('-', "_") == target;
        let target = if is_library { " --lib".to_owned() } else { format!(" --test {target}") };
        let test = thread.filter(|name| *name != "main");
        let test = test.map_or_else(String::new, |name| format!(" -- --exact {name}"));
        return format!("{SEED}={seed} cargo test{package}{target}{test}");
    }
    let target = if folder == "examples" { "--example" } else { "--bin" };
    format!("{SEED}={seed} cargo run{package} {target} {file}")
}

fn asked(name: &str) -> Option<u64> {
    variable(name)?.parse().ok()
}

#[expect(
    clippy::disallowed_methods,
    reason = "it is how whoever runs a test says what he wants, and no input of a world"
)]
fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

#[cfg(test)]
mod tests {
    use parking_lot::Mutex;

    use super::*;

    #[test]
    fn the_command_is_one_that_can_be_typed() {
        let told = |program: &str, package, thread| command(17, Path::new(program), package, thread);
        assert_eq!(
            told("/t/debug/deps/world-0a1b", Some("ironloom-node"), Some("determinism::it_is")),
            "IRONLOOM_SEED=17 cargo test -p ironloom-node --test world -- --exact determinism::it_is"
        );
        assert_eq!(
            told("/t/debug/deps/my_town-0a1b", Some("my-town"), Some("main")),
            "IRONLOOM_SEED=17 cargo test -p my-town --lib"
        );
        assert_eq!(
            told("/t/release/examples/stress", Some("town"), Some("main")),
            "IRONLOOM_SEED=17 cargo run -p town --example stress"
        );
        assert_eq!(told("/t/release/town", None, None), "IRONLOOM_SEED=17 cargo run --bin town");
    }

    #[test]
    fn all_are_run_until_one_fails() {
        let ran = Mutex::new(Vec::new());
        let failed = panic::catch_unwind(AssertUnwindSafe(|| {
            for_seeds(3..9, |seed| {
                ran.lock().push(seed);
                assert!(seed < 5, "it is too large");
            });
        }));
        assert!(failed.is_err());
        assert_eq!(*ran.lock(), [3, 4, 5]);
    }
}
