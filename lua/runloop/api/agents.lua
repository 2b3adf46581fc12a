-- Agents: programs that can be mounted into devboxes.

local schema = require "runloop.schema"
local common = require "runloop.api.shapes"

local pairs, type = pairs, type
local format = string.format

local boolean, id, integer, text = schema.boolean, schema.id, schema.integer, schema.string
local answer, array, map_of, object, required =
  schema.answer, schema.array, schema.map_of, schema.object, schema.required

local texts = array(text)

local shapes = schema.shapes(common)

shapes.AgentGitSource = object {
  agent_setup = texts "shell commands, after the install",
  ref = text "a branch or a tag",
  repository = required(text "a URL"),
}

shapes.AgentNpmSource = object {
  agent_setup = texts "shell commands, after the install",
  package_name = required(text),
  registry_url = text,
}

shapes.AgentPipSource = object {
  agent_setup = texts "shell commands, after the install",
  package_name = required(text),
  registry_url = text,
}

shapes.AgentObjectSource = object {
  agent_setup = texts "shell commands, after the install",
  object_id = required(id),
}

local SOURCES = { git = true, npm = true, object = true, pip = true }

-- A type that nobody knows yet passes.
local function check_source(source)
  if SOURCES[source.type] and type(source[source.type]) ~= "table" then
    return format("of type '%s' needs its field '%s'", source.type, source.type)
  end
  for name in pairs(SOURCES) do
    if name ~= source.type and type(source[name]) == "table" then
      return format("of type '%s' has a field '%s'", source.type, name)
    end
  end
end

shapes.AgentSource = object {
  "Where an agent comes from: of the fields the one that `type` names.",
  git = shapes.AgentGitSource,
  npm = shapes.AgentNpmSource,
  object = shapes.AgentObjectSource,
  pip = shapes.AgentPipSource,
  type = required(text "git, npm, object or pip"),
} { rule = check_source }

shapes.AgentCreateParameters = object {
  name = required(text),
  source = shapes.AgentSource,
  version = text "of npm and pip packages; a branch or a tag; any for an object",
}

shapes.AgentListQuery = common.list_of({
  is_public = boolean,
  name = text "agents with this in their name",
  version = text "`latest`: the newest of each name",
}, "ids and names")

shapes.PublicAgentListQuery = common.list_of({
  name = text "agents with this in their name",
  version = text "`latest`: the newest of each name",
}, "ids and names")

shapes.Agent = answer {
  "A program that can be mounted into devboxes.",
  create_time_ms = required(integer "since 1970"),
  id = required(text),
  is_public = required(boolean),
  name = required(text),
  source = shapes.AgentSource,
  version = text,
}

shapes.AgentDevboxCounts = answer {
  counts = required(map_of(integer) "by the agents' names"),
  total_count = required(integer),
}

return {
  name = "agents", kind = "agent", thing = shapes.Agent, shapes = shapes,
  text = "Programs that can be mounted into devboxes.",

  rows = {
    create = { "POST /v1/agents", "Creates an agent.", body = shapes.AgentCreateParameters, returns = "agents" },
    retrieve = { "GET /v1/agents/{id}", "One agent.", returns = "agents" },
    list = {
      "GET /v1/agents", "Lists agents.", query = shapes.AgentListQuery, list = "agents", returns = "agents",
    },
    list_public = {
      "GET /v1/agents/list_public", "Lists the agents that everybody may use.",
      query = shapes.PublicAgentListQuery, list = "agents", returns = "agents",
    },
    devbox_counts = {
      "GET /v1/agents/devbox_counts", "How many devboxes have which agent.", returns = "AgentDevboxCounts",
    },
    delete = { "POST /v1/agents/{id}/delete", "Deletes an agent for good.", returns = "nothing" },
  },

  methods = {
    refresh = { "Asks the API for it again.", in_place = "retrieve" },
    delete = { "Deletes it for good.", calls = "agents:delete" },
  },
}
