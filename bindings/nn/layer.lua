-- nn.Layer: what all layers have in common. A layer holds options and weights and nothing of a step, so it may stand
-- twice in a model. Users make their own with nn.Layer:extend(name, options); the built-in ones are made the same way.
-- input_shape and every other shape here is without the batch.

local nn, core, import = ...
local class = import "class"
local errors = import "errors"
local family = import "family"
local given = import "given"
local options = import "options"
local fail = errors.fail

-- What every layer can be told, after its own options.
local COMMON = {
  {name = "activity_regularizer", kind = "regularizer", optional = true, help = "penalty on the output"},
  {name = "input_shape", kind = "shape", optional = true, help = "shape of one input, without the batch"},
  {name = "input_dim", kind = "integer", optional = true, min = 1, max = math.huge, help = "input_shape = {input_dim}"},
  {name = "dtype", kind = "dtype", default = "float32", help = "of the weights"},
  {name = "trainable", kind = "flag", default = true, help = "whether training changes the weights"},
  {name = "name", kind = "text", optional = true, help = "made from the class if not given"},
}

-- What add_weight can be told.
local WEIGHT = {
  {name = "name", kind = "text", default = "weight", help = "in files and messages"},
  {name = "shape", kind = "shape", default = {}, help = "of the weight"},
  {name = "initializer", kind = "initializer", default = "glorot_uniform", help = "first values"},
  {name = "trainable", kind = "flag", default = true, help = "whether training changes it"},
  {name = "regularizer", kind = "regularizer", optional = true, help = "penalty on it"},
  {name = "constraint", kind = "constraint", optional = true, help = "what it is brought back to after each step"},
  {name = "dtype", kind = "dtype", optional = true, help = "the layer's, if not given"},
}
options.functions.add_weight = WEIGHT

local Layer = class.new "Layer"
Layer.help = "what all layers are made of, and your own: nn.Layer:extend(name, options)"
Layer.own, Layer.declared, Layer.positional = {}, COMMON, 0
Layer.min_rank = 1  -- of the input, the batch included

local registry = {Layer = Layer}  -- class name -> class, for loading

-- A new class, as extend makes it, whatever its name.
local function define(base, name, declared, positional)
  local made = class.new(name, base)
  made.own = family.declare(options.rows("extend", declared or {}), table.unpack(base.own))
  made.declared = family.declare(made.own, table.unpack(COMMON))
  if base.reader then made.__index = base.reader(made) end
  made.positional = positional or base.positional
  while not positional and made.own[made.positional + 1] and made.own[made.positional + 1].required do
    made.positional = made.positional + 1
  end
  -- nn keeps what it was once asked for
  if registry[name] and rawget(nn, name) == registry[name] then rawset(nn, name, nil) end
  registry[name] = made
  return made
end

-- A new class of layers. declared: {name = default, ...}, or rows as in the tables of options, the natural arguments
-- first: positional of them (those required, if not said). The names of built-in layers are taken, since files name a
-- layer by its class.
function Layer.extend(base, name, declared, positional)
  if type(name) ~= "string" or name == "" then
    fail("extend: the name of the class is expected; got %s", errors.show(name))
  end
  if name == "Layer" or name == "Sequential" or rawget(import "layers", name) then
    fail('extend: there is a layer "%s" already; give yours another name', name)
  end
  return define(base, name, declared, positional)
end

-- Options become fields (self.factor), beside name, weights, built; rawset: they are no layers of its own.
function Layer:construct(...)
  local config = options.parse(self.class_name, self.declared, self.positional, ...)
  rawset(self, "sublayers", {})
  for name, value in pairs(config) do rawset(self, name, value) end
  if config.input_dim and self.class_name ~= "Embedding" then
    rawset(self, "input_shape", config.input_shape or {config.input_dim})
  end
  if config.activity_regularizer then
    rawset(self, "activity_regularizer", import "regularizers".get(config.activity_regularizer))
  end
  rawset(self, "config", config)
  rawset(self, "name", config.name or class.auto_name(self.class_name))
  rawset(self, "weights", {})
  rawset(self, "built", false)
  rawset(self, "makes_mask", false)
  rawset(self, "frozen", false)  -- as of the last look at the weights: this layer or one above is not trainable
end

local SWITCHES = {"trainable", "stop_training"}
local SLIP = 2  -- letters that are wrong in a slip of the pen

-- Fields are the user's to make, but one that is nearly a switch is a switch misspelt, which would do nothing.
local function check_field(layer, key)
  for _, switch in ipairs(SWITCHES) do
    if type(key) == "string" and key ~= switch and core.distance(key, switch) <= SLIP then
      fail('%s: it has no field "%s"; did you mean "%s"?', layer.class_name, key, switch)
    end
  end
end

-- A layer that is stored in a field of another belongs to it, weights and all.
function Layer:__newindex(key, value)
  check_field(self, key)
  rawset(self, key, value)
  if class.is(value, Layer) then table.insert(self.sublayers, value) end
end

-- To be defined by each class; a layer without weights needs no build.
function Layer.build() end

function Layer:call()
  fail("%s: the class defines no call(self, x, training)", self.class_name)
end

-- Shapes are lists of integers.
local function same_shape(a, b)
  return table.concat(a, ",") == table.concat(b, ",")
end

-- Makes a weight, keeps it in self.weights and returns its tensor.
function Layer:add_weight(...)
  local w = options.parse("add_weight", WEIGHT, 0, ...)
  local value = import "initializers".get(w.initializer)(w.shape, w.dtype or self.dtype)
  -- a user's function may give a tensor that it keeps
  if type(w.initializer) == "function" then value = value:detach():clone() end
  if not same_shape(value.shape, w.shape) then
    fail('%s: the initializer of "%s" gave %s; expected %s', self.class_name, w.name, errors.shape(value.shape),
      errors.shape(w.shape))
  end
  core.keep(value)  -- a weight outlives the nn.scope that it may be made in
  if w.trainable then value:requires_grad_(true) end
  table.insert(self.weights, {name = w.name, tensor = value, trainable = w.trainable, recorded = w.trainable,
    initializer = w.initializer,
    regularizer = w.regularizer and import "regularizers".get(w.regularizer),
    constraint = w.constraint and import "constraints".get(w.constraint)})
  return value
end

-- Builds for inputs of this shape, once. A build that fails leaves nothing behind.
function Layer:ensure_built(shape)
  if self.built then return end
  given.shape("build", shape)
  self.weights = {}
  self:build(shape)
  self.built, self.input_shape = true, self.input_shape or shape
end

-- The shape of x without its first dimension.
local function row_shape(x)
  return table.move(x.shape, 2, x.ndim, 1, {})
end

-- A list in place of a tensor.
local function as_tensor(x)
  return type(x) == "table" and nn.tensor(x) or x
end

-- One sample where a batch of them belongs. shape: what a sample is, where that is known.
local function check_batch(call, x, shape, min_rank)
  local rank = x.ndim
  if shape and rank == #shape and same_shape(x.shape, shape) then
    fail("%s: inputs of %s, the batch first, are expected; got %s; one sample alone is x:unsqueeze(1)", call,
      errors.shape{"N", table.unpack(shape)}, errors.shape(shape))
  elseif rank < min_rank then
    fail("%s: an input of at least %d dimensions, the batch first, is expected; got %s%s", call, min_rank,
      errors.shape(x.shape), rank == min_rank - 1 and rank > 0 and "; one sample alone is x:unsqueeze(1)" or "")
  end
end

-- layer(x[, training[, mask]]): builds at the first call. Only a class with takes_mask is given a mask (forward.lua).
function Layer:__call(x, training, mask)
  x = as_tensor(x)
  if not core.is_tensor(x) then fail("%s: expected a tensor; got %s", self.class_name, errors.show(x)) end
  check_batch(self.class_name, x, nil, self.min_rank)
  if not self.built then self:ensure_built(row_shape(x)) end
  if mask and self.takes_mask then return self:call(x, training or false, mask) end
  return self:call(x, training or false)
end

-- The shape of the output for one input of that shape, found by calling the layer on zeros.
function Layer:compute_output_shape(shape)
  self:ensure_built(shape)
  local batch = table.move(shape, 1, #shape, 2, {1})
  local y = nn.no_grad(function() return self(nn.zeros(batch), false) end)
  if not core.is_tensor(y) then fail("%s: call must return a tensor; got %s", self.name, errors.show(y)) end
  return row_shape(y)
end

-- Adds the weights of layer and of what it contains to list, each once, a layer's trainable ones before its others: the
-- order of Keras. frozen: a layer above is not trainable.
local function collect(layer, frozen, list, seen)
  frozen = frozen or not layer.trainable
  layer.frozen = frozen
  for pass = 1, 2 do
    for _, weight in ipairs(layer.weights) do
      if weight.trainable == (pass == 1) and not seen[weight] then
        seen[weight], weight.frozen = true, frozen or not weight.trainable
        list[#list + 1] = weight
      end
    end
  end
  for _, sublayer in ipairs(layer.sublayers) do collect(sublayer, frozen, list, seen) end
end

-- All weights: {name =, tensor =, trainable =, frozen =, regularizer =, constraint =}.
function Layer:all_weights()
  local list = {}
  collect(self, false, list, {})
  return list
end

-- The tensors that training changes, in the order of the weights. Only for these are gradients recorded.
function Layer:parameters()
  local list = {}
  for _, weight in ipairs(self:all_weights()) do
    local wanted = not weight.frozen
    if weight.recorded ~= wanted then
      weight.tensor:requires_grad_(wanted)
      weight.recorded = wanted
    end
    if wanted then list[#list + 1] = weight.tensor end
  end
  return list
end

-- How far the layers with a seed are in their sequences, this one and those it contains, as a list; given such a list,
-- they go there.
function Layer:draws(wanted, list)
  list = list or {}
  if self.handle then
    list[#list + 1] = core.layer_draws(self.handle, wanted and wanted[#list + 1])
  end
  for _, sublayer in ipairs(self.sublayers) do sublayer:draws(wanted, list) end
  return list
end

-- How many numbers the weights are.
function Layer:count_params()
  local count = 0
  for _, weight in ipairs(self:all_weights()) do count = count + weight.tensor:numel() end
  return count
end

-- Copies of all weights.
function Layer:get_weights()
  local list = {}
  for i, weight in ipairs(self:all_weights()) do list[i] = weight.tensor:detach():clone() end
  return list
end

-- Copies a list such as get_weights gives into the weights; nothing is changed unless all fit.
function Layer:set_weights(list)
  local weights = self:all_weights()
  if type(list) ~= "table" or #list ~= #weights then
    fail("set_weights: %s has %d weights; got %s", self.name, #weights,
      type(list) == "table" and "a list of " .. #list or errors.show(list))
  end
  -- all are looked at before one is written
  local values = {}
  for i, weight in ipairs(weights) do
    values[i] = core.is_tensor(list[i]) and list[i] or nn.tensor(list[i])
    if not same_shape(values[i].shape, weight.tensor.shape) then
      fail('set_weights: weight %d ("%s") has shape %s; got %s', i, weight.name, errors.shape(weight.tensor.shape),
        errors.shape(values[i].shape))
    end
  end
  nn.no_grad(function()
    for i, weight in ipairs(weights) do weight.tensor:copy_(values[i]) end
  end)
end

-- The options by name, as data that a file may hold.
function Layer:get_config()
  local config = {}
  for _, row in ipairs(self.declared) do config[row.name] = family.plain(self.config[row.name]) end
  config.name, config.trainable = self.name, self.trainable
  return config
end

local function option_text(value)
  if type(value) == "table" and class.is(value, Layer) then return value.name end
  if type(value) == "table" and getmetatable(value) then return tostring(value) end
  return errors.show(value)
end

-- Dense{units = 8, activation = "relu", name = "dense"}: what was decided.
function Layer:__tostring()
  local parts = {}
  for _, row in ipairs(self.declared) do
    local value = self.config[row.name]
    if value ~= nil and value ~= row.default and row.name ~= "name" and not core.is_tensor(value) then
      parts[#parts + 1] = ("%s = %s"):format(row.name, option_text(value))
    end
  end
  parts[#parts + 1] = ('name = "%s"'):format(self.name)
  return ("%s{%s}"):format(self.class_name, table.concat(parts, ", "))
end

class.methods("nn.Layer", Layer, {"extend"})
class.methods("layer", Layer, {"add_weight", "build", "call", "ensure_built", "compute_output_shape", "all_weights",
  "parameters", "count_params", "get_weights", "set_weights", "get_config"})

Layer.define, Layer.registry, Layer.check_batch, Layer.check_field = define, registry, check_batch, check_field
Layer.row_shape, Layer.as_tensor = row_shape, as_tensor
return Layer
