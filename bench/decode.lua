-- Decodes a file some times over, for bench/instructions: lua5.4 bench/decode.lua (runloop|cjson) TIMES FILE
local decode = arg[1] == "cjson" and require "cjson".decode or require "runloop".json.decode
local file = assert(io.open(arg[3], "rb"))
local text = file:read("a")
file:close()

collectgarbage("stop") -- the collector's share would hang on how much else there is
for _ = 1, tonumber(arg[2]) do assert(decode(text)) end
os.exit(true, false) -- tearing the state down is no part of it
