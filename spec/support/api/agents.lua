--- Agents: names, versions and sources of programs that devboxes can mount.
local base = require "api.base"
local json = require "json"

local agents = {}

local ok, expect = base.ok, base.expect

local SOURCES = {
  npm = "package_name!:string agent_setup:strings registry_url:string",
  pip = "package_name!:string agent_setup:strings registry_url:string",
  git = "repository!:string agent_setup:strings ref:string",
  object = "object_id!:string agent_setup:strings",
}

local function check_source(source)
  source = base.check(source, "type!:string git:object npm:object object:object pip:object", "source.")
  local kind = source.type
  expect(SOURCES[kind], "source.type is unknown")
  expect(source[kind], ("source.%s is required"):format(kind))
  for name in pairs(SOURCES) do
    if name == kind then
      base.check(source[name], SOURCES[name], "source." .. name .. ".")
    else
      expect(not source[name], ("source.%s does not belong to type %s"):format(name, kind))
    end
  end
end

local function create(self, request)
  local fields = base.body(request, "name!:string source:object version:string")
  expect(fields.name:find("%S"), "name must not be blank")
  if fields.source then check_source(fields.source) end
  local id = base.new_id(self, "agt_")
  return ok(base.record_text(base.add(self.stores.agent, {
    id = id,
    fields = {
      id = id, create_time_ms = base.milliseconds(self), is_public = false, name = fields.name,
      source = base.or_null(fields.source), version = base.or_null(fields.version),
    },
  })))
end

local function latest(self)
  local newest = {}
  for _, record in ipairs(self.stores.agent.list) do
    if not record.deleted then newest[record.fields.name] = record.id end
  end
  return newest
end

local function list(only_public)
  return function(self, request)
    local query = request.query
    local match = base.matcher(query, base.field_name, "partial")
    local newest = query.version == "latest" and latest(self)
    local is_public = only_public and "true" or query.is_public
    return base.list_page(self.stores.agent, query, "agents", base.record_text, function(record)
      local fields = record.fields
      if is_public and is_public ~= "" and tostring(fields.is_public) ~= is_public then return false end
      if newest then
        if newest[fields.name] ~= record.id then return false end
      elseif query.version and query.version ~= "" and fields.version ~= query.version then
        return false
      end
      return match(record)
    end)
  end
end

local function devbox_counts(self)
  local counts, total = {}, 0
  for _, box in ipairs(self.stores.devbox.list) do
    for _, mount in ipairs(box.status == "running" and box.recipe and box.recipe.mounts or {}) do
      local agent = mount.type == "agent_mount"
        and base.by_id_or_name(self, "agent", base.given(mount.agent_id) or base.given(mount.agent_name))
      if agent then
        counts[agent.fields.name] = (counts[agent.fields.name] or 0) + 1
        total = total + 1
      end
    end
  end
  return ok { counts = counts, total_count = total }
end

local function delete(self, _, id)
  base.find_own(self, "agent", id, "Agent").deleted = true
  return ok "{}"
end

function agents.seed(_, stores)
  stores.agent = base.new_store()
  for i, name in ipairs { "claude-code", "codex" } do
    local id = ("agt_public%02d"):format(i)
    base.add(stores.agent, {
      id = id, seeded = true,
      fields = {
        id = id, create_time_ms = base.SEED_TIME, is_public = true, name = name, version = "1.0." .. i,
        source = { type = "npm", npm = { package_name = "@runloop/" .. name, agent_setup = json.null } },
      },
    })
  end
end

agents.texts = { agent = base.record_text }

agents.routes = {
  { "GET", "/v1/agents", list(false) },
  { "POST", "/v1/agents", create },
  { "GET", "/v1/agents/list_public", list(true) },
  { "GET", "/v1/agents/devbox_counts", devbox_counts },
  { "GET", "/v1/agents/{id}", function(self, _, id)
    return ok(base.record_text(base.find(self, "agent", id, "Agent")))
  end },
  { "POST", "/v1/agents/{id}/delete", delete },
}

return agents
