-- nn.Sequential: layers one after the other. Building, looking at and calling a model are here; compile, fit and the
-- like are read from their files when they are first used.

local _, core, import = ...
local class = import "class"
local errors = import "errors"
local forward = import "forward"
local given = import "given"
local Layer = import "layer"
local fail = errors.fail

local Sequential = Layer.define(Layer, "Sequential",
  {{name = "layers", kind = "list", optional = true, help = "the layers, the first one first"}}, 1)
Sequential.help = "layers one after the other"
Sequential.supports_masking = true  -- what becomes of a mask its layers say

-- What is stored in a model's fields is not part of it; its layers are.
function Sequential:__newindex(key, value)
  Layer.check_field(self, key)
  rawset(self, key, value)
end

-- A misspelt variable in the list is a nil, behind which ipairs sees nothing.
local function check_holes(self, list)
  for key in pairs(list) do
    if math.type(key) ~= "integer" or key < 1 then
      fail("%s: the layers are a list; got the key %s", self.class_name, errors.show(key))
    end
    for i = 1, key do
      if list[i] == nil then fail("%s: layer %d is nil", self.class_name, i) end
    end
  end
end

function Sequential:construct(...)
  Layer.construct(self, ...)
  local list = self.layers or {}
  check_holes(self, list)
  rawset(self, "layers", {})
  rawset(self, "shapes", {})         -- of the outputs, as far as it is built
  rawset(self, "sublayers", self.layers)
  rawset(self, "is_chain", self.call == Sequential.call)  -- a subclass may define its own
  for _, layer in ipairs(list) do self:add(layer) end
end

-- What stands where a layer is expected, when it is none.
local function check_layer(self, layer)
  if class.is(layer, Layer) then return end
  local place = ("%s: layer %d"):format(self.class_name, #self.layers + 1)
  local name = type(layer) == "table" and rawget(layer, "class_name")
  if name then fail("%s is the class %s itself; make a layer of it, nn.%s(...)", place, name, name) end
  fail("%s must be a layer such as nn.Dense(8); got %s", place, errors.show(layer))
end

-- Names lead to layers, in get_layer and in files: each is there once.
local function check_name(self, layer)
  for _, other in ipairs(self.layers) do
    if other.name == layer.name and other ~= layer then
      fail('%s: two layers have the name "%s"; give one of them another', self.class_name, layer.name)
    end
  end
end

-- Builds the layers that were added since, where the shape that they get is known.
local function build_further(self)
  local shape = self.shapes[#self.shapes] or self.input_shape
  if not shape then return end
  for i = #self.shapes + 1, #self.layers do
    shape = self.layers[i]:compute_output_shape(shape)
    self.shapes[i] = shape
  end
  self.output_shape, self.built = shape, true
end

-- add(layer): an Input only says the shape.
function Sequential:add(layer)
  check_layer(self, layer)
  if layer == self then fail("add: a model cannot be a layer of itself") end
  -- the first layer may say what goes in
  if #self.layers == 0 and not self.input_shape then self.input_shape = layer.input_shape end
  if layer.class_name ~= "Input" then
    check_name(self, layer)
    table.insert(self.layers, layer)
  end
  build_further(self)
end

-- pop() -> the last layer, which the model no longer has
function Sequential:pop()
  if #self.layers == 0 then fail("pop: the model has no layers") end
  self.shapes[#self.layers] = nil
  self.output_shape = self.shapes[#self.shapes] or self.input_shape
  return table.remove(self.layers)
end

-- get_layer(name) or get_layer(i), where -1 is the last
function Sequential:get_layer(which)
  if type(which) == "number" then
    local layer = self.layers[which < 0 and #self.layers + 1 + which or which]
    if layer then return layer end
    fail("get_layer: the model has layers 1 to %d; got %s", #self.layers, which)
  end
  local names = {}
  for i, layer in ipairs(self.layers) do
    if layer.name == which then return layer end
    names[i] = layer.name
  end
  fail("get_layer: there is no layer %s; the model has %s", errors.show(which), table.concat(names, ", "))
end

-- build{28, 28} or build(28, 28)
function Sequential:build(shape, ...)
  if type(shape) == "number" then shape = {shape, ...} end
  given.shape("build", shape)
  if #self.layers == 0 then fail("build: the model has no layers") end
  -- a second build may only repeat the first
  local known = self.built and self.input_shape
  if known and table.concat(known, ",") ~= table.concat(shape, ",") then
    fail("build: the model is built for inputs of %s; got %s", errors.shape(known), errors.shape(shape))
  end
  self.input_shape = shape
  build_further(self)
end

-- A subclass may define its own.
function Sequential:call(x, training)
  return (forward(self.layers, #self.layers, x, training or false))
end

function Sequential:__call(x, training)
  x = Layer.as_tensor(x)
  if not core.is_tensor(x) then fail("%s: expected a tensor; got %s", self.class_name, errors.show(x)) end
  self:check_batch(self.class_name, x)
  if not self.built then self:build(Layer.row_shape(x)) end
  return self:call(x, training)
end

-- Complains about one sample in place of a batch.
function Sequential:check_batch(call, x)
  local first = self.layers[1]
  Layer.check_batch(call, x, self.input_shape, first and first.min_rank or 1)
end

-- The name and the layers, each {class_name =, config =}.
function Sequential:get_config()
  local layers = {}
  for i, layer in ipairs(self.layers) do
    layers[i] = {class_name = layer.class_name, config = layer:get_config()}
  end
  return {name = self.name, trainable = self.trainable, input_shape = self.input_shape, layers = layers}
end

-- The model as it would be written.
function Sequential:__tostring()
  local lines = {}
  for i, layer in ipairs(self.layers) do lines[i] = "  " .. tostring(layer):gsub("\n", "\n  ") .. ",\n" end
  return ("Sequential{\n%s  name = \"%s\"}"):format(table.concat(lines), self.name)
end

-- Those in files of their own: method -> file.
local ELSEWHERE = {
  compile = "compile", fit = "training", evaluate = "evaluation", predict = "evaluation",
  predict_classes = "evaluation", train_on_batch = "on_batch", test_on_batch = "on_batch",
  predict_on_batch = "on_batch", summary = "summary", save_weights = "weight_files", load_weights = "weight_files",
}

local names = {"add", "pop", "get_layer", "build", "call", "get_config", "parameters", "count_params", "get_weights",
  "set_weights"}
for name, file in pairs(ELSEWHERE) do
  Sequential[name] = function(self, ...) return import(file)[name](self, ...) end
  names[#names + 1] = name
end
class.methods("model", Sequential, names)

return Sequential
