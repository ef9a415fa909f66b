-- Means: of values given directly, of each loss per sample, and the root of the mean square.
local nn, core, import = ...
local given = import "given"
local metric = import "metric"
local weights = import "weights"

-- Mean and Sum take values instead of targets and predictions: update_state(values[, weight]).
local Plain = setmetatable({}, {__index = metric.Mean})

function Plain:update_state(values, weight)
  -- a number of Lua's is a float64
  if type(values) == "number" then values = nn.tensor(values, {dtype = "float64"}) end
  values = given.tensor("update_state", "values", values)
  nn.no_grad(nn.scope, self.add, self, values, given.weight("update_state", weight))
end

metric.class({class_name = "Mean", name = "mean", help = "the weighted mean of the values"}, Plain)

metric.class({class_name = "Sum", name = "sum", help = "the weighted sum of the values",
  result = function(self) return self.total end}, Plain)

metric.class({class_name = "RootMeanSquaredError", name = "root_mean_squared_error", alias = "rmse", direction = "min",
  help = "sqrt(mean (y_pred - y_true)^2)",
  update = function(self, y_true, y_pred, weight)
    y_true, y_pred = metric.paired(self.class_name, y_true, y_pred)
    self:add((y_pred - y_true):to("float32"):square(), weight)
  end,
  result = function(self) return math.sqrt(metric.Mean.result(self)) end}, metric.Mean)

-- The losses as metrics. Cosine similarity is better when greater, and has the other sign than the loss.
local SPECIAL = {
  CosineSimilarity = {direction = "max", sign = -1, help = "cos of the angle between y and p"},
  LogCosh = {class_name = "LogCoshError", name = "logcosh", alias = "log_cosh"},
}

local OfLoss = setmetatable({direction = "min", sign = 1}, {__index = metric.Mean})

function OfLoss:update(y_true, y_pred, weight)
  -- {N} beside {N} are N samples of one value
  if y_pred.ndim == 1 and not self.row.sparse then y_pred = y_pred:unsqueeze(-1) end
  local values = core.loss_values(self.row_index, self.values, y_true, y_pred)
  if self.sign < 0 then values = -values end
  local ignored = self.config.ignore_class
  if ignored then
    local counted = y_true:reshape(values.shape):ne(ignored):to "float32"
    weight = weight and counted * (type(weight) == "number" and weight or weights.aligned(weight, counted)) or counted
  end
  self:add(values, weight)
end

metric.family:rows("loss", OfLoss, {metric.NAME}, function(row)
  return SPECIAL[row.class_name]
end)
