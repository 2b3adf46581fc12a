--- Evictions: a stream that begins with what is pending, and goes on with what comes.
local base = require "api.base"
local devboxes = require "api.devboxes"
local json = require "json"
local loop = require "loop"
local sse = require "sse"

local evictions = { calls = {} }

local function eviction_frame(eviction)
  return sse.frame(('{"devbox_id":%s,"eviction_deadline_ms":%d}'):format(json.string(eviction.id), eviction.deadline))
end

local function watch_evictions(self, request)
  if not (request.header["accept"] or ""):find("text/event-stream", 1, true) then
    return { status = 200, headers = { { "Content-Type", "text/plain" } }, body = "" }
  end
  return sse.answer(function(sink)
    local i = 0
    while true do
      i = i + 1
      local eviction = self.evictions[i]
      if eviction then
        local box = self.stores.devbox.by_id[eviction.id]
        if box and box.status == "running" and not sink:send(eviction_frame(eviction)) then return end
      else
        i = i - 1
        local woken, why = sink:wait(self.evicted, self.settings.stream_idle)
        if sink.gone or self.closed then return end
        if not woken and why == "timeout" then return sink:send(sse.idle_frame()) end
      end
    end
  end)
end

--- Announces that a devbox is to be suspended in so many seconds, and does so then.
function evictions.calls.evict(self, id, seconds)
  local box = base.find_own(self, "devbox", id, "Devbox")
  local deadline = base.milliseconds(self) + math.floor(seconds * 1000)
  table.insert(self.evictions, { id = id, deadline = deadline })
  self.evicted:fire()
  loop.spawn(function()
    loop.sleep(seconds)
    if box.status == "running" then devboxes.go(self, box, "suspending", "suspended") end
  end)
  return deadline
end

function evictions.open(self)
  self.evictions, self.evicted = {}, loop.event()
end

function evictions.close(self)
  self.evicted:fire()
end

evictions.routes = { { "GET", "/v1/devboxes/evictions/watch", watch_evictions } }

return evictions
