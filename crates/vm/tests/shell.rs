//! The shell and the programs beside it, compared with Debian's dash and coreutils.
//!
//! `shell/cases.txt` lists command lines, `shell/expected.txt` what dash wrote and how it ended, a line for each case.
//! Where dash is at hand the second is compared with it, so that it stays true.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command as Host, Stdio};

use ironloom_core::{Duration, Seed};
use ironloom_vm::{Command, Heap, Image, MachineSpec, Machines};

/// A command line with what it finds.
#[derive(Debug, Default, Clone)]
struct Case {
    setup: String,
    input: String,
    line: String,
}

/// What came of a case: its exit code and its standard output, escaped into one line.
type Outcome = String;

fn cases() -> Vec<Case> {
    let text = format!("\n{}", include_str!("shell/cases.txt"));
    text.split("\n---\n").map(case).filter(|case| !case.line.is_empty()).collect()
}

fn case(block: &str) -> Case {
    let mut case = Case::default();
    let mut lines: Option<Vec<&str>> = None;
    for line in block.lines() {
        if let Some(setup) = line.strip_prefix("+ ") {
            case.setup = format!("{}{setup}\n", case.setup);
        } else if let Some(input) = line.strip_prefix("< ") {
            case.input = format!("{}{input}\n", case.input);
        } else if let Some(first) = line.strip_prefix("$ ") {
            lines = Some(vec![first]);
        } else if let Some(lines) = &mut lines {
            lines.push(line);
        }
    }
    case.line = lines.unwrap_or_default().join("\n").trim_end_matches('\n').to_owned();
    case
}

fn outcome(code: u8, output: &[u8]) -> Outcome {
    format!("{code} {}", output.escape_ascii())
}

/// Runs a case on a machine of its own. The second is what it complained about.
fn on_machine(machines: &mut Machines, image: &Image, heap: Heap, case: &Case) -> (Outcome, String) {
    let machine = machines.create(&MachineSpec::new("shell", image).heap(heap)).expect("there is room");
    let limit = Duration::from_secs(600);
    let command = |line: &str| Command::shell(line).directory("/tmp/case").variable("LC_ALL", "C");
    let made = machines.run(machine, &Command::shell("mkdir /tmp/case"), limit);
    made.expect("the directory is made");
    if !case.setup.is_empty() {
        machines.run(machine, &command(&case.setup), limit).expect("the case is set up");
    }
    let finished = machines.run(machine, &command(&case.line).input(case.input.as_str()), limit);
    let outcome = match finished {
        Ok(finished) => {
            let code = finished.exit.code();
            (outcome(code, &finished.output), String::from_utf8_lossy(&finished.errors).into_owned())
        }
        Err(error) => (String::new(), error.to_string()),
    };
    machines.destroy(machine).expect("it was created");
    outcome
}

/// The shell of the host, if that is dash.
fn dash() -> Option<PathBuf> {
    let shell = fs::canonicalize("/bin/sh").ok()?;
    shell.ends_with("dash").then_some(shell)
}

/// Runs a case with the dash of the host.
fn on_host(dash: &Path, directory: &Path, case: &Case) -> Outcome {
    let _ = fs::remove_dir_all(directory); // Left by a run that failed.
    fs::create_dir_all(directory).expect("a directory for the case");
    let run = |line: &str, input: &str| {
        let stdin = directory.with_extension("input");
        fs::write(&stdin, input).expect("its input");
        Host::new(dash)
            .args(["-c", line])
            .current_dir(directory)
            .env_clear()
            .envs([("PATH", "/usr/bin:/bin"), ("LC_ALL", "C"), ("TZ", "UTC0")])
            .env("HOME", directory)
            .stdin(fs::File::open(&stdin).expect("its input"))
            .stderr(Stdio::null())
            .output()
            .expect("dash runs")
    };
    if !case.setup.is_empty() {
        run(&case.setup, "");
    }
    let output = run(&case.line, &case.input);
    fs::remove_dir_all(directory).expect("the directory of the case");
    let code = output.status.code().and_then(|code| u8::try_from(code).ok()).unwrap_or(u8::MAX);
    outcome(code, &output.stdout)
}

fn compare(heap: Heap) {
    let image = Image::base();
    let mut machines = Machines::new(<_>::default(), Seed::new(7));
    let expected: Vec<&str> = include_str!("shell/expected.txt").lines().collect();
    let cases = cases();
    assert!(cases.len() >= 150 && cases.len() == expected.len(), "each case has a line of what is expected");
    let mut differing = Vec::new();
    for (number, (case, expected)) in cases.iter().zip(expected).enumerate() {
        let (found, errors) = on_machine(&mut machines, &image, heap, case);
        if found != expected {
            let Case { setup, line, .. } = case;
            differing
                .push(format!("case {number}\n{setup}$ {line}\ndash: {expected}\nhere: {found}\n{errors}"));
        }
    }
    assert!(differing.is_empty(), "{heap:?}: {} differ\n{}", differing.len(), differing.join("\n"));
}

#[test]
fn command_lines_do_what_dash_does_in_own_heaps() {
    compare(Heap::Own);
}

#[test]
fn command_lines_do_what_dash_does_in_cells() {
    compare(Heap::Cell);
}

#[test]
fn what_is_expected_is_what_dash_does() {
    let Some(dash) = dash() else { return };
    let directory = Path::new(env!("CARGO_TARGET_TMPDIR")).join("shell");
    let outcomes: Vec<Outcome> = cases().iter().map(|case| on_host(&dash, &directory, case)).collect();
    let text = outcomes.join("\n") + "\n";
    let written = directory.with_extension("expected");
    fs::write(&written, &text).expect("a file to compare with");
    assert!(text == include_str!("shell/expected.txt"), "dash says otherwise: see {}", written.display());
}
