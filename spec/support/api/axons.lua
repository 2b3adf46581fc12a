--- Axons: streams of events with sequences, to publish to, to follow, and to ask with SQL.
local base = require "api.base"
local json = require "json"
local loop = require "loop"
local sql = require "sql"
local sse = require "sse"

local axons = {}

local ok, expect, refuse = base.ok, base.expect, base.refuse

local ORIGINS = { EXTERNAL_EVENT = 1, AGENT_EVENT = 2, USER_EVENT = 3, SYSTEM_EVENT = 4 }

local function find(self, id)
  return base.find_own(self, "axon", id, "Axon")
end

local function create(self, request)
  local fields = base.body(request, "metadata:map name:string")
  local id = base.new_id(self, "axn_")
  return ok(base.record_text(base.add(self.stores.axon, {
    id = id, events = {}, changed = loop.event(),
    fields = {
      id = id, created_at_ms = base.milliseconds(self), metadata = fields.metadata or {},
      name = base.or_null(fields.name),
    },
  })))
end

local function update(self, request, id)
  local record, fields = find(self, id), base.body(request, "metadata:map")
  record.fields.metadata = fields.metadata or record.fields.metadata
  return ok(base.record_text(record))
end

local function list(self, request)
  local query = request.query
  local match, metadata = base.matcher(query, base.field_name, "prefix"), base.metadata_matcher(query)
  return base.list_page(self.stores.axon, query, "axons", base.record_text, function(record)
    return (not query.id or query.id == "" or record.id == query.id) and match(record) and metadata(record)
  end)
end

local function delete(self, _, id)
  local record = find(self, id)
  record.deleted = true
  if record.database then record.database:close() end
  record.changed:fire()
  return ok "{}"
end

local function append(self, record, event)
  local events = record.events
  event.axon_id, event.sequence, event.timestamp_ms = record.id, #events + 1, base.milliseconds(self)
  events[#events + 1] = event
  record.changed:fire()
  return event
end

local function publish(self, request, id)
  local record = find(self, id)
  local event = base.body(request, "event_type!:string origin!:string payload!:string source!:string")
  expect(ORIGINS[event.origin] and event.origin ~= "SYSTEM_EVENT", "origin is unknown")
  append(self, record, event)
  return ok { sequence = event.sequence, timestamp_ms = event.timestamp_ms }
end

-- Newest first; a cursor is a sequence, behind which older ones come.
local function list_events(self, request, id)
  local events, query = find(self, id).events, request.query
  local limit, before = base.page_size(query), #events + 1
  if query.starting_after and query.starting_after ~= "" then
    before = expect(math.tointeger(tonumber(query.starting_after)), "starting_after must be a sequence")
  end
  local page = json.array {}
  for i = math.min(#events, before - 1), math.max(1, before - limit), -1 do page[#page + 1] = events[i] end
  return ok {
    events = page, has_more = before - 1 > limit,
    total_count = query.include_total_count ~= "false" and #events or nil,
  }
end

local function subscribe(self, request, id)
  local record = find(self, id)
  local text = request.query.after_sequence
  local after = (text == nil or text == "") and 0 or text:find "^%d+$" and math.tointeger(tonumber(text))
  expect(after, "after_sequence must be an integer")
  return sse.answer(function(sink)
    while not record.deleted and not self.closed do
      local frames = {}
      while record.events[after + 1] and #frames < 64 do
        after = after + 1
        frames[#frames + 1] = sse.frame(json.encode(record.events[after]))
      end
      if frames[1] then
        if not sink:send(table.unpack(frames)) then return end
        loop.pass()
      else
        local woken, why = sink:wait(record.changed, self.settings.stream_idle)
        if sink.gone then return end
        if not woken and why == "timeout" then return sink:send(sse.idle_frame()) end
      end
    end
  end)
end

local function database(record)
  if not record.database then
    local why
    record.database, why = sql.open()
    if not record.database then refuse(501, "The stand-in has no SQL here: " .. why) end
    record.database:run [[CREATE TABLE rl_axon_events (sequence INTEGER PRIMARY KEY, timestamp_ms INTEGER,
      origin INTEGER, source TEXT, event_type TEXT, payload TEXT)]]
    record.in_table = 0
  end
  while record.in_table < #record.events do
    record.in_table = record.in_table + 1
    local event = record.events[record.in_table]
    record.database:run("INSERT INTO rl_axon_events VALUES (?, ?, ?, ?, ?, ?)", {
      event.sequence, event.timestamp_ms, ORIGINS[event.origin], event.source, event.event_type, event.payload, n = 6,
    })
  end
  return record.database
end

local STATEMENT = "sql!:string params:array"

local function run(db, statement)
  local params = statement.params or {}
  return db:run(statement.sql, table.move(params, 1, #params, 1, { n = #params }))
end

local function query(self, request, id)
  local db = database(find(self, id))
  local result, why = run(db, base.body(request, STATEMENT))
  if not result then refuse(400, why) end
  return ok(result)
end

-- One transaction: a statement that fails takes back those before it, and those behind it are not run.
local function batch(self, request, id)
  local db = database(find(self, id))
  local statements = base.body(request, "statements!:array").statements
  expect(statements[1], "statements must have a statement")
  for i, statement in ipairs(statements) do
    expect(base.is_object(statement), "statements must be objects")
    statements[i] = base.check(statement, STATEMENT, ("statements[%d]."):format(i))
  end
  local results, failed = json.array {}, false
  db:run "BEGIN"
  for i, statement in ipairs(statements) do
    local result, why
    if failed then why = "not run: a statement before it failed" else result, why = run(db, statement) end
    failed = failed or not result
    results[i] = result and { success = result, error = json.null }
      or { success = json.null, error = { message = why } }
  end
  db:run(failed and "ROLLBACK" or "COMMIT")
  return ok { results = results }
end

axons.calls = {}

--- Appends `count` events at once, as agents do: { event_type, origin, payload, source }; # in a payload is its number.
function axons.calls.axon_events(self, id, count, event)
  local record = find(self, id)
  for _ = 1, count do
    local one = { event_type = "test", origin = "AGENT_EVENT", payload = "{}", source = "agent" }
    for name, value in pairs(event or {}) do one[name] = value end
    one.payload = one.payload:gsub("#", tostring(#record.events + 1))
    append(self, record, one)
  end
  return #record.events
end

function axons.seed(_, stores)
  stores.axon = base.new_store()
end

function axons.close(self)
  for _, record in ipairs(self.stores.axon.list) do
    record.changed:fire()
    if record.database and not record.deleted then record.database:close() end
  end
end

axons.texts = { axon = base.record_text }

axons.routes = {
  { "GET", "/v1/axons", list },
  { "POST", "/v1/axons", create },
  { "GET", "/v1/axons/{id}", function(self, _, id) return ok(base.record_text(find(self, id))) end },
  { "POST", "/v1/axons/{id}", update },
  { "DELETE", "/v1/axons/{id}", delete },
  { "POST", "/v1/axons/{id}/publish", publish },
  { "GET", "/v1/axons/{id}/events", list_events },
  { "GET", "/v1/axons/{id}/subscribe/sse", subscribe },
  { "POST", "/v1/axons/{id}/sql/query", query },
  { "POST", "/v1/axons/{id}/sql/batch", batch },
}

return axons
