-- Gateway configs: endpoints that devboxes reach without seeing the secret.

local schema = require "runloop.schema"
local common = require "runloop.api.shapes"

local id, integer, text = schema.id, schema.integer, schema.string
local answer, array, object, required = schema.answer, schema.array, schema.object, schema.required

local shapes = schema.shapes(common)

local custom_headers = array(shapes.CustomHeader) { at_most = 8 }

shapes.GatewayConfigCreateParameters = object {
  auth_mechanism = required(shapes.AuthMechanism),
  custom_headers = custom_headers "8 at most",
  description = text,
  endpoint = required(text "a URL"),
  name = required(text "which no other of the account has"),
}

shapes.GatewayConfigUpdateParameters = object {
  "What is absent stays as it is.",
  auth_mechanism = shapes.AuthMechanism,
  custom_headers = custom_headers "8 at most; replaces all, and `{}` clears them",
  description = text,
  endpoint = text,
  name = text,
}

shapes.GatewayConfigListQuery = common.list_of({ id = id, name = text "configs with this in their name" }, "ids and names")

shapes.GatewayConfig = answer {
  "An endpoint that devboxes reach without seeing the secret.",
  account_id = text "those of the platform have none",
  auth_mechanism = required(shapes.AuthMechanism),
  create_time_ms = required(integer "since 1970"),
  custom_headers = array(shapes.CustomHeader),
  description = text,
  endpoint = required(text),
  id = required(text),
  name = required(text),
}

return {
  name = "gateway_configs", kind = "gateway_config", thing = shapes.GatewayConfig, shapes = shapes,
  text = "Endpoints that devboxes reach without seeing the secret.",

  rows = {
    create = {
      "POST /v1/gateway-configs", "Creates a gateway config.",
      body = shapes.GatewayConfigCreateParameters, returns = "gateway_configs",
    },
    retrieve = { "GET /v1/gateway-configs/{id}", "One gateway config.", returns = "gateway_configs" },
    update = {
      "POST /v1/gateway-configs/{id}", "Replaces the fields given and keeps the others.",
      body = shapes.GatewayConfigUpdateParameters, changes = true, returns = "gateway_configs",
    },
    list = {
      "GET /v1/gateway-configs", "Lists gateway configs, those of the platform too.",
      query = shapes.GatewayConfigListQuery, list = "gateway_configs", returns = "gateway_configs",
    },
    delete = {
      "POST /v1/gateway-configs/{id}/delete", "Deletes a gateway config. While devboxes use it: `bad_request`.",
      returns = "gateway_configs",
    },
  },

  methods = {
    refresh = { "Asks the API for it again.", in_place = "retrieve" },
    update = { "Replaces the fields given.", in_place = "update" },
    delete = { "Deletes it.", in_place = "delete" },
  },
}
