-- mod_magnet: each request is one poll, since a script cannot wait there without stopping the server.
local work = require "spec.hosts.work"

local done = work.tick()
local r = lighty.r or lighty
local text = done or "more"
if lighty.r then
  r.resp_body:set { text }
else
  lighty.content = { text }
end
return done and 200 or 202
