-- Every op and layer against values from PyTorch and NumPy: tests/data/ops.csv and layers.csv, written by
-- tests/reference/ops.py and layers.py; op_rows.py there says what is in a row. Floats may differ by |x - y| <=
-- absolute + relative |y|; dtypes, shapes, integers, NaN and infinities not.
local t = ...
local nn = require "nn"

local TOLERANCE = {float32 = {relative = 1.3e-6, absolute = 1e-5}, float64 = {relative = 1e-7, absolute = 1e-7}}
local SPECIAL = {nan = 0 / 0, inf = math.huge, ["-inf"] = -math.huge}

-- "float32{2,3}: 1 2 3 4 5 6" as dtype, shape and a flat list.
local function parse(text)
  local dtype, sizes, numbers = text:match "^(%w+){([%d,]*)}: (.*)$"
  local shape, values = {}, {}
  for size in sizes:gmatch "%d+" do shape[#shape + 1] = math.tointeger(size) end
  for word in numbers:gmatch "%S+" do values[#values + 1] = SPECIAL[word] or tonumber(word) end
  return dtype, shape, values
end

local function input(text)
  local grad, rest = text:match "^(g?r?a?d?) ?(.*)$"
  local dtype, shape, values = parse(rest)
  local x
  if #values == 0 then x = nn.zeros(shape, {dtype = dtype})
  else x = nn.tensor(values, {dtype = dtype}):reshape(shape) end
  return grad == "grad" and x:requires_grad_(true) or x
end

local function each(list, f)
  for text in list:gmatch "[^|]+" do f(text) end
end

local function flat(x) return x:numel() == 0 and {} or x:reshape(-1):totable() end

local function near(x, y, tolerance)
  if x == y or x ~= x and y ~= y then return true end
  return tolerance ~= nil and math.abs(x - y) <= tolerance.absolute + tolerance.relative * math.abs(y)
end

local function check(result, text, place)
  local dtype, shape, values = parse(text)
  if dtype == "number" then return t.equal(result, values[1]) end
  t.equal(result.dtype, dtype)
  t.equal(result.shape, shape)
  for i, x in ipairs(flat(result)) do
    if not near(x, values[i], TOLERANCE[dtype]) then
      error(("result %d, element %d: got %.12g, wanted %.12g"):format(place, i, x, values[i]), 0)
    end
  end
end

-- What rows of layers call: the layer, built for x, with these weights.
local LAYERS = {}

local function with_weights(layer, weights, x)
  layer:ensure_built(table.move(x.shape, 2, x.ndim, 1, {}))
  layer:set_weights(weights)
  return layer
end

function LAYERS.inference(layer, weights, x) return with_weights(layer, weights, x)(x) end

function LAYERS.training(layer, weights, x, calls)
  local y
  with_weights(layer, weights, x)
  for _ = 1, calls do y = layer(x, true) end
  return y, table.unpack(layer:get_weights())
end

function LAYERS.gradients(layer, weights, x, c)
  with_weights(layer, weights, x)
  local parameters, grads = layer:parameters(), {}
  if x.dtype == "float32" then
    x = x:clone():requires_grad_(true)
    table.insert(parameters, 1, x)
  end
  (layer(x, true) * c):sum():backward()
  for i, parameter in ipairs(parameters) do grads[i] = parameter.grad end
  return table.unpack(grads)
end

local function run(expression, inputs, results)
  local env = setmetatable({nn = nn}, {__index = function(_, name) return LAYERS[name] or _G[name] end})
  local n = 0
  each(inputs, function(text) n = n + 1; env["x" .. n] = input(text) end)
  local got = table.pack(assert(load("return " .. expression, "=row", "t", env))())
  local place = 0
  each(results, function(text) place = place + 1; check(got[place], text, place) end)
  t.equal(got.n, place)
end

for _, file in ipairs{"tests/data/ops.csv", "tests/data/layers.csv"} do
  local header = true
  for line in io.lines(file) do
    if not header then
      local expression, inputs, results = line:match '^"(.-)","(.-)","(.-)"$'
      t.test(expression, function() run(expression, inputs, results) end)
    end
    header = false
  end
end
