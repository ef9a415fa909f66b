-- Metrics of a whole curve over many thresholds: the area under ROC or precision-recall, and the best of one rate where
-- another is kept. Formulas are Keras's.
local nn, _, import = ...
local Counts = import "metrics_counts"
local metric = import "metric"

local EPSILON = 1e-7
local MOST = 1000000   -- thresholds or columns: each is a number in a list of Lua's
local ratio = Counts.ratio

-- first, 1/(n-1), ..., (n-2)/(n-1), last
local function evenly(n, first, last)
  local thresholds = {first}
  for i = 1, n - 2 do thresholds[i + 1] = i / (n - 1) end
  thresholds[n] = last
  return thresholds
end

local THRESHOLD_COUNT = {name = "num_thresholds", kind = "integer", default = 200, min = 2, max = MOST,
  help = "evenly between 0 and 1"}

local AUC = {class_name = "AUC", name = "auc", direction = "max", help = "the area under the curve",
  options = {THRESHOLD_COUNT,
    {name = "curve", kind = "choice", default = "ROC", choices = {"ROC", "PR"}, help = "which curve"},
    {name = "summation_method", kind = "choice", default = "interpolation",
      choices = {"interpolation", "minoring", "majoring"}, help = "what stands between two thresholds"},
    {name = "thresholds", kind = "numbers", optional = true, help = "between 0 and 1, instead of num_thresholds"},
    {name = "multi_label", kind = "flag", default = false, help = "the mean of each column's area"},
    {name = "num_labels", kind = "integer", optional = true, min = 1, max = MOST, help = "columns, with multi_label"},
    {name = "label_weights", kind = "numbers", optional = true, help = "of the columns in that mean"},
    {name = "from_logits", kind = "flag", default = false, help = "y_pred goes through a sigmoid first"}}}

function AUC:init(config)
  local thresholds = config.thresholds
  if thresholds then
    thresholds = table.move(thresholds, 1, #thresholds, 2, {-EPSILON})
    table.sort(thresholds)
    thresholds[#thresholds + 1] = 1 + EPSILON
  end
  Counts.init(self, {thresholds = thresholds or evenly(config.num_thresholds, -EPSILON, 1 + EPSILON)})
  self.columns = {}
end

function AUC:reset_state()
  Counts.reset_state(self)
  for _, counts in ipairs(self.columns) do counts:zero_() end
end

-- With multi_label each column has counts of its own.
function AUC:update(y_true, y_pred, weight)
  if self.config.from_logits then y_pred = y_pred:sigmoid() end
  if not self.config.multi_label then return Counts.update(self, y_true, y_pred, weight) end
  y_true, y_pred = metric.paired("AUC", y_true, y_pred)
  for i = 1, y_pred:size(-1) do
    self.columns[i] = self.columns[i] or metric.kept(nn.zeros(2, #self.thresholds + 1, {dtype = "float64"}))
    self:count(self.columns[i], self:flat(y_true:select(-1, i), y_pred:select(-1, i), weight))
  end
end

local function mean(a, b) return (a + b) / 2 end
local HEIGHT = {interpolation = mean, minoring = math.min, majoring = math.max}

-- Davis and Goadrich, The relationship between precision-recall and ROC curves (2006): between two points true
-- positives grow linearly with the positives predicted.
local function interpolated_pr(tp, fp, fn)
  local area = 0
  for i = 1, #tp - 1 do
    local p, q = tp[i] + fp[i], tp[i + 1] + fp[i + 1]
    local slope = ratio(tp[i] - tp[i + 1], math.max(p - q, 0))
    local intercept = tp[i + 1] - slope * q
    local log_ratio = p > 0 and q > 0 and math.log(p / q) or 0
    area = area + ratio(slope * (tp[i] - tp[i + 1] + intercept * log_ratio), math.max(tp[i + 1] + fn[i + 1], 0))
  end
  return area
end

function AUC:area(counts)
  local c = self.config
  local tp, fp, fn, tn = self:lists(counts)
  if c.curve == "PR" and c.summation_method == "interpolation" then return interpolated_pr(tp, fp, fn) end
  local x, y = {}, {}
  for i = 1, #tp do
    local recall = ratio(tp[i], tp[i] + fn[i])
    if c.curve == "ROC" then x[i], y[i] = ratio(fp[i], fp[i] + tn[i]), recall
    else x[i], y[i] = recall, ratio(tp[i], tp[i] + fp[i]) end
  end
  local height, area = HEIGHT[c.summation_method], 0
  for i = 1, #x - 1 do area = area + (x[i] - x[i + 1]) * height(y[i], y[i + 1]) end
  return area
end

function AUC:result()
  if not self.config.multi_label then return self:area() end
  local total, weight = 0, 0
  for i, counts in ipairs(self.columns) do
    local w = self.config.label_weights and self.config.label_weights[i] or 1
    total, weight = total + w * self:area(counts), weight + w
  end
  return ratio(total, weight)
end

metric.class(AUC, Counts)

-- Rates at one threshold.
local RATE = {
  sensitivity = function(tp, _, fn) return ratio(tp, tp + fn) end,
  specificity = function(_, fp, _, tn) return ratio(tn, tn + fp) end,
  precision = function(tp, fp) return ratio(tp, tp + fp) end,
}
RATE.recall = RATE.sensitivity

-- The greatest of one rate over the thresholds where the other is at least the value asked for.
local function best_at(class_name, name, best, kept)
  metric.class({class_name = class_name, name = name, direction = "max", positional = 1,
    help = ("the greatest %s where the %s is at least the value"):format(best, kept),
    options = {{name = kept, kind = "number", required = true, min = 0, max = 1, help = "the value to keep"},
      THRESHOLD_COUNT, Counts.CLASS_ID},
    default_thresholds = function(_, config) return evenly(config.num_thresholds, 0, 1) end,
    result = function(self)
      local tp, fp, fn, tn = self:lists()
      local greatest = 0
      for i = 1, #tp do
        if RATE[kept](tp[i], fp[i], fn[i], tn[i]) >= self.config[kept] then
          greatest = math.max(greatest, RATE[best](tp[i], fp[i], fn[i], tn[i]))
        end
      end
      return greatest
    end}, Counts)
end

best_at("SensitivityAtSpecificity", "sensitivity_at_specificity", "sensitivity", "specificity")
best_at("SpecificityAtSensitivity", "specificity_at_sensitivity", "specificity", "sensitivity")
best_at("PrecisionAtRecall", "precision_at_recall", "precision", "recall")
best_at("RecallAtPrecision", "recall_at_precision", "recall", "precision")
