//! Temporary.
#![allow(
    clippy::all,
    clippy::disallowed_methods,
    clippy::allow_attributes,
    clippy::allow_attributes_without_reason
)]
use super::super::{Config, Connection, Embryo};
use super::{ends, turned};
use crate::Payload;
use ironloom_core::{Duration, Instant};

fn pair(config: &Config) -> (Box<Connection>, Box<Connection>) {
    let now = Instant::ZERO;
    let mut a = Connection::connect(now, config, ends(), 1);
    let syn = a.poll(now, config).unwrap();
    let embryo = Embryo::new(now, config, turned(ends()), &syn, 2);
    a.handle(now, config, embryo.syn_ack(now, config));
    let ack = a.poll(now, config).unwrap();
    let b = Connection::from_embryo(now, config, &embryo, ack);
    (Box::new(a), Box::new(b))
}

fn stream(name: &str, config: Config, shares: bool, queue: bool, total: u64) {
    let (mut a, mut b) = pair(&config);
    let chunk = vec![7u8; 64 << 10];
    let shared = Payload::from(chunk.clone());
    let mut target = vec![0u8; 64 << 10];
    let (mut sent, mut received, mut segments, mut acks) = (0u64, 0u64, 0u64, 0u64);
    let mut now = Instant::ZERO;
    let mut waiting = std::collections::VecDeque::new();
    let begin = std::time::Instant::now();
    while received < total {
        now = now.saturating_add(Duration::from_nanos(500));
        while sent < total {
            let taken =
                if shares { a.send_payload(&config, shared.clone()) } else { a.send(&config, &chunk) }
                    .unwrap();
            sent += taken as u64;
            if taken < chunk.len() {
                break;
            }
        }
        let mut any = false;
        while let Some(segment) = a.poll(now, &config) {
            segments += 1;
            any = true;
            if queue {
                waiting.push_back(segment);
                continue;
            }
            b.handle(now, &config, segment);
            let _ = b.take_readiness();
            loop {
                if shares {
                    match b.receive_payload(64 << 10).unwrap() {
                        Some(p) => received += p.len() as u64,
                        None => break,
                    }
                } else {
                    match b.receive(&mut target).unwrap() {
                        Some(n) => received += n as u64,
                        None => break,
                    }
                }
            }
            while let Some(ack) = b.poll(now, &config) {
                acks += 1;
                a.handle(now, &config, ack);
            }
            let _ = (a.deadline(), b.deadline(), a.buffered_bytes(), b.buffered_bytes(), a.take_readiness());
        }
        while let Some(segment) = waiting.pop_front() {
            b.handle(now, &config, segment);
            let _ = b.take_readiness();
            loop {
                match b.receive(&mut target).unwrap() {
                    Some(n) => received += n as u64,
                    None => break,
                }
            }
            while let Some(ack) = b.poll(now, &config) {
                acks += 1;
                a.handle(now, &config, ack);
            }
        }
        if !any {
            now = now.saturating_add(Duration::from_millis(1));
            a.expire(now, &config);
            b.expire(now, &config);
            while let Some(ack) = b.poll(now, &config) {
                acks += 1;
                a.handle(now, &config, ack);
            }
        }
    }
    let time = begin.elapsed().as_nanos() as u64;
    println!(
        "{name}: {} Gbit/s, {} ns a segment, {segments} segments of {}, {acks} acks, load {:?}",
        received * 8 / time,
        time / segments,
        received / segments,
        a.load()
    );
}

#[test]
fn speed() {
    let plain = Config { offload_bytes_max: 0, ..Config::default() };
    for round in 0..2 {
        let _ = round;
        stream("1460, copied", plain.clone(), false, false, 2 << 30);
        stream("1460, copied, queued", plain.clone(), false, true, 2 << 30);
        stream("1460, shared", plain.clone(), true, false, 2 << 30);
        stream("1460 stamps, shared", Config { timestamps: true, ..plain.clone() }, true, false, 2 << 30);
        stream("64 KiB, copied", Config::default(), false, false, 4 << 30);
        stream("64 KiB, shared", Config::default(), true, false, 4 << 30);
    }
    let config = Config::default();
    let begin = std::time::Instant::now();
    let mut target = [0; 200];
    let now = Instant::ZERO;
    let count = 300_000;
    let mut frames = 0;
    for _ in 0..count {
        let (mut a, mut b) = pair(&config);
        frames += 3;
        let mut go = |a: &mut Connection, b: &mut Connection| loop {
            let mut any = false;
            while let Some(s) = a.poll(now, &config) {
                b.handle(now, &config, s);
                any = true;
                frames += 1;
            }
            while let Some(s) = b.poll(now, &config) {
                a.handle(now, &config, s);
                any = true;
                frames += 1;
            }
            if !any {
                break;
            }
        };
        a.send(&config, &[1; 100]).unwrap();
        go(&mut a, &mut b);
        b.receive(&mut target).unwrap();
        b.send(&config, &[2; 100]).unwrap();
        b.finish();
        go(&mut b, &mut a);
        a.receive(&mut target).unwrap();
        a.finish();
        go(&mut a, &mut b);
        assert!(b.time_wait().is_some() && a.is_over());
    }
    println!("connections: {} ns each, {} frames", begin.elapsed().as_nanos() / count, frames / count);
    println!("Connection {}", size_of::<Connection>());
    println!(
        "Segment {} Payload {} Embryo {} TimeWait {}",
        size_of::<crate::frame::Segment>(),
        size_of::<Payload>(),
        size_of::<Embryo>(),
        size_of::<crate::tcp::TimeWait>()
    );
}
