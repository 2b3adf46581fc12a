-- Secrets: values that devboxes get by their names. A secret's name stands where others have an id.

local schema = require "runloop.schema"

local boolean, integer, text = schema.boolean, schema.integer, schema.string
local answer, array, object, query_of, required =
  schema.answer, schema.array, schema.object, schema.query_of, schema.required

local shapes = schema.shapes()

shapes.SecretCreateParameters = object {
  name = required(text "that of an environment variable"),
  value = required(text { secret = true }),
}

shapes.SecretUpdateParameters = object { value = required(text { secret = true }) }

shapes.SecretListQuery = query_of { limit = integer { min = 1, max = 5000 } "1 to 5000; the server's default is 20" }

shapes.Secret = answer {
  "A secret; its value never comes back.",
  create_time_ms = required(integer "since 1970"),
  id = required(text),
  name = required(text),
  update_time_ms = required(integer "since 1970"),
}

shapes.SecretList = answer {
  has_more = required(boolean "those beyond `limit` cannot be had"),
  secrets = required(array(shapes.Secret)),
  total_count = integer,
}

return {
  name = "secrets", kind = "secret", id = "name", thing = shapes.Secret, shapes = shapes,
  text = "Values that devboxes get by their names. A secret's name stands where others have an id.",

  rows = {
    create = { "POST /v1/secrets", "Creates a secret.", body = shapes.SecretCreateParameters, returns = "secrets" },
    retrieve = { "GET /v1/secrets/{name}", "One secret, without its value.", returns = "secrets" },
    update = {
      "POST /v1/secrets/{name}", "Replaces a secret's value.",
      body = shapes.SecretUpdateParameters, changes = true, returns = "secrets",
    },
    list = {
      "GET /v1/secrets", "The account's secrets, as many as there may be at once: the API has no cursor here.",
      query = shapes.SecretListQuery, returns = "SecretList", things = { secrets = "secrets" },
    },
    delete = { "POST /v1/secrets/{name}/delete", "Deletes a secret.", returns = "secrets" },
  },

  methods = {
    refresh = { "Asks the API for it again.", in_place = "retrieve" },
    update = { "Replaces its value.", in_place = "update" },
    delete = { "Deletes it.", in_place = "delete" },
  },
}
