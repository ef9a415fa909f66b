-- Our side of the benchmark. Prints "name<TAB>threads<TAB>seconds" for each repeat of each workload.
-- Usage: nnlua --threads N tests/bench/bench.lua REPEATS [pattern]
local nn = require "nn"

local repeats, pattern = tonumber(arg[1]) or 5, arg[2] or ""
local threads = nn.get_threads()

local function report(name, seconds) print(("%s\t%d\t%.6g"):format(name, threads, seconds)) end

-- Seconds of one call of f, as the mean over so many calls that it can be measured.
local function per_call(f, calls)
  f()
  local start = nn.time()
  for _ = 1, calls do f() end
  return (nn.time() - start) / calls
end

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

local function epochs(name, widths, batch_size)
  local x, y = mnist()
  nn.seed(1)
  local model = dense(widths)
  model:fit(x[{{1, 1280}}], y[{{1, 1280}}], {batch_size = batch_size, verbose = 0})
  for _ = 1, repeats do
    local start = nn.time()
    model:fit(x, y, {batch_size = batch_size, verbose = 0, check = false})
    report(name, nn.time() - start)
  end
end

local function students()
  local X = nn.tensor{{2,60},{10,95},{4,70},{15,98},{1,40},{8,85},{12,90},{3,55}}
  local y = nn.tensor{0, 1, 0, 1, 0, 1, 1, 0}
  local model = nn.Sequential{
    nn.Dense(8, {activation = "relu", input_shape = {2}}),
    nn.Dense(4, {activation = "relu"}),
    nn.Dense(1, {activation = "sigmoid"}),
  }
  model:compile{optimizer = "adam", loss = "binary_crossentropy"}
  model:fit(X, y, {epochs = 100, verbose = 0, check = false})
  for _ = 1, repeats do
    local start = nn.time()
    model:fit(X, y, {epochs = 100, verbose = 0, check = false})
    report("students, 100 steps", nn.time() - start)
  end
end

local function predict()
  local x = mnist()
  local model = dense{784, 128, 10}
  local one, many = x[{{1, 1}}]:clone(), x[{{1, 10000}}]:clone()
  for _ = 1, repeats do
    report("predict 1", nn.no_grad(per_call, function() model(one):size(1) end, 3000))
    report("predict 10000", nn.no_grad(per_call, function() model(many):size(1) end, 10))
  end
end

local function adds()
  local a, b = nn.rand(16), nn.rand(16)
  local r = nn.rand(16, {requires_grad = true})
  for _ = 1, repeats do
    report("add of 16", per_call(function() for _ = 1, 1000 do local _ = a + b end end, 200) / 1000)
    report("add of 16, recorded", per_call(function() for _ = 1, 1000 do local _ = r + b end end, 200) / 1000)
    report("chain of 1000 adds and back, an add", per_call(function()
      local y = r
      for _ = 1, 1000 do y = y + b end
      y:sum():backward()
    end, 50) / 1000)
  end
end

-- A layer on a batch, forward in training and back.
local function layer(name, made, x, calls)
  local shape = made(x).shape
  local g = nn.rand(shape)
  local parameters = made:parameters()
  if x.dtype == "float32" then
    x = x:clone():requires_grad_(true)
    parameters[#parameters + 1] = x
  end
  for _ = 1, repeats do
    report(name, per_call(function()
      local y <close> = made(x, true)
      y:backward(g)
      for _, parameter in ipairs(parameters) do parameter:zero_grad() end
    end, calls))
  end
end

local function layers()
  local x = nn.randn(128, 512)
  layer("layer: batch norm 128x512", nn.BatchNormalization(), x, 500)
  layer("layer: layer norm 128x512", nn.LayerNormalization(), x, 500)
  layer("layer: dropout 128x512", nn.Dropout(0.5), x, 500)
  layer("layer: alpha dropout 128x512", nn.AlphaDropout(0.5), x, 500)
  layer("layer: embedding 10000x64, 128x32 ids", nn.Embedding(10000, 64), nn.randint(0, 9999, {128, 32}), 200)
end

-- Each optimizer's step, on two matrices of n elements together.
local function steps(n)
  for _, name in ipairs{"SGD", "RMSprop", "Adam", "AdamW", "Adamax", "Nadam", "Adagrad", "Adadelta"} do
    local optimizer, parameters, grads = nn.optimizers[name](), {}, {}
    for i = 1, 2 do
      parameters[i] = nn.randn(n // 200, 100):requires_grad_(true)
      grads[i] = nn.randn(n // 200, 100)
    end
    for _ = 1, repeats do
      report(("step: %s of %d"):format(name, n), per_call(function() optimizer:step(parameters, grads) end,
        10000000 // n))
    end
  end
end

local workloads = {
  {"mnist 784-128-10 b32", function(name) epochs(name, {784, 128, 10}, 32) end},
  {"mnist 784-128-10 b128", function(name) epochs(name, {784, 128, 10}, 128) end},
  {"mnist 784-512-512-10 b128", function(name) epochs(name, {784, 512, 512, 10}, 128) end},
  {"students, 100 steps", students},
  {"predict", predict},
  {"add", adds},
  {"layer", layers},
  {"step of 100000", function() steps(100000) end},
  {"step of 10000000", function() steps(10000000) end},
}
for _, workload in ipairs(workloads) do
  if workload[1]:find(pattern, 1, true) then workload[2](workload[1]) end
end
