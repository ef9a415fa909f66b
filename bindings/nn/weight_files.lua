-- model:save_weights and load_weights: a file of the weights alone, under names such as "dense/kernel".

local nn, core, import = ...
local class = import "class"
local errors = import "errors"
local files = import "files"
local options = import "options"
local fail = errors.fail

local M = {}

local ENDING = "%.safetensors$"

-- Adds {name =, weight =} for the weights of layer and of what it contains. A layer that was given no name is called by
-- its class and counted anew in each model, so that the same model built a second time has the same names.
local function collect(layer, prefix, list, seen)
  local taken = {}
  for _, weight in ipairs(layer.weights) do
    if not seen[weight] then
      seen[weight] = true
      list[#list + 1] = {name = prefix .. class.unique(weight.name, taken), weight = weight}
    end
  end
  for _, sublayer in ipairs(layer.sublayers) do
    if not seen[sublayer] then
      seen[sublayer] = true
      local name = sublayer.config.name or class.snake_case(sublayer.class_name)
      collect(sublayer, prefix .. class.unique(name, taken) .. "/", list, seen)
    end
  end
end

-- All weights of a model with their names.
local function named_weights(call, model)
  if not model.built then
    fail("%s: the model has no weights yet; give its first layer an input_shape, or call model:build(shape)", call)
  end
  local list = {}
  collect(model, "", list, {})
  return list
end

local function check_path(call, path)
  if type(path) ~= "string" then fail("%s: path must be a string; got %s", call, errors.show(path)) end
  if not path:lower():find(ENDING) then fail("%s: %s: weights are kept in .safetensors files", call, path) end
end

-- save_weights(path)
function M.save_weights(model, path)
  check_path("save_weights", path)
  local names, tensors = {}, {}
  for i, entry in ipairs(named_weights("save_weights", model)) do
    names[i], tensors[i] = entry.name, entry.weight.tensor
  end
  core.save_tensors("save_weights", path, names, tensors, files.pairs_of("save_weights", {nnlua = "weights"}))
end

local LOAD = {{name = "path", kind = "text", required = true, help = "the file"},
  {name = "skip_mismatch", kind = "flag", default = false, help = "leave weights that do not fit as they are"}}
options.functions.load_weights = LOAD

-- What the file has for each weight of the model, in its dtype; of those that do not fit the first is told.
local function matches(model, path, found)
  local values, why = {}, nil
  for i, entry in ipairs(named_weights("load_weights", model)) do
    local given, tensor = found[entry.name], entry.weight.tensor
    found[entry.name] = nil
    local wanted = errors.shape(tensor.shape)
    if not given then
      why = why or ('%s has no "%s" %s'):format(path, entry.name, wanted)
    elseif errors.shape(given.shape) ~= wanted then
      why = why or ('%s: "%s" must have shape %s; got %s'):format(path, entry.name, wanted, errors.shape(given.shape))
    else
      values[i] = given:to(tensor.dtype)
    end
  end
  local other = next(found)
  if other then why = why or ('%s has "%s", which the model has not'):format(path, other) end
  return values, why
end

-- load_weights(path[, {skip_mismatch = true}]); nothing is changed unless all fit.
function M.load_weights(model, ...)
  local c = options.parse("load_weights", LOAD, 1, ...)
  check_path("load_weights", c.path)
  local weights = named_weights("load_weights", model)
  local names, tensors = core.load_tensors("load_weights", c.path)
  local found = {}
  for i, name in ipairs(names) do found[name] = tensors[i] end
  local values, why = matches(model, c.path, found)
  if why and not c.skip_mismatch then fail("load_weights: %s", why) end
  if why then errors.warn("load_weights: %s", why) end
  nn.no_grad(function()
    for i, entry in ipairs(weights) do
      if values[i] then entry.weight.tensor:copy_(values[i]) end
    end
  end)
end

return M
