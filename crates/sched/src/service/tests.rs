//! Services, over sockets of the loopback device.

mod bad_days;
mod limits;
mod streams;

use std::{
    future::Future,
    io::{Read, Write},
    net::{SocketAddr, TcpStream},
};

use ironloom_core::Duration;

use super::*;
use crate::{Config, Kernel, PipeError};

/// A kernel with a service on it, whose end is checked: nothing may be left of any connection.
struct Stage {
    kernel: Kernel,
    service: Service,
}

/// So long nothing takes that is not stuck.
const FOR_EVER: Duration = Duration::from_secs(20);

impl Stage {
    fn new<F, R>(config: ServiceConfig, serve: F) -> Self
    where
        F: Fn(Context<()>, Stream) -> R + Send + Sync + 'static,
        R: Future<Output: IntoExit> + Send + 'static,
    {
        let kernel = Kernel::start(Config::with_workers(2)).unwrap();
        let listener = kernel.listen(([127, 0, 0, 1], 0).into()).unwrap();
        let service = Service::start(&kernel, listener, config, serve).unwrap();
        Self { kernel, service }
    }

    fn echo(config: ServiceConfig) -> Self {
        Self::new(config, async |_: Context<()>, mut stream: Stream| stream.echo().await.map(|_| ()))
    }

    fn address(&self) -> SocketAddr {
        self.service.address().tcp().unwrap()
    }

    /// A client in this program, which waits by means of the reactor.
    fn run<T>(&self, client: impl AsyncFnOnce(Stream) -> Result<T, PipeError>) -> Result<T, PipeError> {
        let kernel = &self.kernel;
        kernel
            .block_on(
                kernel
                    .within(FOR_EVER, async { client(kernel.connect(self.address()).await.unwrap()).await }),
            )
            .expect("nothing takes for ever")
    }

    /// A client that blocks its thread and knows nothing of us.
    fn client(&self) -> TcpStream {
        let client = TcpStream::connect(self.address()).unwrap();
        client.set_read_timeout(Some(FOR_EVER.into())).unwrap();
        client
    }

    /// Lets time pass by the kernel's clock.
    fn pass(&self, time: Duration) {
        let _ = self.kernel.block_on(self.kernel.within(time, std::future::pending::<()>()));
    }

    /// Waits until the counts are so.
    fn until(&self, so: impl Fn(ServiceCounts) -> bool) -> ServiceCounts {
        for _ in 0..20_000 {
            let counts = self.service.counts();
            if so(counts) {
                return counts;
            }
            self.pass(Duration::from_millis(1));
        }
        panic!("it never came to that: {:?}", self.service.counts());
    }

    /// Stops the service and the kernel, and looks for what is left.
    fn end(self) -> (Drained, ServiceCounts) {
        let drained = self.kernel.block_on(self.service.stop(Duration::from_secs(5))).unwrap();
        let counts = self.service.counts();
        assert_eq!(counts.active, 0);
        self.kernel.block_on(self.service.process().monitor());
        // Who was killed goes at its next turn.
        self.until(|_| self.kernel.is_empty());
        assert_eq!(self.kernel.reactor().unwrap().sources(), 0, "sockets are left");
        assert_eq!(self.kernel.shutdown(FOR_EVER).stuck, 0);
        (drained, counts)
    }
}

/// What a blocking client reads until the end.
fn rest(mut client: &TcpStream) -> Vec<u8> {
    let mut bytes = Vec::new();
    let _ = client.read_to_end(&mut bytes); // a reset is an end too
    bytes
}

fn say(mut client: &TcpStream, bytes: &[u8]) {
    client.write_all(bytes).unwrap();
}
