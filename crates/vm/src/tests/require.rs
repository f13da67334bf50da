//! Modules.

use super::check;

#[test]
fn modules_run_once_and_are_found_in_three_ways() {
    let source = r"
        fs.write('/lib/luau/named.luau', 'print(...) return {n = 0}')
        fs.write('/lib/other.luau', 'return 7')
        fs.write('/bin/beside.luau', 'return require(\'./deeper/one\')')
        fs.mkdir('/bin/deeper') fs.write('/bin/deeper/one.luau', 'return require(\'./two\')')
        fs.write('/bin/deeper/two', 'return require(\'../three\') + 1') fs.write('/bin/three.luau', 'return 3')
        local a, b = require('named'), require('/lib/luau/named.luau')
        a.n += 1 print(b.n, a == b, rawequal(require('named.luau'), a))
        print(require('/lib/other'), require('./beside'), require('./beside.luau'))
        os.chdir('/tmp') print(require('./deeper/two'))
        fs.write('/lib/luau/none.luau', 'ran = (ran or 0) + 1 return nil')
        print(require('none'), require('none'), ran)
        fs.symlink('/lib/luau/named.luau', '/tmp/link') print(require('/tmp/link') == a)";
    check(source, "named\n1\ttrue\ttrue\n7\t4\t4\n4\nnil\tnil\t1\ntrue\n");
}

#[test]
fn what_cannot_be_loaded_raises() {
    let source = r"
        print(pcall(require, 'none'))
        print(pcall(require, '')) print(pcall(require))
        print(pcall(require, '/tmp')) print(pcall(require, './../../../etc'))
        fs.write('/lib/luau/bad.luau', 'return (') print(pcall(require, 'bad'))
        fs.write('/lib/luau/boom.luau', 'local n = (fs.stat(\'/tmp/n\') or {size = 0}).size fs.append(\'/tmp/n\', \'x\') if n == 0 then error(\'boom\') end return n')
        print(pcall(require, 'boom')) print(pcall(require, 'boom')) print(pcall(require, 'boom'))
        fs.write('/lib/luau/a.luau', 'return require(\'b\')') fs.write('/lib/luau/b.luau', 'return require(\'a\')')
        print(pcall(require, 'a')) print(pcall(require, 'a'))
        fs.write('/lib/luau/t.luau', 'error({})') print(type(select(2, pcall(require, 't'))))
        fs.write('/lib/luau/code.luau', '\6\3\0\0') print((pcall(require, 'code')))";
    let expected = "false\tmodule 'none': no such file or directory\n\
        false\tmodule '': no such file or directory\nfalse\targument 1 is to be a string, not nil\n\
        false\tmodule '/tmp': no such file or directory\nfalse\tmodule './../../../etc': no such file or directory\n\
        false\t/lib/luau/bad.luau:1: Expected identifier when parsing expression, got <eof>\n\
        false\t/lib/luau/boom.luau:1: boom\ntrue\t1\ntrue\t1\n\
        false\t/lib/luau/b.luau:1: module 'a' requires itself\nfalse\t/lib/luau/b.luau:1: module 'a' requires itself\ntable\nfalse\n";
    check(source, expected);
}

#[test]
fn bodies_wait_and_others_wait_for_them() {
    let source = r"
        fs.write('/lib/luau/slow.luau', 'os.sleep(2) print(\'ran\') return os.uptime()')
        local t = task.spawn(function() return require('slow') end)
        task.spawn(function() os.sleep(1) print('meanwhile', os.uptime()) end)
        task.yield()
        print(require('slow'), task.join(t))
        fs.write('/lib/luau/x.luau', 'os.sleep(1) return require(\'y\')') fs.write('/lib/luau/y.luau', 'os.sleep(1) return require(\'x\')')
        local t = task.spawn(function() return (pcall(require, 'x')) end)
        print((pcall(require, 'y')), task.join(t))
        fs.write('/lib/luau/stuck.luau', 'if once then return 5 end once = true os.sleep(1000)')
        local t = task.spawn(function() require('stuck') end)
        task.yield()
        local u = task.spawn(function() return require('stuck') end)
        task.yield() task.cancel(t) print(task.join(u))";
    check(source, "meanwhile\t1\nran\n2\t2\nfalse\tfalse\n5\n");
}

#[test]
fn nobody_requires_what_he_may_not_read() {
    let source = r"
        if ... then
            print(pcall(require, 'secret'))
            print(pcall(load('return require(\'./inner\')', '=/lib/luau/closed/x')))
            print(require('open'))
            return
        end
        fs.write('/lib/luau/secret.luau', 'return 1') fs.chmod('/lib/luau/secret.luau', '600')
        fs.write('/lib/luau/open.luau', 'return 1')
        fs.mkdir('/lib/luau/closed', {mode = 0x1C0}) fs.write('/lib/luau/closed/inner.luau', 'return 1')
        os.wait((os.spawn('script', {'x'}, {uid = 1000, stdout = 'inherit', stderr = 'inherit'})))";
    let expected = "false\tmodule 'secret': permission denied\n\
        false\t/lib/luau/closed/x:1: module './inner': no such file or directory\n1\n";
    check(source, expected);
}

#[test]
fn each_process_has_its_own() {
    let source = r"
        if ... then print(require('m').n) return end
        fs.write('/lib/luau/m.luau', 'return {n = 0}')
        require('m').n = 5
        os.wait((os.spawn('script', {'x'}, {stdout = 'inherit'})))
        print(require('m').n)
        for i = 1, 1030 do
            fs.write('/lib/luau/m' .. i .. '.luau', 'return ' .. i)
            local ok, why = pcall(require, 'm' .. i) if not ok then print(i, why) break end
        end";
    check(source, "0\n5\n1024\tthere are too many modules\n");
}
