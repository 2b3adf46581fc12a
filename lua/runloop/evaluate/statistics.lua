-- The statistics of scores, counted as they come: what is kept of a trial is a number.

local pairs, setmetatable = pairs, setmetatable
local sqrt = math.sqrt
local sort = table.sort

local statistics = {}

local tally = {}
local tally_mt = { __index = tally }

--- Nothing has been counted yet.
---@param trials integer how often each scenario is tried
---@param pass_score number from which score on a trial has passed
---@return table
function statistics.new(trials, pass_score)
  return setmetatable({
    trials = trials, pass_score = pass_score,
    n = 0, scored = 0, failed = 0, skipped = 0, sum = 0, perfect = 0,
    scores = {}, -- all, in no order
    sums = {}, counts = {}, -- of scenarios that have a score: its sum, and how many
    open = {}, -- scenario -> what its trials have brought so far
    passed = {}, tried = {}, -- by k: the sum of the scenarios' estimates, and how many there are
  }, tally_mt)
end

--- Of k trials out of n, of which c have passed, the probability that one has. The unbiased estimator,
--- 1 - C(n-c, k) / C(n, k), as a product: Chen et al. 2021, "Evaluating Large Language Models Trained on Code"
--- (arXiv:2107.03374), section 2.1.
---@param n integer at least k
---@param c integer
---@param k integer
---@return number
function statistics.pass_at_k(n, c, k)
  if n - c < k then return 1.0 end
  local none = 1.0
  for i = n - c + 1, n do none = none * (1 - k / i) end
  return 1 - none
end

-- A scenario has had all of its trials.
local function close(self, one)
  if one.scored > 0 then
    self.sums[#self.sums + 1], self.counts[#self.counts + 1] = one.sum, one.scored
  end
  for k = 1, one.tried do
    self.passed[k] = (self.passed[k] or 0) + statistics.pass_at_k(one.tried, one.passes, k)
    self.tried[k] = (self.tried[k] or 0) + 1
  end
end

--- Counts a trial.
---@param scenario any what the trials of a scenario have in common
---@param outcome "scored"|"failed"|"skipped"
---@param score number? of one that was scored
function tally:add(scenario, outcome, score)
  self.n, self[outcome] = self.n + 1, self[outcome] + 1
  local one = self.open[scenario] or { ended = 0, tried = 0, scored = 0, sum = 0, passes = 0 }
  self.open[scenario] = one
  one.ended = one.ended + 1
  if outcome ~= "skipped" then one.tried = one.tried + 1 end
  if outcome == "scored" then
    self.sum = self.sum + score
    self.scores[#self.scores + 1] = score
    one.scored, one.sum = one.scored + 1, one.sum + score
    if score >= 1 then self.perfect = self.perfect + 1 end
    if score >= self.pass_score then one.passes = one.passes + 1 end
  end
  if one.ended == self.trials then
    self.open[scenario] = nil
    close(self, one)
  end
end

--- The mean of those that were scored; nil when there is none.
---@return number?
function tally:mean()
  return self.scored > 0 and self.sum / self.scored or nil
end

local function median(scores)
  local sorted, count = {}, #scores
  for i = 1, count do sorted[i] = scores[i] end
  sort(sorted)
  local middle = (count - count % 2) / 2
  if count % 2 == 1 then return sorted[middle + 1] end
  return count > 0 and (sorted[middle] + sorted[middle + 1]) / 2 or nil
end

-- The standard error of the mean. The trials of a scenario are alike: they are a cluster, and deviations are summed
-- over it before they are squared (Miller 2024, "Adding Error Bars to Evals", arXiv:2411.00640, 2.2), with the
-- correction for few clusters. With one trial each that is the usual one.
local function std_error(self, mean)
  local clusters, total = #self.sums, 0
  if clusters < 2 then return nil end
  for i = 1, clusters do
    local deviation = self.sums[i] - self.counts[i] * mean
    total = total + deviation * deviation
  end
  return sqrt(total * clusters / (clusters - 1)) / self.scored
end

--- What has been counted, with the names of a report.
---@return table
function tally:summary()
  for scenario, one in pairs(self.open) do
    self.open[scenario] = nil
    close(self, one)
  end
  local mean, pass_at_k = self:mean(), {}
  for k = 1, self.trials do pass_at_k[k] = self.tried[k] and self.passed[k] / self.tried[k] end
  return {
    n = self.n, scored = self.scored, failed = self.failed, skipped = self.skipped,
    mean_score = mean, score = self.n > 0 and self.sum / self.n or nil, median = median(self.scores),
    std_error = mean and std_error(self, mean), perfect = mean and self.perfect / self.scored,
    pass_at_k = pass_at_k,
  }
end

return statistics
