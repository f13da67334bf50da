//! The host: a network of its own, and a web server in it.

use std::path::Path;
use std::process::{Child, Command, Stdio};

use crate::scratch::Scratch;

/// A network namespace of a test, which goes with it.
pub(super) struct Namespace(String);

impl Namespace {
    /// A namespace, unless there can be none here.
    pub(super) fn new(name: &str) -> Option<Self> {
        let name = format!("{name}-{}", std::process::id());
        if !run(&["ip", "netns", "add", &name]) {
            println!("skipped: no network namespace can be made with `ip netns`");
            return None;
        }
        Some(Self(name))
    }

    /// Takes an interface, and gives it an address.
    pub(super) fn adopt(&self, interface: &str, address: &str) {
        assert!(run(&["ip", "link", "set", interface, "netns", &self.0]));
        assert!(self.run(&["ip", "address", "add", address, "dev", interface]));
        assert!(self.run(&["ip", "link", "set", interface, "up"]));
    }

    fn run(&self, command: &[&str]) -> bool {
        run(&[&["ip", "netns", "exec", &self.0], command].concat())
    }
}

impl Drop for Namespace {
    fn drop(&mut self) {
        run(&["ip", "netns", "del", &self.0]);
    }
}

/// A web server of the host with one page, `/page`, on port 8000 of a namespace.
pub(super) struct Server {
    child: Child,
    _files: Scratch,
}

impl Server {
    /// Starts it, unless it is not installed.
    pub(super) fn start(namespace: &Namespace, page: &str) -> Option<Self> {
        let files = Scratch::new("linux-page");
        std::fs::write(files.path().join("page"), page).expect("the directory can be written");
        if !run(&["python3", "-c", "import http.server"]) {
            println!("skipped: there is no python3 to serve a page");
            return None;
        }
        let child = serve(&namespace.0, files.path());
        Some(Self { child, _files: files })
    }
}

fn serve(namespace: &str, files: &Path) -> Child {
    let mut command = Command::new("ip");
    command.args(["netns", "exec", namespace, "python3", "-m", "http.server", "8000", "--directory"]);
    command.arg(files).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command.spawn().expect("`ip` was run before")
}

impl Drop for Server {
    fn drop(&mut self) {
        // If it has ended by itself, there is nothing left to do.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn run(command: &[&str]) -> bool {
    let silent = || Stdio::null();
    let child = Command::new(command[0]).args(&command[1..]).stdout(silent()).stderr(silent()).status();
    child.is_ok_and(|status| status.success())
}
