-- nn.activations: the rows of the activation table as functions f(x[, options]). As a spec, an activation is a name,
-- such a function, {class_name =, config =} or a user's f(x); get gives an object with the handle that layers apply.
local _, core, import = ...
local errors = import "errors"
local family = import "family"
local parse = import("options").parse

local Activation = {}
Activation.__index = Activation

function Activation:__call(x)
  return core.activate(self.handle, x)
end

function Activation:get_config()
  return family.plain(self.config)
end

function Activation:__tostring()
  return ("activation %s"):format(self.name)
end

local by_name, by_function, names = {}, {}, {}
local public = {}

local function key_of(name)
  return (name:lower():gsub("_", ""))
end

-- The object for a row, its options given as a table (nil: the defaults; then there is one object for all).
local function object_of(row, options)
  if not options and row.object then return row.object end
  local config, values = parse(row.name, row.options, 0, options)
  local object = setmetatable({name = row.name, class_name = row.name, config = config,
    handle = core.activation(row.index, values)}, Activation)
  if not options then row.object = object end
  return object
end

local function named(name)
  local row = by_name[key_of(name)]
  if row then return row end
  errors.fail('activation: there is no "%s"%s', name, errors.suggest(name, names, "help(nn.activations) lists them"))
end

-- relu(x), relu(x, {negative_slope = 0.1}), threshold(x, 0.5, 0)
local function as_function(row)
  return function(x, ...)
    x = family.tensor(x)
    if select("#", ...) == 0 then return core.activate(object_of(row).handle, x) end
    local _, values = parse(row.name, row.options, #row.options, ...)
    return core.activate(core.activation(row.index, values), x)
  end
end

for _, row in ipairs(core.rows "activation") do
  local f = as_function(row)
  public[row.name], by_function[f], by_name[key_of(row.name)] = f, row, row
  names[#names + 1] = row.name
  for alias in (row.alias or ""):gmatch "[%w_]+" do
    public[alias], by_name[key_of(alias)] = f, row
    names[#names + 1] = alias
  end
end

local function own(call)
  return setmetatable({name = "function", class_name = "function", config = {}, own = true,
    handle = core.activation_callback(call)}, Activation)
end

-- nil gives nil: no activation.
function public.get(spec)
  local kind = type(spec)
  if kind == "string" then return object_of(named(spec)) end
  if kind == "function" then
    return by_function[spec] and object_of(by_function[spec]) or own(spec)
  end
  if kind == "table" then
    local meta = getmetatable(spec)
    if meta == Activation then return spec end
    if not meta and spec.class_name then return object_of(named(spec.class_name), spec.config) end
    if meta and meta.__call and not rawget(spec, "class_name") then return own(function(x) return spec(x) end) end
  end
  if spec == nil then return nil end
  errors.fail("activation: a name or a function is expected; got %s", errors.show(spec))
end

return core.namespace(public, "nn.activations")
