-- The same work as in runloop.lua with luasocket, luasec and lua-cjson, written as their manuals suggest.
--   lua5.4 bench/luasocket.lua list    url= limit= [from=] [at_most=] [ca=]
--   lua5.4 bench/luasocket.lua archive url= count= [ca=]
--   lua5.4 bench/luasocket.lua start   url= [ca=]
--   lua5.4 bench/luasocket.lua encode  kind=
--   lua5.4 bench/luasocket.lua decode  limit=: the pages of a list, from their files
local support = require "bench.support"
local cjson = require "cjson"
local ltn12 = require "ltn12"
local now = require("socket").gettime

local options = support.options(arg)
local request = (options.ca and require "ssl.https" or require "socket.http").request

local function call(method, path)
  local parts = {}
  local _, status = request {
    url = options.url .. path,
    method = method,
    headers = { Authorization = "Bearer bench", ["Content-Length"] = method == "POST" and "0" or nil },
    sink = ltn12.sink.table(parts),
    cafile = options.ca,
    verify = options.ca and "peer",
    protocol = options.ca and "any",
  }
  assert(status == 200, status)
  return cjson.decode(table.concat(parts))
end

local modes = {}

function modes.list()
  local items, text, first = 0, 0, nil
  local began = now()
  local cursor = options.from and support.id(options.from)
  repeat
    local page = call("GET", ("/v1/scenarios?limit=%d%s"):format(options.limit,
      cursor and "&starting_after=" .. cursor or ""))
    for _, scenario in ipairs(page.scenarios) do
      first = first or now() - began
      items = items + 1
      text = text + #scenario.input_context.problem_statement
      cursor = scenario.id
    end
  until not page.has_more or items == options.at_most
  support.report { seconds = now() - began, first = first, items = items, text = text }
end

function modes.archive()
  local began = now()
  for n = 1, options.count do
    assert(call("POST", "/v1/scenarios/" .. support.id(n) .. "/archive").status == "archived")
  end
  support.report { seconds = now() - began }
end

function modes.start()
  assert(call("GET", "/v1/scenarios/" .. support.id(1)).id)
  support.answered()
  support.report {}
end

function modes.encode()
  support.encode(cjson.encode, now, options.kind)
end

function modes.decode()
  local seconds, items = 0, 0
  for page = 1, 20000 // options.limit do
    local file = assert(io.open(("build/bench/data/%d-%d.json"):format(options.limit, page), "rb"))
    local body = file:read("a")
    file:close()
    local began = now()
    items = items + #cjson.decode(body).scenarios
    seconds = seconds + now() - began
  end
  support.report { seconds = seconds, items = items }
end

modes[arg[1]]()
