-- What the API's reference says of terminals: they are on a tunnel's host, and have a spec of their own.

return { rows = {}, helpers = { "connect", "control" } }
