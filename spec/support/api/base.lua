--- What the stand-in's resources share: stores, refusals, checks of bodies, pages, filters.
local socket = require "socket"
local data = require "data"
local json = require "json"

local base = {}

local array, null = json.array, json.null

-- The seed's things happened then, one a minute: 1 January 2026, 00:00 UTC.
base.SEED_TIME = 1767225600000

--- A whole answer with JSON: a text, or a value to encode.
function base.ok(body)
  if type(body) ~= "string" then body = json.encode(body) end
  return { status = 200, headers = { { "Content-Type", "application/json" } }, body = body }
end

--- The API's way to refuse: raised by handlers, turned into an answer by `api:handle`.
function base.refuse(status, message, headers)
  error({ status = status, message = message, headers = headers }, 0)
end

function base.expect(condition, message)
  if not condition then base.refuse(400, message) end
  return condition
end

local expect, refuse = base.expect, base.refuse

function base.names(list)
  local set = {}
  for name in list:gmatch("%S+") do set[name] = true end
  return set
end

function base.is_array(v)
  return getmetatable(v) == json.array_mt
end

function base.is_object(v)
  return type(v) == "table" and v ~= null and not base.is_array(v)
end

--- A value, or null for one that is not there.
function base.or_null(v)
  if v == nil then return null end
  return v
end

--- A value, or nil for null.
function base.given(v)
  if v ~= null then return v end
end

-- Stores: the things of a kind, in order of creation and by id.

function base.new_store()
  return { list = {}, by_id = {} }
end

function base.add(store, record)
  store.list[#store.list + 1] = record
  record.position = #store.list
  store.by_id[record.id] = record
  return record
end

--- A seeded record is shared by every reset: a change goes to a copy that takes its place.
function base.own(store, record)
  record.text = nil
  if not record.seeded then return record end
  local copy = {}
  for k, v in pairs(record) do copy[k] = v end
  copy.seeded = nil
  if record.fields then
    copy.fields = {}
    for k, v in pairs(record.fields) do copy.fields[k] = v end
  end
  store.list[record.position], store.by_id[record.id] = copy, copy
  return copy
end

function base.copy_store(store)
  local copy = base.new_store()
  table.move(store.list, 1, #store.list, 1, copy.list)
  for id, record in pairs(store.by_id) do copy.by_id[id] = record end
  return copy
end

function base.new_id(self, prefix)
  self.created = self.created + 1
  return data.id(prefix .. "new", self.settings.seed, self.created)
end

function base.milliseconds(self)
  return math.floor(self:now() * 1000)
end

--- The record of `id`, or a 404. What was deleted stays in the list, for cursors, and is found no more.
function base.find(self, kind, id, label)
  local record = self.stores[kind].by_id[id]
  if not record or record.deleted then refuse(404, ("%s with ID %s not found"):format(label, tostring(id))) end
  return record
end

--- The record of `id`, to be changed.
function base.find_own(self, kind, id, label)
  return base.own(self.stores[kind], base.find(self, kind, id, label))
end

--- The record with this id or this name, the newest first; nil when there is none.
function base.by_id_or_name(self, kind, word)
  local store = self.stores[kind]
  local record = store.by_id[word]
  if record and not record.deleted then return record end
  for i = #store.list, 1, -1 do
    record = store.list[i]
    if record.fields.name == word and not record.deleted then return record end
  end
end

-- Views

--- The JSON text of an object, its id first.
function base.object_text(fields)
  local text = json.encode(fields)
  if not fields.id then return text end
  local rest = {}
  for name, value in pairs(fields) do
    if name ~= "id" then rest[name] = value end
  end
  text = json.encode(rest)
  return '{"id":' .. json.string(fields.id) .. (text == "{}" and "" or ",") .. text:sub(2)
end

function base.record_text(record)
  record.text = record.text or base.object_text(record.fields)
  return record.text
end

-- Bodies

--- The members of the request's JSON object: values and raw texts by name. `known` names what may be there.
function base.members(request, known)
  if request.body == "" then refuse(400, "A JSON object is expected as body") end
  local raw = {}
  local value, err = json.decode(request.body, function(name, text) raw[name] = text end)
  if err then refuse(400, err) end
  if not base.is_object(value) then refuse(400, "A JSON object is expected as body") end
  for name in pairs(value) do
    if not known[name] then refuse(400, ("Unknown field '%s'"):format(name)) end
  end
  return value, raw
end

local TYPES = {
  any = function() return true end,
  string = function(v) return type(v) == "string" end,
  boolean = function(v) return type(v) == "boolean" end,
  integer = function(v) return math.type(v) == "integer" end,
  number = function(v) return type(v) == "number" end,
  object = base.is_object,
  array = base.is_array,
  map = function(v)
    if not base.is_object(v) then return false end
    for _, text in pairs(v) do
      if type(text) ~= "string" then return false end
    end
    return true
  end,
  strings = function(v)
    if not base.is_array(v) then return false end
    for _, text in ipairs(v) do
      if type(text) ~= "string" then return false end
    end
    return true
  end,
}

--- Checks an object against "name!:string version:string": `!` is required; null counts as not given. Returns the
--- given fields.
function base.check(value, spec, where)
  local types, fields = {}, {}
  for name, required, kind in spec:gmatch("([%w_]+)(!?):(%a+)") do
    types[name] = TYPES[kind] or error("no such type: " .. kind)
    local v = value[name]
    if required == "!" then expect(v ~= nil and v ~= null, where .. name .. " is required") end
    if v ~= nil and v ~= null then expect(types[name](v), ("%s%s must be of type %s"):format(where, name, kind)) end
  end
  for name, v in pairs(value) do
    expect(types[name], ("Unknown field '%s%s'"):format(where, name))
    if v ~= null then fields[name] = v end
  end
  return fields
end

local EVERYTHING = setmetatable({}, { __index = function() return true end })

--- The checked fields of a request's body, which may be missing where nothing is required; and the object as it
--- came, with its nulls.
function base.body(request, spec)
  local value = {}
  if request.body ~= "" then value = base.members(request, EVERYTHING) end
  return base.check(value, spec, ""), value
end

-- Pages

function base.page_size(query)
  if query.limit == nil or query.limit == "" then return 20 end
  local limit = query.limit:find("^%d+$") and math.tointeger(tonumber(query.limit))
  if not limit or limit < 1 or limit > 5000 then refuse(400, "limit must be between 1 and 5000") end
  return limit
end

local function take_all()
  return true
end

--- The page that a list request asks for. `wanted(record)` -> bool filters, nil takes all; `text(record)` -> JSON.
function base.list_page(store, query, key, text, wanted)
  wanted = wanted or take_all
  local limit = base.page_size(query)
  local count = query.include_total_count or "true"
  expect(count == "true" or count == "false", "include_total_count must be true or false")
  local list, first = store.list, 1
  if query.starting_after and query.starting_after ~= "" then
    local last = store.by_id[query.starting_after]
    expect(last, "starting_after: no such ID")
    first = last.position + 1
  end
  local texts, has_more = {}, false
  for i = first, #list do
    local record = list[i]
    if not record.deleted and wanted(record) then
      if #texts == limit then
        has_more = true
        break
      end
      texts[#texts + 1] = text(record)
    end
  end
  local total = ""
  if count == "true" then
    local n = 0
    for i = 1, #list do
      if not list[i].deleted and wanted(list[i]) then n = n + 1 end
    end
    total = ',"total_count":' .. n
  end
  local rest = ('],"has_more":%s%s}'):format(has_more, total)
  return base.ok('{"' .. key .. '":[' .. table.concat(texts, ",") .. rest)
end

--- A store of these records alone, to page through a part of something.
function base.part(records)
  local store = base.new_store()
  for i, record in ipairs(records) do
    store.list[i] = setmetatable({ position = i }, { __index = record })
    store.by_id[record.id] = store.list[i]
  end
  return store
end

--- A filter by `name` (how: nil exact, "partial" or "prefix") and `search` (id or name, any case).
function base.matcher(query, name_of, how)
  local search = query.search and query.search ~= "" and query.search:lower()
  local name = query.name ~= "" and query.name
  local function has_name(its_name)
    if type(its_name) ~= "string" then return false end
    if how == "partial" then return its_name:lower():find(name:lower(), 1, true) ~= nil end
    if how == "prefix" then return its_name:sub(1, #name) == name end
    return its_name == name
  end
  return function(record)
    local its_name = name_of(record)
    if name and not has_name(its_name) then return false end
    return not search or record.id:lower():find(search, 1, true) ~= nil
      or type(its_name) == "string" and its_name:lower():find(search, 1, true) ~= nil
  end
end

function base.field_name(record)
  return record.fields.name
end

--- A filter by fields that are named like their parameters: "status content_type".
function base.equals(query, list)
  return function(record)
    for name in list:gmatch("%S+") do
      local wanted = query[name]
      if wanted and wanted ~= "" and tostring(record.fields[name]) ~= wanted then return false end
    end
    return true
  end
end

--- A filter by `metadata[key]=value` and `metadata[key][in]=a,b`: all of them hold.
function base.metadata_matcher(query)
  local wanted = {}
  for name, value in pairs(query) do
    local key, several = name:match("^metadata%[([^%]]*)%](.*)$")
    if key then
      expect(several == "" or several == "[in]", "Invalid metadata filter " .. name)
      local values = { [value] = true }
      if several == "[in]" then
        values = {}
        for one in value:gmatch("[^,]+") do values[one] = true end
      end
      wanted[#wanted + 1] = { key = key, values = values }
    end
  end
  return function(record)
    for _, w in ipairs(wanted) do
      local value = record.fields.metadata and record.fields.metadata[w.key]
      if value == nil or not w.values[value] then return false end
    end
    return true
  end
end

--- Holds a request until `done()` gives something true, at most so many seconds: that, or nil. `next_look()` gives
--- the seconds after which it should be looked at again though nothing has changed.
function base.hold(event, seconds, done, next_look)
  local give_up = socket.gettime() + seconds
  while true do
    local value = done()
    if value then return value end
    local left = give_up - socket.gettime()
    if left <= 0 then return nil end
    event:wait(math.max(0, math.min(left, next_look and next_look() or left)))
  end
end

base.array = array
return base
