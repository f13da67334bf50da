//! What machines see of their network: routes, neighbours, sockets, names, and themselves.

use ironloom_core::{Duration, MachineId, Rng, Seed};
use ironloom_net::dns::{Authority, AuthorityConfig, AuthorityService, DeskConfig, Registry};
use ironloom_net::fabric::{self, Place};
use ironloom_vm::{Command, Config, Heap, Image, MachineError, MachineSpec, Machines};

const LIMIT: Duration = Duration::from_secs(60);

/// Machines at 10.0.0.1, 10.0.0.2, … on one switch, whose gateway is 10.0.0.254.
fn lan(count: u8, heap: Heap) -> (Machines, Vec<MachineId>) {
    let mut machines = Machines::new(Config::default(), Seed::new(7));
    let switch = machines.fabric_mut().add_switch("lan", Place::Apart, <_>::default()).unwrap();
    let image = Image::base();
    let ids = (1..=count).map(|number| {
        let address = format!("10.0.0.{number}/24").parse().unwrap();
        let spec = MachineSpec::new(format!("m{number}"), &image).heap(heap).at(switch, address);
        let gateway = Some("10.0.0.254".parse().unwrap());
        machines.create(&MachineSpec { gateway, ..spec }).unwrap()
    });
    let ids = ids.collect();
    (machines, ids)
}

/// What a script writes, with its errors.
fn script(machines: &mut Machines, id: MachineId, source: &str) -> String {
    let command = Command::new("/bin/lua").argument("-e").argument(source);
    run(machines, id, &command)
}

fn run(machines: &mut Machines, id: MachineId, command: &Command) -> String {
    let finished = machines.run(id, command, LIMIT).unwrap();
    finished.text() + &String::from_utf8_lossy(&finished.errors)
}

#[test]
fn routes_and_neighbours_are_listed() {
    for heap in [Heap::Own, Heap::Cell] {
        let (mut machines, ids) = lan(2, heap);
        let source = "
            assert(#net.neighbours() == 0 and net.ping('10.0.0.2').kind == 'reply')
            for _, r in net.routes() do print(r.network, r.gateway, r.interface, r.source) end
            for _, n in net.neighbours() do print(n.address, #n.mac, n.interface) end";
        assert_eq!(
            script(&mut machines, ids[0], source),
            "10.0.0.0/24\tnil\teth0\t10.0.0.1\n0.0.0.0/0\t10.0.0.254\teth0\t10.0.0.1\n10.0.0.2\t17\teth0\n"
        );
        let line = "ip route; ip neigh | cut -d ' ' -f 1-4";
        assert_eq!(
            run(&mut machines, ids[0], &Command::shell(line)),
            "default via 10.0.0.254 dev eth0\n10.0.0.0/24 dev eth0 scope link src 10.0.0.1\n10.0.0.2 dev eth0 lladdr\n"
        );
    }
}

#[test]
fn proc_net_shows_the_network_to_everybody() {
    for heap in [Heap::Own, Heap::Cell] {
        let (mut machines, ids) = lan(2, heap);
        let source = "local l = net.tcp_listen(8080) local u = net.udp(9000) net.ping('10.0.0.2')
            local s = net.tcp_connect('127.0.0.1', 8080) l:accept()
            for _, name in {'arp', 'route', 'tcp', 'udp', 'dev'} do io.write(fs.read('/proc/net/' .. name)) end";
        let command = Command::new("/bin/lua").argument("-e").argument(source).user(1000, 1000);
        let text = run(&mut machines, ids[0], &command);
        for row in [
            "10.0.0.2         0x1         0x2         ",
            "eth0\t00000000\tFE00000A\t0003\t0\t0\t0\t00000000\t0\t0\t0\n",
            "eth0\t0000000A\t00000000\t0001\t0\t0\t0\t00FFFFFF\t0\t0\t0\n",
            "0: 00000000:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000  1000        0 0 1 0\n",
            " 0100007F:1F90 0100007F:",
            "0: 00000000:2328 00000000:0000 07 00000000:00000000 00:00000000 00000000  1000        0 0 2 0 0\n",
            "  eth0:       0",
        ] {
            assert!(text.contains(row), "{heap:?}: no {row:?} in\n{text}");
        }
        let line = "cd /proc/net; cat route | wc -l; head -n 1 tcp | cut -c 1-18; ls";
        let expected = "3\n  sl  local_addres\narp\ndev\nroute\ntcp\nudp\n";
        assert_eq!(run(&mut machines, ids[0], &Command::shell(line)), expected);
    }
}

#[test]
fn sockets_are_listed_with_their_states() {
    let (mut machines, ids) = lan(2, Heap::Own);
    let source = "local l = net.tcp_listen(80) local s = net.tcp_connect('10.0.0.1', 80) local t = l:accept()
        s:write('abc') os.sleep(0.1)
        for _, s in net.sockets() do print(s.protocol, s.state, s.unread, s.pid == os.pid()) end
        s:finish() os.sleep(0.1)
        local states = {} for _, s in net.sockets() do table.insert(states, s.state) end
        table.sort(states) print(table.concat(states, ' '))";
    assert_eq!(
        script(&mut machines, ids[0], source),
        "tcp\tLISTEN\t0\ttrue\ntcp\tESTAB\t0\ttrue\ntcp\tESTAB\t3\ttrue\nCLOSE-WAIT FIN-WAIT-2 LISTEN\n"
    );
    let line = "nc -l 7000 & sleep 0.1; ss -ltn | tr -s ' ' | cut -d ' ' -f 1,4; kill $!";
    assert_eq!(run(&mut machines, ids[0], &Command::shell(line)), "State Local\nLISTEN 0.0.0.0:7000\n");
}

#[test]
fn a_machine_without_a_card_reaches_itself() {
    let source = "
        local role = ...
        print(net.ip(), #net.interfaces(), #net.routes(), #net.sockets())
        print(net.ping('127.0.0.1').kind, net.ping('localhost').from)
        local l = assert(net.tcp_listen(8000, { host = '127.0.0.1' }))
        task.spawn(function() local s = l:accept() s:write(string.upper(s:read('a'))) s:close() end)
        local s = assert(net.tcp_connect('127.0.0.1', 8000))
        s:write(string.rep('x', 100000)) s:finish()
        print(#s:read('a'))
        print(net.tcp_connect('127.0.0.1', 8001))
        print(net.tcp_connect('10.0.0.1', 80))
        net.listen(5000)
        task.spawn(function() local r = net.recv() net.send(r.src_ip, r.src_port, r.data .. '!') end)
        local c = net.connect('127.0.0.1', 5000) c:send('udp') print(c:recv().data)
        print(#net.sockets() > 0, (string.find(fs.read('/proc/net/tcp'), ':1F40')) ~= nil)";
    for heap in [Heap::Own, Heap::Cell] {
        let mut machines = Machines::new(Config::default(), Seed::new(7));
        let id = machines.create(&MachineSpec::new("alone", &Image::base()).heap(heap)).unwrap();
        let expected = "nil\t1\t0\t0\nreply\t127.0.0.1\n100000\nnil\tconnection refused\tECONNREFUSED\n\
            nil\tnetwork is unreachable\tENETUNREACH\nudp!\ntrue\ttrue\n";
        assert_eq!(script(&mut machines, id, source), expected, "{heap:?}");
        let line = "ip -br a; httpd -q /etc & sleep 0.1; curl -s 127.0.0.1/hostname | wc -l; kill $!; ss -lt | wc -l";
        let written = run(&mut machines, id, &Command::shell(line));
        assert!(written.starts_with("lo "), "{written}");
        // What is left of connections waits for late packets.
        machines.run_for(Duration::from_secs(300));
        assert_eq!(script(&mut machines, id, "print(#net.sockets())"), "0\n");
    }
}

#[test]
fn machines_are_found_by_their_names() {
    let mut machines = Machines::new(Config::default(), Seed::new(7));
    let switch = machines.fabric_mut().add_switch("lan", Place::Apart, <_>::default()).unwrap();
    let registry = Registry::new(Authority::new(AuthorityConfig::default()));
    let server = "ns.lan.".parse().unwrap();
    registry.add_zone(&"lan.".parse().unwrap(), &server).unwrap();
    registry.add_reverse_zone("10.0.0.0/24".parse().unwrap(), &server).unwrap();
    let server = MachineId::random(&mut Rng::new(Seed::new(1)));
    let mut card = fabric::MachineSpec::new(server, "ns", switch);
    card.address = Some("10.0.0.53/24".parse().unwrap());
    machines.fabric_mut().add_machine(&card).unwrap();
    let service = AuthorityService::new(registry.clone(), DeskConfig::default());
    machines.fabric_mut().serve(server, Box::new(service)).unwrap();
    machines.name_with(registry);
    let image = Image::base();
    let spec = |name: &str, number: u8| {
        let spec = MachineSpec::new(name, &image).at(switch, format!("10.0.0.{number}/24").parse().unwrap());
        MachineSpec { dns_name: Some(format!("{name}.lan")), ..spec }
    };
    let web = machines.create(&spec("web", 1)).unwrap();
    let client = machines.create(&spec("client", 2)).unwrap();
    let ask = "echo nameserver 10.0.0.53 > /etc/resolv.conf; lua -e 'local a, m = net.resolve(\"web.lan\") print(a and a[1], m)'";
    assert_eq!(run(&mut machines, client, &Command::shell(ask)), "10.0.0.1\tnil\n");
    let taken = machines.create(&spec("web", 3));
    assert!(matches!(taken, Err(MachineError::NameTaken { .. })), "{taken:?}");
    let nowhere = MachineSpec { dns_name: Some("web.elsewhere".into()), ..spec("x", 4) };
    assert!(matches!(machines.create(&nowhere), Err(MachineError::Register(_))));
    assert_eq!(machines.len(), 2);
    machines.destroy(web).unwrap();
    assert_eq!(run(&mut machines, client, &Command::shell(ask)), "nil\tunknown host\n");
    let again = machines.create(&spec("web", 5)).unwrap();
    assert_eq!(run(&mut machines, client, &Command::shell(ask)), "10.0.0.5\tnil\n");
    machines.destroy(again).unwrap();
}
