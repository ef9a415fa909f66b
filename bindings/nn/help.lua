-- help(thing, ...): what a class, an op, a function or a method, an object, a tensor or a name is, said from what is
-- declared (declared.lua), the table of ops and help_texts; help() tells where to begin.

local nn, core, import = ...
local class_of = import "class"
local declared = import "declared"
local texts = import "help_texts"

local WELCOME = [[
nn.tensor{{1, 2}, {3, 4}}   tensors: nn.zeros, rand ...; operators, methods (x:sum(), x:matmul(y)), t[i], t[{...}]
x:backward(), nn.grad       gradients; nn.no_grad, nn.gradcheck, nn.custom
nn.Sequential{...}          a model: model:compile{...}, :fit(x, y, {...}), :evaluate, :predict, :summary()
nn.Dense(units), nn.Layer   layers, and your own: nn.Layer:extend(name, options)
nn.losses, nn.optimizers, nn.schedules, nn.metrics, nn.callbacks, nn.activations, nn.initializers, nn.regularizers,
nn.constraints, nn.data, nn.datasets
help(nn.Dense), help(nn.softmax), help(nn.losses), help(model.fit), help "adam": more on one of them
help "dtypes", help "seeds", help "masks"]]

-- What is called with options: a line for each option below it.
local function with_options(call, help, options)
  local lines = {call .. (help and ": " .. help or "")}
  for _, option in ipairs(options) do
    lines[#lines + 1] = ("  %-28s %s"):format(option.name, declared.describe(option))
  end
  return table.concat(lines, "\n")
end

local function about_class(class)
  return with_options(declared.call(class), class.help, declared.options(class))
end

-- nn.gather(x, dim, positions), x:gather(dim, positions): what it gives. Those that take a list are functions first.
local function about_op(op)
  local method = op.arity > 0 and ", " .. declared.op_call(op, true) or ""
  return ("nn.%s%s: %s%s"):format(declared.op_call(op), method, op.help or "", texts.notes[op.name] or "")
end

-- nn.activations.elu and its like: no ops, and without a class. nil for what is none.
local function about_activation(f)
  for _, row in ipairs(declared.activations()) do
    if f and nn.activations[row.name] == f then
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

-- The function or method called name of group ("model", "nn.data"), with its options where it declares some; or nil.
local function about_member(group, name)
  local f = declared.named(name)
  if f and f.of == group then return with_options(f.call, f.help, f.options) end
  return texts[group] and texts[group][name]
end

-- The methods of an object, which texts calls by label, as a last line.
local function methods_line(label, object)
  local names = {}
  for name in pairs(texts[label] or {}) do
    if object[name] then names[#names + 1] = name end
  end
  for _, row in ipairs(declared.functions) do
    if declared.named(row[1]).of == label and object[row[1]] then names[#names + 1] = row[1] end
  end
  table.sort(names)
  return #names > 0 and ("\nmethods (help(%s.%s) tells more): %s"):format(label, names[1], table.concat(names, ", "))
    or ""
end

local function op_of(thing)
  for _, op in ipairs(core.ops()) do
    if op.name == thing or rawget(nn, op.name) == thing or core.methods[op.name] == thing then return op end
  end
end

-- Groups in which a name is looked for, the most likely one first.
local GROUPS = {"nn", "t", "model", "nn.data", "nn.datasets", "layer", "optimizer", "metric", "callback", "dataset",
  "vectorizer", "nn.Layer"}

-- Where a name leads: a text, or else a thing that is told of.
local function named(name)
  if texts.topics[name] then return texts.topics[name] end
  local op = op_of(name)
  if op then
    -- an activation of the same name takes options
    local activation = about_activation(nn.activations[name])
    return about_op(op) .. (activation and "\n" .. activation or "")
  end
  for _, group in ipairs(GROUPS) do
    local text = about_member(group, name)
    if text then return text end
  end
  if nn[name] ~= nil then return nil, nn[name] end
  for _, family in ipairs{"layers", "losses", "optimizers", "metrics", "callbacks", "initializers", "regularizers",
    "constraints", "schedules", "data", "activations"} do
    local member = import(family)[name]
    if member == nil and import(family).get then
      local found, object = pcall(import(family).get, name)
      member = found and object or nil
    end
    if member ~= nil then return nil, member end
  end
  return ('help: nothing is called "%s"; help() tells where to begin'):format(name)
end

-- A function or method that is found in one of the public tables; nn.detach(x) is told of as t:detach().
local function about_public(f)
  for _, group in ipairs{{"nn", nn}, {"t", core.methods}, {"nn.data", nn.data}, {"nn.datasets", nn.datasets}} do
    for name, value in pairs(group[2]) do
      local text = value == f and (about_member(group[1], name) or about_member("t", name))
      if text then return text end
    end
  end
end

local function about_function(f)
  local method = class_of.method_of[f]
  local text = method and about_member(method.label, method.name)
  if text then return text end
  local op = op_of(f)
  if op then return about_op(op) end
  local loss = nn.losses.class_of(f)
  if loss then
    return ("nn.losses.%s(y_true, y_pred, {options}): a value for each sample\n%s"):format(loss.name, about_class(loss))
  end
  return about_public(f) or about_activation(f) or "a function that nnlua knows nothing of"
end

-- What objects of a class are called in texts.
local function label_of(thing)
  if class_of.is(thing, nn.Sequential) then return "model" end
  if class_of.is(thing, nn.Layer) then return "layer" end
  local family = thing.family
  return type(family) == "table" and family.kind or ""
end

local function about(thing)
  if type(thing) == "string" then
    local text, member = named(thing)
    return text or about(member)
  end
  if type(thing) == "function" then return about_function(thing) end
  if core.is_tensor(thing) then
    return tostring(thing) .. "\nfields: shape, ndim, dtype, grad, requires_grad" .. methods_line("t", thing) ..
      "; every op of nn is a method too"
  end
  if type(thing) ~= "table" then return ("%s: a %s of Lua's"):format(tostring(thing), type(thing)) end
  if thing == nn then return WELCOME end
  if thing == nn.data.Dataset or getmetatable(thing) == nn.data.Dataset then
    return about_member("nn.data", "Dataset") .. methods_line("dataset", thing)
  end
  local class = thing.class_name and (rawget(thing, "class_name") and thing or getmetatable(thing))
  if class and class.class_name then return about_class(class) .. methods_line(label_of(thing), thing) end
  return about_table(thing)
end

return function(...)
  if select("#", ...) == 0 then return print(WELCOME) end
  for i = 1, select("#", ...) do print(about((select(i, ...)))) end
end
