//! [`Stage`]: a node on the loopback, and clients that block their threads.

use std::io::{ErrorKind, Read as _};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::sync::Arc;
use std::time;

use ironloom_node::doors::{ListenerCounts, ListenerInfo, Recent};
use ironloom_node::prelude::*;
use socket2::SockRef;

/// So long nothing takes that is not stuck.
pub(crate) const FOR_EVER: time::Duration = time::Duration::from_secs(50);

/// A node, and what its listeners note.
pub(crate) struct Stage {
    pub(crate) node: Node,
    pub(crate) recent: Arc<Recent>,
}

/// Sends back what comes, until its end.
pub(crate) const ECHO: &str = "#!/bin/lua
local listener = assert(net.tcp_listen(7))
while true do
    local conn = listener:accept()
    task.spawn(function()
        while true do
            local bytes = conn:read(65536)
            if not bytes or #bytes == 0 then break end
            conn:write(bytes)
        end
        conn:close()
    end)
end";

impl Stage {
    /// A web server, who sends back what comes, and a machine without a network.
    pub(crate) fn new() -> Self {
        let world = World::builder(7)
            .network("lan", "10.1.0.0/24")
            .machine("web", |web| {
                let web = web.at("lan").file("/var/www/index.html", "hello").file("/bin/echoes", ECHO);
                web.runs("httpd -q -p 80").runs("echoes")
            })
            .machine("desk", |desk| desk)
            .build()
            .unwrap();
        Self { node: Node::start(world).unwrap(), recent: Arc::new(Recent::new(1_000)) }
    }

    /// A listener whose connections are noted.
    pub(crate) fn listen(&self, name: &str, listener: Listener) -> SocketAddr {
        self.node.listen(name, listener.log(self.recent.clone())).unwrap().tcp().unwrap()
    }

    /// A listener to a line for the shell.
    pub(crate) fn command(&self, line: &str) -> SocketAddr {
        self.listen("door", Listener::tcp("127.0.0.1:0").to_command("desk", line))
    }

    pub(crate) fn info(&self, name: &str) -> ListenerInfo {
        let found = self.node.listeners().into_iter().find(|listener| listener.name == name);
        found.unwrap_or_else(|| panic!("there is no {name}"))
    }

    /// Waits until the counts are so.
    #[track_caller]
    pub(crate) fn until(&self, name: &str, so: impl Fn(ListenerCounts) -> bool) -> ListenerCounts {
        let mut counts = ListenerCounts::default();
        let is_so = wait_until(|| {
            counts = self.info(name).counts;
            so(counts)
        });
        assert!(is_so, "it never came to that: {counts:?}");
        counts
    }

    /// Waits until something is noted of which this is a part; the line.
    #[track_caller]
    pub(crate) fn noted(&self, part: &str) -> String {
        let found = || self.recent.lines().into_iter().find(|line| line.contains(part));
        assert!(wait_until(|| found().is_some()), "`{part}` is not in {:?}", self.recent.lines());
        found().unwrap()
    }

    /// What a command on a machine says.
    pub(crate) fn run(&self, machine: &str, line: &str) -> String {
        self.node.exec(machine, line).wait().unwrap().text()
    }

    /// Waits until no process of this name is on a machine.
    #[track_caller]
    pub(crate) fn until_gone(&self, machine: &str, process: &str) {
        let is_there = || self.run(machine, "ps -A -o comm=").lines().any(|line| line.trim() == process);
        assert!(wait_until(|| !is_there()), "{process} is still on {machine}");
    }
}

/// Looks again and again, for a while; whether it came to be so.
pub(crate) fn wait_until(mut is_so: impl FnMut() -> bool) -> bool {
    let pause = ironloom_node::core::Latch::new();
    for _ in 0..10_000 {
        if is_so() {
            return true;
        }
        let _ = pause.wait_for(Duration::from_millis(2));
    }
    false
}

pub(crate) fn connect(address: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(FOR_EVER)).unwrap();
    stream.set_write_timeout(Some(FOR_EVER)).unwrap();
    stream
}

/// What comes until the end.
pub(crate) fn rest(mut stream: &TcpStream) -> Vec<u8> {
    let mut all = Vec::new();
    stream.read_to_end(&mut all).unwrap();
    all
}

/// Says something, finishes, and listens to the end.
pub(crate) fn ask(address: SocketAddr, what: &[u8]) -> Vec<u8> {
    let stream = connect(address);
    std::thread::scope(|scope| {
        let mut writer = &stream;
        scope.spawn(move || {
            // Who does not want to read all of it may have gone.
            let _ = std::io::Write::write_all(&mut writer, what);
            let _ = writer.shutdown(Shutdown::Write);
        });
        rest(&stream)
    })
}

/// Whether a connection was broken off, or ended without a word.
pub(crate) fn is_turned_away(mut stream: TcpStream) -> bool {
    match stream.read(&mut [0; 10]) {
        Ok(len) => len == 0,
        Err(error) => {
            assert_ne!(error.kind(), ErrorKind::WouldBlock, "nothing came");
            true
        }
    }
}

/// Breaks a connection off.
pub(crate) fn reset(stream: TcpStream) {
    SockRef::from(&stream).set_linger(Some(time::Duration::ZERO)).unwrap();
    drop(stream);
}

/// Bytes in which nothing repeats soon.
pub(crate) fn bytes(len: usize) -> Vec<u8> {
    let mut rng = ironloom_node::core::Rng::new(ironloom_node::core::Seed::new(len as u64));
    (0..len).map(|_| rng.next_u64() as u8).collect()
}
