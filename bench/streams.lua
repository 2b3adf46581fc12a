-- Commands, streams and uploads against nginx: lua5.4 bench/streams.lua [exec|events|upload]... (default: all), with the
-- paths that `make bench` sets. What a figure is held against stands beside it.
local core = require "runloop.core"
local runloop = require "runloop"
local support = require "spec.support"

local ROUNDS, COUNT, EVENTS, UPLOAD = 3, 5000, 1000000, 1000000000
local now = core.now

local EXECUTION = [[{"devbox_id":"d","execution_id":"e","status":"completed","exit_status":0,"stdout":"x","stderr":""}]]
local SMALL = '"event_type":"t","origin":"USER_EVENT","payload":"n%d","sequence":%d,"source":"s","timestamp_ms":1700000000000}'

local directory = support.tmpdir()

local function write(name, first, format, between, last)
  local file = assert(io.open(directory .. "/" .. name, "w"))
  file:write(first)
  for i = 1, EVENTS do file:write(i > 1 and between or "", (format:format(i, i, i))) end
  file:write(last)
  file:close()
end

local function serve()
  return support.nginx { root = directory, server = ([[
    client_max_body_size 0;
    keepalive_requests 1000000;
    location = /v1/scenarios { default_type application/json; alias DIR/items; }
    location ~ /subscribe/sse$ { default_type text/event-stream; alias DIR/events; }
    location ~ /execute$ { default_type application/json; return 200 'EXECUTION'; }
    location ~ /v1/devboxes/d$ { default_type application/json; return 200 '{"id":"d","status":"running"}'; }
    location ~ /upload_file$ { default_type application/json; return 200 '{}'; }
  ]]):gsub("DIR", directory):gsub("EXECUTION", EXECUTION) }
end

local function timed(name, fn)
  collectgarbage()
  local began, worked = now(), os.clock()
  fn()
  local line = "%-24s %7.3f s, %7.3f s of the processor's, %.1f MB resident"
  print(line:format(name, now() - began, os.clock() - worked, support.rss() / 1e6))
end

local modes = {}

function modes.exec(client)
  local ids = {}
  for i = 1, COUNT do ids[i] = "d" end
  local function all(fn)
    local done, errors = client:map(ids, fn, { concurrency = 100, results = false })
    assert(not errors and done == COUNT)
  end
  timed("retrieve, 100 at a time", function() all(function(id) return client.devboxes:retrieve(id) end) end)
  timed("exec, 100 at a time", function() all(function(id) return client.devboxes:exec(id, "agent") end) end)
end

function modes.events(client)
  timed("items of a list", function()
    local count = 0
    for _ in client.scenarios:list() do count = count + 1 end
    assert(count == EVENTS)
  end)
  timed("events of a stream", function()
    local stream = client.axons:subscribe_sse "a"
    local count = 0
    for _ in stream do
      count = count + 1
      if count == EVENTS then break end
    end
    stream:close()
  end)
end

function modes.upload(client, url)
  local path = directory .. "/upload"
  os.execute(("truncate -s %d %s"):format(UPLOAD, path))
  timed("curl", function()
    os.execute(("curl -s -o %s/answer -X POST -H Expect: -T %s %s/v1/devboxes/d/upload_file"):format(directory, path, url))
  end)
  timed("upload_file", function() assert(client.devboxes:upload_file("d", { path = "x" }, path)) end)
end

local wanted = arg[1] and arg or { "exec", "events", "upload" }
write("items", '{"scenarios":[', '{"id":"axn_%d",' .. SMALL, ",", '],"has_more":false}')
write("events", "", 'data: {"axon_id":"axn_%d",' .. SMALL .. "\n\n", "", "")
local nginx = serve()
for _, mode in ipairs(wanted) do
  for _ = 1, ROUNDS do
    local client = runloop.new { bearer_token = "bench", base_url = nginx.http_url, max_body_bytes = 1e9 }
    modes[mode](client, nginx.http_url)
    client:close()
  end
end
nginx:stop()
