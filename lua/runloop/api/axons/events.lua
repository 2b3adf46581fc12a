-- The events of axons as a list, the newest first.

local lazy = require "runloop.lazy"
local schema = require "runloop.schema"

local boolean, id, integer = schema.boolean, schema.id, schema.integer
local answer, array, query_of, required = schema.answer, schema.array, schema.query_of, schema.required

local shapes = schema.shapes(lazy.load("api.axons").shapes)

shapes.AxonEventsQuery = query_of {
  include_total_count = boolean "`false` saves the server the counting",
  limit = integer { min = 1, max = 5000 } "events, 1 to 5000; the server's default is 20",
  starting_after = id "which of the events' fields this is is not documented; their `sequence` presumably",
}

shapes.AxonEventList = answer {
  events = required(array(shapes.AxonEvent)),
  has_more = required(boolean),
  total_count = integer,
}

return {
  name = "axons.events", kind = "axon", shapes = shapes,

  rows = {
    list = {
      "GET /v1/axons/{id}/events", "The newest events of an axon. Events have no id, so that this is no lazy list.",
      query = shapes.AxonEventsQuery, returns = "AxonEventList",
    },
  },
}
