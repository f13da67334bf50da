#!/usr/bin/env bash
# nginx with one worker and the same answer, as the scripts of benches/sched want a server: `nginx.sh FOLDER` prints its
# port and serves until it is killed; its files are in the folder. One process, so that what it costs can be told.
set -euo pipefail
there=$(mktemp -d -p "$1")
port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
cat >"$there/nginx.conf" <<CONF
daemon off;
master_process off;
pid $there/pid;
error_log $there/errors;
worker_rlimit_nofile 40000;
events { worker_connections 20000; multi_accept on; }
http {
    access_log off;
    keepalive_requests 1000000000;
    client_body_temp_path $there/bodies;
    proxy_temp_path $there/proxied;
    fastcgi_temp_path $there/fastcgi;
    uwsgi_temp_path $there/uwsgi;
    scgi_temp_path $there/scgi;
    server {
        listen 127.0.0.1:$port backlog=16384;
        location / { default_type text/plain; return 200 "Hello, World!"; }
    }
}
CONF
echo "$port"
exec nginx -p "$there" -c "$there/nginx.conf" -e "$there/errors"
