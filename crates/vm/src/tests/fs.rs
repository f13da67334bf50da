//! `fs` as scripts see it.

use ironloom_blob::tree::Quota;

use super::{check, run_on};
use crate::machine::Heap;

#[test]
fn files_are_written_and_read() {
    let source = r"
        print(fs.write('/tmp/a', 'one\ntwo\n'), fs.read('/tmp/a') == 'one\ntwo\n')
        print(fs.append('/tmp/a', 'three'), #fs.read_bytes('/tmp/a'))
        print(table.concat(fs.read_lines('/tmp/a'), ','))
        print(fs.append('/tmp/new', 'x'), fs.read('/tmp/new'))
        print(fs.truncate('/tmp/a', 2), fs.read('/tmp/a'))
        print(fs.truncate('/tmp/a', -1))
        print(fs.read('/nowhere'))
        print(fs.read('/tmp'))
        print(fs.write('/nowhere/a', 'x'))
        print(fs.write('/tmp/a', 'x', 'text/plain'), fs.write('/tmp/a', 'x', '\n'))
        print(pcall(fs.write, '/tmp/a'))
        print(#fs.read_lines('/tmp/a'), fs.write('/tmp/a', ''), #fs.read_lines('/tmp/a'))";
    let expected = "true\ttrue\ntrue\t13\none,two,three\ntrue\tx\ntrue\ton\nnil\tinvalid argument\tEINVAL\n\
        nil\tno such file or directory\tENOENT\nnil\tis a directory\tEISDIR\n\
        nil\tno such file or directory\tENOENT\ntrue\tnil\tinvalid argument\tEINVAL\n\
        false\targument 2 is to be a string, not nil\n1\ttrue\t0\n";
    check(source, expected);
}

#[test]
fn bytes_are_bytes() {
    let source = r"
        local all = {}
        for i = 0, 255 do all[#all + 1] = string.char(i) end
        local bytes = table.concat(all)
        fs.write('/tmp/a', bytes)
        print(fs.read('/tmp/a') == bytes, fs.read_bytes('/tmp/a') == bytes)
        local b = buffer.fromstring(bytes)
        fs.append('/tmp/a', b)
        print(fs.stat('/tmp/a').size)
        local name = '/tmp/\xff\xfe'
        print(fs.write(name, 'x'), fs.read(name), fs.ls('/tmp')[2].name == '\xff\xfe')
        print(fs.write('/tmp/\0', 'x'))";
    check(source, "true\ttrue\n512\ntrue\tx\ttrue\nnil\tinvalid argument\tEINVAL\n");
}

#[test]
fn entries_are_looked_at() {
    let source = r"
        fs.write('/etc/passwd', 'root:x:0:0::/root:/bin/sh\nann:x:1000:1000::/home/ann:/bin/sh\n')
        fs.write('/etc/group', 'root:x:0:\nstaff:x:1000:ann\n')
        os.sleep(2.5)
        fs.write('/tmp/a', 'abc') fs.chown('/tmp/a', 1000, 1000) fs.symlink('a', '/tmp/l')
        local function show(t)
            print(t.type, t.size, t.owner, t.group, t.uid, t.gid, t.mode, t.permissions, t.mtime, t.target)
        end
        show(fs.stat('/tmp/a')) show(fs.stat('/tmp/l')) show(fs.lstat('/tmp/l')) show(fs.stat('/tmp'))
        print(fs.stat('/dev/null').type, fs.stat('/proc/self/status').type)
        print(fs.exists('/tmp/a'), fs.exists('/tmp/b'), fs.access('/tmp/a', 'rw'), fs.access('/tmp/a', 'x'))
        print(pcall(fs.access, '/tmp/a', 'q'))
        print(fs.readlink('/tmp/l'), fs.readlink('/tmp/a'))
        print(fs.realpath('/tmp/../tmp/./l'), fs.realpath('/tmp/none'))
        print(fs.stat('/tmp/none'))
        os.chdir('/tmp') print(fs.read('a'), fs.stat('./a').size, fs.exists(''))";
    let expected = "file\t3\tann\tstaff\t1000\t1000\t420\trw-r--r--\t2.5\tnil\n\
        file\t3\tann\tstaff\t1000\t1000\t420\trw-r--r--\t2.5\tnil\n\
        symlink\t1\troot\troot\t0\t0\t511\trwxrwxrwx\t2.5\ta\n\
        directory\t4096\troot\troot\t0\t0\t493\trwxr-xr-x\t2.5\tnil\n\
        device\tfile\ntrue\tfalse\ttrue\tfalse\nfalse\taccess is made of the letters r, w and x\n\
        a\tnil\tinvalid argument\tEINVAL\n/tmp/a\tnil\tno such file or directory\tENOENT\n\
        nil\tno such file or directory\tENOENT\nabc\t3\tfalse\n";
    check(source, expected);
}

#[test]
fn directories_are_listed_files_first() {
    let source = r"
        fs.mkdir('/tmp/d') fs.write('/tmp/z', '12') fs.symlink('z', '/tmp/b')
        for _, e in fs.ls('/tmp') do print(e.name, e.type, e.size, e.owner, e.permissions, e.target) end
        print(#fs.ls('/tmp/z'), #fs.ls('/none'), select(3, fs.ls('/none')))
        for _, line in fs.ls_formatted('/tmp') do print(line) end
        os.chdir('/tmp') print(#fs.ls(), #fs.ls('d'))
        print(#fs.ls('/dev') > 5, #fs.ls('/proc') > 3)";
    let expected = "b\tsymlink\t1\t0\trwxrwxrwx\tz\nz\tfile\t2\t0\trw-r--r--\tnil\n\
        d\tdirectory\t4096\t0\trwxr-xr-x\tnil\n0\t0\tENOENT\n\
        b         symlink         1  0   \nz         file            2  0   \nd         directory    4096  0   \n\
        3\t0\ntrue\ttrue\n";
    check(source, expected);
}

#[test]
fn entries_are_made_and_removed() {
    let source = r"
        print(fs.mkdir('/tmp/a'), fs.mkdir('/tmp/a'))
        print(fs.mkdir('/tmp/x/y'), fs.mkdir('/tmp/x/y', {parents = true}))
        print(fs.mkdir('/tmp/m', {mode = 0x1C0}), fs.stat('/tmp/m').permissions)
        print(fs.write('/tmp/x/y/f', '1'), fs.rmdir('/tmp/x'))
        print(fs.unlink('/tmp/x'))
        print(fs.rm('/tmp/x'), fs.exists('/tmp/x'), fs.rm('/tmp/x'))
        print(fs.rmdir('/tmp/a'), fs.rmdir('/tmp/a'))
        fs.write('/tmp/f', '1') print(fs.unlink('/tmp/f'), fs.unlink('/tmp/f'))
        print(fs.rename('/tmp/m', '/tmp/n'), fs.exists('/tmp/n'), fs.rename('/tmp/m', '/tmp/n'))
        print(fs.write('/proc/x', ''), fs.rm('/proc'))";
    let expected = "true\tnil\tfile exists\tEEXIST\nnil\ttrue\n\
        true\trwx------\ntrue\tnil\tdirectory not empty\tENOTEMPTY\nnil\tis a directory\tEISDIR\n\
        true\tfalse\tfalse\ntrue\tnil\tno such file or directory\tENOENT\n\
        true\tnil\tno such file or directory\tENOENT\ntrue\ttrue\tnil\tno such file or directory\tENOENT\n\
        nil\tnil\tdevice or resource busy\tEBUSY\n";
    check(source, expected);
}

#[test]
fn entries_are_copied_and_linked() {
    let source = r"
        fs.mkdir('/tmp/d/e', {parents = true}) fs.write('/tmp/d/e/f', 'abc') fs.symlink('e/f', '/tmp/d/l')
        print(fs.copy('/tmp/d', '/tmp/c'))
        print(fs.copy('/tmp/d', '/tmp/c', {recursive = true}), fs.read('/tmp/c/l'), fs.readlink('/tmp/c/l'))
        print(fs.copy('/tmp/d', '/tmp/d/x', {recursive = true}))
        print(fs.copy('/none', '/tmp/x'))
        fs.touch('/tmp/d/e/f', 77) fs.chmod('/tmp/d/e/f', 0x1C0)
        print(fs.copy('/tmp/d/e/f', '/tmp/p', {preserve = true}), fs.stat('/tmp/p').mtime, fs.stat('/tmp/p').mode)
        print(fs.link('/tmp/p', '/tmp/q'), fs.read('/tmp/q'), fs.write('/tmp/q', 'z'), fs.read('/tmp/p'))
        print(fs.link('/tmp/d', '/tmp/r'))
        print(fs.symlink('loop', '/tmp/loop'), fs.read('/tmp/loop'))
        print(fs.symlink('x', '/tmp/loop'))";
    let expected = "nil\tis a directory\tEISDIR\ntrue\tabc\te/f\nnil\tinvalid argument\tEINVAL\n\
        nil\tno such file or directory\tENOENT\ntrue\t77\t448\ntrue\tabc\ttrue\tabc\n\
        nil\toperation not permitted\tEPERM\ntrue\tnil\ttoo many levels of symbolic links\tELOOP\n\
        nil\tfile exists\tEEXIST\n";
    check(source, expected);
}

#[test]
fn attributes_are_changed() {
    let source = r"
        fs.write('/tmp/a', '')
        print(fs.chmod('/tmp/a', 0x1ED), fs.stat('/tmp/a').permissions)
        print(fs.chmod('/tmp/a', '4711'), fs.stat('/tmp/a').permissions)
        print(fs.chmod('/tmp/a', 65536))
        print(fs.chmod('/tmp/a', '9'))
        print(fs.chown('/tmp/a', 7), fs.stat('/tmp/a').uid, fs.chown('/tmp/a', nil, 8), fs.stat('/tmp/a').gid)
        print(fs.stat('/tmp/a').mode)
        print(fs.chown('/tmp/a', -1))
        print(fs.touch('/tmp/a', 12.25), fs.stat('/tmp/a').mtime, fs.touch('/tmp/b'), fs.stat('/tmp/b').size)
        print(fs.touch('/none/b'))";
    let expected = "true\trwxr-xr-x\ntrue\trws--x--x\nnil\tinvalid argument\tEINVAL\nnil\tinvalid argument\tEINVAL\n\
        true\t7\ttrue\t8\n457\nnil\tinvalid argument\tEINVAL\ntrue\t12.25\ttrue\t0\n\
        nil\tno such file or directory\tENOENT\n";
    check(source, expected);
}

#[test]
fn open_files_have_positions() {
    let source = r"
        local h = fs.open('/tmp/a', 'w')
        print(type(h:write('one\n', 'two\nthree')), h:seek(), h:stat().size, h:stat().type)
        print(h:read(1)) h:close()
        print(pcall(h.read, h, 1))
        h = io.open('/tmp/a', 'r+')
        print(h:read(), h:read('L'), h:read(2), h:seek('set', 1), h:read('l'), h:read('a'), h:read(1))
        print(h:seek('end', -1), type(h:write('E!')), h:seek('set'), h:read('a'))
        print(h:truncate(3), h:seek('set'), h:read('a'))
        for line in io.lines('/tmp/a') do print('line', line) end
        h = fs.open('/tmp/a', 'a') h:write('+') print(fs.read('/tmp/a'))
        print(fs.open('/tmp/a', 'wx'))
        print(fs.open('/tmp/b'))
        print(fs.open('/tmp'))
        print(pcall(fs.open, '/tmp/a', 'q'))
        local gone = fs.open('/tmp/a') fs.unlink('/tmp/a') print(gone:read('a'), fs.exists('/tmp/a'))";
    let expected = "userdata\t13\t13\tfile\nnil\tbad file descriptor\tEBADF\nfalse\tthe handle is closed\n\
        one\ttwo\n\tth\t1\tne\ttwo\nthree\tnil\n12\tuserdata\t0\tone\ntwo\nthreE!\ntrue\t0\tone\nline\tone\none+\n\
        nil\tfile exists\tEEXIST\nnil\tno such file or directory\tENOENT\nnil\tis a directory\tEISDIR\n\
        false\ta mode is \"r\", \"w\" or \"a\", with \"+\", \"x\" or \"b\" behind it\none+\tfalse\n";
    check(source, expected);
}

#[test]
fn devices_and_views_are_opened() {
    let source = r"
        print(fs.open('/dev/null'):read('a') == '', fs.open('/dev/zero'):read(3) == '\0\0\0')
        print(#fs.open('/dev/urandom'):read(5), fs.open('/dev/full', 'w'):write('x'))
        print(fs.open('/dev/tty'))
        local out = fs.open('/dev/stdout', 'w') out:write('through\n') out:close() print 'still there'
        print(fs.open('/proc/self/status'):read() ~= nil, fs.read('/proc/uptime') ~= nil)
        print(fs.open('/dev/null', 'w'):stat().type, os.pipe():stat().type, io.stdout:stat().type)
        print(fs.write('/dev/null', 'x'), fs.write('/dev/full', 'x'))";
    let expected = "true\ttrue\n5\tnil\tno space left on device\tENOSPC\nnil\tnot a terminal\tENOTTY\nthrough\n\
        still there\ntrue\ttrue\ndevice\tpipe\tpipe\ntrue\tnil\tno space left on device\tENOSPC\n";
    check(source, expected);
}

#[test]
fn files_are_searched() {
    let source = r"
        fs.write('/etc/passwd', 'root:x:0:0::/:\nann:x:7:7::/:\n')
        fs.mkdir('/tmp/d/e', {parents = true})
        fs.write('/tmp/d/a.txt', 'Hello\nworld\n') fs.write('/tmp/d/e/B.TXT', 'hello again') fs.chown('/tmp/d/a.txt', 7)
        fs.symlink('a.txt', '/tmp/d/l')
        local function show(...) local t, m, c = ... print(table.concat(t, ' '), m, c) end
        show(fs.search_files('/tmp/d'))
        show(fs.search_files('/tmp/d', {name = '*.txt'}))
        show(fs.search_files('/tmp/d', {iname = '*.txt', type = 'f'}))
        show(fs.search_files('/tmp/d', {type = 'd'}))
        show(fs.search_files('/tmp/d', {user = 'ann'}))
        show(fs.search_files('/tmp/d', {user = '7'}))
        show(fs.search_files('/tmp/d', {user = 'nobody'}))
        show(fs.search_files('/tmp/d', {size = '-12', type = 'f'}))
        show(fs.search_files('/tmp/d', {mtime = 1}))
        show(fs.search_files('/tmp/d', {name = '['}))
        show(fs.search_files('/none'))
        print(pcall(fs.search_files, '/tmp', {size = 'x'}))
        print(pcall(fs.search_files, '/tmp', {type = 'x'}))
        local function lines(...) for _, f in (...) do print(f.path, f.line_num, f.line) end end
        lines(fs.search_files_content('/tmp/d', 'hello'))
        lines(fs.search_files_content('/tmp/d', 'hello', {case_insensitive = true}))
        lines(fs.search_files_content({'/tmp/d/a.txt', '/none'}, '^w.r', {regex = true}))
        print(fs.search_files_content('/tmp', '(', {regex = true}))
        show(fs.glob('/tmp/d/*')) show(fs.glob('/tmp/**/*.TXT')) os.chdir('/tmp/d') show(fs.glob('[al]*')) show(fs.glob('zz*'))";
    let expected = "/tmp/d /tmp/d/a.txt /tmp/d/e /tmp/d/e/B.TXT /tmp/d/l\tnil\tnil\n/tmp/d/a.txt\tnil\tnil\n\
        /tmp/d/a.txt /tmp/d/e/B.TXT\tnil\tnil\n/tmp/d /tmp/d/e\tnil\tnil\n/tmp/d/a.txt\tnil\tnil\n\
        /tmp/d/a.txt\tnil\tnil\n\tnil\tnil\n/tmp/d/e/B.TXT\tnil\tnil\n\tnil\tnil\n\tnil\tnil\n\
        \tno such file or directory\tENOENT\n\
        false\ta size is a number, with + or - before it and K, M or G behind it\n\
        false\ta type is \"f\", \"d\", \"l\", \"c\" or \"p\"\n\
        /tmp/d/e/B.TXT\t1\thello again\n/tmp/d/a.txt\t1\tHello\n/tmp/d/e/B.TXT\t1\thello again\n\
        /tmp/d/a.txt\t2\tworld\nnil\tinvalid argument\tEINVAL\n\
        /tmp/d/a.txt /tmp/d/e /tmp/d/l\tnil\tnil\n/tmp/d/e/B.TXT\tnil\tnil\na.txt l\tnil\tnil\n\tnil\tnil\n";
    check(source, expected);
}

#[test]
fn changes_are_heard_of() {
    let source = r"
        local w = fs.watch('/tmp')
        task.spawn(function()
            os.sleep(1) fs.write('/tmp/a', '1')
            os.sleep(1) fs.append('/tmp/a', '2')
            os.sleep(1) local h = fs.open('/tmp/a', 'a') h:write('3')
            os.sleep(1) fs.rm('/tmp/a')
        end)
        for i = 1, 4 do local e = w:next() print(os.uptime(), e.kind, e.name) end
        print(w:next({timeout = 2})) print(os.uptime())
        print(w:close(), pcall(w.next, w))
        print(fs.watch('/none'))
        print(fs.watch('/proc'))
        for i = 1, 2000 do if not fs.watch('/tmp') then print('full', i) end end print 'ok'";
    let expected = "1\tcreated\ta\n2\tchanged\ta\n3\tchanged\ta\n4\tremoved\ta\nnil\ttimed out\tETIMEDOUT\n6\n\
        true\tfalse\tthe handle is closed\nnil\tno such file or directory\tENOENT\n\
        nil\tnot supported\tENOTSUP\nok\n";
    check(source, expected);
}

#[test]
fn texts_are_taken_apart() {
    let source = r"
        print(fs.parse_key_value_line('  key = a value = b '))
        print(fs.parse_key_value_line('nothing'))";
    check(source, "key\ta value = b\nnil\tnil\n");
}

#[test]
fn a_disk_is_full_at_some_point() {
    for kind in [Heap::Own, Heap::Cell] {
        let source = r"
            local u = fs.usage() print(u.bytes_max, u.entries_max)
            print(fs.write('/tmp/a', ('x'):rep(2000)))
            print(fs.write('/tmp/a', ('x'):rep(20000)), fs.stat('/tmp/a').size)
            print(fs.append('/tmp/a', ('x'):rep(20000)))
            local h = fs.open('/tmp/b', 'w') print(h:write(('x'):rep(20000))) h:close()
            local n = 0
            while true do local ok, _, code = fs.mkdir('/tmp/d' .. n) if not ok then print(n, code) break end n += 1 end
            print(fs.rm('/tmp/d0'), fs.mkdir('/tmp/e'))";
        let written = run_on(kind, source, |machine| {
            machine.files.set_quota(Quota { bytes_max: 10_000, entries_max: 20 });
        });
        let expected = "10000\t20\ntrue\nnil\t2000\nnil\tno space left on device\tENOSPC\n\
            nil\tno space left on device\tENOSPC\n10\tENOSPC\ntrue\ttrue\n";
        assert_eq!(written, expected, "{kind:?}");
    }
}

#[test]
fn a_large_directory_holds_nobody_up() {
    let source = r"
        fs.mkdir('/tmp/many')
        for i = 1, 100000 do fs.write('/tmp/many/' .. i, '') end
        local other = 0
        local ticker = task.spawn(function() while true do other += 1 os.sleep(0.05) end end)
        local before = other
        print(#fs.search_files('/tmp/many', {name = '*7'}))
        print(other > before + 10) before = other
        local n = 0
        for _, path in fs.glob('/tmp/many/999*') do n += 1 end
        print(n, other > before)
        fs.mkdir('/tmp/some')
        for i = 1, 300 do fs.write('/tmp/some/' .. i, '') fs.mkdir('/tmp/some/d' .. i) end
        local list = fs.ls('/tmp/some') print(#list, list[1].name, list[300].name, list[301].name, list[600].name)
        print(fs.rm('/tmp/many'), fs.exists('/tmp/many'))
        task.cancel(ticker)";
    check(source, "10000\ntrue\n111\ttrue\n600\t1\t99\td1\td99\ntrue\tfalse\n");
}

#[test]
fn searches_do_not_fill_the_host() {
    let source = r"
        local long = '/tmp/' .. ('x'):rep(200)
        fs.write(long, ('\n'):rep(5000))
        print(#fs.search_files_content(long, '', {regex = true}))
        print(pcall(fs.search_files_content, table.create(4000, long), 'x'))
        fs.mkdir('/tmp/d') for i = 1, 300 do fs.write('/tmp/d/' .. i, '') end
        local done, again = 0, 0
        for i = 1, 100 do
            task.spawn(function()
                local _, _, code = fs.search_files('/tmp/d')
                if code == 'EAGAIN' then again += 1 else done += 1 end
            end)
        end
        os.sleep(10) print(done + again, done >= 32, again > 0)
        local found = fs.glob('/tmp/d/*') print(#found, found[1], found[2], found[300])";
    let expected = "5000\nfalse\tthe paths of a search are too long together\n100\ttrue\ttrue\n\
        300\t/tmp/d/1\t/tmp/d/10\t/tmp/d/99\n";
    check(source, expected);
}

#[test]
fn others_may_not() {
    let source = r"
        local role = ...
        if not role then
            fs.chmod('/tmp', '1777')
            fs.mkdir('/tmp/closed', {mode = 0x1C0}) fs.write('/tmp/closed/f', 'secret')
            fs.write('/tmp/secret', 'secret') fs.chmod('/tmp/secret', '600')
            fs.write('/tmp/mine', 'm')
            print(os.wait((os.spawn('script', {'ann'}, {uid = 1000, stdout = 'inherit'}))))
            print(fs.read('/tmp/ann'), fs.stat('/tmp/ann').uid)
            return
        end
        print(os.uid(), fs.read('/tmp/secret'))
        print(fs.open('/tmp/secret'))
        print(fs.read('/tmp/closed/f'))
        print(#fs.ls('/tmp/closed'), select(2, fs.ls('/tmp/closed')))
        print(#fs.search_files('/tmp/closed'), #fs.search_files_content('/tmp', 'secret'))
        print(#fs.glob('/tmp/closed/*'))
        print(fs.write('/tmp/mine', 'x'))
        print(fs.rm('/tmp/mine'))
        print(fs.rename('/tmp/mine', '/tmp/x'))
        print(fs.chmod('/tmp/mine', '777'))
        print(fs.chown('/tmp/mine', 1000))
        print(fs.truncate('/tmp/mine', 0))
        print(fs.copy('/tmp/secret', '/tmp/copy'))
        print(fs.watch('/tmp/closed'))
        print(fs.mkdir('/etc/x'))
        print(fs.write('/tmp/ann', 'hello'), fs.chmod('/tmp/ann', '640'), fs.chown('/tmp/ann', 0))
        print(fs.access('/tmp/secret', 'r'), fs.access('/tmp/mine', 'r'), fs.access('/tmp/mine', 'w'))";
    let no = "nil\tpermission denied\tEACCES\n";
    let never = "nil\toperation not permitted\tEPERM\n";
    let expected = [
        "1000\t",
        no,
        no,
        no,
        "0\tpermission denied\tEACCES\n",
        "1\t0\n0\n",
        no,
        never,
        never,
        never,
        never,
        no,
        no,
        no,
        no,
        "true\ttrue\t",
        never,
        "false\ttrue\tfalse\n",
        "3\t0\tnil\nhello\t1000\n",
    ];
    check(source, &expected.concat());
}
