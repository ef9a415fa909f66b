-- nn.value_and_grad and nn.gradcheck, on top of nn.grad.

local nn, core, import = ...
local errors = import "errors"

local M = {}

-- Tensors in a table, at any depth, in a fixed order; put(list) gives the same table with list's elements in their
-- places.
local function flatten(value)
  if core.is_tensor(value) then return {value}, function(list) return list[1] end end
  if type(value) ~= "table" then
    errors.fail("value_and_grad: the first argument must be a tensor or a table of tensors; got %s", errors.show(value))
  end
  local keys, list, puts = {}, {}, {}
  for key in pairs(value) do keys[#keys + 1] = key end
  table.sort(keys, function(a, b)
    if type(a) == type(b) and type(a) ~= "table" then return a < b end
    return type(a) < type(b)
  end)
  for _, key in ipairs(keys) do
    local part, put = flatten(value[key])
    local first = #list
    table.move(part, 1, #part, first + 1, list)
    puts[key] = function(all) return put(table.move(all, first + 1, first + #part, 1, {})) end
  end
  return list, function(all)
    local result = {}
    for key, put in pairs(puts) do result[key] = put(all) end
    return result
  end
end

-- A function that returns f's value and its gradient with respect to its first argument. Inputs without a graph become
-- leaves of one, so that nobody's .grad is touched. Where one is in a graph already, the results stay in it: they can
-- be differentiated again.
function M.value_and_grad(f)
  if type(f) ~= "function" and not (getmetatable(f) or {}).__call then
    errors.fail("value_and_grad: a function is expected; got %s", errors.show(f))
  end
  return function(first, ...)
    local list, put = flatten(first)
    local leaves, nested = {}, false
    for i, x in ipairs(list) do
      nested = nested or x.requires_grad
      leaves[i] = x.requires_grad and x or x:detach():requires_grad_(true)
    end
    local value = f(put(leaves), ...)
    if not core.is_tensor(value) then
      errors.fail("value_and_grad: the function must return a tensor; got %s", errors.show(value))
    end
    local grads = nn.grad(value, leaves, {allow_unused = true, create_graph = nested})
    return nested and value or value:detach(), put(grads)
  end
end

local OPTIONS = {eps = 1e-6, rtol = 1e-5, atol = 1e-7}

local function read_options(given)
  local o = {}
  for name, default in pairs(OPTIONS) do o[name] = default end
  for name, value in pairs(given or {}) do
    if OPTIONS[name] == nil then
      errors.fail("gradcheck: unknown option \"%s\"; there are eps, rtol and atol", tostring(name))
    end
    o[name] = value
  end
  return o
end

-- Position i (from 1) of the flattened tensor as positions in its shape: "{2, 3}".
local function place(shape, i)
  local at, rest = {}, i - 1
  for d = #shape, 1, -1 do
    at[d] = rest % shape[d] + 1
    rest = rest // shape[d]
  end
  return errors.shape(at)
end

-- f's value at the inputs, of which one has an element moved, as a weighted sum with fixed random weights: one number
-- stands for all elements of the result.
local function projection(f, inputs, weight)
  return nn.no_grad(function()
    local y = f(table.unpack(inputs))
    return (y:to "float64" * weight):sum():item()
  end)
end

local function check_input(f, inputs, k, grad, weight, o)
  local flat = inputs[k]:reshape(-1)
  for i = 1, #flat do
    local x = flat[i]
    flat[i] = x + o.eps
    local above = projection(f, inputs, weight)
    flat[i] = x - o.eps
    local below = projection(f, inputs, weight)
    flat[i] = x
    local numeric, exact = (above - below) / (2 * o.eps), grad[i]
    local close = math.abs(numeric - exact) <= o.atol + o.rtol * math.max(math.abs(numeric), math.abs(exact))
    if not close then                       -- NaN is not close to anything
      return ("gradcheck: input %d at %s: the gradient is %.10g, central differences give %.10g"):format(
        k, place(inputs[k].shape, i), exact, numeric)
    end
  end
end

local function check_inputs(inputs)
  if core.is_tensor(inputs) then inputs = {inputs} end
  if type(inputs) ~= "table" or #inputs == 0 then
    errors.fail("gradcheck: inputs must be a tensor or a list of tensors; got %s", errors.show(inputs))
  end
  for i, x in ipairs(inputs) do
    if not core.is_tensor(x) then errors.fail("gradcheck: input %d must be a tensor; got %s", i, errors.show(x)) end
    if x.dtype ~= "float64" then errors.fail("gradcheck: input %d must be float64; got %s", i, x.dtype) end
  end
  return inputs
end

-- Compares the gradients of f(input1, ...) with central differences: true, or nil and a message.
function M.gradcheck(f, inputs, options)
  inputs = check_inputs(inputs)
  local o, leaves, plain = read_options(options), {}, {}
  for i, x in ipairs(inputs) do
    leaves[i] = x:detach():clone():requires_grad_(true)
    plain[i] = x:detach():clone()
  end
  local y = f(table.unpack(leaves))
  if not core.is_tensor(y) then errors.fail("gradcheck: the function must return a tensor; got %s", errors.show(y)) end
  local weight = nn.rand(y.shape, {dtype = "float64"}) + 0.5
  local grads = nn.grad((y:to "float64" * weight):sum(), leaves, {allow_unused = true})
  for k = 1, #leaves do
    local message = check_input(f, plain, k, grads[k]:reshape(-1), weight, o)
    if message then return nil, message end
  end
  return true
end

return M
