-- The classes of layers by name: those in C, one for each row of core.rows "layer", and the few that are Lua alone.

local nn, core, import = ...
local class = import "class"
local errors = import "errors"
local given = import "given"
local Layer = import "layer"
local layer_call = core.layer_call

local classes = {}

-- What a row's class can do beyond Layer: its call is one crossing into C.
local Builtin = {}

-- The values of the options as C takes them: activations as handles, what Lua alone uses (initializers ...) as false.
local FOR_LUA = {initializer = true, regularizer = true, constraint = true}

local function values_of(layer)
  local values = {}
  for i, option in ipairs(layer.row.options) do
    local value = layer.config[option.name]
    if option.kind == "activation" and value ~= nil then
      local activation = import "activations".get(value)
      rawset(layer, option.name, activation)
      if type(value) == "function" then layer.config[option.name] = activation end
      value = activation.handle
    end
    values[i] = not FOR_LUA[option.kind] and value or false
  end
  return values
end

-- The handle holds the options and, once built, the weights.
function Builtin:construct(...)
  Layer.construct(self, ...)
  rawset(self, "handle", core.layer(self.row.index, values_of(self)))
  rawset(self, "direct", self.call == Builtin.call)  -- a model may call the handle without asking the object
end

-- Which weights there are, and their shapes, C says; their first values and what keeps them small are options. They can
-- be read as fields when all are made: layer.kernel is nil before.
function Builtin:build(input_shape)
  given.shape("build", input_shape)
  local batch = table.move(input_shape, 1, #input_shape, 2, {1})
  local tensors = {}
  rawset(self, "tensors", nil)
  for i, spec in ipairs(core.layer_weights(self.handle, batch)) do
    local tensor = self:add_weight {
      name = spec.name, shape = spec.shape, trainable = not spec.frozen,
      initializer = spec.initializer or self.config[spec.name .. "_initializer"],
      regularizer = self.config[spec.name .. "_regularizer"], constraint = self.config[spec.name .. "_constraint"]}
    core.layer_set_weight(self.handle, i, tensor)
    tensors[spec.name] = tensor
  end
  rawset(self, "tensors", tensors)
end

-- The __index of a class: its methods, and the weights as they are, which are no fields of the object's own so that
-- assigning to one is seen.
function Builtin.reader(made)
  return function(layer, key)
    local value = made[key]
    if value ~= nil then return value end
    local tensors = rawget(layer, "tensors")
    return tensors and tensors[key]
  end
end

-- Whether key is a weight, or will be one: those have an initializer. A class with a build of its own has its own.
local function is_weight(layer, key)
  local tensors = rawget(layer, "tensors")
  if tensors and tensors[key] then return true end
  if layer.build ~= layer.built_in_build then return false end
  for _, option in ipairs(layer.row.options) do
    if option.name == tostring(key) .. "_initializer" then return true end
  end
  return false
end

-- The layer would go on with the weight that it has.
function Builtin:__newindex(key, value)
  if is_weight(self, key) then
    errors.fail("%s: %s is a weight, and no other tensor can take its place; layer:set_weights{...} changes its " ..
      "numbers", self.class_name, key)
  end
  Layer.__newindex(self, key, value)
end

-- What completes behind a layer, beside its fields.
function Builtin:__names()
  local names, made = {}, getmetatable(self)
  for name in pairs(rawget(self, "tensors") or {}) do names[name] = self[name] end
  while made do
    for name, value in pairs(made) do names[name] = names[name] or value end
    made = rawget(made, "base")
  end
  return names
end

-- Whether it is called as at inference even in training: a class may define a function that tells.
Builtin.rests = false

-- A class with takes_mask defines masked.
function Builtin:call(x, training, mask)
  if mask then return nn.scope(self.masked, self, x, mask) end
  return layer_call(self.handle, x, training and not (self.rests and self:rests()) or false)
end

class.methods("layer", Builtin, {"build", "call"})
Builtin.built_in_build = Builtin.build

for _, row in ipairs(core.rows "layer") do
  local made = Layer.define(Layer, row.name, row.options, row.positional)
  for name, method in pairs(Builtin) do made[name] = method end
  made.__index = Builtin.reader(made)
  made.row, made.help, made.min_rank = row, row.help, row.min_rank
  classes[row.name] = made
end

-- One whose weights training does not change keeps its averages, and uses them.
function classes.BatchNormalization:rests()
  return self.frozen or not self.trainable
end

-- Where the steps that come out are those that went in. What else there is, such as Flatten, ends a mask.
for _, name in ipairs{"Dense", "Activation", "Identity", "Rescaling", "ReLU", "LeakyReLU", "PReLU", "ELU", "Softmax",
  "Dropout", "AlphaDropout", "GaussianNoise", "GaussianDropout", "BatchNormalization", "LayerNormalization"} do
  classes[name].supports_masking = true
end

function classes.Embedding:construct(...)
  Builtin.construct(self, ...)
  rawset(self, "makes_mask", self.mask_zero)
end

-- The mean over the steps {N, T} that count, of x {N, T, features}; where none does, 0 (Keras: NaN).
classes.GlobalAveragePooling1D.takes_mask = true
function classes.GlobalAveragePooling1D:masked(x, mask)
  if x.ndim ~= 3 or mask.ndim ~= 2 or x:size(1) ~= mask:size(1) or x:size(2) ~= mask:size(2) then
    errors.fail("%s: a mask %s does not fit the input %s", self.class_name, errors.shape(mask.shape),
      errors.shape(x.shape))
  end
  local counts = mask:to(x.dtype):unsqueeze(-1)
  return (x * counts):sum(2, self.keepdims) / counts:sum(2, self.keepdims):clamp(1)
end

-- Normalization learns from data before training, not in it.
local Normalization = classes.Normalization

-- Takes mean and (population) variance of x for each element along axis; of everything without an axis.
function Normalization:adapt(x)
  if self.config.mean then errors.fail("adapt: the mean and variance of %s were given as options", self.name) end
  x = Layer.as_tensor(x)
  if not core.is_tensor(x) or x.ndim < 2 then
    errors.fail("adapt: samples {N, ...} are expected; got %s", errors.show(x))
  end
  self:ensure_built(Layer.row_shape(x))
  -- the statistics are over all dimensions but axis
  local axis, dims = self.axis, {}
  if axis and axis < 0 then axis = x.ndim + 1 + axis end
  for d = 1, x.ndim do
    if d ~= axis then dims[#dims + 1] = d end
  end
  -- sums of many rows
  x = x:to "float64"
  self:set_weights{x:mean(dims), x:var(dims)}
end

class.methods("layer", Normalization, {"adapt"})

-- What is Lua alone: Input, Lambda, ActivityRegularization. An Input is only asked for the shape, so it takes nothing
-- else that a layer can be told: Keras's batch_size and dtype would be lost.
local Input = Layer.define(Layer, "Input",
  {{name = "shape", kind = "shape", required = true, help = "of one sample"}}, 1)
Input.declared = {Input.own[1], Layer.declared[#Layer.declared]}  -- the last is name
Input.help = "the shape of one input, first in a Sequential"
classes.Input = Input

function Input:construct(...)
  Layer.construct(self, ...)
  rawset(self, "input_shape", self.shape)
end

function Input.call(_, x) return x end

local Lambda = Layer.define(Layer, "Lambda",
  {{name = "function", kind = "function", required = true, help = "f(x), or f(x, training)"}}, 1)
Lambda.help = "a function of the user's as a layer; not saved"
classes.Lambda = Lambda

-- Whether f takes training beside x: only then it is told, as in Keras, so that nn.relu and the like may stand there.
-- An object's call has the object in front.
local function hears_training(f)
  if type(f) == "function" then return core.parameters(f) >= 2 end
  local call = getmetatable(f).__call
  return type(call) == "function" and core.parameters(call) >= 3
end

function Lambda:construct(...)
  Layer.construct(self, ...)
  rawset(self, "hears_training", hears_training(self["function"]))
end

function Lambda:call(x, training)
  local f = self["function"]
  local y
  if self.hears_training then y = f(x, training) else y = f(x) end
  if core.is_tensor(y) then return y end
  errors.fail("%s: the function must return a tensor; got %s", self.name, errors.show(y))
end

local function factor(name, help)
  return {name = name, kind = "number", default = 0, min = 0, max = math.huge, help = help}
end

local ActivityRegularization = Layer.define(Layer, "ActivityRegularization",
  {factor("l1", "weight of the sum of magnitudes"), factor("l2", "weight of the sum of squares")}, 2)
ActivityRegularization.help = "adds a penalty on its input to the loss"
classes.ActivityRegularization = ActivityRegularization

function ActivityRegularization:construct(...)
  Layer.construct(self, ...)
  rawset(self, "activity_regularizer", import "regularizers".L1L2 {l1 = self.l1, l2 = self.l2})
end

function ActivityRegularization.call(_, x) return x end

-- Users' classes are found as well, by the names that they gave them.
return setmetatable(classes, {__index = function(_, name) return Layer.registry[name] end})
