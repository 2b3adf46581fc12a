--- The account.
local base = require "api.base"

local accounts = {}

accounts.routes = {
  { "GET", "/v1/accounts/me", function()
    return base.ok('{"id":"acc_1","name":"Ada","account_status":"ACCOUNT_STATUS_ENABLED","billing":'
      .. '{"account_billing_type":"STRIPE","aws":null,"stripe":null},"created_at":"2026-01-01T00:00:00Z",'
      .. '"tier":"ACCOUNT_TIER_PRO","email":null}')
  end },
}

return accounts
