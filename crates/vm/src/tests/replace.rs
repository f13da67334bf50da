//! Processes that go on as other programs.

use super::check;

#[test]
fn a_process_goes_on_as_another_program() {
    let source = r"
        local role, extra = ...
        if role == 'second' then
            print(os.pid(), os.ppid(), extra, os.getenv('A'), os.get_work_dir(), os.get_process_display_name(os.pid()))
            print(count, os.kill(os.pid(), 'USR2'))
        elseif role == 'first' then
            count = 1
            os.signal('USR1', function() print 'old' end) os.signal('USR2', 'ignore')
            task.spawn(function() os.sleep(1) print 'never' end)
            print(os.pid())
            print(os.replace('/none'))
            os.replace('/bin/script', {'second', 'x'}, {env = {A = '1'}, cwd = '/tmp', name = 'other'})
            print 'never'
        else
            print(os.wait((os.spawn('script', {'first'}, {stdout = 'inherit', stderr = 'inherit'}))))
        end";
    let expected =
        "3\nnil\tno such file or directory\tENOENT\n3\t2\tx\t1\t/tmp\tother\nnil\ttrue\n3\t0\tnil\n";
    check(source, expected);
}

#[test]
fn handlers_are_forgotten_and_ignoring_stays() {
    let source = r"
        local role = ...
        if role == 'second' then os.sleep(10) print 'never'
        elseif role == 'first' then
            os.signal('TERM', function() print 'old' end)
            os.replace('/bin/script', {'second'})
        else
            local pid = os.spawn('script', {'first'}, {stdout = 'inherit', stderr = 'inherit'})
            os.sleep(1) os.kill(pid) print(os.wait(pid))
        end";
    check(source, "3\t143\tTERM\n");
}

#[test]
fn streams_are_led_elsewhere_and_the_rest_is_closed() {
    let source = r"
        local role = ...
        if role == 'second' then
            print('into the file', io.read())
            local handles = {}
            for i = 1, 20 do handles[i] = assert(fs.open('/tmp/in')) end
            local junk = {} for i = 1, 20000 do junk[i % 100] = {i} end
            for i = 1, 20 do assert(handles[i]:read() == 'line') end
            print(#fs.ls('/proc/self/fd'))
            local t = task.spawn(function() return 5 end)
            junk = {} for i = 1, 20000 do junk[i % 100] = {i} end
            print(task.join(t))
            return
        end
        fs.write('/tmp/in', 'line\n')
        if role == 'first' then
            for i = 1, 20 do fs.open('/tmp/in') task.spawn(function() os.sleep(5) end) end
            kept = fs.open('/tmp/in')
            print(pcall(os.replace, '/bin/script', {}, {stdin = 'pipe'}))
            os.replace('/bin/script', {'second'}, {stdin = fs.open('/tmp/in'), stdout = fs.open('/tmp/out', 'w')})
        end
        print(os.wait((os.spawn('script', {'first'}, {stdout = 'inherit', stderr = 'inherit'}))))
        print(fs.read('/tmp/out'))";
    let expected =
        "false\tnobody is there to take the other end of a pipe\n3\t0\tnil\ninto the file\tline\n23\n5\n\n";
    check(source, expected);
}

#[test]
fn a_pipe_ends_with_the_program_that_wrote() {
    let source = r"
        local role = ...
        if role == 'second' then os.sleep(5) return end
        if role == 'first' then
            local r, w = os.pipe()
            local child = os.spawn('script', {'reader'}, {stdin = r, stdout = 'inherit'})
            r:close() w:write('x') os.replace('/bin/script', {'second'})
        end
        if role == 'reader' then print(io.read('a'), os.uptime()) return end
        print(os.wait((os.spawn('script', {'first'}, {stdout = 'inherit', stderr = 'inherit'}))))";
    check(source, "x\t0\n3\t0\tnil\n");
}

#[test]
fn owners_of_programs_lend_their_rights() {
    let source = r"
        local role = ...
        if role == 'second' then print(os.uid(), os.real_uid(), fs.read('/tmp/secret')) return end
        if role == 'first' then
            print(os.uid(), os.replace('/bin/closed')) os.replace('/bin/special', {'second'})
        end
        fs.write('/tmp/secret', 's') fs.chmod('/tmp/secret', '600')
        fs.copy('/bin/script', '/bin/special') fs.chmod('/bin/special', '4755')
        fs.copy('/bin/script', '/bin/closed') fs.chmod('/bin/closed', '700')
        print(os.wait((os.spawn('script', {'first'}, {uid = 1000, stdout = 'inherit', stderr = 'inherit'}))))";
    check(source, "1000\tnil\tpermission denied\tEACCES\n0\t1000\ts\n3\t0\tnil\n");
}

#[test]
fn what_does_not_compile_ends() {
    let source = r"
        if ... then os.replace('/bin/bad') end
        fs.write('/bin/bad', 'return (') fs.chmod('/bin/bad', '755')
        print(select(2, os.wait((os.spawn('script', {'x'}, {stdout = 'inherit', stderr = 'null'})))))";
    check(source, "126\tnil\n");
}
