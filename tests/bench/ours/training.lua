-- Networks that learn and answer: epochs over MNIST, the students' table, predictions.
local nn = require "nn"
local bench = ...

local images, labels
local function mnist()
  if images then return images, labels end
  local found, x, y = pcall(nn.datasets.mnist, {download = false})
  if not found then                                   -- as dark as MNIST: four pixels in five are 0
    x = (nn.rand(60000, 28, 28) - 0.8):relu():mul(1275):to("uint8")
    y = nn.randint(0, 9, {60000}):to("uint8")
  end
  images, labels = (x:reshape(60000, 784) / 255), y
  return images, labels
end

local function dense(widths)
  local layers = {}
  for i = 2, #widths do
    layers[#layers + 1] = nn.Dense(widths[i], {activation = i < #widths and "relu" or "softmax",
                                               input_shape = i == 2 and {widths[1]} or nil})
  end
  local model = nn.Sequential(layers)
  model:compile{optimizer = "adam", loss = "sparse_categorical_crossentropy"}
  return model
end

-- Each repeat is one more epoch of the same model, so that an epoch that is slower than the first is seen.
local function epochs(name, widths, batch_size)
  if not bench.wants(name) then return end
  local x, y = mnist()
  nn.seed(1)
  local model = dense(widths)
  model:fit(x[{{1, 1280}}], y[{{1, 1280}}], {batch_size = batch_size, verbose = 0})
  bench.watch(true)
  for _ = 1, bench.repeats do
    local start = nn.time()
    model:fit(x, y, {batch_size = batch_size, verbose = 0, check = false})
    bench.report(name, nn.time() - start)
  end
  bench.watch(false)
end

epochs("mnist 784-128-10 b32", {784, 128, 10}, 32)
epochs("mnist 784-128-10 b128", {784, 128, 10}, 128)
epochs("mnist 784-512-512-10 b128", {784, 512, 512, 10}, 128)

local function student()
  local X = nn.tensor{{2,60},{10,95},{4,70},{15,98},{1,40},{8,85},{12,90},{3,55}}
  local y = nn.tensor{0, 1, 0, 1, 0, 1, 1, 0}
  local model = nn.Sequential{
    nn.Dense(8, {activation = "relu", input_shape = {2}}),
    nn.Dense(4, {activation = "relu"}),
    nn.Dense(1, {activation = "sigmoid"}),
  }
  model:compile{optimizer = "adam", loss = "binary_crossentropy"}
  return {model = model, X = X, y = y}
end
bench.add("students, 100 steps", function(s) s.model:fit(s.X, s.y, {epochs = 100, verbose = 0, check = false}) end,
  student, {records = true})
bench.run()

local function asked(rows)
  return function() return {model = dense{784, 128, 10}, samples = mnist()[{{1, rows}}]:clone()} end
end
local function answer(x) return x.model(x.samples) end
bench.add("predict 1", answer, asked(1))
bench.add("predict 10000", answer, asked(10000))
bench.run()
