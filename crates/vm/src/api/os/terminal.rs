//! What shells of older engines ask, which keep a terminal themselves.

use crate::luau::{Call, Stop};
use crate::machine::{Machine, caller_of};
use crate::os::{Access, FileKind};

/// How many entries of a directory are looked at.
const ENTRIES_MAX: usize = 4_096;
/// What it costs to look at an entry, in safepoints.
const ENTRY_SAFEPOINTS: u64 = 2;
/// How much of a text is written down.
const LOGGED_BYTES_MAX: usize = 1_024;

/// What becomes of a line that was typed while a child runs: Ctrl-C and Tab are for a remote shell, if that is the child.
pub(super) fn handle_special_stdin(call: &mut Call<'_>, machine: &mut Machine) -> Result<u32, Stop> {
    let child = if call.is_nil(2) { None } else { Some(super::processes::pid_of(call, 2)?) };
    let is_remote = child
        .and_then(|child| machine.table.get(child))
        .is_some_and(|child| matches!(child.name(), b"ssh" | b"/bin/ssh"));
    let line = call.bytes(1)?;
    let answer = match line {
        b"\x03" if is_remote => "forward",
        b"\x03" => "kill_child",
        _ if line.contains(&b'\t') && is_remote => "forward",
        _ if line.contains(&b'\t') => "discard",
        _ => "pass",
    };
    Ok(call.give(answer))
}

/// A line with its last word completed, as far as there is one way to: a program, if it is the only word, or a path.
pub(super) fn autocomplete(call: &mut Call<'_>, machine: &mut Machine) -> Result<u32, Stop> {
    let line = call.bytes(1)?.to_vec();
    let directory = call.optional(2, Call::bytes)?.map(<[u8]>::to_vec);
    let begin = line.iter().rposition(u8::is_ascii_whitespace).map_or(0, |place| place + 1);
    let (before, word) = line.split_at(begin);
    let is_program = before.trim_ascii().is_empty() && !word.contains(&b'/');
    let (folder, name) = match word.iter().rposition(|byte| *byte == b'/') {
        Some(slash) => word.split_at(slash + 1),
        None => (&word[..0], word),
    };
    let base = directory.unwrap_or_else(|| machine.process().cwd.to_vec());
    let looked_in = if is_program { b"/bin".to_vec() } else { crate::os::resolve(&base, folder) };
    let caller = caller_of(&machine.table, machine.current.pid);
    let entries = machine.files.list(&caller, &looked_in, None, ENTRIES_MAX).unwrap_or_default();
    call.spend(entries.len() as u64 * ENTRY_SAFEPOINTS);
    let mut found: Option<Vec<u8>> = None;
    for entry in entries {
        let mut full = entry.name.as_bytes().to_vec();
        if !full.starts_with(name) {
            continue;
        }
        if is_program {
            let path = [b"/bin/", &full[..]].concat();
            if machine.files.access(&caller, &path, Access::EXECUTE).is_err() {
                continue;
            }
        } else if entry.stat.kind == FileKind::Directory {
            full.push(b'/');
        }
        found = Some(found.map_or_else(|| full.clone(), |found| common(found, &full)));
    }
    let completed = found.filter(|found| found.len() > name.len());
    Ok(call.give(completed.map(|found| [before, folder, &found].concat()).as_ref()))
}

/// How two names begin.
fn common(mut one: Vec<u8>, other: &[u8]) -> Vec<u8> {
    let length = one.iter().zip(other).take_while(|(one, other)| one == other).count();
    one.truncate(length);
    while std::str::from_utf8(&one).is_err_and(|error| error.error_len().is_none()) {
        one.pop(); // Not inside a character.
    }
    one
}

/// Something for whoever runs the machines, who listens if he likes.
pub(super) fn server_log(call: &mut Call<'_>, machine: &mut Machine) -> Result<u32, Stop> {
    let text = call.bytes(1)?;
    let text = String::from_utf8_lossy(&text[..text.len().min(LOGGED_BYTES_MAX)]);
    tracing::debug!(machine = %machine.id, pid = machine.current.pid.0, %text, "a script says");
    Ok(0)
}
