//! Functions that read and write text: they take anything, and what they have read they write so that it is read the same.

#![no_main]

mod vm_world;

use ironloom_vm::Command;
use libfuzzer_sys::fuzz_target;
use vm_world::{World, heap};

/// What is wrong raises, and is found in what is written.
const READER: &[u8] = br#"
local data = fs.read("/tmp/input") or ""
local half = string.sub(data, 1, #data // 2)
local rest = string.sub(data, #data // 2 + 1)

local function same(a, b, depth)
    if type(a) ~= "table" or type(b) ~= "table" then
        return a == b or a ~= a and b ~= b
    end
    for key, value in a do
        if not same(value, b[key], depth + 1) then
            return false
        end
    end
    for key in b do
        if a[key] == nil then
            return false
        end
    end
    return true
end

local value = json.decode(data)
if value ~= nil then
    local text = json.encode(value)
    assert(same(json.decode(text), value, 0), "json")
    assert(same(json.decode(json.encode(value, { pretty = true })), value, 0), "pretty json")
end

for _, time in { 0, -1, 1e9, 1e18, -1e18, string.byte(data, 1) or 7 } do
    pcall(os.date, data, time)
    pcall(os.date, "!" .. half, time)
end

local path = os.path_resolve(half, rest)
assert(string.sub(path, 1, 1) == "/" and not string.find(path .. "/", "/../", 1, true), "path")
assert(os.path_resolve("/", path) == path, "path again")
http.normalize_request_path(data)

local request = http.parse_request(data)
if request then
    local headers = {}
    for _, pair in request.headers do
        table.insert(headers, pair)
    end
    local ok, text = pcall(http.build_request, request.method, request.path, request.body, headers)
    if ok and text then
        local again = assert(http.parse_request(text), "a request")
        assert(again.method == request.method and again.path == request.path, "the same request")
    end
end
local response = http.parse_response(data)
if response then
    local ok, text = pcall(http.build_response, response.status, response.body, response.headers)
    if ok and text then
        assert(assert(http.parse_response(text), "a response").status == response.status, "the same response")
    end
end

if rest ~= "" then
    assert(table.concat(str.split(half, rest), rest) == half, "split")
end
str.lines(data)
str.trim(data)
assert(str.starts_with(data, half) and str.ends_with(data, rest), "parts")
local table_read = str.parse_table(data)
if table_read ~= nil then
    local ok, text = pcall(str.serialize_table, table_read)
    if ok then
        assert(same(str.parse_table(text), table_read, 0), "tables")
    end
end
os.parse_cmd(data)
fs.parse_key_value_line(data)
fs.glob(data)
fs.search_files("/tmp", { name = data, iname = half })
fs.search_files_content("/tmp/input", data, { regex = true, case_insensitive = #data % 2 == 0 })
httpd.serve("/tmp", data)
load(data)
print("all was read")
"#;

fuzz_target!(|input: (u8, Vec<u8>)| {
    let (kind, bytes) = input;
    let mut world = World::new(heap(kind), &[("/bin/fuzz", READER), ("/tmp/input", &bytes)]);
    if let Some(finished) = world.attack(&Command::new("/bin/fuzz").directory("/tmp")) {
        let errors = String::from_utf8_lossy(&finished.errors).into_owned();
        assert!(finished.output == b"all was read\n" || errors.contains("not enough memory"), "{errors}");
    }
    world.check();
});
