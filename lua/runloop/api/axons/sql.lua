-- SQL (SQLite's) over the events of axons: the table rl_axon_events.

local schema = require "runloop.schema"

local any, boolean, integer, number, text = schema.any, schema.boolean, schema.integer, schema.number, schema.string
local answer, array, object, required = schema.answer, schema.array, schema.object, schema.required

local shapes = schema.shapes()

shapes.SqlStatement = object {
  params = array(any) "for each `?`; `runloop.null` is a NULL",
  sql = required(text),
}

shapes.SqlBatchParameters = object { statements = required(array(shapes.SqlStatement)) }

shapes.SqlColumn = answer {
  name = required(text),
  type = required(text "as it was declared: TEXT, INTEGER, REAL, BLOB or empty"),
}

shapes.SqlMeta = answer {
  changes = required(integer),
  duration_ms = required(number),
  rows_read_limit_reached = required(boolean "there are more rows"),
}

shapes.SqlResult = answer {
  columns = required(array(shapes.SqlColumn)),
  meta = required(shapes.SqlMeta),
  rows = required(array(array(any)) "each a list of values in the order of the columns; a NULL is `runloop.null`"),
}

shapes.SqlError = answer { message = required(text) }

shapes.SqlStepResult = answer {
  error = shapes.SqlError,
  success = shapes.SqlResult,
}

shapes.SqlBatchResult = answer { results = required(array(shapes.SqlStepResult) "in the order of the statements") }

return {
  name = "axons.sql", kind = "axon", shapes = shapes,
  text = "SQLite over the events of an axon: the table `rl_axon_events` with `sequence`, `timestamp_ms`, `origin` (1 to 4: "
    .. "external, agent, user, system), `source`, `event_type` and `payload`.",

  rows = {
    query = {
      "POST /v1/axons/{id}/sql/query", "One statement.",
      body = shapes.SqlStatement, returns = "SqlResult", nulls = true,
    },
    batch = {
      "POST /v1/axons/{id}/sql/batch", "Statements in one transaction, each with its result or its error.",
      body = shapes.SqlBatchParameters, returns = "SqlBatchResult", nulls = true,
    },
  },
}
