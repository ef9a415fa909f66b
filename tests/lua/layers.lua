-- Layers: what they do in training and at inference, weights and their order, options and get_config, wrong inputs.
-- Values and gradients are in values.lua.
local t = ...
local nn = require "nn"

local function names(layer)
  local list = {}
  for i, weight in ipairs(layer:all_weights()) do list[i] = weight.name end
  return table.concat(list, " ")
end

-- The options by name that were decided, without those that all layers have.
local function again(layer)
  return nn[layer.class_name](layer:get_config())
end

local function moments(x)
  return x:mean():item(), x:std():item()
end

t.test("batch normalization: weights in Keras's order, the last two not trained", function()
  local layer = nn.BatchNormalization()
  local model = nn.Sequential{nn.Dense(3, {input_shape = {2}}), layer}
  t.equal(names(layer), "gamma beta moving_mean moving_variance")
  t.equal(#model:parameters(), 4)
  t.equal(model:count_params(), 9 + 12)
  t.equal(layer:get_weights()[1], {1, 1, 1})
  t.equal(layer:get_weights()[2], {0, 0, 0})
  t.equal(layer:get_weights()[3], {0, 0, 0})
  t.equal(layer:get_weights()[4], {1, 1, 1})
  t.equal(names(nn.Sequential{nn.BatchNormalization{scale = false, input_shape = {2}}}),
    "beta moving_mean moving_variance")
  t.equal(names(nn.Sequential{nn.BatchNormalization{center = false, scale = false, input_shape = {2}}}),
    "moving_mean moving_variance")
end)

t.test("batch normalization: initializers, regularizers and constraints of gamma and beta", function()
  local layer = nn.BatchNormalization{gamma_initializer = nn.initializers.Constant(2), beta_initializer = "ones",
    moving_mean_initializer = "ones", moving_variance_initializer = nn.initializers.Constant(4),
    gamma_regularizer = "l2", beta_constraint = "non_neg", input_shape = {2}}
  local model = nn.Sequential{layer}
  local gamma, beta, mean, variance = table.unpack(layer:get_weights())
  t.equal(gamma, {2, 2})
  t.equal(beta, {1, 1})
  t.equal(mean, {1, 1})
  t.equal(variance, {4, 4})
  model:compile{optimizer = nn.optimizers.SGD(10), loss = "mse"}
  -- the penalty 0.01 (2^2 + 2^2) is part of the loss
  local x = nn.tensor{{0, 0}, {0, 0}}
  t.close(model:evaluate(x, model(x), {verbose = 0}), 0.08, 1e-6)
  model:fit(x, nn.full({2, 2}, -9), {verbose = 0, check = false})
  t.equal(layer:get_weights()[2], {0, 0})
end)

t.test("batch normalization learns its averages in training and uses them afterwards", function()
  nn.seed(3)
  local layer = nn.BatchNormalization{momentum = 0.5}
  local x = nn.randn(400, 2) * nn.tensor{1, 3} + nn.tensor{5, -2}
  local mean, spread = moments(layer(x, true)[{{}, 2}])
  t.close(mean, 0, 1e-5)
  t.close(spread, 1, 1e-3)
  for _ = 1, 20 do layer(x, true) end
  t.close(layer:get_weights()[3], x:mean(1):totable(), 1e-4)
  t.close(layer:get_weights()[4], x:var(1):totable(), 1e-4)
  mean = moments(layer(x + 1)[{{}, 1}])
  t.close(mean, 1 / x:std(1)[1], 2e-3)
  local before = layer:get_weights()[3]
  layer(x)
  nn.no_grad(function() layer(x, false) end)
  t.equal(layer:get_weights()[3], before)
end)

t.test("batch normalization that is not trainable is at inference", function()
  local x = nn.tensor{{1, 2}, {3, 8}}
  local layer = nn.BatchNormalization{trainable = false}
  t.equal(layer(x, true), layer(x, false))
  t.equal(layer:get_weights()[3], {0, 0})
  -- also inside a model, by the layer's flag or the model's, and it learns again when it is set back
  local inside = nn.BatchNormalization()
  local model = nn.Sequential{inside, nn.Dense(1)}
  model:build{2}
  model:compile{loss = "mse"}
  local function averages_move()
    local before = inside:get_weights()[3]
    model:fit(x, nn.tensor{1, 2}, {verbose = 0, check = false})
    return before:ne(inside:get_weights()[3]):any():item() ~= 0
  end
  t.equal(averages_move(), true)
  inside.trainable = false
  t.equal(averages_move(), false)
  inside.trainable, model.trainable = true, false
  t.equal(averages_move(), false)
  model.trainable = true
  t.equal(averages_move(), true)
end)

t.test("batch normalization of one row, of none, of float64, of integers", function()
  local layer = nn.BatchNormalization()
  t.equal(layer(nn.tensor{{5, 7}}, true), {{0, 0}})
  t.equal(layer(nn.zeros(0, 2), true).shape, {0, 2})
  t.close(layer:get_weights()[3], {0.05, 0.07}, 1e-6)
  local wide = nn.BatchNormalization{dtype = "float64"}
  t.equal(wide(nn.ones(2, 2, {dtype = "float64"}), true).dtype, "float64")
  t.equal(wide:get_weights()[1].dtype, "float64")
  t.equal(nn.BatchNormalization()(nn.ones(2, 2, {dtype = "uint8"}), true).dtype, "float32")
end)

t.test("a batch that is inside a graph can be differentiated by x, and twice", function()
  local layer, x = nn.BatchNormalization(), nn.randn(5, 2, {dtype = "float64"})
  layer(x)
  t.equal(nn.gradcheck(function(v) return layer(v, true):square() end, {x:requires_grad_(true)}), true)
  local y = layer(x, true)
  local dx = nn.grad((y * y * y):sum(), x, {create_graph = true})
  t.equal(nn.grad((dx * dx):sum(), x).shape, {5, 2})
end)

t.test("deep networks with batch normalization train", function()
  nn.seed(2)
  local x = nn.randn(128, 8)
  local y = x:square():sum(2):gt(8):to "float32"
  local model = nn.Sequential{nn.Dense(16, {use_bias = false, input_shape = {8}}), nn.BatchNormalization(),
    nn.ReLU(), nn.Dense(16, {use_bias = false}), nn.BatchNormalization(), nn.ReLU(),
    nn.Dense(1, {activation = "sigmoid"})}
  model:compile{optimizer = nn.optimizers.Adam(0.01), loss = "binary_crossentropy", metrics = {"accuracy"}}
  local history = model:fit(x, y, {epochs = 60, verbose = 0})
  t.equal(history.accuracy[60] > 0.9, true)
  local _, accuracy = model:evaluate(x, y, {verbose = 0})
  t.equal(accuracy > 0.9, true)
  local once = model:get_weights()
  t.equal(#once, 2 + 4 + 4 + 3 - 1)
end)

t.test("layer normalization: each sample, in training and at inference alike", function()
  local layer = nn.LayerNormalization()
  local x = nn.randn(6, 50) * 3 + 7
  local mean, spread = moments(layer(x)[2])
  t.close(mean, 0, 1e-5)
  t.close(spread, 1, 1e-3)
  t.equal(layer(x, true), layer(x))
  t.equal(names(layer), "gamma beta")
  local over_two = nn.LayerNormalization{axis = {2, 3}}
  over_two(nn.ones(2, 3, 4))
  t.equal(over_two:get_weights()[1].shape, {3, 4})
end)

t.test("noise is there in training only, and of the right size", function()
  nn.seed(4)
  local x = nn.randn(200, 200)
  local mean, spread = moments(nn.AlphaDropout(0.3)(x, true))
  t.close(mean, 0, 0.02)
  t.close(spread, 1, 0.02)
  mean, spread = moments(nn.GaussianNoise(0.5)(x, true) - x)
  t.close(mean, 0, 0.01)
  t.close(spread, 0.5, 0.01)
  mean, spread = moments(nn.GaussianDropout(0.2)(nn.ones(200, 200), true))
  t.close(mean, 1, 0.01)
  t.close(spread, 0.5, 0.01)
  -- what is dropped has one value
  local constant = nn.AlphaDropout(0.5)(nn.ones(100, 100), true)
  t.close(constant:eq(constant:min()):to("float32"):mean():item(), 0.5, 0.03)
end)

t.test("a layer with a seed draws its own sequence; with noise_shape noise is shared", function()
  for _, class in ipairs{nn.Dropout, nn.AlphaDropout, nn.GaussianNoise, nn.GaussianDropout} do
    local x = nn.ones(20, 20)
    local one, other = class(0.5, {seed = 3}), class(0.5, {seed = 3})
    nn.seed(1)
    local drawn = nn.rand(1):item()
    nn.seed(1)
    local first, second = one(x, true), one(x, true)
    -- nothing was taken from the library's generator, and nothing drawn from it matters
    t.equal(nn.rand(1):item(), drawn)
    t.equal({other(x, true), other(x, true)}, {first, second})
    t.equal(first:ne(second):any():item(), 1)
    t.equal(class(0.5, {seed = 4})(x, true):ne(first):any():item(), 1)
  end
  local y = nn.AlphaDropout(0.5, {noise_shape = {-1, 1}})(nn.ones(30, 8), true)
  t.equal(y, y:narrow(2, 1, 1):broadcast_to(30, 8))
end)

t.test("noise has a gradient", function()
  for _, layer in ipairs{nn.AlphaDropout(0.4), nn.GaussianNoise(0.3), nn.GaussianDropout(0.4)} do
    local x = nn.randn(3, 4, {dtype = "float64", requires_grad = true})
    t.equal(nn.gradcheck(function(v)
      nn.seed(5)
      return layer(v, true)
    end, {x}), true)
  end
end)

t.test("embedding: ids as integers or floats, checked; trained where they occur", function()
  local layer = nn.Embedding(5, 2, {input_shape = {3}})
  local model = nn.Sequential{layer, nn.GlobalAveragePooling1D(), nn.Dense(1)}
  t.equal(model.output_shape, {1})
  local table_before = layer:get_weights()[1]
  t.equal(table_before.shape, {5, 2})
  t.equal(table_before:abs():max():item() <= 0.05, true)
  local ids = nn.tensor({{0, 3, 3}, {1, 3, 0}}, {dtype = "int64"})
  t.equal(layer(ids), layer(ids:to "float32"))
  model:compile{optimizer = "sgd", loss = "mse"}
  model:fit(ids, nn.tensor{5, -5}, {verbose = 0})
  local moved = layer:get_weights()[1]:ne(table_before):any(2)
  t.equal(moved, {1, 1, 0, 1, 0})
  t.fails(function() layer(nn.tensor{{5, 0, 0}}) end, "embedding: id 5 at {1, 1} is outside 0..4")
  t.fails(function() layer(nn.tensor{{0.5, 0, 0}}) end, "is not a whole number")
end)

t.test("pooling over the steps", function()
  local x = nn.arange(1, 12):reshape(2, 3, 2)
  t.equal(nn.GlobalAveragePooling1D()(x), {{3, 4}, {9, 10}})
  t.equal(nn.GlobalMaxPooling1D()(x), {{5, 6}, {11, 12}})
  t.equal(nn.GlobalMaxPooling1D{keepdims = true}(x).shape, {2, 1, 2})
  t.fails(function() nn.GlobalAveragePooling1D()(nn.ones(2, 3)) end,
    "GlobalAveragePooling1D: an input of at least 3 dimensions, the batch first, is expected; got {2, 3}")
  t.fails(function() nn.GlobalMaxPooling1D()(nn.ones(2, 3, 4, 5)) end,
    "GlobalMaxPooling1D: {N, steps, features} is expected; got {2, 3, 4, 5}")
end)

t.test("Lambda tells training only to functions that take it", function()
  local heard = {}
  local takes = nn.Lambda(function(x, training) heard[#heard + 1] = training return x end)
  takes(nn.ones(1, 2))
  takes(nn.ones(1, 2), true)
  t.equal(heard, {false, true})
  t.equal(nn.Lambda(function(...) return nn.full({1, 1}, select("#", ...)) end)(nn.ones(1, 2), true), {{1}})
  t.equal(nn.Lambda(nn.relu)({{-1, 2}}, true), {{0, 2}})
  t.equal(nn.Lambda(nn.activations.leaky_relu)({{-1, 2}}, true), {{-nn.tensor(0.2):item(), 2}})
  t.equal(nn.Lambda(nn.activations.get "relu")({{-1, 2}}, true), {{0, 2}})
  t.equal(nn.Lambda(nn.Dropout(0.5, {seed = 1}))(nn.ones(1, 100), true):eq(0):any():item(), 1)
  local callable = setmetatable({}, {__call = function(_, x, training) return training and x * 2 or x end})
  t.equal(nn.Lambda(callable)({{1, 2}}, true), {{2, 4}})
end)

-- ids filled up with 0, and vectors {id, 10 id} for them: what Keras's masks give, worked out by hand.
local ids = nn.tensor({{1, 2, 3, 0}, {4, 0, 0, 0}, {0, 0, 0, 0}, {0, 2, 0, 4}}, {dtype = "int64"})
local function embedding(options)
  local layer = nn.Embedding(5, 2, options)
  layer:ensure_built{4}
  layer:set_weights{{{100, 100}, {1, 10}, {2, 20}, {3, 30}, {4, 40}}}
  return layer
end
local MEANS = {{2, 20}, {4, 40}, {0, 0}, {3, 30}}

t.test("mask_zero: pooling leaves steps with id 0 out", function()
  local model = nn.Sequential{embedding{mask_zero = true}, nn.GlobalAveragePooling1D()}
  t.equal(model(ids), MEANS)
  t.equal(model:predict(ids), MEANS)
  t.equal(nn.Sequential{embedding(), nn.GlobalAveragePooling1D()}(ids)[2], {76, 85})
  local kept = nn.Sequential{embedding{mask_zero = true}, nn.GlobalAveragePooling1D{keepdims = true}}(ids)
  t.equal({kept.shape, kept:squeeze(2)}, {{4, 1, 2}, MEANS})
end)

t.test("layers that keep the steps pass a mask on, others end it", function()
  local function through(...)
    local layers = {embedding{mask_zero = true}, ...}
    layers[#layers + 1] = nn.GlobalAveragePooling1D()
    return nn.Sequential(layers)(ids)
  end
  t.equal(through(nn.Dense(2, {kernel_initializer = "identity"})), MEANS)
  t.equal(through(nn.Dropout(0.5), nn.Activation "relu", nn.Rescaling(2), nn.Rescaling(0.5)), MEANS)
  t.equal(through(nn.Sequential{nn.Activation "relu"}), MEANS)
  t.equal(through(nn.Reshape{4, 2})[2], {76, 85})
  t.equal(through(nn.Lambda(function(x) return x end))[2], {76, 85})
  -- a model that begins the mask, within another
  local inner = nn.Sequential{embedding{mask_zero = true}, nn.ReLU()}
  t.equal(nn.Sequential{inner, nn.GlobalAveragePooling1D()}(ids), MEANS)
end)

t.test("a class of the user's may take a mask, and pass it on", function()
  local seen
  local Takes = nn.Layer:extend "Takes"
  Takes.takes_mask, Takes.supports_masking = true, true
  function Takes.call(_, x, _, mask)
    seen = mask and mask:totable() or seen
    return x
  end
  local model = nn.Sequential{embedding{mask_zero = true}, Takes(), nn.GlobalAveragePooling1D()}
  t.equal(model(ids), MEANS)
  t.equal(seen, {{1, 1, 1, 0}, {1, 0, 0, 0}, {0, 0, 0, 0}, {0, 1, 0, 1}})
end)

t.test("a masked step has no gradient, and the mask is saved", function()
  local layer = embedding{mask_zero = true}
  local model = nn.Sequential{layer, nn.GlobalAveragePooling1D()}
  model(ids, true):sum():backward()
  t.close(layer.embeddings.grad, {{0, 0}, {1 / 3, 1 / 3}, {1 / 3 + 0.5, 1 / 3 + 0.5}, {1 / 3, 1 / 3}, {1.5, 1.5}})
  layer.embeddings:zero_grad()
  model:compile{optimizer = nn.optimizers.SGD(1), loss = "mse"}
  model:fit(ids, nn.zeros(4, 2), {verbose = 0})
  t.equal(layer.embeddings[1], {100, 100})
  t.equal(nn.Embedding(layer:get_config()).mask_zero, true)
  local wrong = nn.GlobalAveragePooling1D()
  t.fails(function() wrong(nn.ones(2, 3, 1), false, nn.ones(2, 4)) end,
    "GlobalAveragePooling1D: a mask {2, 4} does not fit the input {2, 3, 1}")
end)

t.test("weights are fields, nil before they are made", function()
  local dense = nn.Dense(4, {kernel_initializer = "ones"})
  t.equal({dense.kernel == nil, dense.bias == nil}, {true, true})
  local y = dense(nn.ones(1, 3))
  t.equal({dense.kernel.shape, dense.bias.shape}, {{3, 4}, {4}})
  dense:set_weights{nn.zeros(3, 4), nn.ones(4)}
  t.equal(dense.bias, {1, 1, 1, 1})
  y:sum():backward()
  t.equal(dense.bias.grad, {1, 1, 1, 1})
  t.equal(nn.Dense(2, {use_bias = false})(nn.ones(1, 1)).shape, {1, 2})
  local scale = nn.Normalization()
  scale:adapt{{1, 2}, {3, 4}}
  t.equal({scale.mean, scale.variance}, {{2, 3}, {1, 1}})
  scale:adapt{{1, 2}, {1, 2}}
  t.equal(scale.mean, {1, 2})
end)

t.test("a weight cannot be replaced by an assignment", function()
  local dense, norm = nn.Dense(2, {input_shape = {1}}), nn.BatchNormalization()
  local function assign(layer, name) return function() layer[name] = nn.ones(1, 2) end end
  local text = "Dense: kernel is a weight, and no other tensor can take its place; layer:set_weights{...} changes"
  t.fails(assign(dense, "kernel"), text)
  t.fails(assign(norm, "moving_mean"), "BatchNormalization: moving_mean is a weight")
  dense(nn.ones(1, 1))
  norm(nn.ones(1, 1))
  t.fails(assign(dense, "kernel"), text)
  t.fails(assign(norm, "moving_mean"), "BatchNormalization: moving_mean is a weight")
  t.equal(norm.moving_mean, {0})
  -- other fields are the user's, and a class with a build of its own has its own weights
  dense.kind, dense.trainable = "first", false
  t.equal({dense.kind, #dense:parameters()}, {"first", 0})
  local Own = nn.Dense:extend("Own")
  function Own:build(shape) self.kernel = self:add_weight{shape = {shape[1], self.units}, initializer = "ones"} end
  function Own:call(x) return x:matmul(self.kernel) end
  t.equal(Own(2)({{1, 2}}), {{3, 3}})
  t.equal(nn.Dense:extend("Inherits")(1, {kernel_initializer = "ones"})({{1, 2}}), {{3}})
  local inherits = nn.Inherits(1)
  inherits(nn.ones(1, 2))
  t.equal(inherits.kernel.shape, {2, 1})
end)

t.test("what completes behind a layer are its methods, those of its class, and weights", function()
  local dense = nn.Dense(2)
  local found = getmetatable(dense).__names(dense)
  t.equal({found.get_weights ~= nil, found.call ~= nil, found.kernel == nil}, {true, true, true})
  dense(nn.ones(1, 1))
  t.equal(getmetatable(dense).__names(dense).kernel, dense.kernel)
end)

t.test("one sample where a batch belongs", function()
  t.fails(function() nn.Dense(4)(nn.ones(3)) end, "Dense: an input of at least 2 dimensions, the batch first, is " ..
    "expected; got {3}; one sample alone is x:unsqueeze(1)")
  local model = nn.Sequential{nn.Dense(4, {input_shape = {3}})}
  model:compile{loss = "mse"}
  local text = ": inputs of {N, 3}, the batch first, are expected; got {3}; one sample alone is x:unsqueeze(1)"
  t.fails(function() model(nn.ones(3)) end, "Sequential" .. text)
  t.fails(function() model:predict(nn.ones(3)) end, "predict" .. text)
  t.fails(function() model:fit(nn.ones(3), nn.ones(3, 4)) end, "fit" .. text)
  t.equal(model:predict(nn.ones(3):unsqueeze(1)).shape, {1, 4})
  t.fails(function() nn.Sequential{nn.Dense(4)}:predict{1, 2, 3} end, "predict: an input of at least 2 dimensions")
end)

t.test("a misspelt switch is an error, other fields are the user's", function()
  local model = nn.Sequential{nn.Dense(4)}
  for _, name in ipairs{"trainble", "Trainable", "trainabel"} do
    t.fails(function() model[name] = false end, 'did you mean "trainable"?')
    t.fails(function() model.layers[1][name] = false end, 'did you mean "trainable"?')
  end
  t.fails(function() model.stop_trainning = true end, 'did you mean "stop_training"?')
  model.note, model.train, model.training, model.layers[1].stop = "x", 1, 2, 3
  t.equal({model.note, model.train, model.training, model.layers[1].stop}, {"x", 1, 2, 3})
end)

t.test("what extend is told of a class", function()
  t.fails(function() nn.Layer:extend("Foo", {"units"}) end,
    'extend: options are named, with their defaults, {units = 1}; got "units" without a name')
  t.fails(function() nn.callbacks.Callback:extend("Foo", {"units"}) end, 'got "units" without a name')
  t.fails(function() nn.Layer:extend("Foo", {units = 1, "x"}) end, 'got "x" without a name')
  t.fails(function() nn.Layer:extend("Foo", "units") end, 'extend: the options are a table of names with their')
  t.fails(function() nn.Layer:extend("Dense", {}) end, 'there is a layer "Dense" already; give yours another name')
  t.fails(function() nn.Layer:extend("Sequential") end, 'there is a layer "Sequential" already')
  local first = nn.Layer:extend("ToldTwice", {factor = 1})
  t.equal(nn.ToldTwice == first, true)
  local second = nn.Layer:extend("ToldTwice", {factor = 2})
  t.equal({nn.ToldTwice == second, nn.ToldTwice().factor}, {true, 2})
end)

t.test("get_config makes the same layer again", function()
  local function defaults(name) return nn[name]():get_config() end
  local config = defaults "BatchNormalization"
  t.equal({config.axis, config.momentum, config.epsilon, config.center, config.scale}, {-1, 0.99, 1e-3, true, true})
  t.equal({config.gamma_initializer, config.beta_initializer, config.moving_mean_initializer,
    config.moving_variance_initializer}, {"ones", "zeros", "zeros", "ones"})
  config = defaults "LayerNormalization"
  t.equal({config.epsilon, config.center, config.scale}, {1e-3, true, true})
  t.equal(nn.Embedding(3, 4):get_config().embeddings_initializer, "uniform")
  for _, layer in ipairs{nn.BatchNormalization{axis = 2, momentum = 0.5, name = "bn"},
    nn.LayerNormalization{axis = {2, 3}, epsilon = 0.5}, nn.Embedding(7, 2), nn.AlphaDropout(0.25, {seed = 4}),
    nn.GaussianNoise(0.5), nn.GaussianDropout(0.5, {trainable = false}), nn.GlobalAveragePooling1D{keepdims = true}} do
    t.equal(again(layer):get_config(), layer:get_config())
    t.equal(tostring(again(layer)), tostring(layer))
  end
end)

t.test("wrong inputs and options", function()
  t.fails(function() nn.BatchNormalization{axis = 1}(nn.ones(2, 3)) end,
    "BatchNormalization: axis 1 is the batch; the features are a dimension after it")
  t.fails(function() nn.BatchNormalization{axis = 4}(nn.ones(2, 3)) end,
    "BatchNormalization: dimension 4 is outside {1, 3}")
  local layer = nn.BatchNormalization()
  layer(nn.ones(2, 3))
  t.fails(function() layer(nn.ones(2, 4)) end,
    "BatchNormalization: 3 features are expected along dimension 2; got {2, 4}")
  t.fails(function() nn.LayerNormalization{axis = {1, 2}}(nn.ones(2, 3)) end,
    "LayerNormalization: axis {1, 2} names the batch, dimension 1")
  t.fails(function() nn.LayerNormalization{axis = {2, 2}}(nn.ones(2, 3)) end, "LayerNormalization:")
  local normal = nn.LayerNormalization()
  normal(nn.ones(2, 3))
  t.fails(function() normal(nn.ones(2, 4)) end, "layer_norm: gamma has 3 elements, what is normalized of {2, 4} has 4")
  t.fails(function() nn.AlphaDropout(1) end, "AlphaDropout: rate must be a number >= 0 and < 1; got 1")
  t.fails(function() nn.GaussianNoise(-1) end, "GaussianNoise: stddev must be a number >= 0; got -1")
  t.fails(function() nn.AlphaDropout(0.5, {noise_shape = {3, 1}})(nn.ones(4, 2), true) end,
    "AlphaDropout: noise_shape {3, 1} does not fit inputs {4, 2}")
  t.fails(function() nn.Embedding(3) end, "Embedding: output_dim is missing")
end)

t.test("the op: statistics given together, of the right size", function()
  local x, v = nn.ones(2, 3), nn.ones(3)
  t.fails(function() nn.batch_norm(x, v, v, v) end, "batch_norm: mean and variance are given together, or neither")
  t.fails(function() nn.batch_norm(x, nn.ones(2), v, v, v) end,
    "batch_norm: gamma has 2 elements, what is normalized of {2, 3} has 3")
  t.fails(function() nn.batch_norm(x, v, v, v, v, {axis = 3}) end, "batch_norm: dimension 3 is outside {2, 3}")
end)
