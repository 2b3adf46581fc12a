--- nginx for the specs: TLS, HTTP/2, static files, and a proxy to the stand-in.
local nginx = {}

local CONFIG = [[
daemon off;
master_process off;
pid @dir@/nginx.pid;
error_log @dir@/error.log warn;
events { worker_connections 1000; }
http {
  log_format spec '$connection $connection_requests $server_protocol "$request" $status';
  access_log @dir@/access.log spec;
  client_body_temp_path @dir@/body;
  proxy_temp_path @dir@/proxy;
  fastcgi_temp_path @dir@/fastcgi;
  uwsgi_temp_path @dir@/uwsgi;
  scgi_temp_path @dir@/scgi;
  default_type application/json;
  keepalive_requests 1000000;
  types { }
  @http@
  server {
    listen 127.0.0.1:@port@;
    listen 127.0.0.1:@tls_port@ ssl @listen_http2@;
    @http2@
    server_name localhost;
    ssl_certificate @certificate@;
    ssl_certificate_key @key@;
    root @root@;
    @server@
    @locations@
    @proxy@
  }
}
]]

local PROXY = [[
    location / {
      proxy_pass @url@;
      proxy_http_version 1.1;
      proxy_set_header Connection "";
      proxy_buffering off;
      proxy_request_buffering off;
      proxy_read_timeout 1h;
      proxy_next_upstream off;
    }
]]

local function fill(template, values)
  return (template:gsub("@([%w_]+)@", values))
end

--- Whether nginx is there; Debian has it outside an ordinary user's PATH.
function nginx.program(process)
  local path = process.capture("PATH=$PATH:/usr/sbin:/usr/local/sbin command -v nginx")
  return path ~= "" and path or nil
end

-- Since 1.25.1 HTTP/2 has a directive of its own, and nginx warns of the parameter that it was before.
local function has_http2_directive(process, program)
  return process.once("nginx_http2_directive", function()
    local _, out, err = process.run { program, "-v" }
    local major, minor, patch = (out .. err):match "nginx/(%d+)%.(%d+)%.(%d+)"
    return ("%03d%03d%03d"):format(major, minor, patch) >= "001025001"
  end)
end

--- Starts nginx; see `support.nginx`. `tools` = { process, certificates, free_port, connectable }.
function nginx.start(options, tools)
  local process = tools.process
  local program = assert(nginx.program(process), "nginx is not installed")
  local dir = process.tmpdir()
  local server = { ca_file = tools.certificates.ca_file, dir = dir }
  local certificate = tools.certificates[options.certificate or "localhost"]
  local child
  local http2 = options.http2 ~= false
  local directive = has_http2_directive(process, program)

  local function configure()
    server.port, server.tls_port = tools.free_port(), tools.free_port()
    process.write_file(dir .. "/nginx.conf", fill(CONFIG, {
      dir = dir, port = tostring(server.port), tls_port = tostring(server.tls_port),
      listen_http2 = http2 and not directive and "http2" or "", http2 = http2 and directive and "http2 on;" or "",
      certificate = certificate.certificate, key = certificate.key, root = options.root or dir,
      http = options.http or "", server = options.server or "", locations = options.locations or "",
      proxy = options.proxy and fill(PROXY, { url = options.proxy }) or "",
    }))
  end

  local function start()
    child = process.spawn { program, "-e", dir .. "/error.log", "-p", dir, "-c", dir .. "/nginx.conf" }
    for _ = 1, 1000 do
      if tools.connectable(server.tls_port) then return true end
      if not child.alive() then break end
      tools.sleep(0.005)
    end
    child.stop()
    return false
  end

  -- A port that was free a moment ago may be taken by now: try others.
  local started
  for _ = 1, 3 do
    configure()
    started = start()
    if started then break end
  end
  if not started then error("nginx did not start: " .. (process.read_file(dir .. "/error.log") or "")) end

  server.url = "https://localhost:" .. server.tls_port
  server.http_url = "http://127.0.0.1:" .. server.port
  server.pid = child.pid

  function server.stop()
    child.stop()
  end
  function server.restart()
    child.stop()
    assert(start(), "nginx did not start again")
    server.pid = child.pid
  end
  function server.access_log()
    local lines = {}
    for line in (process.read_file(dir .. "/access.log") or ""):gmatch("[^\n]+") do lines[#lines + 1] = line end
    return lines
  end
  return server
end

return nginx
