-- Endpoints of devboxes that scenario runs need, each a row.

local shapes = require "runloop.api.shapes"

return {
  retrieve = { method = "GET", path = "/v1/devboxes/{id}", returns = "devbox", secrets = { "auth_token" } },
  wait_for_status = {
    method = "POST", path = "/v1/devboxes/{id}/wait_for_status",
    body = shapes.WaitForStatusParameters, returns = "devbox",
    secrets = { "auth_token" }, -- of its tunnel
    internal = true, -- await_running is what users call
  },
}
