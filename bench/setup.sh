# shellcheck shell=sh disable=SC2016,SC2034,SC2154,SC3013
# Sourced by the scripts beside it, from the root of the repository: what the measurements need, all of it below
# build/bench, on 127.0.0.1, and stopped when the shell ends.
#   bench_prepare   data, certificates and the bare libcurl program; done once, kept
#   bench_serve     starts nginx; sets http_url, tls_url, ca_file, client_cpu, server_cpu and echo_module (or '')
#   bench_system    sets in_namespace, which puts a copy of the system's certificates over them, with the bench's own
#   bench_run       runs a command that ends with this shell

directory=build/bench
ca_file=$directory/ca.pem
# Left to the scheduler, client and server share a core in one run and not in the next, and a call in sequence takes
# three times as long: each gets a core of its own, the first and the last this process may use ("0,1", "0-3").
cpus=$(sed -n 's/^Cpus_allowed_list:[[:space:]]*//p' /proc/self/status)
client_cpu=${cpus%%[,-]*} server_cpu=${cpus##*[,-]}
export LUA_PATH="lua/?.lua;lua/?/init.lua;;" LUA_CPATH="build/?.so;;"

bench_fail() {
  echo "bench: $*" >&2
  exit 1
}

bench_certificates() {
  # Both are made together and renewed a day before they end.
  openssl x509 -checkend 86400 -noout -in "$directory/server.pem" >/dev/null 2>&1 && return
  (
    cd "$directory"
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 365 \
      -subj "/CN=runloop bench authority" -keyout ca.key -out ca.pem
    openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj "/CN=127.0.0.1" \
      -keyout server.key -out server.csr
    echo "subjectAltName=IP:127.0.0.1,DNS:localhost" >server.ext
    openssl x509 -req -days 365 -in server.csr -CA ca.pem -CAkey ca.key -CAcreateserial \
      -extfile server.ext -out server.pem
  ) >"$directory/openssl.log" 2>&1 || bench_fail "no certificates: see $directory/openssl.log"
}

bench_prepare() {
  mkdir -p "$directory/data/small"
  if ! [ "$directory/data/stamp" -nt bench/generate.lua ]; then
    echo "bench: writing 330 MB of scenarios to $directory/data" >&2
    rm -f "$directory/data/"*.* "$directory/data/stamp" "$directory/data/small/"*
    lua5.4 bench/generate.lua "$directory/data" || bench_fail "no data"
  fi
  if ! [ "$directory/bare" -nt bench/bare.c ]; then
    ${CC:-cc} -std=c99 -O2 -Wall -Wextra -o "$directory/bare" bench/bare.c -lcurl || bench_fail "no bare program"
  fi
  bench_certificates
}

# A copy of the system's certificates with the bench's own among them, in the bundle and in the hashed directory.
# What runs below `$in_namespace` sees it in their place; that is empty where such a thing may not be mounted.
bench_system() {
  bundle=$(curl-config --ca)
  system=$(dirname "${bundle:-/}")
  in_namespace='' system_copy=$directory/certificates
  [ -n "$bundle" ] && [ -e "$bundle" ] && unshare -r -m true 2>/dev/null || return 0
  rm -rf "$system_copy"
  cp -a "$system" "$system_copy" || return 0
  hash=$(openssl x509 -noout -hash -in "$ca_file")
  cat "$ca_file" >>"$system_copy/$(basename "$bundle")"
  cp "$ca_file" "$system_copy/$hash.0"
  in_namespace="unshare -r -m sh bench/mounted.sh $system_copy $system"
  export BENCH_SYSTEM=yes
  unset SSL_CERT_FILE SSL_CERT_DIR CURL_CA_BUNDLE
}

bench_free_port() {
  lua5.4 -e 'print((select(2, assert(require("socket").bind("127.0.0.1", 0)):getsockname())))'
}

bench_configure() {
  scenario=$(cat "$directory/data/scenario.json")
  [ -n "$echo_module" ] && echo "load_module $echo_module;"
  cat <<CONFIGURATION
daemon off;
master_process off;
worker_processes 1;
pid nginx.pid;
error_log stderr crit;
events { worker_connections 4096; }
http {
  access_log off;
  client_body_temp_path temp; proxy_temp_path temp; fastcgi_temp_path temp;
  uwsgi_temp_path temp; scgi_temp_path temp;
  types { }
  default_type application/json;
  sendfile on;
  client_max_body_size 0;
  client_body_buffer_size 8m;
  keepalive_requests 1000000000;
  keepalive_timeout 1h;
  keepalive_time 24h;
  send_timeout 1h; # a loop that takes its items slowly is measured, too
  map_hash_bucket_size 128;
  map "\$arg_limit:\$arg_starting_after" \$page { default /none; include data/pages.map; }
  map "\$arg_limit:\$arg_starting_after" \$page_again { default \$page; include data/again.map; }
  server {
    listen 127.0.0.1:$http_port;
    listen 127.0.0.1:$tls_port ssl http2;
    ssl_certificate server.pem;
    ssl_certificate_key server.key;
    ssl_protocols TLSv1.2 TLSv1.3;
    root data;
    location = /v1/scenarios { try_files \$page =404; }
    location = /again/v1/scenarios { try_files \$page_again =404; }
    location = /small/v1/scenarios { try_files /small\$page_again =404; }
    location /sink/ { proxy_pass http://127.0.0.1:$http_port/; } # so that it reads the whole body first
    location /v1/scenarios/ { return 200 '$scenario'; }
$( [ -n "$echo_module" ] && echo '    location = /slow/v1/scenarios { echo_sleep 0.05; echo_exec /v1/scenarios $args; }' )
  }
}
CONFIGURATION
}

bench_stop() {
  for pid in $run_pid $nginx_pid; do
    kill "$pid" 2>/dev/null && wait "$pid"
  done
  run_pid='' nginx_pid=''
}

# Runs a command so that a signal to this shell ends it at once: a shell hears no signal while it waits for a command
# in the foreground.
bench_run() {
  "$@" &
  run_pid=$!
  wait "$run_pid"
}

bench_serve() {
  trap bench_stop EXIT
  trap 'exit 130' INT TERM HUP
  mkdir -p "$directory/temp"
  # The slow pages need it. Debian's nginx-light brings it, other nginx packages do not.
  echo_module=$(nginx -V 2>&1 | sed -n 's/.*--modules-path=\([^ ]*\).*/\1/p')/ngx_http_echo_module.so
  [ -e "$echo_module" ] || echo_module=''
  # A port that was free may be taken when nginx gets to it: a few more tries.
  for _ in 1 2 3 4 5; do
    http_port=$(bench_free_port) tls_port=$(bench_free_port)
    http_url=http://127.0.0.1:$http_port tls_url=https://127.0.0.1:$tls_port
    bench_configure >"$directory/nginx.conf"
    taskset -c "$server_cpu" nginx -p "$PWD/$directory" -c nginx.conf 2>"$directory/nginx.log" &
    nginx_pid=$!
    for _ in 1 2 3 4 5 6 7 8 9 10; do
      "$directory/bare" start "url=$http_url" >/dev/null 2>&1 && return
      kill -0 "$nginx_pid" 2>/dev/null || break
      sleep 0.1
    done
    bench_stop
  done
  bench_fail "nginx does not start: see $directory/nginx.log"
}
