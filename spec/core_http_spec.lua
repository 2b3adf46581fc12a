-- The core's clients, where nothing else shows what they do.
local core = require "runloop.core"

describe("core.http", function()
  it("starts nothing in a client that a finalizer has closed meanwhile", function()
    local headers = {}
    for i = 1, 20000 do headers[i] = "x-header: value" end -- so much memory that the collector comes within `start`
    for _ = 1, 20 do
      local http, closed = core.http {}, false
      setmetatable({}, { __gc = function()
        closed = true
        http:close()
      end })
      local request = { url = "http://127.0.0.1:9/", method = "GET" }
      repeat
        local ok, transfer = pcall(http.start, http, request, headers)
        if closed then assert.is_true(not ok or transfer:finished()) end
      until closed
    end
  end)
end)
