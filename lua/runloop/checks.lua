-- One check for each kind of type: whether a value is one, and what it is on the wire. Those of objects, ids and
-- texts are here, the others in kinds.lua.

local json = require "runloop.json"
local lazy = require "runloop.lazy"

local names = lazy.module "names"

local getmetatable, ipairs, pairs, select, setmetatable = getmetatable, ipairs, pairs, select, setmetatable
local type = type
local find, format, gsub, lower, sub = string.find, string.format, string.gsub, string.lower, string.sub
local sort = table.sort

local null = json.null

-- A check takes a type, the value and, where that is known, the name that the value stands under. It returns true and
-- the value for the wire, or false, what is wrong, the path of the offender below the value (nil: the value itself), and
-- whether it is a name that nobody knows.
local checks = {}

lazy.methods(checks, "kinds", {
  "shown", "number", "integer", "boolean", "callback", "table", "any", "number_text", "text_of", "enum", "map",
  "filter", "array", "union",
})

--- The names of a table's fields, sorted.
function checks.sorted(t)
  local list = {}
  for name in pairs(t) do
    list[#list + 1] = name
  end
  sort(list)
  return list
end

-- fields of an object -> their names and spellings, worked out when the object is first needed.
local spellings = setmetatable({}, { __mode = "k" })

--- The names of an object's fields, sorted; what is meant by a spelling in snake_case, and that spelling of a name.
---@param of table from schema.object
---@return { names: string[], meant: table, alias_of: table }
function checks.spelled(of)
  local known = spellings[of.fields]
  if not known then
    known = { names = checks.sorted(of.fields), meant = {}, alias_of = {} }
    for _, name in ipairs(known.names) do
      local alias = gsub(name, "%u", function(letter)
        return "_" .. lower(letter)
      end)
      if alias ~= name then
        known.meant[alias], known.alias_of[name] = name, alias
      end
    end
    spellings[of.fields] = known
  end
  return known
end

local function check_value(of, value, name)
  return checks[of.kind](of, value, name)
end

--- The type of a value, as messages say it.
function checks.type_name(value)
  if value == null then
    return "null"
  end
  return json.name_of(value) or type(value)
end

-- Whether a value may be a table of values. Of a list, a client or a task `pairs` shows little or nothing: it would pass
-- for an empty table. Of a thing it shows what came.
local function is_table(value)
  return type(value) == "table" and (not json.name_of(value) or getmetatable(value).is_thing == true)
end

local function wrong_type(expected, value)
  return false, "must be " .. expected .. ", got " .. checks.type_name(value)
end

local function join(name, path)
  if not path then
    return name
  end
  return name .. (sub(path, 1, 1) == "[" and "" or ".") .. path
end

-- A value as messages show it: short, on one line.
local function quoted(text)
  if #text > 60 then
    text = sub(text, 1, 60) .. "..."
  end
  return (gsub(format("%q", text), "\n", "n"))
end

function checks.string(of, value)
  if type(value) ~= "string" then
    return wrong_type("a string", value)
  elseif of.pattern and not find(value, of.pattern) then
    return false, format("must %s, got %s", of.hint, quoted(value))
  elseif of.at_most and select(2, gsub(value, "[^\128-\191]", "")) > of.at_most then
    return false, format("must have at most %d characters", of.at_most)
  end
  return true, value
end

local function with_article(kind)
  return (find(kind, "^[aeiou]") and "an " or "a ") .. kind
end

local AROUND_KIND = { "^base_", "^source_", "_ids?$", "s_to_%a+$" }

-- What ids are ids of by the name that they stand under: `snapshot_id`, `base_blueprint_id`, `scenarios_to_add`. Of an
-- `id` or a cursor the name does not say it.
local function kind_of_ids(name)
  local kind = name
  for i = 1, #AROUND_KIND do kind = gsub(kind, AROUND_KIND[i], "") end
  return kind ~= "id" and kind ~= "starting_after" and kind or nil
end

-- The kind that a thing should be of, when it is of another one.
local function wrong_kind(of, value, name)
  local mt = getmetatable(value)
  local kind = type(mt) == "table" and mt.kind
  local wanted = kind and (of.of_kind or name and kind_of_ids(name))
  if wanted and wanted ~= kind and wanted .. "_config" ~= kind then
    return wanted, kind
  end
end

function checks.id(of, value, name)
  local field = of.field or "id"
  local id = value
  if is_table(value) then
    local wanted, got = wrong_kind(of, value, name)
    if wanted then
      return false, format("must be the %s of %s or %s, got %s", field == "name" and field or "id", with_article(wanted),
        with_article(wanted), with_article(got))
    end
    id = value[field]
  end
  if type(id) ~= "string" then
    return wrong_type(format("%s (a string, or a table with one as '%s')", with_article(field), field), value)
  elseif id == "" then
    return false, "must not be empty"
  end
  return true, id
end

-- The first name in `value` that the object does not have, or that says the same as another one.
local function wrong_name(of, value)
  local known = checks.spelled(of)
  for key in pairs(value) do
    local name = known.meant[key]
    if name and value[name] ~= nil then
      return false, format("is given twice, as '%s' and as '%s'", key, name), key
    elseif not name and not of.fields[key] then
      if type(key) ~= "string" then
        return false, "must have names as keys, got " .. checks.shown(key)
      end
      return false, names.did_you_mean(key, known.names), key, true
    end
  end
  return true
end

local function check_field(of, field, value, name)
  if value == nil then
    if not field.required then
      return true, field.default
    elseif field.nullable then
      return true, null
    end
    return false, "is required"
  elseif value == null and of.nulls and (field.nullable or not field.required) then
    return true, null
  end
  return check_value(field, value, name)
end

function checks.object(of, value)
  if not is_table(value) then
    return wrong_type("a table", value)
  end
  local ok, reason, path, unknown = wrong_name(of, value)
  if not ok then
    return ok, reason, path, unknown
  end
  local out, known, fields = {}, checks.spelled(of), of.fields
  local list, alias_of = known.names, known.alias_of
  for i = 1, #list do
    local name = list[i]
    local field, given, item = fields[name], name, value[name]
    if item == nil and alias_of[name] then
      given = alias_of[name]
      item = value[given]
      given = item ~= nil and given or name
    end
    -- Most of many options are absent, and need not be there.
    if item ~= nil or field.required or field.default ~= nil then
      local wire
      ok, wire, path, unknown = check_field(of, field, item, name)
      if not ok then
        return false, wire, join(given, path), unknown
      end
      out[name] = wire
    end
  end
  local broken = of.rule and of.rule(out)
  if broken then
    return false, broken
  end
  return true, out
end

-- What the checks in kinds.lua are made of, too.
checks.check_value, checks.check_field, checks.is_table = check_value, check_field, is_table
checks.wrong_type, checks.join, checks.quoted = wrong_type, join, quoted

return checks
