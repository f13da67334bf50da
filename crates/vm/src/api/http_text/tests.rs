use super::message::Message;
use super::path_of;
use crate::api::check::run;

#[track_caller]
fn check(source: &str, arguments: &[&[u8]], expected: &[&str]) {
    let said = run(&[(c"http", const { &super::functions() })], source, arguments);
    assert_eq!(said, expected, "{source}");
}

#[test]
fn requests_are_built() {
    check("say(http.build_request('GET', '/x?y', 'ignored'))", &[], &["GET /x?y HTTP/1.0\r\n\r\n"]);
    check(
        "say(http.build_request('POST', '/', 'a\\0b', {['X-B'] = 2, ['X-A'] = 'one'}))",
        &[],
        &["POST / HTTP/1.0\r\nX-A: one\r\nX-B: 2\r\nContent-Length: 3\r\n\r\na\0b"],
    );
    check(
        "say(http.build_request('PUT', '/', 'x', {{'b', 1}, {'content-length', 1}}))",
        &[],
        &["PUT / HTTP/1.0\r\nb: 1\r\ncontent-length: 1\r\n\r\nx"],
    );
}

#[test]
fn responses_are_built() {
    check("say(http.build_response(200, 'hi'))", &[], &["HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nhi"]);
    check("say(http.build_response(404))", &[], &["HTTP/1.0 404 Not Found\r\nContent-Length: 0\r\n\r\n"]);
    check("say(http.build_response(799))", &[], &["HTTP/1.0 799 Unknown\r\nContent-Length: 0\r\n\r\n"]);
}

#[test]
fn what_would_end_a_line_is_refused() {
    for call in [
        "http.build_request, 'GET', '/x y'",
        "http.build_request, 'GET', '/x\\r\\nA: b'",
        "http.build_request, 'GE T', '/'",
        "http.build_request, 'GET', ''",
        "http.build_request, 'GET', '/', nil, {a = 'b\\nc'}",
        "http.build_request, 'GET', '/', nil, {['a:'] = 'b'}",
        "http.build_request, 'GET', '/', nil, {{'a'}}",
        "http.build_request, 'GET', '/', nil, {5}",
        "http.build_request, 'GET', '/', nil, 5",
        "http.build_response, 99",
        "http.build_response, 0/0",
    ] {
        check(&format!("say(tostring(pcall({call})))"), &[], &["false"]);
    }
}

const SHOW: &str = "
    local function show(m, message, code)
        if not m then return say(message .. ' ' .. code) end
        local fields = {}
        for i, h in m.headers do fields[i] = h[1] .. '=' .. h[2] end
        say((m.method or m.status) .. '|' .. (m.path or m.reason) .. '|' .. table.concat(fields, ',') .. '|' .. m.body)
    end ";

#[track_caller]
fn check_parsed(text: &[u8], expected: &str) {
    let name =
        if expected.contains("response") || text.starts_with(b"HTTP") { "response" } else { "request" };
    check(&format!("{SHOW} show(http.parse_{name}((...)))"), &[text], &[expected]);
}

#[test]
fn messages_are_parsed() {
    check_parsed(b"GET /x?y HTTP/1.1\r\nHost: a\r\nB:  c \r\n\r\n", "GET|/x?y|Host=a,B=c|");
    check_parsed(b"POST / HTTP/1.0\nA: b\n\nbody\r\n\r\nmore", "POST|/|A=b|body\r\n\r\nmore");
    check_parsed(b"GET / HTTP/1.0\r\n", "GET|/||");
    check_parsed(
        b"HTTP/1.0 404 Not Found\r\nContent-Type: x\r\n\r\ngone",
        "404|Not Found|Content-Type=x|gone",
    );
    check_parsed(b"HTTP/1.1 200\r\n\r\n", "200|||");
}

#[test]
fn what_is_no_message_is_a_value() {
    for text in [
        &b""[..],
        b"hello",
        b"GET /\r\n\r\n",
        b"GET / HTTP/1.0\r\nbad\r\n\r\n",
        b"GET / HTTP/1.0\r\n a: b\r\n\r\n",
    ] {
        check_parsed(text, "not a request of HTTP EINVAL");
    }
    for text in
        [&b"HTTP/1.0 99 x\r\n\r\n"[..], b"HTTP/1.0 x\r\n\r\n", b"HTTP/1.0\r\n\r\n", b"HTTP/2 200\r\n\r\n"]
    {
        check_parsed(text, "not a response of HTTP EINVAL");
    }
}

#[test]
fn what_is_built_is_parsed() {
    check(
        &format!(
            "{SHOW} show(http.parse_request(http.build_request('POST', '/p', 'body', {{a = 'b'}})))
             show(http.parse_response(http.build_response(200, 'body', {{{{'x', 'y'}}}})))"
        ),
        &[],
        &["POST|/p|a=b,Content-Length=4|body", "200|OK|x=y,Content-Length=4|body"],
    );
}

#[test]
fn paths_lose_what_is_no_path() {
    for (target, path) in [("  /a?b ", "/a"), ("a/b", "/a/b"), ("", "/"), ("?x", "/"), ("/a#b?c", "/a")] {
        assert_eq!(path_of(target.as_bytes()), path.as_bytes(), "{target}");
    }
}

#[test]
fn too_many_fields_are_no_message() {
    let text = [b"GET / HTTP/1.0\r\n".to_vec(), b"a: b\r\n".repeat(300), b"\r\n".to_vec()].concat();
    assert_eq!(Message::read(&text), None);
}
