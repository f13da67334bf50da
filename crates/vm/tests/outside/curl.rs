//! The host's `curl` fetches from `httpd` through a published port.

use std::net::SocketAddr;

use ironloom_core::MachineId;

use crate::need;
use crate::street::{Street, noise};

/// How long the longest file is.
pub(crate) const LONG: usize = 8 << 20;

/// A machine that serves some files, and where the host finds it.
pub(crate) fn web(street: &mut Street, memory_bytes: usize) -> (MachineId, SocketAddr) {
    let web = street.add(1, memory_bytes);
    street.run(web, "mkdir -p /var/www/sub /var/www/cgi /var/www/empty; ln -s /etc /var/www/out");
    street.put(web, "/var/www/index.html", b"<p>hello\n");
    street.put(web, "/var/www/sub/index.html", b"<p>below\n");
    street.put(web, "/var/www/digits.txt", b"0123456789");
    street.put(web, "/var/www/404.html", b"<p>nowhere\n");
    street.put(web, "/var/www/long", &noise(LONG));
    street.put(
        web,
        "/var/www/cgi/echo.luau",
        b"return function(r) return r.method .. ' ' .. #r.body .. ' ' .. string.sub(r.body, 1, 20) .. ' ' .. tostring(r.query.a) end",
    );
    street.put(
        web,
        "/var/www/cgi/back.luau",
        b"return function(r) return r.body, 200, { ['Content-Type'] = 'application/octet-stream' } end",
    );
    street.put(
        web,
        "/var/www/cgi/stream.luau",
        b"return function() local n = 0 return function() n += 1 os.sleep(0.001) return n <= 500 and string.format('%05d\\n', n) or nil end end",
    );
    street.put(
        web,
        "/var/www/cgi/broken.luau",
        b"return function() return function() error('broken') end end",
    );
    street.serve(web, "httpd -q /var/www", 80);
    let address = street.publish(([10, 93, 0, 1].into(), 80));
    (web, address)
}

/// What `curl` says.
pub(crate) fn curl(street: &mut Street, rest: &str) -> String {
    street.host(&format!("curl -sS --max-time 50 {rest}"))
}

/// The status that `curl` is answered with.
pub(crate) fn status(street: &mut Street, rest: &str) -> String {
    curl(street, &format!("-o /dev/null -w '%{{http_code}}' {rest}"))
}

#[test]
fn files() {
    need!("curl");
    let mut street = Street::new();
    let (_, web) = web(&mut street, 16 << 20);
    let street = &mut street;

    assert_eq!(curl(street, &format!("http://{web}/")), "<p>hello\n");
    assert_eq!(curl(street, &format!("http://{web}/sub/")), "<p>below\n");
    let said = curl(street, &format!("-i http://{web}/sub"));
    assert!(said.contains("301 Moved Permanently") && said.contains("Location: /sub/\r\n"), "{said}");
    assert_eq!(curl(street, &format!("-L http://{web}/sub")), "<p>below\n");
    assert_eq!(curl(street, &format!("-0 http://{web}/")), "<p>hello\n");
    let said = curl(street, &format!("-i http://{web}/none"));
    assert!(said.contains("404 Not Found") && said.ends_with("<p>nowhere\n"), "{said}");
    let head = curl(street, &format!("-I http://{web}/long")).to_lowercase();
    assert!(head.contains("200 ok") && head.contains(&format!("content-length: {LONG}\r\n")), "{head}");

    let digits = format!("http://{web}/digits.txt");
    assert_eq!(curl(street, &format!("-r 2-4 {digits}")), "234");
    assert_eq!(curl(street, &format!("-r -3 {digits}")), "789");
    assert_eq!(curl(street, &format!("-r 7- {digits}")), "789");
    assert_eq!(status(street, &format!("-r 10- {digits}")), "416");
    let head = curl(street, &format!("-I {digits}"));
    let tag = head.lines().find_map(|line| line.strip_prefix("ETag: ")).unwrap().to_owned();
    assert_eq!(status(street, &format!("-H 'If-None-Match: {tag}' {digits}")), "304");
    assert_eq!(status(street, &format!("-X DELETE {digits}")), "405");

    let said = curl(street, &format!("-v http://{web}/ http://{web}/sub/ {digits}"));
    assert_eq!(said.matches("Re-using existing connection").count(), 2, "{said}");
    let said = curl(street, &format!("-H 'Connection: close' -v http://{web}/ http://{web}/"));
    assert!(!said.contains("Re-using existing connection"), "{said}");
}

#[test]
fn long_files() {
    need!("curl");
    let mut street = Street::new();
    let (_, web) = web(&mut street, 16 << 20);
    let path = street.folder.path().join("long");
    let shown = path.display();
    let expected = noise(LONG);
    curl(&mut street, &format!("-o {shown} http://{web}/long"));
    assert!(std::fs::read(&path).unwrap() == expected);
    // What was broken off is continued.
    std::fs::write(&path, &expected[..LONG / 3]).unwrap();
    curl(&mut street, &format!("-C - -o {shown} http://{web}/long"));
    assert!(std::fs::read(&path).unwrap() == expected);
    // Many at once.
    let said = curl(&mut street, &format!("-Z --parallel-max 30 'http://{web}/digits.txt?[1-150]'"));
    assert_eq!(said.matches("0123456789").count(), 150);
}
