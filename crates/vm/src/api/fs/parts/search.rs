//! Searches, by what is known of files and by what is in them.

use crate::api::options;
use crate::luau::{Call, Kind, Stop};
use crate::machine::{Machine, Part};
use crate::os::{Comparison, FileKind, FindOptions, FoundLine, GrepOptions, NamePattern};

use super::super::ask;
use super::{give_list, go};

/// How many paths a search begins at.
const ROOTS_MAX: u32 = 4_096;

/// How long these are together.
const ROOTS_BYTES_MAX: usize = 256 << 10;

/// What it costs to make sense of a pattern, in safepoints.
const PATTERN_SAFEPOINTS: u64 = 5_000;

/// Nobody has this number.
const NOBODY: u32 = u32::MAX;

pub(in crate::api::fs) fn search_files(call: &mut Call<'_>, machine: &mut Machine) -> Result<u32, Stop> {
    let done = go(call, machine, |call, machine| {
        let path = call.bytes(1)?;
        let wanted = find_options(call, machine)?;
        Ok(Part::Find(ask(machine, |files, caller| files.find(caller, path, wanted))?))
    });
    give_list(call, done)
}

fn find_options(call: &mut Call<'_>, machine: &mut Machine) -> Result<FindOptions, Stop> {
    let exact = options::bytes(call, 2, c"name")?.map(|name| NamePattern::new(&name, false));
    let any_case = options::bytes(call, 2, c"iname")?.map(|name| NamePattern::new(&name, true));
    let size = options::bytes(call, 2, c"size")?;
    Ok(FindOptions {
        name: exact.or(any_case),
        kind: kind(call)?,
        size: size.map(|size| comparison(&size)).transpose()?,
        uid: user(call, machine)?,
        age_days: options::number(call, 2, c"mtime")?.map(|days| days as i64),
    })
}

fn kind(call: &mut Call<'_>) -> Result<Option<FileKind>, Stop> {
    let Some(kind) = options::bytes(call, 2, c"type")? else { return Ok(None) };
    match &kind[..] {
        b"f" | b"file" => Ok(Some(FileKind::File)),
        b"d" | b"directory" => Ok(Some(FileKind::Directory)),
        b"l" | b"symlink" => Ok(Some(FileKind::Symlink)),
        b"c" | b"device" => Ok(Some(FileKind::Device)),
        b"p" | b"pipe" => Ok(Some(FileKind::Pipe)),
        _ => Err(Stop::raise("a type is \"f\", \"d\", \"l\", \"c\" or \"p\"")),
    }
}

fn comparison(text: &[u8]) -> Result<Comparison, Stop> {
    let size = std::str::from_utf8(text).ok().and_then(Comparison::parse);
    size.ok_or_else(|| Stop::raise("a size is a number, with + or - before it and K, M or G behind it"))
}

fn user(call: &mut Call<'_>, machine: &mut Machine) -> Result<Option<u32>, Stop> {
    let Some(user) = options::bytes(call, 2, c"user")? else { return Ok(None) };
    let accounts = machine.accounts();
    let number = || std::str::from_utf8(&user).ok()?.parse().ok();
    Ok(Some(accounts.user(&user).map(|user| user.uid).or_else(number).unwrap_or(NOBODY)))
}

pub(in crate::api::fs) fn search_files_content(
    call: &mut Call<'_>,
    machine: &mut Machine,
) -> Result<u32, Stop> {
    let done = go(call, machine, |call, machine| {
        let paths = paths(call)?;
        let pattern = call.bytes(2)?;
        let wanted = GrepOptions {
            is_regex: options::flag(call, 3, c"regex"),
            ignores_case: options::flag(call, 3, c"case_insensitive"),
        };
        call.spend(PATTERN_SAFEPOINTS);
        Ok(Part::Grep(machine.files.grep(paths, pattern, wanted)?))
    })?;
    done?;
    Ok(1)
}

/// A path, or an array of paths.
fn paths(call: &mut Call<'_>) -> Result<Vec<Vec<u8>>, Stop> {
    if call.kind(1) != Kind::Table {
        return Ok(vec![call.bytes(1)?.to_vec()]);
    }
    let length = call.length(1);
    if length > ROOTS_MAX {
        return Err(Stop::raise("a search begins at 4096 paths at most"));
    }
    let (mut paths, mut bytes) = (Vec::new(), 0);
    for item in 1..=length {
        let place = call.item(1, item);
        paths.push(call.bytes(place)?.to_vec());
        call.forget_above(place - 1);
        bytes += paths.last().map_or(0, Vec::len);
        if bytes > ROOTS_BYTES_MAX {
            return Err(Stop::raise("the paths of a search are too long together"));
        }
    }
    Ok(paths)
}

/// Puts lines that were found into the table that was given last.
pub(super) fn give_lines(call: &mut Call<'_>, found: &[FoundLine], count: &mut u32) {
    for line in found {
        *count += 1;
        call.give_table(0, 3);
        call.set(c"path", &*line.path);
        call.set(c"line_num", line.number);
        call.set(c"line", &line.line);
        call.push_given(*count);
    }
}
