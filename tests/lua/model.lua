-- Models: building, training, evaluating, predicting; the options of fit.
local t = ...
local nn = require "nn"

local X = nn.tensor{{2, 60}, {10, 95}, {4, 70}, {15, 98}, {1, 40}, {8, 85}, {12, 90}, {3, 55}} / 100
local y = nn.tensor{0, 1, 0, 1, 0, 1, 1, 0}

local function student(loss)
  nn.seed(1)
  local model = nn.Sequential{
    nn.Dense(8, {activation = "relu", input_shape = {2}}),
    nn.Dense(4, {activation = "relu"}),
    nn.Dense(1, {activation = "sigmoid"}),
  }
  model:compile{optimizer = "adam", loss = loss or "binary_crossentropy", metrics = {"accuracy"}}
  return model
end

-- Three clusters in the plane, n rows of each.
local function clusters(n)
  local rows, labels = {}, {}
  for i = 0, 3 * n - 1 do
    local k = i % 3
    rows[#rows + 1] = {math.cos(k * 2.1) + 0.1 * math.sin(i * 7.3), math.sin(k * 2.1) + 0.1 * math.cos(i * 3.7)}
    labels[#labels + 1] = k
  end
  return nn.tensor(rows), nn.tensor(labels, {dtype = "int64"})
end

local function classifier(options)
  nn.seed(2)
  local model = nn.Sequential{nn.Dense(16, {activation = "tanh", input_shape = {2}}),
    nn.Dense(3, {activation = "softmax"})}
  model:compile{optimizer = nn.optimizers.Adam{learning_rate = 0.02}, loss = options.loss, metrics = options.metrics}
  return model
end

t.test("the example of the manual", function()
  local model = student()
  local history = model:fit(X, y, {epochs = 600, verbose = 0})
  local loss, accuracy = model:evaluate(X, y, {verbose = 0})
  t.equal(accuracy, 1)
  t.equal(#history.loss, 600)
  t.equal(history.history.loss == history.loss, true)
  t.equal(#history.epoch, 600)
  t.equal(history.epoch[1], 1)
  t.equal(loss < history.loss[1], true)
  t.equal(history.accuracy[600], 1)
  t.equal(model.history == history, true)
  t.equal(model:predict_classes(X), {0, 1, 0, 1, 0, 1, 1, 0})
  t.equal(model:predict_classes(X).dtype, "int64")
  t.equal(model:predict(X).shape, {8, 1})
end)

t.test("shapes {N} and {N, 1} of the targets are the same", function()
  local a, b = student(), student()
  a:fit(X, y, {epochs = 3, verbose = 0})
  b:fit(X, y:reshape(8, 1), {epochs = 3, verbose = 0})
  t.equal(a:predict(X), b:predict(X))
end)

t.test("a seed fixes training, shuffling included", function()
  local x, labels = clusters(20)
  local function run()
    local model = classifier{loss = "sparse_categorical_crossentropy"}
    return model:fit(x, labels, {epochs = 3, batch_size = 8, verbose = 0}).loss
  end
  t.equal(run(), run())
end)

t.test("several classes: labels, one-hot rows, logits", function()
  local x, labels = clusters(30)
  local model = classifier{loss = "sparse_categorical_crossentropy", metrics = {"accuracy"}}
  model:fit(x, labels, {epochs = 30, verbose = 0})
  local _, accuracy = model:evaluate(x, labels, {verbose = 0})
  t.equal(accuracy, 1)
  t.equal(model:predict_classes(x), labels)
  model = classifier{loss = "categorical_crossentropy", metrics = {"accuracy"}}
  local one_hot = nn.data.to_categorical(labels, 3)
  model:fit(x, one_hot, {epochs = 30, verbose = 0})
  t.equal(select(2, model:evaluate(x, one_hot, {verbose = 0})), 1)
end)

t.test("a loss behind its activation is the one from logits", function()
  local x, labels = clusters(10)
  local probabilities = classifier{loss = "sparse_categorical_crossentropy"}
  local loss = probabilities:evaluate(x, labels, {verbose = 0})
  local per_sample = nn.losses.sparse_categorical_crossentropy(labels, probabilities:predict(x))
  t.close(loss, per_sample:mean():item())
  -- far beyond where a clipped loss ends (16.1)
  local model = nn.Sequential{nn.Dense(1, {input_shape = {1}, activation = "sigmoid", kernel_initializer = "ones"})}
  model:compile{optimizer = "sgd", loss = "binary_crossentropy", metrics = {"accuracy"}}
  local value, accuracy = model:evaluate({{50}}, {0}, {verbose = 0})
  t.close(value, 50)
  t.equal(accuracy, 0)
  -- Activation and Softmax layers at the end
  for _, last in ipairs{nn.Activation "softmax", nn.Softmax()} do
    local ends = nn.Sequential{nn.Dense(2, {input_shape = {2}, kernel_initializer = nn.initializers.Identity()}), last}
    ends:compile{optimizer = "sgd", loss = "sparse_categorical_crossentropy", metrics = {"accuracy"}}
    t.close(ends:evaluate({{90, 0}}, {1}, {verbose = 0}), 90)
    t.close(ends:predict{{0, 0}}, {{0.5, 0.5}})
    ends:fit({{90, 0}}, {1}, {verbose = 0, check = false})
  end
end)

t.test("accuracy of a loss from logits has its threshold at 0", function()
  local model = nn.Sequential{nn.Dense(1, {input_shape = {1}, kernel_initializer = "ones"})}
  model:compile{optimizer = "sgd", loss = nn.losses.BinaryCrossentropy{from_logits = true}, metrics = {"accuracy"}}
  t.equal(select(2, model:evaluate({{0.2}, {-0.2}}, {1, 0}, {verbose = 0})), 1)
  t.equal(model:predict_classes{{0.2}, {-0.2}}, {1, 0})
end)

t.test("integer inputs", function()
  local whole = (X * 100):round():to "uint8"
  local model = student()
  model:fit(whole, y:to "uint8", {epochs = 1, verbose = 0, check = false})
  t.equal(model:predict(whole), model:predict(whole:to "float32"))
  t.equal(model(whole:to "int64").shape, {8, 1})
end)

t.test("validation: split, data, frequency", function()
  local x, labels = clusters(20)
  local model = classifier{loss = "sparse_categorical_crossentropy", metrics = {"accuracy"}}
  local history = model:fit(x, labels, {epochs = 2, verbose = 0, validation_split = 0.2})
  t.equal(#history.val_loss, 2)
  t.equal(#history.val_accuracy, 2)
  t.equal(history.params.steps, 2)
  t.equal(history.params.validation, true)
  history = model:fit(x, labels, {epochs = 4, verbose = 0, validation_data = {x, labels}, validation_freq = 2})
  t.equal(#history.val_loss, 2)
  local loss, accuracy = model:evaluate(x, labels, {verbose = 0})
  t.equal({history.val_loss[2], history.val_accuracy[2]}, {loss, accuracy})
  history = model:fit(x, labels, {epochs = 3, verbose = 0, validation_data = {x, labels}, validation_freq = {1, 3}})
  t.equal(#history.val_loss, 2)
  t.equal(#model:fit(x, labels, {verbose = 0, validation_split = 0.001, check = false}).val_loss, 1)
  history = model:fit(x, labels, {verbose = 0, validation_data = nn.data.Dataset(x, labels), validation_steps = 1})
  t.equal(#history.val_loss, 1)
  t.fails(function() model:fit(x, labels, {validation_split = 0.99, verbose = 0}) end, "leaves no row for training")
end)

t.test("the validation part is the last one, taken before shuffling", function()
  local x = nn.tensor{{0}, {0}, {0}, {0}, {1}}
  local model = nn.Sequential{nn.Dense(1, {input_shape = {1}, kernel_initializer = "ones", trainable = false})}
  model:compile{optimizer = "sgd", loss = "mse"}
  local history = model:fit(x, nn.zeros(5), {validation_split = 0.2, verbose = 0})
  t.equal(history.loss, {0})
  t.equal(history.val_loss, {1})
end)

t.test("weights of samples and classes", function()
  local model = nn.Sequential{nn.Dense(1, {input_shape = {1}, kernel_initializer = "ones"})}
  model:compile{optimizer = nn.optimizers.SGD(0), loss = "mse", metrics = {"mse"}, weighted_metrics = {"mae"}}
  local x, zero = nn.tensor{{1}, {2}}, nn.tensor{0, 0}
  local loss, mse, mae = model:evaluate(x, zero, {sample_weight = {1, 3}, verbose = 0})
  t.close({loss, mse, mae}, {(1 + 12) / 2, 2.5, 7 / 4})
  local history = model:fit(x, nn.tensor{0, 1}, {class_weight = {[1] = 5}, verbose = 0, shuffle = false})
  t.close(history.loss[1], (1 + 5) / 2)
  history = model:fit(x, zero, {sample_weight = nn.tensor{1, 3}, verbose = 0})
  t.close(history.loss[1], 6.5)
  t.fails(function() model:fit(x, zero, {sample_weight = {1, 1}, class_weight = {}, verbose = 0}) end,
    "class_weight and sample_weight cannot be given together")
  t.fails(function() model:fit(x, zero, {class_weight = {a = 1}, verbose = 0}) end, "{[label] = weight}")
  t.close(model:train_on_batch(x, zero, {sample_weight = {1, 3}}), 6.5)
end)

t.test("epochs, initial_epoch, steps, seconds", function()
  local x, labels = clusters(20)
  local model = classifier{loss = "sparse_categorical_crossentropy"}
  t.equal(model:fit(x, labels, {epochs = 4, initial_epoch = 2, verbose = 0}).epoch, {3, 4})
  t.equal(#model:fit(x, labels, {epochs = 0, verbose = 0}).epoch, 0)
  local batches = 0
  local counter = {on_train_batch_end = function() batches = batches + 1 end}
  model:fit(x, labels, {epochs = 3, steps_per_epoch = 5, batch_size = 16, verbose = 0, callbacks = {counter}})
  t.equal(batches, 15)
  local history = model:fit(x, labels, {epochs = 1000000, seconds = 0.05, verbose = 0})
  t.equal(#history.epoch >= 1 and #history.epoch < 1000000, true)
end)

t.test("data sets and functions that give iterators", function()
  local x, labels = clusters(20)
  local model = classifier{loss = "sparse_categorical_crossentropy", metrics = {"accuracy"}}
  local set = nn.data.Dataset(x, labels, {batch_size = 16, shuffle = true})
  local history = model:fit(set, {epochs = 2, verbose = 0, validation_data = set})
  t.equal(history.params.steps, 4)
  t.equal(#history.val_accuracy, 2)
  local function batches()
    local i = 0
    return function()
      i = i + 1
      if i <= 3 then return x, labels end
    end
  end
  history = model:fit(batches, {epochs = 2, verbose = 0})
  t.equal(#history.loss, 2)
  model:fit(nn.data.Dataset(batches), {epochs = 1, steps_per_epoch = 7, verbose = 0})
  local loss = model:evaluate(batches, {verbose = 0})
  t.close(loss, model:evaluate(x, labels, {verbose = 0, batch_size = 60}))
  t.equal(model:predict(set).shape, {60, 3})
  t.equal(x:numel(), 120)
  t.fails(function() model:fit(set, labels, {verbose = 0}) end, "the batches of a data set have their y")
  t.fails(function() model:fit(batches, {validation_split = 0.5, verbose = 0}) end, "validation_split needs tensors")
  t.fails(function() model:fit(function() return x end, {verbose = 0}) end, "must return an iterator")
  t.fails(function() model:fit(function() return function() end end, {verbose = 0}) end, "the data gave no batch")
end)

t.test("one batch at a time", function()
  local model = student()
  local first, accuracy = model:train_on_batch(X, y)
  t.equal(math.type(first), "float")
  t.equal(accuracy >= 0 and accuracy <= 1, true)
  t.equal(model:test_on_batch(X, y) < first, true)
  local logs = model:test_on_batch(X, y, {return_dict = true})
  t.equal(logs.loss, (model:evaluate(X, y, {verbose = 0})))
  t.close(model:predict_on_batch(X), model:predict(X))
  local named = model:evaluate(X, y, {verbose = 0, return_dict = true})
  t.equal(math.type(named.loss) .. math.type(named.accuracy), "floatfloat")
end)

t.test("predict puts batches together in order", function()
  local model = student()
  local whole = model:predict(X, {batch_size = 8})
  t.close(model:predict(X, {batch_size = 3}), whole)
  t.equal(model:predict(X, {steps = 1, batch_size = 2}).shape, {2, 1})
  t.equal(model:predict{{2, 60}}.shape, {1, 1})
  t.close(model(X), whole)
  t.equal(whole.requires_grad, false)
end)

t.test("penalties are part of the loss", function()
  local model = nn.Sequential{nn.Dense(1, {input_shape = {1}, kernel_initializer = "ones",
    kernel_regularizer = nn.regularizers.L2(0.5)}), nn.ActivityRegularization{l1 = 0.25}}
  model:compile{optimizer = nn.optimizers.SGD(0.1), loss = "mse"}
  -- mean (x - 0)^2 = 2.5; 0.5 * 1; 0.25 * (1 + 2) / 2
  t.close(model:evaluate({{1}, {2}}, {0, 0}, {verbose = 0}), 2.5 + 0.5 + 0.375)
  t.close(model:train_on_batch({{1}, {2}}, {0, 0}), 3.375)
  -- gradients of the kernel: 2 * 2.5, 1, 0.25 * 3 / 2
  t.close(model:get_weights()[1], {{1 - 0.1 * (5 + 1 + 0.375)}})
end)

t.test("constraints hold after every step", function()
  local model = nn.Sequential{nn.Dense(1, {input_shape = {1}, kernel_constraint = "non_neg",
    kernel_initializer = "ones"})}
  model:compile{optimizer = nn.optimizers.SGD(10), loss = "mse"}
  model:fit({{1}}, {-5}, {verbose = 0})
  t.equal(model:get_weights()[1], {{0}})
end)

t.test("what is not trainable stays", function()
  local model = student()
  model.layers[1].trainable = false
  t.equal(#model:parameters(), 4)
  local before = model:get_weights()
  model:fit(X, y, {verbose = 0})
  local after = model:get_weights()
  t.equal(after[1], before[1])
  model.trainable = false
  t.equal(#model:parameters(), 0)
  model:fit(X, y, {verbose = 0})
  t.equal(model:get_weights(), after)
  model.trainable, model.layers[1].trainable = true, true
  t.equal(#model:parameters(), 6)
end)

t.test("weights: order, copies, shapes", function()
  local model = student()
  local weights = model:get_weights()
  local shapes = {}
  for i, w in ipairs(weights) do shapes[i] = w.shape end
  t.equal(shapes, {{2, 8}, {8}, {8, 4}, {4}, {4, 1}, {1}})
  t.equal(model:count_params(), 65)
  local before = model:predict(X)
  model:fit(X, y, {verbose = 0, epochs = 3})
  model:set_weights(weights)
  t.equal(model:predict(X), before)
  t.fails(function() model:set_weights{} end, "has 6 weights; got a list of 0")
  weights[2] = nn.zeros(9)
  t.fails(function() model:set_weights(weights) end, 'weight 2 ("bias") has shape {8}; got {9}')
end)

t.test("add, pop, get_layer, build", function()
  local model = nn.Sequential()
  model:add(nn.Input{3})
  model:add(nn.Dense(4, {name = "one"}))
  model:add(nn.Dense(2, {name = "two"}))
  t.equal(model.output_shape, {2})
  t.equal(model:get_layer("two").units, 2)
  t.equal(model:get_layer(-1).name, "two")
  t.equal(model:pop().name, "two")
  t.equal(model.output_shape, {4})
  t.fails(function() model:get_layer "three" end, "there is no layer \"three\"; the model has one")
  t.fails(function() model:add(nn.Dense(2, {name = "one"})) end, 'two layers have the name "one"')
  t.fails(function() model:add(3) end, "layer 2 must be a layer")
  t.fails(function() model:add(nn.Dense) end, "layer 2 is the class Dense itself")
  local later = nn.Sequential{nn.Dense(4), nn.Dense(2)}
  t.equal(later.built, false)
  later:build{5}
  t.equal(later:count_params(), 5 * 4 + 4 + 4 * 2 + 2)
  t.equal(later(nn.ones(7, 5)).shape, {7, 2})
  t.fails(function() later:build{6} end, "the model is built for inputs of {5}; got {6}")
end)

t.test("names count on", function()
  local a, b = nn.Dense(1), nn.Dense(1)
  local n = tonumber(a.name:match "%d+$")
  t.equal(b.name, ("dense_%d"):format(n + 1))
  t.equal(nn.LeakyReLU().name:find "^leaky_re_lu" ~= nil, true)
end)

t.test("a layer in Lua", function()
  local Scale = nn.Layer:extend("Scale", {factor = 1})
  function Scale:build(input_shape)
    self.shift = self:add_weight{name = "shift", shape = {input_shape[#input_shape]}, initializer = "zeros"}
  end
  function Scale:call(x) return x * self.factor + self.shift end
  local model = nn.Sequential{Scale{factor = 2, input_shape = {2}}, nn.Dense(1)}
  t.equal(model.layers[1](nn.ones(1, 2)), {{2, 2}})
  t.equal(model:count_params(), 2 + 3)
  model:compile{optimizer = "sgd", loss = "mse", metrics = {"mae"}}
  local history = model:fit(X, y, {epochs = 20, verbose = 0})
  t.equal(history.loss[20] < history.loss[1], true)
  t.equal(model:get_weights()[1]:abs():sum():item() > 0, true)
  t.equal(model.layers[1]:get_config().factor, 2)
  t.equal(tostring(model.layers[1]):find "^Scale{factor = 2" ~= nil, true)
end)

t.test("a layer in Lua that holds layers", function()
  local Block = nn.Layer:extend("Block", {{name = "units", kind = "integer", required = true}})
  function Block:build()
    self.first, self.second = nn.Dense(self.units, {activation = "relu"}), nn.Dense(2)
  end
  function Block:call(x, training) return self.second(self.first(x, training), training) end
  local model = nn.Sequential{Block(3)}
  model:compile{optimizer = "adam", loss = "mse"}
  model:fit(X, nn.zeros(8, 2), {verbose = 0, check = false})
  t.equal(#model:parameters(), 4)
  t.equal(model:count_params(), 2 * 3 + 3 + 3 * 2 + 2)
end)

t.test("models inside models, and a layer twice", function()
  local inner = nn.Sequential{nn.Dense(2, {activation = "relu"})}
  local shared = nn.Dense(2)
  local model = nn.Sequential{nn.Input{2}, inner, shared, shared}
  model:compile{optimizer = "adam", loss = "mse"}
  t.equal(#model:parameters(), 2 + 2)
  model:fit(X, nn.zeros(8, 2), {verbose = 0, check = false})
end)

t.test("Lambda, Normalization, functions as losses and metrics", function()
  local scale = nn.Normalization()
  scale:adapt(X)
  t.close(scale(X):mean(1), {0, 0}, 1e-5)
  t.close(scale(X):std(1), {1, 1}, 1e-5)
  local model = nn.Sequential{scale, nn.Lambda(function(x) return x:tanh() end), nn.Dense(1)}
  local function error_of(y_true, y_pred) return (y_true - y_pred):abs():mean(-1) end
  model:compile{optimizer = "adam", loss = error_of, metrics = {spread = error_of}}
  local history = model:fit(X, y:reshape(8, 1), {epochs = 2, verbose = 0})
  t.close(history.spread[1], history.loss[1])
end)

t.test("callbacks are called in order, counted from 1", function()
  local x, labels = clusters(10)
  local model = classifier{loss = "sparse_categorical_crossentropy", metrics = {"accuracy"}}
  local calls = {}
  local recorder = {}
  for _, event in ipairs{"on_train_begin", "on_train_end", "on_test_begin", "on_test_end"} do
    recorder[event] = function(_, logs)
      calls[#calls + 1] = event
      t.equal(type(logs), "table")
    end
  end
  for _, event in ipairs{"on_epoch_begin", "on_epoch_end", "on_train_batch_begin", "on_train_batch_end",
    "on_test_batch_begin", "on_test_batch_end"} do
    recorder[event] = function(self, i, logs)
      calls[#calls + 1] = event .. " " .. i
      t.equal(self.model == model, true)
      if event == "on_epoch_end" then
        t.equal(math.type(logs.loss) .. math.type(logs.val_accuracy), "floatfloat")
        logs.extra = 7
      end
    end
  end
  local history = model:fit(x, labels, {batch_size = 15, verbose = 0, callbacks = {recorder},
    validation_data = {x, labels}})
  t.equal(calls, {"on_train_begin", "on_epoch_begin 1", "on_train_batch_begin 1", "on_train_batch_end 1",
    "on_train_batch_begin 2", "on_train_batch_end 2", "on_test_begin", "on_test_batch_begin 1", "on_test_batch_end 1",
    "on_test_batch_begin 2", "on_test_batch_end 2", "on_test_end", "on_epoch_end 1", "on_train_end"})
  t.equal(history.extra, {7})
  t.equal(recorder.params.epochs, 1)
end)

t.test("stop_training stops after the batch", function()
  local x, labels = clusters(10)
  local model = classifier{loss = "sparse_categorical_crossentropy"}
  local batches = 0
  local history = model:fit(x, labels, {epochs = 5, batch_size = 5, verbose = 0, callbacks = {
    {on_train_batch_end = function(self, batch)
      batches = batches + 1
      if batch == 2 then self.model.stop_training = true end
    end}}})
  t.equal(batches, 2)
  t.equal(history.epoch, {1})
end)

t.test("an error in a callback leaves a model that can go on", function()
  local model = student()
  local live
  for _ = 1, 3 do
    t.fails(function()
      model:fit(X, y, {verbose = 0, callbacks = {{on_train_batch_end = function() error("interrupted", 0) end}}})
    end, "interrupted")
    collectgarbage()
    collectgarbage()
    local now = nn.memory().live
    live = live or now
    t.equal(now <= live, true)
  end
  model:fit(X, y, {verbose = 0, epochs = 2})
end)

t.test("what a callback or layer keeps stays usable", function()
  local kept = {}
  local Keeper = nn.Layer:extend("Keeper")
  function Keeper.call(_, x)
    kept[#kept + 1] = x
    return x
  end
  local model = nn.Sequential{Keeper(), nn.Dense(4), Keeper(), nn.Dense(1), Keeper()}
  model:compile{optimizer = "sgd", loss = "mse"}
  model:fit(X, y, {verbose = 0, epochs = 2, batch_size = 4})
  for _, x in ipairs(kept) do t.equal(x:numel() > 0, true) end
end)

t.test("training does not grow", function()
  local model = student()
  model:fit(X, y, {epochs = 5, verbose = 0})
  collectgarbage()
  local before = nn.memory().live
  collectgarbage "stop"
  model:fit(X, y, {epochs = 200, verbose = 0})
  collectgarbage "restart"
  t.equal(nn.memory().live < before + 20000, true)
end)

t.test("inside nn.scope", function()
  local model = nn.scope(function()
    local made = student()
    made:fit(X, y, {epochs = 2, verbose = 0})
    return made
  end)
  model:fit(X, y, {epochs = 2, verbose = 0})
  t.equal(model:predict(X).shape, {8, 1})
end)

t.test("float64 models, one-hot class weights", function()
  local model = nn.Sequential{nn.Dense(2, {input_shape = {2}, dtype = "float64", activation = "softmax"})}
  model:compile{optimizer = "adam", loss = "categorical_crossentropy"}
  t.equal(model:predict(X).dtype, "float64")
  local one_hot = nn.data.to_categorical(y, 2)
  local heavy = model:fit(X, one_hot, {verbose = 0, class_weight = {[0] = 2, [1] = 2}}).loss[1]
  t.equal(heavy > 1, true)
  model:fit(X, one_hot, {verbose = 0, epochs = 2})
end)

t.test("print draws layers and models", function()
  t.equal(tostring(nn.Dense(8, {activation = "relu", name = "d"})), 'Dense{units = 8, activation = "relu", name = "d"}')
  local text = tostring(nn.Sequential{nn.Dense(1, {name = "a"}), name = "m"})
  t.equal(text, 'Sequential{\n  Dense{units = 1, name = "a"},\n  name = "m"}')
end)
