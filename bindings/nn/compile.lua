-- model:compile{optimizer =, loss =, metrics =, weighted_metrics =}: specs become objects; the weights stay.

local _, _, import = ...
local class = import "class"
local options = import "options"
local errors = import "errors"

local DECLARED = {
  {name = "optimizer", kind = "any", default = "rmsprop", help = "a name or an optimizer"},
  {name = "loss", kind = "any", optional = true, help = "a name, a loss or f(y_true, y_pred)"},
  {name = "metrics", kind = "any", optional = true, help = "a list of names, metrics or functions"},
  {name = "weighted_metrics", kind = "any", optional = true, help = "those that take the sample weights into account"},
}
options.functions.compile = DECLARED

-- One spec alone is a list of one; {name = f} is a function with its name.
local function specs_of(given)
  if given == nil then return {} end
  if type(given) ~= "table" or getmetatable(given) or given.class_name or given.update_state then return {given} end
  local specs = table.move(given, 1, #given, 1, {})
  local names = {}
  for name in pairs(given) do
    if type(name) == "string" then names[#names + 1] = name end
  end
  table.sort(names)
  for _, name in ipairs(names) do specs[#specs + 1] = {name = name, spec = given[name]} end
  return specs
end

-- Makes metrics of specs; weighted: they get the sample weights.
-- model.weighted[i] tells it of model.metrics[i].
local function add_metrics(model, given, weighted, taken)
  for _, spec in ipairs(specs_of(given)) do
    local named = type(spec) == "table" and not getmetatable(spec) and spec.spec
    local metric = import "metrics".get(named or spec, model.loss)
    if named then metric.name = spec.name end
    metric.name = class.unique(metric.name, taken)
    table.insert(model.metrics, metric)
    model.weighted[#model.metrics] = weighted
  end
end

local M = {}

-- compile{...}; "accuracy" is decided at the first batch, when shapes are known.
function M.compile(model, ...)
  local config = options.parse("compile", DECLARED, 0, ...)
  local optimizer = import "optimizers".get(config.optimizer)
  if type(optimizer) ~= "table" or not optimizer.step then
    errors.fail("compile: optimizer must be a name or an optimizer; got %s", errors.show(config.optimizer))
  end
  model.optimizer, model.loss = optimizer, import "losses".get(config.loss)
  model.compiled = config   -- as it was asked for: what a file keeps
  model.metrics, model.weighted = {}, {}
  -- names are keys of history and logs, beside loss
  local taken = {loss = true}
  add_metrics(model, config.metrics, false, taken)
  add_metrics(model, config.weighted_metrics, true, taken)
end

-- Complains unless the model can be trained or tested.
function M.check(model, call)
  if not model.compiled then errors.fail("%s: You must call compile() before using the model", call) end
  if not model.loss then errors.fail("%s: No loss to compute. Provide a loss in compile()", call) end
  if #model.layers == 0 then errors.fail("%s: the model has no layers", call) end
end

return M
