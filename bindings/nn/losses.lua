-- nn.losses: the rows of the loss table as functions (a value per sample) and as classes (weighted and reduced to one
-- number), and users' own functions, which get the same weights and reductions.
local _, core, import = ...
local errors = import "errors"
local family = import "family"
local given = import "given"
local parse = import("options").parse
local weights = import "weights"

local REDUCTION = {name = "reduction", kind = "choice", default = "sum_over_batch_size",
  choices = {"sum_over_batch_size", "sum", "mean", "mean_with_sample_weight", "none"},
  help = "how the values of the samples become one number"}
local NAME = {name = "name", kind = "text", optional = true, help = "shown in errors and files"}

-- The same as core.loss does after its formula: for functions written in Lua.
local function reduce(values, weight, reduction)
  if weight then values = values * weights.aligned(weight, values) end
  if reduction == "none" then return values end
  if reduction == "sum" then return values:sum() end
  if reduction == "mean_with_sample_weight" and weight then
    return values:sum() / (type(weight) == "number" and weight * values:numel() or weight:sum())
  end
  return values:mean()
end

-- Built-in: one call into C. row_index and values let the model do the same without the object.
local Loss = {}

function Loss:init(config)
  self.reduction = config.reduction
  self.from_logits = config.from_logits
end

function Loss:__call(y_true, y_pred, weight)
  return core.loss(self.row_index, self.values, family.tensor(y_true), family.tensor(y_pred), weight, self.reduction)
end

-- The same loss computed from logits; nil where there is no such form.
function Loss:with_logits()
  if self.from_logits == nil or self.from_logits then return self.from_logits and self or nil end
  if not self.logits then
    local config = {}
    for name, value in pairs(self.config) do config[name] = value end
    config.from_logits = true
    self.logits = getmetatable(self)(config)
  end
  return self.logits
end

-- A user's f(y_true, y_pred), which may give a value per sample or one number.
local function call_function(object, y_true, y_pred, weight)
  y_pred = family.tensor(y_pred)
  local values = object.call(family.like(family.tensor(y_true), y_pred), y_pred)
  if not core.is_tensor(values) then
    errors.fail("loss: the function must give a tensor; got %s", type(values))
  end
  return reduce(values, given.weight("loss", weight), object.reduction)
end

local losses = family.new("loss", {call = call_function, options = {REDUCTION, NAME}, base = Loss})

-- "crossentropy" becomes one of the three when it sees its first shapes: by the last size of the prediction, then by
-- whether the targets are labels.
local function crossentropy_for(y_true, y_pred)
  local t, p = y_true.shape, y_pred.shape
  if #p < 2 or p[#p] == 1 then return "binary_crossentropy" end
  return (#t < #p or t[#t] == 1) and "sparse_categorical_crossentropy" or "categorical_crossentropy"
end

losses:class({class_name = "Crossentropy", name = "crossentropy", alias = "ce", options = {REDUCTION, NAME},
  help = "the crossentropy that fits the shapes",
  __call = function(self, y_true, y_pred, weight)
    y_true = given.tensor("crossentropy", "y_true", y_true)
    y_pred = given.tensor("crossentropy", "y_pred", y_pred)
    self.chosen = self.chosen or losses:named(crossentropy_for(y_true, y_pred)){reduction = self.reduction}
    return self.chosen(y_true, y_pred, weight)
  end}, Loss)

-- nn.losses.huber(y_true, y_pred[, {delta = 2}]) -> a value per sample
local function as_function(row)
  local _, defaults = parse(row.name, row.options, 0)
  return function(y_true, y_pred, options)
    local values = defaults
    if options then _, values = parse(row.name, row.options, 0, options) end
    return core.loss_values(row.index, values, family.tensor(y_true), family.tensor(y_pred))
  end
end

losses:rows("loss", Loss, {REDUCTION, NAME}, function(row)
  return {behind = row.behind, sparse = row.sparse}
end)

for _, class in ipairs(losses.classes) do
  if class.row then
    local f = as_function(class.row)
    losses.public[class.name], losses.by_function[f] = f, class
  end
end

-- The class that a function of nn.losses belongs to, or nil.
function losses.public.class_of(f)
  return losses.by_function[f]
end

return losses.public
