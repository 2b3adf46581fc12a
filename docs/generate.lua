-- Writes what follows from the rows and shapes of the API: lua/runloop/types/api.lua and docs/reference.md.
--
--   lua5.4 docs/generate.lua    as `make types` calls it

local names = require "runloop.api"
local schema = require "runloop.schema"

local WIDTH = 120

-- The definitions of all resources, and what they share, loaded anew with their texts.
local function load_definitions()
  local loaded, list = {}, {}
  for name in pairs(package.loaded) do
    if name:find "^runloop%.api%." then
      loaded[name] = package.loaded[name]
      package.loaded[name] = nil
    end
  end
  schema.keeps_texts = true
  for i, name in ipairs(names) do list[i] = require("runloop.api." .. name) end
  local common = require "runloop.api.shapes"
  schema.keeps_texts = false
  for name in pairs(package.loaded) do
    if name:find "^runloop%.api%." then package.loaded[name] = loaded[name] end
  end
  return list, common
end

local function sorted(t)
  local list = {}
  for name in pairs(t) do list[#list + 1] = name end
  table.sort(list)
  return list
end

local function camel(name)
  return (("_" .. name):gsub("[_.]+(%l)", string.upper))
end

local definitions, common = load_definitions()
local by_name = {}
for _, definition in ipairs(definitions) do by_name[definition.name] = definition end

-- All shapes by name. Attributes make a copy of a shape, which has the same insides.
local shapes, name_of, tag_of = {}, {}, {} -- tag_of: the `type` of a variant of a union

local function insides(of) return of.variants or of.fields or of.values or of end

local function add_shapes(list)
  for _, name in ipairs(sorted(list)) do
    local shape = rawget(list, name)
    if type(shape) == "table" then
      assert(not shapes[name], "two shapes are called " .. name)
      shapes[name] = shape
      name_of[insides(shape)] = name
    end
  end
end

add_shapes(common)
for _, definition in ipairs(definitions) do add_shapes(definition.shapes) end

-- The variants of a union are shapes, too: agent_mount is an AgentMount, a harbor of a BenchmarkJobSpec a
-- BenchmarkJobSpecHarbor.
local function variant_name(union_name, tag)
  return tag:find "_" and camel(tag) or union_name .. camel(tag)
end

for _, name in ipairs(sorted(shapes)) do
  for tag, variant in pairs(shapes[name].variants or {}) do
    local class = variant_name(name, tag)
    assert(not shapes[class], "two shapes are called " .. class)
    shapes[class] = variant
    name_of[insides(variant)], tag_of[variant] = class, tag
  end
end

local PLAIN = {
  string = "string", number = "number", integer = "integer", boolean = "boolean", any = "any", table = "table",
  filter = "table<string, string|string[]>",
}

-- A type as lua-language-server has it. `link` writes the name of a shape.
local function type_text(of, link)
  if of.kind == "array" then
    local text = type_text(of.of, link)
    return (text:find "|" and "(" .. text .. ")" or text) .. "[]"
  elseif of.kind == "map" then
    return "table<string, " .. type_text(of.of, link) .. ">"
  elseif of.kind == "text_of" then
    return type_text(of.of, link) .. "|string"
  elseif of.kind == "id" then
    return link(of.field == "name" and "Name" or "Id")
  end
  local name = name_of[insides(of)]
  if not name and of.values then return '"' .. table.concat(of.values, '"|"') .. '"' end
  return name and link(name) or assert(PLAIN[of.kind], "a shape without a name")
end

local function class_link(name) return "runloop." .. name end

local function is_optional(of) return not of.required or of.nullable or false end

-- The fields of an object in the order in which they are read: those that must be there, then the others.
local function fields_of(shape)
  local list = {}
  for _, wanted in ipairs { false, true } do
    for _, name in ipairs(sorted(shape.fields)) do
      local of = shape.fields[name]
      if is_optional(of) == wanted then list[#list + 1] = { name = name, of = of } end
    end
  end
  return list
end

-- What a row takes as parameters, and under which name that is known.
local function params_of(row)
  if row.params then return row.params end
  if row.body and row.query then
    local fields = {}
    for _, part in ipairs { row.body, row.query } do
      for name, of in pairs(part.fields) do fields[name] = of end
    end
    return schema.object(fields), name_of[row.body.fields], name_of[row.query.fields]
  end
  return row.body or row.query
end

local function needs_something(shape)
  for _, of in pairs(shape.fields) do
    if not is_optional(of) then return true end
  end
  return false
end

-- The names of classes.

local function parent_of(name) return by_name[name:match "^(.*)%.[%w_]+$"] end

local function resource_class(definition)
  local parent, last = parent_of(definition.name), definition.name:match "[%w_]+$"
  return (parent and camel(parent.kind) or "") .. camel(last)
end

for _, definition in ipairs(definitions) do
  local class = resource_class(definition)
  assert(not shapes[class], "a shape and a resource are called " .. class)
end

local function thing_class(name) return name_of[insides(by_name[name].thing)] end

local RESULTS = {
  text = { "string", "text" }, nothing = { "true", "ok" }, bytes = { "integer|string", "bytes_written_or_bytes" },
}

-- The class of what comes back, or a type; and a name for it.
local function result_of(returns)
  if by_name[returns] then return thing_class(returns), by_name[returns].kind end
  if shapes[returns] then return returns, "answer" end
  return nil, returns
end

-- A call, from a row, a helper or a method: { owner, name, text, takes = { { name, type, optional, text } }, returns }.

local AWAIT = { "await", "AwaitOptions", true }
local OPTIONS = { "options", "CallOptions", true }

local function params_type(row, link)
  local shape, body, query = params_of(row)
  local text = body and link(body) .. "|" .. link(query) or type_text(shape, link)
  return text, not needs_something(shape)
end

local function row_arguments(definition, row, link)
  local takes = {}
  for name in row[1]:gmatch "{([%w_]+)}" do
    local is_name = name == "name" or (name == definition.id and name == "name")
    takes[#takes + 1] = { name, link(is_name and "Name" or "Id"), false }
  end
  if params_of(row) then
    local text, optional = params_type(row, link)
    takes[#takes + 1] = { "params", text, optional }
  end
  if row.multipart then takes[#takes + 1] = { "path", "string", false, "the local file" } end
  if row.returns == "bytes" then takes[#takes + 1] = { "path", "string", true, "nil: the bytes are returned" } end
  takes[#takes + 1] = { OPTIONS[1], link(OPTIONS[2]), true }
  return takes
end

local function helper_arguments(helper, link)
  local takes = {}
  for _, name in ipairs(helper.takes) do
    if name == "params" then
      local text, optional = params_type(helper, link)
      takes[#takes + 1] = { name, text, optional }
    elseif name == "await" or name == "options" then
      local standard = name == "await" and AWAIT or OPTIONS
      takes[#takes + 1] = { name, link(standard[2]), true }
    elseif type(name) == "table" then
      takes[#takes + 1] = { name[1]:gsub("%?$", ""), name[2], name[1]:find "%?$" ~= nil, name[3] }
    else
      takes[#takes + 1] = { name, link "Id", false }
    end
  end
  return takes
end

local function row_call(definition, name, row, link)
  return {
    owner = definition, name = name, text = row[2], takes = row_arguments(definition, row, link), returns = row.returns,
    list = row.list, events = row.events, row = row,
  }
end

-- The call of the API whose parameters a shape is.
local function call_with(shape)
  for _, definition in ipairs(definitions) do
    for _, name in ipairs(sorted(definition.rows)) do
      if definition.rows[name].body == shape then return ("client.%s:%s"):format(definition.name, name) end
    end
  end
end

local function helper_call(definition, name, helper, link)
  return {
    owner = definition, name = name, text = helper[1], takes = helper_arguments(helper, link), returns = helper.returns,
    like = helper.params and call_with(helper.params),
  }
end

local function calls_of(definition, link)
  local calls = {}
  for _, name in ipairs(sorted(definition.rows)) do
    if not definition.rows[name].internal then
      calls[#calls + 1] = row_call(definition, name, definition.rows[name], link)
    end
  end
  for _, name in ipairs(sorted(definition.helpers or {})) do
    calls[#calls + 1] = helper_call(definition, name, definition.helpers[name], link)
  end
  for _, name in ipairs(sorted(definition.aliases or {})) do
    local owner, row = definition.aliases[name]:match "^([%w_.]+):([%w_]+)$"
    local call = row_call(by_name[owner], row, by_name[owner].rows[row], link)
    call.owner, call.name, call.row = definition, name, nil
    call.text = ("The same as `client.%s`."):format(definition.aliases[name])
    calls[#calls + 1] = call
  end
  return calls
end

-- The call that a method passes on to.
local function behind(definition, method, link)
  local owner, name = definition, method.in_place
  if method.calls then
    owner, name = method.calls:match "^([%w_.]+):([%w_]+)$"
    owner = assert(by_name[owner], method.calls)
  end
  local row = owner.rows[name]
  if row then return row_call(owner, name, row, link) end
  return helper_call(owner, name, assert((owner.helpers or {})[name], name), link)
end

-- A parameter that a method fills in is none of its own.
local function without(of_params, filled)
  of_params[2] = of_params[2] .. "|{ " .. filled .. ": nil }"
  of_params[3] = true
end

local function method_call(definition, name, method, link)
  if method.call then
    return {
      owner = definition, name = name, text = method[1], takes = helper_arguments(method, link),
      returns = method.returns,
    }
  end
  local call = behind(definition, method, link)
  call.name, call.text = name, method[1] or call.text
  call.in_place = method.in_place ~= nil
  if method.fills then
    without(call.takes[1], method.fills)
  else
    repeat
      local taken = table.remove(call.takes, 1)
    until call.takes[1] == nil or not taken[1]:find "_id$" or not call.takes[1][1]:find "id$"
  end
  if method.completes then call.takes[1][2] = "table" end
  return call
end

local function methods_of(definition, link)
  local calls = {}
  for _, name in ipairs(sorted(definition.methods or {})) do
    calls[#calls + 1] = method_call(definition, name, definition.methods[name], link)
  end
  return calls
end

-- Annotations.

local out

local function write(text) out[#out + 1] = text end

local function comment(text)
  local line = "---"
  for word in (text or ""):gmatch "%S+" do
    if #line + 1 + #word > WIDTH then
      write(line)
      line = "---"
    end
    line = line .. " " .. word
  end
  if line ~= "---" then write(line) end
end

local function field_line(name, of, text)
  local optional = is_optional(of) and "?" or ""
  local tail = text and text ~= "" and " " .. text or ""
  write(("---@field %s%s %s%s"):format(name, optional, type_text(of, class_link), tail))
end

local function write_object(name, shape)
  comment(shape.text)
  write("---@class runloop." .. name)
  for _, field in ipairs(fields_of(shape)) do
    if field.name == "type" and tag_of[shape] then
      write(('---@field type "%s"'):format(tag_of[shape]))
    else
      field_line(field.name, field.of, field.of.text)
      local alias = not shape.comes_back and schema.alias(shape, field.name)
      if alias then field_line(alias, field.of { required = false }, "the same as `" .. field.name .. "`") end
    end
  end
end

local function write_alias(name, shape)
  comment(shape.text)
  write("---@alias runloop." .. name)
  for i, value in ipairs(shape.values or {}) do
    write(('---| "%s"%s'):format(value, shape.texts[i] and " # " .. shape.texts[i] or ""))
  end
  for _, tag in ipairs(sorted(shape.variants or {})) do write("---| runloop." .. variant_name(name, tag)) end
end

local function argument_names(call)
  local list = {}
  for i, argument in ipairs(call.takes) do list[i] = argument[1] end
  return table.concat(list, ", ")
end

local function write_function(class, call)
  write("")
  comment(call.text .. (call.list and " Makes no request yet." or ""))
  for _, argument in ipairs(call.takes) do
    write(("---@param %s%s %s%s"):format(argument[1], argument[3] and "?" or "", argument[2],
      argument[4] and " " .. argument[4] or ""))
  end
  local result, result_name = result_of(call.returns)
  if call.list or call.events then
    write(("---@return runloop.%s%s|fun(): runloop.%s"):format(result, call.list and "Pager" or "Stream", result))
  elseif call.in_place then
    write(("---@return runloop.%s? self"):format(result))
  elseif result then
    write(("---@return runloop.%s? %s"):format(result, result_name))
  elseif RESULTS[call.returns] then
    write(("---@return (%s)? %s"):format(RESULTS[call.returns][1], RESULTS[call.returns][2]))
  else
    write("---@return " .. call.returns)
  end
  if not (call.list or call.events) then write "---@return runloop.Response|runloop.Error response_or_err" end
  write(("function %s:%s(%s) end"):format(class, call.name, argument_names(call)))
end

local function write_resource(definition)
  local class = resource_class(definition)
  write("")
  comment(definition.text)
  write("---@class runloop." .. class)
  for _, name in ipairs(names) do
    local child = name:match("^" .. definition.name:gsub("%.", "%%.") .. "%.([%w_]+)$")
    if child then write(("---@field %s runloop.%s"):format(child, resource_class(by_name[name]))) end
  end
  write(("local %s = {}"):format(class))
  for _, call in ipairs(calls_of(definition, class_link)) do write_function(class, call) end
end

local function write_thing(definition)
  local class = name_of[insides(definition.thing)]
  write("")
  write_object(class, definition.thing)
  write(("local %s = {}"):format(class))
  for _, call in ipairs(methods_of(definition, class_link)) do write_function(class, call) end
end

-- The shapes of the items of lists or streams, and the fields that pages have them in.
local function items(what)
  local found, fields = {}, {}
  for _, definition in ipairs(definitions) do
    for _, row in pairs(definition.rows) do
      if row[what] then
        local shape = result_of(row.returns)
        found[shape] = true
        local field = row.list or ""
        fields[field] = fields[field] or {}
        fields[field]["runloop." .. shape .. "[]"] = true
      end
    end
  end
  return sorted(found), fields
end

local function write_items(what, parent)
  for _, item in ipairs(items(what)) do
    local class = item .. parent
    write("")
    write(("---@class runloop.%s: runloop.%s"):format(class, parent))
    write(("local %s = {}"):format(class))
    write ""
    write "--- The next item."
    write(("---@return runloop.%s? item nil at the end, and on failure"):format(item))
    write "---@return runloop.Error? err"
    write(("function %s:next() end"):format(class))
    if what == "list" then
      write ""
      write "--- Takes all items, or the first `max`."
      write "---@param max? integer"
      write(("---@return runloop.%s[]? items"):format(item))
      write "---@return runloop.Error? err"
      write(("---@return runloop.%s[]? collected what came before the failure"):format(item))
      write(("function %s:collect(max) end"):format(class))
    end
  end
end

local function is_thing(shape)
  for _, definition in ipairs(definitions) do
    if definition.thing == shape then return true end
  end
  return false
end

--- The annotations of the API, for lua-language-server.
local function types()
  out = {
    "---@meta _", "",
    "-- The API for editors (lua-language-server), written by `make types` from the files below ../api/. Never loaded.",
    "", "---@class runloop.Client",
  }
  for _, definition in ipairs(definitions) do
    if not definition.name:find(".", 1, true) then
      write(("---@field %s runloop.%s"):format(definition.name, resource_class(definition)))
    end
  end
  for _, definition in ipairs(definitions) do write_resource(definition) end
  for _, definition in ipairs(definitions) do
    if definition.thing then write_thing(definition) end
  end
  write ""
  write "---@class runloop.Page"
  local _, fields = items "list"
  for _, field in ipairs(sorted(fields)) do
    write(("---@field %s? %s"):format(field, table.concat(sorted(fields[field]), "|")))
  end
  write_items("list", "Pager")
  write_items("events", "Stream")
  for _, name in ipairs(sorted(shapes)) do
    local shape = shapes[name]
    if not is_thing(shape) then
      write ""
      if shape.fields then write_object(name, shape) else write_alias(name, shape) end
    end
  end
  return table.concat(out, "\n") .. "\n"
end

-- The reference.

local function anchor_link(name)
  if shapes[name] then return ("[%s](#%s)"):format(name, name:lower()) end
  return name
end

-- Bars would end a cell.
local function cell(text) return (text:gsub("|", "\\|")) end

-- A type as people read it: tables of strings are written with braces, which Markdown does not take for a tag.
local function readable(of)
  return cell((type_text(of, anchor_link):gsub("table<string, (.-)>", "{ [string]: %1 }")))
end

local function write_table(shape, noun)
  local fields = fields_of(shape)
  if #fields == 0 then return end
  write ""
  write(("| %s | type | meaning |"):format(noun))
  write "|---|---|---|"
  for _, field in ipairs(fields) do
    local text = field.of.text or ""
    if not is_optional(field.of) and not shape.comes_back then
      text = "required" .. (text ~= "" and ": " .. text or "")
    end
    local alias = not shape.comes_back and schema.alias(shape, field.name)
    local type_of = readable(field.of)
    if field.name == "type" and tag_of[shape] then type_of = '`"' .. tag_of[shape] .. '"`' end
    write(("| `%s`%s | %s | %s |"):format(field.name, alias and (" (`%s`)"):format(alias) or "", type_of, cell(text)))
  end
end

-- `(params[, options])`
local function signature(call)
  local text, open = "", 0
  for i, argument in ipairs(call.takes) do
    local separator = i > 1 and ", " or ""
    if argument[3] then
      text, open = text .. "[" .. separator .. argument[1], open + 1
    else
      text = text .. separator .. argument[1]
    end
  end
  return "(" .. text .. ("]"):rep(open) .. ")"
end

local function result_text(call)
  local result = result_of(call.returns)
  if call.list then return "a list of " .. anchor_link(result) end
  if call.events then return "a stream of " .. anchor_link(result) end
  if call.in_place then return "the thing itself, brought up to date" end
  if result then return anchor_link(result) end
  local plain = {
    text = "a text", nothing = "`true`", bytes = "the bytes written; without a `path` the bytes themselves",
  }
  return plain[call.returns] or "`" .. call.returns .. "`"
end

-- Shapes that a call lists as its parameters, and that nothing else refers to.
local function listed_with_calls()
  local listed, inside = {}, {}
  local function refer(of)
    if of.of then return refer(of.of) end
    local name = name_of[insides(of)]
    if name then inside[name] = true end
  end
  for _, shape in pairs(shapes) do
    for _, of in pairs(shape.fields or {}) do refer(of) end
  end
  for _, definition in ipairs(definitions) do
    for _, row in pairs(definition.rows) do
      for _, shape in ipairs { row.body or row.query, row.query } do
        local name = name_of[insides(shape)]
        listed[name] = not inside[name]
      end
    end
  end
  return listed
end

local function write_call(call)
  write ""
  write(("### client.%s:%s%s"):format(call.owner.name, call.name, signature(call)))
  write ""
  if call.row then
    write(("`%s` → %s"):format(call.row[1], result_text(call)))
  else
    write("→ " .. result_text(call))
  end
  write ""
  write(call.text)
  if call.row and params_of(call.row) then write_table(params_of(call.row), "parameter") end
  if call.like then
    write ""
    write(("The parameters are those of %s."):format(call.like))
  end
end

local function write_thing_section(definition)
  local name = name_of[insides(definition.thing)]
  write ""
  write("### " .. name)
  write ""
  write(definition.thing.text or "")
  write_table(definition.thing, "field")
  local calls = methods_of(definition, anchor_link)
  if #calls == 0 then return end
  write ""
  write "| method | returns | |"
  write "|---|---|---|"
  for _, call in ipairs(calls) do
    write(("| `%s:%s%s` | %s | %s |"):format(definition.kind, call.name, signature(call), cell(result_text(call)),
      cell(call.text)))
  end
end

--- The reference of the API, in Markdown.
local function reference()
  out = {
    "# Reference", "",
    "Every call of the API with its parameters and what comes back. Written by `make types` from the rows and shapes in",
    "`lua/runloop/api/`.", "",
    "A call returns its value and the response, or `nil` and an error; what is in brackets may be left out. The last",
    "argument is always a table of call options. Where an id is taken, the thing that has it is taken too. Names in",
    "camelCase may be spelled in snake_case.", "",
  }
  for _, definition in ipairs(definitions) do
    write(("- [client.%s](#client%s)"):format(definition.name, definition.name:gsub("%.", "")))
  end
  write "- [Shapes](#shapes)"
  for _, definition in ipairs(definitions) do
    write ""
    write("## client." .. definition.name)
    if definition.text then
      write ""
      write(definition.text)
    end
    for _, call in ipairs(calls_of(definition, anchor_link)) do write_call(call) end
    if definition.thing then write_thing_section(definition) end
  end
  write ""
  write "## Shapes"
  local listed = listed_with_calls()
  for _, name in ipairs(sorted(shapes)) do
    local shape = shapes[name]
    if not is_thing(shape) and not listed[name] then
      write ""
      write("### " .. name)
      if shape.text then
        write ""
        write(shape.text)
      end
      if shape.fields then
        write_table(shape, shape.comes_back and "field" or "parameter")
      elseif shape.values then
        write ""
        for i, value in ipairs(shape.values) do
          write(("- `%s`%s"):format(value, shape.texts[i] and ": " .. shape.texts[i] or ""))
        end
      else
        write ""
        for _, tag in ipairs(sorted(shape.variants)) do
          write(("- `type = \"%s\"`: %s"):format(tag, anchor_link(variant_name(name, tag))))
        end
      end
    end
  end
  return table.concat(out, "\n") .. "\n"
end

local FILES = { ["lua/runloop/types/api.lua"] = types, ["docs/reference.md"] = reference }

if arg and arg[0] and arg[0]:find "docs/generate%.lua$" then
  for path, text in pairs(FILES) do
    local file = assert(io.open(path, "wb"))
    assert(file:write(text()))
    assert(file:close())
  end
end

return { files = FILES, shapes = shapes, definitions = definitions }
