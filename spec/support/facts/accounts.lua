-- What the API's reference says of accounts.

return { rows = { me = { "GET", "/v1/accounts/me" } }, helpers = {} }
