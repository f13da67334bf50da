//! What two readers could understand in two ways is refused.

use super::*;

/// A request of which one field, or several lines, are given.
fn with(lines: &str) -> String {
    format!("POST / HTTP/1.1\r\nHost: h\r\n{lines}\r\n\r\n0\r\n\r\n")
}

#[track_caller]
fn check(input: &str, refusal: Refusal) {
    assert_eq!(refusal_of(input.as_bytes()), Some(refusal), "{input:?}");
    let (_, output) = serve(Config::default(), &[input.as_bytes()]);
    assert!(output.contains("connection: close"), "{input:?}: {output}");
}

#[test]
fn a_length_and_chunks_are_refused() {
    check(&with("Content-Length: 5\r\nTransfer-Encoding: chunked"), Refusal::LengthAndCoding);
    check(&with("Transfer-Encoding: chunked\r\nContent-Length: 5"), Refusal::LengthAndCoding);
    check(&with("Content-Length: 0\r\nTransfer-Encoding: chunked"), Refusal::LengthAndCoding);
}

#[test]
fn lengths_must_be_one_number() {
    check(&with("Content-Length: 5\r\nContent-Length: 6"), Refusal::LengthsDiffer { first: 5, second: 6 });
    for length in ["", "+5", "-5", "5 5", "5, 5", "5,6", "0x5", "5.", "5;", "５", "18446744073709551616"] {
        check(&with(&format!("Content-Length: {length}")), Refusal::Length);
    }
    assert_eq!(refusal_of(with("Content-Length: 5\r\nContent-Length: 5").as_bytes()), None);
    assert_eq!(refusal_of(with("Content-Length: \t005 ").as_bytes()), None);
}

#[test]
fn codings_must_be_chunked_alone() {
    for coding in
        ["gzip", "identity", "", "chunked, gzip", "chunked,", "xchunked", "\"chunked\"", "chunked;q=1"]
    {
        check(&with(&format!("Transfer-Encoding: {coding}")), Refusal::CodingNotLast);
    }
    check(&with("Transfer-Encoding: chunked, chunked"), Refusal::CodingNotLast);
    check(&with("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked"), Refusal::CodingNotLast);
    check(&with("Transfer-Encoding: chunked\r\nTransfer-Encoding: identity"), Refusal::CodingNotLast);
    check(&with("Transfer-Encoding: gzip, chunked"), Refusal::CodingUnknown);
    check(&with("Transfer-Encoding: ,chunked"), Refusal::CodingUnknown);
    check(&with("Transfer-Encoding: identity\r\ntransfer-encoding: chunked"), Refusal::CodingUnknown);
    let old = "POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n";
    check(old, Refusal::CodingInOldVersion);
    assert_eq!(refusal_of(with("Transfer-Encoding: \t chunked \t ").as_bytes()), None);
}

#[test]
fn names_are_tokens_and_lines_are_not_folded() {
    for line in [
        "Transfer-Encoding : chunked",
        "Transfer-Encoding\t: chunked",
        " Transfer-Encoding: chunked",
        "\tTransfer-Encoding: chunked",
        "X: y\r\n Transfer-Encoding: chunked",
        "Transfer-Encoding:\r\n chunked",
        "Transfer-Encoding",
        ": chunked",
        "Trans\0fer: chunked",
        "Tränsfer: chunked",
        "X[Y]: chunked",
    ] {
        check(&with(line), Refusal::FieldName);
    }
}

#[test]
fn control_characters_are_refused() {
    for value in ["a\0b", "chunked\x0b", "\x0cchunked", "a\x7fb", "a\x08"] {
        check(&with(&format!("Transfer-Encoding: {value}")), Refusal::FieldValue);
    }
}

#[test]
fn lines_end_in_carriage_return_and_line_feed() {
    for input in [
        "GET / HTTP/1.1\nHost: h\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: h\n\r\n",
        "GET / HTTP/1.1\r\nHost: h\r\nX: \n\r\n",
        "GET / HTTP/1.1\r\nHost: h \n\r\n",
        "GET / HTTP/1.1\r\nHost: h\r\n\n",
        "\nGET / HTTP/1.1\r\nHost: h\r\n\r\n",
        "\r\n\nGET / HTTP/1.1\r\nHost: h\r\n\r\n",
        "\rGET / HTTP/1.1\r\nHost: h\r\n\r\n",
    ] {
        check(input, Refusal::LineEnd);
    }
    check(&with("X: y\rTransfer-Encoding: chunked"), Refusal::FieldValue);
    check("GET / HTTP/1.1\rHost: h\r\n\r\n", Refusal::LineEnd);
    check("GET / HTTP/1.1\r\nHost: h\r\n\rX", Refusal::LineEnd);
}

#[test]
fn first_lines_have_one_form() {
    for line in [
        "GET  / HTTP/1.1",
        "GET\t/ HTTP/1.1",
        " GET / HTTP/1.1",
        "GET",
        "G@T / HTTP/1.1",
        "GET /a b HTTP/1.1",
        "GET /\0 HTTP/1.1",
        "GET /a",
        "HTTP/1.1 200 OK",
        "\u{16}\u{3}\u{1}",
    ] {
        let refusal = refusal_of(format!("{line}\r\nHost: h\r\n\r\n").as_bytes());
        let expected = [Refusal::FirstLine, Refusal::Version, Refusal::Target];
        let is_served_as_0_9 = line == "GET /a";
        assert!(
            is_served_as_0_9 || refusal.is_some_and(|found| expected.contains(&found)),
            "{line}: {refusal:?}"
        );
    }
    for version in ["HTTP/1.2", "HTTP/2.0", "HTTP/0.9", "http/1.1", "HTTP/1.1 ", "HTTP/11", "HTTP/01.1"] {
        let refusal = refusal_of(format!("GET / {version}\r\nHost: h\r\n\r\n").as_bytes());
        assert!(matches!(refusal, Some(Refusal::Version | Refusal::LineEnd)), "{version}: {refusal:?}");
    }
    check("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", Refusal::Version);
    for target in ["x", "*", "ftp://h/", "h:80", "//"] {
        let refusal = refusal_of(format!("GET {target} HTTP/1.1\r\nHost: h\r\n\r\n").as_bytes());
        assert_eq!(refusal, (target != "//").then_some(Refusal::Target), "{target}");
    }
    check("CONNECT h:80 HTTP/1.1\r\nHost: h\r\n\r\n", Refusal::Connect);
    check("\r\n\r\n\r\nGET / HTTP/1.1\r\nHost: h\r\n\r\n", Refusal::FirstLine);
    assert_eq!(refusal_of(b"\r\nOPTIONS * HTTP/1.1\r\nHost: h\r\n\r\n"), None);
}

#[test]
fn a_host_is_told_once() {
    for lines in [
        "",
        "Host: a\r\nHost: b\r\n",
        "Host: a\r\nHost: a\r\n",
        "Host: a b\r\n",
        "Host: a,b\r\n",
        "Host: a/b\r\n",
        "Host: u@a\r\n",
    ] {
        check(&format!("GET / HTTP/1.1\r\n{lines}\r\n"), Refusal::Host);
    }
    check("GET / HTTP/1.0\r\nHost: a\r\nHost: b\r\n\r\n", Refusal::Host);
    assert_eq!(refusal_of(b"GET / HTTP/1.0\r\n\r\n"), None);
    assert_eq!(refusal_of(b"GET / HTTP/1.1\r\nHost: [::1]:80\r\n\r\n"), None);
    assert_eq!(refusal_of(b"GET / HTTP/1.1\r\nHost:\r\n\r\n"), None);
}

#[test]
fn chunks_have_one_form() {
    let chunked =
        |rest: &str| format!("POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n{rest}");
    for size in [
        "\r\n",
        "x\r\n",
        "0x5\r\n",
        "-5\r\n",
        "+5\r\n",
        " 5\r\n",
        "5 \r\n",
        "5 ;a\r\n",
        "5\n",
        "5\rx",
        "5;a\n",
        "5;a\rb",
        ";a\r\n",
        "5;\0\r\n",
        "00000000000000005\r\n",
        "10000000000000000\r\n",
        "5_\r\n",
        "٥\r\n",
    ] {
        check(&chunked(size), Refusal::ChunkSize);
    }
    for data in ["5\r\nhello0\r\n\r\n", "5\r\nhello\n0\r\n\r\n", "5\r\nhello\r0\r\n\r\n", "5\r\nhello!\r\n"] {
        check(&chunked(data), Refusal::ChunkEnd);
    }
    check(&chunked("ffffffffffffffff\r\n"), Refusal::BodyTooLong { limit: 1 << 30 });
    check(&chunked("1\r\nx\r\nffffffffffffffff\r\n"), Refusal::BodyTooLong { limit: 1 << 30 });
    for name in ["Content-Length", "transfer-encoding", "Host", "Connection"] {
        check(&chunked(&format!("0\r\n{name}: 5\r\n\r\n")), Refusal::TrailerField);
    }
    check(&chunked("0\r\nx: y\n\r\n"), Refusal::LineEnd);
    check(&chunked("0\r\n\n"), Refusal::LineEnd);
    check(&chunked("0\r\n x: y\r\n\r\n"), Refusal::FieldName);
    check(&chunked("5\r\nhel"), Refusal::Unfinished);
    check(&chunked("0\r\n"), Refusal::Unfinished);
}

#[test]
fn what_ends_early_is_refused() {
    check("GET / HT", Refusal::Unfinished);
    check("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\n1234", Refusal::Unfinished);
    check(&with("Expect: something"), Refusal::Expectation);
    assert_eq!(refusal_of(b"\r\n"), None);
    assert_eq!(refusal_of(b""), None);
}
