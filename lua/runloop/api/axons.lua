-- Axons: streams of events that agents and programs talk by.

local schema = require "runloop.schema"
local common = require "runloop.api.shapes"

local id, integer, map, text = schema.id, schema.integer, schema.map, schema.string
local answer, enum, object, query_of, required =
  schema.answer, schema.enum, schema.object, schema.query_of, schema.required

local shapes = schema.shapes(common)

shapes.AxonOrigin = enum { "EXTERNAL_EVENT", "AGENT_EVENT", "USER_EVENT" }
shapes.AxonEventOrigin = enum { "EXTERNAL_EVENT", "AGENT_EVENT", "USER_EVENT", "SYSTEM_EVENT" }

shapes.AxonCreateParameters = object {
  metadata = map "for your own order",
  name = text,
}

shapes.AxonUpdateParameters = object {
  "What is absent stays as it is.",
  metadata = map "`{}` clears it",
}

shapes.AxonListQuery = common.list_of({
  id = id,
  metadata = schema.filter "axons that have all of these; a list: one of its values",
  name = text "axons whose name begins so",
}, "ids and names")

shapes.AxonPublishParameters = object {
  event_type = required(text),
  origin = required(shapes.AxonOrigin),
  payload = required(text "JSON by convention"),
  source = required(text),
}

shapes.AxonSubscribeQuery = query_of { after_sequence = integer { min = 0 } "begins after this event" }

shapes.Axon = answer {
  "A stream of events.",
  created_at_ms = required(integer "since 1970"),
  id = required(text),
  metadata = map,
  name = text,
}

shapes.AxonPublishResult = answer {
  sequence = required(integer),
  timestamp_ms = required(integer "since 1970"),
}

shapes.AxonEvent = answer {
  axon_id = required(text),
  event_type = required(text),
  origin = required(shapes.AxonEventOrigin),
  payload = required(text "JSON by convention"),
  sequence = required(integer "grows by each event of an axon"),
  source = required(text),
  timestamp_ms = required(integer "since 1970"),
}

return {
  name = "axons", kind = "axon", thing = shapes.Axon, shapes = shapes,
  text = "Streams of events that agents and programs talk by.",

  rows = {
    create = { "POST /v1/axons", "Creates an axon.", body = shapes.AxonCreateParameters, returns = "axons" },
    retrieve = { "GET /v1/axons/{id}", "One axon.", returns = "axons" },
    update = {
      "POST /v1/axons/{id}", "Replaces the fields given and keeps the others.",
      body = shapes.AxonUpdateParameters, changes = true, returns = "axons",
    },
    list = {
      "GET /v1/axons", "Lists active axons.", query = shapes.AxonListQuery, list = "axons", returns = "axons",
    },
    delete = { "DELETE /v1/axons/{id}", "Deletes an axon.", returns = "nothing" },
    publish = {
      "POST /v1/axons/{id}/publish", "Adds an event. One that may have been added is not sent again.",
      body = shapes.AxonPublishParameters, returns = "AxonPublishResult", once = true,
    },
    subscribe_sse = {
      "GET /v1/axons/{id}/subscribe/sse", "The events of an axon, those that there are and those that come.",
      query = shapes.AxonSubscribeQuery, events = true, resume = "after_sequence", returns = "AxonEvent",
    },
  },

  methods = {
    refresh = { "Asks the API for it again.", in_place = "retrieve" },
    update = { "Replaces the fields given.", in_place = "update" },
    delete = { "Deletes it.", calls = "axons:delete" },
    publish = { "Adds an event.", calls = "axons:publish" },
    subscribe = { "Its events, those that there are and those that come.", calls = "axons:subscribe_sse" },
    query = { "Asks its events a question in SQL.", calls = "axons.sql:query" },
  },
}
