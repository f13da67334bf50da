//! What is done in parts: finding, looking into files, expanding patterns, and what happens in between.

use std::ops::ControlFlow;

use super::{World, check};
use crate::os::files::tour::Tour;
use crate::os::{
    Caller, Comparison, CopyOptions, Errno, FileKind, Files, FindOptions, FoundLine, GrepOptions,
    NamePattern, Progress,
};

const TREE: &str = "ann mkdir-p /tmp/t/sub/deep = ok
     ann write /tmp/t/A.lua print = ok
     ann write /tmp/t/b.lua xx = ok
     ann write /tmp/t/notes.txt hello = ok
     ann write /tmp/t/sub/c.lua xxx = ok
     ann write /tmp/t/sub/deep/d.lua xxxx = ok
     ann ln-s /etc /tmp/t/sub/link = ok
     ann write /tmp/t/.hidden x = ok
     bob mkdir /tmp/bobs = ok
     bob chmod 700 /tmp/bobs = ok";

/// Finds with so many steps at a time; all must find the same.
fn find(world: &mut World, path: &str, options: &FindOptions) -> String {
    let runs = [1, 2, 3, 1_000].map(|steps| {
        world.by("ann", |files, ann| {
            let mut found = Vec::new();
            let mut find = files.find(ann, path.as_bytes(), options.clone()).unwrap();
            while let Progress::More = find.go(files, ann, steps, &mut found).unwrap() {}
            let paths: Vec<String> = found.into_iter().map(|path| String::from_utf8(path).unwrap()).collect();
            paths.join(" ")
        })
    });
    assert!(runs.iter().all(|run| *run == runs[0]), "{runs:?}");
    runs[0].clone()
}

#[test]
fn finding_by_everything_that_is_known() {
    let mut world = check(TREE);
    let all = find(&mut world, "/tmp/t", &FindOptions::default());
    assert_eq!(
        all,
        "/tmp/t /tmp/t/.hidden /tmp/t/A.lua /tmp/t/b.lua /tmp/t/notes.txt /tmp/t/sub /tmp/t/sub/c.lua \
         /tmp/t/sub/deep /tmp/t/sub/deep/d.lua /tmp/t/sub/link"
    );
    let none = FindOptions::default;
    let name = |pattern: &str, ignores_case| Some(NamePattern::new(pattern.as_bytes(), ignores_case));
    let cases: [(FindOptions, &str); 9] = [
        (FindOptions { name: name("*.lua", false), size: Comparison::parse("+3"), ..none() }, "A d"),
        (FindOptions { name: name("a.*", true), ..none() }, "A"),
        (FindOptions { name: name("a.*", false), ..none() }, ""),
        (FindOptions { name: name("[", false), ..none() }, ""),
        (FindOptions { name: name("t/b.lua", false), ..none() }, ""),
        (FindOptions { kind: Some(FileKind::File), size: Comparison::parse("-3"), ..none() }, ".hidden b"),
        (FindOptions { kind: Some(FileKind::File), size: Comparison::parse("3"), ..none() }, "c"),
        (FindOptions { uid: Some(0), ..none() }, ""),
        (FindOptions { age_days: Some(1), ..none() }, ""),
    ];
    for (options, expected) in cases {
        let found = find(&mut world, "/tmp/t", &options);
        let names = found.split_whitespace().map(|path| path.rsplit('/').next().unwrap());
        let names: Vec<&str> = names.map(|name| name.strip_suffix(".lua").unwrap_or(name)).collect();
        assert_eq!(names.join(" "), expected, "{options:?}");
    }
    let old = FindOptions { age_days: Some(0), name: name("t", false), ..none() };
    assert_eq!(find(&mut world, "/tmp/t/", &old), "/tmp/t/");
    assert_eq!(find(&mut world, "/tmp/t/A.lua", &none()), "/tmp/t/A.lua");
    world.check("ann cd /tmp/t/sub = ok");
    assert_eq!(find(&mut world, "deep", &none()), "deep deep/d.lua");
    assert_eq!(find(&mut world, ".", &FindOptions { name: name("deep", false), ..none() }), "./deep");
    assert_eq!(find(&mut world, "/proc/net", &none()).split(' ').count(), 6);
    let missing = world.by("ann", |files, ann| files.find(ann, b"/no", none()).map(drop));
    assert_eq!(missing, Err(Errno::NotFound));
    let everything = find(&mut world, "/", &none());
    assert!(everything.contains(" /tmp/bobs"), "{everything}");
}

#[test]
fn what_may_not_be_read_is_left_out() {
    let mut world = check(TREE);
    world.check("bob write /tmp/bobs/secret x = ok");
    let (found, was_denied) = world.by("ann", |files, ann| {
        let mut found = Vec::new();
        let mut find = files.find(ann, b"/tmp/bobs", FindOptions::default()).unwrap();
        while let Progress::More = find.go(files, ann, 10, &mut found).unwrap() {}
        (found, find.was_denied())
    });
    assert_eq!((found, was_denied), (vec![b"/tmp/bobs".to_vec()], true));
    world.check("bob chmod 711 /tmp/bobs = ok\nbob chmod 600 /tmp/bobs/secret = ok");
    assert_eq!(grep(&mut world, &["/tmp/bobs", "/tmp/bobs/secret", "/no"], "x", GrepOptions::default()), "");
}

fn grep(world: &mut World, paths: &[&str], pattern: &str, options: GrepOptions) -> String {
    let runs = [1, 2, 7, 1_000].map(|steps| {
        world.by("ann", |files, ann| {
            let paths = paths.iter().map(|path| path.as_bytes().to_vec()).collect();
            let mut found = Vec::new();
            let mut grep = files.grep(paths, pattern.as_bytes(), options).unwrap();
            while let Progress::More = grep.go(files, ann, steps, &mut found).unwrap() {}
            let lines = found.iter().map(|FoundLine { path, number, line }| {
                format!("{}:{number}:{}", path.escape_ascii(), line.escape_ascii())
            });
            lines.collect::<Vec<_>>().join("|")
        })
    });
    assert!(runs.iter().all(|run| *run == runs[0]), "{runs:?}");
    runs[0].clone()
}

#[test]
fn looking_into_files() {
    let mut world = check(TREE);
    let plain = GrepOptions::default();
    let regex = GrepOptions { is_regex: true, ..plain };
    let any_case = GrepOptions { ignores_case: true, ..plain };
    world.by("ann", |files, ann| {
        files.write_all(ann, b"/tmp/t/lines", b"one\ntwo.\n\nthree\xff\nONE t\xc3\xa4o", None).unwrap();
    });
    let lines = &["/tmp/t/lines"][..];
    assert_eq!(grep(&mut world, lines, "one", plain), "/tmp/t/lines:1:one");
    assert_eq!(
        grep(&mut world, lines, "one", any_case),
        "/tmp/t/lines:1:one|/tmp/t/lines:5:ONE t\\xc3\\xa4o"
    );
    assert_eq!(grep(&mut world, lines, ".", plain), "/tmp/t/lines:2:two.");
    assert_eq!(grep(&mut world, lines, "^t", regex), "/tmp/t/lines:2:two.|/tmp/t/lines:4:three\\xff");
    assert_eq!(grep(&mut world, lines, "^$", regex), "/tmp/t/lines:3:");
    assert_eq!(grep(&mut world, lines, "\u{c4}O", any_case), "/tmp/t/lines:5:ONE t\\xc3\\xa4o");
    assert_eq!(
        grep(&mut world, &["/tmp/t/sub", "/tmp/t/b.lua"], "xx", plain),
        "/tmp/t/sub/c.lua:1:xxx|/tmp/t/sub/deep/d.lua:1:xxxx|/tmp/t/b.lua:1:xx"
    );
    world.check("ann cd /tmp/t = ok");
    assert_eq!(grep(&mut world, &["b.lua"], "x", plain), "b.lua:1:xx");
    let bad = world.by("ann", |files, _| files.grep(Vec::new(), b"(", regex).map(drop));
    assert_eq!(bad, Err(Errno::Invalid));
    let bomb = world.by("ann", |files, _| files.grep(Vec::new(), b"((a{100}){100}){100}", regex).map(drop));
    assert_eq!(bomb, Err(Errno::Invalid));
}

#[test]
fn lines_of_any_length_are_looked_at_in_parts() {
    let mut world = World::new();
    let mut text = Vec::new();
    for number in 0..3_000 {
        text.extend_from_slice(format!("line {number} of many\n").as_bytes());
    }
    text.extend_from_slice(&vec![b'z'; 200_000]);
    text.extend_from_slice(b"needle\nlast needle");
    world.by("ann", |files, ann| files.write_all(ann, b"/tmp/f", &text, None)).unwrap();
    assert_eq!(
        grep(&mut world, &["/tmp/f"], " 2999 ", GrepOptions::default()),
        "/tmp/f:3000:line 2999 of many"
    );
    let found = grep(&mut world, &["/tmp/f"], "needle", GrepOptions::default());
    let numbers: Vec<&str> = found.split('|').map(|line| line.split(':').nth(1).unwrap()).collect();
    assert_eq!(numbers, ["3001", "3002"], "a line that is cut keeps its number");
}

#[test]
fn patterns_of_paths_are_expanded_as_by_a_shell() {
    let mut world = check(TREE);
    world.check(
        "ann glob /tmp/t/*.lua = /tmp/t/A.lua /tmp/t/b.lua
         ann glob /tmp/t/* = /tmp/t/A.lua /tmp/t/b.lua /tmp/t/notes.txt /tmp/t/sub
         ann glob /tmp/t/.* = /tmp/t/.hidden
         ann glob /tmp/t/*/ = /tmp/t/sub/
         ann glob /tmp/*/sub/[a-c].lua = /tmp/t/sub/c.lua
         ann glob /tmp/t/**/*.lua = /tmp/t/A.lua /tmp/t/b.lua /tmp/t/sub/c.lua /tmp/t/sub/deep/d.lua
         ann glob /tmp/**/deep/** = /tmp/t/sub/deep /tmp/t/sub/deep/d.lua
         ann glob /tmp/t/sub/l*/ho* = -
         ann glob /tmp/t/sub/l*/ = /tmp/t/sub/link/
         ann glob /tmp/t/nothing* = -
         ann glob /tmp/t/b.lua = /tmp/t/b.lua
         ann glob /tmp/t/b\\.lua = /tmp/t/b.lua
         ann glob /tmp/t/\\* = -
         ann glob /tmp/t/[ = -
         ann glob /tmp/t/b.lua/* = -
         ann glob /t*/t/../t/b* = /tmp/t/../t/b.lua
         ann cd /tmp/t = ok
         ann glob *.txt = notes.txt
         ann glob ./*.txt = ./notes.txt
         ann glob ../t/n* = ../t/notes.txt
         ann glob su?/c* = sub/c.lua
         ann glob / = EINVAL
         bob chmod 311 /tmp/bobs = ok
         bob write /tmp/bobs/f x = ok
         ann glob /tmp/bobs/* = -
         ann glob /tmp/b*/f = /tmp/bobs/f
         bob chmod 700 /tmp/bobs = ok
         ann glob /tmp/b*/f = -
         root write /etc/hosts x = ok
         ann glob l*/* = -
         ann glob sub/l*/h* = sub/link/hosts
         ann glob /dev/*ro = /dev/zero
         ann glob /proc/v* = /proc/version",
    );
    let few = world.by("ann", |files, ann| {
        let mut globbing = files.glob(b"/tmp/t/**", 3).unwrap();
        loop {
            if let Progress::Done(paths) = globbing.go(files, ann, 2).unwrap() {
                break paths.len();
            }
        }
    });
    assert_eq!(few, 3);
}

/// Patterns that stand at many places at once cost each directory once.
#[test]
fn a_pattern_of_many_stars_ends() {
    let mut world = World::new();
    let deep = [&b"/tmp/"[..], &b"a/".repeat(60)].concat();
    world.by("ann", |files, ann| files.mkdir_all(ann, &deep, 0o777)).unwrap();
    let pattern = [&b"/tmp/"[..], &b"**/a/".repeat(20), b"x"].concat();
    let steps = world.by("ann", |files, ann| {
        let mut globbing = files.glob(&pattern, 100).unwrap();
        (0..1_000).take_while(|_| globbing.go(files, ann, 1).unwrap() == Progress::More).count()
    });
    assert!(steps < 300, "{steps} steps");
}

fn go_on<T>(mut part: impl FnMut() -> Progress<T>) -> T {
    loop {
        if let Progress::Done(done) = part() {
            return done;
        }
    }
}

/// Root may remove everything, but a large tree takes as many parts as it takes others.
#[test]
fn root_removes_in_parts_as_well() {
    let mut world = check("root mkdir-p /tmp/r/deep/deeper = ok\nroot mkdir /tmp/small = ok");
    world.by("root", |files, root| {
        for number in 0..1_000 {
            let directory = if number % 3 == 0 { "deep" } else { "deep/deeper" };
            files.write_all(root, format!("/tmp/r/{directory}/{number}").as_bytes(), b"x", None).unwrap();
        }
        for number in 0..50 {
            files.write_all(root, format!("/tmp/small/{number}").as_bytes(), b"x", None).unwrap();
        }
        let mut removal = files.remove_all(root, b"/tmp/r").unwrap();
        let mut parts = 1;
        while let Progress::More = removal.go(files, root, 100) {
            parts += 1;
        }
        assert!((10..20).contains(&parts), "{parts} parts");
        let mut removal = files.remove_all(root, b"/tmp/small").unwrap();
        assert_eq!(removal.go(files, root, 1), Progress::Done(Ok(())));
    });
    world.check("root ls /tmp = -");
}

/// Ann removes a directory that bob may write; between two parts he puts a link to her home in its place.
#[test]
fn a_removal_does_not_follow_what_comes_into_its_way() {
    let mut world = check(
        "ann mkdir-p /tmp/shared/sub = ok
         ann chmod 777 /tmp/shared = ok
         ann write /home/ann/keep x = ok
         ann write /tmp/shared/sub/keep x = ok
         ann write /tmp/shared/sub/other x = ok",
    );
    let mut removal = world.by("ann", |files, ann| files.remove_all(ann, b"/tmp/shared")).unwrap();
    let more = world.by("ann", |files, ann| removal.go(files, ann, 1));
    assert_eq!(more, Progress::More);
    world.check("bob mv /tmp/shared/sub /tmp/shared/moved = ok\nbob ln-s /home/ann /tmp/shared/sub = ok");
    let done = world.by("ann", |files, ann| go_on(|| removal.go(files, ann, 1)));
    assert_eq!(done, Err(Errno::NotEmpty), "what was moved behind its back stays");
    world.check("ann read /home/ann/keep = x\nann ls /tmp/shared = moved");
}

#[test]
fn a_copy_and_a_tour_do_not_follow_what_comes_into_their_way() {
    let mut world = check(
        "bob mkdir-p /tmp/b/sub = ok
         bob chmod 777 /tmp/b = ok
         bob write /tmp/b/sub/f x = ok
         ann mkdir /home/ann/private = ok
         ann write /home/ann/private/f secret = ok
         ann chmod 700 /home/ann/private = ok",
    );
    let options = CopyOptions { is_recursive: true, preserves: false };
    let mut copy = world.by("root", |files, root| files.copy(root, b"/tmp/b", b"/tmp/c", options)).unwrap();
    let more = world.by("root", |files, root| copy.go(files, root, 1));
    assert_eq!(more, Progress::More);
    let mut tour = world.by("root", |files, root| Tour::new(files, root, b"/tmp/b")).unwrap();
    let mut met = Vec::new();
    let mut go = |files: &Files, caller: &Caller<'_>, mut steps: usize| {
        tour.go(files, caller, &mut steps, &mut |entry| {
            met.push(entry.real.to_vec());
            ControlFlow::Continue(())
        })
    };
    let more = world.by("root", |files, root| go(files, root, 2));
    assert_eq!(more, Ok(Progress::More));
    world.check("bob mv /tmp/b/sub /tmp/b/old = ok\nbob ln-s /home/ann/private /tmp/b/sub = ok");
    let done = world.by("root", |files, root| go_on(|| copy.go(files, root, 1)));
    assert_eq!(done, Ok(()));
    world.check("bob ls /tmp/c/sub = -");
    let rest = world.by("root", |files, root| go(files, root, 1_000));
    assert_eq!(rest, Ok(Progress::Done(())));
    assert!(met.iter().all(|path| !path.ends_with(b"/f")), "{met:?}");
}

/// Root copies a directory into one of bob's, who puts a program of his own in the place of the copy: it must not become
/// root's, with the bits of the directory.
#[test]
fn a_copy_gives_nothing_to_what_was_put_in_its_place() {
    let mut world = check(
        "root mkdir-p /src/d = ok
         root write /src/d/f x = ok
         root chmod 4755 /src/d = ok
         bob mkdir /home/bob/c = ok",
    );
    let options = CopyOptions { is_recursive: true, preserves: true };
    let mut copy =
        world.by("root", |files, root| files.copy(root, b"/src", b"/home/bob/c", options)).unwrap();
    let more = world.by("root", |files, root| copy.go(files, root, 1));
    assert_eq!(more, Progress::More);
    world.check(
        "bob stat /home/bob/c/d = directory rwxr-xr-x 0:0 4096
         bob mv /home/bob/c/d /home/bob/c/e = ok
         bob write /home/bob/c/d evil = ok
         bob chmod 755 /home/bob/c/d = ok",
    );
    let done = world.by("root", |files, root| go_on(|| copy.go(files, root, 1)));
    assert_eq!(done, Err(Errno::NotFound));
    world.check("bob stat /home/bob/c/d = file rwxr-xr-x 1001:1001 4");
}
