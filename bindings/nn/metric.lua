-- What every metric is: update_state(y_true, y_pred[, weight]) for each batch, result() so far, reset_state().
-- update(self, ...) of a class runs without recording, and what it makes is freed when it ends; state that outlives a
-- batch is numbers, or tensors that were kept. direction ("max", "min"): which way is better, for callbacks.
local nn, core, import = ...
local errors = import "errors"
local family = import "family"
local given = import "given"
local weights = import "weights"

local metric = {NAME = {name = "name", kind = "text", optional = true, help = "the key in history and logs"}}

metric.family = family.new("metric", {call = false, takes_functions = true,
  methods = {"update_state", "result", "reset_state", "get_config"},
  files = {"metrics_accuracy", "metrics_mean", "metrics_counts", "metrics_curves", "metrics_scores",
    "metrics_confusion"}})

local Metric = {}
metric.Metric = Metric

function Metric:init()
  self:reset_state()
end

function Metric:update_state(y_true, y_pred, weight)
  y_true = given.tensor("update_state", "y_true", y_true)
  y_pred = given.tensor("update_state", "y_pred", y_pred)
  nn.no_grad(nn.scope, self.update, self, y_true, y_pred, given.weight("update_state", weight))
end

-- Running mean: update adds to .total and .count. The mean of nothing is 0, as in Keras.
local Mean = setmetatable({}, {__index = Metric})
metric.Mean = Mean

function Mean:reset_state()
  self.total, self.count = 0, 0
end

function Mean:result()
  return self.count ~= 0 and self.total / self.count or 0
end

-- Adds values of one batch, weighted.
function Mean:add(values, weight)
  local total, count = weights.totals(values, weight)
  self.total, self.count = self.total + total, self.count + count
end

-- A tensor that outlives the scope it is made in.
function metric.kept(tensor)
  return core.keep(tensor)
end

local function same_shape(a, b)
  if a.ndim ~= b.ndim then return false end
  for d = 1, a.ndim do
    if a:size(d) ~= b:size(d) then return false end
  end
  return true
end

-- Targets and predictions of one shape: {N} and {N, 1} are the same thing, nothing else broadcasts.
function metric.paired(name, y_true, y_pred)
  if y_pred.ndim == y_true.ndim + 1 and y_pred:size(-1) == 1 then
    y_pred = y_pred:squeeze(-1)
  elseif y_true.ndim == y_pred.ndim + 1 and y_true:size(-1) == 1 then
    y_true = y_true:squeeze(-1)
  end
  if not same_shape(y_true, y_pred) then
    errors.fail("%s: y_true and y_pred must have the same shape; got %s and %s", name, errors.shape(y_true.shape),
      errors.shape(y_pred.shape))
  end
  return y_true, y_pred
end

-- Labels are whole numbers 0..k-1, or `ignored`, if that is not nil; the first that is none of these is told, as losses
-- tell it.
function metric.check_labels(name, labels, k, ignored)
  if labels:numel() == 0 then return end
  if ignored then labels = nn.where(labels:eq(ignored), nn.zeros_like(labels), labels) end
  local whole = labels.dtype == "int64" or labels.dtype == "uint8"
  local lo, hi = core.range(labels)
  if lo >= 0 and hi < k and (whole or labels:eq(labels:floor()):all():item() ~= 0) then return end
  -- NaN is no whole number either
  local broken = whole and nn.zeros_like(labels) or labels:ne(labels:floor())
  local position = (broken:ne(0) + labels:lt(0) + labels:ge(k)):reshape(-1):gt(0):argmax():item()
  local value = labels:reshape(-1)[position]
  local row = (position - 1) // (labels:numel() // math.max(1, labels.ndim > 0 and labels:size(1) or 1)) + 1
  if math.tointeger(value) then
    errors.fail("%s: label %d in row %d is outside 0..%d", name, value, row, k - 1)
  end
  errors.fail("%s: label %s in row %d is not a whole number", name, errors.show(value), row)
end

-- Labels of shape {...} for predictions {..., K}, from {...} or {..., 1}, checked.
function metric.labels(self, y_true, y_pred)
  local name = self.class_name
  if y_true.ndim == y_pred.ndim and y_true:size(-1) == 1 then y_true = y_true:squeeze(-1) end
  local fits = y_true.ndim == y_pred.ndim - 1
  for d = 1, fits and y_true.ndim or 0 do fits = fits and y_true:size(d) == y_pred:size(d) end
  if not fits then
    errors.fail("%s: y_true must hold a label for each row of y_pred; got %s and %s", name,
      errors.shape(y_true.shape), errors.shape(y_pred.shape))
  end
  metric.check_labels(name, y_true, y_pred:size(-1), self.ignored)
  return y_true
end

function metric.class(definition, base)
  definition.options = family.declare(definition.options or {}, metric.NAME)
  return metric.family:class(definition, base or Metric)
end

return metric
