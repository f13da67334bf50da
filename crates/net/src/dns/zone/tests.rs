use std::collections::{BTreeMap, BTreeSet};

use hickory_proto::rr::rdata::{A, NS};
use hickory_proto::rr::{Name, RData, RecordType};
use proptest::prelude::*;

use super::{Found, Zone, ZoneText};
use crate::dns::folded::{Folded, upwards};

/// The zone of RFC 4592, section 2.2.1.
fn wildcards() -> Zone {
    let text = "
$TTL 3600
@           SOA ns.example.com. hostmaster 1 2 3 4 5
            NS ns.example.com.
            NS ns.example.net.
*           TXT \"this is a wildcard\"
*           MX 10 host1
sub.*       TXT \"this is not a wildcard\"
host1       A 192.0.2.1
_ssh._tcp.host1 SRV 0 0 22 host1
_ssh._tcp.host2 SRV 0 0 22 host2
subdel      NS ns.example.com.
subdel      NS ns.example.net.
";
    Zone::parse(&Name::from_ascii("example.").unwrap(), text, &ZoneText::default()).unwrap()
}

fn find(zone: &Zone, name: &str, kind: RecordType) -> String {
    let folded = Folded::of(&Name::from_ascii(name).unwrap());
    match zone.find(folded.key(), kind) {
        Found::Records(records) => format!("{} {}", records.data.len(), records.data[0]),
        Found::Alias(_, target) => format!("alias {target}"),
        Found::Elsewhere(len, _) => format!("elsewhere {len}"),
        Found::NoData => "no data".to_owned(),
        Found::NoName => "no name".to_owned(),
    }
}

/// The answers that RFC 4592, section 2.2.1, lists.
#[test]
fn wildcards_speak_for_names_that_do_not_exist() {
    use RecordType::{A, MX, SRV, TXT};
    let zone = wildcards();
    assert_eq!(find(&zone, "host3.example.", MX), "1 10 host1.example.");
    assert_eq!(find(&zone, "host3.example.", A), "no data");
    assert_eq!(find(&zone, "foo.bar.example.", TXT), "1 this is a wildcard");
    assert_eq!(find(&zone, "host1.example.", MX), "no data");
    assert_eq!(find(&zone, "sub.*.example.", MX), "no data");
    assert_eq!(find(&zone, "_telnet._tcp.host1.example.", SRV), "no name");
    assert_eq!(find(&zone, "host.subdel.example.", A), "elsewhere 16");
    assert_eq!(find(&zone, "ghost.*.example.", MX), "no name");
    // Names that exist only because others are below them.
    assert_eq!(find(&zone, "_tcp.host1.example.", TXT), "no data");
    assert_eq!(find(&zone, "host2.example.", MX), "no data");
    assert_eq!(find(&zone, "*.example.", TXT), "1 this is a wildcard");
}

#[test]
fn an_alias_stands_for_all_types_but_its_own() {
    let text = "@ 60 SOA ns host 1 2 3 4 5\na CNAME b\n*.w CNAME b";
    let zone = Zone::parse(&Name::from_ascii("lan.").unwrap(), text, &ZoneText::default()).unwrap();
    assert_eq!(find(&zone, "a.lan.", RecordType::A), "alias b.lan.");
    assert_eq!(find(&zone, "x.w.lan.", RecordType::A), "alias b.lan.");
    assert_eq!(find(&zone, "a.lan.", RecordType::CNAME), "1 b.lan.");
    assert_eq!(find(&zone, "a.lan.", RecordType::ANY), "1 b.lan.");
}

#[test]
fn what_is_removed_leaves_nothing_behind() {
    let mut zone = wildcards();
    let before = zone.clone();
    let name = Name::from_ascii("a.b.c.example.").unwrap();
    zone.insert(&name, 1, RData::NS(NS(name.clone()))).unwrap();
    zone.insert(&name, 1, RData::A(A::new(1, 2, 3, 4))).unwrap();
    assert_eq!(find(&zone, "x.a.b.c.example.", RecordType::A), "elsewhere 15");
    assert_eq!(zone.remove(&name, RecordType::NS), 1);
    assert_eq!(find(&zone, "c.example.", RecordType::MX), "no data");
    assert_eq!(zone.remove(&name, RecordType::A), 1);
    assert_eq!(zone.remove(&name, RecordType::A), 0);
    assert_eq!(find(&zone, "c.example.", RecordType::MX), "1 10 host1.example.");
    assert_eq!(
        (zone.cuts, zone.wildcards, zone.nodes.len()),
        (before.cuts, before.wildcards, before.nodes.len())
    );
    assert_eq!(zone, before);
}

/// What a zone should say of a name and type, from a plain list of its records (RFC 4592, section 3.3.1).
fn model(
    records: &BTreeMap<(Vec<u8>, u16), BTreeSet<u8>>,
    key: &[u8],
    kind: u16,
) -> Option<Option<BTreeSet<u8>>> {
    let exists = |key: &[u8]| {
        key == b"\x03lan\0" || records.keys().any(|(name, _)| upwards(name).any(|above| above == key))
    };
    let at = |key: &[u8]| records.get(&(key.to_vec(), kind)).cloned();
    if exists(key) {
        return Some(at(key));
    }
    let encloser = upwards(key).find(|above| exists(above))?;
    let wildcard = [b"\x01*", encloser].concat();
    exists(&wildcard).then(|| at(&wildcard))
}

proptest! {
    /// Zones answer as a list of records does, whatever is inserted and removed in which order.
    #[test]
    fn zones_are_what_their_records_are(
        steps in proptest::collection::vec((name(), any::<bool>(), 0..4u8, any::<bool>()), 0..40),
        asked in proptest::collection::vec((name(), any::<bool>()), 0..40),
    ) {
        let soa = crate::dns::authority::plain_start(&Name::root());
        let mut zone = Zone::new(&Name::from_ascii("lan.").unwrap(), soa, 60);
        let mut records: BTreeMap<(Vec<u8>, u16), BTreeSet<u8>> = BTreeMap::new();
        for (name, is_text, number, is_removed) in steps {
            let kind = if is_text { RecordType::MX } else { RecordType::A };
            let key = (Folded::of(&name).key().to_vec(), u16::from(kind));
            if is_removed {
                prop_assert_eq!(zone.remove(&name, kind), records.remove(&key).map_or(0, |set| set.len()));
            } else {
                zone.insert(&name, 60, data(kind, number)).unwrap();
                records.entry(key).or_default().insert(number);
            }
            prop_assert_eq!(zone.records(), 1 + records.values().map(BTreeSet::len).sum::<usize>());
        }
        for (name, is_text) in asked {
            let kind = if is_text { RecordType::MX } else { RecordType::A };
            let folded = Folded::of(&name);
            let found = match zone.find(folded.key(), kind) {
                Found::Records(found) => {
                    let expected = (0..4).filter(|number| found.data.contains(&data(kind, *number)));
                    Some(Some(expected.collect::<BTreeSet<u8>>()))
                }
                Found::NoData => Some(None),
                _ => None,
            };
            prop_assert_eq!(found, model(&records, folded.key(), u16::from(kind)), "{}", name);
        }
    }
}

fn data(kind: RecordType, number: u8) -> RData {
    match kind {
        RecordType::A => RData::A(A::new(10, 0, 0, number)),
        _ => RData::MX(crate::dns::rdata::MX::new(number.into(), Name::root())),
    }
}

fn name() -> impl Strategy<Value = Name> {
    proptest::collection::vec("[ab*]", 0..4).prop_map(|labels| {
        let text = labels.iter().map(|label| format!("{label}.")).collect::<String>();
        Name::from_ascii(format!("{text}lan.")).unwrap()
    })
}
