//! Users as scripts see them.

use super::check;

const MAKE_USERS: &str = r"
    fs.write('/etc/passwd', 'root:x:0:0::/root:/bin/sh\nann:x:1000:1000:Ann:/home/ann:/bin/sh\nbob:x:1001:1001::/home/bob:/bin/lua\n')
    fs.write('/etc/group', 'root:x:0:\nann:x:1000:\nbob:x:1001:\nstaff:x:50:ann\n')
    fs.write('/etc/shadow', 'root:!:::::::\n') fs.chmod('/etc/shadow', '600')
";

#[track_caller]
fn check_with_users(source: &str, expected: &str) {
    let source = format!("if not ... then {MAKE_USERS} end {source}");
    check(&source, expected);
}

#[test]
fn users_have_names_and_homes() {
    let source = r"
        if ... then print(os.whoami(), os.get_home(), os.uid()) return end
        print(os.whoami(), os.get_home())
        for _, u in os.users() do print(u.username, u.uid, u.gid, u.home, u.shell, u.is_root) end
        os.wait((os.spawn('script', {'x'}, {uid = 1000, stdout = 'inherit'})))
        os.wait((os.spawn('script', {'x'}, {uid = 7, stdout = 'inherit'})))
        for _, p in os.processes() do print(p.user) end";
    let expected = "root\t/root\nroot\t0\t0\t/root\t/bin/sh\ttrue\nann\t1000\t1000\t/home/ann\t/bin/sh\tfalse\n\
        bob\t1001\t1001\t/home/bob\t/bin/lua\tfalse\nann\t/home/ann\t1000\n7\t/\t7\nroot\n";
    check_with_users(source, expected);
}

#[test]
fn a_machine_without_users_shows_numbers() {
    check("print(os.whoami(), os.get_home(), #os.users(), os.login('root', ''))", "0\t/\t0\tfalse\n");
}

#[test]
fn passwords_open_and_change() {
    let source = r"
        local role = ...
        if role == 'ann' then
            print(os.su('root', ''), os.su('root', 'toor'), os.su('nobody', 'x'))
            print(os.passwd('bob', 'mine'))
            print(os.passwd('ann', 'new'), os.login('ann', 'secret'), os.login('ann', 'new'))
            print(fs.read('/etc/shadow'))
            print(os.su('bob', 'b\0b'), os.whoami(), os.uid(), os.real_uid(), os.gid())
            print(os.setuid(1000))
            return
        end
        print(os.passwd('ann', 'secret'), os.passwd('bob', 'b\0b'))
        print(os.passwd('nobody', 'x'))
        print(os.login('ann', 'secret'), os.login('ann', 'Secret'), os.login('nobody', 'x'), os.login('root', ''))
        print(fs.stat('/etc/shadow').permissions, fs.read('/etc/shadow'):find('secret'))
        os.wait((os.spawn('script', {'ann'}, {uid = 1000, stdout = 'inherit'})))
        print(os.su('nobody'), os.su('ann'), os.whoami(), table.concat(os.groups(), ','))
        print(os.su('root'), os.setuid(0))";
    let expected = "true\ttrue\nnil\tno such file or directory\tENOENT\ntrue\tfalse\tfalse\tfalse\n\
        rw-------\tnil\nfalse\tfalse\tfalse\nnil\toperation not permitted\tEPERM\ntrue\tfalse\ttrue\n\
        nil\tpermission denied\tEACCES\ntrue\tbob\t1001\t1001\t1001\nnil\toperation not permitted\tEPERM\n\
        false\ttrue\tann\t50\nfalse\tnil\toperation not permitted\tEPERM\n";
    check_with_users(source, expected);
}

#[test]
fn guessing_takes_time() {
    let source = r"
        os.passwd('ann', 'x')
        local before = os.uptime()
        for i = 1, 40 do os.login('ann', 'y' .. i) end
        print(os.uptime() - before >= 0.8)
        local t = setmetatable({}, {__index = function(_, k) for i = 1, 100 do os.login('ann', 'z') end end})
        print(t.x)";
    check_with_users(source, "true\nkilled: it spent too much time where it cannot be stopped\n");
}

#[test]
fn paths_are_put_together() {
    let source = r"
        print(os.path_resolve('/home/ann', '../bob//x'), os.path_resolve('/a', '/b/./c'), os.path_resolve('/', '../..'))
        os.chdir('/tmp') print(os.path_resolve('.', 'x'), os.path_resolve('', ''), os.path_resolve('d', 'x'))";
    check(source, "/home/bob/x\t/b/c\t/\n/tmp/x\t/tmp\t/tmp/d/x\n");
}
