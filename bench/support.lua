-- What the measured Lua programs share: options of the command line, memory, the report.
local support = {}

--- Reads "name=value" arguments from the second on; numbers become numbers.
function support.options(arguments)
  local options = {}
  for i = 2, #arguments do
    local name, value = arguments[i]:match("^([%w_]+)=(.*)$")
    options[assert(name, "not name=value: " .. arguments[i])] = tonumber(value) or value
  end
  return options
end

local function status(name)
  for line in io.lines("/proc/self/status") do
    local kilobytes = line:match("^" .. name .. ":%s*(%d+)")
    if kilobytes then return tonumber(kilobytes) end
  end
  error("no " .. name .. " in /proc/self/status")
end

--- Resident memory in KiB: at its largest, and now.
function support.peak() return status("VmHWM") end
function support.resident() return status("VmRSS") end

--- Tells bench/run that the first answer is there: the time until this line is read is what it measures.
function support.answered()
  print("answered 1")
  io.stdout:flush()
end

--- Prints the measured values as "name value" lines, peak memory with them.
function support.report(values)
  values.peak = support.peak()
  for name, value in pairs(values) do print(("%s %.9g"):format(name, value)) end
end

--- The value below which `share` (0..1) of the sorted numbers lie.
function support.percentile(sorted, share)
  return sorted[math.max(1, math.ceil(#sorted * share))]
end

function support.id(n)
  return ("scn_%012d"):format(n)
end

--- What is encoded: "objects", 4,000 tables as scenarios are but for long texts, or "text", one of 4 MB.
function support.value(kind)
  if kind == "text" then
    return ("local function f(a, b) return a + b end -- code\n\tif x == \"y\" then zürich() end\n"):rep(50000)
  end
  local objects = {}
  for n = 1, 4000 do
    objects[n] = {
      id = support.id(n), name = "scenario " .. n, status = "active", is_public = false, n = n, share = n / 7,
      metadata = { team = "a", lang = "lua", env = "prod" }, required_secret_names = { "A", "B" },
      scoring_contract = { scoring_function_parameters = {
        { name = "tests", weight = 0.5, scorer = { type = "bash_script_scorer", bash_script = "echo score=1.0" } },
      } },
    }
  end
  return objects
end

--- Seconds that `encode` takes for the value, the best of some times.
function support.encode(encode, now, kind)
  local value, best = support.value(kind), math.huge
  for _ = 1, 9 do
    collectgarbage()
    local began = now()
    encode(value)
    best = math.min(best, now() - began)
  end
  support.report { seconds = best }
end

return support
