-- help(thing): what a class, an op, a function of nn, an object or a tensor is, said from the declared options and the
-- table of ops; help() tells where to begin.

local nn, core, import = ...
local declared = import "declared"

local WELCOME = [[
nn.tensor{{1, 2}, {3, 4}}   tensors: nn.zeros, rand ...; operators, methods (x:sum(), x:matmul(y)), t[i], t[{...}]
x:backward(), nn.grad       gradients; nn.no_grad, nn.gradcheck, nn.custom
nn.Sequential{...}          a model: model:compile{...}, :fit(x, y, {...}), :evaluate, :predict, :summary()
nn.Dense(units), nn.Layer   layers, and your own: nn.Layer:extend(name, options)
nn.losses, nn.optimizers, nn.schedules, nn.metrics, nn.callbacks, nn.activations, nn.initializers, nn.regularizers,
nn.constraints, nn.data, nn.datasets
help(nn.Dense), help(nn.softmax), help(nn.losses), help "adam": more on one of them]]

-- What is called with options: a line for each option below it.
local function with_options(call, help, options)
  local lines = {call .. (help and ": " .. help or "")}
  for _, option in ipairs(options) do
    lines[#lines + 1] = ("  %-28s %s"):format(option.name, declared.describe(option))
  end
  return table.concat(lines, "\n")
end

-- What declared.functions lists, nn.data.Dataset among it.
local function about_named(name)
  local f = declared.named(name)
  return f and with_options(f.call, f.help, f.options)
end

local function about_class(class)
  return about_named(class.class_name) or with_options(declared.call(class), class.help, declared.options(class))
end

local function about_op(op)
  return ("nn.%s, x:%s(...): %s"):format(declared.op_call(op), op.name, op.help or "")
end

-- nn.activations.elu and its like: no ops, and without a class.
local function about_activation(f)
  for _, row in ipairs(declared.activations()) do
    if nn.activations[row.name] == f then
      return with_options("nn.activations." .. declared.activation_call(row), row.help, row.options)
    end
  end
end

-- The names in a public table such as nn.losses.
local function about_table(t)
  local names = {}
  for name, value in pairs(t) do
    local kind = type(value) == "table" and value.help and ": " .. value.help or ""
    if type(name) == "string" and name ~= "get" and name ~= "class_of" then names[#names + 1] = "  " .. name .. kind end
  end
  table.sort(names)
  return table.concat(names, "\n")
end

local function op_of(thing)
  for _, op in ipairs(core.ops()) do
    if op.name == thing or rawget(nn, op.name) == thing then return op end
  end
end

-- "adam", "Dense", "relu" ...: the first family that has the name.
local function named(name)
  local op = op_of(name)
  local text = op and about_op(op) or about_named(name)
  if text then return text end
  if rawget(nn, name) == nil and nn[name] ~= nil then return nil, nn[name] end
  for _, family in ipairs{"layers", "losses", "optimizers", "metrics", "callbacks", "initializers", "regularizers",
    "constraints", "schedules", "activations"} do
    local member = import(family)[name]
    if member == nil and import(family).get then
      local found, object = pcall(import(family).get, name)
      member = found and object or nil
    end
    if member ~= nil then return nil, member end
  end
  return ('help: nothing is called "%s"'):format(name)
end

local function about_function(f)
  local op = op_of(f)
  if op then return about_op(op) end
  for _, place in ipairs{nn, nn.data, nn.datasets, nn.Sequential} do
    for name, value in pairs(place) do
      if value == f then return about_named(name) or name .. ": bindings/README.md describes it" end
    end
  end
  local class = nn.losses.class_of(f)
  return about_activation(f) or class and about_class(class) or "a function"
end

local function about(thing)
  if type(thing) == "string" then
    local text, member = named(thing)
    return text or about(member)
  end
  if type(thing) == "function" then return about_function(thing) end
  if type(thing) ~= "table" then return tostring(thing) end
  local class = thing.class_name and (rawget(thing, "class_name") and thing or getmetatable(thing))
  if class and class.class_name then return about_class(class) end
  return about_table(thing)
end

return function(...)
  print(select("#", ...) == 0 and WELCOME or about((...)))
end
