--- The head of a group of specs that has a stand-in of its own:
---
---     local server, client
---     stand_in({ scenarios = 5 }, function(started)
---       server, client = started, started:client { max_retries = 0 }
---     end)
---
--- The options are those of support.start. The function is called before each spec, when the stand-in has its data
--- anew; what clients were made with `server:client` by then and in the spec are closed behind it.
local busted = require "busted"
local support = require "spec.support"

local function stand_in(options, before_each)
  local server
  local clients = setmetatable({}, { __mode = "k" }) -- a spec may have one forgotten

  busted.lazy_setup(function()
    server = support.start(options)
    local new_client = server.client
    function server.client(...)
      local client = new_client(...)
      clients[client] = true
      return client
    end
  end)
  busted.lazy_teardown(function() server:stop() end)
  busted.before_each(function()
    server:reset()
    before_each(server)
  end)
  busted.after_each(function()
    for client in pairs(clients) do
      clients[client] = nil
      client:close()
    end
  end)
end

return stand_in
