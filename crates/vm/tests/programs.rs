//! Programs that need more than a shell: consoles, passwords, other machines.

use ironloom_core::{Duration, MachineId, Seed};
use ironloom_net::fabric::Place;
use ironloom_vm::os::console::Size;
use ironloom_vm::{Command, ConsoleId, Image, MachineSpec, Machines};

/// Machines `m1`, `m2`, … with addresses 10.0.0.1, 10.0.0.2, … on one switch.
struct Lan {
    machines: Machines,
    ids: Vec<MachineId>,
}

impl Lan {
    fn new(count: u8) -> Self {
        let mut machines = Machines::new(<_>::default(), Seed::new(7));
        let switch = machines.fabric_mut().add_switch("lan", Place::Apart, <_>::default()).unwrap();
        let image = Image::base();
        let spec = |number: u8| {
            let address = format!("10.0.0.{number}/24").parse().unwrap();
            MachineSpec::new(format!("m{number}"), &image).at(switch, address)
        };
        let ids = (1..=count).map(|number| machines.create(&spec(number)).unwrap()).collect();
        Self { machines, ids }
    }

    /// What a command writes to both of its outputs, and its exit code.
    fn run(&mut self, machine: usize, command: &Command) -> String {
        let limit = Duration::from_secs(100);
        let finished = self.machines.run(self.ids[machine - 1], command, limit).unwrap();
        let errors = String::from_utf8_lossy(&finished.errors);
        format!("{}{errors}[{}]", finished.text(), finished.exit.code())
    }

    #[track_caller]
    fn check(&mut self, machine: usize, line: &str, expected: &str) {
        assert_eq!(self.run(machine, &Command::shell(line)), expected, "{line}");
    }

    #[track_caller]
    fn check_as_user(&mut self, line: &str, expected: &str) {
        let command = Command::shell(line).user(1000, 1000).variable("HOME", "/home/user");
        assert_eq!(self.run(1, &command), expected, "{line}");
    }

    fn start(&mut self, machine: usize, line: &str) {
        self.machines.spawn(self.ids[machine - 1], &Command::shell(line)).unwrap();
        self.machines.run_for(Duration::from_millis(100));
    }
}

#[test]
fn httpd_serves_and_curl_fetches() {
    let mut lan = Lan::new(2);
    let site = "mkdir -p /var/www/cgi /var/www/d; cd /var/www; echo home > index.html; echo plain > a.txt; \
        echo gone > 404.html; echo below > d/index; seq 30000 > big; ln -s /etc/passwd stolen; \
        echo 'return function(r) return r.method .. (r.query.x or \"\") .. r.body, 201 end' > cgi/t.luau; exec httpd -q";
    lan.start(1, site);
    lan.check(2, "curl http://10.0.0.1/", "home\n[0]");
    lan.check(2, "curl -s 10.0.0.1/a", "plain\n[0]");
    lan.check(2, "curl -s 10.0.0.1/big | tail -n 1", "30000\n[0]");
    lan.check(
        2,
        "curl -sI 10.0.0.1/a.txt | grep -i '^content-[lt]'",
        "Content-Length: 6\r\nContent-Type: text/plain; charset=utf-8\r\n[0]",
    );
    lan.check(2, "curl -s -H 'Range: bytes=2-4' 10.0.0.1/a.txt", "ain[0]");
    lan.check(
        2,
        "curl -s -r -3 -o part -w '%{http_code} %{size_download}' 10.0.0.1/a.txt; cat part",
        "206 3in\n[0]",
    );
    lan.check(2, "curl -s -w '%{http_code}\\n' -r 99- 10.0.0.1/a.txt", "416\n[0]");
    lan.check(2, "curl -s -d a=b -d c=d '10.0.0.1/cgi/t?x=%21+y'", "POST! ya=b&c=d[0]");
    lan.check(2, "curl -s -w '%{http_code}' 10.0.0.1/none", "gone\n404[0]");
    lan.check(2, "curl -sf 10.0.0.1/none", "[22]");
    lan.check(2, "curl -s -w '%{http_code}\\n' 10.0.0.1/d; curl -sL 10.0.0.1/d", "301\nbelow\n[0]");
    for path in ["../../etc/passwd", "%2e%2e/%2e%2e/etc/passwd", "stolen", "d/..%2f..%2f..%2fetc/passwd"] {
        lan.check(2, &format!("curl -s 10.0.0.1/{path}"), "gone\n[0]");
    }
    lan.check(2, "curl -s -X DELETE -w '%{http_code}' 10.0.0.1/a.txt", "Method Not Allowed\n405[0]");
    lan.check(
        2,
        "curl -sS 10.0.0.1:81",
        "curl: (7) Failed to connect: Connection refused (http://10.0.0.1:81)\n[7]",
    );
    lan.check(2, "curl -s nosuch.example", "[6]");
    lan.check(2, "echo body | curl -s --data-binary @- 10.0.0.1/cgi/t", "POSTbody\n[0]");
}

#[test]
fn the_network_is_looked_at() {
    let mut lan = Lan::new(2);
    lan.check(
        1,
        "hostname -i; ip -br a | tr -s ' '",
        "10.0.0.1\nlo UNKNOWN 127.0.0.1/8\neth0 UP 10.0.0.1/24\n[0]",
    );
    lan.check(1, "ip route", "10.0.0.0/24 dev eth0 scope link src 10.0.0.1\n[0]");
    lan.check(
        1,
        "ping -q -c 2 10.0.0.2 | grep packets",
        "2 packets transmitted, 2 received, 0% packet loss, time 1000ms\n[0]",
    );
    lan.check(
        1,
        "ping -c 1 -W 1 10.0.0.99 | grep packets",
        "1 packets transmitted, 0 received, 100% packet loss, time 1000ms\n[0]",
    );
    lan.check(1, "ping -c 1 nosuch", "ping: nosuch: Name or service not known\n[2]");
    lan.check(1, "traceroute -q 1 10.0.0.2 | cut -c1-13", "traceroute to\n 1  10.0.0.2 \n[0]");
    lan.check(
        1,
        "echo 10.0.0.2 two > /etc/hosts; ping -c 1 two | head -n 1",
        "PING two (10.0.0.2) 56(84) bytes of data.\n[0]",
    );
}

#[test]
fn nc_carries_streams_and_datagrams() {
    let mut lan = Lan::new(2);
    lan.start(1, "nc -l 5000 > /tmp/stream");
    lan.check(1, "ss -Htln", "LISTEN 0 0 0.0.0.0:5000 0.0.0.0:*\n[0]");
    lan.check(2, "seq 10000 | nc 10.0.0.1 5000", "[0]");
    lan.check(1, "tail -n 1 /tmp/stream", "10000\n[0]");
    lan.check(2, "nc -z 10.0.0.1 5000", "[1]");
    lan.start(1, "nc -u -l -w 5 6000 > /tmp/datagram");
    lan.check(2, "echo hello | nc -u -w 1 10.0.0.1 6000", "[0]");
    lan.check(1, "cat /tmp/datagram", "hello\n[0]");
}

#[test]
fn users_are_added_and_become_each_other() {
    let mut lan = Lan::new(1);
    lan.check(1, "useradd -m bob && printf 'pw\\npw\\n' | passwd bob 2>/dev/null; id bob; ls -ld /home/bob | cut -c1-10",
        "uid=1001(bob) gid=1001(bob) groups=1001(bob)\ndrwxr-xr-x\n[0]");
    lan.check(1, "useradd bob 2>&1", "useradd: user 'bob' already exists\n[9]");
    lan.check(1, "su bob -c 'whoami; echo $HOME'; su - bob -c pwd", "bob\n/home/bob\n/home/bob\n[0]");
    lan.check_as_user("echo pw | su bob -c 'id -un' 2>/dev/null", "bob\n[0]");
    lan.check_as_user("echo wrong | su bob -c 'id -un' 2>&1", "Password: su: Authentication failure\n[1]");
    lan.check_as_user("echo x | su -c 'id -un' 2>&1", "Password: su: Authentication failure\n[1]");
    lan.check_as_user("echo x | su - 2>&1; whoami", "Password: su: Authentication failure\nuser\n[0]");
    lan.check_as_user(
        "passwd bob 2>&1",
        "passwd: You may not view or modify password information for bob.\n[1]",
    );
    lan.check(1, "printf 'old\\nold\\n' | passwd user 2>/dev/null; echo $?", "0\n[0]");
    lan.check_as_user("printf 'bad\\nnew\\nnew\\n' | passwd 2>/dev/null", "[10]");
    lan.check_as_user("printf 'old\\nnew\\nnew\\n' | passwd 2>/dev/null", "[0]");
    lan.check(
        1,
        "printf 'user\\nnew\\necho $HOME; exit 3\\n' | login 2>/dev/null",
        "m1 login: /home/user\n[3]",
    );
    lan.check(1, "printf 'user\\nold\\n' | login 2>/dev/null | tail -n 2", "Login incorrect\nm1 login: [0]");
}

#[test]
fn others_are_kept_out() {
    let mut lan = Lan::new(1);
    for line in [
        "cat /etc/shadow",
        "ls /root",
        "kill 1",
        "echo x > /etc/passwd",
        "rm /bin/ls",
        "mkdir /x",
        "chmod 777 /etc",
        "chown user /etc",
        "nc -l 80",
        "useradd z",
        "cp /bin/ls /bin/sl",
        "mv /etc/passwd /tmp",
    ] {
        let command = Command::shell(line).user(1000, 1000);
        assert!(!lan.run(1, &command).ends_with("[0]"), "{line}");
    }
}

#[test]
fn lua_runs_scripts() {
    let mut lan = Lan::new(1);
    lan.check(1, "lua -e 'print(1 + 1, ...)' a b", "2\ta\tb\n[0]");
    lan.check(
        1,
        "cd /tmp; echo 'print(...) print(os.get_args()[1])' > t; lua t x; chmod +x t; lua t y; ./t z",
        "x\nt\ny\ny\nz\nz\n[0]",
    );
    lan.check(1, "printf 'x = 5\\nx + 1\\n' | lua -i | tail -n 2", "> > 6\n> \n[0]");
    lan.check(
        1,
        "lua nofile; lua -d 2>/dev/null | head -n 1",
        "Usage: lua file [argument]...\nlua: cannot read file nofile: No such file or directory\n[0]",
    );
    lan.check(
        1,
        "cd /tmp; echo 'os.sleep(1) fs.write(\"/tmp/mark\", \"done\")' > d; lua -d d; sleep 2; cat mark",
        "done[0]",
    );
}

/// Somebody at a console.
struct Person {
    machines: Machines,
    console: ConsoleId,
}

impl Person {
    fn new() -> Self {
        let mut machines = Machines::new(<_>::default(), Seed::new(7));
        let machine = machines.create(&MachineSpec::new("box", &Image::base())).unwrap();
        let shell = Command::new("/bin/sh").argument("-l").directory("/root");
        let console = machines.open_console(machine, Size { rows: 24, columns: 80 }, &shell).unwrap();
        Self { machines, console }
    }

    /// What is shown within half a second.
    fn see(&mut self) -> String {
        self.machines.run_for(Duration::from_millis(500));
        let mut shown = Vec::new();
        while let Some(seen) = self.machines.see(self.console, 1 << 16).unwrap() {
            if seen.bytes.is_empty() {
                break;
            }
            shown.extend_from_slice(&seen.bytes);
        }
        String::from_utf8(shown).unwrap().replace('\r', "")
    }

    #[track_caller]
    fn check(&mut self, typed: &str, expected: &str) {
        self.machines.type_in(self.console, typed.as_bytes()).unwrap();
        assert_eq!(self.see(), expected, "after {typed:?}");
    }
}

#[test]
fn a_person_talks_with_a_shell() {
    let mut person = Person::new();
    assert_eq!(person.see(), "root@box:~# ");
    person.check("echo hello\n", "echo hello\nhello\nroot@box:~# ");
    person.check("cd /tmp\n", "cd /tmp\nroot@box:/tmp# ");
    person.check("for i in 1 2\n", "for i in 1 2\n> ");
    person.check("do echo $i; done\n", "do echo $i; done\n1\n2\nroot@box:/tmp# ");
    person.check("su user\n", "su user\nuser@box:/tmp$ ");
    person.check("exit\n", "exit\nroot@box:/tmp# ");
    person.check("passwd user\n", "passwd user\nNew password: ");
    person.check("secret\n", "\nRetype new password: ");
    person.check("secret\n", "\npasswd: password updated successfully\nroot@box:/tmp# ");
}

#[test]
fn a_person_interrupts() {
    let mut person = Person::new();
    person.see();
    person.check("sleep 100\n", "sleep 100\n");
    person.check("\x03", "^C\nroot@box:~# ");
    person.check("echo $?\n", "echo $?\n130\nroot@box:~# ");
    person.check("while :; do :; done\n", "while :; do :; done\n");
    person.check("\x03", "^C\nroot@box:~# ");
    person.check("x=$(sleep 100; echo no)\n", "x=$(sleep 100; echo no)\n");
    person.check("\x03", "^C\nroot@box:~# ");
    person.check("half a line\x03", "half a line^C\nroot@box:~# ");
    person.check("sleep 100 &\n", "sleep 100 &\n[1] 5\nroot@box:~# ");
    person.check("kill %1\n", "kill %1\n[1] + Done(143)                 sleep 100\nroot@box:~# ");
    person.check("cat\n", "cat\n");
    person.check("typed\n", "typed\ntyped\n");
    person.check("\x04", "root@box:~# ");
}
