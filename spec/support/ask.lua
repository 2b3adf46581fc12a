--- Plain requests to the stand-in with JSON in and out, without the module under test.
local json = require "spec.support.json"

local ask = {}
ask.__index = ask

--- Asks `server`: `ask:get(path)`, `ask:post(path, value)` -> decoded JSON (or the text), status, headers, text.
function ask.new(server)
  return setmetatable({ server = server }, ask)
end

function ask:send(method, path, value, headers)
  local status, answered, body = self.server:request {
    method = method, path = path, body = value and json.encode(value), headers = headers,
  }
  local decoded = body and json.decode(body)
  if decoded == nil then decoded = body end
  return decoded, status, answered, body
end

function ask:get(path, headers)
  return self:send("GET", path, nil, headers)
end

function ask:post(path, value, headers)
  return self:send("POST", path, value, headers)
end

--- The status of an answer.
function ask:status(method, path, value)
  return (select(2, self:send(method, path, value)))
end

--- The events of a stream: an array of { event =, data = decoded }, and the answer's status and headers.
function ask:events(path, headers)
  local all = { Accept = "text/event-stream" }
  for name, value in pairs(headers or {}) do all[name] = value end
  local _, status, answered, text = self:get(path, all)
  local events = {}
  for frame in (text or ""):gmatch("(.-)\n\n") do
    events[#events + 1] = {
      event = frame:match("^event: ([^\n]*)"), data = json.decode(frame:match("data: ([^\n]*)") or "null"),
    }
  end
  return events, status, answered, text
end

--- A new devbox that runs, by a run of the first scenario or with these parameters: its path and its view.
function ask:devbox(parameters)
  self.server:set { provisioning_polls = 0 }
  local box = self:post("/v1/devboxes", parameters or {})
  local path = "/v1/devboxes/" .. tostring(box.id)
  return path, (self:get(path))
end

--- Runs a command on a devbox to its end: the view.
function ask:exec(path, command, more)
  local body = { command = command, command_id = tostring(math.random(2 ^ 31 - 1)) }
  for name, value in pairs(more or {}) do body[name] = value end
  return (self:post(path .. "/execute", body))
end

return ask
