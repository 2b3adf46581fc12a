-- What an evaluation brings: a plain table that JSON can hold, and a table for people.

local core = require "runloop.core"
local errors = require "runloop.error"

local ipairs, pairs, pcall, setmetatable, tostring = ipairs, pairs, pcall, setmetatable, tostring
local max = math.max
local format, gsub, rep, sub = string.format, string.gsub, string.rep, string.sub
local concat, sort = table.concat, table.sort

local report = {}

local array_mt = core.array_mt

local err_mt = { __tostring = function(err) return err.message end }

--- An error as a report holds it: its text, and what scripts go by.
---@param err any
---@param traceback string? where it was raised
---@return table?
function report.err(err, traceback)
  if err == nil then return nil end
  local ok, text = pcall(tostring, err)
  local known = errors.is(err)
  return setmetatable({
    message = ok and text or "unknown error",
    kind = known and err.kind or nil, code = known and err.code or nil, status = known and err.status or nil,
    traceback = traceback,
  }, err_mt)
end

-- The decimal point is not the locale's.
local function decimals(value, digits)
  return value and (gsub(format("%." .. digits .. "f", value), ",", ".")) or "-"
end

-- Pads to a width in characters; the bytes behind the first one of a character do not count.
local function padded(text, width, to_the_right)
  local length = #gsub(text, "[\128-\191]", "")
  local fill = rep(" ", width - length)
  return to_the_right and fill .. text or text .. fill
end

local function one_line(text, most)
  text = gsub(text, "[%z\1-\32\127]+", " ")
  if #text > most then text = gsub(sub(text, 1, most), "[\192-\255][\128-\191]*$", "") .. "..." end
  return text
end

--- Lines of a table whose columns are as wide as what is in them.
---@param rows string[][] the first is the head
---@param right table<integer, true> the columns of numbers
---@return string[]
function report.columns(rows, right)
  local widths, lines = {}, {}
  for _, row in ipairs(rows) do
    for i, text in ipairs(row) do widths[i] = max(widths[i] or 0, #gsub(text, "[\128-\191]", "")) end
  end
  for _, row in ipairs(rows) do
    local cells = {}
    for i, text in ipairs(row) do cells[i] = padded(text, widths[i], right[i]) end
    lines[#lines + 1] = (gsub(concat(cells, "  "), "%s+$", ""))
  end
  return lines
end

local function result_lines(self)
  local rows = { { "scenario", "trial", "state", "score", "seconds", "" } }
  for i, result in ipairs(self.results) do
    rows[i + 1] = {
      one_line(result.scenario_name or result.scenario_id, 48), format("%d", result.trial), result.state,
      decimals(result.score, 3), decimals(result.seconds, 1), result.err and one_line(result.err.message, 100) or "",
    }
  end
  return report.columns(rows, { [2] = true, [4] = true, [5] = true })
end

local function totals(self)
  local lines = {
    format("%d in all: %d scored, %d failed, %d skipped; %s s, devboxes %s s", self.n, self.scored, self.failed,
      self.skipped, decimals(self.seconds, 1), decimals(self.devbox_seconds, 1)),
    format("mean %s (of those scored; standard error %s), over all %s, median %s, perfect %s",
      decimals(self.mean_score, 3), decimals(self.std_error, 3), decimals(self.score, 3), decimals(self.median, 3),
      self.perfect and decimals(self.perfect * 100, 1) .. " %" or "-"),
  }
  local passes = {}
  for k, value in ipairs(self.pass_at_k) do passes[k] = format("pass@%d %s", k, decimals(value, 3)) end
  if passes[1] then lines[#lines + 1] = concat(passes, ", ") end
  return lines
end

local function group_lines(self)
  local names, rows = {}, { { "group", "n", "scored", "mean", "score" } }
  for name in pairs(self.groups or {}) do names[#names + 1] = name end
  if not names[1] then return {} end
  sort(names)
  for i, name in ipairs(names) do
    local group = self.groups[name]
    rows[i + 1] = {
      one_line(name, 48), format("%d", group.n), format("%d", group.scored), decimals(group.mean_score, 3),
      decimals(group.score, 3),
    }
  end
  return report.columns(rows, { [2] = true, [3] = true, [4] = true, [5] = true })
end

local function last_lines(self)
  local lines = {}
  for _, left in ipairs(self.left_running) do
    lines[#lines + 1] = format("left running: run %s, devbox %s: %s", left.run_id, left.devbox_id or "?",
      one_line(left.err and left.err.message or "", 200))
  end
  if self.err then lines[#lines + 1] = "ended early: " .. one_line(self.err.message, 200) end
  return lines
end

local report_mt = { __name = "runloop.report", holds_data = true }

function report_mt:__tostring()
  local lines = {}
  local function add(more)
    if more[1] and lines[1] then lines[#lines + 1] = "" end
    for _, line in ipairs(more) do lines[#lines + 1] = line end
  end
  if self.results and self.results[1] then add(result_lines(self)) end
  add(totals(self))
  add(group_lines(self))
  add(last_lines(self))
  return concat(lines, "\n")
end

--- The report of an evaluation that has come to its end.
---@param self table an evaluation
---@return table
function report.new(self)
  local whole = self.tally:summary()
  local groups
  if self.groups then
    groups = {}
    for name, tally in pairs(self.groups) do
      groups[name] = tally:summary()
      setmetatable(groups[name].pass_at_k, array_mt)
    end
  end
  setmetatable(whole.pass_at_k, array_mt)
  whole.id, whole.run_name = self.id, self.run_name
  whole.results = self.results and setmetatable(self.results, array_mt)
  whole.groups = groups
  whole.seconds, whole.devbox_seconds = core.now() - self.began, self.devbox_seconds
  whole.benchmark_run = self.benchmark_run and self.benchmark_run.id
  whole.left_running = setmetatable(self.left_running, array_mt)
  whole.err = report.err(self.err)
  return setmetatable(whole, report_mt)
end

return report
