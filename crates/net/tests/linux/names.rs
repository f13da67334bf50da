//! Names, as `dig` asks for them.

use ironloom_core::{Rng, Seed};
use ironloom_net::dns::{
    Authority, AuthorityConfig, AuthorityService, DeskConfig, Name, Registry, Resolver, ResolverConfig,
    ResolverService, Upstream, View, Zone, ZoneText,
};
use ironloom_net::link::LinkProfile;

use crate::namespace::{has, skip};
use crate::need;
use crate::town::{AUTHORITY, RESOLVER, Scene, Town};

const LAN: &str = "
$TTL 300
@ SOA ns hostmaster 7 3600 600 86400 60
@ NS ns
@ MX 10 mail
@ MX 20 mail2
ns A 10.91.0.53
web A 10.91.0.1
web AAAA fd00::1
www CNAME web
shop CNAME www
mail A 10.91.0.25
text TXT \"two strings\" \"of text\"
_http._tcp SRV 1 2 80 web
*.wild A 10.91.0.77
";

const REVERSE: &str = "
$TTL 300
@ SOA ns.lan. hostmaster.lan. 7 3600 600 86400 60
@ NS ns.lan.
1 PTR web.lan.
";

pub(crate) fn serve(town: &mut Town) {
    let large: String = (0..60).map(|number| format!("large TXT \"{number:0>60}\"\n")).collect();
    let name = |text: &str| Name::from_ascii(text).unwrap();
    let mut authority = Authority::new(AuthorityConfig::default());
    for (origin, text) in [("lan.", format!("{LAN}{large}")), ("0.91.10.in-addr.arpa.", REVERSE.to_owned())] {
        authority.add(Zone::parse(&name(origin), text, &ZoneText::default()).unwrap()).unwrap();
    }
    let authority = AuthorityService::new(Registry::new(authority), DeskConfig::default());
    town.add(AUTHORITY, Box::new(authority));
    let upstream = Upstream::Recurse { roots: vec![(name("ns.lan."), AUTHORITY.parse().unwrap())] };
    let domains = ["lan.", "in-addr.arpa."].map(|domain| (name(domain), upstream.clone())).to_vec();
    let view = View { domains, ..View::default() };
    let resolver = Resolver::new(ResolverConfig::default(), vec![view], Rng::new(Seed::new(9)));
    town.add(RESOLVER, Box::new(ResolverService::new(resolver, DeskConfig::default())));
}

fn short(scene: &Scene, server: &str, question: &str) -> Vec<String> {
    let said = scene.run(&format!("dig @{server} +short +time=5 +tries=2 {question}"));
    let mut lines: Vec<String> = said.lines().map(str::to_owned).collect();
    lines.sort();
    lines
}

#[test]
fn dig() {
    need!("dig");
    let Some(scene) = Scene::start(LinkProfile::default(), true, |_| ()) else { return };
    for server in [AUTHORITY, RESOLVER] {
        for option in ["", "+tcp"] {
            for (question, expected) in [
                ("web.lan A", &["10.91.0.1"][..]),
                ("WEB.lan AAAA", &["fd00::1"]),
                ("lan MX", &["10 mail.lan.", "20 mail2.lan."]),
                ("text.lan TXT", &["\"two strings\" \"of text\""]),
                ("_http._tcp.lan SRV", &["1 2 80 web.lan."]),
                ("lan NS", &["ns.lan."]),
                ("lan SOA", &["ns.lan. hostmaster.lan. 7 3600 600 86400 60"]),
                ("-x 10.91.0.1", &["web.lan."]),
                ("shop.lan A", &["10.91.0.1", "web.lan.", "www.lan."]),
                ("any.wild.lan A", &["10.91.0.77"]),
                ("mail.lan AAAA", &[]),
            ] {
                let found = short(&scene, server, &format!("{option} {question}"));
                assert_eq!(found, expected, "{question} {option} of {server}");
            }
        }
        let said = scene.run(&format!("dig @{server} nobody.lan A"));
        assert!(said.contains("status: NXDOMAIN") && said.contains("SOA"), "{said}");
        let said = scene.run(&format!("dig @{server} example.org A"));
        assert!(said.contains("status: REFUSED"), "{said}");
        // What does not fit is cut short, and asked for again over TCP.
        let said = scene.run(&format!("dig @{server} +ignore large.lan TXT"));
        assert!(said.contains(" tc") && !said.contains("malformed"), "{said}");
        let said = scene.run(&format!("dig @{server} large.lan TXT"));
        assert!(said.contains("retrying in TCP mode") && said.contains("ANSWER: 60"), "{said}");
    }
    if has("host") {
        let said = scene.run(&format!("host -t A shop.lan {RESOLVER}"));
        assert!(said.contains("web.lan has address 10.91.0.1"), "{said}");
    } else {
        skip("host is not installed");
    }
    scene.finish();
}
