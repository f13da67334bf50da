//! The host's `dig` asks a name server beside machines, and one that is a script; machines ask the same.

use ironloom_core::{MachineId, Rng, Seed};
use ironloom_net::dns::{Authority, AuthorityConfig, AuthorityService, DeskConfig, Registry};

use crate::need;
use crate::street::Street;

/// Answers every question of a name with the same address.
const SERVER: &[u8] = br#"
net.listen(53)
while true do
    local r = net.recv()
    local at = 13
    while (string.byte(r.data, at) or 0) > 0 do
        at += string.byte(r.data, at) + 1
    end
    local question = string.sub(r.data, 13, at + 4)
    net.send(r.src_ip, r.src_port, string.sub(r.data, 1, 2) .. "\x81\x80\0\1\0\1\0\0\0\0" .. question
        .. "\xc0\x0c\0\1\0\1\0\0\0\60\0\4\10\9\8\7")
end
"#;

#[test]
fn a_server_beside_machines() {
    need!("dig");
    let mut street = Street::new();
    let registry = Registry::new(Authority::new(AuthorityConfig::default()));
    let name = |text: &str| text.parse().unwrap();
    registry.add_zone(&name("lan."), &name("names.lan.")).unwrap();
    registry.register(&name("web.lan."), &[[10, 93, 0, 1].into()], 60).unwrap();
    let names = MachineId::random(&mut Rng::new(Seed::new(9)));
    street.add_plain(names, "names", [10, 93, 0, 53].into());
    let service = AuthorityService::new(registry, DeskConfig::default());
    street.machines().fabric_mut().serve(names, Box::new(service)).unwrap();
    let (udp, tcp) = (
        street.publish_datagrams(([10, 93, 0, 53].into(), 53)),
        street.publish(([10, 93, 0, 53].into(), 53)),
    );

    let dig = "dig @127.0.0.1 +time=10 +short";
    assert_eq!(street.host(&format!("{dig} -p {} web.lan", udp.port())), "10.93.0.1\n");
    assert_eq!(street.host(&format!("{dig} +tcp -p {} web.lan", tcp.port())), "10.93.0.1\n");
    let said = street.host(&format!("dig @127.0.0.1 +time=10 -p {} none.lan", udp.port()));
    assert!(said.contains("status: NXDOMAIN"), "{said}");

    let asker = street.add(1, 16 << 20);
    street.put(asker, "/etc/resolv.conf", b"nameserver 10.93.0.53\n");
    assert_eq!(street.run(asker, "dig +short web.lan"), "10.93.0.1\n");
    assert_eq!(street.run(asker, "lua -e 'print(net.resolve(\"web.lan\")[1])'"), "10.93.0.1\n");
    street.put(asker, "/var/www/index.html", b"by name\n");
    street.serve(asker, "httpd -q", 80);
    assert_eq!(street.run(asker, "curl -s http://web.lan/"), "by name\n");
}

#[test]
fn a_server_that_is_a_script() {
    need!("dig");
    let mut street = Street::new();
    let server = street.add(2, 16 << 20);
    street.put(server, "/names", SERVER);
    street.serve(server, "lua /names", 53);
    let udp = street.publish_datagrams(([10, 93, 0, 2].into(), 53));
    let ask = format!("dig @127.0.0.1 +time=10 +short -p {} any.name.at.all", udp.port());
    assert_eq!(street.host(&ask), "10.9.8.7\n");
    // Many at once.
    let many = format!("for n in $(seq 20); do {ask} & done; wait");
    assert_eq!(street.host(&many), "10.9.8.7\n".repeat(20));
    let asker = street.add(1, 16 << 20);
    assert_eq!(street.run(asker, "dig @10.93.0.2 +short x"), "10.9.8.7\n");
}
