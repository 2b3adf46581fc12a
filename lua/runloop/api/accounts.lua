-- The account that the key belongs to.

local schema = require "runloop.schema"

local text = schema.string
local answer, enum, required = schema.answer, schema.enum, schema.required

local shapes = schema.shapes()

shapes.AccountStatus = enum {
  "ACCOUNT_STATUS_INVALID", "ACCOUNT_STATUS_ONBOARDING", "ACCOUNT_STATUS_ENABLED", "ACCOUNT_STATUS_DISABLED_BY_ADMIN",
  "ACCOUNT_STATUS_DISABLED_QUOTA_REACHED", "ACCOUNT_STATUS_TRIAL_CANCELLED", "ACCOUNT_STATUS_STRIPE_PENDING_RESOURCES",
  "UNRECOGNIZED",
}
shapes.AccountTier = enum {
  "ACCOUNT_TIER_INVALID", "ACCOUNT_TIER_BASIC", "ACCOUNT_TIER_PRO", "ACCOUNT_TIER_ENTERPRISE", "ACCOUNT_TIER_TRIAL",
  "UNRECOGNIZED",
}
shapes.BillingType = enum { "STRIPE", "AWS_MARKETPLACE", "STRIPE_PROJECTS", "UNRECOGNIZED" }

shapes.BillingAws = answer {
  customer_identifier = text,
  license_arn = text,
  subscription_status = text,
}

shapes.BillingStripe = answer {
  active_subscription = text,
  customer_id = text,
}

shapes.Billing = answer {
  account_billing_type = required(shapes.BillingType),
  aws = shapes.BillingAws,
  stripe = shapes.BillingStripe,
  stripe_customer_id = text "deprecated",
}

shapes.Account = answer {
  account_billing_type = shapes.BillingType "deprecated, see `billing`",
  account_status = required(shapes.AccountStatus),
  active_subscription = text "deprecated, see `billing`",
  billing = required(shapes.Billing),
  created_at = required(text "a date"),
  external_billing_account_id = text "deprecated, see `billing`",
  id = required(text),
  name = required(text),
  stripe_customer_id = text "deprecated, see `billing`",
  tier = required(shapes.AccountTier),
}

return {
  name = "accounts", shapes = shapes,
  text = "The account that the key belongs to.",

  rows = {
    me = { "GET /v1/accounts/me", "The account; a cheap way to see whether the key is good.", returns = "Account" },
  },
}
