use hickory_proto::rr::{Name, RecordType};
use proptest::prelude::*;

use crate::dns::{Zone, ZoneError, ZoneLimits, ZoneText, ZoneTextError, ZoneTextProblem};

fn parse(text: impl AsRef<[u8]>) -> Result<Zone, ZoneTextError> {
    Zone::parse(&Name::from_ascii("lan.").unwrap(), text, &ZoneText::default())
}

/// Parses what follows a SOA in the first line, of which an error is expected: in which line, and which.
fn error_of(rest: impl AsRef<[u8]>) -> (u32, ZoneTextProblem) {
    let text = [b"@ 60 SOA ns host 1 2 3 4 5\n", rest.as_ref()].concat();
    let error = parse(text).unwrap_err();
    (error.line, error.problem)
}

fn golden(origin: &str, text: &str, expected: &str) {
    let zone = Zone::parse(&Name::from_ascii(origin).unwrap(), text, &ZoneText::default()).unwrap();
    assert_eq!(zone.to_string(), expected);
    let again = Zone::parse(zone.origin(), zone.to_string(), &ZoneText::default()).unwrap();
    assert_eq!(again, zone);
}

#[test]
fn reads_the_example_of_rfc_1035() {
    golden(
        "ISI.EDU",
        include_str!("../../../../tests/golden/dns/rfc1035.zone"),
        include_str!("../../../../tests/golden/dns/rfc1035.txt"),
    );
}

#[test]
fn reads_all_that_a_master_file_may_say() {
    golden(
        "lan",
        include_str!("../../../../tests/golden/dns/rich.zone"),
        include_str!("../../../../tests/golden/dns/rich.txt"),
    );
}

#[test]
fn says_where_and_why() {
    use ZoneTextProblem as P;
    let value = |word: &str, expected| P::Value { word: word.to_owned(), expected };
    assert_eq!(error_of("a A 10.0.0"), (2, value("10.0.0", "an IPv4 address")));
    assert_eq!(error_of("\n\na MX 70000 b"), (4, value("70000", "a preference up to 65535")));
    assert_eq!(error_of("a SRV 1 2"), (2, P::Missing { expected: "a port up to 65535" }));
    assert_eq!(error_of("a A 10.0.0.1 10.0.0.2"), (2, P::Excess { word: "10.0.0.2".to_owned() }));
    assert_eq!(error_of("a NAPTR 1"), (2, P::Kind { word: "NAPTR".to_owned() }));
    assert_eq!(error_of("a CH A 1.2.3.4"), (2, P::Class { word: "CH".to_owned() }));
    assert_eq!(error_of("$INCLUDE other"), (2, P::Directive { word: "$INCLUDE".to_owned() }));
    assert_eq!(error_of("a TXT \"open\nb A 1.2.3.4"), (2, P::OpenQuote));
    assert_eq!(error_of("a TXT ( \"open\"\n\n"), (4, P::Parenthesis));
    assert_eq!(error_of("a TXT ) x"), (2, P::Parenthesis));
    assert_eq!(error_of("a TXT ( ( x"), (2, P::Parenthesis));
    assert_eq!(error_of("a TXT \\300"), (2, P::Escape));
    assert_eq!(error_of("a TXT x\\"), (2, P::Escape));
    assert_eq!(error_of("a..b A 1.2.3.4"), (2, value("a..b", "a name")));
    assert_eq!(error_of("a 5x A 1.2.3.4"), (2, value("5x", "a time to live")));
    assert_eq!(error_of("a 99999999w A 1.2.3.4"), (2, value("99999999w", "a time to live")));
    let long = "x".repeat(300);
    assert_eq!(error_of(format!("a TXT {long}")).1, value(&long[..64], "a text of 255 bytes or less"));
    assert!(matches!(error_of(format!("{long} A 1.2.3.4")).1, P::Value { expected: "a name", .. }));
}

#[test]
fn keeps_the_rules_of_zones() {
    use ZoneTextProblem::Zone as Z;
    let name = |text: &str| Name::from_ascii(text).unwrap();
    let alias = Z(ZoneError::AliasWithOthers { name: name("a.lan.") });
    assert_eq!(error_of("a A 1.2.3.4\na CNAME b"), (3, alias.clone()));
    assert_eq!(error_of("a CNAME b\na A 1.2.3.4"), (3, alias.clone()));
    assert_eq!(error_of("a CNAME b\na CNAME c"), (3, alias));
    let outside = ZoneError::OutOfZone { name: name("a.org.").into(), origin: name("lan.").into() };
    assert_eq!(error_of("a.org. A 1.2.3.4"), (2, Z(outside)));
    assert_eq!(error_of("@ SOA a b 1 2 3 4 5"), (2, Z(ZoneError::SecondStart { name: name("lan.") })));
    assert_eq!(error_of("*.x NS ns"), (2, Z(ZoneError::WildcardCut { name: name("*.x.lan.") })));
    assert!(matches!(parse("").unwrap_err().problem, ZoneTextProblem::NoStart { .. }));
    assert!(matches!(parse("a 5 A 1.2.3.4").unwrap_err().problem, ZoneTextProblem::NoStart { .. }));
    assert!(matches!(parse(" A 1.2.3.4").unwrap_err().problem, ZoneTextProblem::NoOwner));
    assert!(matches!(parse("a A 1.2.3.4").unwrap_err().problem, ZoneTextProblem::NoTtl));
}

#[test]
fn is_bounded() {
    let origin = Name::from_ascii("lan.").unwrap();
    let zone = ZoneLimits { records_max: 3, set_records_max: 2 };
    let options = ZoneText { bytes_max: 200, words_max: 20, zone, ..ZoneText::default() };
    let problem = |rest: &str| {
        let text = format!("@ 60 SOA ns host 1 2 3 4 5\n{rest}");
        Zone::parse(&origin, text, &options).map(|_| ()).unwrap_err().problem
    };
    assert_eq!(
        problem("a A 1.0.0.1\nb A 1.0.0.1\nc A 1.0.0.1"),
        ZoneTextProblem::Zone(ZoneError::Full { records_max: 3 })
    );
    assert_eq!(problem(&";".repeat(200)), ZoneTextProblem::TooLong { bytes: 227, bytes_max: 200 });
    assert_eq!(
        problem(&format!("a TXT (\n{}", "x\n".repeat(30))),
        ZoneTextProblem::TooManyWords { words_max: 20 }
    );
}

/// The number of seconds that a time in a zone's text stands for.
#[test]
fn reads_times() {
    let seconds = |text: &str| super::seconds(text.as_bytes());
    assert_eq!(seconds("90"), Some(90));
    assert_eq!(seconds("1h30m"), Some(5_400));
    assert_eq!(seconds("1W2d3H4m5s"), Some(604_800 + 172_800 + 10_800 + 245));
    assert_eq!(seconds("1m1"), Some(61));
    assert_eq!(seconds("4294967295"), Some(u32::MAX));
    for bad in ["", "m", "1x", "-1", "4294967296", "1mm", "9999999w"] {
        assert_eq!(seconds(bad), None, "{bad}");
    }
}

#[test]
fn an_address_may_look_like_a_time_but_a_name_may_look_like_anything() {
    let zone = parse("@ 60 SOA ns host 1 2 3 4 5\n60 A 1.2.3.4\nin 5 A 1.2.3.4\nns in 5 in A 1.2.3.4");
    assert!(matches!(zone.unwrap_err().problem, ZoneTextProblem::Kind { .. }));
    let zone = parse("@ 60 SOA ns host 1 2 3 4 5\n60 A 1.2.3.4\nin 5 A 1.2.3.4\nmx A 1.2.3.4").unwrap();
    let shown = zone.to_string();
    assert!(shown.contains("60.lan.\t60\tIN\tA") && shown.contains("in.lan.\t5\tIN\tA"), "{shown}");
}

proptest! {
    #[test]
    fn no_bytes_make_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        let text = [b"@ 60 SOA ns host 1 2 3 4 5\n", &bytes[..]].concat();
        let _ = parse(&bytes);
        let _ = parse(text);
    }

    #[test]
    fn what_is_written_is_read_back(
        lines in proptest::collection::vec((label(), label(), 0..9usize, any::<u32>(), any::<[u8; 4]>()), 0..20),
        text in proptest::collection::vec(any::<u8>(), 0..20),
    ) {
        let mut zone = parse("@ 60 SOA ns host 1 2 3 4 5").unwrap();
        for (left, right, kind, ttl, octets) in lines {
            let labels = [left, right.clone(), b"lan".to_vec()];
            let name = Name::from_labels(labels.iter().map(Vec::as_slice)).unwrap();
            let other = Name::from_labels([right.as_slice()]).unwrap();
            let _ = zone.insert(&name, ttl, data(kind, octets, other, &text));
        }
        let again = parse(zone.to_string()).unwrap();
        prop_assert_eq!(again, zone);
    }
}

fn label() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![proptest::collection::vec(any::<u8>(), 1..6), "[a-cA-C*]".prop_map(String::into_bytes),]
}

fn data(kind: usize, octets: [u8; 4], name: Name, text: &[u8]) -> crate::dns::RData {
    use crate::dns::RData;
    use crate::dns::rdata::{A, AAAA, CNAME, MX, NS, PTR, SRV, TXT};
    let number = u16::from(octets[0]);
    match kind {
        0 => RData::AAAA(AAAA(u128::from(number).into())),
        1 => RData::CNAME(CNAME(name)),
        2 => RData::MX(MX::new(number, name)),
        3 => RData::NS(NS(name)),
        4 => RData::PTR(PTR(name)),
        5 => RData::SRV(SRV::new(number, 1, 2, name)),
        6 => RData::TXT(TXT::from_bytes(vec![text, b"x"])),
        _ => RData::A(A(octets.into())),
    }
}

#[test]
fn every_type_is_read() {
    use RecordType::{A, AAAA, CNAME, MX, NS, PTR, SOA, SRV, TXT};
    let zone = parse(
        "@ 60 SOA ns host 1 2 3 4 5\na A 1.2.3.4\nb AAAA ::1\nc CNAME a\nd MX 1 a\ne NS a\nf PTR a\ng SRV 1 2 3 a\nh TXT x",
    )
    .unwrap();
    let kinds: Vec<RecordType> = zone.iter().map(|record| record.record_type()).collect();
    assert_eq!(kinds, [SOA, A, AAAA, CNAME, MX, NS, PTR, SRV, TXT]);
}
