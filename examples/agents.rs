//! A thousand agents nobody trusts, each on a computer of its own, forked from one image in microseconds. Each runs a
//! script that was generated for it, under limits of memory, work, processes and disk. Answers are collected; who does
//! not end in time is killed, with all that it started. First in heaps of their own, then in cells: to the same results.
//!
//! `cargo run --release --example agents`

use std::collections::BTreeMap;
use std::error::Error;
use std::sync::Arc;

use ironloom_node::blob::tree::Attributes;
use ironloom_node::core::{Clock, Duration, Instant, MachineId, Rng, Seed, WallClock};
use ironloom_node::vm::os::{Caller, Credentials, Exit};
use ironloom_node::vm::{Command, Config, Event, Heap, Image, Job, Limits};
use ironloom_node::vm::{MachineError, MachineSpec, Machines};

const AGENTS: usize = 1_000;
const PATIENCE: Duration = Duration::from_secs(1);
const USER: u32 = 1_000;

/// What somebody had generated, and what is to come out.
struct Task {
    script: String,
    answer: Option<String>,
}

/// Nineteen of twenty tasks are honest.
fn generate(rng: &mut Rng) -> Task {
    let n = rng.range(100..2_000);
    if rng.below(20) == 0 {
        let scripts = [
            "while true do end",
            "while true do pcall(function() while true do end end) end",
            "local hoard = {} while true do table.insert(hoard, string.rep('x', 1000 + #hoard)) end",
            "while true do os.spawn_path('/home/user/task') end",
            "local piece = string.rep('x', 65536) while true do assert(fs.append('/tmp/fill', piece)) end",
            "print(assert(fs.read('/etc/shadow')))",
        ];
        let script = (*rng.choose(&scripts).expect("there are some")).to_owned();
        return Task { script, answer: None };
    }
    let (script, answer) = match rng.below(3) {
        0 => (
            format!("local sum = 0 for i = 1, {n} do sum += i * i end print(sum)"),
            (1..=n).map(|i| i * i).sum(),
        ),
        1 => (format!("fs.write('w', ('loom '):rep({n})) print(select(2, fs.read('w'):gsub('%a+', '')))"), n),
        _ => (
            format!("os.spawn('sh', {{'-c', 'seq {n} | grep 7 | wc -l'}}, {{stdout = 'inherit'}}) os.wait()"),
            (1..=n).filter(|i| i.to_string().contains('7')).count() as u64,
        ),
    };
    Task { script, answer: Some(format!("{answer}\n")) }
}

/// Puts a script where its machine's user finds it.
fn install(machines: &mut Machines, id: MachineId, script: &str) -> Result<(), Box<dyn Error>> {
    let root = Credentials::root();
    let caller = Caller::system(&root, machines.now());
    Ok(machines.visit(id, |machine| {
        machine.files_mut().write_all(&caller, b"/home/user/task", script.as_bytes(), None)?;
        machine.files_mut().chmod(&caller, b"/home/user/task", 0o755)
    })??)
}

/// What became of an agent, in words.
fn judge(machines: &mut Machines, job: Job, exit: Option<Exit>, task: &Task) -> Result<String, MachineError> {
    let written = machines.collect(job)?;
    let errors = String::from_utf8_lossy(&written.errors);
    Ok(match (exit, &task.answer) {
        (Some(Exit::Code(0)), Some(answer)) if *answer.as_bytes() == written.output => "right".to_owned(),
        (Some(Exit::Code(0)), _) => "wrong".to_owned(),
        (Some(exit), _) => {
            format!("failed with {}: {}", exit.code(), errors.trim().rsplit(": ").next().unwrap_or_default())
        }
        (None, _) => "killed: did not end in time".to_owned(),
    })
}

/// Runs all tasks at once; what became of each, in order.
fn run(heap: Heap, image: &Image, tasks: &[Task]) -> Result<Vec<String>, Box<dyn Error>> {
    let clock = WallClock::start();
    let limits = Limits { processes_max: 16, safepoints_per_core: 10_000, ..Limits::default() };
    let config = Config { window: Duration::from_millis(10), limits: Arc::new(limits), ..Config::default() };
    let mut machines = Machines::new(config, Seed::new(7));
    let mut jobs = BTreeMap::new();
    for (number, task) in tasks.iter().enumerate() {
        let spec = MachineSpec::new(format!("agent-{number}"), image).heap(heap);
        let id = machines.create(&MachineSpec { memory_bytes: 2 << 20, disk_bytes: 2 << 20, ..spec })?;
        install(&mut machines, id, &task.script)?;
        let command = Command::new("/home/user/task").user(USER, USER).directory("/home/user");
        let job = machines.start(id, &command)?;
        jobs.insert((id, job.pid()), (number, job));
    }
    let made = clock.now();

    let mut results = vec![String::new(); tasks.len()];
    let mut ended = Vec::new();
    let deadline = machines.now().saturating_add(PATIENCE);
    machines.run_while(deadline, |machines| {
        while let Some(event) = machines.poll() {
            if let Event::Ended { machine, pid, exit, .. } = event
                && let Some((number, job)) = jobs.remove(&(machine, pid))
            {
                ended.push((machine, number, job, Some(exit)));
            }
        }
        !jobs.is_empty()
    });
    let late = jobs.into_iter().map(|((machine, _), (number, job))| (machine, number, job, None));
    for (machine, number, job, exit) in ended.into_iter().chain(late) {
        results[number] = judge(&mut machines, job, exit, &tasks[number])?;
        machines.destroy(machine)?;
    }
    println!(
        "{heap:?}: {AGENTS} machines made in {} ms, and gone again after {} ms.",
        made.as_nanos() / 1_000_000,
        clock.now().as_nanos() / 1_000_000
    );
    assert!(machines.is_empty(), "nothing is left of them");
    Ok(results)
}

fn main() -> Result<(), Box<dyn Error>> {
    let mut rng = Rng::new(Seed::new(7));
    let tasks: Vec<Task> = (0..AGENTS).map(|_| generate(&mut rng)).collect();
    let mut tree = Image::base().tree().fork();
    tree.put("/etc/motd", b"You have a second.\n", Attributes::new(0o644, Instant::ZERO))?;
    let image = Image::new(tree);
    println!("{AGENTS} agents, each with 2 MiB of memory, 2 MiB of disk, 16 processes and {PATIENCE}.\n");

    let results = run(Heap::Own, &image, &tasks)?;
    // In a cell, whoever needs memory pays for collecting that of all: what ends a bad script may differ.
    let in_cells = run(Heap::Cell, &image, &tasks)?;
    let same = results.iter().zip(&in_cells).all(|(own, cell)| (own == "right") == (cell == "right"));
    assert!(same, "it does not matter in which heap");

    let mut groups: BTreeMap<(&str, &str), usize> = BTreeMap::new();
    for (result, task) in results.iter().zip(&tasks) {
        let example = task.answer.as_ref().map_or(task.script.as_str(), |_| "(honest tasks)");
        *groups.entry((result.as_str(), example)).or_default() += 1;
    }
    for ((result, example), count) in groups.into_iter().rev() {
        println!("\n{count:>5}  {result}\n       {example}");
    }
    Ok(())
}
