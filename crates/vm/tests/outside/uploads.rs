//! The host's `curl` sends to Luau handlers through a published port.

use crate::curl::{LONG, curl, status, web};
use crate::need;
use crate::street::{Street, noise};

#[test]
fn what_is_sent_arrives() {
    need!("curl");
    let mut street = Street::new();
    let (_, web) = web(&mut street, 128 << 20);
    let path = street.folder.path().join("sent");
    let shown = path.display().to_string();
    let street = &mut street;

    let echo = format!("'http://{web}/cgi/echo?a=b%20c'");
    assert_eq!(curl(street, &format!("-d x=y {echo}")), "POST 3 x=y b c");
    assert_eq!(curl(street, &echo), "GET 0  b c");
    for length in [1, 1_023, 65_536, 300_000, LONG] {
        std::fs::write(&path, noise(length)).unwrap();
        let back = street.folder.path().join("back").display().to_string();
        for how in ["", "-H 'Expect: 100-continue'", "-H 'Expect:'", "-H 'Transfer-Encoding: chunked'"] {
            curl(street, &format!("{how} --data-binary @{shown} -o {back} http://{web}/cgi/back"));
            assert!(std::fs::read(&back).unwrap() == noise(length), "{length} bytes, {how}");
        }
        // From a pipe: nobody knows how long it will be.
        curl(street, &format!("-T - -o {back} http://{web}/cgi/back < {shown}"));
        assert!(std::fs::read(&back).unwrap() == noise(length), "{length} bytes, from a pipe");
    }
}

#[test]
fn answers_come_piece_by_piece() {
    need!("curl");
    let mut street = Street::new();
    let (_, web) = web(&mut street, 16 << 20);
    let expected: String = (1..=500).map(|number| format!("{number:05}\n")).collect();
    let said = curl(&mut street, &format!("-i http://{web}/cgi/stream"));
    assert!(said.contains("Transfer-Encoding: chunked") && said.ends_with(&expected), "{said}");
    // Who does not know chunks hears the end of the connection.
    assert_eq!(curl(&mut street, &format!("-0 http://{web}/cgi/stream")), expected);
    // A handler that fails in the middle breaks off its own answer only.
    let (is_done, said) = street.try_host(&format!("curl -sS --max-time 20 http://{web}/cgi/broken"));
    assert!(!is_done, "{said}");
    assert_eq!(curl(&mut street, &format!("http://{web}/")), "<p>hello\n");
}

#[test]
fn what_is_too_long_is_refused() {
    need!("curl");
    let mut street = Street::new();
    let (_, web) = web(&mut street, 16 << 20);
    let path = street.folder.path().join("sent").display().to_string();
    std::fs::write(&path, vec![b'x'; 20 << 20]).unwrap();
    for how in ["", "-H 'Transfer-Encoding: chunked'", "-H 'Expect:'"] {
        // It may be refused while it is still sent.
        let line = format!(
            "curl -sS --max-time 40 {how} -o /dev/null -w '%{{http_code}}' --data-binary @{path} http://{web}/cgi/echo"
        );
        let (is_done, said) = street.try_host(&line);
        assert!(said.contains("413") || !is_done, "{how}: {said}");
        assert_eq!(status(&mut street, &format!("http://{web}/")), "200", "{how}");
    }
}
