//! Sites that are served.

use super::check;

#[test]
fn files_below_a_root_are_served() {
    let source = r"
        fs.mkdir('/tmp/www/docs', {parents = true})
        fs.write('/tmp/www/index.html', 'home') fs.write('/tmp/www/docs/index.txt', 'docs')
        fs.write('/tmp/www/page.md', 'page') fs.write('/tmp/www/page.tar.gz', 'x') fs.write('/tmp/www/raw', '\0\255')
        fs.write('/tmp/www/two.html', '1') fs.write('/tmp/www/two.txt', '2') fs.write('/tmp/www/a b.txt', 'blank')
        local function show(path)
            local body, status, headers = httpd.serve('/tmp/www', path)
            print(status, body, headers['Content-Type'])
        end
        show('/') show('') show('/docs/') show('/page') show('/page.md?q=1') show('/raw') show('/two') show('/a%20b.txt')
        show('/none') show('/docs')
        fs.write('/tmp/www/404.txt', 'gone') show('/none')
        fs.write('/tmp/www/404.html', '<gone>') show('/none')
        fs.write('/tmp/www/404.ntml', 'Gone') show('/none.html')
        print((select(2, httpd.serve('/nowhere', '/'))))";
    let expected = "200\thome\ttext/html\n200\thome\ttext/html\n200\tdocs\ttext/plain; charset=utf-8\n\
        200\tpage\ttext/plain; charset=utf-8\n200\tpage\ttext/plain; charset=utf-8\n\
        200\t\0\u{fffd}\tapplication/octet-stream\n404\t\tnil\n200\tblank\ttext/plain; charset=utf-8\n\
        404\t\tnil\n404\t\tnil\n404\tgone\ttext/plain; charset=utf-8\n404\t<gone>\ttext/html\n\
        404\tGone\tapplication/x-ntml\n404\n";
    check(source, expected);
}

#[test]
fn nothing_outside_is_served() {
    let source = r"
        fs.mkdir('/tmp/www') fs.write('/tmp/secret.txt', 'secret') fs.mkdir('/tmp/www2') fs.write('/tmp/www2/x.txt', 'secret')
        fs.symlink('/tmp/secret.txt', '/tmp/www/link.txt') fs.symlink('..', '/tmp/www/up') fs.symlink('link.txt', '/tmp/www/again.txt')
        fs.write('/tmp/www/in.txt', 'in') fs.symlink('in.txt', '/tmp/www/inner.txt')
        for _, path in {'/../secret.txt', '/link.txt', '/up/secret.txt', '/up/secret', '/again.txt', '/%2e%2e/secret.txt',
            '/../www2/x.txt', '//tmp/secret.txt', '/\0', '/in.txt/..', '/link', '/' .. ('x'):rep(100000)} do
            local body, status = httpd.serve('/tmp/www', path) print(status, body)
        end
        print((httpd.serve('/tmp/www', '/inner.txt')))
        fs.symlink('/tmp/secret.txt', '/tmp/www/404.html') print((httpd.serve('/tmp/www', '/none')))";
    let expected = format!("{}in\n\n", "404\t\n".repeat(12));
    check(source, &expected);
}

#[test]
fn what_the_server_may_not_read_is_forbidden() {
    let source = r"
        if ... then print((select(2, httpd.serve('/tmp/www', '/x.txt')))) print((select(2, httpd.serve('/tmp/closed', '/x')))) return end
        fs.mkdir('/tmp/www') fs.write('/tmp/www/x.txt', 's') fs.chmod('/tmp/www/x.txt', '600')
        fs.mkdir('/tmp/closed', {mode = 0x1C0})
        os.wait((os.spawn('script', {'x'}, {uid = 1000, stdout = 'inherit'})))";
    check(source, "403\n403\n");
}
