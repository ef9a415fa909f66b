-- 100 steps of training with each optimizer and each of the main losses beside NumPy in float64, and a logistic
-- regression at its optimum: tests/data/trajectories.csv, written by tests/reference/trajectories.py.
local t = ...
local nn = require "nn"

local STEPS, BATCH, BATCHES = 100, 16, 4
local LOSSES = {
  mse = {"mean_squared_error", 3, nil}, bce = {"binary_crossentropy", 1, "sigmoid"},
  cce = {"categorical_crossentropy", 3, "softmax"}, scce = {"sparse_categorical_crossentropy", 3, "softmax"},
}
local TOLERANCE = {float32 = 1e-4, float64 = 1e-7}

-- The lines: {name =, text =, numbers =}; and those of a name by their text.
local lines, named = {}, {}
for text in io.lines "tests/data/trajectories.csv" do
  local line = {numbers = {}}
  local rest
  line.name, line.text, rest = text:match '^([^,]+),"(.-)",(.*)$'
  for number in rest:gmatch "[^,]+" do line.numbers[#line.numbers + 1] = tonumber(number) end
  lines[#lines + 1] = line
  named[line.name] = named[line.name] or {}
  named[line.name][line.text] = line.numbers
end

local function matrix(numbers, columns, dtype)
  return nn.tensor(numbers, {dtype = dtype}):reshape(-1, columns)
end

local function network(name, dtype)
  local loss, units, activation = table.unpack(LOSSES[name], 1, 3)
  local model = nn.Sequential{
    nn.Dense(6, {activation = "tanh", input_shape = {4}, dtype = dtype}),
    nn.Dense(units, {activation = activation, dtype = dtype}),
  }
  local flat, weights, at = matrix(named.weights[name], 1, dtype):flatten(), {}, 1
  for i, weight in ipairs(model:get_weights()) do
    weights[i] = flat:narrow(1, at, weight:numel()):reshape(weight.shape)
    at = at + weight:numel()
  end
  model:set_weights(weights)
  return model, loss
end

local function flattened(weights)
  local parts = {}
  for i, weight in ipairs(weights) do parts[i] = weight:flatten() end
  return nn.cat(parts, 1)
end

local function largest_difference(line, dtype)
  local model, loss = network(line.name, dtype)
  local optimizer = assert(load("return nn.optimizers." .. line.text, "=line", "t", {nn = nn}))()
  model:compile{optimizer = optimizer, loss = loss}
  local y = matrix(named.y[line.name], line.name == "scce" and 1 or LOSSES[line.name][2], dtype)
  model:fit(matrix(named.x[""], 4, dtype), y,
    {epochs = STEPS // BATCHES, batch_size = BATCH, shuffle = false, verbose = 0, check = false})
  local got, wanted = flattened(model:get_weights()), nn.tensor(line.numbers, {dtype = "float64"})
  return (got:to "float64" - wanted):abs():max():item()
end

for _, line in ipairs(lines) do
  if LOSSES[line.name] then
    for dtype, tolerance in pairs(TOLERANCE) do
      t.test(("%s with %s in %s"):format(line.text, line.name, dtype), function()
        local difference = largest_difference(line, dtype)
        if difference > tolerance or difference ~= difference then
          error(("the weights differ by %g"):format(difference))
        end
      end)
    end
  end
end

t.test("every optimizer has its trajectories", function()
  for name, class in pairs(nn.optimizers) do
    local found = type(class) ~= "table" or name == "LBFGS"
    for text in pairs(named.mse) do found = found or text:find("^" .. name .. "{") ~= nil end
    if not found then error(name .. " has none") end
  end
end)

local function logistic_regression(dtype, options)
  local x, y = matrix(named["logistic x"][""], 3, dtype), matrix(named["logistic y"][""], 1, dtype)
  local model = nn.Sequential{nn.Dense(1, {activation = "sigmoid", input_shape = {3}, dtype = dtype})}
  model:compile{optimizer = nn.optimizers.LBFGS(options), loss = "binary_crossentropy", metrics = {"accuracy"}}
  local history = model:fit(x, y, {epochs = 3, verbose = 0})
  return flattened(model:get_weights()):to "float64", model, history
end

t.test("L-BFGS brings a logistic regression to its optimum", function()
  local wanted = nn.tensor(named.logistic[""], {dtype = "float64"})
  local weights, model = logistic_regression("float64", {tolerance = 1e-10})
  t.close(weights, wanted, 1e-8)
  t.equal(model.optimizer.iterations < 30, true)
  t.close(logistic_regression("float64"), wanted, 1e-6)
  t.close(logistic_regression("float32"), wanted, 2e-5)
end)
