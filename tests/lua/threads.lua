-- The same seed gives the same bits, run to run and for any number of threads: whole trainings, whose products,
-- gathers, updates and reductions are large enough to be cut.
local t = ...
local nn = require "nn"

local function same(a, b)
  for i, tensor in ipairs(a) do t.equal(tensor:tostring_bytes() == b[i]:tostring_bytes(), true) end
end

-- Weights and losses of a short training on so many threads.
local function trained(threads, layers, batch_size, optimizer)
  local before = nn.get_threads()
  nn.set_threads(threads)
  nn.seed(3)
  local x, y = nn.rand(600, 784), nn.randint(0, 9, {600})
  local model = nn.Sequential(layers())
  model:compile{optimizer = optimizer, loss = "sparse_categorical_crossentropy", metrics = {"accuracy"}}
  local history = model:fit(x, y, {epochs = 2, batch_size = batch_size, verbose = 0, validation_split = 0.2})
  local result = model:get_weights()
  result[#result + 1] = nn.tensor({history.loss[2], history.val_loss[2], history.val_accuracy[2]}, {dtype = "float64"})
  result[#result + 1] = model:predict(x)
  nn.set_threads(before)
  return result
end

local function dense(width)
  return function()
    return {nn.Dense(width, {activation = "relu", input_shape = {784}}), nn.Dense(width, {activation = "gelu"}),
      nn.Dense(10, {activation = "softmax"})}
  end
end

local function noisy()
  return {nn.GaussianNoise(0.1, {input_shape = {784}}), nn.Dense(256), nn.BatchNormalization(), nn.ReLU(),
    nn.Dropout(0.3), nn.LayerNormalization(), nn.Dense(10, {activation = "softmax"})}
end

local runs = {
  {"batches of 32", dense(128), 32, "adam"}, {"batches of 128", dense(512), 128, "adam"},
  {"the whole in one batch", dense(300), 600, "rmsprop"}, {"noise and normalization", noisy, 150, "adamw"},
}
for _, run in ipairs(runs) do
  t.test("the same bits on any number of threads: " .. run[1], function()
    local one = trained(1, run[2], run[3], run[4])
    for _, threads in ipairs{1, 2, 3, 8} do same(one, trained(threads, run[2], run[3], run[4])) end
  end)
end
