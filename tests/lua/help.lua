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
  t.equal(said(nn.Sequential.fit), fit)
  holds(said(nn.data.train_test_split), "test_size")
  holds(said(nn.data.Dataset), "nn.data.Dataset(x, y, {options}): ")
  holds(said(nn.activations.celu), "nn.activations.celu(x, {options}): x where x > 0")
  holds(said "threshold", "nn.activations.threshold(x, threshold, default_value): ")
  holds(said(nn.losses.huber), "delta")
end)

t.test("help tells the arguments of ops, and ranges in words", function()
  holds(said "linear", "nn.linear(x, w[, b]), x:linear")
  holds(said "sum", "nn.sum(x[, dims, keepdim = false])")
  holds(said "gather", "nn.gather(x, dim, positions)")
  holds(said "einsum", "nn.einsum(spec, x, ...)")
  holds(said(nn.initializers.VarianceScaling), "number, > 0, default 1: ")
  holds(said(nn.metrics.CosineSimilarity), "CosineSimilarity{options}: cos of")
  holds(said(nn.losses.CosineSimilarity), "CosineSimilarity{options}: -cos of")
end)

t.test("every op says what it does", function()
  for name, value in pairs(nn) do
    if type(value) == "function" and value == nn[name] then holds(said(value), name) end
  end
end)
