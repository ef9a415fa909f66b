-- nn.losses against tests/data/losses.csv (PyTorch, NumPy), then weights, reductions, names and errors.
local t = ...
local nn = require "nn"

local N, K = 4, 3
local f64 = {dtype = "float64"}
local function matrix(f)
  local rows = {}
  for i = 1, N do
    rows[i] = {}
    for j = 1, K do rows[i][j] = f((i - 1) * K + j) end
  end
  return nn.tensor(rows, f64)
end

local logits = matrix(function(i) return 3 * math.sin(i) end)
local y = matrix(function(i) return 0.5 + 0.5 * math.sin(2 * i) end)
local p = logits:sigmoid()
local bits = y:ge(0.5):to "float64"
local labels = nn.tensor({0, 1, 2, 0}, {dtype = "int64"})
local hot = nn.one_hot(labels, K):to "float64"
local soft = logits:softmax(-1)

local ENTROPY = {bits, p}
local INPUTS = {
  huber = {y, logits}, log_cosh = {y, logits}, hinge = {bits, logits}, squared_hinge = {bits, logits},
  categorical_hinge = {hot, logits}, binary_crossentropy = ENTROPY, binary_focal_crossentropy = ENTROPY,
  categorical_crossentropy = {hot, soft}, sparse_categorical_crossentropy = {labels, soft},
  categorical_focal_crossentropy = {hot, soft},
}
local OPTIONS = {["delta 2"] = {delta = 2}, logits = {from_logits = true}, smoothing = {label_smoothing = 0.2},
  balanced = {apply_class_balancing = true}}

local function each_row(f)
  for line in io.lines "tests/data/losses.csv" do
    local name, variant, numbers = line:match "^([%w_]+) ?([^,]*),(.*)$"
    local values = {}
    for number in numbers:gmatch "[^,]+" do values[#values + 1] = tonumber(number) end
    f(name, variant, values)
  end
end

local function inputs_of(name, variant)
  local inputs = INPUTS[name] or {y, p}
  if variant == "logits" then return inputs[1], logits end
  return inputs[1], inputs[2]
end

t.test("values per sample equal the reference", function()
  local seen = {}
  each_row(function(name, variant, expected)
    seen[name] = true
    local truth, prediction = inputs_of(name, variant)
    local values = nn.losses[name](truth, prediction, OPTIONS[variant])
    t.equal(values:numel(), N)
    for i = 1, N do t.close(values[i], expected[i], 2e-7 * math.max(1, math.abs(expected[i]))) end
  end)
  for name, f in pairs(nn.losses) do
    if type(f) == "function" and name ~= "get" and name ~= "class_of" then t.equal(seen[name] and name, name) end
  end
end)

t.test("objects reduce: mean, sum, none, weights", function()
  each_row(function(name, variant, expected)
    local truth, prediction = inputs_of(name, variant)
    local options = {}
    for key, value in pairs(OPTIONS[variant] or {}) do options[key] = value end
    local sum, weighted = 0, 0
    for i = 1, N do sum, weighted = sum + expected[i], weighted + i * expected[i] end
    local function loss(reduction)
      options.reduction = reduction
      return nn.losses.get{class_name = name, config = options}
    end
    local tolerance = 1e-6 * math.max(1, math.abs(sum))
    t.close(loss(nil)(truth, prediction):item(), sum / N, tolerance)
    t.close(loss "sum"(truth, prediction):item(), sum, tolerance)
    t.close(loss "none"(truth, prediction)[2], expected[2], tolerance)
    local weight = nn.tensor({1, 2, 3, 4}, f64)
    t.close(loss(nil)(truth, prediction, weight):item(), weighted / N, 4 * tolerance)
    t.close(loss(nil)(truth, prediction, 2):item(), 2 * sum / N, tolerance)
    t.close(loss "mean_with_sample_weight"(truth, prediction, weight):item(), weighted / 10, 4 * tolerance)
  end)
end)

t.test("reference numbers of Keras", function()
  local losses = nn.losses
  t.close(losses.BinaryCrossentropy{}(nn.tensor{{1, 0, 1}}, nn.tensor{{0.9, 0.2, 1}}):item(), 0.1095013890, 1e-6)
  t.close(losses.BinaryCrossentropy{label_smoothing = 0.1}(nn.tensor{{1, 0, 1}}, nn.tensor{{0.9, 0.2, 0.7}}):item(),
    0.3022399503, 1e-6)
  t.close(losses.SparseCategoricalCrossentropy{}(nn.tensor({1}, {dtype = "int64"}), nn.tensor{{0.1, 0.7, 0.1}}):item(),
    0.2513144283, 1e-6)
  local smooth = losses.CategoricalCrossentropy{label_smoothing = 0.1}
  t.close(smooth(nn.tensor{{0, 1, 0}}, nn.tensor{{0.2, 0.7, 0.1}}):item(), 0.4632973812, 1e-6)
  t.close(losses.Huber{}(nn.tensor{{0, 0}}, nn.tensor{{0.5, 2}}):item(), 0.8125, 1e-6)
  t.close(losses.LogCosh{}(nn.tensor{{0}}, nn.tensor{{1}}):item(), 0.4337808305, 1e-6)
  -- the clip: -ln 1e-7
  t.close(losses.BinaryCrossentropy{}(nn.tensor{{1}}, nn.tensor{{0}}):item(), 16.1180956510, 1e-4)
end)

t.test("{N} and {N, 1} are the same thing", function()
  local flat, column = nn.tensor{1, 0, 1}, nn.tensor{{0.5}, {0.25}, {1}}
  t.close(nn.losses.MeanSquaredError{}(flat, column):item(), (0.25 + 0.0625) / 3, 1e-7)
  t.close(nn.losses.MeanAbsoluteError{}(flat:reshape(3, 1), column:reshape(3)):item(), 0.75 / 3, 1e-7)
end)

t.test("ignored labels do not count", function()
  local loss = nn.losses.SparseCategoricalCrossentropy{ignore_class = 2}
  local values = nn.losses.sparse_categorical_crossentropy(labels, soft)
  t.close(loss(labels, soft):item(), (values[1] + values[2] + values[4]) / 3, 1e-7)
end)

t.test("names, aliases, classes, config tables and functions are specs", function()
  t.equal(nn.losses.get "mse".class_name, "MeanSquaredError")
  t.equal(nn.losses.get "MeanSquaredError".name, "mean_squared_error")
  t.equal(nn.losses.get(nn.losses.MeanAbsoluteError).class_name, "MeanAbsoluteError")
  t.equal(nn.losses.get(nn.losses.huber).class_name, "Huber")
  t.equal(nn.losses.get(nil), nil)
  local loss = nn.losses.Huber{delta = 2, reduction = "sum", name = "h"}
  local again = nn.losses.get{class_name = loss.class_name, config = loss:get_config()}
  t.equal(again.config.delta, 2)
  t.equal(again.reduction, "sum")
  t.equal(again.name, "h")
  t.equal(nn.losses.get(again), again)
  local own = nn.losses.get(function(a, b) return (a - b):square():mean(-1) end)
  t.close(own(y, p):item(), nn.losses.MeanSquaredError{}(y, p):item(), 1e-9)
  local weight = nn.tensor({1, 2, 3, 4}, f64)
  t.close(own(y, p, weight):item(), nn.losses.MeanSquaredError{}(y, p, weight):item(), 1e-9)
  t.close(own(y, p, {1, 2, 3, 4}):item(), own(y, p, weight):item(), 1e-9)
  t.close(nn.losses.MeanSquaredError{}(y, p, {1, 2, 3, 4}):item(), own(y, p, weight):item(), 1e-9)
end)

t.test("crossentropy is chosen by the shapes", function()
  t.close(nn.losses.get "ce"(labels, soft):item(), nn.losses.SparseCategoricalCrossentropy{}(labels, soft):item(), 0)
  t.close(nn.losses.get "crossentropy"(hot, soft):item(), nn.losses.CategoricalCrossentropy{}(hot, soft):item(), 0)
end)

t.test("logits variant of a loss", function()
  local loss = nn.losses.get "binary_crossentropy"
  t.equal(loss.behind, "sigmoid")
  local from_logits = loss:with_logits()
  t.equal(from_logits.from_logits, true)
  t.equal(from_logits, loss:with_logits())
  t.close(from_logits(bits, logits):item(), loss(bits, p):item(), 1e-6)
  t.equal(nn.losses.get "mse":with_logits(), nil)
end)

t.test("gradients pass", function()
  local x = logits:clone():requires_grad_(true)
  nn.losses.CategoricalCrossentropy{from_logits = true}(hot, x):backward()
  local expected = (soft - hot) / N
  t.close((x.grad - expected):abs():max():item(), 0, 1e-12)
end)

t.test("errors name what is wrong", function()
  t.fails(function() nn.losses.get "mean_squared_eror" end, 'did you mean "mean_squared_error"')
  t.fails(function() nn.losses.Huber{dleta = 1} end, 'did you mean "delta"')
  t.fails(function() nn.losses.Huber{reduction = "avg"} end, "reduction")
  t.fails(function() nn.losses.MeanSquaredError{}(nn.zeros(4, 3), nn.zeros(4, 2)) end, "{4, 3}")
  t.fails(function() nn.losses.get(3) end, "loss")
  t.fails(function() nn.losses.get(function() return 1 end)(y, p) end, "must give a tensor")
end)
