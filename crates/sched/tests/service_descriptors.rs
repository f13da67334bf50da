//! Services give every descriptor back, and survive that there are none.
//!
//! A program of its own with one test, because it counts and limits what the whole process has.
#![cfg(target_os = "linux")]

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};

use ironloom_core::Duration;
use ironloom_sched::{Config, Context, Kernel, PipeError, Service, ServiceConfig, ServiceCounts, Stream};

const FOR_EVER: Duration = Duration::from_secs(20);

fn descriptors() -> usize {
    std::fs::read_dir("/proc/self/fd").unwrap().count()
}

fn start(kernel: &Kernel) -> (Service, SocketAddr) {
    let listener = kernel.listen(([127, 0, 0, 1], 0).into()).unwrap();
    let echo = async |_: Context<()>, mut stream: Stream| stream.echo().await.map(|_| ());
    let service = Service::start(kernel, listener, ServiceConfig::default(), echo).unwrap();
    let address = service.address().tcp().unwrap();
    (service, address)
}

fn connect(address: SocketAddr) -> TcpStream {
    let client = TcpStream::connect(address).unwrap();
    client.set_read_timeout(Some(FOR_EVER.into())).unwrap();
    client
}

fn until(kernel: &Kernel, service: &Service, so: impl Fn(ServiceCounts) -> bool) -> ServiceCounts {
    for _ in 0..20_000 {
        if so(service.counts()) {
            return service.counts();
        }
        let _ = kernel.block_on(kernel.within(Duration::from_millis(1), std::future::pending::<()>()));
    }
    panic!("it never came to that: {:?}", service.counts());
}

#[test]
fn services_give_descriptors_back_and_wait_for_them() {
    let before = descriptors();
    connections_leave_nothing_behind();
    assert_eq!(descriptors(), before);
    a_service_waits_for_descriptors();
    assert_eq!(descriptors(), before);
    a_service_finds_a_descriptor_that_nobody_told_it_of();
    assert_eq!(descriptors(), before);
}

/// Clients that vanish, hang up, are refused or killed, and are still there when the kernel goes.
fn connections_leave_nothing_behind() {
    let kernel = Kernel::start(Config::with_workers(2)).unwrap();
    let (service, address) = start(&kernel);
    let mut staying = Vec::new();
    for round in 0..400 {
        match round % 4 {
            0 => drop(connect(address)),
            1 => (&connect(address)).write_all(b"half a").unwrap(),
            2 => kernel.block_on(talk(&kernel, address)).unwrap(),
            _ if round > 360 => staying.push(connect(address)),
            _ => {}
        }
    }
    until(&kernel, &service, |counts| counts.active == staying.len() && counts.accepted >= 300);
    kernel.block_on(service.stop(Duration::from_millis(10))).unwrap();
    assert_eq!(kernel.shutdown(FOR_EVER).stuck, 0);
}

async fn talk(kernel: &Kernel, address: SocketAddr) -> Result<(), PipeError> {
    let mut stream = kernel.connect(address).await.expect("the service listens");
    stream.write(b"good day").await?;
    let mut answer = [0; 8];
    stream.read_exact(&mut answer).await?;
    stream.hang_up().await
}

/// Without a descriptor it neither spins nor gives up.
fn a_service_waits_for_descriptors() {
    let kernel = Kernel::start(Config::with_workers(2)).unwrap();
    let (service, address) = start(&kernel);
    let first = connect(address);
    until(&kernel, &service, |counts| counts.active == 1);
    let mut second = connect(address);
    until(&kernel, &service, |counts| counts.active == 2);

    // The client's socket is there before the limit is; what is missing is the descriptor for the other end.
    let waiting = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).unwrap();
    waiting.set_read_timeout(Some(FOR_EVER.into())).unwrap();
    let (soft, hard) = rlimit::Resource::NOFILE.get().unwrap();
    rlimit::Resource::NOFILE.set(3, hard).unwrap();
    waiting.connect(&address.into()).unwrap();
    until(&kernel, &service, |counts| counts.starved == 1);
    let accepts = || kernel.reactor().unwrap().syscalls().accepts;
    let before = accepts();
    let mut byte = [0];
    for number in 0..50 {
        second.write_all(&[number]).unwrap();
        second.read_exact(&mut byte).unwrap();
        assert_eq!(byte, [number], "others are served meanwhile");
    }
    assert!(accepts() - before < 20, "it asks for a descriptor again and again");
    rlimit::Resource::NOFILE.set(soft, hard).unwrap();
    drop(first);
    let mut third = TcpStream::from(waiting);
    third.write_all(b"x").unwrap();
    third.read_exact(&mut byte).unwrap();
    assert_eq!(&byte, b"x");
    drop((second, third));
    kernel.block_on(service.stop(FOR_EVER)).unwrap();
    assert_eq!(kernel.shutdown(FOR_EVER).stuck, 0);
}

/// It tried again once, and if that was too early it waited until somebody else connected.
fn a_service_finds_a_descriptor_that_nobody_told_it_of() {
    let kernel = Kernel::start(Config::with_workers(2)).unwrap();
    let (service, address) = start(&kernel);
    let waiting = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).unwrap();
    waiting.set_read_timeout(Some(FOR_EVER.into())).unwrap();
    let (soft, hard) = rlimit::Resource::NOFILE.get().unwrap();
    rlimit::Resource::NOFILE.set(3, hard).unwrap();
    waiting.connect(&address.into()).unwrap();
    until(&kernel, &service, |counts| counts.starved == 1);
    let accepts = kernel.reactor().unwrap().syscalls().accepts;
    until(&kernel, &service, |_| kernel.reactor().unwrap().syscalls().accepts > accepts);
    rlimit::Resource::NOFILE.set(soft, hard).unwrap();
    let mut client = TcpStream::from(waiting);
    client.write_all(b"x").unwrap();
    client.read_exact(&mut [0]).unwrap();
    drop(client);
    kernel.block_on(service.stop(FOR_EVER)).unwrap();
    assert_eq!(kernel.shutdown(FOR_EVER).stuck, 0);
}
