#![allow(clippy::all, clippy::disallowed_methods, missing_docs)]
use ironloom_core::{Duration, Instant, Rng, Seed, TimerWheel};
use ironloom_net::frame::*;
use ironloom_net::router::firewall::*;
use ironloom_net::router::nat::SourceRule;
use ironloom_net::router::*;
use ironloom_net::{Frame, Mac, Node, Outbox, Packet, Payload, Port};
use std::hint::black_box;
use std::net::{IpAddr, Ipv4Addr};

fn frame(
    from: (Ipv4Addr, u16),
    to: (Ipv4Addr, u16),
    mac: Mac,
    flags: Flags,
    n: (u32, u32),
    payload: &Payload,
    is_udp: bool,
) -> Frame {
    let transport = if is_udp {
        Transport::Udp(Datagram { source: from.1, target: to.1, payload: payload.clone() })
    } else {
        Transport::Tcp(Segment {
            source: from.1,
            target: to.1,
            sequence: n.0,
            acknowledgement: n.1,
            flags,
            window: 60_000,
            cut: 1460,
            options: Options::default(),
            payload: payload.clone(),
        })
    };
    Frame {
        source: Mac::local(77),
        target: mac,
        body: Body::Ip(Packet {
            source: IpAddr::V4(from.0),
            target: IpAddr::V4(to.0),
            hops: 64,
            service: 0,
            identification: 0,
            may_fragment: false,
            transport,
        }),
    }
}

fn main() {
    let arg = |n: usize, d: usize| std::env::args().nth(n).and_then(|a| a.parse().ok()).unwrap_or(d);
    let flows_n = arg(1, 100_000);
    let routes_n = arg(2, 10_000);
    let rounds = arg(3, 20_000_000);
    let is_udp = arg(4, 0) == 1;
    let mut config = Config::default();
    config.conntrack.flows_max = 1 << 20;
    config.conntrack.flows_per_source_max = 1 << 20;
    config.routes_max = 1 << 20;
    config.neighbours.entries_max = 1 << 16;
    let mut rng = Rng::new(Seed::new(1));
    let mut router = Router::new(config, &mut rng);
    let (lan, wan) = (Mac::local(1), Mac::local(2));
    router.add_interface(Port::new(0), Interface::new(lan, "10.0.0.1/8".parse().unwrap())).unwrap();
    router.add_interface(Port::new(1), Interface::new(wan, "203.0.113.1/24".parse().unwrap())).unwrap();
    for n in 0..routes_n {
        let length = [16u8, 18, 20, 22, 24, 28][n % 6];
        let addr = Ipv4Addr::from_bits((rng.next_u64() as u32 & 0x7fff_ffff) | 0x2000_0000);
        let network = ipnet(addr, length);
        let _ = router.routes_mut().insert(Route {
            network,
            via: Some("203.0.113.9".parse().unwrap()),
            port: Port::new(1),
            metric: n as u32,
        });
    }
    router
        .routes_mut()
        .insert(Route {
            network: "0.0.0.0/0".parse().unwrap(),
            via: Some("203.0.113.9".parse().unwrap()),
            port: Port::new(1),
            metric: 9,
        })
        .unwrap();
    for n in 0..15u16 {
        let rule = Rule {
            source: Addresses::In(format!("10.{}.0.0/16", 200 + n).parse().unwrap()),
            target_ports: n..=n + 10,
            protocol: Some(Protocol::TCP),
            ..Rule::drop()
        };
        router.firewall_mut().append(Chain::Forward, rule).unwrap();
    }
    router.firewall_mut().append(Chain::Forward, Rule::accept()).unwrap();
    router.firewall_mut().set_policy(Chain::Forward, Verdict::Drop);
    router.nat_mut().add_source(SourceRule::masquerade("10.0.0.0/8".parse().unwrap(), Port::new(1))).unwrap();
    let mut out = Outbox::new();
    let now = Instant::ZERO;
    router.set_neighbour(now, Port::new(1), "203.0.113.9".parse().unwrap(), Mac::local(9), &mut out);
    let hosts = 1000u32;
    for h in 0..hosts {
        router.set_neighbour(
            now,
            Port::new(0),
            IpAddr::V4(Ipv4Addr::from_bits(0x0A00_0100 + h)),
            Mac::local(100 + h as u64),
            &mut out,
        );
    }
    let payload = Payload::from(vec![1u8; 1460]);
    let none = Payload::EMPTY;
    let mut list = Vec::new();
    let t = std::time::Instant::now();
    for n in 0..flows_n {
        let from = (Ipv4Addr::from_bits(0x0A00_0100 + (n as u32 % hosts)), 1024 + (n as u32 / hosts) as u16);
        let to = (Ipv4Addr::from_bits((rng.next_u64() as u32 & 0x3fff_ffff) | 0x2000_0000), 443);
        router.handle(now, Port::new(0), frame(from, to, lan, Flags::SYN, (0, 0), &none, is_udp), &mut out);
        let (p, f) = out.next_frame().expect("sent");
        assert_eq!(p, Port::new(1));
        let Body::Ip(p) = &f.body else { panic!() };
        let (IpAddr::V4(a), Some(port)) = (
            p.source,
            match &p.transport {
                Transport::Tcp(s) => Some(s.source),
                Transport::Udp(d) => Some(d.source),
                _ => None,
            },
        ) else {
            panic!()
        };
        let outside = (a, port);
        router.handle(
            now,
            Port::new(1),
            frame(to, outside, wan, Flags::SYN | Flags::ACK, (0, 1), &none, is_udp),
            &mut out,
        );
        out.next_frame().expect("answered");
        router.handle(now, Port::new(0), frame(from, to, lan, Flags::ACK, (1, 1), &none, is_udp), &mut out);
        out.next_frame().expect("acked");
        router.handle(
            now,
            Port::new(1),
            frame(to, outside, wan, Flags::ACK, (1, 1), &none, is_udp),
            &mut out,
        );
        out.next_frame().expect("acked");
        list.push((from, to, outside));
    }
    println!(
        "frame {} B, opened {} flows: {} ns per flow (4 packets)",
        size_of::<Frame>(),
        router.flows_len(),
        t.elapsed().as_nanos() as usize / flows_n
    );

    let mut seq = vec![1u32; flows_n];
    for mode in 0..4 {
        // 0: build + outbox only; 1: pipeline; 2: wheel event + outbox; 3: wheel event + pipeline
        let mut wheel: TimerWheel<(Port, Frame)> = TimerWheel::new(1 << 20);
        let mut now_ns = 1_000_000u64;
        let make = |rng: &mut Rng, seq: &mut Vec<u32>| {
            let r = rng.next_u64();
            let n = ((r >> 32) * flows_n as u64 >> 32) as usize;
            let (from, to, outside) = list[n];
            if r & 1 == 0 {
                (Port::new(0), frame(from, to, lan, Flags::ACK, (1, 1), &none, is_udp))
            } else {
                seq[n] = 1;
                (Port::new(1), frame(to, outside, wan, Flags::ACK, (1, 1), &payload, is_udp))
            }
        };
        for _ in 0..1000 {
            let (p, f) = make(&mut rng, &mut seq);
            wheel.insert(Instant::from_nanos(now_ns + (rng.next_u64() & 0xfffff)), (p, f)).unwrap();
        }
        let t = std::time::Instant::now();
        for _ in 0..rounds {
            match mode {
                0 | 1 => {
                    let (p, f) = make(&mut rng, &mut seq);
                    if mode == 1 {
                        router.handle(Instant::from_nanos(now_ns), p, f, &mut out);
                    } else {
                        out.send(p, f);
                    }
                    black_box(out.next_frame().expect("passes"));
                    now_ns += 1;
                }
                _ => {
                    let (p, f) = make(&mut rng, &mut seq);
                    let r = rng.next_u64() & 0xfffff;
                    wheel.insert(Instant::from_nanos(now_ns + r), (p, f)).unwrap();
                    let e = loop {
                        match wheel.poll(Instant::from_nanos(now_ns)) {
                            Some(e) => break e,
                            None => now_ns = wheel.next_bound().unwrap().as_nanos(),
                        }
                    };
                    let (p, f) = e.value;
                    if mode == 3 {
                        router.handle(Instant::from_nanos(now_ns), p, f, &mut out);
                    } else {
                        out.send(p, f);
                    }
                    black_box(out.next_frame().expect("passes"));
                }
            }
        }
        println!("mode {mode}: {:.1} ns", t.elapsed().as_nanos() as f64 / rounds as f64);
    }
    println!("drops {:?}", router.drops().iter().collect::<Vec<_>>());
}
fn ipnet(a: Ipv4Addr, l: u8) -> ironloom_net::ipnet::IpNet {
    ironloom_net::ipnet::IpNet::new(IpAddr::V4(a), l).unwrap().trunc()
}
