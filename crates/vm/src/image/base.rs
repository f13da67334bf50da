//! The base image: the directories and programs of a small Unix.

use std::sync::Arc;

use ironloom_blob::tree::{Attributes, Config, TreeError};
use ironloom_blob::{BlobStore, Durability, Tree};
use ironloom_core::Instant;

/// Files of a directory of this crate, with their names in the image.
macro_rules! files {
    ($directory:literal: $($name:literal)*) => {
        &[$(($name, include_bytes!(concat!("../../", $directory, "/", $name, ".luau")))),*]
    };
}

/// Programs.
const BIN: &[(&str, &[u8])] = files! { "bin":
    "basename" "cat" "chmod" "chown" "cmp" "cp" "curl" "cut" "date" "df" "diff" "dig" "dirname"
    "du" "echo" "env" "expr" "false" "find" "free" "grep" "head" "hostname" "httpd" "id" "ip"
    "kill" "ln" "login" "ls" "lua" "mkdir" "mktemp" "mv" "nc" "passwd" "ping" "printenv" "printf"
    "ps" "pwd" "readlink" "realpath" "rm" "rmdir" "sed" "seq" "sh" "sleep" "sort" "ss" "stat" "su"
    "tac" "tail" "tee" "test" "timeout" "touch" "tr" "traceroute" "true" "uname" "uniq" "uptime"
    "useradd" "wc" "which" "whoami" "xargs" "yes"
};

/// Modules that programs share.
const LIB: &[(&str, &[u8])] = files! { "bin/lib":
    "accounts" "cli" "copy" "format" "merge_sort" "mode" "path" "pattern" "records" "regex" "run"
    "scratch" "sed_script" "sh_arithmetic" "sh_builtins" "sh_expand" "sh_parser" "sh_shell" "sh_state" "size"
    "test_expression" "time"
};

/// Directories, with their modes.
const DIRECTORIES: &[(&str, u16)] = &[
    ("/bin", 0o755),
    ("/dev", 0o755),
    ("/etc", 0o755),
    ("/home", 0o755),
    ("/lib", 0o755),
    ("/lib/luau", 0o755),
    ("/proc", 0o555),
    ("/root", 0o700),
    ("/tmp", 0o1777),
    ("/usr", 0o755),
    ("/usr/bin", 0o755),
    ("/var", 0o755),
    ("/var/log", 0o755),
    ("/var/www", 0o755),
];

/// Files, with their modes. Nobody has a password, so nobody logs in before one is set.
const FILES: &[(&str, u16, &str)] = &[
    ("/etc/passwd", 0o644, "root:x:0:0:root:/root:/bin/sh\nuser:x:1000:1000:user:/home/user:/bin/sh\n"),
    ("/etc/shadow", 0o600, "root:*:::::::\nuser:*:::::::\n"),
    ("/etc/group", 0o644, "root:x:0:\nuser:x:1000:\n"),
    ("/etc/bootstrap", 0o644, "# What is started at boot: a program and its arguments in each line.\n"),
];

/// Programs that run as their owner, whoever starts them.
const SET_UID: [&str; 2] = ["su", "passwd"];

/// A tree with everything that the base image has.
pub(super) fn tree(store: Arc<dyn BlobStore>) -> Result<Tree, TreeError> {
    let now = Instant::ZERO;
    let mut tree = Tree::new(store, Config::default());
    for (path, mode) in DIRECTORIES {
        tree.mkdir(*path, Attributes::new(*mode, now))?;
    }
    tree.mkdir("/home/user", Attributes { uid: 1000, gid: 1000, ..Attributes::new(0o755, now) })?;
    for (path, mode, text) in FILES {
        tree.put(*path, text.as_bytes(), Attributes::new(*mode, now))?;
    }
    for (name, source) in BIN {
        let mode = if SET_UID.contains(name) { 0o4755 } else { 0o755 };
        tree.put(&format!("/bin/{name}"), source, Attributes::new(mode, now))?;
    }
    tree.symlink(b"test", "/bin/[", Attributes::new(0o777, now))?;
    for (name, source) in LIB {
        tree.put(&format!("/lib/luau/{name}.luau"), source, Attributes::new(0o644, now))?;
    }
    tree.commit(Durability::Buffered)?;
    Ok(tree)
}
