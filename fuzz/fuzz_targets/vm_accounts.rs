//! Whatever the files of users say, the machine lives, nobody becomes root by them who is not, and what asking costs is
//! paid for.

#![no_main]

mod vm_world;

use ironloom_vm::Command;
use libfuzzer_sys::fuzz_target;
use vm_world::{USER, World, heap};

const ASKER: &[u8] = b"
local names = { 'root', 'user', '', 'a', ':', '\\0', fs.read_lines('/tmp/names') and table.unpack(fs.read_lines('/tmp/names'), 1, 5) }
for _, user in os.users() do
    assert(type(user.username) == 'string' and user.username ~= '' and user.uid >= 0 and user.uid < 2^32 - 1)
    assert(user.is_root == (user.uid == 0))
    table.insert(names, user.username)
    if #names > 20 then break end
end
for _, name in names do
    for _, password in { '', '*', '!', 'x', name, ('y'):rep(2000) } do
        os.login(name, password)
    end
    os.passwd(name, 'another')
    assert(not os.login(name, 'others'))
end
os.whoami() os.groups() os.get_home()
local uid = os.uid()
os.su(names[1], 'x')
";

fuzz_target!(|input: (u8, Vec<u8>, Vec<u8>, Vec<u8>)| {
    let (kind, passwd, shadow, group) = input;
    let mut world = World::new(heap(kind), &[("/bin/fuzz", ASKER)]);
    let names: Vec<&[u8]> = passwd
        .split(|byte| *byte == b'\n')
        .map(|line| line.split(|byte| *byte == b':').next().unwrap_or_default())
        .collect();
    world.put(b"/tmp/names", &names.join(&b'\n'));
    world.put(b"/etc/passwd", &passwd);
    world.put(b"/etc/shadow", &shadow);
    world.put(b"/etc/group", &group);
    world.attack(&Command::new("/bin/fuzz").user(USER, USER).directory("/tmp"));
    world.attack(&Command::new("/bin/fuzz"));
    for line in [
        "id; whoami; ls -l /etc",
        "su a < /tmp/names",
        "useradd new; useradd -u 0 b; passwd a < /tmp/names",
        "login a < /tmp/names",
    ] {
        world.attack(&Command::shell(line));
        world.attack(&Command::shell(line).user(USER, USER));
    }
    world.check();
});
