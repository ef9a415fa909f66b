-- The parser of options: forms of a call, checks, messages.
local t = ...
local nn = require "nn"

t.test("the three forms of a call", function()
  for _, layer in ipairs{nn.Dense(8, {activation = "relu"}), nn.Dense{units = 8, activation = "relu"},
    nn.Dense{8, activation = "relu"}} do
    t.equal(layer.units, 8)
    t.equal(layer.activation.name, "relu")
    t.equal(layer.use_bias, true)
  end
  t.equal(nn.Dense(8).units, 8)
  t.equal(nn.Dense(8.0).units, 8)
  t.equal(nn.Dense(8, nil).units, 8)
end)

t.test("a table without keys is the shape", function()
  t.equal(nn.Reshape{2, 4}.target_shape, {2, 4})
  t.equal(nn.Reshape({2, 4}, {name = "a"}).name, "a")
  t.equal(nn.Reshape{target_shape = {2, 4}}.target_shape, {2, 4})
  t.equal(nn.Reshape{2, 4, name = "b"}.target_shape, {2, 4})
  t.equal(nn.Reshape(8).target_shape, {8})
  t.equal(nn.Input{28, 28}.input_shape, {28, 28})
  t.equal(nn.Input({2}, {name = "ids"}).name, "ids")
  t.fails(function() nn.Input({2}, {batch_size = 4}) end, 'Input: unknown option "batch_size"')
  t.fails(function() nn.Input({2}, {activity_regularizer = "l2"}) end, 'Input: unknown option "activity_regularizer"')
end)

t.test("an unknown option names the nearest", function()
  t.fails(function() nn.Dense{unit = 8} end, 'Dense: unknown option "unit"; did you mean "units"?')
  t.fails(function() nn.Dense(8, {activaton = "relu"}) end, 'did you mean "activation"?')
  t.fails(function() nn.Dropout(0.5, {sed = 1}) end, 'Dropout: unknown option "sed"; did you mean "seed"?')
end)

t.test("what is missing, wrong or too much", function()
  t.fails(function() nn.Dense() end, "Dense: units is missing")
  t.fails(function() nn.Dense{} end, "Dense: units is missing")
  t.fails(function() nn.Dense(-3) end, "Dense: units must be an integer >= 1; got -3")
  t.fails(function() nn.Dense(2.5) end, "Dense: units must be an integer >= 1; got 2.5")
  t.fails(function() nn.Dense("8") end, 'Dense: units must be an integer >= 1; got "8"')
  t.fails(function() nn.Dense(8, 9) end, "Dense: takes 1 argument and a table of options; got 9")
  t.fails(function() nn.Dense(8, {units = 8}) end, "Dense: units was given twice")
  t.fails(function() nn.Dense(8, {use_bias = 1}) end, "Dense: use_bias must be true or false; got 1")
  t.fails(function() nn.Dropout(1.5) end, "Dropout: rate must be a number from 0 to 1; got 1.5")
  t.fails(function() nn.optimizers.Adam{beta_1 = 1} end, "Adam: beta_1 must be a number >= 0 and < 1; got 1")
  t.fails(function() nn.initializers.VarianceScaling{scale = 0} end, "scale must be a number > 0; got 0")
  t.fails(function() nn.metrics.AUC{num_thresholds = 1} end, "must be an integer from 2 to 1000000; got 1")
  t.fails(function() nn.Reshape{1, "a"} end, "Reshape: target_shape must be a list of integers")
  t.fails(function() nn.Dense(8, {dtype = "float16"}) end, 'dtype must be "float32", "float64", "int64" or "uint8"')
  t.fails(function() nn.losses.MeanSquaredError{reduction = "avg"} end, 'reduction must be "sum_over_batch_size"')
  t.fails(function() nn.Dense(8, {activation = 3}) end, "activation must be the name of an activation")
  t.fails(function() nn.Dense(8, {activation = "relux"}) end, 'did you mean "relu"')
end)

t.test('"none" is nothing where nil is the default', function()
  t.equal(nn.losses.MeanSquaredError{reduction = "none"}.reduction, "none")
  t.equal(nn.Dense(8, {activation = "none"}).activation, nil)
end)

t.test("errors are placed in the caller's file", function()
  local message = t.fails(function() nn.Dense{unit = 8} end, "unknown option")
  t.equal(message:find("^[^\n]*tests/lua/options.lua:%d+: Dense: ") ~= nil, true)
end)
