use crate::api::check::run;

/// Shows arrays with `|` between their items.
const SHOW: &str = "local function show(list) say(#list .. ':' .. table.concat(list, '|')) end ";

#[track_caller]
fn check(source: &str, expected: &[&str]) {
    let said = run(&[(c"str", const { &super::functions() })], &format!("{SHOW}{source}"), &[]);
    assert_eq!(said, expected, "{source}");
}

#[test]
fn texts_are_split() {
    check("show(str.split('a,b,,c', ','))", &["4:a|b||c"]);
    check("show(str.split('', ','))", &["1:"]);
    check("show(str.split('a::b:c', '::'))", &["2:a|b:c"]);
    check("show(str.split('a.b', '.'))", &["2:a|b"]);
    check("show(str.split('  a \\t b\\n'))", &["2:a|b"]);
    check("show(str.split('  '))", &["0:"]);
    check("show(str.split('\\255\\0x', '\\0'))", &["2:\u{fffd}|x"]);
    check("say(tostring(pcall(str.split, 'a', '')))", &["false"]);
}

#[test]
fn ends_of_texts() {
    check("say(str.trim(' \\t a b\\r\\n'))", &["a b"]);
    check(
        "say(tostring(str.starts_with('abc', 'ab')) .. tostring(str.starts_with('a', 'ab')))",
        &["truefalse"],
    );
    check("say(tostring(str.ends_with('abc', 'bc')) .. tostring(str.ends_with('abc', '')))", &["truetrue"]);
}

#[test]
fn lines_have_no_ends() {
    check("show(str.lines('a\\nb\\r\\n\\nc'))", &["4:a|b||c"]);
    check("show(str.lines('a\\n'))", &["1:a"]);
    check("show(str.lines(''))", &["0:"]);
}

#[test]
fn tables_are_lines() {
    check("say(str.serialize_table({b = 2, a = 'x=y', c = true}))", &["a=x=y\nb=2\nc=true\n"]);
    check(
        "local t = str.parse_table('a=x=y\\nb=2\\r\\n\\nnothing\\n=v') say(t.a .. t.b .. t[''])",
        &["x=y2v"],
    );
    check(
        "local t = str.parse_table(str.serialize_table({user = 'bob', age = 3})) say(t.user .. t.age)",
        &["bob3"],
    );
    check("say(tostring(pcall(str.serialize_table, {a = {}})))", &["false"]);
    check("say(tostring(pcall(str.serialize_table, 5)))", &["false"]);
}

#[test]
fn a_long_string_named_often_is_refused() {
    check(
        "local s, t = ('x'):rep(1e6), {} for i = 1, 1000 do t['k' .. i] = s end
         local ok, message = pcall(str.serialize_table, t) say(tostring(ok) .. message:match('more than %d+'))",
        &["falsemore than 16777216"],
    );
}
