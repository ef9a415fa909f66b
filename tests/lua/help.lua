-- help(): what it prints for classes, ops, tables, names.
local t = ...
local nn = require "nn"

local function said(...)
  local lines, real = {}, print
  rawset(_G, "print", function(text) lines[#lines + 1] = text end)
  local ok, message = pcall(nn.help, ...)
  rawset(_G, "print", real)
  assert(ok, message)
  return table.concat(lines, "\n")
end

local function holds(text, part)
  if not text:find(part, 1, true) then error(("%q is not in %q"):format(part, text), 2) end
end

t.test("help tells options with kind, range and default", function()
  local text = said(nn.Dense)
  holds(text, "Dense(units, {options})")
  holds(text, 'kernel_initializer')
  holds(text, 'default "glorot_uniform"')
  holds(said(nn.Dense(3)), "Dense(units")
  holds(said "adam", "beta_1")
  holds(said(nn.optimizers.Adam), ">= 0, < 1, default 0.9")
end)

t.test("help tells ops, tables, tensors and unknown names", function()
  holds(said(nn.softmax), "nn.softmax(x, dim = -1)")
  holds(said "relu", "max(0, x)")
  holds(said(nn.losses), "MeanSquaredError: mean (y - p)^2")
  holds(said(nn.callbacks), "EarlyStopping")
  holds(said(nn.ones(2)), "float32 {2}")
  holds(said(), "nn.Sequential")
  holds(said "xyz", 'nothing is called "xyz"')
end)

t.test("help tells functions with options, activations, losses as functions, data sets", function()
  local fit = said "fit"
  holds(fit, "model:fit(x, y, {options}): trains")
  holds(fit, "validation_split")
  holds(said(nn.data.train_test_split), "test_size")
  holds(said(nn.data.Dataset), "nn.data.Dataset(x, y, {options}): ")
  holds(said(nn.activations.celu), "nn.activations.celu(x, {options}): x where x > 0")
  holds(said "elu", "nn.elu(x, alpha = 1), x:elu(alpha = 1): ")
  holds(said "elu", "\nnn.activations.elu(x, {options}): ")
  holds(said "elu", "\n  alpha ")
  holds(said "relu", "\n  negative_slope ")
  t.equal(said "matmul":find "\n", nil)
  holds(said "threshold", "nn.activations.threshold(x, threshold, default_value): ")
  holds(said(nn.losses.huber), "delta")
end)

t.test("help tells the arguments of ops, and ranges in words", function()
  holds(said "linear", "nn.linear(x, w[, b]), x:linear(w[, b]): ")
  holds(said "sum", "nn.sum(x[, dims, keepdim = false]), x:sum([dims, keepdim = false]): ")
  holds(said "t", "nn.t(x), x:t(): ")
  holds(said "gather", "nn.gather(x, dim, positions)")
  holds(said "einsum", "nn.einsum(spec, x, ...)")
  holds(said(nn.initializers.VarianceScaling), "number, > 0, default 1: ")
  holds(said(nn.metrics.CosineSimilarity), "CosineSimilarity{options}: cos of")
  holds(said(nn.losses.CosineSimilarity), "CosineSimilarity{options}: -cos of")
end)

t.test("every op says what it does, every function and method has a text", function()
  for name, value in pairs(nn) do
    if type(value) == "function" then holds(said(value), name) end
  end
  for name in pairs(debug.getmetatable(nn.ones(1)).__names()) do
    local value = nn.ones(1)[name]
    if type(value) == "function" then holds(said(value), name .. "(") end
  end
  for name, value in pairs(nn.data) do
    if type(value) == "function" then holds(said(value), "nn.data." .. name) end
  end
end)

t.test("methods of models, layers, optimizers, metrics, data, by value and by name", function()
  local model = nn.Sequential{nn.Dense(1)}
  for name, method in pairs(nn.Sequential) do
    if type(method) == "function" and name:find "^%l" and name ~= "construct" and name ~= "check_batch" then
      holds(said(method), name)
      holds(said(method), "model")
    end
  end
  t.equal(said "fit", said(model.fit))
  holds(said(model.evaluate), "return_dict")
  holds(said(model), "methods")
  holds(said(nn.Dense(1).get_weights), "layer:get_weights()")
  holds(said(nn.Normalization().adapt), "layer:adapt(x)")
  holds(said(nn.optimizers.Adam{}.step), "optimizer:step(parameters")
  holds(said(nn.optimizers.Adam{}), "apply_gradients")
  holds(said(nn.metrics.AUC{}.update_state), "metric:update_state(")
  holds(said(nn.data.Dataset), "integer, >= 1, default 32: rows of a batch")
  holds(said(nn.data.Dataset({1}, {2})), "help(dataset.batches) tells more")
  holds(said(nn.Layer.extend), "nn.Layer:extend(")
  holds(said(nn.datasets.digits), "8 x 8")
  holds(said "on_epoch_end", "(epoch, logs)")
end)

t.test("functions of losses and activations, topics, several things, and nothing of ours", function()
  holds(said(nn.losses.mean_squared_error), "nn.losses.mean_squared_error(y_true, y_pred")
  holds(said(nn.activations.leaky_relu), "negative_slope")
  holds(said "matmul", "nn.matmul(x, y), x:matmul(y)")
  holds(said(nn.where), "nn.where(condition, a, b), condition:where(a, b): ")
  holds(said(nn.index_select), "nn.index_select(x, dim, positions), x:index_select(dim, positions): ")
  holds(said(nn.cat), "nn.cat(list, dim = 1): ")
  holds(said "dtypes", "200 + 100 is 44")
  holds(said(nn.add), "wrap around modulo 256")
  holds(said "seeds", "a sequence of its own")
  local text = said(nn.matmul, nn.ones(2))
  holds(text, "nn.matmul(x, y)")
  holds(text, "float32 {2}")
  holds(said(print), "knows nothing of")
  holds(said(nil), "nil")
  holds(said(nn), "nn.Sequential")
end)
