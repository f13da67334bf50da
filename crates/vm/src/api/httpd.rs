//! `httpd.serve`: the file for a path, as an answer of HTTP.

use crate::Errno;
use crate::luau::{Call, Function, Stop};
use crate::machine::{Machine, caller_of};
use crate::os::{Caller, FileKind, Files};

use super::httpd_text::{NOT_FOUND, Wanted};

pub(super) const FUNCTIONS: &[Function<Machine>] = &[Function::new(c"serve", serve)];

/// What it costs to look for a file, in safepoints.
const SEARCH_SAFEPOINTS: u64 = 256;

/// How many names are looked at together.
const PAGE_ENTRIES: usize = 64;

/// How many names that begin alike are looked at.
const PAGES_MAX: usize = 16;

/// `body, status, headers` for a path below a directory. Nothing outside of that is shown, also not through links.
fn serve(call: &mut Call<'_>, machine: &mut Machine) -> Result<u32, Stop> {
    let (root, path) = (call.bytes(1)?, call.bytes(2)?);
    call.spend(SEARCH_SAFEPOINTS);
    let caller = caller_of(&machine.table, machine.current.pid);
    let site = Site { files: &machine.files, caller, bytes_max: machine.limits.read_bytes_max };
    let root = site.files.real_path(&caller, root).unwrap_or_default();
    let (body, status, kind) = match site.find(&root, path).and_then(|file| site.read(&root, &file)) {
        Ok((body, kind)) => (body, 200, Some(kind)),
        Err(Errno::Access) => (b"Forbidden\n".to_vec(), 403, Some("text/plain; charset=utf-8")),
        Err(Errno::TooBig | Errno::Io) => (Vec::new(), 500, None),
        Err(_) => site.missing(&root),
    };
    let given = call.give(&body) + call.give(status) + call.give_table(0, 1);
    if let Some(kind) = kind {
        call.set(c"Content-Type", kind);
    }
    Ok(given)
}

struct Site<'a> {
    files: &'a Files,
    caller: Caller<'a>,
    bytes_max: u64,
}

impl Site<'_> {
    /// The path of the file that is asked for.
    fn find(&self, root: &[u8], path: &[u8]) -> Result<Vec<u8>, Errno> {
        let wanted = Wanted::of(path).ok_or(Errno::NotFound)?;
        let directory = joined(root, &wanted.directory);
        if wanted.name.contains(&b'.') {
            return Ok(joined(&directory, &wanted.name));
        }
        let directory = self.within(root, &directory)?;
        let names = self.names(&directory, &wanted.name)?;
        let name = wanted.choose(names.iter().map(Vec::as_slice)).ok_or(Errno::NotFound)?;
        Ok(joined(&directory, name))
    }

    /// The names of files that are this name, or begin with it and a dot.
    fn names(&self, directory: &[u8], name: &[u8]) -> Result<Vec<Vec<u8>>, Errno> {
        let is_file =
            |path: &[u8]| self.files.stat(&self.caller, path).is_ok_and(|stat| stat.kind == FileKind::File);
        let mut names = Vec::new();
        if is_file(&joined(directory, name)) {
            names.push(name.to_vec());
        }
        let dotted = [name, b"."].concat();
        let mut after = dotted.clone();
        for _ in 0..PAGES_MAX {
            let page = self.files.list(&self.caller, directory, Some(&after), PAGE_ENTRIES)?;
            let is_last = page.len() < PAGE_ENTRIES;
            for entry in page {
                let found = entry.name.as_bytes();
                if !found.starts_with(&dotted) {
                    return Ok(names);
                }
                if is_file(&joined(directory, found)) {
                    names.push(found.to_vec());
                }
                after = found.to_vec();
            }
            if is_last {
                break;
            }
        }
        Ok(names)
    }

    /// A path without links, if that is below the root.
    fn within(&self, root: &[u8], path: &[u8]) -> Result<Vec<u8>, Errno> {
        let real = self.files.real_path(&self.caller, path)?;
        let rest = real.strip_prefix(root).ok_or(Errno::NotFound)?;
        let is_below = root == b"/" || rest.is_empty() || rest[0] == b'/';
        if is_below && !root.is_empty() { Ok(real) } else { Err(Errno::NotFound) }
    }

    fn read(&self, root: &[u8], path: &[u8]) -> Result<(Vec<u8>, &'static str), Errno> {
        let real = self.within(root, path)?;
        let bytes = self.files.read_all(&self.caller, &real, self.bytes_max)?;
        Ok((bytes, ironloom_net::http::media_type(path)))
    }

    /// What is shown instead of a file that there is not.
    fn missing(&self, root: &[u8]) -> (Vec<u8>, i32, Option<&'static str>) {
        let pages = NOT_FOUND.iter().map(|name| self.read(root, &joined(root, name.as_bytes())));
        match pages.flatten().next() {
            Some((body, kind)) => (body, 404, Some(kind)),
            None => (Vec::new(), 404, None),
        }
    }
}

fn joined(directory: &[u8], name: &[u8]) -> Vec<u8> {
    let slash: &[u8] = if directory.ends_with(b"/") || name.is_empty() { b"" } else { b"/" };
    [directory, slash, name].concat()
}
