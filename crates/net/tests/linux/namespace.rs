//! [`Namespace`]: a network namespace of one test, and the tools that are run in it.

use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};

/// How long a command may take.
const SECONDS_MAX: u32 = 60;

/// Says that something cannot be tested here.
pub(crate) fn skip(why: &str) {
    println!("skipped: {why}");
}

/// Whether a command is installed.
pub(crate) fn has(tool: &str) -> bool {
    shell(&format!("command -v {tool}")).0
}

/// Runs a line of shell; whether it succeeded, and what it said.
pub(crate) fn shell(line: &str) -> (bool, String) {
    execute(&["sh", "-c", line])
}

fn execute(command: &[&str]) -> (bool, String) {
    let seconds = SECONDS_MAX.to_string();
    let mut timeout = Command::new("timeout");
    let output = timeout.args(["-k", "1", &seconds]).args(command).output().expect("there is `timeout`");
    let mut said = String::from_utf8_lossy(&output.stdout).into_owned();
    said += &String::from_utf8_lossy(&output.stderr);
    (output.status.success(), said)
}

/// A network namespace, which goes when it is dropped.
pub(crate) struct Namespace {
    pub(crate) name: String,
}

impl Namespace {
    /// A namespace, unless there can be none here.
    pub(crate) fn new() -> Option<Self> {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let name = format!("il{}-{number}", std::process::id());
        let (is_made, said) = shell(&format!("ip netns add {name}"));
        if !is_made {
            skip(&format!("no network namespace can be made ({})", said.trim()));
            return None;
        }
        Some(Self { name })
    }

    /// Runs a line of shell within; whether it succeeded, and what it said.
    pub(crate) fn try_run(&self, line: &str) -> (bool, String) {
        execute(&["ip", "netns", "exec", &self.name, "sh", "-c", line])
    }

    /// Runs a line of shell within, which succeeds; what it said.
    #[track_caller]
    pub(crate) fn run(&self, line: &str) -> String {
        let (is_done, said) = self.try_run(line);
        assert!(is_done, "`{line}` failed: {said}");
        said
    }
}

impl Drop for Namespace {
    fn drop(&mut self) {
        // Whoever still runs in it was started by a test that failed.
        let name = &self.name;
        shell(&format!("ip netns pids {name} | xargs -r kill; ip netns del {name}"));
    }
}
