-- The confusion matrix, {K, K} with a row for each true label and a column for each predicted one, and the
-- intersections over unions computed of it.
local nn, _, import = ...
local errors = import "errors"
local metric = import "metric"

local Confusion = {class_name = "ConfusionMatrix", name = "confusion_matrix", positional = 1,
  help = "counts: row = true label + 1, column = predicted label + 1",
  options = {{name = "num_classes", kind = "integer", optional = true, min = 2, help = "K; else seen from y_pred"},
    {name = "threshold", kind = "number", default = 0.5, help = "where two classes have one unit"}}}

function Confusion:reset_state()
  if self.state then self.state:zero_() end
  self.weighted = false
end

-- Labels of shape {M}: of {..., K} the greatest, of floats the side of the threshold, of integers themselves.
local function labels_of(values, k, threshold)
  if values.ndim > 1 and k > 1 and values:size(-1) == k then return values:argmax(-1):sub_(1):reshape(-1) end
  values = values:reshape(-1)
  local is_float = values.dtype == "float32" or values.dtype == "float64"
  if is_float and threshold then return values:gt(threshold):to "int64" end
  return values:to "int64"
end

local function class_count(self, y_pred)
  if self.config.num_classes then return self.config.num_classes end
  return y_pred.ndim > 1 and y_pred:size(-1) > 1 and y_pred:size(-1) or 2
end

-- one_hot(y_true)' x one_hot(y_pred), in float64: whole counts
function Confusion:update(y_true, y_pred, weight)
  local k = self.state and self.state:size(1) or class_count(self, y_pred)
  local wide = y_pred.ndim > 1 and y_pred:size(-1) == k
  local truth = labels_of(y_true, wide and y_true.ndim == y_pred.ndim and k or 0)
  local guess = labels_of(y_pred, k, k == 2 and self.config.threshold)
  if #truth ~= #guess then
    errors.fail("%s: %d labels in y_true and %d predictions in y_pred", self.class_name, #truth, #guess)
  end
  metric.check_labels(self.class_name .. ": y_true", truth, k)
  metric.check_labels(self.class_name .. ": y_pred", guess, k)
  local rows = nn.one_hot(truth, k):to "float64"
  if weight then
    rows = rows * (type(weight) == "number" and weight or weight:to("float64"):reshape(-1, 1))
    self.weighted = true
  end
  self.state = self.state or metric.kept(nn.zeros(k, k, {dtype = "float64"}))
  self.state:add_(rows:t():matmul(nn.one_hot(guess, k):to "float64"))
end

-- int64; float64 once weights were given
function Confusion:result()
  if not self.state then return nn.zeros(2, 2, {dtype = "int64"}) end
  return self.weighted and self.state:clone() or self.state:to "int64"
end

metric.class(Confusion)

-- intersection / union of each class, from the matrix; classes that never appear are left out of the mean.
local function mean_iou(matrix, wanted)
  local total, n = 0, 0
  for i = 1, #matrix do
    local row, column = 0, 0
    for j = 1, #matrix do row, column = row + matrix[i][j], column + matrix[j][i] end
    local union = row + column - matrix[i][i]
    if union > 0 and (not wanted or wanted[i - 1]) then total, n = total + matrix[i][i] / union, n + 1 end
  end
  return n > 0 and total / n or 0
end

local CLASSES = {name = "num_classes", kind = "integer", required = true, min = 2, help = "K"}

metric.class({class_name = "MeanIoU", name = "mean_io_u", alias = "mean_iou", direction = "max", positional = 1,
  help = "the mean over the classes of intersection / union", options = {CLASSES},
  result = function(self) return self.state and mean_iou(self.state:totable()) or 0 end}, Confusion)

metric.class({class_name = "IoU", name = "io_u", alias = "iou", direction = "max", positional = 2,
  help = "the mean over some labels of intersection / union",
  options = {CLASSES, {name = "target_class_ids", kind = "shape", required = true, min = 0, help = "the labels meant"}},
  result = function(self)
    local wanted = {}
    for _, label in ipairs(self.config.target_class_ids) do wanted[label] = true end
    return self.state and mean_iou(self.state:totable(), wanted) or 0
  end}, Confusion)
