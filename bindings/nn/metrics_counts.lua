-- Counts of true and false positives and negatives at one or more thresholds, and what is computed of them. One product
-- {2, N} x {N, T + 1} counts a batch for all T thresholds: the last column stands for a threshold below everything.
local nn, core, import = ...
local errors = import "errors"
local metric = import "metric"
local weights = import "weights"

local MASKED = -1e10 -- what top_k leaves of the others (Keras's number)
local BLOCK = 1 << 22 -- elements of the table of comparisons made at once

local Counts = setmetatable({}, {__index = metric.Metric})

local THRESHOLDS = {name = "thresholds", kind = "numbers", optional = true, help = "one (0.5) or several, from 0 to 1"}
local TOP_K = {name = "top_k", kind = "integer", optional = true, min = 1, help = "only the k greatest of a row count"}
local CLASS_ID = {name = "class_id", kind = "integer", optional = true, min = 0, help = "only this label's column"}

function Counts:init(config)
  if config.thresholds and #config.thresholds == 0 then config.thresholds = nil end -- Precision{}
  self.thresholds = config.thresholds or self.default_thresholds and self:default_thresholds(config)
    or {config.top_k and MASKED or 0.5}
  local edges = table.move(self.thresholds, 1, #self.thresholds, 1, {})
  edges[#edges + 1] = -math.huge
  self.edges = metric.kept(nn.tensor(edges))
  self.counts = metric.kept(nn.zeros(2, #edges, {dtype = "float64"}))
end

function Counts:reset_state()
  self.counts:zero_()
end

-- All but the k greatest of each row masked.
local function only_greatest(y_pred, k)
  local greatest = y_pred:topk(k)
  local least = greatest:min(-1, true)
  return nn.where(y_pred:ge(least), y_pred, MASKED)
end

-- The class asked for, flat: y_true, y_pred and weight of shape {M}.
local function flat(self, y_true, y_pred, weight)
  local c = self.config
  y_true, y_pred = metric.paired(self.class_name, y_true, y_pred)
  if c.top_k then y_pred = only_greatest(y_pred, c.top_k) end
  if c.class_id then
    local k = y_pred:size(-1)
    if c.class_id >= k then
      errors.fail("%s: class_id %d is outside 0..%d, the labels of y_pred", self.class_name, c.class_id, k - 1)
    end
    y_true, y_pred = y_true:select(-1, c.class_id + 1), y_pred:select(-1, c.class_id + 1)
  end
  if core.is_tensor(weight) then
    weight = weights.aligned(weight, y_pred):to("float32"):broadcast_to(y_pred.shape):reshape(-1)
  end
  return y_true:reshape(-1), y_pred:reshape(-1), weight
end

-- Adds {weights of positives above each edge; weights of all above it} to counts.
local function add(self, counts, y_true, y_pred, weight)
  local above = y_pred:unsqueeze(-1):gt(self.edges):to("float32")
  local all = core.is_tensor(weight) and weight or nn.full({#y_pred}, weight or 1)
  counts:add_(nn.stack({y_true:ne(0):to("float32") * all, all}, 1):matmul(above))
end

-- The same in blocks of rows.
function Counts:count(counts, y_true, y_pred, weight)
  local n, step = y_pred:numel(), BLOCK // #self.edges
  for first = 1, n, step do
    local length = math.min(step, n - first + 1)
    add(self, counts, y_true:narrow(1, first, length), y_pred:narrow(1, first, length),
      core.is_tensor(weight) and weight:narrow(1, first, length) or weight)
  end
end

function Counts:update(y_true, y_pred, weight)
  self:count(self.counts, flat(self, y_true, y_pred, weight))
end

-- For each threshold: true positives, false positives, false negatives, true negatives (four lists).
function Counts:lists(counts)
  local true_above, above = table.unpack((counts or self.counts):totable())
  local n = #self.thresholds
  local positives, all = true_above[n + 1], above[n + 1]
  local tp, fp, fn, tn = {}, {}, {}, {}
  for i = 1, n do
    tp[i], fp[i] = true_above[i], above[i] - true_above[i]
    fn[i], tn[i] = positives - tp[i], all - positives - fp[i]
  end
  return tp, fp, fn, tn
end

-- 0 where there is nothing to divide by.
function Counts.ratio(a, b)
  return b ~= 0 and a / b or 0
end

-- A number for one threshold, a tensor for several.
function Counts:each(f)
  local tp, fp, fn, tn = self:lists()
  local values = {}
  for i = 1, #tp do values[i] = f(tp[i], fp[i], fn[i], tn[i]) end
  if #values == 1 then return values[1] end
  return nn.tensor(values)
end

-- name -> {class name, direction, help, value at one threshold}
local ratio = Counts.ratio
local ROWS = {
  {"TruePositives", "true_positives", "max", "how many positives are found, by weight", function(tp) return tp end},
  {"FalsePositives", "false_positives", "min", "how many negatives are taken for positives, by weight",
    function(_, fp) return fp end},
  {"FalseNegatives", "false_negatives", "min", "how many positives are missed, by weight",
    function(_, _, fn) return fn end},
  {"TrueNegatives", "true_negatives", "max", "how many negatives are known as such, by weight",
    function(_, _, _, tn) return tn end},
  {"Precision", "precision", "max", "the part of the predicted positives that is right: TP / (TP + FP)",
    function(tp, fp) return ratio(tp, tp + fp) end, true},
  {"Recall", "recall", "max", "the part of the positives that is found: TP / (TP + FN)",
    function(tp, _, fn) return ratio(tp, tp + fn) end, true},
}

for _, row in ipairs(ROWS) do
  local class_name, name, direction, help, value, of_classes = table.unpack(row, 1, 6)
  metric.class({class_name = class_name, name = name, direction = direction, help = help, positional = 1,
    options = of_classes and {THRESHOLDS, TOP_K, CLASS_ID} or {THRESHOLDS},
    result = function(self) return self:each(value) end}, Counts)
end

Counts.flat, Counts.CLASS_ID = flat, CLASS_ID
return Counts
