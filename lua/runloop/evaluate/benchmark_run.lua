-- The benchmark run that an evaluation works in: started, or found and gone on with.

local errors = require "runloop.error"
local runs = require "runloop.evaluate.runs"

local tonumber, tostring = tonumber, tostring
local format = string.format

local benchmark_run = {}

-- Calls a function with each benchmark run of a benchmark that has the evaluation's name, if it has one; in any state,
-- or in one.
local function each(self, benchmark_id, state, fn)
  local list = self.api.benchmark_runs:list {
    benchmark_id = benchmark_id, name = self.options.run_name, state = state, limit = 100,
  }
  local view, err = list:next()
  while view do
    fn(view)
    view, err = list:next()
  end
  return err == nil or nil, err
end

-- The newest one of an evaluation; nil without an error when there is none.
local function newest(self, benchmark_id)
  local found
  local ok, err = each(self, benchmark_id, nil, function(view)
    if not runs.mark(view) then return end
    if not found or (tonumber(view.start_time_ms) or 0) >= (tonumber(found.start_time_ms) or 0) then found = view end
  end)
  if not ok then return nil, err end
  return found
end

-- Starts the benchmark run to work in: true, or nil and an error. Its answer may be lost, or there may be two.
local function start(self, benchmark)
  local begun, response = self.api.benchmarks:start_run {
    benchmark_id = benchmark.id, run_name = self.run_name, metadata = runs.metadata(self),
    runProfile = self.options.run_profile,
  }
  if begun or response.maybe_sent or response.kind ~= "api" then
    each(self, benchmark.id, "running", function(view)
      if runs.mark(view) ~= self.id then return end
      begun = begun or view
      if view.id ~= begun.id then view:cancel() end
    end)
  end
  self.benchmark_run = begun
  return begun and true, response
end

--- Finds or starts the benchmark run that an evaluation works in.
---@param self table an evaluation
---@param benchmark table
---@param go_on fun(self: table): boolean?, any takes up what runs there are in it
---@return boolean? ok, any err
function benchmark_run.find(self, benchmark, go_on)
  local options = self.options
  local found, err
  if options.benchmark_run then
    found, err = self.api.benchmark_runs:retrieve(options.benchmark_run)
  elseif options.resume then
    found, err = newest(self, benchmark.id)
  end
  if not found and err ~= nil then return nil, err end
  if not found then return start(self, benchmark) end
  if found.state ~= "running" then
    return nil, errors.new {
      kind = "state", code = found.state, last = found,
      message = format("benchmark run %s has ended in state '%s': there is nothing to go on with", found.id,
        tostring(found.state)),
    }
  end
  self.benchmark_run = found
  self.id = runs.mark(found) or self.id
  return go_on(self)
end

return benchmark_run
