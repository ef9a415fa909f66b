-- nn.initializers: the rows of the initializer table as classes. An object is called (shape[, dtype]) and gives a fresh
-- tensor; with the same seed, the same one at each call. A user's f(shape, dtype) may stand in its place. The shape may
-- be written as sizes, one after the other, as in nn.zeros(2, 3).
local nn, core, import = ...
local family = import "family"

local SEED = {name = "seed", kind = "integer", optional = true, help = "the same tensor at each call"}

local Initializer = {}

-- (shape, dtype) of {2, 3}, dtype, or of 2, 3, dtype.
local function arguments(shape, ...)
  if type(shape) ~= "number" then return shape, (...) end
  local sizes, rest = {shape}, {...}
  while type(rest[1]) == "number" do sizes[#sizes + 1] = table.remove(rest, 1) end
  return sizes, rest[1]
end

function Initializer:__call(...)
  local shape, dtype = arguments(...)
  return core.initialize(self.row_index, self.values, shape, dtype or "float32", self.config.seed)
end

-- A user's function may give a tensor, or a nested table or number for one.
local function call_function(object, ...)
  local shape, dtype = arguments(...)
  local value = object.call(shape, dtype or "float32")
  return core.is_tensor(value) and value or nn.tensor(value, {dtype = dtype})
end

local initializers = family.new("initializer", {call = call_function})

-- Constant(3), RandomNormal(0, 0.1): the numbers may be natural arguments.
initializers:rows("initializer", Initializer, {SEED}, function(row)
  return {positional = row.positional or #row.options}
end)

-- nn.initializers.glorot_uniform: the object with the defaults.
for i = 1, #initializers.classes do
  local class = initializers.classes[i]
  if not rawget(initializers.public, class.name) then initializers.public[class.name] = class() end
end

return initializers.public
