//! [`Stage`]: a server on the loopback, and clients that know nothing of us.

use std::io::Read as _;
use std::net::{SocketAddr, TcpStream};
use std::process::Command;

use ironloom_node::core::Duration;
use ironloom_node::http::{Config, Server, Site};
use ironloom_node::sched::{self, Drained, Handle, Kernel, ServiceCounts};

/// So long nothing takes that is not stuck.
const FOR_EVER: Duration = Duration::from_secs(50);

/// A server on the loopback.
pub(crate) struct Stage {
    kernel: Kernel,
    server: Server,
}

impl Stage {
    pub(crate) fn new(site: Site, config: Config) -> Self {
        Self::with(config, |_| site)
    }

    /// A server of a site that knows its kernel.
    pub(crate) fn with(config: Config, site: impl FnOnce(&Handle) -> Site) -> Self {
        let kernel = Kernel::start(sched::Config::default()).unwrap();
        let listener = kernel.listen(([127, 0, 0, 1], 0).into()).unwrap();
        let site = site(kernel.handle());
        let server = Server::start(&kernel, listener, site, config).unwrap();
        Self { kernel, server }
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.server.address().tcp().unwrap()
    }

    pub(crate) fn turned_away(&self) -> u64 {
        self.server.turned_away()
    }

    /// A client that blocks its thread.
    pub(crate) fn client(&self) -> TcpStream {
        let client = TcpStream::connect(self.address()).unwrap();
        client.set_read_timeout(Some(FOR_EVER.into())).unwrap();
        client
    }

    /// What a client reads until the end; a reset is an end too.
    #[expect(clippy::unused_self, reason = "it reads as what happens at the stage")]
    pub(crate) fn rest(&self, mut client: TcpStream) -> String {
        let mut said = Vec::new();
        match client.read_to_end(&mut said) {
            Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => panic!("nothing came: {said:?}"),
            _ => String::from_utf8(said).unwrap(),
        }
    }

    /// What `curl` gets.
    pub(crate) fn curl(&self, rest: &str) -> String {
        String::from_utf8(self.run(rest)).unwrap()
    }

    /// The status that `curl` gets.
    pub(crate) fn status(&self, rest: &str) -> String {
        self.curl(&format!("{rest} -o /dev/null -w '%{{http_code}}'"))
    }

    /// The bytes that `curl` gets.
    pub(crate) fn run(&self, rest: &str) -> Vec<u8> {
        self.bytes(&format!("curl -sS --max-time 50 http://{}{rest}", self.address()))
    }

    /// What a line of the host's shell says.
    pub(crate) fn shell(&self, line: &str) -> String {
        String::from_utf8(self.bytes(line)).unwrap()
    }

    #[expect(clippy::unused_self, reason = "it reads as what happens at the stage")]
    fn bytes(&self, line: &str) -> Vec<u8> {
        let output = Command::new("sh").args(["-c", line]).output().unwrap();
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "`{line}` failed: {errors}");
        output.stdout
    }

    /// Waits until the counts are so.
    pub(crate) fn until(&self, so: impl Fn(ServiceCounts) -> bool) -> ServiceCounts {
        for _ in 0..20_000 {
            let counts = self.server.counts();
            if so(counts) {
                return counts;
            }
            let _ = self
                .kernel
                .block_on(self.kernel.within(Duration::from_millis(1), std::future::pending::<()>()));
        }
        panic!("it never came to that: {:?}", self.server.counts());
    }

    pub(crate) fn stop_now(&self, within: Duration) -> Drained {
        self.kernel.block_on(self.server.stop(within)).unwrap()
    }

    pub(crate) fn stop(self, within: Duration) -> Drained {
        let drained = self.stop_now(within);
        self.look_for_what_is_left();
        drained
    }

    /// Stops, and looks for what is left.
    pub(crate) fn end(self) {
        assert_eq!(self.stop(Duration::from_secs(5)).killed, 0);
    }

    fn look_for_what_is_left(self) {
        self.until(|_| self.kernel.is_empty());
        assert_eq!(self.kernel.reactor().unwrap().sources(), 0, "sockets are left");
        assert_eq!(self.kernel.shutdown(FOR_EVER).stuck, 0);
    }
}
