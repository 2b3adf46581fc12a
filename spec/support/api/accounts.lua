--- The account and its keys, whose secrets are shown once.
local base = require "api.base"

local accounts = {}

accounts.routes = {
  { "GET", "/v1/accounts/me", function() return base.ok('{"id":"acc_1","name":"Ada","email":null}') end },
  { "DELETE", "/v1/axons/{id}", function() return { status = 204, headers = {}, body = "" } end },
}

return accounts
