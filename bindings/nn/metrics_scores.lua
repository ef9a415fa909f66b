-- Scores per column: F-beta of one-hot or multi-label targets, R2 of regressions. State is kept as float64 tensors.
local nn, core, import = ...
local errors = import "errors"
local metric = import "metric"
local weights = import "weights"

local EPSILON = 1e-7

-- {N, K} targets and predictions; {N} is one column.
local function columns(name, y_true, y_pred)
  y_true, y_pred = metric.paired(name, y_true, y_pred)
  if y_true.ndim == 1 then return y_true:unsqueeze(-1), y_pred:unsqueeze(-1) end
  if y_true.ndim ~= 2 then errors.fail("%s: {N, K} is expected; got %s", name, errors.shape(y_true.shape)) end
  return y_true, y_pred
end

-- A state of rows of K numbers, made when K is known; each row grows by a sum over the batch of weight * values[i].
local Columns = setmetatable({}, {__index = metric.Metric})

function Columns:reset_state()
  if self.state then self.state:zero_() end
  self.samples = 0
end

function Columns:add(values, weight)
  local sums = {}
  for i, value in ipairs(values) do
    value = value:to "float64"
    if weight then value = value * weight end
    sums[i] = value:sum(1)
  end
  self.state = self.state or metric.kept(nn.zeros(#values, #sums[1], {dtype = "float64"}))
  self.state:add_(nn.stack(sums, 1))
end

function Columns.weight_of(weight, values)
  return core.is_tensor(weight) and weights.aligned(weight, values):to "float64" or weight
end

-- A Lua number, or a tensor where there is a value for each column.
local function mean(list, weight)
  local total, n = 0, 0
  for i, value in ipairs(list) do
    local w = weight and weight[i] or 1
    total, n = total + w * value, n + w
  end
  return total, n
end

local AVERAGE = {name = "average", kind = "choice", optional = true, choices = {"micro", "macro", "weighted"},
  help = "one score of all columns; without it a tensor of them"}
local THRESHOLD = {name = "threshold", kind = "number", optional = true,
  help = "above it a prediction is 1; without it the greatest of each row is (0.5 where there is one column)"}

local FBeta = setmetatable({direction = "max"}, {__index = Columns})

-- Sums: true positives, false positives, false negatives, weight of the positives.
function FBeta:update(y_true, y_pred, weight)
  y_true, y_pred = columns(self.class_name, y_true, y_pred)
  -- one column has no greatest element worth the name: then 0.5, as for accuracy
  local threshold = self.config.threshold or y_pred:size(2) == 1 and 0.5
  local hit
  if threshold then
    hit = y_pred:gt(threshold):to "float64"
  else
    local greatest = y_pred:max(2, true)
    hit = y_pred:ge(greatest):to "float64" * y_pred:abs():gt(1e-9):to "float64"
  end
  local truth = y_true:to "float64"
  self:add({hit * truth, hit * (1 - truth), (1 - hit) * truth, truth}, self.weight_of(weight, truth))
end

-- F = (1 + b^2) p r / (b^2 p + r)
local function f_beta(beta, tp, fp, fn)
  local precision, recall = tp / (tp + fp + EPSILON), tp / (tp + fn + EPSILON)
  return (1 + beta ^ 2) * precision * recall / (beta ^ 2 * precision + recall + EPSILON)
end

function FBeta:result()
  if not self.state then return 0 end
  local tp, fp, fn, positives = table.unpack(self.state:totable())
  local beta, average = self.config.beta or 1, self.config.average
  if average == "micro" then return f_beta(beta, (mean(tp)), (mean(fp)), (mean(fn))) end
  local scores = {}
  for i = 1, #tp do scores[i] = f_beta(beta, tp[i], fp[i], fn[i]) end
  if average == "weighted" then
    local total, n = mean(scores, positives)
    return total / (n + EPSILON)
  end
  if average == "macro" or #scores == 1 then
    local total, n = mean(scores)
    return total / n
  end
  return nn.tensor(scores)
end

metric.class({class_name = "FBetaScore", name = "fbeta_score", help = "the F-beta score of precision and recall",
  options = {AVERAGE, {name = "beta", kind = "number", default = 1, min = 0, help = "weight of recall to precision"},
    THRESHOLD}}, FBeta)

metric.class({class_name = "F1Score", name = "f1_score", help = "the harmonic mean of precision and recall",
  options = {AVERAGE, THRESHOLD}}, FBeta)

local R2 = setmetatable({direction = "max"}, {__index = Columns})

-- Sums: y, y^2, squared errors, weights.
function R2:update(y_true, y_pred, weight)
  y_true, y_pred = columns(self.class_name, y_true, y_pred)
  y_true, y_pred = y_true:to "float64", y_pred:to "float64"
  self.samples = self.samples + y_true:size(1)
  self:add({y_true, y_true:square(), (y_true - y_pred):square(), nn.ones_like(y_true)}, self.weight_of(weight, y_true))
end

-- R2 with p regressors is corrected for the degrees of freedom they take.
local function adjusted(r2, n, p)
  if p == 0 or p >= n - 1 then return r2 end
  return 1 - (1 - r2) * (n - 1) / (n - p - 1)
end

function R2:result()
  if not self.state then return 0 end
  local sum, squares, errors_sum, count = table.unpack(self.state:totable())
  local scores, totals = {}, {}
  for i = 1, #sum do
    totals[i] = squares[i] - sum[i] * sum[i] / count[i]
    scores[i] = 1 - errors_sum[i] / totals[i]
    if scores[i] == math.huge or scores[i] == -math.huge then scores[i] = 0 end
  end
  local how, p = self.config.class_aggregation, self.config.num_regressors
  if how == "none" and #scores > 1 then
    for i = 1, #scores do scores[i] = adjusted(scores[i], self.samples, p) end
    return nn.tensor(scores)
  end
  local total, n = mean(scores, how == "variance_weighted_average" and totals or nil)
  return adjusted(total / n, self.samples, p)
end

metric.class({class_name = "R2Score", name = "r2_score", help = "1 - squared errors / variance of the targets",
  options = {{name = "class_aggregation", kind = "choice", default = "uniform_average",
      choices = {"uniform_average", "variance_weighted_average", "none"}, help = "how columns become one score"},
    {name = "num_regressors", kind = "integer", default = 0, min = 0, help = "for the adjusted score"}}}, R2)
