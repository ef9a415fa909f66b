-- help(thing): what a class, an op, a function of nn, an object or a tensor is, said from the declared options and the
-- table of ops; help() tells where to begin.

local nn, core, import = ...
local errors = import "errors"

local WELCOME = [[
nn.tensor{{1, 2}, {3, 4}}   tensors: nn.zeros, rand ...; operators, methods (x:sum(), x:matmul(y)), t[i], t[{...}]
x:backward(), nn.grad       gradients; nn.no_grad, nn.gradcheck, nn.custom
nn.Sequential{...}          a model: model:compile{...}, :fit(x, y, {...}), :evaluate, :predict, :summary()
nn.Dense(units), nn.Layer   layers, and your own: nn.Layer:extend(name, options)
nn.losses, nn.optimizers, nn.schedules, nn.metrics, nn.callbacks, nn.activations, nn.initializers, nn.regularizers,
nn.constraints, nn.data, nn.datasets
help(nn.Dense), help(nn.softmax), help(nn.losses), help "adam": more on one of them]]

-- One option as a line: name, kind, default, range, help.
local function option_line(option)
  local parts = {option.kind}
  if option.choices then parts[1] = table.concat(option.choices, "|") end
  if option.min and option.max then
    parts[#parts + 1] = option.max == math.huge and (">= %g"):format(option.min) or
      ("%g..%g"):format(option.min, option.max)
  end
  if option.required then
    parts[#parts + 1] = "required"
  elseif option.default ~= nil then
    parts[#parts + 1] = "default " .. errors.show(option.default)
  end
  return ("  %-28s %s%s"):format(option.name, table.concat(parts, ", "), option.help and ": " .. option.help or "")
end

local function about_class(class)
  local declared = class.declared or class.options or {}
  local arguments = {}
  for i = 1, class.positional or 0 do arguments[i] = declared[i] and declared[i].name end
  local call = #arguments > 0 and ("%s(%s, {options})"):format(class.class_name, table.concat(arguments, ", ")) or
    class.class_name .. "{options}"
  local lines = {call .. (class.help and ": " .. class.help or "")}
  for _, option in ipairs(declared) do lines[#lines + 1] = option_line(option) end
  return table.concat(lines, "\n")
end

local function about_op(op)
  local arguments = op.attrs and #op.attrs > 0 and ", " .. table.concat(op.attrs, ", ") or ""
  return ("nn.%s(x%s), x:%s(...): %s"):format(op.name, arguments, op.name, op.help or "")
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
  if op then return about_op(op) end
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

local function about(thing)
  if type(thing) == "string" then
    local text, member = named(thing)
    return text or about(member)
  end
  if type(thing) == "function" then
    local op = op_of(thing)
    if op then return about_op(op) end
    for name, value in pairs(nn) do
      if value == thing then return "nn." .. name .. ": a function of nn; bindings/README.md describes it" end
    end
    return "a function"
  end
  if type(thing) ~= "table" then return tostring(thing) end
  local class = thing.class_name and (rawget(thing, "class_name") and thing or getmetatable(thing))
  if class and class.class_name then return about_class(class) end
  return about_table(thing)
end

return function(...)
  print(select("#", ...) == 0 and WELCOME or about((...)))
end
