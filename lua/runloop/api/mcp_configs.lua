-- MCP configs: servers of tools that devboxes reach without seeing the secret.

local schema = require "runloop.schema"
local common = require "runloop.api.shapes"

local id, integer, text = schema.id, schema.integer, schema.string
local answer, array, object, required = schema.answer, schema.array, schema.object, schema.required

local shapes = schema.shapes(common)

local custom_headers = array(shapes.CustomHeader) { at_most = 8 }

shapes.McpConfigCreateParameters = object {
  allowed_tools = required(array(text) "patterns: `*`, `github.search_*`"),
  auth_mechanism = shapes.AuthMechanism,
  custom_headers = custom_headers "8 at most",
  description = text,
  endpoint = required(text "a URL"),
  name = required(text "what is before the first `-` is the service, by which tools are told apart"),
}

shapes.McpConfigUpdateParameters = object {
  "What is absent stays as it is.",
  allowed_tools = array(text) "patterns: `*`, `github.search_*`",
  auth_mechanism = shapes.AuthMechanism,
  custom_headers = custom_headers "8 at most; replaces all, and `{}` clears them",
  description = text,
  endpoint = text,
  name = text,
}

shapes.McpConfigListQuery = common.list_of({ id = id, name = text "configs whose name begins so" }, "ids and names")

shapes.McpConfig = answer {
  "A server of tools that devboxes reach without seeing the secret.",
  allowed_tools = required(array(text)),
  auth_mechanism = required(shapes.AuthMechanism),
  create_time_ms = required(integer "since 1970"),
  custom_headers = array(shapes.CustomHeader),
  description = text,
  endpoint = required(text),
  id = required(text),
  name = required(text),
}

return {
  name = "mcp_configs", kind = "mcp_config", thing = shapes.McpConfig, shapes = shapes,
  text = "Servers of tools that devboxes reach without seeing the secret.",

  rows = {
    create = {
      "POST /v1/mcp-configs", "Creates an MCP config.",
      body = shapes.McpConfigCreateParameters, returns = "mcp_configs",
    },
    retrieve = { "GET /v1/mcp-configs/{id}", "One MCP config.", returns = "mcp_configs" },
    update = {
      "POST /v1/mcp-configs/{id}", "Replaces the fields given and keeps the others.",
      body = shapes.McpConfigUpdateParameters, changes = true, returns = "mcp_configs",
    },
    list = {
      "GET /v1/mcp-configs", "Lists MCP configs.",
      query = shapes.McpConfigListQuery, list = "mcp_configs", returns = "mcp_configs",
    },
    delete = {
      "POST /v1/mcp-configs/{id}/delete", "Deletes an MCP config. While devboxes use it: `bad_request`.",
      returns = "mcp_configs",
    },
  },

  methods = {
    refresh = { "Asks the API for it again.", in_place = "retrieve" },
    update = { "Replaces the fields given.", in_place = "update" },
    delete = { "Deletes it.", in_place = "delete" },
  },
}
