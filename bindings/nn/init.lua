-- Which file a public name of nn is in. Nothing else is read at start: a file is loaded when one of its names is used.

local nn, _, import = ...

-- The value of the module itself, or its field of that name.
local WHOLE = {
  Layer = "layer", Sequential = "sequential",
  activations = "activations", initializers = "initializers", regularizers = "regularizers",
  help = "help", constraints = "constraints", losses = "losses", metrics = "metrics", optimizers = "optimizers",
  schedules = "schedules", callbacks = "callbacks", data = "data", datasets = "datasets",
}

-- Names that are fields of a module.
local FIELD = {gradcheck = "grad", value_and_grad = "grad", save = "files", load = "files"}

-- Other names that start with a capital are classes of layers.
local function find(_, name)
  if WHOLE[name] then return import(WHOLE[name]) end
  if FIELD[name] then return import(FIELD[name])[name] end
  if type(name) == "string" and name:find "^%u" then return import "layers"[name] end
end

-- The names that only appear once they are used, for completion.
local function names()
  local found = {}
  for name in pairs(WHOLE) do found[name] = true end
  for name in pairs(FIELD) do found[name] = true end
  for name in pairs(import "layers") do found[name] = true end
  return found
end

return setmetatable(nn, {__names = names, __index = function(_, name)
  local value = find(nn, name)
  if value ~= nil then rawset(nn, name, value) end
  return value
end})
