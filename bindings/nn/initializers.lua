-- nn.initializers: the rows of the initializer table as classes. An object is called (shape[, dtype]) and gives a fresh
-- tensor; with the same seed, the same one at each call. A user's f(shape, dtype) may stand in its place.
local nn, core, import = ...
local family = import "family"

local SEED = {name = "seed", kind = "integer", optional = true, help = "the same tensor at each call"}

local Initializer = {}

function Initializer:__call(shape, dtype)
  if type(shape) == "number" then shape = {shape} end
  return core.initialize(self.row_index, self.values, shape, dtype or "float32", self.config.seed)
end

-- A user's function may give a tensor, or a nested table or number for one.
local function call_function(object, shape, dtype)
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
