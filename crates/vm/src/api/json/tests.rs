use ironloom_core::{Rng, Seed};

use crate::api::check::run;

#[track_caller]
fn said(source: &str, arguments: &[&[u8]]) -> Vec<String> {
    run(&[(c"json", const { &super::functions() })], source, arguments)
}

/// A value, as Luau writes it, and its text.
#[track_caller]
fn check_encoded(value: &str, text: &str) {
    assert_eq!(said(&format!("say(json.encode({value}))"), &[]), [text], "{value}");
}

/// A value of which there is no text.
#[track_caller]
fn check_refused(value: &str, message: &str) {
    let source = format!("local ok, message = pcall(json.encode, {value}) say(tostring(ok)) say(message)");
    let said = said(&source, &[]);
    assert_eq!(said[0], "false", "{value}");
    assert!(said[1].contains(message), "{value}: {}", said[1]);
}

/// A text, and the text of its value; or what is wrong with it.
#[track_caller]
fn check_decoded(text: &[u8], expected: &str) {
    let source = "local value, message, code = json.decode((...))
        if message then say(tostring(value) .. ' ' .. code .. ' ' .. message) else say(json.encode(value)) end";
    assert_eq!(said(source, &[text]), [expected], "{}", String::from_utf8_lossy(text));
}

#[test]
fn values_become_texts() {
    check_encoded("nil", "null");
    check_encoded("json.null", "null");
    check_encoded("true", "true");
    check_encoded("{}", "[]");
    check_encoded("{1, 2.5, 'x', {false}}", r#"[1,2.5,"x",[false]]"#);
    check_encoded("{b = 1, a = {x = json.null}, ['é'] = 3}", r#"{"a":{"x":null},"b":1,"é":3}"#);
    check_encoded(r#"'"\\/\n\r\t\8\12\0é'"#, r#""\"\\/\n\r\t\b\f\u0000é""#);
    check_encoded("setmetatable({1}, {__index = error, __len = error, __iter = error})", "[1]");
}

#[test]
fn numbers_are_exact_and_short() {
    check_encoded("{0, -0, 1, -1.5, 0.1, 1/3}", "[0,-0,1,-1.5,0.1,0.3333333333333333]");
    check_encoded(
        "{2^53, 1e20, 1e21, 1e300, 1e-6, 1e-7, 5e-324}",
        "[9007199254740992,100000000000000000000,1e21,1e300,0.000001,1e-7,5e-324]",
    );
}

#[test]
fn pretty_texts_have_lines() {
    check_encoded(
        "{a = {1, {}}, b = {c = 2}}, {pretty = true}",
        "{\n  \"a\": [\n    1,\n    []\n  ],\n  \"b\": {\n    \"c\": 2\n  }\n}",
    );
}

#[test]
fn what_json_cannot_say_raises() {
    check_refused("0/0", "not finite");
    check_refused("math.huge", "not finite");
    check_refused("print", "JSON has no functions");
    check_refused("buffer.create(1)", "JSON has no buffers");
    check_refused("vector.create(1, 2, 3)", "JSON has no values of this type");
    check_refused("'\\255'", "not UTF-8");
    check_refused("{['\\255'] = 1}", "not UTF-8");
    check_refused("{1, x = 2}", "neither");
    check_refused("{[1] = 1, [3] = 3}", "neither");
    check_refused("{[true] = 1}", "neither");
    check_refused("{[1.5] = 1}", "neither");
    check_refused("(function() local t = {} t[1] = t return t end)()", "inside of more than 128");
    // A long string that is named often would be longer than all memory.
    check_refused(
        "(function() local s, t = ('x'):rep(1e6), {} for i = 1, 1e5 do t[i] = s end return t end)()",
        "more than 16777216 bytes",
    );
}

#[test]
fn texts_become_values() {
    check_decoded(b" {\"a\" : [ 1 , -0.5e1, 1E2 ] , \"b\":null}\n", r#"{"a":[1,-5,100],"b":null}"#);
    check_decoded(br#""\u00e9\ud83d\ude00\/\b\"""#, "\"é😀/\\b\\\"\"");
    check_decoded(br#"{"a":1,"a":2}"#, r#"{"a":2}"#);
    check_decoded(b"[]", "[]");
    check_decoded(b"{}", "[]");
    check_decoded(b"1e-400", "0");
    assert_eq!(said("say(tostring(json.decode('null') == json.null and json.null ~= nil))", &[]), ["true"]);
}

#[test]
fn what_is_no_json_is_a_value() {
    for (text, message) in [
        (&b""[..], "a value is missing at byte 1"),
        (b"nul", "a value is missing at byte 1"),
        (b"[1,]", "a value is missing at byte 4"),
        (b"[1 2]", "`,` or `]` is missing at byte 4"),
        (b"{\"a\" 1}", "`:` is missing at byte 6"),
        (b"{a:1}", "a name is missing at byte 2"),
        (b"{\"a\":1,}", "a name is missing at byte 8"),
        (b"1 2", "something follows the value at byte 3"),
        (b"01", "a number is malformed at byte 3"),
        (b"-", "a number is malformed at byte 2"),
        (b"1.", "a number is malformed at byte 3"),
        (b"1e+", "a number is malformed at byte 4"),
        (b"1e999", "a number is too large at byte 6"),
        (b"\"", "a string does not end at byte 2"),
        (b"\"\\", "a string does not end at byte 3"),
        (b"\"\n\"", "a string has a control character at byte 2"),
        (b"\"\\x\"", "an escape is unknown at byte 3"),
        (b"\"\\u12\"", "an escape has four digits at byte 3"),
        (b"\"\\ud800\"", "half of a pair stands alone at byte 8"),
        (b"\"\\udc00\"", "half of a pair stands alone at byte 8"),
        (b"\"\\ud800\\u0041\"", "half of a pair stands alone at byte 14"),
        (b"\"\xff\"", "not UTF-8 at byte 2"),
        (b"\xef\xbb\xbf1", "a value is missing at byte 1"),
        (b"NaN", "a value is missing at byte 1"),
    ] {
        check_decoded(text, &format!("nil EINVAL {message}"));
    }
    check_decoded(&b"[".repeat(100_000), "nil EINVAL too many values inside of others at byte 129");
    let deepest = [b"[".repeat(128), b"]".repeat(128)].concat();
    check_decoded(&deepest, std::str::from_utf8(&deepest).unwrap());
}

/// Any text is a value or a message, and what is a value is one again after it was encoded.
#[test]
fn random_texts_are_values_or_faults() {
    let pieces: &[&[u8]] = &[
        b"{",
        b"}",
        b"[",
        b"]",
        b",",
        b":",
        b"\"",
        b"\"a\"",
        b"1",
        b"-2.5e3",
        b"true",
        b"null",
        b" ",
        b"\\u00e9",
        b"\\ud83d\\ude00",
        b"\xff",
        b"{\"a\":",
        b"[1,",
        b"\\",
    ];
    let source = "for _, text in {...} do
        local value, message, code = json.decode(text)
        if message == nil then
            local again = json.encode(value)
            assert(json.encode(json.decode(again)) == again, text)
        else
            assert(value == nil and code == 'EINVAL', text)
        end
    end";
    for seed in 0..40 {
        let mut rng = Rng::new(Seed::new(seed));
        let mut texts = Vec::new();
        for _ in 0..100 {
            let count = 1 + rng.below(12);
            texts.push((0..count).flat_map(|_| rng.choose(pieces).unwrap().to_vec()).collect::<Vec<u8>>());
        }
        let texts: Vec<&[u8]> = texts.iter().map(Vec::as_slice).collect();
        said(source, &texts);
    }
}
