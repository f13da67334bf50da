//! Which frames filters let pass.

use proptest::prelude::*;

use super::super::*;
use super::*;

/// Some frames and what they are called.
fn traffic() -> Vec<(&'static str, Frame)> {
    let unreachable =
        Icmp::Unreachable { reason: Unreachable::Port, about: Box::new(Quote::of(ip(&udp(9, 53, 1)))) };
    let part = Fragment { protocol: 17, offset: 8, more: false, bytes: vec![1; 8].into() };
    let sixth = packet(
        "fd00::1".parse::<IpAddr>().unwrap(),
        "fd00::2".parse::<IpAddr>().unwrap(),
        Transport::Tcp(segment(9, 80, Flags::SYN, 0)),
    );
    vec![
        ("arp", arp()),
        ("web", tcp(40_000, 80, Flags::SYN, 0)),
        ("answer", tcp_back(80, 40_000, Flags::ACK, 10)),
        ("dns", udp(5_353, 53, 20)),
        ("ping", echo(1)),
        ("error", frame(Body::Ip(packet(TWO, [192, 168, 0, 7], Transport::Icmp(unreachable))))),
        ("part", frame(Body::Ip(packet(ONE, TWO, Transport::Fragment(part))))),
        ("six", frame(Body::Ip(sixth))),
        ("vlan", frame(Body::Other { ethertype: 0x8100, bytes: vec![0; 50].into() })),
        ("raw six", frame(Body::Other { ethertype: 0x86DD, bytes: vec![0; 50].into() })),
        ("broken", Frame { source: Mac::local(7), ..frame(Body::Broken(vec![0; 60].into())) }),
    ]
}

fn check(filter: &str, expected: &[&str]) {
    let filter: Filter = filter.parse().unwrap_or_else(|error| panic!("{filter}: {error}"));
    let traffic = traffic();
    let passed: Vec<&str> =
        traffic.iter().filter(|(_, frame)| filter.matches(frame)).map(|(name, _)| *name).collect();
    assert_eq!(passed, expected, "{filter:?}");
}

#[test]
fn primitives_select() {
    check("arp", &["arp"]);
    check("ip", &["web", "answer", "dns", "ping", "error", "part"]);
    check("ip6", &["six", "raw six"]);
    check("tcp", &["web", "answer", "six"]);
    check("udp", &["dns", "part"]);
    check("icmp", &["ping", "error"]);
    check("port 80", &["web", "answer", "six"]);
    check("src port 80", &["answer"]);
    check("udp dst port 53", &["dns"]);
    check("portrange 50-79", &["dns"]);
    check("host 192.168.0.7", &["error"]);
    check("src host 10.0.0.2", &["answer", "error"]);
    check("dst net 192.168.0.0/16", &["error"]);
    check("net fd00::/8", &["six"]);
    check("arp host 10.0.0.2", &["arp"]);
    check("ether src host 02:00:00:00:00:07", &["broken"]);
}

#[test]
fn primitives_are_combined() {
    let all: Vec<&str> = traffic().iter().map(|(name, _)| *name).collect();
    check("", &all);
    check("  ", &all);
    check("arp or not arp", &all);
    check("tcp and port 80 and host 10.0.0.1", &["web", "answer"]);
    check("arp or tcp and src port 80", &["arp", "answer"]);
    check("(arp or tcp) and not ip6&&!src port 80", &["arp", "web"]);
    check("not (ip or ip6 or arp)", &["vlan", "broken"]);
    check("not not arp", &["arp"]);
    check("!(!arp&& !udp)", &["arp", "dns", "part"]);
}

#[test]
fn what_is_no_filter_is_refused_with_a_reason() {
    let check = |text: &str, expected: &str| {
        assert_eq!(text.parse::<Filter>().unwrap_err().to_string(), expected, "{text}");
    };
    check("port", "filter ends where a port should follow");
    check("port 65536", "`65536` at 5 is not a port");
    check(
        "tcp and",
        "filter ends where a protocol, `host`, `net`, `port`, `portrange`, `ether`, `not` or `(` should follow",
    );
    check("tcp tcp", "`tcp` at 4 is not `and` or `or`");
    check("(tcp", "filter ends where `)` should follow");
    check("tcp)", "`)` at 3 is not `and` or `or`");
    check("portrange 9-8", "`9-8` at 10 is not a range of ports such as 6000-6010");
    check("net 10.0.0.0/33", "`10.0.0.0/33` at 4 is not a network such as 10.0.0.0/8");
    check("ether port 80", "`port` at 6 is not `host`");
    check(&"(".repeat(100), "filter is nested more than 24 deep at 25");
    check(&"!".repeat(100), "filter is nested more than 24 deep at 25");
    check(&" ".repeat(5_000), "filter of 5000 bytes: at most 4096 are read");
}

/// An expression, and what it says of a frame by another reckoning: by recursion.
fn expression() -> impl Strategy<Value = (String, Vec<bool>)> {
    let names = ["arp", "tcp", "udp", "icmp", "ip", "host 10.0.0.1", "port 80", "src port 53"];
    let leaf = proptest::sample::select(names.to_vec()).prop_map(|name| {
        let filter: Filter = name.parse().unwrap();
        (name.to_owned(), traffic().iter().map(|(_, frame)| filter.matches(frame)).collect::<Vec<_>>())
    });
    leaf.prop_recursive(20, 200, 2, |inner| {
        prop_oneof![
            inner
                .clone()
                .prop_map(|(text, says)| (format!("not ({text})"), says.iter().map(|said| !said).collect())),
            (inner.clone(), inner.clone()).prop_map(|(one, other)| {
                let says = one.1.iter().zip(&other.1).map(|(one, other)| one & other).collect();
                (format!("({}) and ({})", one.0, other.0), says)
            }),
            (inner.clone(), inner).prop_map(|(one, other)| {
                let says = one.1.iter().zip(&other.1).map(|(one, other)| one | other).collect();
                (format!("({}) or ({})", one.0, other.0), says)
            }),
        ]
    })
}

proptest! {
    #[test]
    fn filters_say_what_they_mean((text, expected) in expression()) {
        match text.parse::<Filter>() {
            Ok(filter) => {
                let says: Vec<bool> = traffic().iter().map(|(_, frame)| filter.matches(frame)).collect();
                prop_assert_eq!(says, expected, "{}", text);
            }
            Err(error) => prop_assert!(matches!(error, FilterError::Deep { .. } | FilterError::Long { .. }), "{}", error),
        }
    }

    #[test]
    fn any_text_is_a_filter_or_refused(text in "(tcp|port|80|and|or|not|[()!]|ether|host|10.0.0.1| |\\PC){0,60}") {
        if let Ok(filter) = text.parse::<Filter>() {
            let _ = filter.matches(&arp());
        }
    }
}
