//! Machines fetch from `nginx`, which is in a network namespace with a TAP interface that leads into the street; and
//! `nginx` fetches from a machine for others.

use ironloom_net::door::{Tap, TapConfig};

use crate::curl::web;
use crate::namespace::{Namespace, has, shell, skip};
use crate::need;
use crate::street::{Street, noise};

const LINUX: &str = "10.93.0.100";
const LONG: usize = 20 << 20;

const CONFIG: &str = "
daemon on;
worker_processes 1;
pid nginx.pid;
error_log error.log;
events { worker_connections 64; }
http {
    access_log off;
    client_body_temp_path body;
    proxy_temp_path proxy;
    fastcgi_temp_path fastcgi;
    uwsgi_temp_path uwsgi;
    scgi_temp_path scgi;
    client_max_body_size 10m;
    server {
        listen 10.93.0.100:80;
        root files;
        location /chunked/ { alias files/; ssi on; ssi_types *; }
        location /slow/ { alias files/; limit_rate 100k; }
        location /elsewhere { return 302 /digits; }
        location /beside/it { absolute_redirect off; return 301 there; }
        location /beside/there { return 200 there; }
        location /round { return 302 /round; }
        location /refused { return 403; }
        location /nothing { return 204; }
        location /machine/ { proxy_pass http://10.93.0.1/; proxy_http_version 1.1; }
    }
}
";

/// A server that is killed when it is dropped.
struct Nginx {
    folder: String,
}

impl Drop for Nginx {
    fn drop(&mut self) {
        shell(&format!("kill $(cat {}/nginx.pid)", self.folder));
    }
}

/// A street with `nginx` in it, unless that cannot be here.
fn begin() -> Option<(Street, Namespace, Nginx)> {
    let nginx = ["nginx", "/usr/sbin/nginx"].into_iter().find(|path| has(path));
    let Some(nginx) = nginx else {
        skip("nginx is not installed");
        return None;
    };
    let mut street = Street::new();
    let namespace = Namespace::new()?;
    let name = namespace.name.replace('-', "v");
    let tap = match Tap::open(&name, TapConfig::new(street.door)) {
        Ok(tap) => tap,
        Err(error) => {
            skip(&format!("{error}"));
            return None;
        }
    };
    let moved = shell(&format!("ip link set {name} netns {}", namespace.name));
    assert!(moved.0, "{}", moved.1);
    namespace.run(&format!(
        "ip link set lo up; ip link set {name} name tap; ip address add {LINUX}/24 dev tap; ip link set tap up"
    ));
    street.driver().open(tap).unwrap();
    let folder = street.folder.path().to_path_buf();
    std::fs::create_dir(folder.join("files")).unwrap();
    for (name, content) in
        [("digits", b"0123456789".to_vec()), ("long", noise(LONG)), ("index.html", b"home\n".to_vec())]
    {
        std::fs::write(folder.join("files").join(name), content).unwrap();
    }
    std::fs::write(folder.join("config"), CONFIG.replace("files", &format!("{}/files", folder.display())))
        .unwrap();
    let folder = folder.display().to_string();
    // Who serves is not who made the folder.
    namespace.run(&format!(
        "chmod -R a+rX {folder}; {nginx} -p {folder} -c {folder}/config -e {folder}/error.log"
    ));
    Some((street, namespace, Nginx { folder }))
}

#[test]
fn machines_fetch() {
    let Some((mut street, _namespace, _nginx)) = begin() else { return };
    let machine = street.add(2, 64 << 20);
    let mut run = |line: &str| street.run(machine, line);
    assert_eq!(run(&format!("curl -s http://{LINUX}/")), "home\n");
    assert_eq!(run(&format!("curl -s http://{LINUX}/digits")), "0123456789");
    assert_eq!(run(&format!("curl -s -r 2-4 http://{LINUX}/digits")), "234");
    assert_eq!(run(&format!("curl -s http://{LINUX}/chunked/digits")), "0123456789");
    assert!(run(&format!("curl -s -i http://{LINUX}/chunked/digits")).contains("Transfer-Encoding: chunked"));
    let head = run(&format!("curl -s -I http://{LINUX}/long"));
    assert!(head.contains("200 OK") && head.contains(&format!("Content-Length: {LONG}")), "{head}");
    assert_eq!(run(&format!("curl -s -o /dev/null -w '%{{http_code}}' http://{LINUX}/none")), "404");
    assert_eq!(run(&format!("curl -s -o /dev/null -w '%{{http_code}}' http://{LINUX}/refused")), "403");
    assert_eq!(run(&format!("curl -s -w '%{{http_code}}' http://{LINUX}/nothing")), "204");
    assert_eq!(run(&format!("curl -s -o /dev/null -w '%{{http_code}}' -d x=y http://{LINUX}/digits")), "405");
    assert_eq!(run(&format!("curl -s -L http://{LINUX}/elsewhere")), "0123456789");
    assert_eq!(run(&format!("curl -s -L http://{LINUX}/beside/it")), "there");
    let script = |text: &str| format!("lua -e '{text}'");
    let get = |path: &str| {
        script(&format!("local r, m, c = http.get(\"http://{LINUX}{path}\") print(r and r.body, m, c)"))
    };
    assert_eq!(run(&get("/elsewhere")), "0123456789\tnil\tnil\n");
    assert_eq!(run(&get("/beside/it")), "there\tnil\tnil\n");
    assert_eq!(run(&get("/round")), "nil\ttoo many redirections\tELOOP\n");
    assert_eq!(run(&get("/chunked/digits")), "0123456789\tnil\tnil\n");
    assert_eq!(run(&get("/nothing")), "\tnil\tnil\n");
    // What is too long to be kept is taken piece by piece.
    assert_eq!(run(&get("/long")), "nil\tthe body is too long\tEFBIG\n");
    let sink = format!(
        "local n = 0 http.get(\"http://{LINUX}/long\", {{ sink = function(p) n += #p end }}) print(n)"
    );
    assert_eq!(run(&script(&sink)), format!("{LONG}\n"));
    let hurry = format!("print(http.get(\"http://{LINUX}/slow/long\", {{ timeout = 1 }}))");
    assert_eq!(run(&script(&hurry)), "nil\ttimed out\tETIMEDOUT\n");
    // Two questions on one connection.
    let twice = format!(
        "local s = assert(net.tcp_connect(\"{LINUX}\", 80)) for _ = 1, 2 do s:write(\"GET /digits HTTP/1.1\\r\\nHost: x\\r\\n\\r\\n\") local l repeat l = s:read() until l == \"\\r\" print(s:read(10)) end"
    );
    assert_eq!(run(&script(&twice)), "0123456789\n0123456789\n");
    run(&format!("curl -s -o /tmp/long http://{LINUX}/long"));
    run(&format!("curl -s -o /tmp/chunked http://{LINUX}/chunked/long"));
    for path in ["/tmp/long", "/tmp/chunked"] {
        assert!(street.file(machine, path) == noise(LONG), "{path}");
    }
}

/// The server of somebody else in front of ours.
#[test]
fn nginx_fetches_from_a_machine() {
    need!("curl");
    let Some((mut street, namespace, nginx)) = begin() else { return };
    let (_, _) = web(&mut street, 64 << 20);
    let back = format!("{}/back", nginx.folder);
    let curl = |street: &mut Street, rest: &str| {
        let line = format!("curl -sS --max-time 50 {rest}");
        street.meanwhile(|| namespace.run(&line))
    };
    for server in [format!("http://{LINUX}/machine"), "http://10.93.0.1".to_owned()] {
        assert_eq!(curl(&mut street, &format!("{server}/")), "<p>hello\n");
        assert_eq!(curl(&mut street, &format!("-r 2-4 {server}/digits.txt")), "234");
        assert_eq!(curl(&mut street, &format!("-d x=y {server}/cgi/echo")), "POST 3 x=y nil");
        assert_eq!(curl(&mut street, &format!("-o /dev/null -w '%{{http_code}}' {server}/none")), "404");
        assert!(curl(&mut street, &format!("{server}/cgi/stream")).ends_with("00500\n"));
        curl(&mut street, &format!("-o {back} {server}/long"));
        assert!(std::fs::read(&back).unwrap() == noise(crate::curl::LONG), "{server}");
    }
}
