//! The files of `/proc` about a process, as Linux writes them.

use std::fmt::Write as _;

use ironloom_core::Duration;

use super::ProcessFacts;
use super::node::ProcessFile;

/// How many ticks of these files are in a second.
const TICKS: u64 = 100;

const PAGE_BYTES: u64 = 4_096;

/// The number of the device `pts/0`.
const FIRST_TTY: u32 = 136 << 8;

/// How many bytes of a name are shown.
const NAME_BYTES_MAX: usize = 15;

pub(super) fn text(file: ProcessFile, facts: &ProcessFacts) -> Vec<u8> {
    match file {
        ProcessFile::CommandLine => terminated(&facts.args),
        ProcessFile::Command => [name(facts), b"\n"].concat(),
        // Environments are asked for apart, of whoever may see them.
        ProcessFile::Environment => Vec::new(),
        ProcessFile::Stat => stat(facts).into_bytes(),
        ProcessFile::Status => status(facts).into_bytes(),
    }
}

/// Each of these with a NUL behind it.
pub(super) fn terminated(parts: &[Vec<u8>]) -> Vec<u8> {
    parts.iter().flat_map(|part| part.iter().copied().chain([0])).collect()
}

fn name(facts: &ProcessFacts) -> &[u8] {
    &facts.name[..facts.name.len().min(NAME_BYTES_MAX)]
}

/// The name for files with a line for each thing: a name that pretends to be lines does not get through.
fn escaped_name(facts: &ProcessFacts) -> String {
    let text = String::from_utf8_lossy(name(facts)).replace('\\', "\\\\");
    text.replace('\n', "\\n").replace('\r', "\\r")
}

const fn ticks(duration: Duration) -> u64 {
    duration.as_nanos() / (1_000_000_000 / TICKS)
}

fn stat(facts: &ProcessFacts) -> String {
    let ProcessFacts { pid, ppid, pgid, state, nice, threads, memory_bytes, .. } = facts;
    let priority = 20 + i32::from(*nice);
    let (cpu, started) = (ticks(facts.cpu), ticks(facts.started));
    let pages = memory_bytes / PAGE_BYTES;
    let name = escaped_name(facts);
    let tty = facts.tty.map_or(0, |number| FIRST_TTY.saturating_add(number));
    // Fields 9 to 13, 15 to 17, 21 and from 25 on say nothing of such processes.
    format!(
        "{pid} ({name}) {state} {ppid} {pgid} {pgid} {tty} -1 0 0 0 0 0 {cpu} 0 0 0 {priority} {nice} {threads} 0 \
         {started} {memory_bytes} {pages}{}\n",
        " 0".repeat(28)
    )
}

fn status(facts: &ProcessFacts) -> String {
    let state = match facts.state {
        'R' => "running",
        'T' => "stopped",
        'Z' => "zombie",
        'X' => "dead",
        _ => "sleeping",
    };
    let ProcessFacts { pid, ppid, real_uid, uid, saved_uid, gid, threads, umask, .. } = facts;
    let name = escaped_name(facts);
    let letter = facts.state;
    let kibibytes = facts.memory_bytes / 1_024;
    let mut text = format!(
        "Name:\t{name}\nUmask:\t{umask:04o}\nState:\t{letter} ({state})\nTgid:\t{pid}\nPid:\t{pid}\nPPid:\t{ppid}\n\
         TracerPid:\t0\nUid:\t{real_uid}\t{uid}\t{saved_uid}\t{uid}\nGid:\t{gid}\t{gid}\t{gid}\t{gid}\nGroups:\t"
    );
    for group in facts.groups.iter() {
        let _ = write!(text, "{group} ");
    }
    let _ = write!(
        text,
        "\nVmPeak:\t{kibibytes:>8} kB\nVmSize:\t{kibibytes:>8} kB\nVmRSS:\t{kibibytes:>8} kB\nThreads:\t{threads}\n"
    );
    text
}
