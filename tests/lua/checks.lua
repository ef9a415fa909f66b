-- What fit says about data and models before the first batch, and about wrong calls.
local t = ...
local nn = require "nn"

local function model_of(units, activation, loss, options)
  local shape = options and options.shape or {2}
  local model = nn.Sequential{nn.Dense(units, {activation = activation, input_shape = shape})}
  model:compile{optimizer = "sgd", loss = loss, metrics = {"accuracy"}}
  return model
end

local x = nn.tensor{{0.1, 0.2}, {0.3, 0.4}, {0.5, 0.6}}

local function fails(model, a, b, text)
  return t.fails(function() model:fit(a, b, {verbose = 0}) end, text)
end

-- The warnings of a fit, as lines.
local function warnings(model, a, b, options)
  options = options or {}
  options.verbose = 0
  return t.output("stderr", function() model:fit(a, b, options) end)
end

t.test("labels outside 0..K-1: row, value and cure", function()
  local model = model_of(3, "softmax", "sparse_categorical_crossentropy")
  local outside = "label %d in row %d is outside 0..2, the labels for a last layer of 3 units; "
  fails(model, x, {0, 5, 1}, outside:format(5, 2) .. "give the last layer 6 units")
  fails(model, x, {1, 2, 3}, outside:format(3, 3) .. "labels count from 0: train with y - 1")
  fails(model, x, {0, -1, 1}, "label -1 in row 2 is outside 0..2")
  fails(model, x, {0, 0.5, 1}, "label 0.5 in row 2 is no whole number; labels are 0..2")
  fails(model, x, {{1, 0, 0}, {0, 1, 0}, {0, 0, 1}}, "for one-hot rows use categorical_crossentropy")
  t.output("stderr", function()  -- it warns as well
    fails(model_of(1, "softmax", "sparse_categorical_crossentropy"), x, {0, 1, 0}, "end in one sigmoid unit")
  end)
  fails(model_of(1, "sigmoid", "binary_crossentropy"), x, {0, 1, 2}, "label 2 in row 3 is outside 0..1")
  fails(model_of(3, "softmax", "categorical_crossentropy"), x, {0, 1, 2}, "nn.data.to_categorical(y, 3)")
end)

t.test("labels of the validation part count on", function()
  local model = model_of(2, "softmax", "sparse_categorical_crossentropy")
  t.fails(function() model:fit(x, {0, 1, 7}, {validation_split = 0.34, verbose = 0}) end, "label 7 in row 3")
  t.fails(function() model:fit(x, {0, 1, 1}, {validation_data = {x, {0, 1, 7}}, verbose = 0}) end,
    "fit: validation_data: label 7 in row 3")
end)

t.test("an ignored class is no wrong label", function()
  local loss = nn.losses.SparseCategoricalCrossentropy{ignore_class = -1}
  local model = model_of(3, "softmax", loss)
  model:fit(x, {0, -1, 1}, {verbose = 0})
  model:compile{loss = loss, metrics = {"sparse_top_k_categorical_accuracy", nn.metrics.SparseCategoricalAccuracy{}}}
  local logs = model:evaluate(x, {0, -1, 1}, {verbose = 0, return_dict = true})
  t.close(logs.sparse_top_k_categorical_accuracy, 2 / 3)
end)

t.test("labels by themselves, in losses and metrics: row and value", function()
  local p = nn.tensor{{0.1, 0.9}, {0.8, 0.2}}
  local wrong = {{{0, 5}, "label 5 in row 2 is outside 0..1"}, {{-1, 0}, "label -1 in row 1 is outside 0..1"},
    {{0, 0.5}, "label 0.5 in row 2 is not a whole number"}, {{0, 0 / 0}, "in row 2 is not a whole number"}}
  for _, case in ipairs(wrong) do
    local y = nn.tensor(case[1])
    t.fails(function() nn.losses.SparseCategoricalCrossentropy{}(y, p) end, case[2])
    for _, name in ipairs{"SparseCategoricalAccuracy", "SparseTopKCategoricalAccuracy",
      "SparseCategoricalCrossentropy"} do
      t.fails(function() nn.metrics[name]{}:update_state(y, p) end, case[2])
    end
  end
  local ids = nn.tensor({{0, 1}, {1, 7}}, {dtype = "int64"})
  t.fails(function() nn.metrics.SparseCategoricalAccuracy{}:update_state(ids, nn.zeros(2, 2, 3)) end,
    "SparseCategoricalAccuracy: label 7 in row 2 is outside 0..2")
  t.fails(function() nn.metrics.MeanIoU{num_classes = 2}:update_state({0, 1}, {0, 7}) end,
    "MeanIoU: y_pred: label 7 in row 2 is outside 0..1")
  t.fails(function() nn.metrics.Precision{class_id = 5}:update_state({{0, 1}}, {{0, 1}}) end,
    "Precision: class_id 5 is outside 0..1")
end)

t.test("NaN in sample_weight", function()
  local model = model_of(1, nil, "mse")
  t.fails(function() model:fit(x, {1, 2, 3}, {sample_weight = {1, 0 / 0, 1}, verbose = 0}) end,
    "fit: sample_weight has NaN in row 2")
  t.fails(function() model:fit(x, {1, 2, 3}, {validation_data = {x, {1, 2, 3}, {1, 1, 1 / 0}}, verbose = 0}) end,
    "fit: validation_data: sample_weight has infinity in row 3")
end)

t.test("NaN and infinity: row and column", function()
  local model = model_of(1, "sigmoid", "binary_crossentropy")
  fails(model, {{0, 1}, {0 / 0, 1}, {1, 1}}, {0, 1, 0}, "fit: x has NaN in row 2, column 1")
  fails(model, {{0, 1}, {0, 1}, {1, math.huge}}, {0, 1, 0}, "fit: x has infinity in row 3, column 2")
  fails(model, x, {0, 0 / 0, 0}, "fit: y has NaN in row 2; ")
  local image = model_of(1, nil, "mse", {shape = {2, 2}})
  fails(image, {{{1, 2}, {3, -math.huge}}}, nn.zeros(1, 2, 1), "x has minus infinity in row 1, position {2, 2}")
end)

t.test("activations and losses that do not go together", function()
  t.equal(warnings(model_of(1, "softmax", "binary_crossentropy"), x, {0, 1, 0}),
    "warning: fit: softmax over one unit is always 1; for two classes use sigmoid and binary_crossentropy\n")
  t.equal(warnings(model_of(2, "sigmoid", "sparse_categorical_crossentropy"), x, {0, 1, 0}):find(
    "sparse_categorical_crossentropy after sigmoid: use softmax", 1, true) ~= nil, true)
  t.equal(warnings(model_of(2, "softmax", "binary_crossentropy"), x, {{0, 1}, {1, 0}, {0, 1}}):find(
    "binary_crossentropy after softmax: use categorical_crossentropy", 1, true) ~= nil, true)
  local logits = nn.losses.BinaryCrossentropy{from_logits = true}
  t.equal(warnings(model_of(1, "sigmoid", logits), x, {0, 1, 0}):find("from_logits = true", 1, true) ~= nil, true)
  t.equal(warnings(model_of(1, "sigmoid", "binary_crossentropy"), x, {0, 1, 0}), "")
end)

t.test("inputs that are not scaled, once a fit, and check = false", function()
  local model = model_of(1, "sigmoid", "binary_crossentropy")
  local pixels = nn.tensor{{0, 255}, {3, 7}, {0, 0}}
  local text = warnings(model, pixels, {0, 1, 0}, {epochs = 3})
  t.equal(text:find "x goes from 0 to 255" ~= nil, true)
  t.equal(select(2, text:gsub("\n", "")), 1)
  t.equal(warnings(model, pixels, {0, 1, 0}, {check = false}), "")
  local scaled = nn.Sequential{nn.Rescaling(1 / 255, {input_shape = {2}}), nn.Dense(1)}
  scaled:compile{loss = "mse"}
  t.equal(warnings(scaled, pixels, {0, 1, 0}), "")
end)

t.test("a validation part that lacks a class", function()
  local rows, labels = nn.zeros(10, 2), {0, 1, 2, 0, 1, 2, 0, 1, 0, 1}
  local text = warnings(model_of(3, "softmax", "sparse_categorical_crossentropy"), rows, labels,
    {validation_split = 0.2})
  t.equal(text:find("the last 2 rows, has none of class 2; ", 1, true) ~= nil, true)
  text = warnings(model_of(3, "softmax", "categorical_crossentropy"), rows,
    nn.data.to_categorical(nn.tensor(labels), 3), {validation_split = 0.2})
  t.equal(text:find("none of class 2;", 1, true) ~= nil, true)
  text = warnings(model_of(1, "sigmoid", "binary_crossentropy"), rows, {1, 1, 1, 1, 0, 0, 0, 0, 0, 0},
    {validation_split = 0.5})
  t.equal(text:find("none of class 1;", 1, true) ~= nil, true)
end)

t.test("lengths that differ", function()
  local model = model_of(1, "sigmoid", "binary_crossentropy")
  fails(model, x, {0, 1}, "fit: x has 3 rows, y has 2")
  t.fails(function() model:evaluate(x, {0, 1}, {verbose = 0}) end, "evaluate: x has 3 rows, y has 2")
  t.fails(function() model:fit(x, {0, 1, 1}, {sample_weight = {1}, verbose = 0}) end, "sample_weight has 1")
  fails(model, nn.zeros(0, 2), nn.zeros(0), "fit: x has no rows")
end)

t.test("calls that are not complete", function()
  local model = nn.Sequential{nn.Dense(1)}
  fails(model, x, {0, 1, 0}, "fit: You must call compile() before using the model")
  t.fails(function() model:evaluate(x, x) end, "evaluate: You must call compile() before using the model")
  model:compile{optimizer = "sgd"}
  fails(model, x, {0, 1, 0}, "fit: No loss to compute. Provide a loss in compile()")
  model:compile{loss = "mse"}
  fails(model, nil, nil, "fit: x is missing")
  fails(model, x, nil, "fit: y is missing")
  fails(model, "x", x, 'fit: x must be a tensor; got "x"')
  t.fails(function() model:fit(x, x, {epoch = 3}) end, 'fit: unknown option "epoch"; did you mean "epochs"?')
  t.fails(function() model:fit(x, x, {batch_size = 0}) end, "fit: batch_size must be an integer >= 1; got 0")
  t.fails(function() model:fit(x, x, {callbacks = {3}, verbose = 0}) end, "callbacks: a table with methods")
  t.fails(function() model:compile{loss = "msee"} end, 'did you mean "mse"')
  t.fails(function() model:compile{optimizer = "adan", loss = "mse"} end, 'did you mean "adam"')
  t.fails(function() model:compile{loss = "mse", metrics = {"acuracy"}} end, "acuracy")
  t.fails(function() nn.Sequential():predict(x) end, "predict: the model has no layers")
end)

t.test("a dot where a colon belongs", function()
  local model = model_of(1, nil, "mse")
  for _, name in ipairs{"fit", "evaluate", "predict", "predict_classes", "compile", "summary", "add", "get_weights",
    "train_on_batch", "test_on_batch", "predict_on_batch", "build", "set_weights", "count_params", "parameters", "pop",
    "get_layer"} do
    t.fails(function() model[name](x, x) end, ("%s: call it with a colon, model:%s(...)"):format(name, name))
  end
end)

t.test("data of another width", function()
  local model = model_of(1, nil, "mse")
  t.fails(function() model:predict(nn.zeros(3, 5)) end, "{3, 5}")
  t.fails(function() model:fit(nn.zeros(3, 5), nn.zeros(3), {verbose = 0}) end, "{3, 5}")
end)

t.test("mistakes that were silent are errors", function()
  t.fails(function() nn.Sequential{nn.Dense(2), nil, nn.Dense(3)} end, "Sequential: layer 2 is nil")
  local model = model_of(3, "softmax", "sparse_categorical_crossentropy")
  local function fit(options) return function() model:fit(x, {0, 1, 2}, options) end end
  t.fails(fit{class_weight = {1, 2, 3}, verbose = 0}, "fit: class_weight names label 3, outside 0..2")
  t.fails(fit{class_weight = {[1] = 0 / 0}, verbose = 0}, "fit: class_weight of label 1")
  t.fails(fit{verbose = 7}, "verbose must be 0, 1, 2")
  t.fails(function() nn.Dense(8)(3) end, "Dense: expected a tensor; got 3")
  t.fails(function() nn.Dense(2)() end, "Dense: expected a tensor; got nil")
  t.fails(function() nn.metrics.BinaryAccuracy{}:update_state(x) end, "update_state: y_pred must be a tensor; got nil")
  t.fails(function() model_of(1, nil, "mse"):predict_classes(x) end, 'activation = "sigmoid"')
end)

t.test("optimizers and callbacks that are called or written wrongly", function()
  local sgd, w = nn.optimizers.SGD{}, nn.ones(2)
  t.fails(function() sgd.step{w} end, "step: call it with a colon, optimizer:step(...)")
  t.fails(function() sgd:step() end, "step: parameters must be a list of tensors; got nil")
  t.fails(function() sgd:step(w) end, "step: parameters must be a list of tensors; got a tensor {2}")
  t.fails(function() nn.optimizers.SGD{lr = 1} end, 'did you mean "learning_rate"?')
  local model = model_of(1, nil, "mse")
  local function fit(callback)
    return function() model:fit(x, {0, 1, 2}, {verbose = 0, callbacks = {callback}}) end
  end
  t.fails(fit{on_epoch_end = 3}, "fit: callback on_epoch_end must be a function; got 3")
  t.fails(fit{on_epoch_end = print, on_epoch_ends = print}, 'did you mean "on_epoch_end"?')
end)
